//! Passwords in clear text become hashes, on all cores: Argon2id makes one wait for each.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, available_parallelism};

use crossbeam_channel::{Sender, unbounded};
use portvakt_auth::account::Account;
use portvakt_auth::password::{HashError, HashMemory};

use super::super::FindError;
use super::super::account_facts::{AccountFacts, HashCleartext};
use super::{Existing, Placed, Progress};

/// One password to be hashed.
struct Job<'d> {
    index: usize,
    draft: &'d mut AccountFacts,
    existing: Option<Arc<Account>>,
}

/// Its outcome.
type Outcome = (usize, Result<(), HashError>);

/// Hashes the passwords of all drafts that are in clear text. Returns those that can't be hashed,
/// by their index, in order.
pub(super) fn hash_all(
    drafts: &mut [Placed],
    existing: Existing<'_>,
    hash: HashCleartext<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<(usize, HashError)>, FindError> {
    let jobs = jobs(drafts, existing)?;
    let total = jobs.len();
    let jobs = Mutex::new(jobs.into_iter());
    let (tell, told) = unbounded();
    let mut refused = std::thread::scope(|scope| {
        let cores = available_parallelism().map_or(1, usize::from);
        let helped = (0..cores.min(total)).filter(|_| {
            let tell = tell.clone();
            let worker = Builder::new().name("import".to_owned());
            worker
                .spawn_scoped(scope, || work(&jobs, hash, tell))
                .is_ok()
        });
        if helped.count() == 0 {
            work(&jobs, hash, tell.clone());
        }
        drop(tell);
        let told = told.iter().enumerate();
        let refused = told.filter_map(|(done, (index, outcome))| {
            let done = done + 1;
            progress(Progress::Hashing { done, total });
            Some((index, outcome.err()?))
        });
        refused.collect::<Vec<_>>()
    });
    refused.sort_unstable_by_key(|(index, _)| *index);
    Ok(refused)
}

fn jobs<'d>(drafts: &'d mut [Placed], existing: Existing<'_>) -> Result<Vec<Job<'d>>, FindError> {
    let cleartext = drafts.iter_mut().enumerate();
    let cleartext = cleartext.filter(|(_, placed)| placed.draft.is_cleartext());
    let job = |(index, Placed { draft, .. }): (usize, &'d mut Placed)| {
        let existing = existing.account(draft.id())?;
        Ok(Job {
            index,
            draft,
            existing,
        })
    };
    cleartext.map(job).collect()
}

/// Takes one after the other until none is left.
fn work<'d>(
    jobs: &Mutex<impl Iterator<Item = Job<'d>>>,
    hash: HashCleartext<'_>,
    tell: Sender<Outcome>,
) {
    let mut scratch = HashMemory::new();
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some(job) = next() {
        let existing = job.existing.as_deref();
        let outcome = job.draft.hash_cleartext(existing, hash, &mut scratch);
        // The other end waits until all have told.
        let _ = tell.send((job.index, outcome));
    }
}
