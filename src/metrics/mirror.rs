//! Metrics of the mirror of a directory.

use std::time::Duration;

use prometheus::{Gauge, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use super::MetricsError;
use crate::directory::ldap::mirror::{MirrorReading, MirrorState};

/// What is read off at each scrape; all zero, and the age NaN, without a mirror.
pub(super) struct MirrorGauges {
    age: Gauge,
    state: IntGaugeVec,
    accounts: IntGauge,
    not_understood: IntGauge,
    changes: IntCounter,
    loads: IntCounter,
    failures: IntCounter,
}

const STATES: [(MirrorState, &str); 4] = [
    (MirrorState::Loading, "loading"),
    (MirrorState::Current, "current"),
    (MirrorState::Away, "away"),
    (MirrorState::TooOld, "too-old"),
];

impl MirrorGauges {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let gauge = |name, help| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        let counter = |name, help| {
            let counter = IntCounter::new(name, help)?;
            registry
                .register(Box::new(counter.clone()))
                .map(|()| counter)
        };
        let age = "Seconds since the directory was last heard of; NaN before all was read";
        let age = Gauge::new("mirror_age_seconds", age)?;
        registry.register(Box::new(age.clone()))?;
        let state = Opts::new("mirror_state", "1 at the state that the mirror is in");
        let state = IntGaugeVec::new(state, &["state"])?;
        registry.register(Box::new(state.clone()))?;
        let gauges = Self {
            age,
            state,
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
        };
        gauges.set(None);
        Ok(gauges)
    }

    pub(super) fn set(&self, reading: Option<&MirrorReading>) {
        for (state, label) in STATES {
            let is_in = reading.is_some_and(|reading| reading.state == state);
            self.state.with_label_values(&[label]).set(i64::from(is_in));
        }
        let age = reading.and_then(|reading| reading.age);
        self.age
            .set(age.as_ref().map_or(f64::NAN, Duration::as_secs_f64));
        let Some(reading) = reading else {
            return;
        };
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.accounts.set(count(reading.accounts));
        self.not_understood.set(count(reading.not_understood));
        raise(&self.changes, reading.changes);
        raise(&self.loads, reading.loads);
        raise(&self.failures, reading.failures);
    }
}

fn raise(counter: &IntCounter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}
