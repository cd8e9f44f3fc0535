//! Metrics of LDAP servers.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::{Counters, Histograms, LATENCY_BUCKETS, MetricsError};

/// LDAP operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryOperation {
    /// Search for an account.
    Search,
    /// Bind to check a password.
    Bind,
}

impl DirectoryOperation {
    const LABELS: [&'static str; 2] = ["search", "bind"];

    fn label(self) -> &'static str {
        let [search, bind] = Self::LABELS;
        match self {
            Self::Search => search,
            Self::Bind => bind,
        }
    }
}

/// Metric families, with children for each server.
pub(super) struct DirectoryFamilies {
    up: IntGaugeVec,
    seconds: HistogramVec,
    failures: IntCounterVec,
}

/// Metrics of one server of a directory.
pub struct ServerMetrics {
    up: IntGauge,
    seconds: Histograms,
    failures: Counters,
}

impl DirectoryFamilies {
    pub(super) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let up = Opts::new("directory_up", "1 while the server can be asked");
        let up = IntGaugeVec::new(up, &["directory", "server"])?;
        registry.register(Box::new(up.clone()))?;
        let seconds = HistogramOpts::new("directory_seconds", "How long the server took to answer")
            .buckets(LATENCY_BUCKETS.to_vec());
        let seconds = HistogramVec::new(seconds, &["directory", "server", "operation"])?;
        registry.register(Box::new(seconds.clone()))?;
        let failures = Opts::new(
            "directory_failures_total",
            "What failed at the server, by kind",
        );
        let failures = IntCounterVec::new(failures, &["directory", "server", "kind"])?;
        registry.register(Box::new(failures.clone()))?;
        Ok(Self {
            up,
            seconds,
            failures,
        })
    }

    pub(super) fn server(
        &self,
        directory: &str,
        server: &str,
        kinds: &[&'static str],
    ) -> Result<ServerMetrics, MetricsError> {
        let [directory, server] = [directory, server].map(str::to_owned);
        let of = |value: &str| [directory.clone(), server.clone(), value.to_owned()];
        let seconds = |operation: &str| self.seconds.get_metric_with_label_values(&of(operation));
        let failures = |kind: &str| self.failures.get_metric_with_label_values(&of(kind));
        Ok(ServerMetrics {
            up: self
                .up
                .get_metric_with_label_values(&[&directory, &server])?,
            seconds: Histograms::of_children(&DirectoryOperation::LABELS, seconds)?,
            failures: Counters::of_children(kinds, failures)?,
        })
    }
}

impl ServerMetrics {
    /// Sets whether the server is reachable.
    pub fn set_up(&self, is_up: bool) {
        self.up.set(i64::from(is_up));
    }

    /// Records the time of an answer, or of a timeout.
    pub fn observe(&self, operation: DirectoryOperation, time: Duration) {
        self.seconds
            .of(operation.label())
            .observe(time.as_secs_f64());
    }

    /// Counts a failure.
    pub fn count_failure(&self, kind: &str) {
        self.failures.of(kind).inc();
    }
}
