//! Credential history of looked-up LDAP accounts: earlier passwords, which no
//! directory tells, and which hashes are of one and the same password.
//!
//! In memory, bounded; accounts that are looked up often stay longest.

use portvakt_auth::mschap::NtHash;
use portvakt_auth::{Account, AccountId, CredentialHistory, PasswordHash};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// The most accounts: some 20 MB in all.
const ACCOUNTS: usize = 100_000;
/// The most upgraded hashes that are known for what they are; of one more the version is another.
const UPGRADED: usize = 200_000;

/// Credentials known from earlier look-ups.
pub(crate) struct KnownCredentials {
    histories: Cache<AccountId, CredentialHistory>,
    upgraded: Cache<AccountId, Upgraded>,
}

impl Default for KnownCredentials {
    fn default() -> Self {
        Self {
            histories: Cache::new(ACCOUNTS),
            upgraded: Cache::new(UPGRADED),
        }
    }
}

/// Hashes that took the place of others of the same password.
#[derive(Clone)]
struct Upgraded {
    credentials: [u8; 32],
    /// The version of the credential, which they did not change.
    version: u64,
}

impl KnownCredentials {
    /// Adds to an account, as the directory has it, what is known from before, and takes down what
    /// it has.
    pub(crate) fn join(&self, account: &mut Account) {
        let is_upgraded = self.keep_version(account);
        if let Some(mut known) = self.histories.get(&account.id) {
            if let (true, Some(hash)) = (is_upgraded, hash_of(account)) {
                known.upgrade_hash(hash);
            }
            known.pass_to(account);
        }
        let history = CredentialHistory::of(account);
        self.histories.insert(account.id.clone(), history);
    }

    /// Keeps in mind that `new` is a hash of the password that `account` has: about to be written.
    pub(crate) fn note_upgrade(&self, account: &Account, new: &PasswordHash) {
        let upgraded = Upgraded {
            credentials: digest(Some(new), account.nt_hash.as_ref()),
            version: account.credential_version,
        };
        self.upgraded.insert(account.id.clone(), upgraded);
    }

    /// Gives an account whose hash was upgraded the version that it had before; whether it is one.
    pub(crate) fn keep_version(&self, account: &mut Account) -> bool {
        let Some(noted) = self.upgraded.get(&account.id) else {
            return false;
        };
        let is_it = noted.credentials == digest(hash_of(account), account.nt_hash.as_ref());
        if is_it {
            account.credential_version = noted.version;
        }
        is_it
    }
}

fn hash_of(account: &Account) -> Option<&PasswordHash> {
    account.password.as_ref().map(|password| &password.hash)
}

/// Digest that names a pair of hashes, with or without the label that directories put before one.
fn digest(hash: Option<&PasswordHash>, nt_hash: Option<&NtHash>) -> [u8; 32] {
    let text = hash.map_or("", PasswordHash::reveal);
    let mut digest = Sha256::new();
    digest.update(text.trim_start_matches("{ARGON2}"));
    digest.update([0]);
    if let Some(nt_hash) = nt_hash {
        digest.update(&*nt_hash.reveal());
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use portvakt_auth::{Kind, Password, PasswordKind};

    fn hash(end: char) -> PasswordHash {
        let text = format!("{{SSHA}}8PJeAwHjTeQzlWxYH8nXzBUDEAc5HRC{end}");
        PasswordHash::parse(&text).unwrap()
    }

    fn account(name: &str, end: char, version: u64) -> Account {
        let mut account = Account::new(AccountId::new(name).unwrap(), Kind::Employee);
        account.password = Some(Password {
            hash: hash(end),
            changed_at: Timestamp::UNIX_EPOCH,
            kind: PasswordKind::Permanent,
        });
        account.nt_hash = Some(NtHash::of_password(&end.to_string()));
        account.credential_version = version;
        account
    }

    fn joined(known: &KnownCredentials, mut account: Account) -> Account {
        known.join(&mut account);
        account
    }

    #[test]
    fn password_that_was_replaced_between_two_look_ups_is_a_previous_one() {
        let known = KnownCredentials::default();
        assert_eq!(joined(&known, account("anna", 'a', 1)).previous, []);
        let changed = joined(&known, account("anna", 'b', 2));
        assert_eq!(changed.previous, [hash('a')]);
        assert_eq!(changed.previous_nt_hashes, [NtHash::of_password("a")]);
        let again = joined(&known, account("anna", 'b', 2));
        assert_eq!(again.previous, [hash('a')]);
        let other = joined(&known, account("bo", 'c', 1));
        assert_eq!(other.previous, []);
    }

    #[test]
    fn upgraded_hash_keeps_the_version_and_is_of_no_earlier_password() {
        let known = KnownCredentials::default();
        let old = joined(&known, account("anna", 'a', 1));
        known.note_upgrade(&old, &hash('b'));
        // Not there yet, or somebody else was faster.
        assert_eq!(
            joined(&known, account("anna", 'a', 1)).credential_version,
            1
        );
        let mut upgraded = account("anna", 'b', 2);
        upgraded.nt_hash = old.nt_hash.clone();
        let upgraded = joined(&known, upgraded);
        assert_eq!(upgraded.credential_version, 1);
        assert_eq!(upgraded.previous, []);
        let changed = joined(&known, account("anna", 'c', 3));
        assert_eq!(changed.credential_version, 3);
        assert_eq!(changed.previous, [hash('b')]);
    }

    #[test]
    fn another_nt_hash_beside_an_upgraded_hash_is_another_version() {
        let known = KnownCredentials::default();
        let old = joined(&known, account("anna", 'a', 1));
        known.note_upgrade(&old, &hash('b'));
        let other = joined(&known, account("anna", 'b', 2));
        assert_eq!(other.credential_version, 2);
    }

    #[test]
    fn flood_of_accounts_stays_within_its_bound_and_does_not_push_out_the_newest() {
        let known = KnownCredentials::default();
        for number in 0..2 * ACCOUNTS {
            joined(&known, account(&format!("s{number}"), 'a', 1));
        }
        let last = format!("s{}", 2 * ACCOUNTS - 1);
        assert_eq!(joined(&known, account(&last, 'b', 2)).previous, [hash('a')]);
        assert!(known.histories.len() <= ACCOUNTS);
    }
}
