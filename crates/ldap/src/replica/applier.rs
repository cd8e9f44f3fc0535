//! Keeps table and journal in step with what a directory says, whichever way it says it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use portvakt_auth::account::Account;

use super::config::EntrySource;
use super::connection::MAX_ANSWERS;
use super::journal::{Journal, Restored, SyncCursor};
use super::sync::Ids;
use super::table::{Table, normalized};
use super::{EntryId, Replica, lock};
use portvakt_directory::entry::Entry;

/// The most entries that are not understood and known for it.
const MAX_NOT_UNDERSTOOD: usize = 100_000;
/// The most of them that are told of one by one.
const MAX_TOLD: usize = 1_000;
/// Accounts of a first load between two lines of the log.
const TOLD_EVERY: usize = 10_000;
/// Said of an entry for which there is no place.
const FULL: &str = "the mirror is full: five million accounts";

/// The one writer of a mirror.
pub(super) struct Applier {
    replica: Arc<Replica>,
    source: Arc<dyn EntrySource>,
    journal: Option<Journal>,
    cursor: Option<SyncCursor>,
    /// A whole load that is not complete.
    building: Option<Building>,
    /// Entries that could not be understood.
    not_understood: Ids,
    /// The whole has changed, so the changes alone would not do.
    is_new: bool,
}

#[derive(Default)]
struct Building {
    table: Table,
    not_understood: Ids,
    /// Nothing is in use meanwhile.
    is_first: bool,
}

impl Applier {
    /// Puts what was found on disk to use at once.
    pub(super) fn new(
        replica: Arc<Replica>,
        source: Arc<dyn EntrySource>,
        journal: Option<Journal>,
        restored: Option<Restored>,
    ) -> Self {
        let mut applier = Self {
            replica,
            source,
            journal,
            cursor: None,
            building: None,
            not_understood: Ids::default(),
            is_new: false,
        };
        if let Some(restored) = restored {
            applier
                .replica
                .restore(restored.table, restored.last_contact);
            applier.cursor = restored.cursor;
        }
        applier
    }

    /// The cookie to continue the copy from by this method, with a server whose cookies are those of
    /// `server`.
    pub(super) fn cursor(&self, method: &str, server: Option<&str>) -> Option<&[u8]> {
        let fits = |p: &&SyncCursor| p.method == method && p.server.as_deref() == server;
        let cursor = self.cursor.as_ref().filter(fits);
        cursor.map(|cursor| cursor.cookie.as_slice())
    }

    /// Begins a whole load beside what is in use.
    pub(super) fn begin(&mut self) {
        let is_first = self.replica.table.load().is_none();
        self.building = Some(Building {
            is_first,
            ..Building::default()
        });
    }

    /// Gives up a whole load; what is in use stays.
    pub(super) fn discard_load(&mut self) {
        self.building = None;
    }

    /// Takes in an entry as it is now.
    pub(super) fn put(&mut self, id: EntryId, entry: &Entry) {
        let known = self.known(&id);
        match self.source.understand(entry, known.as_deref()) {
            Ok(Some(account)) => {
                let account = normalized(account);
                let same = known.filter(|known| *known == account);
                self.store(id, same.unwrap_or(account));
            }
            Ok(None) => self.remove(&id),
            Err(why) => {
                self.remove(&id);
                self.note_not_understood(id, &entry.dn, &why.to_string());
            }
        }
    }

    /// Whether an entry is somebody's.
    pub(super) fn knows(&self, id: &EntryId) -> bool {
        self.known(id).is_some() || self.not_understood.contains(id)
    }

    fn known(&self, id: &EntryId) -> Option<Arc<Account>> {
        let building = self.building.as_ref();
        let new = building.and_then(|building| building.table.entry(id));
        new.or_else(|| self.replica.table.load().as_ref()?.entry(id))
    }

    fn store(&mut self, id: EntryId, account: Arc<Account>) {
        if !self.has_place(&id) {
            return self.note_not_understood(id, account.id.as_str(), FULL);
        }
        self.forget_not_understood(&id);
        if let Some(building) = &mut self.building {
            building.put(id, account);
            return;
        }
        let Some(table) = &*self.replica.table.load() else {
            return;
        };
        let old = table.put(id, Arc::clone(&account));
        if old.as_ref() == Some(&account) {
            return;
        }
        self.replica.changes.fetch_add(1, Ordering::Relaxed);
        if let Some(old) = old {
            self.replica.notify(&old, Some(&account));
        }
        let written = self
            .journal
            .as_mut()
            .map(|journal| journal.put(id, &account));
        self.note(written);
    }

    /// The memory is bounded: who finds no place is asked for at each log-on.
    fn has_place(&self, id: &EntryId) -> bool {
        let in_use = self.replica.table.load();
        let building = self.building.as_ref().map(|building| &building.table);
        let table = building.or(in_use.as_deref());
        table.is_none_or(|table| table.len() < MAX_ANSWERS || table.entry(id).is_some())
    }

    /// Takes out an entry, if it is there.
    pub(super) fn remove(&mut self, id: &EntryId) {
        self.forget_not_understood(id);
        if let Some(Building { table, .. }) = &mut self.building {
            table.remove(id);
            return;
        }
        let table = self.replica.table.load();
        let Some(old) = table.as_ref().and_then(|table| table.remove(id)) else {
            return;
        };
        self.replica.changes.fetch_add(1, Ordering::Relaxed);
        self.replica.notify(&old, None);
        let written = self.journal.as_mut().map(|journal| journal.remove(*id));
        self.note(written);
    }

    /// Takes out all entries but these.
    pub(super) fn retain_only(&mut self, ids: &Ids) {
        let others = match &self.building {
            Some(building) => building.table.others_than(ids),
            None => {
                let table = self.replica.table.load();
                table
                    .as_ref()
                    .map_or(Vec::new(), |table| table.others_than(ids))
            }
        };
        others.iter().for_each(|id| self.remove(id));
        self.not_understood.retain(|id| ids.contains(id));
        self.count_not_understood();
    }

    /// The copy is as the directory has it: a whole load takes the place of what was in use.
    pub(super) fn complete(&mut self) {
        if let Some(built) = self.building.take() {
            self.not_understood = built.not_understood;
            self.is_new = true;
            // The position of what was in use says nothing of this.
            self.cursor = None;
            self.replica.loads.fetch_add(1, Ordering::Relaxed);
            let new = Arc::new(built.table);
            let old = self.replica.table.swap(Some(Arc::clone(&new)));
            old.iter()
                .for_each(|old| self.notify_differences(old, &new));
        }
        self.count_not_understood();
        self.replica.touch();
        self.replica.connection();
    }

    fn notify_differences(&self, old: &Table, new: &Table) {
        old.for_each(|id, account| match new.entry(id) {
            Some(same) if Arc::ptr_eq(&same, account) => {}
            other => self.replica.notify(account, other.as_deref()),
        });
    }

    /// All that was taken in so far is in this position.
    pub(super) fn remember(&mut self, cursor: SyncCursor) {
        self.cursor = Some(cursor);
    }

    /// The directory was heard of: writes down what there is to write. Waits for the disk.
    pub(super) fn touch(&mut self) {
        self.replica.touch();
        self.write_down();
    }

    /// As [`touch`](Self::hear), when it was heard of earlier.
    pub(super) fn write_down(&mut self) {
        let at = self.replica.last_contact_at();
        let table = self.replica.table.load();
        let (Some(journal), Some(table)) = (&mut self.journal, &*table) else {
            return;
        };
        let cursor = self.cursor.as_ref();
        let written = if self.is_new || journal.wants_rewrite() {
            let written = journal.rewrite(table, cursor, at);
            self.is_new = written.is_err();
            written
        } else {
            journal.last_contact(cursor, at)
        };
        *lock(&self.replica.disk) = written.as_ref().err().map(io::Error::to_string);
        self.note(Some(written));
    }

    fn note(&self, written: Option<io::Result<()>>) {
        if let Some(Err(error)) = written {
            tracing::error!(%error, "the mirror of the directory can't be written to disk");
            *lock(&self.replica.disk) = Some(error.to_string());
        }
    }

    fn note_not_understood(&mut self, id: EntryId, dn: &str, why: &str) {
        let known = &self.not_understood;
        let is_new = !known.contains(&id) && known.len() < MAX_TOLD;
        let noted = match &mut self.building {
            Some(building) => &mut building.not_understood,
            None => &mut self.not_understood,
        };
        let is_new = is_new && noted.len() < MAX_TOLD;
        if noted.len() < MAX_NOT_UNDERSTOOD {
            noted.insert(id);
        }
        if is_new {
            tracing::warn!(dn, why, "this entry of the directory is nobody's account");
        }
        self.count_not_understood();
    }

    fn forget_not_understood(&mut self, id: &EntryId) {
        if self.building.is_none() && self.not_understood.remove(id) {
            self.count_not_understood();
        }
    }

    fn count_not_understood(&self) {
        let count = self.not_understood.len();
        self.replica.not_understood.store(count, Ordering::Relaxed);
    }
}

impl Building {
    /// Takes in an account. The first load is told of as it goes on, for log-ons wait for it.
    fn put(&mut self, id: EntryId, account: Arc<Account>) {
        self.table.put(id, account);
        let accounts = self.table.len();
        if self.is_first && accounts.is_multiple_of(TOLD_EVERY) {
            tracing::info!(accounts, "the mirror is being read from the directory");
        }
    }
}
