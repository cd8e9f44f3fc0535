//! The load harness: log-ons by the thousand against any RADIUS server, each answer checked.
//!
//! ```text
//! plan (scenario, people) -> workers (arrivals -> visit -> lanes) -> tally -> report
//! ```
//!
//! A [`plan::Plan`] says who logs on, how, when and from where. Each worker thread plays access
//! points with sockets of its own, begins log-ons by its share of the arrivals, sends again what
//! is lost, and verifies authenticators, Message-Authenticator, the server's proof and the MPPE
//! keys. A log-on that is let in with a wrong password counts as wrong, as does a refused one with
//! a right password.

mod arrivals;
mod error;
mod lanes;
mod options;
mod people;
mod plan;
pub mod process;
mod random;
pub mod report;
mod scenario;
mod tally;
mod tls;
mod visit;
mod worker;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use plan::{Phase, Plan};
use process::Usage;
use tally::Tally;
use worker::{Progress, Share, Worker};

pub use error::LoadError;
pub use options::Options;
pub use report::Report;

/// What came of a phase.
pub(crate) struct PhaseResult {
    /// As in the plan.
    pub label: &'static str,
    /// From its beginning until its last log-on ended.
    pub took: Duration,
    /// A tally for each class, as in the plan.
    pub tallies: Vec<(plan::Class, Tally)>,
    /// What the server used, where its process is known.
    pub server: Option<ServerUsage>,
}

/// What the server used during a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerUsage {
    /// CPU time.
    pub cpu: Duration,
    /// Resident memory before, in octets.
    pub resident_before: u64,
    /// Resident memory after.
    pub resident_after: u64,
}

/// Runs all phases, one after the other. `tell` is called some times a second with the phase's
/// label, its log-ons that have ended and those that ended wrongly.
fn run(
    plan: &Plan,
    mut tell: impl FnMut(&'static str, u64, u64),
) -> Result<Vec<PhaseResult>, LoadError> {
    let threads = plan.threads.clamp(1, plan.people.len().max(1));
    let share = |number| Share {
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
    let tallies = std::thread::scope(|scope| {
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
    let mut sums: Vec<_> = phase.classes.iter().map(|_| Tally::default()).collect();
    for tallies in tallies.map_err(|_| LoadError::Panicked)? {
        for (sum, tally) in sums.iter_mut().zip(tallies?) {
            sum.add(&tally);
        }
    }
    Ok(PhaseResult {
        label: phase.label,
        took,
        tallies: phase.classes.iter().cloned().zip(sums).collect(),
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
