//! Decides which live sessions are to end, on a thread of its own.
//!
//! ```text
//!  State::invalidate(account) ── ChangedAccounts ──┐ at once
//!                                                  ├─> account looked up anew ─> rules ─> Disconnector
//!  every live account, once a minute, spread ──────┘ in turn
//! ```
//!
//! The sweep is for what only the clock closes (a term's deadline, the day somebody leaves, the start
//! of a suspension) and for directories that tell of no changes. A directory that does not answer ends
//! no session: what is not known is not judged. Accounts that are unknown are believed gone while they
//! are few ([`UnknownAccounts`]).
//!
//! Asked are the rules of the account alone, [`session_refusal`]: neither the age of the password nor
//! the lock after failed log-ons ends a session.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portvakt_accounting::Session;
use portvakt_accounting::disconnect::Authorization;
use portvakt_auth::{Account, AccountId, Refusal, session_refusal};
use portvakt_directory::{Found, LookupResult};

use super::unknown_accounts::UnknownAccounts;
use crate::disconnect::{Cause, Urgency, Wanted};
use crate::policy::Policy;
use crate::state::State;

/// Every live account is judged this often.
const SWEEP: Duration = Duration::from_secs(60);
/// Parts of a sweep.
const PARTS: u32 = 60;
/// Accounts of a part for which a directory is asked; with more than 30,000 live accounts that no
/// mirror holds a sweep takes longer than a minute.
const MOST_ASKED: usize = 500;
/// Questions to directories at once.
const MOST_AT_ONCE: usize = 32;

/// The thread. Dropping it does not end it: [`Judge::stop`] does.
pub struct Judge {
    state: Arc<State>,
    thread: JoinHandle<()>,
}

impl Judge {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(state: Arc<State>) -> std::io::Result<Self> {
        let own = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("judge".to_owned());
        let thread = thread.spawn(move || run(&own))?;
        Ok(Self { state, thread })
    }

    /// Ends it, after the account that it is at.
    pub fn stop(self) {
        self.state.changed_accounts.close();
        if self.thread.join().is_err() {
            tracing::error!("the thread that judges sessions had panicked");
        }
    }
}

fn run(state: &Arc<State>) {
    let judging = Judging {
        state: Arc::clone(state),
        places: Arc::default(),
        unknown: Arc::default(),
    };
    let mut sweep = Sweep::new(state.clock.instant());
    while let Some(changed) = state.changed_accounts.take(SWEEP / PARTS) {
        for account in changed {
            guarded(|| {
                judging.judge(&account, Urgency::Now);
            });
        }
        guarded(|| sweep.part(&judging));
    }
}

/// A fault with one account leaves the others judged.
fn guarded(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!("judging sessions panicked; the next account is judged");
    }
}

/// Live accounts on their turn.
struct Sweep {
    waiting: VecDeque<AccountId>,
    /// Accounts of each part of the sweep under way.
    size: usize,
    next_sweep: Instant,
    next_part: Instant,
}

impl Sweep {
    fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            size: 0,
            next_sweep: now,
            next_part: now,
        }
    }

    /// Judges the accounts of this second, if their time has come.
    fn part(&mut self, judging: &Judging) {
        let now = judging.state.clock.instant();
        if now < self.next_part {
            return;
        }
        self.next_part = now + SWEEP / PARTS;
        if self.waiting.is_empty() && now >= self.next_sweep {
            self.begin(judging, now);
        }
        let mut asked = 0;
        for _ in 0..self.size {
            let Some(account) = self.waiting.pop_front() else {
                return;
            };
            asked += usize::from(judging.judge(&account, Urgency::InTurn));
            if asked >= MOST_ASKED {
                return;
            }
        }
    }

    fn begin(&mut self, judging: &Judging, now: Instant) {
        let state = &judging.state;
        self.next_sweep = now + SWEEP;
        self.waiting = state.store.live().accounts().into();
        if let Some(unknown) = judging.unknown.begin_sweep(self.waiting.len()) {
            tracing::warn!(
                unknown,
                live = self.waiting.len(),
                "so many accounts with live sessions are unknown to their directory that none is \
                 believed gone and no session ended for it: look at its search base and filter"
            );
        }
        self.size = self.waiting.len().div_ceil(PARTS as usize);
        let live = state.store.live().filter(|_| true);
        let live: std::collections::HashSet<_> = live.iter().map(|session| session.id).collect();
        state.disconnector.retain(|session| live.contains(&session));
    }
}

/// State of the thread that answers of directories need too.
struct Judging {
    state: Arc<State>,
    places: Arc<Places>,
    unknown: Arc<UnknownAccounts>,
}

impl Judging {
    /// Judges the sessions of one account; whether a directory had to be asked. Waits for a place
    /// where it is.
    fn judge(&self, account: &AccountId, urgency: Urgency) -> bool {
        let state = &self.state;
        if !state.store.live().has_account(account) {
            return false;
        }
        let policy = state.policy.load();
        let Some(source) = policy.sources.of_account(account) else {
            return false;
        };
        let name = source.directory.naming().plain(account);
        match source.directory.find(name, None) {
            Found::Account(found) => {
                conclude(state, &self.unknown, account, Ok(Some(found)), urgency);
                false
            }
            Found::Unknown => {
                conclude(state, &self.unknown, account, Ok(None), urgency);
                false
            }
            Found::Pending(question) => {
                let place = Places::take(&self.places);
                let (state, unknown) = (Arc::clone(state), Arc::clone(&self.unknown));
                let account = account.clone();
                question.start(Instant::now(), move |answer| {
                    conclude(&state, &unknown, &account, answer, urgency);
                    drop(place);
                });
                true
            }
        }
    }
}

/// Ends the sessions of an account that the rules close. A directory's failure ends none.
pub(crate) fn conclude(
    state: &State,
    unknown: &UnknownAccounts,
    id: &AccountId,
    answer: LookupResult,
    urgency: Urgency,
) {
    let found = match answer {
        // Another account has the name by now.
        Ok(found) => found.filter(|account| account.id == *id),
        Err(error) => {
            tracing::debug!(account = id.as_str(), %error, "sessions not judged");
            return;
        }
    };
    if found.is_none() && !unknown.believes(id, urgency) {
        return;
    }
    let policy = state.policy.load();
    for session in state.store.live().of_account(id) {
        if let Some(refusal) = refusal(state, &policy, &session, found.as_deref()) {
            end(state, &policy, &session, refusal, urgency);
        }
    }
}

/// Why a session is to end, by the service that it is of.
fn refusal(
    state: &State,
    policy: &Policy,
    session: &Session,
    account: Option<&Account>,
) -> Option<Refusal> {
    let Some(account) = account else {
        return Some(Refusal::UnknownUser);
    };
    let service = session.facts.service.text()?;
    let rules = policy.sources.rules(&account.id);
    let now = state.clock.now().utc;
    let registry = state.registry.of(account);
    session_refusal(registry.subject(account), service, rules, now)
        .or_else(|| policy.check_kind(account, service).err())
}

/// A client without `disconnect` is left alone: its sessions run to their timeout.
fn end(state: &State, policy: &Policy, session: &Arc<Session>, refusal: Refusal, urgency: Urgency) {
    let source = session.facts.source.get();
    let client = source.and_then(|source| policy.clients.find(source.ip()));
    let Some(client) = client.filter(|client| client.disconnect.is_some()) else {
        return;
    };
    let wanted = Wanted {
        change: Authorization::End,
        cause: Cause::Closed(refusal.code()),
        urgency,
        done: None,
    };
    state.disconnector.ask(session, Some(client), wanted);
}

/// Places for questions to directories.
#[derive(Default)]
struct Places {
    taken: Mutex<usize>,
    freed: Condvar,
}

/// One of them; given back when it is dropped.
struct Place(Arc<Places>);

impl Places {
    /// Waits for a place. A directory answers each question within its own deadline.
    fn take(places: &Arc<Self>) -> Place {
        let taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |taken: &mut usize| *taken >= MOST_AT_ONCE;
        let waited = places.freed.wait_while(taken, is_full);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
        Place(Arc::clone(places))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = taken.saturating_sub(1);
        self.0.freed.notify_one();
    }
}
