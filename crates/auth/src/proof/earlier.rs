//! Which passwords were right before, where nobody shows their hashes: proven ones, as keyed hashes
//! under a key that lives as long as the process. They open nothing; they tell a device that still
//! sends the previous password from an attacker who guesses.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use dashmap::{DashMap, Entry};

use super::{Keyed, Proof, short};
use crate::account::{Account, PREVIOUS_PASSWORDS};
use crate::lock::{Admission, Shown};
use crate::name::AccountId;

/// How many are kept of an account: the present one and those before it.
const KEPT: usize = 1 + PREVIOUS_PASSWORDS;

/// Passwords proven before, the latest three of each account, of at most `capacity` accounts: of a
/// further one nothing is kept.
pub struct EarlierPasswords {
    keyed: Keyed,
    capacity: usize,
    count: AtomicUsize,
    /// Newest first.
    tags: DashMap<AccountId, [Option<Known>; KEPT], RandomState>,
}

/// A password that was right.
#[derive(Clone, Copy)]
struct Known {
    tag: u64,
    /// The version of the credential under which it was right last.
    version: u64,
}

/// A password that was right and is not kept in mind yet, as a keyed hash.
pub struct ToNote {
    account: AccountId,
    known: Known,
}

impl fmt::Debug for ToNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToNote").field(&self.account).finish()
    }
}

impl EarlierPasswords {
    /// `key` is random and lives as long as the process.
    pub fn new(key: &[u8; 32], capacity: usize) -> EarlierPasswords {
        EarlierPasswords {
            keyed: Keyed::new(key, b"portvakt earlier password\0"),
            capacity,
            count: AtomicUsize::new(0),
            tags: DashMap::with_hasher(RandomState::new()),
        }
    }

    /// What [`Self::note`] takes of a password that was right, which is what `proof` is of.
    pub fn prepare(&self, password: &[u8], proof: &Proof) -> ToNote {
        ToNote {
            account: proof.account().clone(),
            known: Known {
                tag: self.tag(proof.account(), password),
                version: proof.credential_version(),
            },
        }
    }

    /// Keeps in mind that a password was right.
    pub fn note(&self, right: ToNote) {
        let ToNote { account, known } = right;
        match self.tags.entry(account) {
            Entry::Occupied(mut entry) => put_first(entry.get_mut(), known),
            Entry::Vacant(entry) if self.take_place() => {
                drop(entry.insert([Some(known), None, None]));
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Whether `password`, which is wrong at present, was right before; the attempt is noted as one
    /// with a previous password then.
    pub fn knows(&self, account: &AccountId, password: &[u8], attempt: &mut Admission) -> bool {
        let Some(known) = self.tags.get(account) else {
            return false;
        };
        let tag = self.tag(account, password);
        attempt.compare(
            || known.iter().flatten().any(|known| known.tag == tag),
            |is_known| is_known.then_some(Shown::Previous),
        )
    }

    /// Whether `password`, which a directory takes at present, was right under an earlier version
    /// of the credential and not under this one: it is the one before, that the directory still
    /// takes for a while. Nothing is compared that the directory has not told already.
    pub fn is_superseded(&self, account: &Account, password: &[u8]) -> bool {
        let tag = self.tag(&account.id, password);
        self.tags.get(&account.id).is_some_and(|known| {
            let mut known = known.iter().flatten();
            known.any(|known| known.tag == tag && known.version != account.credential_version)
        })
    }

    fn tag(&self, account: &AccountId, password: &[u8]) -> u64 {
        short(&self.keyed.hash_in_version(account, 0, password))
    }

    /// Counts one account more, if there is room.
    fn take_place(&self) -> bool {
        let room = |count: usize| (count < self.capacity).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_ok()
    }
}

/// Puts `new` at the head; what was before it moves up to where it was itself, or out.
fn put_first(tags: &mut [Option<Known>; KEPT], new: Known) {
    let is_it = |known: &Option<Known>| known.is_some_and(|known| known.tag == new.tag);
    let place = tags.iter().position(is_it);
    let end = place.map_or(KEPT, |place| place + 1);
    if let Some(moved) = tags.get_mut(..end) {
        moved.rotate_right(1);
    }
    if let Some(first) = tags.first_mut() {
        *first = Some(new);
    }
}

impl fmt::Debug for EarlierPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlierPasswords")
            .field("accounts", &self.count.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Kind;

    fn proof(name: &str) -> Proof {
        Proof::of(&Account::new(AccountId::new(name).unwrap(), Kind::Employee))
    }

    fn knows(earlier: &EarlierPasswords, name: &str, password: &[u8]) -> bool {
        let account = Account::new(AccountId::new(name).unwrap(), Kind::Employee);
        earlier.knows(
            &account.id,
            password,
            &mut crate::lock::tests::admitted(&account),
        )
    }

    fn noted(passwords: &[&str]) -> (EarlierPasswords, AccountId) {
        let earlier = EarlierPasswords::new(&[3; 32], 1);
        let kari = proof("kari");
        passwords
            .iter()
            .for_each(|password| earlier.note(earlier.prepare(password.as_bytes(), &kari)));
        let id = kari.account().clone();
        (earlier, id)
    }

    #[test]
    fn latest_three_are_known_and_nothing_else() {
        let (earlier, kari) = noted(&["first", "second", "third", "third", "second", "fourth"]);
        for (password, expected) in [
            ("first", false),
            ("second", true),
            ("third", true),
            ("fourth", true),
            ("Fourth", false),
            ("", false),
        ] {
            let known = knows(&earlier, kari.as_str(), password.as_bytes());
            assert_eq!(known, expected, "{password:?}");
        }
        assert!(!knows(&earlier, "ola", b"fourth"));
    }

    #[test]
    fn password_of_an_earlier_version_is_superseded_until_it_is_proven_anew() {
        let (earlier, _) = noted(&["first"]);
        let mut kari = Account::new(AccountId::new("kari").unwrap(), Kind::Employee);
        assert!(!earlier.is_superseded(&kari, b"first"));
        kari.credential_version = 1;
        assert!(earlier.is_superseded(&kari, b"first"));
        assert!(!earlier.is_superseded(&kari, b"second"));
        earlier.note(earlier.prepare(b"first", &Proof::of(&kari)));
        assert!(!earlier.is_superseded(&kari, b"first"));
    }

    #[test]
    fn beyond_the_capacity_nothing_is_kept_and_nothing_lost() {
        let (earlier, _) = noted(&["first"]);
        earlier.note(earlier.prepare(b"other", &proof("ola")));
        assert!(!knows(&earlier, "ola", b"other"));
        earlier.note(earlier.prepare(b"second", &proof("kari")));
        assert!(knows(&earlier, "kari", b"first") && knows(&earlier, "kari", b"second"));
    }
}
