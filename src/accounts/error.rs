//! Reasons why a use case did nothing.

use portvakt_auth::Refusal;
use portvakt_auth::name::NameError;
use portvakt_auth::password::UnfitPassword;
use portvakt_registry::FeedErrors;
use portvakt_store::StoreError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use portvakt_directory::import::ImportErrors;
use portvakt_directory::{FindError, WriteError};

/// Why a use case did nothing. The tag `error` is a stable code; the fields are for a message.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "kebab-case")]
pub enum ActError {
    /// The text can be no user name.
    #[error("malformed name {user:?}: {cause}")]
    MalformedName {
        /// The text as given.
        user: String,
        /// The rule that it breaks.
        cause: NameError,
    },
    /// The realm of the name is of another institution.
    #[error("foreign realm {realm}")]
    ForeignRealm {
        /// The realm.
        realm: String,
    },
    /// No directory has an account of this name.
    #[error("unknown account {name}")]
    UnknownAccount {
        /// The name.
        name: String,
    },
    /// Accounts of several realms have this name.
    #[error("ambiguous name {name}")]
    AmbiguousName {
        /// The name without a realm.
        name: String,
        /// Full names, of which each is of one account.
        full_names: Vec<String>,
    },
    /// The directory did not do it.
    #[error("{detail}")]
    Directory {
        /// The kind of failure.
        fault: DirectoryFault,
        /// The directory's own account of it, in English.
        detail: String,
    },
    /// The directory of the account is read-only to this server.
    #[error("read-only directory")]
    ReadOnlyDirectory,
    /// None of the directories can list its accounts.
    #[error("directory without a list")]
    NotListable,
    /// Accounts are kept in this server's own database, so there is no directory entry.
    #[error("no directory is asked")]
    NoDirectory,
    /// No client has this service.
    #[error("unknown service {service}")]
    UnknownService {
        /// The service asked for.
        service: String,
        /// The services that clients have.
        offered: Vec<String>,
    },
    /// No condition says which sessions: all of them is not meant.
    #[error("no condition")]
    NoCondition,
    /// The text is no MAC address.
    #[error("no MAC address {text:?}")]
    NoMacAddress {
        /// The text as given.
        text: String,
    },
    /// The text is neither the number nor the name of a VLAN.
    #[error("no VLAN {text:?}")]
    NoVlan {
        /// The text as given.
        text: String,
    },
    /// The policy does not take the new password.
    #[error(transparent)]
    UnfitPassword(#[from] UnfitPassword),
    /// There was no memory to hash a password in.
    #[error("out of memory")]
    OutOfMemory,
    /// No account of this name has an open code like this one; nothing more is told.
    #[error("code refused")]
    CodeRefused,
    /// Somebody is guessing PINs: none is compared for a while, whoever offers it.
    #[error("too many wrong PINs in all")]
    TooManyTries,
    /// The account is closed, whatever its password.
    #[error("account closed: {refusal}")]
    AccountClosed {
        /// The reason.
        refusal: Refusal,
    },
    /// The account had as many windows as it may have in a month.
    #[error("{most} windows in a month")]
    TooManyWindows {
        /// The most.
        most: u8,
    },
    /// A window shorter or longer than one may be.
    #[error("window too short or too long")]
    WindowLength,
    /// PINs open nothing here.
    #[error("PINs switched off")]
    PinsSwitchedOff,
    /// The text is no PIN of four digits.
    #[error("malformed PIN")]
    MalformedPin,
    /// The text is no mobile number.
    #[error("malformed number: {detail}")]
    MalformedNumber {
        /// The rule that it breaks, in English.
        detail: String,
    },
    /// No message was sent.
    #[error("not sent: {detail}")]
    NotSent {
        /// The reason, in English.
        detail: String,
    },
    /// Another change of the account came first.
    #[error("account changed meanwhile")]
    ChangedMeanwhile,
    /// The LDIF was not imported, or not all of it.
    #[error("{detail}")]
    Import {
        /// Every problem in lines of its own, in English.
        detail: String,
    },
    /// A file of the student registry has mistakes; nothing of it is in force.
    #[error("file of the registry not taken")]
    RegistryFile {
        /// Every mistake.
        mistakes: FeedErrors,
    },
    /// Other files came in between again and again.
    #[error("other imports came first")]
    RegistryBusy,
    /// No file that is held back has this digest.
    #[error("no held file {digest}")]
    UnknownDigest {
        /// As given.
        digest: String,
    },
    /// There is no import of this number.
    #[error("no import {import}")]
    UnknownImport {
        /// The number.
        import: i64,
    },
    /// The import is not in force, or has been for too long.
    #[error("import {import} cannot be undone")]
    NotUndoable {
        /// The number.
        import: i64,
    },
    /// The registry has told of no such person.
    #[error("unknown person {name}")]
    UnknownPerson {
        /// As given.
        name: String,
    },
    /// The account is not a student's.
    #[error("{account} is no student")]
    NotStudent {
        /// The account's name.
        account: String,
    },
    /// An exemption ends within a year, and not before today.
    #[error("no end of an exemption {until}")]
    UntilNotFit {
        /// As given.
        until: String,
    },
    /// No terms are configured.
    #[error("no terms")]
    NoTerms,
    /// The audit log could not be written.
    #[error("audit log not written")]
    AuditNotWritten,
    /// The database could not be read.
    #[error("{detail}")]
    Store {
        /// The database's own account of it.
        detail: String,
    },
}

/// Kinds of failure of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryFault {
    /// It does not answer. Trying again later may help.
    Unavailable,
    /// Its entry makes no account, or several entries have the name.
    Entry,
    /// It has no such account any more.
    Gone,
    /// It takes no change of this kind.
    NotWritable,
    /// It refuses the change.
    Refused,
    /// It refuses the new password.
    PasswordUnfit,
    /// A part of the change was made.
    HalfDone,
    /// The disk refuses.
    Disk,
}

impl ActError {
    /// Whether the name led to no account, rather than the act failing for one.
    #[must_use]
    pub fn is_of_name(&self) -> bool {
        matches!(
            self,
            Self::MalformedName { .. }
                | Self::ForeignRealm { .. }
                | Self::UnknownAccount { .. }
                | Self::AmbiguousName { .. }
                | Self::Directory { .. }
        )
    }
}

impl From<FindError> for ActError {
    fn from(error: FindError) -> Self {
        Self::Directory {
            fault: fault_of(&error),
            detail: error.to_string(),
        }
    }
}

fn fault_of(error: &FindError) -> DirectoryFault {
    match error {
        FindError::Unavailable(_) => DirectoryFault::Unavailable,
        FindError::Ambiguous(_) | FindError::NotUnderstood(_) => DirectoryFault::Entry,
    }
}

impl From<WriteError> for ActError {
    fn from(error: WriteError) -> Self {
        let fault = match &error {
            WriteError::Unknown(_) => DirectoryFault::Gone,
            WriteError::NotRemovable(_) | WriteError::NotWritable(_) => DirectoryFault::NotWritable,
            WriteError::Directory(error) => fault_of(error),
            WriteError::Unfit(_) => DirectoryFault::PasswordUnfit,
            WriteError::HalfDone { .. } => DirectoryFault::HalfDone,
            WriteError::Store(_) => DirectoryFault::Disk,
            WriteError::Renamed(_)
            | WriteError::NameTaken { .. }
            | WriteError::Alias { .. }
            | WriteError::Refused(_)
            | WriteError::Overruled(_)
            | WriteError::Naming(_) => DirectoryFault::Refused,
        };
        let detail = error.to_string();
        Self::Directory { fault, detail }
    }
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        Self::Store { detail }
    }
}

impl From<FeedErrors> for ActError {
    fn from(mistakes: FeedErrors) -> Self {
        Self::RegistryFile { mistakes }
    }
}

impl From<ImportErrors> for ActError {
    fn from(error: ImportErrors) -> Self {
        let detail = error.to_string();
        Self::Import { detail }
    }
}
