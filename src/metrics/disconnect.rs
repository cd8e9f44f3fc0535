//! Metrics of sessions that were to end, or to be moved.

use prometheus::{IntCounter, Opts, Registry};

use super::{Counters, MetricsError};

/// Outcomes, and answers that were not believed.
pub(super) struct DisconnectMetrics {
    ends: Counters,
    vlan_changes: Counters,
    refused_answers: IntCounter,
}

impl DisconnectMetrics {
    pub(super) fn new(
        registry: &Registry,
        outcomes: &[&'static str],
    ) -> Result<Self, MetricsError> {
        let ends = Opts::new("disconnects_total", "Sessions that were to end, by outcome");
        let vlan_changes = Opts::new(
            "vlan_changes_total",
            "Sessions that were to be moved to another VLAN, by outcome",
        );
        let refused_answers = IntCounter::new(
            "disconnect_answers_refused_total",
            "Answers of NASes to Disconnect and CoA that were not authentic, or not of now",
        )?;
        registry.register(Box::new(refused_answers.clone()))?;
        Ok(Self {
            ends: Counters::new(registry, ends, "outcome", outcomes)?,
            vlan_changes: Counters::new(registry, vlan_changes, "outcome", outcomes)?,
            refused_answers,
        })
    }

    pub(super) fn ended(&self, outcome: &str) {
        self.ends.of(outcome).inc();
    }

    pub(super) fn moved(&self, outcome: &str) {
        self.vlan_changes.of(outcome).inc();
    }

    pub(super) fn answer_refused(&self) {
        self.refused_answers.inc();
    }
}
