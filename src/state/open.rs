//! Opening of the state: data folder, directories, policy, locks, audit log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use portvakt_accounting::RecentLogOns;
use portvakt_auth::{EarlierPasswords, LockTable, Now, Refusal, RememberedProofs, Tick};
use portvakt_registry::RegistryTable;
use portvakt_sealing::SealingKey;
use portvakt_store::{DataFolder, PostgresStore, SqliteStore, Store, StoreError, Untold};
use zeroize::Zeroizing;

use super::{RESERVE, ResetRequests, State, accounts_in, destination, lock_records, tls_sessions};
use crate::audit::Audit;
use crate::clock::Clock;
use crate::config::{AccountSource, Config};
use crate::disconnect::{ChangedAccounts, Disconnector};
use crate::embedded::{Embedded, OpenError};
use crate::handover::ProofImage;
use crate::metrics::{DirectoryOperation, Metrics, MetricsError, ServerMetrics};
use crate::policy::{AccountSources, Policy, PolicyError};
use crate::transport::DropLog;
use portvakt_directory::{Directory, Naming, OpenDirectory};
use portvakt_ldap::settings::Settings;
use portvakt_ldap::{Failure, LdapDirectory, Operation, RealmScope, ServerObserver};

/// Sessions kept for each conversation that may run at once: devices come back for hours.
const SESSIONS_PER_CONVERSATION: usize = 5;

/// The state can't be opened. Each variant is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The data folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The accounts in the data folder.
    #[error(transparent)]
    Accounts(#[from] OpenError),
    /// An LDAP directory.
    #[error(transparent)]
    Directory(#[from] portvakt_ldap::OpenError),
    /// The configuration names something that can't be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The counters.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The audit log has no thread.
    #[error("can't start a thread: {0}")]
    Thread(std::io::Error),
}

impl State {
    /// Opens the data folder and the directories that `config` names, and restores locks. Blocks for
    /// the disk; a directory elsewhere is not waited for.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(config: &Config) -> Result<Arc<Self>, StateError> {
        Self::open_with(config, None)
    }

    /// As [`Self::open`], with the passwords that the process before has proven.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open_with(
        config: &Config,
        inherited: Option<ProofImage>,
    ) -> Result<Arc<Self>, StateError> {
        let clock = Clock::start();
        let metrics = Arc::new(super::metrics()?);
        let folder = DataFolder::take(&config.data)?;
        let (store, key) = store(config, folder)?;
        let max_sessions = config.accounting.max_sessions as usize;
        store.live().set_capacity(max_sessions);
        store.restore_sessions()?;
        let resume_for = config.eap.as_ref().map(|eap| eap.resume_for);
        let resume_for = resume_for.unwrap_or_default();
        let room = config.radius.max_conversations as usize * SESSIONS_PER_CONVERSATION;
        let now = clock.now();
        let sessions = tls_sessions::open(room, resume_for, &store, now.utc);
        let began = tls_sessions::since_1970(now.utc);
        let (directories, embedded) = directories(config, &store, &key, &metrics)?;
        let sources = AccountSources::new(config, &directories, None)?;
        let policy = Policy::new(config, &metrics, &sessions, sources)?;
        let accounts = accounts_in(&directories);
        let locks = LockTable::new(lock_records(accounts));
        for record in store.restore_locks(clock.now())? {
            locks.restore(record);
        }
        let node = &config.node;
        metrics.set_node(&node.name)?;
        let is_told = node.is_given || config.store.is_some();
        let named = is_told.then_some(node.name.as_str());
        let audit = Audit::start(destination(config), named).map_err(StateError::Thread)?;
        let disconnector =
            Disconnector::new(max_sessions, audit.clone(), Arc::clone(&metrics), clock);
        let proof_key = inherited.as_ref().map(|image| image.key.clone());
        let proof_key = proof_key.unwrap_or_else(|| Zeroizing::new(crate::random::bytes()));
        let time_to_live = config.passwords.remember_proofs;
        let proofs = RememberedProofs::new(&proof_key, accounts + RESERVE, time_to_live);
        take_over(&proofs, inherited, clock.now());
        let state = Arc::new(Self {
            directories,
            embedded,
            locks,
            proofs,
            proof_key,
            earlier: EarlierPasswords::new(&crate::random::bytes(), accounts + RESERVE),
            registry: RegistryTable::default(),
            registry_imports: Mutex::default(),
            sessions,
            resume_for,
            began: began.saturating_sub(now.tick.since(Tick::START)),
            log_ons: RecentLogOns::new(max_sessions),
            class_key: key.class_key().clone(),
            store,
            audit,
            disconnector,
            changed_accounts: ChangedAccounts::default(),
            reset_requests: ResetRequests::default(),
            drops: DropLog::default(),
            metrics,
            clock,
            policy: ArcSwap::from_pointee(policy),
        });
        state.restore_registry()?;
        state.keep_unsettled_failures();
        state.invalidate_changed_accounts();
        state.listen()?;
        Ok(state)
    }

    /// Stores a failure whose log-on was lost on the way (a panic, a directory's thread that ended):
    /// nobody is told of it, and it counts all the same.
    fn keep_unsettled_failures(&self) {
        let (store, clock) = (self.store.clone(), self.clock);
        self.locks.on_unsettled(move |attempt| {
            let lost = Untold::<()>::new(Err(Refusal::WrongCredential), Some(attempt));
            lost.tell(&*store, clock.now(), |_| ());
        });
    }

    /// Has each mirror invalidate the accounts that it changes.
    fn invalidate_changed_accounts(self: &Arc<Self>) {
        let mirrors = self.directories.iter();
        for mirror in mirrors.filter_map(|open| open.directory.replica()) {
            let weak = Arc::downgrade(self);
            mirror.on_change(Box::new(move |account| {
                if let Some(state) = weak.upgrade() {
                    state.invalidate(account);
                }
            }));
        }
    }
}

fn take_over(proofs: &RememberedProofs, inherited: Option<ProofImage>, now: Now) {
    let Some(image) = inherited else { return };
    for proof in image.at(now.utc) {
        proofs.take_over(proof, now);
    }
    let count = proofs.len();
    tracing::info!(
        count,
        "passwords that the process before has proven are taken over"
    );
}

/// Opens the database, here or elsewhere; with the key that it seals with.
fn store(config: &Config, folder: DataFolder) -> Result<(Arc<dyn Store>, SealingKey), StoreError> {
    let key = sealing_key(config)?;
    match &config.store {
        None => {
            let store = SqliteStore::open(folder, key)?;
            let key = store.sealing_key().clone();
            Ok((Arc::new(store), key))
        }
        Some(settings) => {
            let store = PostgresStore::connect(folder, key, settings.clone())?;
            let key = store.sealing_key().clone();
            Ok((Arc::new(store), key))
        }
    }
}

/// Opens the directories that the configuration names; the embedded one a second time.
fn directories(
    config: &Config,
    store: &Arc<dyn Store>,
    key: &SealingKey,
    metrics: &Metrics,
) -> Result<(Vec<OpenDirectory>, Option<Arc<Embedded>>), StateError> {
    let sources = &config.account_sources;
    let mut embedded = None;
    let open = sources
        .iter()
        .zip(namings(sources))
        .map(|(source, naming)| {
            let scope = RealmScope {
                realms: source.realms.clone(),
                naming,
            };
            Ok(OpenDirectory {
                name: source.name().to_owned(),
                directory: match &source.directory {
                    Some(settings) => {
                        let observers = observers(settings, metrics)?;
                        let data = &config.data;
                        Arc::new(LdapDirectory::open(settings, &scope, observers, data, key)?)
                    }
                    None => {
                        let store: Arc<dyn Store> = Arc::clone(store);
                        let open = Embedded::open_beside_others(store, scope.naming)?;
                        Arc::clone(embedded.insert(Arc::new(open))) as Arc<dyn Directory>
                    }
                },
            })
        });
    let open = open.collect::<Result<_, StateError>>()?;
    Ok((open, embedded))
}

/// Only accounts of the primary realm's directory go without a realm in their names.
fn namings(sources: &[AccountSource]) -> Vec<Naming> {
    let firsts: Vec<_> = sources
        .iter()
        .filter_map(|source| source.realms.first())
        .collect();
    let others: Vec<_> = firsts
        .iter()
        .skip(1)
        .map(|realm| (*realm).clone())
        .collect();
    let with = others.iter().map(Naming::with);
    std::iter::once(Naming::primary(&others))
        .chain(with)
        .collect()
}

/// The metrics of each server of a directory.
fn observers(
    settings: &Settings,
    metrics: &Metrics,
) -> Result<Vec<Box<dyn ServerObserver>>, MetricsError> {
    let servers = settings.servers.iter();
    let observed = servers.map(|server| {
        let (server, labels) = (server.to_string(), &Failure::LABELS);
        let metrics = metrics.directory_server(&settings.name, &server, labels)?;
        Ok(Box::new(metrics) as Box<dyn ServerObserver>)
    });
    observed.collect()
}

impl ServerObserver for ServerMetrics {
    fn up(&self, is_up: bool) {
        self.set_up(is_up);
    }

    fn took(&self, operation: Operation, time: Duration) {
        let operation = match operation {
            Operation::Search => DirectoryOperation::Search,
            Operation::Bind => DirectoryOperation::Bind,
        };
        self.observe(operation, time);
    }

    fn failed(&self, label: &'static str) {
        self.count_failure(label);
    }
}

/// The key that the operator keeps; `None` for the one in the data folder.
///
/// # Errors
/// [`StoreError::Sealing`] for a malformed one.
pub fn sealing_key(config: &Config) -> Result<Option<SealingKey>, StoreError> {
    let file = config.accounts.sealing_key.as_ref();
    let key = file.map(|file| SealingKey::parse(&file.path, file.text.as_bytes()));
    Ok(key.transpose()?)
}
