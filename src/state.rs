//! State shared by the rooms of the daemon: account directories, locks, remembered proofs, the store,
//! the audit log, metrics and the policy in force.
//!
//! Workers and conversations are not here: they belong to [`access`](crate::access). A command that
//! runs without a server opens this and nothing else.

mod changes;
mod open;
mod registry;
mod reset_requests;
mod tls_sessions;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portvakt_accounting::RecentLogOns;
use portvakt_accounting::disconnect::Outcome;
use portvakt_auth::{AccountId, EarlierPasswords, LockTable, Refusal, RememberedProofs};
use portvakt_eap::{MethodName, Sessions};
use portvakt_registry::RegistryTable;
use portvakt_sealing::ClassKey;
use portvakt_store::Store;
use zeroize::Zeroizing;

use crate::audit::{Audit, Destination, NotFlushed};
use crate::clock::Clock;
use crate::config::Config;
use crate::disconnect::{ChangedAccounts, Disconnector};
use crate::embedded::Embedded;
use crate::handover::ProofImage;
use crate::metrics::{Labels, Metrics, MetricsError, RequestResult};
use crate::policy::{AccountSources, Client, Policy, PolicyError};
use crate::transport::{DropLog, DropReason};
use portvakt_directory::OpenDirectory;

pub use open::{StateError, sealing_key};
pub(crate) use registry::{account_name, silent_from};
pub use reset_requests::{ResetRequest, ResetRequests};

/// Accounts beyond those known at the start for which memory is reckoned.
const RESERVE: usize = 100_000;
/// Least capacity of the lock table: one gigabyte of records of some 200 octets each. Only existing
/// accounts have records.
const LOCK_RECORDS: usize = (1 << 30) / 200;
/// Number of accounts assumed for a directory that lists none: a bound, for which no memory is set
/// aside.
const UNLISTED_ACCOUNTS: usize = 1_000_000;
/// Longest wait for the audit log at the end.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// The state of the daemon that all rooms share. All methods may be called from any thread.
pub struct State {
    /// The open directories; the policy says which realm's accounts are in which.
    pub directories: Vec<OpenDirectory>,
    /// The one of them whose accounts are in the store.
    pub embedded: Option<Arc<Embedded>>,
    /// Failure counts and locks of accounts.
    pub locks: LockTable,
    /// Proofs of passwords that were right lately.
    pub proofs: RememberedProofs,
    /// The key that they are good under.
    proof_key: Zeroizing<[u8; 32]>,
    /// Passwords that were right before they were changed.
    pub earlier: EarlierPasswords,
    /// The student registry's facts on the owners of accounts.
    pub registry: RegistryTable,
    /// Held while a file of the registry is judged and put in force: one at a time.
    pub registry_imports: Mutex<()>,
    /// TLS sessions that devices may resume: in memory, and in the store.
    pub sessions: Sessions,
    /// How long they live.
    resume_for: Duration,
    /// When the clock started, since 1970.
    began: Duration,
    /// Accepted log-ons of lately, to recognise their sessions.
    pub log_ons: RecentLogOns,
    /// The key of Class attributes.
    pub class_key: ClassKey,
    /// Durable facts: accounts of this server's own, locks, attempts, sessions.
    pub store: Arc<dyn Store>,
    /// The audit log.
    pub audit: Audit,
    /// Requests that got no answer, for the log.
    pub drops: DropLog,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Ends sessions at their NAS.
    pub disconnector: Disconnector,
    /// Accounts whose sessions are to be judged anew.
    pub changed_accounts: ChangedAccounts,
    /// Requests for codes by text message.
    pub reset_requests: ResetRequests,
    /// The clock that request handling reads.
    pub clock: Clock,
    /// The compiled configuration; replaced whole by [`Self::apply`].
    pub policy: ArcSwap<Policy>,
}

impl State {
    /// Compiles `config` and puts it in force.
    ///
    /// # Errors
    /// [`PolicyError`]; the policy in force stays then.
    pub fn apply(&self, config: &Config) -> Result<(), PolicyError> {
        let before = self.policy.load();
        let sources = AccountSources::new(config, &self.directories, Some(&before.sources))?;
        let policy = Policy::new(config, &self.metrics, &self.sessions, sources)?;
        self.policy.store(Arc::new(policy));
        self.follow_registry_policy();
        let live = self.store.live();
        live.set_capacity(config.accounting.max_sessions as usize);
        Ok(())
    }

    /// Has the audit log write where `config` says from now on. Blocks for the disk.
    ///
    /// # Errors
    /// [`NotFlushed`]: the log is behind and goes on in the old file.
    pub fn reopen_audit(&self, config: &Config) -> Result<(), NotFlushed> {
        self.audit.reopen(destination(config))
    }

    /// Forgets the remembered proofs and TLS sessions of an account that has changed, and has its live
    /// sessions judged by the account as it is now.
    pub fn invalidate(&self, account: &AccountId) {
        self.proofs.forget(account);
        self.sessions.forget(account.as_str());
        if self.store.live().has_account(account) {
            self.changed_accounts.add(account);
        }
    }

    /// Gives the lock table room for the accounts that the directories list now.
    pub fn resize_locks(&self) {
        let accounts = accounts_in(&self.directories);
        self.locks.set_capacity(lock_records(accounts));
    }

    /// Counts a request that gets no answer, and keeps it for [`Self::log_drops`].
    pub fn dropped(&self, peer: SocketAddr, client: Option<&Client>, why: DropReason) {
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

    /// The remembered proofs, for the process that takes over.
    #[must_use]
    pub fn proof_image(&self) -> ProofImage {
        let now = self.clock.now();
        let mut proofs = Vec::with_capacity(self.proofs.len());
        self.proofs.visit(now, |proof| proofs.push(proof));
        ProofImage {
            saved: now.utc,
            key: self.proof_key.clone(),
            proofs,
        }
    }

    /// Commits what waits in the store and flushes the audit log. Blocks for the disk.
    pub fn close(&self) {
        self.disconnector.close();
        self.store.close();
        if self.audit.flush(FLUSH_PATIENCE).is_err() {
            tracing::error!("the last lines of the audit log are not on disk");
        }
    }
}

/// Capacity of the lock table for this number of accounts.
fn lock_records(accounts: usize) -> usize {
    LOCK_RECORDS.max(accounts + RESERVE)
}

/// Number of accounts that memory is reckoned for.
fn accounts_in(directories: &[OpenDirectory]) -> usize {
    let count = |open: &OpenDirectory| match open.directory.list() {
        Some(accounts) => accounts.len(),
        None => UNLISTED_ACCOUNTS,
    };
    directories.iter().map(count).sum()
}

fn destination(config: &Config) -> Destination {
    Destination {
        folder: config.audit.folder.clone(),
        keep_days: config.audit.keep_days,
    }
}

/// The counters of the daemon; their labels are closed lists.
///
/// # Errors
/// A label that Prometheus does not take: none of the lists has one.
pub fn metrics() -> Result<Metrics, MetricsError> {
    let bare = ["none", "eap", "pap", "chap", "mschap", "mschapv2"];
    let eap = MethodName::ALL.map(MethodName::label);
    let methods: Vec<_> = bare.into_iter().chain(eap).collect();
    Metrics::new(Labels {
        refusals: &Refusal::ALL.map(Refusal::code),
        drops: &DropReason::labels(),
        methods: &methods,
        disconnects: &Outcome::CODES,
    })
}
