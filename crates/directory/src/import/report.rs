//! Reports of an import: its changes, or the problems that stopped it.

use std::fmt;
use std::sync::Arc;

use portvakt_auth::name::AccountId;
use portvakt_auth::password::HashError;
use thiserror::Error;

use super::super::entry_reader::AttributeFault;
use super::super::ldif::LdifFault;
use super::super::{FindError, NamingError, WriteError};

/// Problems told in full; further ones are counted.
const MAX_LISTED: usize = 1_000;

/// The changes of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Accounts that are new.
    pub created: usize,
    /// Accounts that differ from before.
    pub changed: usize,
    /// Accounts that were so already.
    pub unchanged: usize,
    /// Of the changed ones, those with a new password.
    pub passwords_changed: usize,
    /// Records that are nobody's account: organisational units, groups.
    pub not_accounts: usize,
    /// Accounts whose source has locked their password.
    pub passwords_locked: usize,
    /// Accounts that keep their password, as the file has none for them.
    pub passwords_kept: usize,
    /// Accounts that nobody can log on to, as their names are of other realms.
    pub foreign_names: ProblemList,
    /// Accounts that stay as they were, as their records were left out.
    pub as_they_were: ProblemList,
    /// Records left out; empty unless told to keep going.
    pub problems: ProblemList,
    /// Records whose password was left out, as the account has a later one. The rest of them was
    /// imported.
    pub older_passwords: ProblemList,
}

/// Why nothing was imported, or not all.
#[derive(Debug, Error)]
pub enum ImportErrors {
    /// The file is not right; nothing was written.
    #[error("{0}nothing was imported")]
    Rejected(ProblemList),
    /// No record of the file is an account.
    #[error("{0}")]
    NoAccounts(NotAccounts),
    /// This directory's accounts are kept elsewhere.
    #[error("this directory cannot be written to")]
    ReadOnly,
    /// The directory could not say whom it has.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The import stopped in the middle.
    #[error("{written} accounts were written, then: {cause}; run the import again to complete it")]
    Write {
        /// Accounts written before.
        written: usize,
        /// The problems that stopped it.
        #[source]
        cause: WriteError,
    },
}

/// Records of a file that are nobody's accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotAccounts {
    /// How many.
    pub count: usize,
    /// The file.
    pub source: Arc<str>,
    /// The attribute that would have the user name.
    pub user_name: String,
    /// An attribute of theirs that may be meant.
    pub instead: Option<String>,
}

impl fmt::Display for NotAccounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            source,
            user_name,
            instead,
        } = self;
        if *count == 0 {
            return write!(
                formatter,
                "{source}: there is no entry in it: nothing was imported"
            );
        }
        let entries = match count {
            1 => "1 entry has".to_owned(),
            count => format!("{count} entries have"),
        };
        write!(
            formatter,
            "{source}: {entries} no {user_name} and can be nobody's account"
        )?;
        if let Some(instead) = instead {
            write!(
                formatter,
                ", but {instead}: if that is the user name, set user-name in \
                 [accounts.attributes]"
            )?;
        }
        write!(formatter, "; nothing was imported")
    }
}

/// A problem of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemList {
    /// The first thousand, in the order they were found.
    pub listed: Vec<ImportError>,
    /// How many there are.
    pub total: usize,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportError {
    /// The file.
    pub source: Arc<str>,
    /// The line.
    pub line: u64,
    /// The attribute, where it is about one.
    pub attribute: Option<String>,
    /// The problem.
    pub fault: ImportFault,
}

/// The kinds of problems.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImportFault {
    /// With the text.
    #[error(transparent)]
    Ldif(#[from] LdifFault),
    /// With an attribute.
    #[error(transparent)]
    Attribute(#[from] AttributeFault),
    /// With the password.
    #[error(transparent)]
    Password(#[from] HashError),
    /// With the name, beside other directories.
    #[error(transparent)]
    Naming(#[from] NamingError),
    /// Not a mistake, but not what whoever made the file may expect.
    #[error(
        "the account has a password that was set later, or has had this one before: it keeps its \
         own. If this one is meant, give it a later time of change, or set it by \
         `portvakt account set-password`"
    )]
    OlderPassword,
    /// Not a mistake, but an account that nobody can use.
    #[error(
        "{0} has a realm that is none of those whose people are here: nobody can log on to this \
         account"
    )]
    ForeignName(AccountId),
    /// Not a mistake: what became of the account of a record that was left out.
    #[error("{name} stays as it was: {state}")]
    AsItWas {
        /// Its name.
        name: AccountId,
        /// Open or closed.
        state: &'static str,
    },
    /// Two records of the file claim one name (P2).
    #[error("the name {name} is already that of the record in line {other}")]
    NameTwice {
        /// The user name or alias.
        name: String,
        /// Line where the other record begins.
        other: u64,
    },
    /// An account outside the file has this name (P2).
    #[error("the name {name} belongs to the account {owner}")]
    NameTaken {
        /// The user name or alias.
        name: String,
        /// The account.
        owner: AccountId,
    },
}

impl ProblemList {
    pub(super) fn add(&mut self, problem: ImportError) {
        self.total += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(problem);
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: ", self.source, self.line)?;
        if let Some(attribute) = &self.attribute {
            write!(formatter, "{attribute}: ")?;
        }
        self.fault.fmt(formatter)
    }
}

impl fmt::Display for ProblemList {
    /// One line each.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.listed {
            writeln!(formatter, "{problem}")?;
        }
        match self.total.saturating_sub(self.listed.len()) {
            0 => Ok(()),
            more => writeln!(formatter, "and {more} more problems"),
        }
    }
}
