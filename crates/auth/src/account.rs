//! The account of one person or machine: the directory's facts that a log-on needs.

use crate::account_reply::AccountReply;
use crate::chap::ChapSecret;
use crate::mschap::NtHash;
use crate::name::AccountId;
use crate::password::{HashDigest, PasswordHash};
use crate::term::Term;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

mod history;
#[cfg(test)]
mod tests;

pub use history::CredentialHistory;

/// How many further passwords of an account are looked at; a log-on costs a hash for each.
pub const MOST_BESIDES: usize = 2;

/// How many previous passwords an account remembers: the last two, as Active Directory does.
pub const PREVIOUS_PASSWORDS: usize = 2;

/// Kind of the account's owner. The rules on registration, fees and leaving hold for students only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// In the student registry.
    Student,
    /// In the staff registry.
    Employee,
    /// Invited for a while.
    Guest,
    /// A device or a program that logs on by itself: a printer, a script.
    Service,
    /// A computer that people log on at: what TEAP takes for the machine, and for nobody else.
    Machine,
    /// The federation's monitoring account (I5).
    Test,
}

impl Kind {
    /// Its word in configuration and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Student => "student",
            Kind::Employee => "employee",
            Kind::Guest => "guest",
            Kind::Service => "service",
            Kind::Machine => "machine",
            Kind::Test => "test",
        }
    }

    /// Whether failed log-ons are counted. A test account is never locked (I5).
    pub fn is_counted(self) -> bool {
        self != Kind::Test
    }
}

/// One account, under its canonical name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The canonical name; locks count on it, however the name was spelled.
    pub id: AccountId,
    /// Kind of the account's owner.
    pub kind: Kind,
    /// The person's name, for pages and the helpdesk.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub mail: Option<String>,
    /// Mobile number as the registry has it; temporary passwords go there and nowhere else.
    #[serde(default)]
    pub mobile: Option<String>,
    /// Facts of the student registry. A student without them is not registered.
    #[serde(default)]
    pub student: Option<StudentFacts>,
    /// Closed by IT support.
    #[serde(default)]
    pub deactivated: Option<Closure>,
    /// Closed after an abuse report.
    #[serde(default)]
    pub suspended: Option<Closure>,
    /// When the account ends (schacExpiryDate); from then on its owner has left.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// The current password; an account without one cannot log on with a password.
    #[serde(default)]
    pub password: Option<Password>,
    /// Further passwords, each as good as `password`, where a directory has several values: at most
    /// [`MOST_BESIDES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<PasswordHash>,
    /// Whether the age of its password is for its source to judge, or for nobody: it never expires
    /// here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub password_ages_elsewhere: bool,
    /// The hash that a stronger one of the same password took the place of: a source that goes on
    /// sending it sends nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgraded_from: Option<HashDigest>,
    /// Earlier passwords, newest first: refused, but not counted.
    #[serde(default)]
    pub previous: Vec<PasswordHash>,
    /// The NT hash of the current password, for MS-CHAP; only where the directory has one. Changed
    /// by [`Account::set_credentials`] and [`Account::set_nt_hash`] alone: one of an earlier
    /// password would let that in again.
    #[serde(default)]
    pub nt_hash: Option<NtHash>,
    /// NT hashes of earlier passwords, newest first: refused, but not counted.
    #[serde(default)]
    pub previous_nt_hashes: Vec<NtHash>,
    /// The secret of a device that speaks nothing better than CHAP, in clear text. It is not the
    /// account's password and does not change with it. Changed by
    /// [`Account::set_legacy_chap_secret`], so that proofs by the old one are void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_chap_secret: Option<ChapSecret>,
    /// The services it may use by name; `None` means all.
    #[serde(default)]
    pub services: Option<Vec<String>>,
    /// The VLAN it belongs in, if not the service's usual one.
    #[serde(default)]
    pub vlan: Option<String>,
    /// Attributes of its own in the reply to the equipment that lets it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<AccountReply>>,
    /// Other names its owner may log on with.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Another one after every password change; proofs and sessions of an older one are void.
    #[serde(default)]
    pub credential_version: u64,
    /// How a password that is offered for it is checked.
    #[serde(default)]
    pub verification: Verification,
}

impl Account {
    /// An open account with nothing known but its name and kind.
    pub fn new(id: AccountId, kind: Kind) -> Account {
        Account {
            id,
            kind,
            display_name: None,
            mail: None,
            mobile: None,
            student: None,
            deactivated: None,
            suspended: None,
            expires: None,
            password: None,
            besides: Vec::new(),
            password_ages_elsewhere: false,
            upgraded_from: None,
            previous: Vec::new(),
            nt_hash: None,
            previous_nt_hashes: Vec::new(),
            legacy_chap_secret: None,
            services: None,
            vlan: None,
            reply: None,
            aliases: Vec::new(),
            credential_version: 0,
            verification: Verification::StoredHash,
        }
    }

    /// Puts a new password in place; the old one becomes the newest previous one. The NT hash goes
    /// with the password that it was of: MS-CHAP is refused until a new one is known.
    pub fn set_password(&mut self, password: Password) {
        self.set_credentials(password, None);
    }

    /// Puts a new password and its NT hash in place; the old ones become the newest previous ones.
    pub fn set_credentials(&mut self, password: Password, nt_hash: Option<NtHash>) {
        if self.verification == Verification::PasswordLocked {
            self.verification = Verification::StoredHash;
        }
        self.replace_credentials(Some(password), nt_hash);
    }

    /// Takes the password away, with its NT hash, until a new one is set: no password opens the
    /// account, and proofs and sessions by the old one are void. Once more changes nothing.
    pub fn lock_password(&mut self) {
        let is_locked = self.verification == Verification::PasswordLocked;
        if is_locked && self.password.is_none() && self.nt_hash.is_none() {
            return;
        }
        self.verification = Verification::PasswordLocked;
        self.besides.clear();
        self.replace_credentials(None, None);
    }

    fn replace_credentials(&mut self, password: Option<Password>, nt_hash: Option<NtHash>) {
        let history = CredentialHistory::of(self);
        self.upgraded_from = None;
        self.password = password;
        self.nt_hash = nt_hash;
        history.pass_to(self);
        self.grow_version();
    }

    /// Puts `new` in the place of `old`, a hash of the very same password, if that is still there:
    /// proofs and sessions hold on, and the password is as old as it was.
    pub fn upgrade_hash(&mut self, old: &PasswordHash, new: PasswordHash) -> bool {
        let current = self.password.as_mut();
        let Some(current) = current.filter(|current| current.hash == *old) else {
            return false;
        };
        current.hash = new;
        self.upgraded_from = old.digest();
        true
    }

    /// Whether `hash` is of the present password, as far as the hashes tell.
    pub fn has_hash(&self, hash: &PasswordHash) -> bool {
        let is_current = |password: &Password| password.hash == *hash;
        self.password.as_ref().is_some_and(is_current)
            || self.upgraded_from.is_some() && self.upgraded_from == hash.digest()
    }

    /// Puts another NT hash in place of the present one, or takes it away, and leaves the password
    /// as it is. The same one again changes nothing.
    pub fn set_nt_hash(&mut self, nt_hash: Option<NtHash>) {
        if self.nt_hash != nt_hash {
            let history = CredentialHistory::of(self);
            self.nt_hash = nt_hash;
            history.pass_to(self);
            self.grow_version();
        }
    }

    /// Puts another CHAP secret in place of the present one, or takes it away. The same one again
    /// changes nothing.
    pub fn set_legacy_chap_secret(&mut self, secret: Option<ChapSecret>) {
        if self.legacy_chap_secret != secret {
            self.legacy_chap_secret = secret;
            self.grow_version();
        }
    }

    fn grow_version(&mut self) {
        self.credential_version = self.credential_version.saturating_add(1);
    }

    /// Kind of the password and the time it was set, wherever it is kept; `None` without one.
    pub fn password_age(&self) -> Option<(PasswordKind, Option<Timestamp>)> {
        match &self.verification {
            Verification::Bind(bind) => Some((bind.kind, bind.changed_at)),
            Verification::StoredHash | Verification::Impossible | Verification::PasswordLocked => {
                self.password
                    .as_ref()
                    .map(|password| (password.kind, Some(password.changed_at)))
            }
        }
    }

    /// Whether the directory may let an earlier password in at this moment, by its date. Where
    /// there is none nobody knows.
    pub fn may_take_earlier_password(&self, at: Timestamp) -> bool {
        match &self.verification {
            Verification::Bind(bind) => {
                let from = bind.sure_from.filter(|from| *from != Timestamp::MAX);
                from.is_some_and(|from| at < from)
            }
            _ => false,
        }
    }

    /// The account with its entry under another name; unchanged if no directory checks its
    /// password.
    pub fn at_entry(&self, name: String) -> Account {
        let mut moved = self.clone();
        if let Verification::Bind(bind) = &mut moved.verification {
            bind.entry = name;
        }
        moved
    }

    /// Whether a password that is right at this moment is surely the present one, and stays so
    /// until the account's credential has another version: only then is anything built on it.
    pub fn is_sure_of_password(&self, at: Timestamp) -> bool {
        match &self.verification {
            Verification::Bind(bind) => bind.sure_from.is_none_or(|from| from <= at),
            // What is remembered of one password says nothing of another that is right as well.
            _ => self.besides.is_empty(),
        }
    }

    /// The account without any hash or secret, for pages and tools.
    pub fn without_secrets(&self) -> Account {
        Account {
            password: None,
            upgraded_from: None,
            previous: Vec::new(),
            nt_hash: None,
            previous_nt_hashes: Vec::new(),
            legacy_chap_secret: None,
            ..self.clone()
        }
    }
}

/// Why, since when and by whom an account was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// In words, for the helpdesk.
    pub reason: String,
    /// When it was closed.
    pub since: Timestamp,
    /// Time at which it opens again by itself; `None` is until it is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The person or source that closed it.
    pub by: String,
}

/// How a password that is offered for an account is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Here, against the stored hash.
    #[default]
    StoredHash,
    /// By the directory, which keeps the hash to itself.
    Bind(BindName),
    /// Not at all: the directory neither gives the hash away nor is it asked to check.
    Impossible,
    /// Not at all: the source has locked the password, so that none is right.
    PasswordLocked,
}

/// Data for a directory to check an account's password, and its facts about that password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindName {
    /// The distinguished name of the account's entry.
    pub entry: String,
    /// When the password was set, where the directory tells.
    #[serde(default)]
    pub changed_at: Option<Timestamp>,
    /// Chosen by the owner, or to be changed first.
    pub kind: PasswordKind,
    /// From when on a bind that succeeds proves the present password; `None` is always. Before, it
    /// may have been an earlier one: Active Directory takes that for a while, and where nobody says
    /// when a password was changed it may have been changed since.
    #[serde(default)]
    pub sure_from: Option<Timestamp>,
    /// The identifier that the entry keeps when its name changes, where that is known and the name
    /// may be out of date: entryUUID, objectGUID or nsUniqueId.
    #[serde(default)]
    pub lasting_id: Option<[u8; 16]>,
    /// Since when the directory's own lock lets nobody bind, where it tells; it does not tell when
    /// that is over.
    #[serde(default)]
    pub locked_since: Option<Timestamp>,
}

/// Facts of a student in the student registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudentFacts {
    /// The latest term the student has registered for.
    #[serde(default)]
    pub registered_for: Option<Term>,
    /// The latest term the fee is paid for.
    #[serde(default)]
    pub fee_paid_for: Option<Term>,
    /// Whether the registry knows the student at present.
    #[serde(default)]
    pub in_registry: bool,
    /// The day the studies were completed or ended, local time.
    #[serde(default)]
    pub ended_on: Option<Date>,
    /// Whether registration and fees are kept by another system, which closes the account on
    /// its own: then neither is asked for here.
    #[serde(default)]
    pub kept_elsewhere: bool,
}

/// The current password: its hash and its age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    /// As stored.
    pub hash: PasswordHash,
    /// When it was set.
    pub changed_at: Timestamp,
    /// Chosen by the owner, or sent to them.
    pub kind: PasswordKind,
}

/// Origin of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordKind {
    /// The owner; valid for a year.
    Permanent,
    /// We did, and sent it by SMS; valid for hours, to be changed at once.
    Temporary,
}
