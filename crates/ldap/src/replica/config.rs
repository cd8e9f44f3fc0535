//! Configuration of a replica: the mirrored subtree, the method, the mapping.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use ldap3::{Ldap, Scope};
use portvakt_auth::account::Account;
use portvakt_sealing::SealingKey;
use tokio::task::JoinHandle;

use crate::{Failure, Faults, Flow};
use portvakt_directory::EntryFault;
use portvakt_directory::entry::Entry;

/// The way in which a mirror is kept current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMethod {
    /// The first of the other methods that the server supports.
    Auto,
    /// RFC 4533: changes come within a moment.
    Sync,
    /// Active Directory's DirSync: deletions are told of.
    DirSync,
    /// Asking for what has changed since; deletions show at the next whole load.
    Poll,
}

/// The mirrored subtree, and the method.
#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    /// The directory's name, for logs.
    pub name: String,
    /// The way.
    pub method: SyncMethod,
    /// Whether it is Active Directory.
    pub is_active_directory: bool,
    /// The entry beneath which people are.
    pub base: String,
    /// How far beneath.
    pub scope: Scope,
    /// Filter that all users' entries match, in its parentheses.
    pub filter: String,
    /// The attributes that are read.
    pub attributes: Vec<String>,
    /// The attribute that names an entry for good: entryUUID, objectGUID, nsUniqueId.
    pub id_attribute: &'static str,
    /// How often changes are asked for, where they are not told of.
    pub poll_every: Duration,
    /// How often all is read anew.
    pub reconcile_every: Duration,
    /// A connection that is silent for so long is asked whether it still stands.
    pub keep_alive: Duration,
    /// How long one question may take.
    pub operation_timeout: Duration,
    /// Path of the journal; `None` keeps none.
    pub journal: Option<PathBuf>,
    /// Everything on which it depends how an entry is understood, in words: a journal of other words
    /// is not read.
    pub fingerprint: String,
}

/// A connection, and the task that reads and writes it.
pub struct OpenConnection {
    /// Bound under our own name.
    pub ldap: Ldap,
    /// When it ends, so has the connection.
    pub driver: JoinHandle<()>,
    /// Why it ended, where that is for what the directory sent.
    pub faults: Faults,
    /// How far it is read.
    pub flow: Flow,
}

/// A connection in the making.
pub type Connect<'a> = Pin<Box<dyn Future<Output = Result<OpenConnection, Failure>> + Send + 'a>>;

/// Makes connections and understands entries.
pub trait EntrySource: Send + Sync + 'static {
    /// A connection to a server that is up, under our own name, on the runtime of the caller.
    fn connect(&self) -> Connect<'_>;

    /// The key that seals NT hashes in the journal; without one nothing is sealed.
    fn sealing_key(&self) -> Option<SealingKey> {
        None
    }

    /// The account that an entry describes; `None` if it is nobody's. `known` is the account as it
    /// was understood before.
    ///
    /// # Errors
    /// [`EntryFault`].
    fn understand(
        &self,
        entry: &Entry,
        known: Option<&Account>,
    ) -> Result<Option<Account>, EntryFault>;
}

impl fmt::Display for SyncMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Sync => "sync",
            Self::DirSync => "dirsync",
            Self::Poll => "poll",
        })
    }
}
