//! Attempts gathered in memory, from where the writer takes them every ten seconds.
//!
//! Most log-ons of a campus are the same device coming back. Between two writes an attempt that
//! repeats an earlier one of the same device only moves its time on; the audit log has each.
//! Failures that count towards the lock are kept one by one (the count itself does not wait here).
//! An attempt that was written stays for one more round, so that its repetition is found.

use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use portvakt_auth::name::AccountId;

use crate::{ATTEMPTS_PER_ACCOUNT, AttemptRef, AttemptRow};

/// Attempts kept at most, about 300 octets each; further ones are dropped and counted.
pub(crate) const CAPACITY: usize = 50_000;
/// So many unwritten attempts are written at once, before room runs out.
const MANY: usize = CAPACITY / 2;

/// An attempt; `unwritten` unless it was written and not repeated since.
struct Buffered {
    row: AttemptRow,
    unwritten: bool,
}

/// The unwritten attempts by account, and those written in the last round.
#[derive(Default)]
pub(crate) struct AttemptBuffer {
    accounts: DashMap<AccountId, Vec<Buffered>, ahash::RandomState>,
    kept: AtomicUsize,
    unwritten: AtomicUsize,
}

impl AttemptBuffer {
    /// Adds an attempt; false where there is no room.
    pub(crate) fn push(&self, attempt: &AttemptRef<'_>) -> bool {
        if let Some(mut rows) = self.accounts.get_mut(attempt.account) {
            return self.push_into(&mut rows, attempt);
        }
        match self.accounts.entry(attempt.account.clone()) {
            Entry::Occupied(mut rows) => self.push_into(rows.get_mut(), attempt),
            Entry::Vacant(free) => self.push_into(&mut free.insert(Vec::new()), attempt),
        }
    }

    fn push_into(&self, rows: &mut Vec<Buffered>, attempt: &AttemptRef<'_>) -> bool {
        let mut newest_first = rows.iter_mut().rev();
        if let Some(buffered) = newest_first.find(|buffered| attempt.repeats(&buffered.row)) {
            buffered.row.time = buffered.row.time.max(attempt.time);
            self.mark_unwritten(buffered);
            return true;
        }
        if rows.len() >= ATTEMPTS_PER_ACCOUNT as usize {
            // The table would not keep the oldest either.
            self.forget(&rows.remove(0));
        }
        if self.kept.fetch_add(1, Ordering::Relaxed) >= CAPACITY {
            self.kept.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let mut buffered = Buffered {
            row: attempt.to_row(),
            unwritten: false,
        };
        self.mark_unwritten(&mut buffered);
        rows.push(buffered);
        true
    }

    fn mark_unwritten(&self, buffered: &mut Buffered) {
        if !std::mem::replace(&mut buffered.unwritten, true) {
            self.unwritten.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn forget(&self, buffered: &Buffered) {
        self.kept.fetch_sub(1, Ordering::Relaxed);
        self.unwritten
            .fetch_sub(usize::from(buffered.unwritten), Ordering::Relaxed);
    }

    /// Returns a copy of the unwritten attempts and marks them as written; removes those that were
    /// written before.
    pub(crate) fn take(&self) -> Vec<AttemptRow> {
        let mut taken = Vec::new();
        self.accounts.retain(|_, rows| {
            rows.retain_mut(|buffered| {
                if !buffered.unwritten {
                    self.forget(buffered);
                    return false;
                }
                taken.push(buffered.row.clone());
                buffered.unwritten = false;
                true
            });
            !rows.is_empty()
        });
        self.unwritten.fetch_sub(taken.len(), Ordering::Relaxed);
        // In the order of the index, so that neighbours are written together.
        taken.sort_by(|one, next| (&one.account, one.time).cmp(&(&next.account, next.time)));
        taken
    }

    /// The number of unwritten attempts.
    pub(crate) fn len(&self) -> usize {
        self.unwritten.load(Ordering::Relaxed)
    }

    /// Whether the unwritten attempts should be written now, lest there be no room.
    pub(crate) fn is_filling(&self) -> bool {
        self.len() >= MANY
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use portvakt_auth::Refusal;

    use super::*;
    use crate::AttemptOutcome;

    fn attempt<'a>(account: &'a AccountId, second: i64, station: &'a str) -> AttemptRef<'a> {
        AttemptRef {
            time: Timestamp::from_second(second).unwrap(),
            account,
            outcome: AttemptOutcome::Accepted,
            symptom: None,
            client: "access-points",
            service: "eduroam",
            method: "ttls/pap",
            calling_station: Some(station),
            nas_identifier: None,
            operator_name: None,
            outer_identity: None,
            detail: None,
        }
    }

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    #[test]
    fn returning_device_is_kept_once_with_its_latest_time() {
        let (buffer, anna) = (AttemptBuffer::default(), id("anna"));
        for second in [3, 9, 5] {
            assert!(buffer.push(&attempt(&anna, second, "22-44")));
        }
        assert!(buffer.push(&attempt(&anna, 4, "another device")));
        let taken = buffer.take();
        let times: Vec<_> = taken.iter().map(|row| row.time.as_second()).collect();
        assert_eq!(times, [4, 9]);
        assert_eq!((buffer.len(), buffer.take().len()), (0, 0));
    }

    #[test]
    fn device_that_returns_after_a_write_is_written_again() {
        let (buffer, anna) = (AttemptBuffer::default(), id("anna"));
        for second in [3, 13, 23] {
            assert!(buffer.push(&attempt(&anna, second, "22-44")));
            let times: Vec<_> = buffer
                .take()
                .iter()
                .map(|row| row.time.as_second())
                .collect();
            assert_eq!((times, buffer.len()), (vec![second], 0));
        }
        assert_eq!((buffer.take().len(), buffer.accounts.len()), (0, 0));
    }

    #[test]
    fn each_failure_that_counts_is_kept() {
        let (buffer, anna) = (AttemptBuffer::default(), id("anna"));
        for second in 0..6 {
            let outcome = AttemptOutcome::Refused(Refusal::WrongCredential);
            let failure = attempt(&anna, second, "22-44");
            assert!(buffer.push(&AttemptRef { outcome, ..failure }));
        }
        assert_eq!(buffer.take().len(), 6);
    }

    #[test]
    fn one_account_and_all_together_are_bounded() {
        let (buffer, anna) = (AttemptBuffer::default(), id("anna"));
        for number in 0..200 {
            assert!(buffer.push(&attempt(&anna, number, &format!("device {number}"))));
        }
        assert_eq!(buffer.len(), ATTEMPTS_PER_ACCOUNT as usize);
        let full = (0..CAPACITY).filter(|number| {
            let account = id(&format!("s{number}"));
            !buffer.push(&attempt(&account, 0, "22-44"))
        });
        assert_eq!(full.count(), ATTEMPTS_PER_ACCOUNT as usize);
        assert_eq!(buffer.take().len(), CAPACITY);
        assert_eq!(buffer.take().len(), 0);
        assert!(buffer.push(&attempt(&anna, 1, "22-44")));
    }
}
