//! What a run tells: the same figures as text, as JSON, and as one page of HTML.

mod charts;
mod html;
mod text;

use std::collections::BTreeMap;

use hdrhistogram::{Counter, Histogram};
use serde::Serialize;

use crate::tally::{Second, Tally};
use crate::{PhaseResult, ServerUsage};

/// The figures of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The server's address and port.
    pub server: String,
    /// What the server is, if it was said.
    pub title: String,
    /// When the run ended, UTC.
    pub time: jiff::Timestamp,
    /// In their order.
    pub phases: Vec<PhaseReport>,
}

/// The figures of a phase.
#[derive(Debug, Serialize)]
pub struct PhaseReport {
    /// Its name.
    pub phase: &'static str,
    /// From its beginning until its last log-on ended.
    pub seconds: f64,
    /// Side by side.
    pub classes: Vec<ClassReport>,
    /// Where the server's process is known.
    pub server_process: Option<ProcessReport>,
}

/// The figures of a class.
#[derive(Debug, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub class: &'static str,
    /// How it logs on.
    pub method: &'static str,
    /// Log-ons that began.
    pub begun: u64,
    /// Log-ons that ended as they should.
    pub right: u64,
    /// Of those, how many were let in.
    pub accepted: u64,
    /// Of those, how many on a resumed session.
    pub resumed: u64,
    /// Right ones a second.
    pub per_second: f64,
    /// Those that ended as they should not.
    pub wrong: BTreeMap<&'static str, u64>,
    /// Requests sent, without retransmissions.
    pub requests: u64,
    /// Retransmissions.
    pub retransmissions: u64,
    /// Replies thrown away.
    pub discarded: BTreeMap<&'static str, u64>,
    /// Of the right ones.
    pub latency: Latency,
    /// The latency's whole curve: share of log-ons (0 to 1) by latency in microseconds.
    pub curve: Vec<(f64, u64)>,
    /// Second by second.
    pub timeline: Vec<Moment>,
}

/// Latencies in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50_us: u64,
    /// 90 of 100.
    pub p90_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
    /// 999 of 1,000.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// One second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Moment {
    /// Since the phase began.
    pub second: usize,
    /// Log-ons that ended in it.
    pub ended: u64,
    /// Those that ended wrongly.
    pub wrong: u64,
    /// Half of them took no longer, in microseconds.
    pub p50_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
}

/// What the server used.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProcessReport {
    /// CPU seconds.
    pub cpu_seconds: f64,
    /// CPU microseconds for each log-on that ended, right or wrong.
    pub cpu_us_per_log_on: f64,
    /// Resident octets before.
    pub resident_before: u64,
    /// Resident octets after.
    pub resident_after: u64,
}

impl Report {
    /// The figures of `results`; what ended before `now`.
    #[must_use]
    pub(crate) fn new(
        title: String,
        server: std::net::SocketAddr,
        now: jiff::Timestamp,
        results: &[PhaseResult],
    ) -> Self {
        Self {
            server: server.to_string(),
            title,
            time: now,
            phases: results.iter().map(phase).collect(),
        }
    }

    /// Log-ons that ended as they should not.
    #[must_use]
    pub fn wrongs(&self) -> u64 {
        let classes = self.phases.iter().flat_map(|phase| &phase.classes);
        classes.flat_map(|class| class.wrong.values()).sum()
    }
}

fn phase(result: &PhaseResult) -> PhaseReport {
    let seconds = result.took.as_secs_f64();
    let ended = |tally: &Tally| tally.right + tally.wrongs();
    let log_ons = result.tallies.iter().map(|(_, tally)| ended(tally)).sum();
    PhaseReport {
        phase: result.label,
        seconds,
        classes: result
            .tallies
            .iter()
            .map(|(plan, tally)| class(plan.label, plan.method.label(), tally, seconds))
            .collect(),
        server_process: result.server.map(|usage| process(&usage, log_ons)),
    }
}

fn class(label: &'static str, method: &'static str, tally: &Tally, seconds: f64) -> ClassReport {
    ClassReport {
        class: label,
        method,
        begun: tally.begun,
        right: tally.right,
        accepted: tally.accepted,
        resumed: tally.resumed,
        per_second: quotient(tally.right, seconds),
        wrong: tally.wrong.clone(),
        requests: tally.requests,
        retransmissions: tally.retransmissions,
        discarded: tally.discarded.clone(),
        latency: latency(&tally.latency),
        curve: curve(&tally.latency),
        timeline: tally.seconds.iter().enumerate().map(moment).collect(),
    }
}

fn latency<C: Counter>(histogram: &Histogram<C>) -> Latency {
    Latency {
        p50_us: histogram.value_at_quantile(0.5),
        p90_us: histogram.value_at_quantile(0.9),
        p99_us: histogram.value_at_quantile(0.99),
        p999_us: histogram.value_at_quantile(0.999),
        max_us: histogram.max(),
    }
}

fn curve(histogram: &Histogram<u64>) -> Vec<(f64, u64)> {
    let points = histogram.iter_quantiles(5);
    points
        .map(|point| (point.quantile(), point.value_iterated_to()))
        .collect()
}

fn moment((second, of): (usize, &Second)) -> Moment {
    Moment {
        second,
        ended: of.ended,
        wrong: of.wrong,
        p50_us: of.latency.value_at_quantile(0.5),
        p99_us: of.latency.value_at_quantile(0.99),
    }
}

fn process(usage: &ServerUsage, log_ons: u64) -> ProcessReport {
    let cpu_seconds = usage.cpu.as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share needs no more than 53 bits"
    )]
    let log_ons = log_ons.max(1) as f64;
    ProcessReport {
        cpu_seconds,
        cpu_us_per_log_on: cpu_seconds * 1e6 / log_ons,
        resident_before: usage.resident_before,
        resident_after: usage.resident_after,
    }
}

fn quotient(count: u64, seconds: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 53 bits"
    )]
    let count = count as f64;
    if seconds > 0.0 { count / seconds } else { 0.0 }
}
