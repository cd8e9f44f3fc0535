//! Puts the house together, keeps it tidy while it runs, and takes it down in order.
//!
//! Start: data folder, accounts, locks, policy, then sockets: nothing is answered before what was
//! counted earlier is known. Stop: sockets first, then what is being worked on, then the disk.

mod certificate_reload;
mod health;
mod housekeeping;
mod restart_required;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use portvakt_auth::{
    EarlierPasswords, GuessTags, HashMemory, LockTable, PasswordHash, Realm, RememberedProofs,
};
use portvakt_eap::Sessions;
use portvakt_sealing::SealingKey;

use crate::access::{
    self, Access, AccessHandler, Conversations, HashPool, HashUpgrades, PerAccountQueue,
    RecentDevices, Repeats,
};
use crate::audit::{Act, Audit, AuditEvent, Destination};
use crate::clock::Clock;
use crate::config::{AccountSource, Config, Problems, Warning};
use crate::control::{ControlServer, Desk};
use crate::directory::ldap::{self, LdapDirectory, RealmScope};
use crate::directory::{Directory, Embedded, Naming, OpenDirectory, OpenError};
use crate::metrics::http::MetricsServer;
use crate::metrics::{Metrics, MetricsError};
use crate::policy::{AccountSources, Policy, PolicyError};
use crate::store::{Entry, Store, StoreError};
use crate::transport::{DropLog, ListenError, Listeners, Options};
use certificate_reload::{CertificateReloader, RunningConfig};
use health::Pages;
use housekeeping::Housekeeper;
use restart_required::{restart_required, resume_for};

/// Sessions kept for each conversation that may run at once: devices come back for hours.
const SESSIONS_PER_CONVERSATION: usize = 5;
/// Accounts beyond those known at the start for which proofs are remembered.
const RESERVE: usize = 100_000;
/// Records that the lock table has room for, whatever the number of accounts: a gigabyte of them, at
/// 200 octets each. Only accounts that exist have records, so it takes a directory that makes
/// accounts up to fill it.
const LOCK_RECORDS: usize = (1 << 30) / 200;
/// Taken for the number of accounts in a directory that lists none: a bound, for which no memory is
/// set aside.
const UNLISTED_ACCOUNTS: usize = 1_000_000;

/// How long the end waits for the audit log.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// Why the server can't start. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The accounts in it.
    #[error(transparent)]
    Accounts(#[from] OpenError),
    /// The directory that has them instead.
    #[error(transparent)]
    Directory(#[from] ldap::OpenError),
    /// What the configuration names.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The counters.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A listening address.
    #[error("{0}; is another server running, or is `listen` wrong?")]
    Listen(#[from] ListenError),
    /// The metrics address.
    #[error(
        "can't serve metrics on {0}: {1}; is another server running, or is `metrics.address` wrong?"
    )]
    MetricsAddress(SocketAddr, std::io::Error),
    /// The control socket.
    #[error("can't make the control socket {0}: {1}")]
    Control(PathBuf, std::io::Error),
    /// The signals that end it could not be waited for.
    #[error("can't listen for signals: {0}")]
    Signals(std::io::Error),
    /// No threads left.
    #[error("can't start a thread: {0}")]
    Thread(std::io::Error),
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The new configuration has mistakes; they are told apart from this.
    #[error("mistakes in it: {}", .0.problems.len())]
    Config(#[from] Problems),
    /// It can't be put to work.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Builds what serves requests and what does the operator's acts: all but the sockets.
///
/// # Errors
/// [`StartError`].
pub fn build(config: &Config) -> Result<Arc<Access>, StartError> {
    let clock = Clock::start();
    let metrics = Arc::new(access::metrics()?);
    let sessions = Sessions::new(
        config.radius.max_conversations as usize * SESSIONS_PER_CONVERSATION,
        resume_for(config).unwrap_or_default(),
    );
    let store = Store::open_with_key(&config.data, sealing_key(config)?)?;
    let directories = directories(config, &store, &metrics)?;
    let homes = AccountSources::new(config, &directories, None)?;
    let policy = Policy::new(config, &metrics, &sessions, homes)?;
    let decoy_password: [u8; 32] = crate::random::bytes();
    let decoy_hash = PasswordHash::hash_new(
        &decoy_password,
        crate::random::bytes(),
        policy.hash_cost.clone(),
        &mut HashMemory::new(),
    )
    .map_err(PolicyError::HashCost)?;
    let accounts = accounts_in(&directories);
    let locks = LockTable::new(lock_records(accounts));
    for record in store.restore_locks(clock.now())? {
        locks.restore(record);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let passwords = &config.passwords;
    let observed = Arc::clone(&metrics);
    let hashing = HashPool::start(
        or_cores(passwords.hash_threads, cores),
        passwords.hash_queue as usize,
        passwords.hash_deadline,
        Box::new(move |waited| observed.hash_waited(waited)),
    )
    .map_err(StartError::Thread)?;
    let access = Arc::new(Access {
        directories,
        locks,
        unknown_names: LockTable::new(UNKNOWN_NAMES),
        proofs: RememberedProofs::new(
            &crate::random::bytes(),
            accounts + RESERVE,
            passwords.remember_proofs,
        ),
        earlier: EarlierPasswords::new(&crate::random::bytes(), accounts + RESERVE),
        hash_upgrades: HashUpgrades::start().map_err(StartError::Thread)?,
        decoy_hash,
        tags: GuessTags::new(seeds()),
        recent_devices: RecentDevices::default(),
        sessions,
        conversations: Conversations::new(
            config.radius.max_conversations as usize,
            config.radius.conversation_timeout,
        ),
        repeats: Repeats::new(
            2 * config.radius.max_conversations as usize,
            config.radius.conversation_timeout,
        ),
        hashing,
        account_queue: Arc::new(PerAccountQueue::new(passwords.hash_queue as usize)),
        store,
        audit: Audit::start(destination(config)).map_err(StartError::Thread)?,
        drops: DropLog::default(),
        metrics,
        clock,
        policy: ArcSwap::from_pointee(policy),
    });
    keep_unsettled_failures(&access);
    forget_whom_mirrors_name(&access);
    Ok(access)
}

/// A failure whose log-on was lost on the way (a panic, a directory's thread that ended) has nobody
/// to be told, and is kept all the same.
fn keep_unsettled_failures(access: &Access) {
    let (store, clock) = (access.store.clone(), access.clock);
    access.locks.on_unsettled(move |change| {
        let entry = Entry {
            lock: Some(change.stored(clock.now())),
            attempt: None,
        };
        store.record(entry, None);
    });
}

/// How many records the lock table has room for where there are so many accounts.
pub(crate) fn lock_records(accounts: usize) -> usize {
    LOCK_RECORDS.max(accounts + RESERVE)
}

/// Names that are nobody's and of which is kept how often they failed. Some 200 octets each; beyond,
/// a further one is worked on each time.
const UNKNOWN_NAMES: usize = 200_000;

fn seeds() -> [u64; 4] {
    [(); 4].map(|()| u64::from_ne_bytes(crate::random::bytes()))
}

/// How many accounts there are, as far as memory must be reckoned with.
pub(crate) fn accounts_in(directories: &[OpenDirectory]) -> usize {
    let count = |open: &OpenDirectory| match open.directory.list() {
        Some(accounts) => accounts.len(),
        None => UNLISTED_ACCOUNTS,
    };
    directories.iter().map(count).sum()
}

/// What was proven with an account that is no longer the same holds no more.
fn forget_whom_mirrors_name(access: &Arc<Access>) {
    for mirror in access
        .directories
        .iter()
        .filter_map(|open| open.directory.replica())
    {
        let weak = Arc::downgrade(access);
        mirror.on_change(Box::new(move |account| {
            if let Some(access) = weak.upgrade() {
                access.proofs.forget(account);
                access.sessions.forget(account.as_str());
            }
        }));
    }
}

/// Where the accounts are: here, or where the configuration says.
fn directories(
    config: &Config,
    store: &Store,
    metrics: &Metrics,
) -> Result<Vec<OpenDirectory>, StartError> {
    let realms = |home: &AccountSource| home.realms.iter().map(|realm| parsed(realm)).collect();
    let of_homes: Vec<Vec<Realm>> = config
        .account_sources
        .iter()
        .map(realms)
        .collect::<Result<_, _>>()?;
    let namings = namings(&of_homes);
    let homes = config.account_sources.iter().zip(of_homes).zip(namings);
    let open = homes.map(|((home, realms), naming)| {
        let people = RealmScope { realms, naming };
        Ok(OpenDirectory {
            name: home.name().to_owned(),
            directory: directory(config, home, people, store, metrics)?,
        })
    });
    open.collect()
}

fn parsed(realm: &str) -> Result<Realm, PolicyError> {
    Realm::parse(realm).map_err(|error| PolicyError::Realm(realm.to_owned(), error))
}

/// Only accounts of the primary realm's directory go without a realm in their names.
fn namings(realms: &[Vec<Realm>]) -> Vec<Naming> {
    let firsts: Vec<_> = realms.iter().filter_map(|realms| realms.first()).collect();
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

fn directory(
    config: &Config,
    home: &AccountSource,
    people: RealmScope,
    store: &Store,
    metrics: &Metrics,
) -> Result<Arc<dyn Directory>, StartError> {
    Ok(match &home.directory {
        Some(settings) => Arc::new(LdapDirectory::open(
            settings,
            &people,
            metrics,
            &config.data,
            store,
        )?),
        None => Arc::new(Embedded::open_beside_others(store.clone(), people.naming)?),
    })
}

/// Takes down what [`build`] put up, the disk last.
pub fn shut_down(access: &Access) {
    access.hashing.close();
    access.hash_upgrades.close();
    access.store.clone().close();
    if access.audit.flush(FLUSH_PATIENCE).is_err() {
        tracing::error!("the last lines of the audit log are not on disk");
    }
}

/// The key that the operator keeps; `None` for the one in the data folder.
fn sealing_key(config: &Config) -> Result<Option<SealingKey>, StoreError> {
    let file = config.accounts.sealing_key.as_ref();
    let key = file.map(|file| SealingKey::parse(&file.path, file.text.as_bytes()));
    Ok(key.transpose()?)
}

fn destination(config: &Config) -> Destination {
    Destination {
        folder: config.audit.folder.clone(),
        keep_days: config.audit.keep_days,
    }
}

fn or_cores(threads: u16, cores: usize) -> usize {
    if threads == 0 { cores } else { threads.into() }
}

/// A running server.
pub struct Server {
    access: Arc<Access>,
    running: RunningConfig,
    path: PathBuf,
    listeners: Listeners,
    control: ControlServer,
    metrics: Option<MetricsServer>,
    stop_tidying: Sender<()>,
    tidying: JoinHandle<()>,
}

impl Server {
    /// Starts everything that `config`, read from `path`, describes.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub fn start(config: Config, path: PathBuf) -> Result<Self, StartError> {
        let access = build(&config)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let options = Options {
            sockets_per_address: or_cores(config.radius.workers, cores),
            receive_buffer: usize::try_from(config.radius.receive_buffer).unwrap_or(usize::MAX),
            duplicate_lifetime: config.radius.duplicate_lifetime,
        };
        let metrics = config
            .metrics
            .map(|address| {
                let source = Arc::new(Pages::new(Arc::clone(&access)));
                MetricsServer::start(address, Arc::clone(&access.metrics), source)
                    .map_err(|error| StartError::MetricsAddress(address, error))
            })
            .transpose()?;
        let control = ControlServer::start(&config.control, Desk::new(Arc::clone(&access)))
            .map_err(|error| StartError::Control(config.control.clone(), error))?;
        let handler = Arc::new(AccessHandler(Arc::clone(&access)));
        let listeners = Listeners::start(&config.listen, options, &handler)?;
        let (stop_tidying, stopped) = channel();
        let keep_days = u64::from(config.audit.keep_days);
        let running = RunningConfig::new(config);
        let housekeeper = Housekeeper {
            certificates: CertificateReloader::new(Arc::clone(&access), running.clone()),
            access: Arc::clone(&access),
            sweep_duplicates: Box::new(listeners.sweeper()),
            keep_attempts: Duration::from_secs(keep_days * 24 * 60 * 60),
        };
        let tidying = std::thread::Builder::new()
            .name("housekeeping".to_owned())
            .spawn(move || housekeeper.run(&stopped))
            .map_err(StartError::Thread)?;
        Ok(Self {
            access,
            running,
            path,
            listeners,
            control,
            metrics,
            stop_tidying,
            tidying,
        })
    }

    /// The addresses that RADIUS is served on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.listeners.addresses()
    }

    /// The address that metrics are served on.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsServer::address)
    }

    /// What all parts share.
    #[must_use]
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Reads the configuration again and puts clients, certificate, rules and services in place.
    /// RunningConfig conversations go on as they began. What can't change while running is returned as
    /// the names of its keys.
    ///
    /// # Errors
    /// [`ReloadError`]; then everything stays as it was.
    pub fn reload(&mut self) -> Result<(Vec<&'static str>, Vec<Warning>), ReloadError> {
        let outcome = self.replace_policy();
        let result = match &outcome {
            Ok(_) => "done".to_owned(),
            Err(error) => format!("refused: {error}"),
        };
        self.access.audit.record(&AuditEvent::Act(Act {
            time: self.access.clock.now().utc,
            who: "SIGHUP",
            what: "reload",
            account: None,
            why: None,
            result: &result,
        }));
        outcome
    }

    fn replace_policy(&mut self) -> Result<(Vec<&'static str>, Vec<Warning>), ReloadError> {
        let mut running = self.running.lock();
        let (config, warnings) = Config::load_file(&self.path, Timestamp::now())?;
        self.access.apply(&config)?;
        if self.access.audit.reopen(destination(&config)).is_err() {
            tracing::warn!("the audit log is behind; it goes on in the old file");
        }
        let waits_for_restart = restart_required(&running, &config);
        *running = config;
        Ok((waits_for_restart, warnings))
    }

    /// Stops in order: no new requests, what is under way gets its answer, the disk has it all.
    pub fn stop(mut self) {
        self.listeners.stop_receiving();
        drop(self.control);
        drop(self.metrics);
        let _ = self.stop_tidying.send(());
        if self.tidying.join().is_err() {
            tracing::error!("the housekeeping thread had panicked");
        }
        // The hash pool and the store's writer hand out the last answers: sockets close after them.
        shut_down(&self.access);
        self.listeners.close();
    }
}
