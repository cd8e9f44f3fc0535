//! Report of a run, as text, as JSON and as a page of HTML.

mod charts;
mod html;
mod text;

use std::collections::BTreeMap;

use hdrhistogram::{Counter, Histogram};
use serde::Serialize;

use crate::stats::{Second, Stats};
use crate::{PhaseResult, ServerUsage};

/// The figures of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The server's address and port.
    pub server: String,
    /// Title of the report.
    pub title: String,
    /// When the run ended, UTC.
    pub time: jiff::Timestamp,
    /// Phases in their order.
    pub phases: Vec<PhaseReport>,
}

/// The figures of a phase.
#[derive(Debug, Serialize)]
pub struct PhaseReport {
    /// Label of the phase.
    pub phase: &'static str,
    /// From the start of the phase until its last log-on ended.
    pub seconds: f64,
    /// Classes that ran at the same time.
    pub classes: Vec<ClassReport>,
    /// CPU time and memory of the server, if its process is known.
    pub server_process: Option<ProcessReport>,
}

/// The figures of a class.
#[derive(Debug, Serialize)]
pub struct ClassReport {
    /// Label of the class.
    pub class: &'static str,
    /// Method of its log-ons.
    pub method: &'static str,
    /// Log-ons started.
    pub begun: u64,
    /// Log-ons that ended as they should.
    pub right: u64,
    /// Of those, accepted.
    pub accepted: u64,
    /// Of those, on a resumed TLS session.
    pub resumed: u64,
    /// Log-ons a second that ended as they should.
    pub per_second: f64,
    /// Log-ons that ended as they should not, by reason.
    pub wrong: BTreeMap<&'static str, u64>,
    /// Requests sent, without retransmissions.
    pub requests: u64,
    /// Retransmissions.
    pub retransmissions: u64,
    /// Discarded replies, by reason.
    pub discarded: BTreeMap<&'static str, u64>,
    /// Latency of log-ons that ended as they should.
    pub latency: Latency,
    /// Distribution of the latency: share of log-ons (0 to 1), latency in microseconds.
    pub curve: Vec<(f64, u64)>,
    /// An entry for each second; the last second is not a whole one.
    pub timeline: Vec<SecondReport>,
}

/// Percentiles of a latency, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Median.
    pub p50_us: u64,
    /// 90th percentile.
    pub p90_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// 99.9th percentile.
    pub p999_us: u64,
    /// Maximum.
    pub max_us: u64,
}

/// Figures of one second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SecondReport {
    /// Number of the second since the phase began, from 0.
    pub second: usize,
    /// Log-ons that ended in it.
    pub ended: u64,
    /// Of those, wrong ones.
    pub wrong: u64,
    /// Median latency, in microseconds.
    pub p50_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
}

/// CPU time and memory of the server in a phase.
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
    /// Report of `results`, which ended at `now`.
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
    let ended = |stats: &Stats| stats.right + stats.wrongs();
    let log_ons = result.stats.iter().map(|(_, stats)| ended(stats)).sum();
    PhaseReport {
        phase: result.label,
        seconds,
        classes: result
            .stats
            .iter()
            .map(|(plan, stats)| class(plan.label, plan.method.label(), stats, seconds))
            .collect(),
        server_process: result.server.map(|usage| process(&usage, log_ons)),
    }
}

fn class(label: &'static str, method: &'static str, stats: &Stats, seconds: f64) -> ClassReport {
    ClassReport {
        class: label,
        method,
        begun: stats.begun,
        right: stats.right,
        accepted: stats.accepted,
        resumed: stats.resumed,
        per_second: quotient(stats.right, seconds),
        wrong: stats.wrong.clone(),
        requests: stats.requests,
        retransmissions: stats.retransmissions,
        discarded: stats.discarded.clone(),
        latency: latency(&stats.latency),
        curve: curve(&stats.latency),
        timeline: stats.seconds.iter().enumerate().map(second).collect(),
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

fn second((second, of): (usize, &Second)) -> SecondReport {
    SecondReport {
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
