//! Load generator for RADIUS servers: thousands of log-ons, each answer checked.
//!
//! ```text
//! plan (scenario, users) -> workers (arrivals -> login -> sockets) -> stats -> report
//! ```
//!
//! The plan holds users, methods, rates and addresses. Each worker thread acts as several access
//! points with a socket each: it starts its share of the log-ons, retransmits lost requests, and
//! verifies authenticators, Message-Authenticator, MS-CHAP2-Success and MPPE keys. An Access-Accept
//! for a wrong password counts as wrong, and so does an Access-Reject for a right one.

mod arrivals;
mod error;
mod login;
mod options;
mod plan;
pub mod process;
mod random;
pub mod report;
mod scenario;
mod sockets;
mod stats;
mod tls;
mod users;
mod worker;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use plan::{Phase, Plan};
use process::Usage;
use stats::Stats;
use worker::{Progress, Worker, WorkerShare};

pub use error::LoadError;
pub use options::Options;
pub use report::Report;

/// Result of a phase.
pub(crate) struct PhaseResult {
    /// Label of the plan.
    pub label: &'static str,
    /// From the start of the phase until its last log-on ended.
    pub took: Duration,
    /// Statistics of each class, in the order of the plan.
    pub stats: Vec<(plan::Class, Stats)>,
    /// Use of CPU and memory by the server, if its process is known.
    pub server: Option<ServerUsage>,
}

/// CPU time and memory that the server used during a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerUsage {
    /// CPU time.
    pub cpu: Duration,
    /// Resident memory before, in octets.
    pub resident_before: u64,
    /// Resident memory after, in octets.
    pub resident_after: u64,
}

/// Runs all phases, one after the other. `tell` is called some times a second with the phase's
/// label, its log-ons that have ended and those that ended wrongly.
fn run(
    plan: &Plan,
    mut tell: impl FnMut(&'static str, u64, u64),
) -> Result<Vec<PhaseResult>, LoadError> {
    let threads = plan.threads.clamp(1, plan.users.len().max(1));
    let share = |number| WorkerShare {
        number,
        of: threads,
    };
    let workers = (0..threads).map(|number| Worker::new(plan, share(number)));
    let mut workers = workers.collect::<Result<Vec<_>, _>>()?;
    let phases = plan.phases.iter();
    phases
        .map(|phase| run_phase(plan, phase, &mut workers, &mut tell))
        .collect()
}

fn run_phase<'a>(
    plan: &'a Plan,
    phase: &'a Phase,
    workers: &mut [Worker<'a>],
    tell: &mut impl FnMut(&'static str, u64, u64),
) -> Result<PhaseResult, LoadError> {
    let before = usage(plan)?;
    let began = Instant::now();
    let progress = &Progress::default();
    let stats = std::thread::scope(|scope| {
        let run = |worker| scope.spawn(move || Worker::run(worker, phase, began, progress));
        let running: Vec<_> = workers.iter_mut().map(run).collect();
        while !running
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            std::thread::sleep(Duration::from_millis(50));
            let [ended, wrong] = [&progress.ended, &progress.wrong];
            tell(
                phase.label,
                ended.load(Ordering::Relaxed),
                wrong.load(Ordering::Relaxed),
            );
        }
        let ended = running.into_iter().map(|worker| worker.join());
        ended.collect::<Result<Vec<_>, _>>()
    });
    let took = began.elapsed();
    let after = usage(plan)?;
    let mut sums: Vec<_> = phase.classes.iter().map(|_| Stats::default()).collect();
    for stats in stats.map_err(|_| LoadError::Panicked)? {
        for (sum, stats) in sums.iter_mut().zip(stats?) {
            sum.add(&stats);
        }
    }
    Ok(PhaseResult {
        label: phase.label,
        took,
        stats: phase.classes.iter().cloned().zip(sums).collect(),
        server: before.zip(after).map(|(before, after)| ServerUsage {
            cpu: after.cpu.saturating_sub(before.cpu),
            resident_before: before.resident,
            resident_after: after.resident,
        }),
    })
}

fn usage(plan: &Plan) -> Result<Option<Usage>, LoadError> {
    let Some(pid) = plan.server_pid else {
        return Ok(None);
    };
    let usage = process::usage(pid).map_err(|error| LoadError::Process(pid, error))?;
    Ok(Some(usage))
}
