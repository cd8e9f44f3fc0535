//! What an Access-Request goes through, one file per step, in one direction:
//!
//! ```text
//! identify -> intake -> route -> pap | challenge | eap -> attempt (credential) -> reply -> record
//! ```
//!
//! A step runs to completion on the thread that received the packet. Only what is slow leaves it:
//! a password under a costly hash goes to the [hash pool](workers::hash_pool), a failure waits for the
//! [store](crate::store) before its answer leaves.

mod authentication;
mod challenge;
mod conversations;
mod credential;
mod cui;
mod eap;
mod exchange;
mod intake;
mod ms_chap_error;
mod pap;
mod password_change;
mod received_password;
mod recent_devices;
mod repeats;
mod reply;
mod report;
mod request_context;
pub mod workers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use portvakt_auth::{EarlierPasswords, GuessTags, LockTable, PasswordHash, RememberedProofs};
use portvakt_eap::{MethodName, Sessions};
use portvakt_radius::VerifiedRequest;

use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::OpenDirectory;
use crate::metrics::{Labels, Metrics, MetricsError, RequestResult};
use crate::policy::{AccountSources, Client, Policy, PolicyError};
use crate::store::Store;
use crate::transport::{DropLog, DropReason, RequestHandler, Responder};

pub use conversations::{Conversations, PendingConversation};
pub use cui::CuiKey;
pub use ms_chap_error::Retries;
pub use recent_devices::RecentDevices;
pub use repeats::Repeats;
pub use workers::hash_pool::HashPool;
pub use workers::hash_upgrade::HashUpgrades;
pub use workers::per_account_queue::PerAccountQueue;

use credential::Memory;
use exchange::Exchange;

/// Everything an Access-Request meets: what is shared by all threads of the daemon.
pub struct Access {
    /// Where accounts are found; which of them by whom, the policy says.
    pub directories: Vec<OpenDirectory>,
    /// Failure counts and locks.
    pub locks: LockTable,
    /// The same for names that are nobody's; never stored.
    pub unknown_names: LockTable,
    /// Passwords proven lately.
    pub proofs: RememberedProofs,
    /// Passwords that were right before.
    pub earlier: EarlierPasswords,
    /// Where older hashes are replaced by stronger ones.
    pub hash_upgrades: HashUpgrades,
    /// A hash of nobody's password at the configured cost, checked for names that are nobody's.
    pub decoy_hash: PasswordHash,
    /// Tells responses to challenges apart, and clients.
    pub tags: GuessTags,
    /// Devices that somebody came in with lately.
    pub recent_devices: RecentDevices,
    /// TLS sessions that devices may resume.
    pub sessions: Sessions,
    /// Unfinished EAP conversations.
    pub conversations: Conversations,
    /// Their latest answers.
    pub repeats: Repeats,
    /// Where passwords are hashed.
    pub hashing: HashPool,
    /// Where passwords wait that the directory checks.
    pub account_queue: Arc<PerAccountQueue>,
    /// What must survive.
    pub store: Store,
    /// Who came, and what they were told.
    pub audit: Audit,
    /// Which requests got no answer.
    pub drops: DropLog,
    /// The same in numbers.
    pub metrics: Arc<Metrics>,
    /// The only clock.
    pub clock: Clock,
    /// What the config says; replaced whole by a reload.
    pub policy: ArcSwap<Policy>,
}

impl Access {
    /// Puts another configuration in the place of the one at work.
    ///
    /// # Errors
    /// [`PolicyError`]; then everything stays as it was.
    pub fn apply(&self, config: &Config) -> Result<(), PolicyError> {
        let before = self.policy.load();
        let sources = AccountSources::new(config, &self.directories, Some(&before.sources))?;
        let policy = Policy::new(config, &self.metrics, &self.sessions, sources)?;
        self.policy.store(Arc::new(policy));
        Ok(())
    }

    /// Counts a request that gets no answer, and has it told.
    fn dropped(&self, peer: SocketAddr, client: Option<&Client>, why: DropReason) {
        match client {
            Some(client) => {
                client.counters.count(RequestResult::Drop);
                client.counters.dropped(why.label());
            }
            None => self.metrics.dropped(why.label()),
        }
        let client = client.map(|client| client.name.as_str());
        self.drops.note(peer.ip(), client, why);
        tracing::debug!(%peer, client, why = why.label(), "dropped");
    }

    /// Writes into the log which requests got no answer, and why.
    pub fn log_drops(&self, now: Instant) {
        for line in self.drops.take_lines(now) {
            tracing::warn!("{line}");
        }
    }

    /// What log-ons share in memory.
    fn memory(&self) -> Memory<'_> {
        Memory {
            locks: &self.locks,
            unknown_names: &self.unknown_names,
            proofs: &self.proofs,
            earlier: &self.earlier,
            tags: &self.tags,
        }
    }

    /// Tells of the conversations that nobody came back to (E10).
    pub fn abandon_expired(&self, now: Instant) {
        for pending in self.conversations.take_expired(now) {
            report::abandoned(&pending, self);
        }
        self.repeats.forget_old(now);
    }
}

/// The counters for everything that happens here.
///
/// # Errors
/// None that can happen.
pub fn metrics() -> Result<Metrics, MetricsError> {
    let (refusals, drops) = report::labels(&DropReason::labels());
    let bare = ["none", "eap", "pap", "chap", "mschap", "mschapv2"];
    let eap = MethodName::ALL.map(MethodName::label);
    let methods: Vec<_> = bare.into_iter().chain(eap).collect();
    Metrics::new(Labels {
        refusals: &refusals,
        drops: &drops,
        methods: &methods,
    })
}

/// The face that the listeners see.
pub struct AccessHandler(pub Arc<Access>);

impl RequestHandler for AccessHandler {
    fn client(&self, peer: SocketAddr) -> Option<Arc<Client>> {
        self.0.policy.load().clients.find(peer.ip()).cloned()
    }

    fn access_request(
        &self,
        request: &VerifiedRequest<'_>,
        client: Arc<Client>,
        answer: Responder,
    ) {
        let exchange = Exchange::new(Arc::clone(&self.0), request, client, answer);
        intake::take_in(exchange, request);
    }

    fn status_server(&self, client: &Client) {
        client.counters.count(RequestResult::Status);
    }

    fn duplicate(&self, client: &Client) {
        client.counters.count(RequestResult::Duplicate);
    }

    fn dropped(&self, peer: SocketAddr, client: Option<&Client>, why: DropReason) {
        self.0.dropped(peer, client, why);
    }
}
