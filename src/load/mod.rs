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
mod lanes;
pub mod people;
pub mod plan;
pub mod process;
pub mod report;
pub mod scenario;
pub mod tally;
pub mod tls;
mod visit;
mod worker;

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use plan::{Phase, Plan};
use process::Usage;
use tally::Tally;
use worker::{Progress, Share, Worker};

/// What came of a phase.
pub struct PhaseResult {
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
pub struct ServerUsage {
    /// CPU time.
    pub cpu: Duration,
    /// Resident memory before, in octets.
    pub resident_before: u64,
    /// Resident memory after.
    pub resident_after: u64,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The network or the system refuses.
    #[error("the requests can't be sent: {0}")]
    Io(#[from] io::Error),
    /// No such process.
    #[error("the server's process {pid} can't be read: {error}")]
    Process {
        /// As given.
        pid: u32,
        /// What the system said.
        error: io::Error,
    },
    /// A bug of ours.
    #[error("a sending thread panicked")]
    Panicked,
}

/// Runs all phases. `tell` is called some times a second with what has ended and what went wrong
/// so far in the phase of that index.
///
/// # Errors
/// [`RunError`].
pub fn run(
    plan: &Plan,
    mut tell: impl FnMut(usize, u64, u64),
) -> Result<Vec<PhaseResult>, RunError> {
    let threads = plan.threads.clamp(1, plan.people.len().max(1));
    let progress: Vec<Progress> = plan.phases.iter().map(|_| Progress::default()).collect();
    let mut workers = Vec::new();
    for number in 0..threads {
        let share = Share {
            number,
            of: threads,
        };
        workers.push(Worker::new(plan, share)?);
    }
    let mut results = Vec::new();
    for (index, phase) in plan.phases.iter().enumerate() {
        let now = progress.get(index);
        let tell = |now: &Progress| {
            let (ended, wrong) = (&now.ended, &now.wrong);
            tell(
                index,
                ended.load(Ordering::Relaxed),
                wrong.load(Ordering::Relaxed),
            );
        };
        if let Some(now) = now {
            results.push(run_phase(plan, phase, &mut workers, now, tell)?);
        }
    }
    Ok(results)
}

fn run_phase<'a>(
    plan: &'a Plan,
    phase: &'a Phase,
    workers: &mut [Worker<'a>],
    progress: &Progress,
    mut tell: impl FnMut(&Progress),
) -> Result<PhaseResult, RunError> {
    let before = usage(plan)?;
    let began = Instant::now();
    let tallies = std::thread::scope(|scope| {
        let run = |worker| scope.spawn(move || Worker::run(worker, phase, began, progress));
        let running: Vec<_> = workers.iter_mut().map(run).collect();
        while !running
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            std::thread::sleep(Duration::from_millis(50));
            tell(progress);
        }
        let ended = running.into_iter().map(|worker| worker.join());
        ended.collect::<Result<Vec<_>, _>>()
    });
    let took = began.elapsed();
    let after = usage(plan)?;
    let mut sums: Vec<_> = phase.classes.iter().map(|_| Tally::default()).collect();
    for tallies in tallies.map_err(|_| RunError::Panicked)? {
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

fn usage(plan: &Plan) -> Result<Option<Usage>, RunError> {
    let Some(pid) = plan.server_pid else {
        return Ok(None);
    };
    let usage = process::usage(pid).map_err(|error| RunError::Process { pid, error })?;
    Ok(Some(usage))
}
