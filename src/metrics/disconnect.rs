//! Metrics of sessions that were to end.

use prometheus::{IntCounter, Opts, Registry};

use super::{Counters, MetricsError};

/// Outcomes, and answers that were not believed.
pub(super) struct DisconnectMetrics {
    outcomes: Counters,
    refused_answers: IntCounter,
}

impl DisconnectMetrics {
    pub(super) fn new(
        registry: &Registry,
        outcomes: &[&'static str],
    ) -> Result<Self, MetricsError> {
        let opts = Opts::new("disconnects_total", "Sessions that were to end, by outcome");
        let refused_answers = IntCounter::new(
            "disconnect_answers_refused_total",
            "Answers of NASes to Disconnect and CoA that were not authentic, or not of now",
        )?;
        registry.register(Box::new(refused_answers.clone()))?;
        Ok(Self {
            outcomes: Counters::new(registry, opts, "outcome", outcomes)?,
            refused_answers,
        })
    }

    pub(super) fn settled(&self, outcome: &str) {
        self.outcomes.of(outcome).inc();
    }

    pub(super) fn answer_refused(&self) {
        self.refused_answers.inc();
    }
}
