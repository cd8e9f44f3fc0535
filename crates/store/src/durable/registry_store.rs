//! The student registry's facts over the store: each write is a job of the writer.

use crossbeam_channel::{Sender, bounded};
use jiff::Timestamp;
use portvakt_auth::AccountId;
use portvakt_registry::{Counts, Person, Statement};

use super::DurableStore;
use super::writer::Message;
use crate::StoreError;
use crate::registry::{
    Applying, Exemption, Import, ImportId, NewImport, RegistryStore, RegistryVersion,
};
use crate::sql::{Connection, SqlError};
use crate::tables::{exemptions, registry};

impl<C: Connection> DurableStore<C> {
    /// Has the writer do a short piece of work between two commits, and waits for it.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer): (Sender<Result<T, SqlError>>, _) = bounded(1);
        let job = move |connection: &mut dyn Connection| {
            let _ = reply.send(work(connection));
        };
        let message = Message::Job(Box::new(job));
        self.messages
            .send(message)
            .map_err(|_| StoreError::Closed)?;
        Ok(answer.recv().map_err(|_| StoreError::Closed)??)
    }

    fn tidy_up(&self, tidying: registry::Tidying) -> Result<(), StoreError> {
        while !self.work(move |connection| registry::settle_step(connection, tidying))? {}
        Ok(())
    }
}

impl<C: Connection> RegistryStore for DurableStore<C> {
    fn registry_persons(
        &self,
        visit: &mut dyn FnMut(String, Person),
    ) -> Result<RegistryVersion, StoreError> {
        let mut reader = self.reader();
        // What comes into force meanwhile is of a later version than is said.
        let version = registry::version(&mut *reader)?;
        registry::persons(&mut *reader, None, visit)?;
        Ok(version)
    }

    fn registry_person(&self, key: &str) -> Result<Option<Person>, StoreError> {
        let mut found = None;
        registry::persons(&mut *self.reader(), Some(key), &mut |_, person| {
            found = Some(person);
        })?;
        Ok(found)
    }

    fn registry_version(&self) -> Result<RegistryVersion, StoreError> {
        Ok(registry::version(&mut *self.reader())?)
    }

    fn stage_import(
        &self,
        import: &NewImport,
        statements: &[(String, Statement)],
    ) -> Result<ImportId, StoreError> {
        let import = import.clone();
        let id = self.work(move |connection| registry::insert(connection, &import))?;
        for some in statements.chunks(registry::STEP) {
            let rows = registry::to_rows(some)?;
            self.work(move |connection| registry::add_statements(connection, id, &rows))?;
        }
        Ok(id)
    }

    fn hold_import(&self, id: ImportId) -> Result<(), StoreError> {
        self.work(move |connection| registry::hold(connection, id))
    }

    fn apply_import(&self, id: ImportId, applying: Applying) -> Result<bool, StoreError> {
        self.work(move |connection| registry::apply(connection, id, applying))
    }

    fn approve_import(&self, id: ImportId, who: &str, at: Timestamp) -> Result<usize, StoreError> {
        let who = who.to_owned();
        self.work(move |connection| registry::approve(connection, id, &who, at))
    }

    fn undo_import(
        &self,
        id: ImportId,
        who: &str,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let who = who.to_owned();
        self.work(move |connection| registry::undo(connection, id, &who, at, since))
    }

    fn drop_import(&self, id: ImportId) -> Result<(), StoreError> {
        match self.work(move |connection| registry::give_up(connection, id))? {
            true => self.tidy_up(registry::Tidying::Remove(id)),
            false => Ok(()),
        }
    }

    fn imports(&self, limit: u32) -> Result<Vec<Import>, StoreError> {
        Ok(registry::imports(&mut *self.reader(), limit)?)
    }

    fn registry_news(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(registry::news(&mut *self.reader())?)
    }

    fn last_produced(&self, is_full: bool) -> Result<Option<Timestamp>, StoreError> {
        Ok(registry::last_produced(&mut *self.reader(), is_full)?)
    }

    fn registry_day(&self, since: Timestamp) -> Result<Counts, StoreError> {
        Ok(registry::day(&mut *self.reader(), since)?)
    }

    fn statements_of(
        &self,
        id: ImportId,
        visit: &mut dyn FnMut(String, Statement),
    ) -> Result<(), StoreError> {
        Ok(registry::statements(&mut *self.reader(), id, visit)?)
    }

    fn settle_imports(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let next = self.work(move |connection| registry::next_to_settle(connection, before))?;
            match next {
                Some(tidying) => self.tidy_up(tidying)?,
                None => return Ok(()),
            }
        }
    }

    fn put_exemption(&self, exemption: &Exemption) -> Result<(), StoreError> {
        let exemption = exemption.clone();
        self.work(move |connection| {
            registry::in_transaction(connection, |connection| {
                exemptions::put(connection, &exemption)?;
                registry::tell(connection).map(|()| true)
            })
        })?;
        Ok(())
    }

    fn remove_exemption(&self, account: &AccountId) -> Result<bool, StoreError> {
        let account = account.clone();
        self.work(move |connection| {
            registry::in_transaction(connection, |connection| {
                let is_removed = exemptions::remove(connection, &account)?;
                registry::tell(connection).map(|()| is_removed)
            })
        })
    }

    fn exemptions(&self) -> Result<Vec<Exemption>, StoreError> {
        Ok(exemptions::all(&mut *self.reader())?)
    }
}
