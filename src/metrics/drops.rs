//! Counters of unanswered requests, by client and reason.

use std::sync::{Arc, OnceLock};

use prometheus::{IntCounter, IntCounterVec};

use super::{MetricsError, OTHER};

/// The label `client` of drops that are no client's.
pub(super) const NO_CLIENT: &str = "";

/// The reasons that equipment of one's own gives, there at zero for each client from the start. The
/// others appear with their first drop: many clients times all reasons would be a long page.
pub(super) const FORESEEN_DROPS: &[&str] = &[
    "message-authenticator-missing",
    "message-authenticator-wrong",
    "unexpected-code",
];

/// The drops of one client. Counting takes no lock, once a reason was there.
pub(super) struct Drops {
    family: IntCounterVec,
    client: String,
    reasons: Arc<[&'static str]>,
    /// One for each reason.
    counters: Box<[OnceLock<IntCounter>]>,
    other: OnceLock<IntCounter>,
}

impl Drops {
    /// Counters of `client` for the closed list of `reasons`; those of `from_start` are there at
    /// once.
    pub(super) fn new(
        family: &IntCounterVec,
        client: &str,
        reasons: &Arc<[&'static str]>,
        from_start: &[&str],
    ) -> Result<Self, MetricsError> {
        for reason in from_start {
            family.get_metric_with_label_values(&[client, reason])?;
        }
        Ok(Self {
            family: family.clone(),
            client: client.to_owned(),
            counters: reasons.iter().map(|_| OnceLock::new()).collect(),
            reasons: Arc::clone(reasons),
            other: OnceLock::new(),
        })
    }

    pub(super) fn count(&self, reason: &str) {
        let mut known = self.reasons.iter().zip(&self.counters);
        let known = known.find(|(known, _)| **known == reason);
        let (label, counter) = known.map_or((OTHER, &self.other), |(label, of)| (*label, of));
        let make = || self.family.with_label_values(&[&self.client, label]);
        counter.get_or_init(make).inc();
    }
}
