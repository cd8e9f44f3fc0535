//! A received password: one copy, wiped on drop, in memory that the same thread then uses for the
//! next. A second copy where the canonical reading differs.

use std::cell::RefCell;

use portvakt_auth::password::{self, Readings};
use portvakt_auth::{Account, PasswordDigest, PasswordHash, RememberedProofs};
use zeroize::{Zeroize as _, Zeroizing};

/// Memories that a thread keeps; one log-on at a time needs one.
const SPARE: usize = 16;
/// The longest that is kept; a password over RADIUS has at most 128 octets.
const LARGEST_SPARE: usize = 256;

thread_local! {
    static MEMORIES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A password. Wiped on drop; never moved in memory, so that no other copy is left behind.
pub(super) struct ReceivedPassword {
    as_sent: Vec<u8>,
    /// The canonical reading, where it differs.
    canonical: Option<Zeroizing<Vec<u8>>>,
    /// The last digest that was made of it.
    digest: RefCell<Option<PasswordDigest>>,
}

impl ReceivedPassword {
    /// A copy of `password`.
    pub(super) fn new(password: &[u8]) -> Self {
        let memory = MEMORIES.with_borrow_mut(Vec::pop);
        // Made large enough at once: growing would leave a copy.
        let needed = password.len().max(LARGEST_SPARE);
        let memory = memory.filter(|memory| memory.capacity() >= password.len());
        let mut memory = memory.unwrap_or_else(|| Vec::with_capacity(needed));
        memory.extend_from_slice(password);
        Self {
            as_sent: memory,
            canonical: password::canonical(password),
            digest: RefCell::default(),
        }
    }

    /// The digest for this account; made once, unless the account changes meanwhile.
    pub(super) fn digest(&self, proofs: &RememberedProofs, account: &Account) -> PasswordDigest {
        let mut digest = self.digest.borrow_mut();
        match &*digest {
            Some(known) if known.is_of(account) => known.clone(),
            _ => digest
                .insert(proofs.digest(account, self.canonical()))
                .clone(),
        }
    }

    /// As it came.
    pub(super) fn as_sent(&self) -> &[u8] {
        &self.as_sent
    }

    /// All that it may be.
    pub(super) fn readings(&self) -> Readings<'_> {
        let canonical = self.canonical.as_deref();
        Readings::new(&self.as_sent, canonical.map(Vec::as_slice))
    }

    /// Whether a hash like this looks at all of it, however it is read; see
    /// [`PasswordHash::looks_at_all_of`].
    pub(super) fn is_looked_at_by(&self, hash: &PasswordHash) -> bool {
        hash.looks_at_all_of(self.as_sent()) && hash.looks_at_all_of(self.canonical())
    }

    /// The canonical reading.
    pub(super) fn canonical(&self) -> &[u8] {
        self.readings().canonical()
    }
}

impl Drop for ReceivedPassword {
    fn drop(&mut self) {
        // Wipes all of the memory and leaves it empty.
        self.as_sent.zeroize();
        let memory = std::mem::take(&mut self.as_sent);
        // At a thread's end there is nobody left to keep it for.
        let _ = MEMORIES.try_with(|memories| {
            let mut memories = memories.borrow_mut();
            if memories.len() < SPARE && memory.capacity() <= LARGEST_SPARE {
                memories.push(memory);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portvakt_auth::{AccountId, Kind};

    use super::*;

    #[test]
    fn a_password_is_held_whole_whatever_was_held_before() {
        for password in [
            &b"a rather long one"[..],
            b"short",
            &[7; 600],
            b"",
            b"again",
        ] {
            assert_eq!(ReceivedPassword::new(password).as_sent(), password);
        }
    }

    #[test]
    fn the_memory_of_one_serves_the_next_and_is_empty_between() {
        let first = ReceivedPassword::new(b"correct horse");
        let place = first.as_sent.as_ptr();
        drop(first);
        MEMORIES.with_borrow(|memories| assert!(memories.iter().all(Vec::is_empty)));
        assert_eq!(ReceivedPassword::new(b"battery").as_sent.as_ptr(), place);
    }

    #[test]
    fn digest_is_made_anew_for_another_account_or_version() {
        let proofs = RememberedProofs::new(&[7; 32], 1, Duration::from_secs(1));
        let account = |name| Account::new(AccountId::new(name).unwrap(), Kind::Student);
        let (kari, ola) = (account("kari"), account("ola"));
        let changed = Account {
            credential_version: 1,
            ..kari.clone()
        };
        let held = ReceivedPassword::new(b"correct horse");
        for account in [&kari, &kari, &ola, &changed, &kari] {
            let digest = held.digest(&proofs, account);
            assert!(digest.is_of(account));
            assert_eq!(digest.tag(), proofs.digest(account, b"correct horse").tag());
        }
    }

    #[test]
    fn canonical_reading_is_held_where_it_differs() {
        let held = ReceivedPassword::new(b"bl\xe5b\xe6r");
        assert_eq!(held.as_sent(), b"bl\xe5b\xe6r");
        assert_eq!(held.canonical(), "blåbær".as_bytes());
        assert_eq!(
            ReceivedPassword::new(b"correct horse").canonical(),
            b"correct horse"
        );
    }
}
