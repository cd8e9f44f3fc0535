//! What goes over the control socket: one JSON line to ask, JSON lines to answer.
//!
//! An import's LDIF follows its line as so many octets. The command line hashes a password first; in
//! clear text it goes along only where a directory wants to hash it by itself.

use std::fmt;

use jiff::Timestamp;
use portvakt_auth::mschap::NtHash;
use portvakt_auth::{Account, Kind, PasswordHash, PasswordKind};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::explain::Explanation;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Accounts, in the order of their names.
    List {
        /// Only these.
        filter: Option<Filter>,
        /// At most so many.
        limit: usize,
    },
    /// All that is known of one account; hashes are left out.
    Show {
        /// Name or alias, with or without realm.
        user: String,
    },
    /// What the directory has under a name, and how it is understood; hashes are left out.
    Raw {
        /// Name or alias, with or without realm.
        user: String,
    },
    /// Whether an account may come in, why not, what happened lately, and what to do.
    Explain {
        /// Name or alias, with or without realm.
        user: String,
        /// The service it is asked for; those of the clients, where none is given.
        service: Option<String>,
    },
    /// Has every attempt so far in the audit log before it is answered.
    Flush,
    /// Ends a lock after failed log-ons and forgets the failures.
    Unlock {
        /// Name or alias.
        user: String,
        /// For the audit log.
        why: String,
    },
    /// Closes an account after an abuse report.
    Suspend {
        /// Name or alias.
        user: String,
        /// For the audit log and the helpdesk.
        why: String,
    },
    /// Closes an account until [`Request::Restore`].
    Deactivate {
        /// Name or alias.
        user: String,
        /// For the audit log and the helpdesk.
        why: String,
    },
    /// Takes suspension and deactivation back.
    Restore {
        /// Name or alias.
        user: String,
        /// For the audit log.
        why: String,
    },
    /// Puts a new password in place.
    SetPassword {
        /// Name or alias.
        user: String,
        /// Its hash.
        hash: PasswordHash,
        /// Its NT hash, where `accounts.write-nt-hashes-danger` asks for one.
        #[serde(default)]
        nt_hash: Option<NtHash>,
        /// The password itself, where the directory hashes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<ClearPassword>,
        /// Whether it is a temporary one, valid for hours.
        temporary: bool,
        /// For the audit log.
        why: String,
    },
    /// Removes an account for good.
    Delete {
        /// Name or alias.
        user: String,
        /// For the audit log.
        why: String,
    },
    /// Adds or changes the accounts of an LDIF text, which follows.
    Import {
        /// Octets of LDIF after this line.
        octets: u64,
        /// What messages call the text.
        file: String,
        /// Whether records without a mistake are imported when others have one.
        keep_going: bool,
        /// Whether passwords in clear text are hashed rather than refused.
        hash_cleartext: bool,
    },
}

/// A password in clear text. Wiped when it is dropped, and never shown.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClearPassword(pub Zeroizing<String>);

impl fmt::Debug for ClearPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClearPassword([redacted])")
    }
}

/// Which accounts to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Locked after failed log-ons.
    Locked,
    /// Refused for any other reason.
    Closed,
}

/// What is answered; only [`Response::Progress`] is followed by another.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Response {
    /// It is done, and this is what changed.
    Done {
        /// A sentence.
        message: String,
    },
    /// It can't be done; nothing changed.
    Refused {
        /// What is wrong, and what to do.
        message: String,
    },
    /// The accounts asked for.
    Accounts {
        /// In the order of their names.
        accounts: Vec<Summary>,
        /// How many there are beyond the limit.
        more: usize,
        /// Directories that can't list theirs.
        #[serde(default)]
        unlisted: Vec<String>,
    },
    /// One account.
    Account {
        /// Without hashes.
        account: Box<Account>,
        /// What may be told of its password.
        password: Option<PasswordFacts>,
        /// Whether it has an NT hash, for MS-CHAP.
        nt_hash: bool,
        /// Whether it has a secret for CHAP.
        legacy_chap_secret: bool,
    },
    /// What the directory has under a name: one entry, if all is well.
    Entries {
        /// Each with what was made of it.
        entries: Vec<RawEntry>,
    },
    /// The state of one account.
    Explanation(Box<Explanation>),
    /// Nobody can be explained under that name.
    Nobody {
        /// Why not.
        message: String,
    },
    /// An import is under way.
    Progress {
        /// Records or octets done.
        done: u64,
        /// Of so many.
        of: u64,
        /// What is being done: `reading`, `writing`.
        step: String,
    },
    /// An import has ended.
    Imported(Imported),
}

/// An entry of the directory, and what was made of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawEntry {
    /// Its distinguished name.
    pub dn: String,
    /// What was read.
    pub values: Vec<RawValue>,
    /// Why it is no account; `None` if it is one.
    pub fault: Option<String>,
}

/// A value, and how it is understood.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawValue {
    /// The attribute.
    pub attribute: String,
    /// Its value; of a hash only its scheme.
    pub value: String,
    /// What it means here.
    pub meaning: String,
}

/// What may be told of a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordFacts {
    /// The scheme of its hash; `None` where the directory checks it.
    pub scheme: Option<String>,
    /// When it was set, where that is known.
    pub changed_at: Option<Timestamp>,
    /// Chosen by its owner, or sent to them.
    pub kind: PasswordKind,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Accounts that are new.
    pub added: usize,
    /// Accounts that changed.
    pub changed: usize,
    /// Accounts that were as the file has them.
    pub unchanged: usize,
    /// What was wrong, each with file, line, attribute and reason.
    pub problems: Vec<String>,
    /// How many there were; more than are listed where there are very many.
    pub problems_in_all: usize,
    /// Records whose password was left out, as the account has a later one.
    #[serde(default)]
    pub older_passwords: Vec<String>,
    /// How many there were.
    #[serde(default)]
    pub older_passwords_in_all: usize,
    /// Accounts that stay as they were, as their records were left out, and whether they are open.
    #[serde(default)]
    pub as_they_were: Vec<String>,
    /// How many there are.
    #[serde(default)]
    pub as_they_were_in_all: usize,
    /// Accounts that nobody can log on to, as their names are of other realms.
    #[serde(default)]
    pub foreign_names: Vec<String>,
    /// How many there are.
    #[serde(default)]
    pub foreign_names_in_all: usize,
    /// Accounts whose source has locked their password.
    #[serde(default)]
    pub passwords_locked: usize,
    /// Accounts that keep their password, as the file has none for them.
    #[serde(default)]
    pub passwords_kept: usize,
    /// Records that are nobody's account.
    #[serde(default)]
    pub not_accounts: usize,
}

/// A line of the list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The account's name.
    pub name: String,
    /// Whose it is.
    pub kind: Kind,
    /// The person's name.
    pub display_name: Option<String>,
    /// `open`, or the code of the reason it would be refused for.
    pub state: String,
    /// When the lock after failed log-ons ends.
    pub locked_until: Option<Timestamp>,
}
