//! Metrics of mirrors, by the name of the directory.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::MetricsError;

/// Readings of the mirror of a directory.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorReading {
    /// Name of the directory.
    pub directory: String,
    /// State of the mirror.
    pub state: MirrorState,
    /// Time since the last message of the directory; `None` before the first load.
    pub age: Option<Duration>,
    /// Accounts in the mirror.
    pub accounts: usize,
    /// Entries that make no account.
    pub not_understood: usize,
    /// Changed or removed accounts since the start.
    pub changes: u64,
    /// Full loads since the start.
    pub loads: u64,
    /// Failures of the connection since the start.
    pub failures: u64,
}

/// State of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorState {
    /// First load not completed.
    Loading,
    /// Up to date.
    Current,
    /// In use without a connection.
    Away,
    /// Too old to be used.
    TooOld,
}

/// Gauges and counters of mirrors; directories without one have none.
pub(super) struct MirrorGauges {
    age: GaugeVec,
    state: IntGaugeVec,
    accounts: IntGaugeVec,
    not_understood: IntGaugeVec,
    changes: IntCounterVec,
    loads: IntCounterVec,
    failures: IntCounterVec,
}

const STATES: [(MirrorState, &str); 4] = [
    (MirrorState::Loading, "loading"),
    (MirrorState::Current, "current"),
    (MirrorState::Away, "away"),
    (MirrorState::TooOld, "too-old"),
];

const DIRECTORY: &[&str] = &["directory"];

impl MirrorGauges {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let gauge = |name, help| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), DIRECTORY)?;
            registered(registry, gauge)
        };
        let counter = |name, help| {
            let counter = IntCounterVec::new(Opts::new(name, help), DIRECTORY)?;
            registered(registry, counter)
        };
        let age = "Seconds since the directory was last heard of; NaN before all was read";
        let age = GaugeVec::new(Opts::new("mirror_age_seconds", age), DIRECTORY)?;
        let state = Opts::new("mirror_state", "1 at the state that the mirror is in");
        let state = IntGaugeVec::new(state, &["directory", "state"])?;
        Ok(Self {
            age: registered(registry, age)?,
            state: registered(registry, state)?,
            accounts: gauge("mirror_accounts", "Accounts in the mirror")?,
            not_understood: gauge(
                "mirror_not_understood",
                "Entries of the directory that make no account",
            )?,
            changes: counter(
                "mirror_changes_total",
                "Accounts that were changed or removed",
            )?,
            loads: counter("mirror_loads_total", "How often all accounts were read")?,
            failures: counter(
                "mirror_failures_total",
                "How often the way that changes come by was lost or not to be had",
            )?,
        })
    }

    pub(super) fn set(&self, reading: &MirrorReading) {
        let directory = reading.directory.as_str();
        for (state, label) in STATES {
            let is_in = i64::from(reading.state == state);
            self.state.with_label_values(&[directory, label]).set(is_in);
        }
        let of = &[directory];
        let age = reading.age.as_ref();
        self.age
            .with_label_values(of)
            .set(age.map_or(f64::NAN, Duration::as_secs_f64));
        let set = |gauge: &IntGaugeVec, count: usize| {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            gauge.with_label_values(of).set(count);
        };
        set(&self.accounts, reading.accounts);
        set(&self.not_understood, reading.not_understood);
        raise(&self.changes.with_label_values(of), reading.changes);
        raise(&self.loads.with_label_values(of), reading.loads);
        raise(&self.failures.with_label_values(of), reading.failures);
    }
}

fn registered<C>(registry: &Registry, collector: C) -> Result<C, MetricsError>
where
    C: Collector + Clone + 'static,
{
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}
