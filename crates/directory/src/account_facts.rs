//! An account as a source describes it, and how it is joined with what is known already.

mod record;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use portvakt_auth::account::{Account, Closure, Kind, Password, PasswordKind};
use portvakt_auth::chap::ChapSecret;
use portvakt_auth::mschap::NtHash;
use portvakt_auth::name::AccountId;
use portvakt_auth::password::{Argon2Cost, HashError, HashMemory, PasswordHash, canonical};
use zeroize::Zeroizing;

use super::attributes::AttributeMap;
use super::entry::Entry;
use super::entry_reader::AttributeError;
use super::naming::{Naming, NamingError};

use record::RecordReader;

/// The author of a closure that comes from a source. A closure by an operator stays, whatever the source
/// has.
pub const SOURCE: &str = "directory";

/// Why an account is closed whose source has put a mark in the place of its password.
pub const PASSWORD_LOCKED: &str = "password locked by the source";

/// An account as a source describes it: everything but what only we know.
#[derive(Clone, Debug)]
pub struct AccountFacts {
    /// Without its credentials, which are in the fields below.
    pub account: Account,
    /// The password; `None` if the source says nothing of one.
    pub password: Option<PasswordFact>,
    /// Whether the password is a temporary one.
    pub password_kind: PasswordKind,
    /// When the password was set, by whatever attribute it is known.
    pub password_changed_at: Option<Timestamp>,
    /// The NT hash.
    pub nt_hash: NtHashFact,
    /// The CHAP secret.
    pub legacy_chap_secret: ChapSecretFact,
    /// The user name has a realm that is not ours: nobody can log on with it here.
    pub has_foreign_name: bool,
}

/// The password as a source gives it. Shows nothing of it in `Debug`.
#[derive(Clone)]
pub enum PasswordFact {
    /// Its hash.
    Hash(PasswordHash),
    /// The password itself, which is never stored.
    Cleartext(Zeroizing<Vec<u8>>),
    /// None is right.
    Locked,
}

impl std::fmt::Debug for PasswordFact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordFact(…)")
    }
}

/// The NT hash as a source gives it.
#[derive(Clone, Debug)]
pub enum NtHashFact {
    /// Nothing: the account keeps the one it has, as long as it keeps its password.
    Unsaid,
    /// That there is none.
    None,
    /// This one.
    Is(NtHash),
}

/// The CHAP secret as a source gives it.
#[derive(Clone, Debug)]
pub enum ChapSecretFact {
    /// Nothing, for it was not asked.
    Unasked,
    /// This one, or that there is none.
    Is(Option<ChapSecret>),
}

/// Outcome of a draft's password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PasswordOutcome {
    /// It is the account's password, and was before.
    Kept,
    /// It is the account's password now; its NT hash went with it.
    Replaced,
    /// The account has had it and left it behind, so the draft is older than the account.
    Outdated,
    /// The account has none any more, nor an NT hash.
    Locked,
}

/// Makes the hash of a cleartext password; gets the hashes that the account has and has had too, of
/// which it returns the one that is of this password already. So importing twice changes nothing,
/// and an old file is known for what it is. Called from several threads at once.
pub type HashCleartext<'a> = &'a (
        dyn Fn(&[u8], &[&PasswordHash], &mut HashMemory) -> Result<PasswordHash, HashError> + Sync
    );

/// A [`HashCleartext`] that makes Argon2id hashes of this cost, of the password's canonical reading.
/// `salt` is asked for a new one each
/// time.
pub fn argon2id(
    cost: Argon2Cost,
    salt: impl Fn() -> [u8; 16] + Sync,
) -> impl Fn(&[u8], &[&PasswordHash], &mut HashMemory) -> Result<PasswordHash, HashError> + Sync {
    move |sent, known, scratch| {
        let canonical = canonical(sent);
        let password = canonical.as_deref().map_or(sent, Vec::as_slice);
        for hash in known {
            let is_same = hash.is_of_imported(password, scratch)?
                || canonical.is_some() && hash.is_of_imported(sent, scratch)?;
            if is_same {
                return Ok((*hash).clone());
            }
        }
        PasswordHash::hash_new(password, salt(), cost.clone(), scratch)
    }
}

/// An account as it results from a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The account.
    pub account: Account,
    /// Whether the draft's password was left out, as the account has a later one.
    pub older_password: bool,
}

impl AccountFacts {
    /// Understands an entry. `None` if it is nobody's account: it has neither a user name nor an
    /// affiliation, as organisational units, groups and the directory's own administrator.
    ///
    /// # Errors
    /// Everything that is wrong with the entry at once; if it is the user name, that alone.
    pub fn read(
        entry: &Entry,
        map: &AttributeMap,
        allow_cleartext: bool,
        now: Timestamp,
    ) -> Result<Option<Self>, Vec<AttributeError>> {
        let mut reader = RecordReader::new(entry, map, allow_cleartext, now);
        let facts = reader.user_name().map(|id| reader.facts(id));
        reader.values.finish(facts)
    }

    /// The name of an entry's account, where that can be read whatever else can't.
    pub fn name_of(entry: &Entry, map: &AttributeMap, now: Timestamp) -> Option<AccountId> {
        RecordReader::new(entry, map, false, now).user_name()
    }

    /// The canonical name of the account.
    pub fn id(&self) -> &AccountId {
        &self.account.id
    }

    /// Gives the account the name by which it is told from those of other directories.
    ///
    /// # Errors
    /// [`NamingError`].
    pub fn name_by(&mut self, naming: &Naming) -> Result<(), NamingError> {
        naming.make_full(&mut self.account)
    }

    /// Whether the source has locked its password.
    pub fn is_locked(&self) -> bool {
        matches!(self.password, Some(PasswordFact::Locked))
    }

    /// Whether its password is still in clear text.
    pub fn is_cleartext(&self) -> bool {
        matches!(self.password, Some(PasswordFact::Cleartext(_)))
    }

    /// Its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.account.aliases.iter().map(String::as_str);
        std::iter::once(self.account.id.as_str()).chain(aliases)
    }

    /// Makes the NT hash of a password in the clear, unless the source says what it is.
    pub fn make_nt_hash(&mut self) {
        if let (NtHashFact::Unsaid, Some(PasswordFact::Cleartext(password))) =
            (&self.nt_hash, &self.password)
        {
            let canonical = canonical(password);
            let password = canonical.as_ref().unwrap_or(password);
            if let Ok(password) = std::str::from_utf8(password) {
                self.nt_hash = NtHashFact::Is(NtHash::of_password(password));
            }
        }
    }

    /// Replaces a password in the clear by its hash. `existing` is the account as it is known.
    ///
    /// # Errors
    /// As `hash` says.
    pub fn hash_cleartext(
        &mut self,
        existing: Option<&Account>,
        hash: HashCleartext<'_>,
        scratch: &mut HashMemory,
    ) -> Result<(), HashError> {
        if let Some(PasswordFact::Cleartext(cleartext)) = &self.password {
            let known: Vec<_> = existing.into_iter().flat_map(known_hashes).collect();
            self.password = Some(PasswordFact::Hash(hash(cleartext, &known, scratch)?));
        }
        Ok(())
    }

    /// The account that results. From `existing` it keeps what the source does not say: the
    /// password if the draft has none, the previous ones, the credential version, and what a person
    /// has closed. A password that was set before the present one, or that the account has already
    /// left behind, does not come back, unless the source says that it was set later.
    ///
    /// An NT hash stays only with the password it came with. A new password takes it away unless
    /// the source has another for it, since one that stayed the same, or was there before, is most
    /// likely that of the old password: it would let that in again by MS-CHAP.
    pub fn merge(self, existing: Option<&Account>, now: Timestamp) -> Account {
        self.join(existing, now).account
    }

    /// As [`merge`](Self::merge), and tells if the password was left out.
    pub fn join(mut self, existing: Option<&Account>, now: Timestamp) -> Merge {
        let has_password = self.password.is_some();
        if let Some(existing) = existing {
            self.keep_of(existing);
        }
        let outcome = match self.password.take() {
            Some(password) => self.set_password(password, now),
            None => self.outcome_without_password(),
        };
        let mut account = self.account;
        if outcome == PasswordOutcome::Kept {
            self.nt_hash.set_on(&mut account);
        }
        self.legacy_chap_secret.set_on(&mut account);
        Merge {
            account,
            older_password: has_password && outcome == PasswordOutcome::Outdated,
        }
    }

    /// Facts that the source does not give stay as they are.
    fn keep_of(&mut self, existing: &Account) {
        let account = &mut self.account;
        account.password = existing.password.clone();
        account.upgraded_from = existing.upgraded_from;
        account.previous = existing.previous.clone();
        account.nt_hash = existing.nt_hash.clone();
        account.previous_nt_hashes = existing.previous_nt_hashes.clone();
        account.legacy_chap_secret = existing.legacy_chap_secret.clone();
        account.credential_version = existing.credential_version;
        account.verification = existing.verification.clone();
        account.deactivated = joined(&existing.deactivated, account.deactivated.take());
        account.suspended = joined(&existing.suspended, account.suspended.take());
    }

    /// An entry without a password that was set before the account's own is older than the account.
    fn outcome_without_password(&self) -> PasswordOutcome {
        match (&self.account.password, self.password_changed_at) {
            (Some(current), Some(changed_at)) if changed_at < current.changed_at => {
                PasswordOutcome::Outdated
            }
            _ => PasswordOutcome::Kept,
        }
    }

    fn set_password(&mut self, password: PasswordFact, now: Timestamp) -> PasswordOutcome {
        let account = &mut self.account;
        let (kind, changed_at) = (self.password_kind, self.password_changed_at);
        let hash = match password {
            PasswordFact::Hash(hash) => hash,
            // Cleartext that was not hashed is never stored; `hash_cleartext` comes before.
            PasswordFact::Cleartext(_) => return PasswordOutcome::Outdated,
            PasswordFact::Locked => {
                account.lock_password();
                return PasswordOutcome::Locked;
            }
        };
        let is_current = account.has_hash(&hash);
        match &mut account.password {
            Some(current) if is_current => {
                current.changed_at = changed_at.unwrap_or(current.changed_at);
                current.kind = kind;
                return PasswordOutcome::Kept;
            }
            Some(current) => {
                let current_at = current.changed_at;
                let was_before = account.is_previous_password(&hash)
                    && changed_at.is_none_or(|changed_at| changed_at <= current_at);
                if was_before || changed_at.is_some_and(|at| at < current_at) {
                    return PasswordOutcome::Outdated;
                }
            }
            None => {}
        }
        let sent = match &self.nt_hash {
            NtHashFact::Is(nt_hash) => Some(nt_hash),
            NtHashFact::Unsaid | NtHashFact::None => None,
        };
        let nt_hash = account.nt_hash_with_new_password(&hash, sent).cloned();
        let changed_at = changed_at.unwrap_or(now);
        let password = Password {
            hash,
            changed_at,
            kind,
        };
        account.set_credentials(password, nt_hash);
        PasswordOutcome::Replaced
    }
}

/// The present hash, then the earlier ones.
fn known_hashes(account: &Account) -> impl Iterator<Item = &PasswordHash> {
    let current = account.password.iter().map(|password| &password.hash);
    current.chain(&account.previous)
}

/// A note made by a person outlives the source; one of the source goes with it.
fn joined(existing: &Option<Closure>, new: Option<Closure>) -> Option<Closure> {
    match existing {
        Some(old) if old.by != SOURCE => Some(old.clone()),
        Some(old) => new.map(|new| {
            if new.reason == old.reason {
                old.clone()
            } else {
                new
            }
        }),
        None => new,
    }
}

impl NtHashFact {
    /// Puts it on an account that keeps its password.
    fn set_on(self, account: &mut Account) {
        match self {
            Self::Unsaid => {}
            Self::None => account.set_nt_hash(None),
            Self::Is(hash) if account.is_previous_nt_hash(&hash) => {}
            Self::Is(hash) => account.set_nt_hash(Some(hash)),
        }
    }
}

impl ChapSecretFact {
    /// Sets the secret as the source gives it; an account that is no service account any more has none.
    fn set_on(self, account: &mut Account) {
        match self {
            _ if account.kind != Kind::Service => account.set_legacy_chap_secret(None),
            Self::Unasked => {}
            Self::Is(secret) => account.set_legacy_chap_secret(secret),
        }
    }
}
