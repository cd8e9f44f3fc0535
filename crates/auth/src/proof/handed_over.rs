//! Remembered proofs as one process hands them to the next.

use std::fmt;
use std::time::Duration;

use super::{Remembered, RememberedProofs};
use crate::name::AccountId;
use crate::time::Now;
use dashmap::Entry;

/// A proven password, as a keyed hash that is good under the same key alone.
#[derive(Clone, PartialEq, Eq)]
pub struct HandedProof {
    /// Whose.
    pub account: AccountId,
    /// The version of the credential that was proven.
    pub credential_version: u64,
    /// The keyed hash.
    pub hash: [u8; 32],
    /// How long it still holds.
    pub left: Duration,
}

impl fmt::Debug for HandedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandedProof({}, [redacted])", self.account)
    }
}

impl RememberedProofs {
    /// Calls `visit` with every proof that holds at `now`.
    pub fn visit(&self, now: Now, mut visit: impl FnMut(HandedProof)) {
        for entry in &self.entries {
            let remembered = entry.value();
            if now.tick < remembered.expires {
                visit(HandedProof {
                    account: entry.key().clone(),
                    credential_version: remembered.credential_version,
                    hash: remembered.hash,
                    left: remembered.expires.since(now.tick),
                });
            }
        }
    }

    /// Remembers a proof of the process before, which had the same key. It holds no longer than one of
    /// now, and counts for its version of the credential alone. Where the account has one already, or
    /// memory is full, it is left.
    pub fn take_over(&self, proof: HandedProof, now: Now) {
        let left = proof.left.min(self.time_to_live);
        if left.is_zero() {
            return;
        }
        let remembered = Remembered {
            hash: proof.hash,
            credential_version: proof.credential_version,
            expires: now.tick.plus(left),
        };
        if let Entry::Vacant(entry) = self.entries.entry(proof.account)
            && self.take_place()
        {
            drop(entry.insert(remembered));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, Kind};
    use crate::lock::tests::admitted;
    use crate::proof::{Proof, Recalled};
    use crate::time::Tick;

    const KEY: [u8; 32] = [7; 32];
    const HOUR: Duration = Duration::from_secs(3600);

    fn now(seconds: u64) -> Now {
        Now {
            tick: Tick::after_start(Duration::from_secs(seconds)),
            utc: "2026-11-28T10:00:00Z".parse().unwrap(),
        }
    }

    fn account(version: u64) -> Account {
        let mut account = Account::new(AccountId::new("anna").unwrap(), Kind::Employee);
        account.credential_version = version;
        account
    }

    fn recall(proofs: &RememberedProofs, account: &Account, password: &[u8], now: Now) -> Recalled {
        let digest = proofs.digest(account, password);
        proofs.recall(account, &digest, now, &mut admitted(account))
    }

    fn handed_over() -> Vec<HandedProof> {
        let before = RememberedProofs::new(&KEY, 10, HOUR);
        let account = account(1);
        let digest = before.digest(&account, b"password");
        let proven = before.prepare(&account, &digest, &Proof::of(&account), now(100));
        before.remember(proven.unwrap());
        let mut handed = Vec::new();
        before.visit(now(1000), |proof| handed.push(proof));
        before.visit(now(100 + 3600), |_| panic!("it is over"));
        handed
    }

    #[test]
    fn proof_is_recalled_by_the_next_process_until_its_end() {
        let handed = handed_over();
        assert_eq!(handed[0].left, HOUR - Duration::from_secs(900));
        let next = RememberedProofs::new(&KEY, 10, HOUR);
        handed
            .into_iter()
            .for_each(|proof| next.take_over(proof, now(5)));
        let account = account(1);
        let right = recall(&next, &account, b"password", now(6));
        assert_eq!(right, Recalled::Right(Proof::of(&account)));
        assert_eq!(
            recall(&next, &account, b"guess", now(6)),
            Recalled::Different
        );
        let over = recall(&next, &account, b"password", now(5 + 2700));
        assert_eq!(over, Recalled::Nothing);
    }

    #[test]
    fn proof_of_another_version_or_key_is_none() {
        let next = RememberedProofs::new(&KEY, 10, HOUR);
        let other = RememberedProofs::new(&[8; 32], 10, HOUR);
        for proof in handed_over() {
            next.take_over(proof.clone(), now(5));
            other.take_over(proof, now(5));
        }
        assert_eq!(
            recall(&next, &account(2), b"password", now(6)),
            Recalled::Nothing
        );
        assert_eq!(
            recall(&other, &account(1), b"password", now(6)),
            Recalled::Different
        );
    }

    #[test]
    fn bounds_of_memory_and_time_hold() {
        let full = RememberedProofs::new(&KEY, 0, HOUR);
        let forgetful = RememberedProofs::new(&KEY, 10, Duration::ZERO);
        let brief = RememberedProofs::new(&KEY, 10, Duration::from_secs(60));
        for proof in handed_over() {
            for proofs in [&full, &forgetful, &brief] {
                proofs.take_over(proof.clone(), now(0));
            }
        }
        assert_eq!((full.len(), forgetful.len(), brief.len()), (0, 0, 1));
        assert_eq!(
            recall(&brief, &account(1), b"password", now(60)),
            Recalled::Nothing
        );
    }
}
