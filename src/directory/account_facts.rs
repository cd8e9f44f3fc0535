//! An account as a source describes it, and how it is joined with what is known already.

mod reader;
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
use super::naming::{Naming, NamingError};

pub(crate) use reader::PRECEDENCE;
pub use reader::{AttributeError, AttributeFault};

use reader::Reader;

/// Who closed an account that a source says is closed. What a person closed stays closed, whatever
/// the source says.
pub const SOURCE: &str = "directory";

/// Why an account is closed whose source has put a mark in the place of its password.
pub const PASSWORD_LOCKED: &str = "password locked by the source";

/// An account as a source describes it: everything but what only we know.
#[derive(Clone, Debug)]
pub struct AccountFacts {
    /// Without its credentials, which are in the fields below.
    account: Account,
    password: Option<FactsPassword>,
    nt_hash: NtHashFact,
    legacy_chap_secret: ChapSecretFact,
    /// When the password was set, by whatever attribute it is known.
    changed_at: Option<Timestamp>,
    /// The user name has a realm that is not ours.
    has_foreign_name: bool,
}

/// The password of a draft.
#[derive(Clone, Debug)]
struct FactsPassword {
    secret: Secret,
    kind: PasswordKind,
}

/// What a source says of the NT hash.
#[derive(Clone, Debug)]
enum NtHashFact {
    /// Nothing: the account keeps the one it has, as long as it keeps its password.
    Unsaid,
    /// That there is none.
    None,
    /// This one.
    Is(NtHash),
}

/// What a source says of the CHAP secret.
#[derive(Clone, Debug)]
enum ChapSecretFact {
    /// Nothing, for it was not asked.
    Unasked,
    /// This one, or that there is none.
    Is(Option<ChapSecret>),
}

/// What became of the password of a draft.
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

#[derive(Clone)]
enum Secret {
    Hash(PasswordHash),
    Cleartext(Zeroizing<Vec<u8>>),
    /// None is right.
    Locked,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
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
        Reader::new(entry, map, allow_cleartext, now).read()
    }

    /// The name of an entry's account, where that can be read whatever else can't.
    pub fn name_of(entry: &Entry, map: &AttributeMap, now: Timestamp) -> Option<AccountId> {
        Reader::new(entry, map, false, now).user_name()
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

    /// When its password was set, if the source says so.
    pub fn password_changed_at(&self) -> Option<Timestamp> {
        self.changed_at
    }

    /// Whether the source says anything of its password.
    pub fn tells_a_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether its name has a realm of somebody else: nobody can log on with it here.
    pub fn has_foreign_name(&self) -> bool {
        self.has_foreign_name
    }

    /// Whether the source has locked its password.
    pub fn is_locked(&self) -> bool {
        let secret = self.password.as_ref().map(|password| &password.secret);
        matches!(secret, Some(Secret::Locked))
    }

    /// Whether its password is still in clear text.
    pub fn is_cleartext(&self) -> bool {
        let secret = self.password.as_ref().map(|password| &password.secret);
        matches!(secret, Some(Secret::Cleartext(_)))
    }

    /// Its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.account.aliases.iter().map(String::as_str);
        std::iter::once(self.account.id.as_str()).chain(aliases)
    }

    /// Makes the NT hash of a password in the clear, unless the source says what it is.
    pub fn make_nt_hash(&mut self) {
        let password = self.password.as_ref().map(|password| &password.secret);
        if let (NtHashFact::Unsaid, Some(Secret::Cleartext(password))) = (&self.nt_hash, password) {
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
        let Some(FactsPassword { secret, .. }) = &mut self.password else {
            return Ok(());
        };
        if let Secret::Cleartext(cleartext) = secret {
            let known: Vec<_> = existing.into_iter().flat_map(known_hashes).collect();
            *secret = Secret::Hash(hash(cleartext, &known, scratch)?);
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
    pub fn join(self, existing: Option<&Account>, now: Timestamp) -> Merge {
        let mut account = self.account;
        let has_password = self.password.is_some();
        if let Some(existing) = existing {
            account.password = existing.password.clone();
            account.upgraded_from = existing.upgraded_from;
            account.previous = existing.previous.clone();
            account.nt_hash = existing.nt_hash.clone();
            account.previous_nt_hashes = existing.previous_nt_hashes.clone();
            account.legacy_chap_secret = existing.legacy_chap_secret.clone();
            account.credential_version = existing.credential_version;
            account.verification = existing.verification.clone();
            account.deactivated = joined(&existing.deactivated, account.deactivated);
            account.suspended = joined(&existing.suspended, account.suspended);
        }
        let fate = match self.password {
            Some(password) => password.set_on(&mut account, &self.nt_hash, self.changed_at, now),
            None => fate_without_password(&account, self.changed_at),
        };
        if fate == PasswordOutcome::Kept {
            self.nt_hash.set_on(&mut account);
        }
        self.legacy_chap_secret.set_on(&mut account);
        Merge {
            account,
            older_password: has_password && fate == PasswordOutcome::Outdated,
        }
    }
}

/// The present hash, then the earlier ones.
fn known_hashes(account: &Account) -> impl Iterator<Item = &PasswordHash> {
    let current = account.password.iter().map(|password| &password.hash);
    current.chain(&account.previous)
}

/// An entry without a password that was set before the account's own is older than the account.
fn fate_without_password(account: &Account, changed_at: Option<Timestamp>) -> PasswordOutcome {
    match (&account.password, changed_at) {
        (Some(current), Some(changed_at)) if changed_at < current.changed_at => {
            PasswordOutcome::Outdated
        }
        _ => PasswordOutcome::Kept,
    }
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

impl FactsPassword {
    fn set_on(
        self,
        account: &mut Account,
        nt_hash: &NtHashFact,
        changed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> PasswordOutcome {
        let hash = match self.secret {
            Secret::Hash(hash) => hash,
            // Cleartext that was not hashed is never stored; `hash_cleartext` comes before.
            Secret::Cleartext(_) => return PasswordOutcome::Outdated,
            Secret::Locked => {
                account.lock_password();
                return PasswordOutcome::Locked;
            }
        };
        let kind = self.kind;
        let is_current = account.has_hash(&hash);
        match &mut account.password {
            Some(current) if is_current => {
                current.changed_at = changed_at.unwrap_or(current.changed_at);
                current.kind = kind;
                return PasswordOutcome::Kept;
            }
            Some(current) => {
                let was_before = account.previous.contains(&hash)
                    && changed_at.is_none_or(|changed_at| changed_at <= current.changed_at);
                if was_before || changed_at.is_some_and(|at| at < current.changed_at) {
                    return PasswordOutcome::Outdated;
                }
            }
            None => {}
        }
        let password = Password {
            hash,
            changed_at: changed_at.unwrap_or(now),
            kind,
        };
        let nt_hash = match (nt_hash, account.is_behind_a_lock(&password.hash)) {
            (NtHashFact::Is(hash), true) => Some(hash.clone()),
            (nt_hash, _) => nt_hash.beside_new_password(account),
        };
        account.set_credentials(password, nt_hash);
        PasswordOutcome::Replaced
    }
}

impl NtHashFact {
    /// The NT hash that comes with a new password: none that the account had with an older one.
    fn beside_new_password(&self, account: &Account) -> Option<NtHash> {
        let Self::Is(hash) = self else {
            return None;
        };
        let was_of_another = account.password.is_some() && account.nt_hash.as_ref() == Some(hash);
        let stale = was_of_another || account.previous_nt_hashes.contains(hash);
        (!stale).then(|| hash.clone())
    }

    /// Puts it on an account that keeps its password.
    fn set_on(self, account: &mut Account) {
        match self {
            Self::Unsaid => {}
            Self::None => account.set_nt_hash(None),
            Self::Is(hash) if account.previous_nt_hashes.contains(&hash) => {}
            Self::Is(hash) => account.set_nt_hash(Some(hash)),
        }
    }
}

impl ChapSecretFact {
    /// What the source says holds, and an account that is a machine's no more has none.
    fn set_on(self, account: &mut Account) {
        match self {
            _ if account.kind != Kind::Service => account.set_legacy_chap_secret(None),
            Self::Unasked => {}
            Self::Is(secret) => account.set_legacy_chap_secret(secret),
        }
    }
}
