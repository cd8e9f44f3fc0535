//! Accounts of a directory that is asked over LDAP (RFC 4511): OpenLDAP, 389ds, Active Directory.
//!
//! ```text
//! find   ── replica, if it knows the name ───────────────────────────────── Account
//!        ── query: an escaped filter ── pool: a server that is up ── schema ── Account
//! verify ── BindAttempt ── pool ── bind pool: a connection of its own ── bind: Verdict
//! ```
//!
//! All work runs on two threads of the directory, which never block. A question that is not answered
//! by the deadline of its log-on is answered as [`FindError::Unavailable`].
//!
//! Each directory has a runtime of its own, and not a share in one of the whole daemon. A server that
//! sends all it can keeps the threads of its own directory busy and no other's, log-ons that go on
//! there included. A replica is filled and written to disk on a thread that may block. And dropping a
//! directory ends its tasks, of which some may hang in the resolver, without a list of them.
//!
//! - `connection`: the servers, their connections, and what is read of what they send.
//! - `schema`: what the attributes of an entry mean, by kind of directory.
//! - `query`: searches, and the caches of their answers.
//! - `write`: passwords and closures, written into the directory.
//! - [`replica`]: all accounts in memory, kept current by the directory.

mod connection;
mod observer;
mod query;
pub mod replica;
mod schema;
pub mod settings;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ldap3::result::LdapResult;
use portvakt_auth::name::MAX_NAME_OCTETS;
use portvakt_auth::{Account, BindAttempt, BindLeave, Realm, Verification};
use portvakt_sealing::SealingKey;
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout_at;
use zeroize::Zeroizing;

use portvakt_directory::entry::Entry;
use portvakt_directory::{
    AccountReplica, Completion, Directory, DirectoryWriter, EntryReport, FindError, Found,
    LookupResult, Naming, Pending, ServerState, Verdict, Verify,
};
use settings::{Settings, Writing};

use connection::connector::{self, Connector};
use connection::pool::Pool;
use connection::server::Server;
use query::grace_cache::GraceCache;
use query::known_credentials::KnownCredentials;
use query::search::Queries;
use replica::{Replica, ReplicaLookup, ReplicaWorker};
use schema::mapping::Mapping;
use write::recent_writes::RecentWrites;

pub use connection::failure::Failure;
pub use connection::flow::Flow;
pub use connection::framing::Fault;
pub use connection::screen::Faults;
pub use observer::{Operation, ServerObserver};

/// Questions that may be under way; more than a directory answers within anybody's patience.
const MAX_PENDING: usize = 10_000;

/// The work ends so long before its answer is due: then it says itself what it waited for.
const MARGIN: Duration = Duration::from_millis(50);

/// Accounts of a directory that is asked for each.
pub struct LdapDirectory {
    asked: Arc<LdapInner>,
    timeout: Duration,
    writing: Option<Writing>,
    written: RecentWrites,
    questions: Arc<Semaphore>,
    replica: Option<(Arc<Replica>, ReplicaWorker)>,
    /// Gone once it is dropped; taken out then, for a runtime must not wait for itself.
    runtime: Option<Runtime>,
    naming: Naming,
}

/// The realms whose accounts a directory has.
#[derive(Clone, Debug, Default)]
pub struct RealmScope {
    /// The realms of their names, the usual one first.
    pub realms: Vec<Realm>,
    /// How they are told from those of other directories.
    pub naming: Naming,
}

/// State of an LDAP directory that its look-ups and changes share.
struct LdapInner {
    pool: Pool,
    queries: Queries,
    mapping: Mapping,
    recent: GraceCache,
    known: Arc<KnownCredentials>,
}

/// Why a directory can't even be tried.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its certificate could never be checked.
    #[error("the directory's certificate can't be checked: {0}")]
    Authorities(#[from] rustls::Error),
    /// There are no threads.
    #[error("can't start threads for the directory: {0}")]
    Threads(#[from] io::Error),
}

impl LdapDirectory {
    /// Begins to connect, and returns at once: whether the directory is there shows later. A mirror
    /// keeps its journal in the folder `data`.
    ///
    /// # Errors
    /// [`OpenError`]; none of it is the directory's.
    pub fn open(
        settings: &Settings,
        people: &RealmScope,
        observers: Vec<Box<dyn ServerObserver>>,
        data: &Path,
        sealing_key: &SealingKey,
    ) -> Result<Self, OpenError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("directory")
            .enable_all()
            .build()?;
        let came_up = Arc::new(Notify::new());
        let servers = servers(settings, observers, &came_up)?;
        let entered = runtime.enter();
        servers.iter().for_each(Server::keep_connected);
        drop(entered);
        let mapping = Mapping::new(settings, people);
        let known = Arc::new(KnownCredentials::default());
        let asked = LdapInner {
            queries: Queries::new(settings, &mapping),
            mapping,
            recent: GraceCache::new(settings.grace),
            known: Arc::clone(&known),
            pool: Pool::new(servers, settings.balance, settings.query_timeout, came_up),
        };
        Ok(Self {
            asked: Arc::new(asked),
            timeout: settings.timeout,
            writing: settings.writing,
            written: RecentWrites::new(replica::setup::hears_within(settings)),
            questions: Arc::new(Semaphore::new(MAX_PENDING)),
            replica: replica::setup::start(settings, people, data, sealing_key, known)?,
            runtime: Some(runtime),
            naming: people.naming.clone(),
        })
    }

    fn in_replica(&self, name: &str) -> ReplicaLookup {
        let replica = self.replica.as_ref();
        replica.map_or(ReplicaLookup::Unsure, |(replica, _)| replica.find(name))
    }

    /// Whether a mirror may not have heard yet of what was written here.
    fn is_fresh(&self, account: &Account) -> bool {
        self.writing.is_some() && self.written.is_fresh(&account.id, Instant::now())
    }

    /// Answers a question on the directory's own threads, once, by the deadline.
    fn answer<T, F>(
        &self,
        work: impl FnOnce(Arc<LdapInner>, Instant) -> F + Send + 'static,
    ) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, FindError>> + Send + 'static,
    {
        let asked = Arc::clone(&self.asked);
        let place = Arc::clone(&self.questions).try_acquire_owned();
        let (patience, runtime) = (
            self.timeout,
            self.runtime.as_ref().map(|r| r.handle().clone()),
        );
        Pending::new(move |began, reply: Completion<T>| {
            let (Ok(place), Some(runtime)) = (place, runtime) else {
                return reply.send(unavailable("too many questions to it at once"));
            };
            let deadline = began + patience;
            runtime.spawn(async move {
                // In a task of its own, for the library panics at what it can't read.
                let mut work = tokio::spawn(work(asked, deadline - MARGIN));
                let answer = match timeout_at(deadline.into(), &mut work).await {
                    Ok(Ok(answer)) => answer,
                    Ok(Err(_)) => unavailable(Failure::Garbled),
                    Err(_) => {
                        work.abort();
                        unavailable(Failure::Timeout)
                    }
                };
                drop(place);
                reply.send(answer);
            });
        })
    }
}

fn servers(
    settings: &Settings,
    observers: Vec<Box<dyn ServerObserver>>,
    came_up: &Arc<Notify>,
) -> Result<Vec<Arc<Server>>, OpenError> {
    let tls = Arc::new(connector::tls(settings.authorities.as_deref())?);
    let servers = settings.servers.iter().zip(observers);
    let server = |(server, observer)| {
        let connector = Connector::new(settings, server, Arc::clone(&tls));
        let came_up = Arc::clone(came_up);
        Arc::new(Server::new(settings, server, connector, observer, came_up))
    };
    Ok(servers.map(server).collect())
}

/// For pauses that differ from one another; zero where the system has no random octet.
fn random_octet() -> u8 {
    let mut octets = [0];
    match getrandom::fill(&mut octets) {
        Ok(()) => octets[0],
        Err(_) => 0,
    }
}

fn unavailable<T>(why: impl ToString) -> Result<T, FindError> {
    Err(FindError::Unavailable(why.to_string().into()))
}

impl Drop for LdapDirectory {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Directory for LdapDirectory {
    fn find(&self, name: &str, realm: Option<&Realm>) -> Found {
        if name.is_empty() || name.len() > MAX_NAME_OCTETS {
            return Found::Unknown;
        }
        match self.in_replica(name) {
            ReplicaLookup::Account(account) if !self.is_fresh(&account) => {
                return Found::Account(account);
            }
            ReplicaLookup::Nobody => return Found::Unknown,
            // With its realm the name may be one's alone, which a mirror does not tell.
            ReplicaLookup::Account(_) | ReplicaLookup::Ambiguous | ReplicaLookup::Unsure => {}
        }
        let (name, realm) = (name.to_owned(), realm.cloned());
        Found::Pending(self.answer(move |asked, deadline| async move {
            let answer = asked.find(deadline, &name, realm.as_ref()).await;
            let now = Instant::now();
            asked.recent.note(&name, realm.as_ref(), &answer, now);
            answer
        }))
    }

    fn naming(&self) -> &Naming {
        &self.naming
    }

    fn recall(&self, name: &str, realm: Option<&Realm>) -> Option<Arc<Account>> {
        self.asked.recent.find(name, realm, Instant::now())
    }

    fn grace(&self) -> Duration {
        self.asked.recent.keep()
    }

    fn verify(
        &self,
        account: &Arc<Account>,
        password: Zeroizing<Vec<u8>>,
        _leave: BindLeave,
    ) -> Verify {
        let account = Arc::clone(account);
        let replica = self
            .replica
            .as_ref()
            .map(|(replica, _)| Arc::clone(replica));
        self.answer(move |asked, deadline| async move {
            let replica = replica.as_deref();
            asked.verify(deadline, &account, &password, replica).await
        })
    }

    fn servers(&self) -> Vec<ServerState> {
        let state = |server: &Arc<Server>| ServerState {
            name: server.name.clone(),
            down: server.down().map(|(since, failure)| {
                let why = failure.map(|failure| failure.to_string());
                (since, why.unwrap_or_else(|| "connecting".to_owned()))
            }),
        };
        self.asked.pool.servers().iter().map(state).collect()
    }

    fn writer(&self) -> Option<&dyn DirectoryWriter> {
        self.writing.is_some().then_some(self)
    }

    fn replica(&self) -> Option<&dyn AccountReplica> {
        Some(self.replica.as_ref()?.0.as_ref())
    }

    fn list(&self) -> Option<Vec<Arc<Account>>> {
        let (replica, _) = self.replica.as_ref()?;
        if !replica.is_in_use() {
            return None;
        }
        let mut accounts = replica.accounts();
        accounts.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Some(accounts)
    }

    fn read(&self, name: &str, realm: Option<&Realm>) -> Option<Pending<Vec<EntryReport>>> {
        let (name, realm) = (name.to_owned(), realm.cloned());
        Some(self.answer(move |asked, deadline| async move {
            asked.read(deadline, &name, realm.as_ref()).await
        }))
    }
}

impl LdapInner {
    async fn entries(
        &self,
        deadline: Instant,
        name: &str,
        realm: Option<&Realm>,
    ) -> Result<Vec<Entry>, FindError> {
        let found = self.pool.ask(deadline, |ldap| async move {
            let mut entries = self.queries.find(ldap.clone(), name, realm).await?;
            for entry in &mut entries {
                self.queries.add_groups(ldap.clone(), entry).await?;
            }
            Ok(entries)
        });
        found.await.or_else(unavailable)
    }

    async fn read(
        &self,
        deadline: Instant,
        name: &str,
        realm: Option<&Realm>,
    ) -> Result<Vec<EntryReport>, FindError> {
        let entries = self.entries(deadline, name, realm).await?;
        let now = Timestamp::now();
        Ok(entries
            .iter()
            .map(|entry| self.mapping.understand(entry, now))
            .collect())
    }

    async fn find(&self, deadline: Instant, name: &str, realm: Option<&Realm>) -> LookupResult {
        let entries = self.entries(deadline, name, realm).await?;
        let Some(entry) = self.queries.only(&entries, name, realm)? else {
            return Ok(None);
        };
        let report = self.mapping.understand(entry, Timestamp::now());
        let mut account = report.account.map_err(FindError::NotUnderstood)?;
        self.known.join(&mut account);
        Ok(is_called(&account, name).then(|| Arc::new(account)))
    }

    /// `replica` is where the account comes from, if it was not read just now: then its entry may
    /// have another name by now, as all beneath a renamed container have, of which nobody is told.
    async fn verify(
        &self,
        deadline: Instant,
        account: &Account,
        password: &[u8],
        replica: Option<&Replica>,
    ) -> Result<Verdict, FindError> {
        // Nothing that may be sent: an empty password above all (P1).
        let Some(attempt) = BindAttempt::new(account, password) else {
            return Ok(Verdict::Wrong);
        };
        let entry = attempt.entry();
        let result = self.bind(deadline, &attempt).await?;
        let has_failed = schema::bind::may_be_elsewhere(&result);
        let mut verdict = schema::bind::judge(attempt, &result);
        if let (Some(replica), Some(id), true) = (replica, lasting_id(account), has_failed) {
            // Where nobody says, the password was compared and stays wrong.
            let place = self.name_of(deadline, id).await;
            match place {
                Ok(Some(place)) if place != entry => {
                    replica.request_reconcile();
                    let moved = account.at_entry(place);
                    if let Some(again) = BindAttempt::new(&moved, password) {
                        let result = self.bind(deadline, &again).await?;
                        verdict = schema::bind::judge(again, &result);
                    }
                }
                Ok(None) => {
                    replica.request_reconcile();
                    verdict = Ok(schema::bind::gone());
                }
                Ok(Some(_)) | Err(_) => {}
            }
        }
        let verdict = verdict.or_else(unavailable)?;
        if matches!(verdict, Verdict::Closed { .. } | Verdict::Barred { .. }) {
            self.recent.forget(&account.id);
        }
        Ok(verdict)
    }

    async fn bind(
        &self,
        deadline: Instant,
        attempt: &BindAttempt<'_>,
    ) -> Result<LdapResult, FindError> {
        let (entry, password) = (attempt.entry(), attempt.password());
        let bound = self.pool.bind(deadline, entry, password).await;
        bound.or_else(unavailable)
    }

    async fn name_of(&self, deadline: Instant, id: [u8; 16]) -> Result<Option<String>, Failure> {
        let ask = |ldap| self.queries.name_of(ldap, id);
        self.pool.ask(deadline, ask).await
    }
}

fn lasting_id(account: &Account) -> Option<[u8; 16]> {
    match &account.verification {
        Verification::Bind(bind) => bind.lasting_id,
        _ => None,
    }
}

/// Whether an account has exactly this name: a directory may find somebody by one that merely looks
/// like theirs, or has other spaces in it (RFC 4518).
fn is_called(account: &Account, name: &str) -> bool {
    account.id.as_str() == name || account.aliases.iter().any(|alias| alias == name)
}
