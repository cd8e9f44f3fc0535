//! Attempts for which nobody waits: gathered in memory and written together, every ten seconds.
//!
//! Most of what a campus does is the same device coming back. Within those seconds the same attempt
//! of the same device is noted once, with its latest time; the audit log has them all. Failures that
//! count are noted one by one; the count itself does not wait here. A note that
//! was written stays until the next time, so that the device that comes back finds it there.

use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use jiff::Timestamp;
use portvakt_auth::Refusal;
use portvakt_auth::name::AccountId;

use super::attempts::{ATTEMPTS_PER_ACCOUNT, AttemptRow, Outcome};

/// Attempts kept at most, about 300 octets each; further ones are dropped and counted.
const MOST: usize = 50_000;
/// Attempts that wait and should not wait any longer, lest there be no room.
const MANY: usize = MOST / 2;

/// An [`AttemptRow`] that borrows what it says.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    /// When it was answered.
    pub time: Timestamp,
    /// The account it was made on.
    pub account: &'a AccountId,
    /// How it ended.
    pub outcome: Outcome,
    /// The name of the RADIUS client it came through.
    pub client: &'a str,
    /// The service.
    pub service: &'a str,
    /// The method.
    pub method: &'a str,
    /// Calling-Station-Id.
    pub calling_station: Option<&'a str>,
    /// Operator-Name.
    pub operator_name: Option<&'a str>,
    /// The outer identity.
    pub outer_identity: Option<&'a str>,
    /// More about the refusal.
    pub detail: Option<&'a str>,
}

impl Note<'_> {
    /// The same, owned.
    #[must_use]
    pub fn to_row(&self) -> AttemptRow {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        AttemptRow {
            time: self.time,
            account: self.account.clone(),
            outcome: self.outcome,
            client: self.client.to_owned(),
            service: self.service.to_owned(),
            method: self.method.to_owned(),
            calling_station: owned(self.calling_station),
            operator_name: owned(self.operator_name),
            outer_identity: owned(self.outer_identity),
            detail: owned(self.detail),
        }
    }

    /// Whether `row` tells the same but for the time. Each failure that was counted is told.
    fn repeats(&self, row: &AttemptRow) -> bool {
        self.outcome != Outcome::Refused(Refusal::WrongCredential)
            && self.outcome == row.outcome
            && self.client == row.client
            && self.service == row.service
            && self.method == row.method
            && self.calling_station == row.calling_station.as_deref()
            && self.operator_name == row.operator_name.as_deref()
            && self.outer_identity == row.outer_identity.as_deref()
            && self.detail == row.detail.as_deref()
    }
}

/// A note, and whether it waits: one that was written and not repeated since does not.
struct Kept {
    row: AttemptRow,
    waits: bool,
}

/// The attempts that wait, or did the last time, by account.
#[derive(Default)]
pub(super) struct Notes {
    accounts: DashMap<AccountId, Vec<Kept>, ahash::RandomState>,
    kept: AtomicUsize,
    waiting: AtomicUsize,
}

impl Notes {
    /// Takes a note; false where there is no room.
    pub(super) fn put(&self, note: &Note<'_>) -> bool {
        if let Some(mut rows) = self.accounts.get_mut(note.account) {
            return self.put_into(&mut rows, note);
        }
        match self.accounts.entry(note.account.clone()) {
            Entry::Occupied(mut rows) => self.put_into(rows.get_mut(), note),
            Entry::Vacant(free) => self.put_into(&mut free.insert(Vec::new()), note),
        }
    }

    fn put_into(&self, rows: &mut Vec<Kept>, note: &Note<'_>) -> bool {
        if let Some(kept) = rows.iter_mut().rev().find(|kept| note.repeats(&kept.row)) {
            kept.row.time = kept.row.time.max(note.time);
            self.have_waiting(kept);
            return true;
        }
        if rows.len() >= ATTEMPTS_PER_ACCOUNT as usize {
            // The table would not keep the oldest either.
            self.forget(&rows.remove(0));
        }
        if self.kept.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.kept.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let (row, waits) = (note.to_row(), false);
        let mut kept = Kept { row, waits };
        self.have_waiting(&mut kept);
        rows.push(kept);
        true
    }

    fn have_waiting(&self, kept: &mut Kept) {
        if !std::mem::replace(&mut kept.waits, true) {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn forget(&self, kept: &Kept) {
        self.kept.fetch_sub(1, Ordering::Relaxed);
        self.waiting
            .fetch_sub(usize::from(kept.waits), Ordering::Relaxed);
    }

    /// Takes out a copy of those that wait, account by account, and forgets those that do not.
    pub(super) fn take(&self) -> Vec<AttemptRow> {
        let mut taken = Vec::new();
        self.accounts.retain(|_, rows| {
            rows.retain_mut(|kept| {
                if !kept.waits {
                    self.forget(kept);
                    return false;
                }
                taken.push(kept.row.clone());
                kept.waits = false;
                true
            });
            !rows.is_empty()
        });
        self.waiting.fetch_sub(taken.len(), Ordering::Relaxed);
        // As they lie in the index: what is written together lies together.
        taken.sort_by(|one, next| (&one.account, one.time).cmp(&(&next.account, next.time)));
        taken
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether so many wait that they should be written now.
    pub(super) fn are_many(&self) -> bool {
        self.len() >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note<'a>(account: &'a AccountId, second: i64, station: &'a str) -> Note<'a> {
        Note {
            time: Timestamp::from_second(second).unwrap(),
            account,
            outcome: Outcome::Accepted,
            client: "access-points",
            service: "eduroam",
            method: "ttls/pap",
            calling_station: Some(station),
            operator_name: None,
            outer_identity: None,
            detail: None,
        }
    }

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    #[test]
    fn a_device_that_comes_back_is_noted_once_with_its_latest_time() {
        let (notes, anna) = (Notes::default(), id("anna"));
        for second in [3, 9, 5] {
            assert!(notes.put(&note(&anna, second, "22-44")));
        }
        assert!(notes.put(&note(&anna, 4, "another device")));
        let taken = notes.take();
        let told: Vec<_> = taken.iter().map(|row| row.time.as_second()).collect();
        assert_eq!(told, [4, 9]);
        assert_eq!((notes.len(), notes.take().len()), (0, 0));
    }

    #[test]
    fn a_device_that_comes_back_after_its_note_was_written_is_noted_again() {
        let (notes, anna) = (Notes::default(), id("anna"));
        for second in [3, 13, 23] {
            assert!(notes.put(&note(&anna, second, "22-44")));
            let told: Vec<_> = notes
                .take()
                .iter()
                .map(|row| row.time.as_second())
                .collect();
            assert_eq!((told, notes.len()), (vec![second], 0));
        }
        assert_eq!((notes.take().len(), notes.accounts.len()), (0, 0));
    }

    #[test]
    fn each_failure_that_counts_is_noted() {
        let (notes, anna) = (Notes::default(), id("anna"));
        for second in 0..6 {
            let outcome = Outcome::Refused(Refusal::WrongCredential);
            let failure = note(&anna, second, "22-44");
            assert!(notes.put(&Note { outcome, ..failure }));
        }
        assert_eq!(notes.take().len(), 6);
    }

    #[test]
    fn one_account_and_all_together_are_bounded() {
        let (notes, anna) = (Notes::default(), id("anna"));
        for number in 0..200 {
            assert!(notes.put(&note(&anna, number, &format!("device {number}"))));
        }
        assert_eq!(notes.len(), ATTEMPTS_PER_ACCOUNT as usize);
        let full = (0..MOST).filter(|number| {
            let account = id(&format!("s{number}"));
            !notes.put(&note(&account, 0, "22-44"))
        });
        assert_eq!(full.count(), ATTEMPTS_PER_ACCOUNT as usize);
        assert_eq!(notes.take().len(), MOST);
        assert_eq!(notes.take().len(), 0);
        assert!(notes.put(&note(&anna, 1, "22-44")));
    }
}
