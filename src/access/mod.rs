//! The steps of an Access-Request, one file each, in one direction:
//!
//! ```text
//! intake -> pap | challenge | eap -> authentication (credential) -> reply -> report
//! ```
//!
//! A step runs to completion on the thread that received the packet. Only what is slow leaves it:
//! a password under a costly hash goes to the [hash pool](workers::hash_pool), a failure waits for the
//! [store](portvakt_store) before its answer leaves.
//!
//! Waiting is written with closures and not with `async`. The whole order as an `async fn` was tried,
//! polled once on the receiving thread; a future that was polled can't be moved, so it can't be on the
//! stack. By `tests/instructions` a log-on by PAP that need not wait took 43,500 instructions with
//! closures; as a future on the heap 55,000, and an allocation; as one in memory that the thread uses
//! again (`ReusableBoxFuture` of tokio-util) 63,100, and no allocation. Nearly all of the rise are
//! copies of the future on its way to its place, 11 and 19 kB, which valgrind counts by the octet.
//!
//! A future that is made only where something must be waited for has the order of a log-on twice. So
//! the order is apart from the waiting (`authentication/order.rs`), and reads from top to bottom.

mod authentication;
mod challenge;
mod conversations;
mod credential;
mod eap;
mod exchange;
mod intake;
mod joining;
mod ms_chap_error;
mod pap;
mod password_change;
mod received_password;
mod recent_devices;
mod repeats;
mod reply;
mod reply_profiles;
mod report;
mod request_context;
mod session_times;
mod symptom;
mod unattributed;
pub mod workers;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use portvakt_auth::{GuessTags, HashError, HashMemory, LockTable, PasswordHash, Tick};
use portvakt_radius::VerifiedRequest;

use crate::config::Config;
use crate::policy::{Policy, Route};
use crate::state::State;
use crate::transport::{Peer, Responder};

pub use conversations::{Conversations, PendingConversation};
pub use ms_chap_error::Retries;
pub use recent_devices::RecentDevices;
pub use repeats::Repeats;
pub use workers::hash_pool::HashPool;
pub use workers::hash_upgrade::HashUpgrades;
pub use workers::per_account_queue::PerAccountQueue;

use credential::Memory;
use exchange::Exchange;

/// Unknown names whose failures are counted, some 200 octets each; a further one is worked on each
/// time it comes.
const UNKNOWN_NAMES: usize = 200_000;

/// The workers of log-ons, and what they keep between two packets.
pub struct Access {
    /// The state that all rooms share.
    pub state: Arc<State>,
    /// Unfinished EAP conversations.
    pub conversations: Conversations,
    /// Hashes passwords.
    pub hash_pool: HashPool,
    repeats: Repeats,
    /// One bind at a time for each account.
    account_queue: Arc<PerAccountQueue>,
    hash_upgrades: HashUpgrades,
    /// Failures of names that no account has; never stored.
    unknown_names: LockTable,
    /// A hash at the configured cost, checked for names that no account has.
    decoy_hash: PasswordHash,
    /// Tells responses to challenges apart, and clients.
    tags: GuessTags,
    recent_devices: RecentDevices,
}

/// The workers can't be started.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The configured cost of password hashes is none that Argon2 takes.
    #[error("passwords can't be hashed at this cost: {0}")]
    HashCost(#[from] HashError),
    /// The system has no thread to give.
    #[error("can't start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl Access {
    /// Starts the threads that hash passwords.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn start(state: Arc<State>, config: &Config) -> Result<Arc<Self>, AccessError> {
        let (passwords, radius) = (&config.passwords, &config.radius);
        let conversations = radius.max_conversations as usize;
        let metrics = Arc::clone(&state.metrics);
        Ok(Arc::new(Self {
            conversations: Conversations::new(conversations, radius.conversation_timeout),
            hash_pool: HashPool::start(
                match passwords.hash_threads {
                    0 => std::thread::available_parallelism().map_or(1, usize::from),
                    threads => threads.into(),
                },
                passwords.hash_queue as usize,
                passwords.hash_deadline,
                Box::new(move |waited| metrics.hash_waited(waited)),
            )?,
            repeats: Repeats::new(2 * conversations, radius.conversation_timeout),
            account_queue: Arc::new(PerAccountQueue::new(passwords.hash_queue as usize)),
            hash_upgrades: HashUpgrades::start()?,
            unknown_names: LockTable::new(UNKNOWN_NAMES),
            decoy_hash: decoy_hash(&state.policy.load())?,
            tags: GuessTags::new([(); 4].map(|()| u64::from_ne_bytes(crate::random::bytes()))),
            recent_devices: RecentDevices::default(),
            state,
        }))
    }

    /// Sheds the work that waits, finishes what runs, and ends the threads.
    pub fn close(&self) {
        self.hash_pool.close();
        self.hash_upgrades.close();
    }

    /// Forgets failures of unknown names that no longer count.
    pub fn forget_unknown_names(&self, now: Tick) {
        let policy = self.state.policy.load();
        let lockout = |id: &_| &policy.sources.rules(id).lockout;
        // None of them is stored.
        let _ = self.unknown_names.forget_expired(lockout, now, |_| false);
    }

    /// The tables that log-ons share in memory.
    fn memory(&self) -> Memory<'_> {
        Memory {
            locks: &self.state.locks,
            unknown_names: &self.unknown_names,
            proofs: &self.state.proofs,
            earlier: &self.state.earlier,
            tags: &self.tags,
        }
    }

    /// Reports the conversations that timed out (E10).
    pub fn abandon_expired(&self, now: Instant) {
        for pending in self.conversations.take_expired(now) {
            report::abandoned(&pending, self);
        }
        self.repeats.forget_old(now);
    }
}

/// The hash of a random password at the configured cost.
fn decoy_hash(policy: &Policy) -> Result<PasswordHash, HashError> {
    let password: [u8; 32] = crate::random::bytes();
    let (salt, cost) = (crate::random::bytes(), policy.hash_cost.clone());
    PasswordHash::hash_new(&password, salt, cost, &mut HashMemory::new())
}

/// Handles a verified Access-Request, whose User-Name was routed, under `policy`.
pub fn handle(
    access: &Arc<Access>,
    policy: Arc<Policy>,
    request: &VerifiedRequest<'_>,
    peer: Peer,
    responder: Responder,
    route: Route,
) {
    let exchange = Exchange::new(Arc::clone(access), policy, request, peer, responder);
    intake::handle(exchange, request, route);
}
