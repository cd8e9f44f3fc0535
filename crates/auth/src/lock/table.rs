//! The table of all records: a sharded concurrent map, one entry lock per event.

use super::admission::{Admission, Guess, Held, Unsettled};
use super::settlement::{Ahead, HandedOver, Learned, Question, Settlement};
use super::state::{Effect, Outcome, State};
use super::{Denied, LockChange, LockRecord, Settled};
use crate::account::Account;
use crate::name::AccountId;
use crate::rules::Lockout;
use crate::time::Tick;
use ahash::RandomState;
use dashmap::{DashMap, Entry, OccupiedEntry};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Octets one account takes in the map, without its name and without tags.
pub const RECORD_OCTETS: usize = size_of::<(AccountId, Slot)>();

/// A state, and the revision of its last change.
#[derive(Debug, Default)]
struct Slot {
    state: State,
    revision: u64,
}

/// Failures, locks and reservations of all accounts. Cheap to clone; the clones share one table.
#[derive(Clone)]
pub struct LockTable {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    slots: DashMap<AccountId, Slot, RandomState>,
    /// Counted apart: `DashMap::len` locks every shard.
    count: AtomicUsize,
    capacity: AtomicUsize,
    revision: AtomicU64,
    unsettled: OnceLock<Unsettled>,
}

impl LockTable {
    /// An empty table with records for at most this many accounts.
    pub fn new(capacity: usize) -> LockTable {
        let shared = Shared {
            slots: DashMap::with_hasher(RandomState::new()),
            count: AtomicUsize::new(0),
            capacity: AtomicUsize::new(capacity),
            revision: AtomicU64::new(0),
            unsettled: OnceLock::new(),
        };
        LockTable {
            shared: Arc::new(shared),
        }
    }

    /// Changes the bound, when the directory has grown; records beyond a smaller one stay.
    pub fn set_capacity(&self, capacity: usize) {
        self.shared.capacity.store(capacity, Ordering::Relaxed);
    }

    /// For how many accounts there is room.
    pub fn capacity(&self) -> usize {
        self.shared.capacity.load(Ordering::Relaxed)
    }

    /// Has attempts that are dropped as failures handed to `take`, which must settle them and make that
    /// durable. It runs wherever the attempt was dropped, and must not wait. The first call counts.
    pub fn on_unsettled(&self, take: impl Fn(Admission) + Send + Sync + 'static) {
        let _ = self.shared.unsettled.set(Box::new(take));
    }

    /// The cheap first look: whether the account is locked, and until when.
    pub fn locked_until(&self, id: &AccountId, now: Tick) -> Option<Tick> {
        self.shared.slots.get(id)?.state.locked_until(now)
    }

    /// Reserves one attempt at an account, as leave to compare a credential with its secrets. An
    /// account of a kind that is not counted (I5) is admitted always.
    ///
    /// # Errors
    /// [`Denied`]; the credential must not be compared.
    pub fn admit(
        &self,
        account: &Account,
        guess: Guess,
        rules: &Lockout,
        now: Tick,
    ) -> Result<Admission, Denied> {
        self.enter(account, guess, rules, now, true)
    }

    /// As [`Self::admit`], in a full table too: for an account whose password is remembered, so
    /// that a table that others have filled costs its owner nothing. How many records this may add
    /// is bounded by how many proofs are remembered.
    ///
    /// # Errors
    /// [`Denied`], but never [`Denied::Full`].
    pub fn admit_beyond_capacity(
        &self,
        account: &Account,
        guess: Guess,
        rules: &Lockout,
        now: Tick,
    ) -> Result<Admission, Denied> {
        self.enter(account, guess, rules, now, false)
    }

    fn enter(
        &self,
        account: &Account,
        guess: Guess,
        rules: &Lockout,
        now: Tick,
        bounded: bool,
    ) -> Result<Admission, Denied> {
        let id = &account.id;
        if !account.kind.is_counted() {
            return Ok(Admission::uncounted(id.clone()));
        }
        match self.shared.slots.entry(id.clone()) {
            Entry::Occupied(mut entry) => entry.get_mut().state.admit(rules, now)?,
            Entry::Vacant(entry) => {
                let mut slot = Slot::default();
                slot.state.admit(rules, now)?;
                self.shared.take_place(bounded)?;
                entry.insert(slot);
            }
        }
        let shared = Arc::clone(&self.shared);
        Ok(Admission::held(shared, id.clone(), rules, guess, now))
    }

    /// The failures and lock of an account, as last counted; both may have run out since.
    pub fn lock_record(&self, id: &AccountId) -> Option<LockRecord> {
        let slot = self.shared.slots.get(id)?;
        slot.state
            .has_record()
            .then(|| slot.state.record(id, slot.revision))
    }

    /// Opens an account at once and forgets its failures. Attempts being checked go on, and count
    /// from zero. `None` if there was nothing to forget.
    pub fn unlock(&self, id: &AccountId) -> Option<LockChange> {
        let Entry::Occupied(mut entry) = self.shared.slots.entry(id.clone()) else {
            return None;
        };
        if !entry.get().state.has_record() {
            return None;
        }
        entry.get_mut().state.clear();
        let revision = self.shared.next_revision();
        self.shared.leave(entry, revision);
        Some(LockChange::Cleared {
            id: id.clone(),
            revision,
        })
    }

    /// Takes in a record from the store, whatever the capacity: what was counted is never lost.
    /// Of a stored record and one that is in the table already, the stricter holds.
    pub fn restore(&self, record: LockRecord) {
        self.shared
            .revision
            .fetch_max(record.revision, Ordering::Relaxed);
        if record.failures == 0 && record.locked_until.is_none() {
            return;
        }
        let mut slot = self
            .shared
            .slots
            .entry(record.id.clone())
            .or_insert_with(|| {
                self.shared.count.fetch_add(1, Ordering::Relaxed);
                Slot::default()
            });
        slot.state.merge(&record);
        slot.revision = slot.revision.max(record.revision);
    }

    /// Takes over the state of an account that the database has, which decides about locks. An older one
    /// than is known is left alone. Where memory has counted while the database was away, the
    /// stricter of both holds until [`Self::adopt_merged`].
    pub fn adopt(&self, record: &LockRecord) {
        self.shared.adopt(record, Ahead::Untold);
    }

    /// As [`Self::adopt`], of a state in which the database has what memory counted without it.
    pub fn adopt_merged(&self, record: &LockRecord) {
        self.shared.adopt(record, Ahead::Told);
    }

    /// As [`Self::adopt_merged`], where the database has no record of the account.
    pub fn forget_merged(&self, id: &AccountId) {
        self.shared.forget_merged(id);
    }

    /// Removes records whose lock has run out or whose failures are long past, one shard at a time.
    ///
    /// `keep` says of an account that it must stay, because its last change is not durable yet; it
    /// runs under the shard's lock and must not touch this table. The changes returned tell the
    /// store what to forget; they carry revisions, so a failure that follows is not lost to them.
    pub fn forget_expired<'r>(
        &self,
        rules: impl Fn(&AccountId) -> &'r Lockout,
        now: Tick,
        keep: impl Fn(&AccountId) -> bool,
    ) -> Vec<LockChange> {
        let mut forgotten = Vec::new();
        self.shared.slots.retain(|id, slot| {
            if !slot.state.is_expired(rules(id), now) || keep(id) {
                return true;
            }
            self.shared.count.fetch_sub(1, Ordering::Relaxed);
            let revision = self.shared.next_revision();
            forgotten.push(LockChange::Cleared {
                id: id.clone(),
                revision,
            });
            false
        });
        forgotten
    }

    /// How many accounts have a record or an attempt being checked.
    pub fn len(&self) -> usize {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many accounts are locked; walks the whole table.
    pub fn locked(&self, now: Tick) -> usize {
        self.shared
            .slots
            .iter()
            .filter(|slot| slot.state.locked_until(now).is_some())
            .count()
    }
}

impl fmt::Debug for LockTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockTable")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Counts one record more, if there is room.
    fn take_place(&self, bounded: bool) -> Result<(), Denied> {
        let capacity = match bounded {
            true => self.capacity.load(Ordering::Relaxed),
            false => usize::MAX,
        };
        let room = |count: usize| (count < capacity).then_some(count + 1);
        let taken = self
            .count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        taken.map(|_| ()).map_err(|_| Denied::Full)
    }

    /// Taken under the entry's lock, so that it grows with every change of one account.
    fn next_revision(&self) -> u64 {
        self.revision
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1)
    }

    /// Ends work on an entry: an empty one gives its place back.
    fn leave(&self, mut entry: OccupiedEntry<'_, AccountId, Slot>, revision: u64) {
        if entry.get().state.is_empty() {
            entry.remove();
            self.count.fetch_sub(1, Ordering::Relaxed);
        } else {
            entry.get_mut().revision = revision;
        }
    }

    pub(super) fn settle(
        &self,
        id: AccountId,
        outcome: Outcome,
        guess: &Guess,
        rules: &Lockout,
        now: Tick,
    ) -> Settled {
        let Entry::Occupied(mut entry) = self.slots.entry(id.clone()) else {
            return Settled::NOTHING;
        };
        let state = &mut entry.get_mut().state;
        let effect = state.settle(outcome, guess, rules, now);
        let failures = state.failures(rules, now);
        let locked_until = state.locked_until(now);
        // Nothing was counted or cleared, for a lock that was there before.
        let is_stopped = effect == Effect::None && locked_until.is_some();
        let revision = match effect {
            Effect::None => entry.get().revision,
            _ => self.next_revision(),
        };
        let change = effect.change(&entry.get().state, &id, revision);
        self.leave(entry, revision);
        Settled {
            change,
            newly_locked: effect == Effect::Locked,
            failures,
            locked_until,
            is_stopped,
        }
    }

    /// Hands a dropped failure on; back where there is nobody to take it.
    pub(super) fn take_unsettled(&self, unsettled: Admission) -> Result<(), Admission> {
        match self.unsettled.get() {
            Some(take) => {
                take(unsettled);
                Ok(())
            }
            None => Err(unsettled),
        }
    }

    /// Ends a reservation whose outcome a database decides about.
    pub(super) fn hand_over(
        &self,
        id: AccountId,
        held: Held,
        learned: Learned,
        is_compared: bool,
        now: Tick,
    ) -> HandedOver {
        let Entry::Occupied(mut entry) = self.slots.entry(id.clone()) else {
            return HandedOver::Settled(Settled::NOTHING);
        };
        let (guess, rules) = (&held.guess, &held.rules);
        let state = &mut entry.get_mut().state;
        let question = state.hand_over(learned, guess, rules, now);
        let locked_until = state.locked_until(now);
        let settled = Settled {
            failures: state.failures(rules, now),
            locked_until,
            is_stopped: is_compared && locked_until.is_some(),
            ..Settled::NOTHING
        };
        let revision = entry.get().revision;
        self.leave(entry, revision);
        match question {
            Some(question) => HandedOver::Asked(Settlement::new(held, id, question)),
            None => HandedOver::Settled(settled),
        }
    }

    /// The database has answered: its state holds. `ahead`: memory had decided without it, and it has
    /// been told since.
    pub(super) fn adopt(&self, record: &LockRecord, ahead: Ahead) {
        let mut entry = self.occupied(&record.id);
        let slot = entry.get_mut();
        if ahead == Ahead::Told {
            slot.state.caught_up();
        }
        if slot.revision <= record.revision {
            slot.revision = record.revision;
            slot.state.adopt(record);
        }
        let revision = slot.revision;
        self.leave(entry, revision);
    }

    fn forget_merged(&self, id: &AccountId) {
        self.end(id, Question::Look, |state| {
            state.caught_up();
            state.clear();
        });
    }

    /// The entry of an account, made if need be, whatever the capacity.
    fn occupied(&self, id: &AccountId) -> OccupiedEntry<'_, AccountId, Slot> {
        match self.slots.entry(id.clone()) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                self.count.fetch_add(1, Ordering::Relaxed);
                entry.insert_entry(Slot::default())
            }
        }
    }

    /// Decides about a settlement by what memory knows. The change has the revision of the state that
    /// the database had last.
    pub(super) fn decide(
        &self,
        id: &AccountId,
        question: Question,
        by: &Held,
        now: Tick,
        ahead: bool,
    ) -> Settled {
        let mut entry = self.occupied(id);
        let revision = entry.get().revision;
        let state = &mut entry.get_mut().state;
        state.answered(question);
        let effect = state.conclude(question.outcome(), &by.guess, &by.rules, now);
        if ahead && effect != Effect::None {
            state.go_ahead();
        }
        let settled = Settled {
            change: effect.change(state, id, revision),
            newly_locked: effect == Effect::Locked,
            failures: state.failures(&by.rules, now),
            locked_until: state.locked_until(now),
            is_stopped: effect == Effect::None && state.locked_until(now).is_some(),
        };
        self.leave(entry, revision);
        settled
    }

    /// Ends a settlement: whatever came of it, the question is not open any more.
    pub(super) fn end<T>(
        &self,
        id: &AccountId,
        question: Question,
        end: impl FnOnce(&mut State) -> T,
    ) -> Option<T> {
        let Entry::Occupied(mut entry) = self.slots.entry(id.clone()) else {
            return None;
        };
        let state = &mut entry.get_mut().state;
        state.answered(question);
        let ended = end(state);
        let revision = entry.get().revision;
        self.leave(entry, revision);
        Some(ended)
    }

    pub(super) fn release(&self, id: AccountId) {
        if let Entry::Occupied(mut entry) = self.slots.entry(id) {
            entry.get_mut().state.release();
            let revision = entry.get().revision;
            self.leave(entry, revision);
        }
    }
}
