//! Sources of accounts: the trait [`Directory`], and the facts that sources give of accounts.
//!
//! [`Directory::find`] answers at once where the account is in memory, or with a [`Pending`] lookup
//! that is answered later and holds no thread meanwhile. An [`entry`] of LDIF or LDAP is read by
//! [`entry_reader`] into [`account_facts`], which merge with the account that is known.
//!
//! The crate does no IO and reads no clock.

pub mod account_facts;
pub mod attributes;
pub mod dn;
pub mod entry;
pub mod entry_reader;
mod entry_report;
pub mod generalized_time;
pub mod import;
pub mod ldif;
mod naming;
pub mod pending;
mod replica;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portvakt_auth::account::Account;
use portvakt_auth::mschap::NtHash;
use portvakt_auth::name::{AccountId, NameError, Realm};
use portvakt_auth::{BindLeave, Password, PasswordHash};
use thiserror::Error;
use zeroize::Zeroizing;

pub use entry_report::{AttributeReport, EntryFault, EntryReport};
pub use naming::{Naming, NamingError};
pub use pending::{Completion, LookupResult, Pending, PendingLookup, Verdict, Verify};
pub use replica::{AccountReplica, OnChange, ReplicaState, ReplicaStatus};

/// Accounts by name.
pub trait Directory: Send + Sync {
    /// Looks up the account of a normalised user name or alias. Never waits: what has to be asked
    /// elsewhere comes back as [`Found::Pending`].
    fn find(&self, name: &str, realm: Option<&Realm>) -> Found;

    /// How its accounts are told from those of other directories.
    fn naming(&self) -> &Naming;

    /// The account as the directory last had it, if it told of it within [`grace`](Self::grace):
    /// for when it can't be asked, and for nobody who has not proven who they are before.
    fn recall(&self, name: &str, realm: Option<&Realm>) -> Option<Arc<Account>> {
        let (_, _) = (name, realm);
        None
    }

    /// How long what the directory told of an account serves while it can't be asked.
    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    /// Has the directory check a password, for an account that says so
    /// ([`Verification::Bind`](portvakt_auth::Verification)). Never waits. Whether the account is
    /// locked here is the caller's to know, and to know before: what is asked here counts there. And
    /// it counts here, whatever becomes of the answer: hence the leave.
    fn verify(
        &self,
        account: &Arc<Account>,
        password: Zeroizing<Vec<u8>>,
        leave: BindLeave,
    ) -> Verify {
        let (_, _, _) = (account, password, leave);
        Verify::answered(Err(FindError::Unavailable(
            "this directory checks no passwords".into(),
        )))
    }

    /// The servers behind it and how they fare; none where there are none.
    fn servers(&self) -> Vec<ServerState> {
        Vec::new()
    }

    /// Its accounts in memory, where they are kept.
    fn replica(&self) -> Option<&dyn AccountReplica> {
        None
    }

    /// The entries of a name and their meaning, for the operator; `None` where the accounts have no entries
    /// behind them.
    fn read(&self, name: &str, realm: Option<&Realm>) -> Option<Pending<Vec<EntryReport>>> {
        let (_, _) = (name, realm);
        None
    }

    /// All accounts, ordered by name; `None` if this directory cannot list them.
    fn list(&self) -> Option<Vec<Arc<Account>>> {
        None
    }

    /// The way to change accounts, where there is one.
    fn writer(&self) -> Option<&dyn DirectoryWriter> {
        None
    }
}

/// A directory that is in use, under the name that the configuration has for it.
#[derive(Clone)]
pub struct OpenDirectory {
    /// Unique; a label in metrics and logs.
    pub name: String,
    /// The accounts.
    pub directory: Arc<dyn Directory>,
}

/// How a server of a directory fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// Its address.
    pub name: String,
    /// How long it can't have been asked, and why not; `None` while it can.
    pub down: Option<(Duration, String)>,
}

/// Outcome of a look-up.
pub enum Found {
    /// The account, as it is at this moment.
    Account(Arc<Account>),
    /// No account has this name.
    Unknown,
    /// The answer is elsewhere.
    Pending(PendingLookup),
}

impl Found {
    /// The account, waiting for it if need be, as [`Pending::wait`] does.
    ///
    /// # Errors
    /// [`FindError`], only where somebody had to be asked.
    pub fn wait(self, began: Instant) -> LookupResult {
        match self {
            Self::Account(account) => Ok(Some(account)),
            Self::Unknown => Ok(None),
            Self::Pending(ask) => ask.wait(began),
        }
    }
}

/// Why a directory could not say who this is. Not the user's fault: nothing is counted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FindError {
    /// It did not answer, not in time, or not to the question; in words.
    #[error("the directory does not answer: {0}")]
    Unavailable(Cow<'static, str>),
    /// Two entries have this name; nobody is let in (P2). Their names, where they are known.
    #[error("two entries of the directory have this name{}", in_words(.0))]
    Ambiguous(Vec<String>),
    /// There is an entry, but what it says makes no account.
    #[error("the directory's entry can't be understood: {0}")]
    NotUnderstood(#[from] EntryFault),
}

fn in_words(entries: &[String]) -> String {
    match entries {
        [] => String::new(),
        entries => format!(": {}", entries.join("; ")),
    }
}

/// A change of an account, given its present state: the account to write, or `None` to leave it.
pub type Change<'a> = Box<dyn FnOnce(Option<&Account>) -> Option<Account> + 'a>;

/// A password that somebody has chosen for an account.
pub struct NewPassword<'a> {
    /// The password itself, where it is at hand: a directory may want to hash it by itself.
    pub text: Option<&'a str>,
    /// As it is kept where a hash is.
    pub kept: Password,
    /// Its NT hash, if that is to be kept, too.
    pub nt_hash: Option<NtHash>,
    /// The version of the credential that it is to take the place of; `None` for whatever is there.
    pub in_place_of: Option<u64>,
}

/// Changes accounts. Each call waits for the disk: not for a thread that must not wait.
pub trait DirectoryWriter: Send + Sync {
    /// Makes all changes or none. Each sees the account as the one before it left it. What is
    /// returned has been written, is durable, and is what [`Directory::find`] now returns.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing has changed.
    fn apply(&self, changes: Vec<(AccountId, Change<'_>)>)
    -> Result<Vec<Arc<Account>>, WriteError>;

    /// Puts a new password in place. `None` if the account has another version of its credential
    /// than the new one was to take the place of: nothing has changed then.
    ///
    /// # Errors
    /// [`WriteError::Unknown`], [`WriteError::Unfit`] where the directory has rules of its own for
    /// passwords, or as [`apply`](Self::apply).
    fn set_password(
        &self,
        id: &AccountId,
        new: NewPassword<'_>,
    ) -> Result<Option<Arc<Account>>, WriteError> {
        keep_password(id, new, |changes| self.apply(changes))
    }

    /// Whether hashes may be replaced by stronger ones of the same password.
    fn upgrades_hashes(&self) -> bool {
        false
    }

    /// Puts `new` in place of `old`, a hash of the same password, if that is still there; whether
    /// it was. For nobody a change of password: proofs and sessions hold on.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    fn upgrade_hash(
        &self,
        id: &AccountId,
        old: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, WriteError> {
        let change: Change<'_> = Box::new(|found| {
            let mut account = found?.clone();
            account.upgrade_hash(old, new).then_some(account)
        });
        Ok(!self.apply(vec![(id.clone(), change)])?.is_empty())
    }

    /// Removes an account and all its names, durably.
    ///
    /// # Errors
    /// [`WriteError`]; then it is still there. Where accounts are somebody else's to remove:
    /// [`WriteError::NotRemovable`].
    fn remove(&self, id: &AccountId) -> Result<(), WriteError> {
        Err(WriteError::NotRemovable(id.clone()))
    }
}

impl dyn DirectoryWriter + '_ {
    /// Puts accounts in place of what was there under their names.
    ///
    /// # Errors
    /// As [`DirectoryWriter::apply`].
    pub fn put(&self, accounts: Vec<Account>) -> Result<Vec<Arc<Account>>, WriteError> {
        let change = |account: Account| -> (AccountId, Change<'_>) {
            (account.id.clone(), Box::new(move |_| Some(account)))
        };
        self.apply(accounts.into_iter().map(change).collect())
    }

    /// Changes one account that exists.
    ///
    /// # Errors
    /// [`WriteError::Unknown`], or as [`DirectoryWriter::apply`].
    pub fn update(
        &self,
        id: &AccountId,
        change: impl FnOnce(&mut Account),
    ) -> Result<Arc<Account>, WriteError> {
        let change = |found: Option<&Account>| {
            let mut account = found?.clone();
            change(&mut account);
            Some(account)
        };
        let changed = self.apply(vec![(id.clone(), Box::new(change))])?;
        changed
            .into_iter()
            .next()
            .ok_or_else(|| WriteError::Unknown(id.clone()))
    }
}

/// Puts the hash of a new password in place, by way of `apply`.
pub fn keep_password(
    id: &AccountId,
    new: NewPassword<'_>,
    apply: impl FnOnce(Vec<(AccountId, Change<'_>)>) -> Result<Vec<Arc<Account>>, WriteError>,
) -> Result<Option<Arc<Account>>, WriteError> {
    let mut is_known = false;
    let change: Change<'_> = Box::new(|found| {
        let mut account = found?.clone();
        is_known = true;
        let version = account.credential_version;
        if new.in_place_of.is_some_and(|wanted| wanted != version) {
            return None;
        }
        account.set_credentials(new.kept, new.nt_hash);
        Some(account)
    });
    let changed = apply(vec![(id.clone(), change)])?.into_iter().next();
    match (changed, is_known) {
        (None, false) => Err(WriteError::Unknown(id.clone())),
        (changed, _) => Ok(changed),
    }
}

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum WriteError {
    /// There is no such account.
    #[error("there is no account {0}")]
    Unknown(AccountId),
    /// Accounts are not removed here.
    #[error("{0} can't be removed here: remove it where it is kept")]
    NotRemovable(AccountId),
    /// The change would give an account another name than it was asked for.
    #[error("an account keeps its name; {0} cannot be renamed")]
    Renamed(AccountId),
    /// Two accounts would answer to one name.
    #[error("{account} cannot have the name {name}: it belongs to {owner}")]
    NameTaken {
        /// The name or alias.
        name: String,
        /// The account.
        owner: AccountId,
        /// The account that asks for it.
        account: AccountId,
    },
    /// An alias that could never be looked up.
    #[error("{alias:?} cannot be another name of {account}: {cause}")]
    Alias {
        /// The alias's account.
        account: AccountId,
        /// As given.
        alias: String,
        /// The fault.
        cause: NameError,
    },
    /// The directory could not be asked, or has nobody that can be told apart.
    #[error(transparent)]
    Directory(#[from] FindError),
    /// The directory has no place for it, or it is not ours to change there; what.
    #[error("{0} can't be written into the directory: change that where it is kept")]
    NotWritable(&'static str),
    /// The directory says no, in its words.
    #[error("the directory refuses the change: {0}")]
    Refused(String),
    /// The directory has rules for passwords, which this one breaks; which.
    #[error("the directory does not take this password: {0}")]
    Unfit(String),
    /// The new password counts, and something that goes with it does not; in the directory's words.
    #[error("{account} has the new password, but what goes with it was not written: {cause}")]
    HalfDone {
        /// The account.
        account: AccountId,
        /// The directory's answer.
        cause: String,
    },
    /// Written, and without effect.
    #[error(
        "the directory took the change, but another of its attributes says otherwise: \
         `portvakt account show {0} --raw`"
    )]
    Overruled(AccountId),
    /// No account of this directory can have that name.
    #[error(transparent)]
    Naming(#[from] NamingError),
    /// The disk refuses.
    #[error("{0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}
