//! Ends sessions at their NAS, or moves them to another VLAN (RFC 5176): sockets, clock and records around the reducer of
//! [`portvakt_accounting::disconnect`].
//!
//! ```text
//!  ask() ── profile of the client ──> inbox ──> thread: Sender, two sockets ──> NAS
//!   │ the session is under way,                   │
//!   v or was tried lately: nothing                v
//!  done(outcome) <── audit line, counter, LastTries ── outcome: ACK, NAK, no answer, not possible
//! ```
//!
//! An end and a move of one session don't wait for one another: an account that is closed while its
//! session is being moved must not keep it. The thread starts with the first request. Each request that was begun has one
//! outcome, whatever happens to the thread: a `Ticket` that is dropped tells
//! [`Outcome::Interrupted`].

mod changed_accounts;
mod ticket;
mod wire;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use portvakt_accounting::disconnect::{
    Authorization, Job, LastTries, LastTry, MOST_WAITING, NotPossible, Outcome, SessionRequest,
};
use portvakt_accounting::{Session, SessionId};
use portvakt_radius::SharedSecret;

use crate::audit::Audit;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::policy::Client;
pub use changed_accounts::ChangedAccounts;
use ticket::Ticket;
pub use ticket::sentence;

/// Called once, with the outcome, on the thread of the requests.
pub type Done = Box<dyn FnOnce(Outcome) + Send>;

/// Why a session is to end, or to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A rule closes the account, or it is no more: the code of the refusal.
    Closed(&'static str),
    /// A person wants it.
    Act {
        /// The actor.
        who: Box<str>,
        /// The reason given.
        why: Box<str>,
    },
}

/// How soon a session is tried again that was tried before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// At once, unless a try is under way: a person asks, or the account has changed.
    Now,
    /// After a while, longer with each try.
    InTurn,
}

/// A change wanted for a session.
pub struct Wanted {
    /// End or VLAN.
    pub change: Authorization,
    /// Why.
    pub cause: Cause,
    /// How soon after the last try.
    pub urgency: Urgency,
    /// Called with the outcome.
    pub done: Option<Done>,
}

/// Ends and moves sessions. All methods may be called from any thread; none waits.
pub struct Disconnector {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Shared with the thread and the tickets.
pub(in crate::disconnect) struct Shared {
    ends: LastTries,
    moves: LastTries,
    inbox: Mutex<Inbox>,
    waker: OnceLock<mio::Waker>,
    audit: Audit,
    metrics: Arc<Metrics>,
    clock: Clock,
}

/// Jobs on their way to the thread, at most [`MOST_WAITING`].
#[derive(Default)]
struct Inbox {
    jobs: Vec<(SocketAddr, Job<Ticket>)>,
    is_closed: bool,
}

impl Disconnector {
    /// Remembers the tries of so many sessions.
    #[must_use]
    pub fn new(capacity: usize, audit: Audit, metrics: Arc<Metrics>, clock: Clock) -> Self {
        let shared = Shared {
            ends: LastTries::new(capacity),
            moves: LastTries::new(capacity),
            inbox: Mutex::default(),
            waker: OnceLock::new(),
            audit,
            metrics,
            clock,
        };
        Self {
            shared: Arc::new(shared),
            thread: Mutex::new(None),
        }
    }

    /// The last try to end a session.
    #[must_use]
    pub fn last_end(&self, session: SessionId) -> Option<LastTry> {
        self.shared.ends.of(session)
    }

    /// The last try to move a session to another VLAN.
    #[must_use]
    pub fn last_move(&self, session: SessionId) -> Option<LastTry> {
        self.shared.moves.of(session)
    }

    /// Forgets the tries of sessions that are over.
    pub fn retain(&self, is_live: impl Fn(SessionId) -> bool) {
        self.shared.ends.retain(&is_live);
        self.shared.moves.retain(&is_live);
    }

    /// Asks the NAS to end or to move `session`; `client` is the RADIUS client of the NAS by now.
    /// `false` if that is under way already, or was tried too lately for this urgency: then nothing
    /// more happens. The outcome goes to audit log, metrics and `done`.
    pub fn ask(&self, session: &Arc<Session>, client: Option<&Client>, wanted: Wanted) -> bool {
        let (shared, now) = (&self.shared, self.shared.clock.now());
        let tries = shared.tries(&wanted.change);
        let is_urgent = wanted.urgency == Urgency::Now;
        if !tries.begin(session.id, wanted.change.clone(), now, is_urgent) {
            return false;
        }
        let prepared = Prepared::of(session, client, &wanted.change);
        let mut ticket = Ticket::new(Arc::clone(shared), Arc::clone(session), wanted);
        match prepared {
            Ok(prepared) => {
                ticket.secret = Some(prepared.secret);
                let job = Job {
                    token: ticket,
                    request: prepared.request,
                    narrower: prepared.narrower,
                };
                self.send(prepared.to, job);
            }
            Err(why) => ticket.settle(Outcome::NotPossible(why)),
        }
        true
    }

    fn send(&self, to: SocketAddr, job: Job<Ticket>) {
        if let Err(error) = self.start() {
            tracing::error!(%error, "no thread or socket to end sessions with");
            return job.token.settle(Outcome::Interrupted);
        }
        let mut inbox = self.shared.inbox();
        let refused = if inbox.is_closed {
            Outcome::Interrupted
        } else if inbox.jobs.len() >= MOST_WAITING {
            Outcome::QueueFull
        } else {
            inbox.jobs.push((to, job));
            drop(inbox);
            return self.shared.wake();
        };
        drop(inbox);
        job.token.settle(refused);
    }

    /// Starts the thread, once.
    fn start(&self) -> io::Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            *thread = Some(worker::start(Arc::clone(&self.shared))?);
        }
        Ok(())
    }

    /// Ends the thread. What has no outcome yet is told as interrupted.
    pub fn close(&self) {
        self.shared.inbox().is_closed = true;
        self.shared.wake();
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that ends sessions had panicked");
        }
    }
}

impl Shared {
    fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries(&self, change: &Authorization) -> &LastTries {
        match change {
            Authorization::End => &self.ends,
            Authorization::Vlan(_) => &self.moves,
        }
    }

    fn wake(&self) {
        if let Some(Err(error)) = self.waker.get().map(mio::Waker::wake) {
            tracing::error!(%error, "can't wake the thread that ends sessions");
        }
    }
}

/// The request for a session, and its way.
struct Prepared {
    to: SocketAddr,
    secret: SharedSecret,
    request: SessionRequest,
    narrower: Option<SessionRequest>,
}

impl Prepared {
    fn of(
        session: &Session,
        client: Option<&Client>,
        change: &Authorization,
    ) -> Result<Self, NotPossible> {
        let client = client.ok_or(NotPossible::UnknownClient)?;
        let disconnect = client.disconnect.as_ref();
        let disconnect = disconnect.ok_or(NotPossible::NotConfigured)?;
        let source = session.facts.source.get().map(SocketAddr::ip);
        let address = disconnect.address.or(source);
        let address = address.ok_or(NotPossible::UnknownClient)?.to_canonical();
        let secret = disconnect.secret.as_ref().unwrap_or(&client.secret);
        Ok(Self {
            to: SocketAddr::new(address, disconnect.port),
            secret: secret.clone(),
            request: disconnect.profile.request(session, change)?,
            narrower: disconnect.profile.narrower_request(session, change),
        })
    }
}
