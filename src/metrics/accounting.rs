//! Metrics of accounting.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};

use super::{MetricsError, OTHER};

/// From an idle disk to the patience of a NAS, in seconds.
const STORE_BUCKETS: &[f64] = &[
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// Acct-Status-Type, as far as it is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountingKind {
    /// Start.
    Start,
    /// Interim-Update.
    Interim,
    /// Stop.
    Stop,
    /// Accounting-On.
    On,
    /// Accounting-Off.
    Off,
    /// Any other.
    Other,
}

/// Result of an Accounting-Request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountingResult {
    /// Stored and answered.
    Stored,
    /// It told nothing new, and was answered.
    Repeated,
    /// Answered, and not kept: of a federation peer, or of a kind that tells of no session.
    Discarded,
    /// Not stored and not answered.
    NotStored,
}

impl AccountingKind {
    const ALL: [Self; 6] = [
        Self::Start,
        Self::Interim,
        Self::Stop,
        Self::On,
        Self::Off,
        Self::Other,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Interim => "interim",
            Self::Stop => "stop",
            Self::On => "on",
            Self::Off => "off",
            Self::Other => OTHER,
        }
    }
}

impl AccountingResult {
    const ALL: [Self; 4] = [
        Self::Stored,
        Self::Repeated,
        Self::Discarded,
        Self::NotStored,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Repeated => "repeated",
            Self::Discarded => "discarded",
            Self::NotStored => "not-stored",
        }
    }
}

/// Counters of Accounting-Requests, and the time until they are on disk.
pub(super) struct AccountingMetrics {
    requests: Vec<IntCounter>,
    store_time: Histogram,
}

impl AccountingMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let opts = Opts::new(
            "accounting_requests_total",
            "Accounting-Requests by Acct-Status-Type and what became of them",
        );
        let family = IntCounterVec::new(opts, &["status", "result"])?;
        registry.register(Box::new(family.clone()))?;
        let mut requests = Vec::new();
        for kind in AccountingKind::ALL {
            for result in AccountingResult::ALL {
                let labels = [kind.label(), result.label()];
                requests.push(family.get_metric_with_label_values(&labels)?);
            }
        }
        let help = "From an Accounting-Request until it is on disk";
        let opts = HistogramOpts::new("accounting_store_seconds", help);
        let store_time = Histogram::with_opts(opts.buckets(STORE_BUCKETS.to_vec()))?;
        registry.register(Box::new(store_time.clone()))?;
        Ok(Self {
            requests,
            store_time,
        })
    }

    pub(super) fn count(&self, kind: AccountingKind, result: AccountingResult) {
        let place = kind as usize * AccountingResult::ALL.len() + result as usize;
        if let Some(counter) = self.requests.get(place) {
            counter.inc();
        }
    }

    pub(super) fn stored_after(&self, time: Duration) {
        self.store_time.observe(time.as_secs_f64());
    }
}
