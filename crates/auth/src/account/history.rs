//! The rule that a replaced credential becomes a previous one.

use super::{Account, PREVIOUS_PASSWORDS, Verification};
use crate::mschap::NtHash;
use crate::password::PasswordHash;

#[cfg(test)]
mod tests;

/// The credential hashes of an account: the current ones, and the earlier ones that they replaced.
///
/// Every change of a credential ends in [`pass_to`](Self::pass_to), which makes the replaced hashes
/// the newest previous ones: a device that still sends an earlier password is refused, and not
/// counted. A history is taken of an account
/// - before the account's credentials are set or locked ([`Account::set_credentials`],
///   [`Account::set_nt_hash`], [`Account::lock_password`]), as the embedded directory does and an
///   import by the same calls;
/// - when a replica or a look-up has read an LDAP entry anew, for no directory tells earlier
///   passwords: the history of the account as it was known before passes to the account as it was
///   read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialHistory {
    hash: Option<PasswordHash>,
    previous: Vec<PasswordHash>,
    nt_hash: Option<NtHash>,
    previous_nt_hashes: Vec<NtHash>,
}

impl CredentialHistory {
    /// The history of an account as it is; copies at most six hashes.
    pub fn of(account: &Account) -> Self {
        CredentialHistory {
            hash: account
                .password
                .as_ref()
                .map(|password| password.hash.clone()),
            previous: account.previous.clone(),
            nt_hash: account.nt_hash.clone(),
            previous_nt_hashes: account.previous_nt_hashes.clone(),
        }
    }

    /// Notes that `hash` is a stronger hash of the current password, which makes the weaker one no
    /// previous password. Without a current password it changes nothing.
    pub fn upgrade_hash(&mut self, hash: &PasswordHash) {
        if let Some(current) = &mut self.hash {
            current.clone_from(hash);
        }
    }

    /// Makes this the history of `account`, whose current credentials may be others: those replaced
    /// become the newest previous ones. A previous hash that is the current one again is no previous
    /// one any more; beyond [`PREVIOUS_PASSWORDS`] the oldest are dropped. Passwords and NT hashes
    /// change apart.
    ///
    /// The earlier hashes that `account` lists itself are dropped.
    pub fn pass_to(self, account: &mut Account) {
        let current = account.password.as_ref().map(|password| &password.hash);
        account.previous = succeed(self.previous, self.hash, current);
        let current = account.nt_hash.as_ref();
        account.previous_nt_hashes = succeed(self.previous_nt_hashes, self.nt_hash, current);
    }
}

/// `previous` with `replaced` before it and without `current`; the newest ones.
fn succeed<T: PartialEq>(mut previous: Vec<T>, replaced: Option<T>, current: Option<&T>) -> Vec<T> {
    previous.splice(0..0, replaced);
    previous.retain(|hash| Some(hash) != current);
    previous.truncate(PREVIOUS_PASSWORDS);
    previous
}

/// Credentials as a source sends them, beside those that the account has and had.
impl Account {
    /// Whether `hash` is of an earlier password of the account.
    pub fn is_previous_password(&self, hash: &PasswordHash) -> bool {
        self.previous.contains(hash)
    }

    /// Whether `nt_hash` is of an earlier password of the account.
    pub fn is_previous_nt_hash(&self, nt_hash: &NtHash) -> bool {
        self.previous_nt_hashes.contains(nt_hash)
    }

    /// Of the NT hash that a source sends with the new password `hash`, the one to keep: `None`
    /// where the account has it already, or had it, since an NT hash that did not change with the
    /// password is most likely of the old one, and would let that in by MS-CHAP. To be called before
    /// [`set_credentials`](Self::set_credentials).
    ///
    /// A source that lifts its lock of the password sends back both as they were.
    pub fn nt_hash_with_new_password<'a>(
        &self,
        hash: &PasswordHash,
        sent: Option<&'a NtHash>,
    ) -> Option<&'a NtHash> {
        let was_locked = self.verification == Verification::PasswordLocked
            && self.password.is_none()
            && self.previous.first() == Some(hash);
        let is_stale = |sent: &NtHash| {
            self.is_previous_nt_hash(sent)
                || self.password.is_some() && self.nt_hash.as_ref() == Some(sent)
        };
        sent.filter(|sent| was_locked || !is_stale(sent))
    }
}
