//! Files that the guard holds back: approved by two operators. Imports in force: undone.

use std::sync::PoisonError;

use jiff::SignedDuration;
use portvakt_registry::{APPROVALS, Told, UNDO_DAYS};
use portvakt_store::{Import, ImportId, ImportState};

use super::{ImportOutcome, Judged, RegistryImport, TRIES, result_of};
use crate::accounts::{Accounts, ActError, Actor};

/// Imports among which a digest or a number is looked for.
const NEWEST: u32 = 10_000;

impl Accounts {
    /// Approves exactly the held file of this digest; the second operator's approval puts it in
    /// force.
    ///
    /// # Errors
    /// [`ActError::UnknownDigest`], [`ActError::RegistryBusy`] or [`ActError::Store`].
    pub fn approve_registry(
        &self,
        actor: &Actor,
        digest: &str,
    ) -> Result<RegistryImport, ActError> {
        let imports = self.state.registry_imports.lock();
        let _one_at_a_time = imports.unwrap_or_else(PoisonError::into_inner);
        let held = self.held_import(digest)?;
        let held = held.ok_or_else(|| ActError::UnknownDigest {
            digest: digest.to_owned(),
        })?;
        let now = self.state.clock.now().utc;
        let store = &self.state.store;
        let approved = store.approve_import(held.id, &actor.who, now)?;
        let done = match approved >= APPROVALS {
            true => self.apply_held(&held),
            false => self.waiting(&held),
        };
        let result = match &done {
            Ok(imported) => format!("{approved} of {APPROVALS} approve; {}", result_of(imported)),
            Err(error) => format!("{approved} of {APPROVALS} approve; {error}"),
        };
        self.audit_registry(actor, "registry-approve", digest, &result);
        done
    }

    fn waiting(&self, held: &Import) -> Result<RegistryImport, ActError> {
        let judged = self.judge_held(held)?;
        let held = self.import_of(held.id)?;
        Ok(imported(
            &held,
            judged,
            ImportOutcome::Held {
                import: held.id.0,
                approved_by: held.approved_by.clone(),
                needed: APPROVALS,
            },
        ))
    }

    fn apply_held(&self, held: &Import) -> Result<RegistryImport, ActError> {
        for _ in 0..TRIES {
            let judged = self.judge_held(held)?;
            let told = self.told_of(held);
            if let Some(outcome) = self.put_in_force(held.id, &judged, told, true)? {
                return Ok(imported(held, judged, outcome));
            }
        }
        Err(ActError::RegistryBusy)
    }

    /// The effect of a held file upon what is in force by now.
    pub(super) fn judge_held(&self, held: &Import) -> Result<Judged, ActError> {
        let mut statements = Vec::new();
        let store = &self.state.store;
        store.statements_of(held.id, &mut |key, statement| {
            statements.push((key, statement));
        })?;
        // Of a full file, that others are gone is among the statements.
        self.judge(&statements, false, self.told_of(held))
    }

    fn told_of(&self, held: &Import) -> Told {
        Told {
            produced_at: held.new.produced_at,
            taken_at: self.state.clock.now().utc,
        }
    }

    pub(super) fn held_import(&self, digest: &str) -> Result<Option<Import>, ActError> {
        let imports = self.state.store.imports(NEWEST)?;
        let is_it = |import: &Import| {
            import.state == ImportState::Held && import.new.digest.eq_ignore_ascii_case(digest)
        };
        Ok(imports.into_iter().find(is_it))
    }

    fn import_of(&self, id: ImportId) -> Result<Import, ActError> {
        let imports = self.state.store.imports(NEWEST)?;
        let found = imports.into_iter().find(|import| import.id == id);
        found.ok_or(ActError::UnknownImport { import: id.0 })
    }

    /// Takes an import out of force, as if it had never come; imports after it stay.
    ///
    /// # Errors
    /// [`ActError::UnknownImport`], [`ActError::NotUndoable`] or [`ActError::Store`].
    pub fn undo_registry(&self, actor: &Actor, import: i64, why: &str) -> Result<(), ActError> {
        let imports = self.state.registry_imports.lock();
        let _one_at_a_time = imports.unwrap_or_else(PoisonError::into_inner);
        let (id, now) = (ImportId(import), self.state.clock.now().utc);
        self.import_of(id)?;
        let week = SignedDuration::from_hours(24 * UNDO_DAYS);
        let since = now.checked_sub(week).unwrap_or(jiff::Timestamp::MIN);
        let store = &self.state.store;
        let mut keys = Vec::new();
        store.statements_of(id, &mut |key, _| keys.push(key))?;
        if !store.undo_import(id, &actor.who, now, since)? {
            return Err(ActError::NotUndoable { import });
        }
        let mut persons = Vec::with_capacity(keys.len());
        for key in keys {
            let person = store.registry_person(&key)?;
            persons.push((key, person));
        }
        let persons = persons.iter();
        self.state
            .publish_persons(persons.map(|(key, person)| (key.as_str(), person.as_ref())));
        self.state.own_registry_change(store.registry_version()?);
        self.state.renew_silence()?;
        let result = format!("import {import} is undone");
        self.audit_registry(actor, "registry-undo", why, &result);
        Ok(())
    }
}

fn imported(held: &Import, judged: Judged, outcome: ImportOutcome) -> RegistryImport {
    RegistryImport {
        outcome,
        digest: held.new.digest.clone(),
        rows: held.new.rows,
        is_full: held.new.is_full,
        effect: judged.effect,
        exceeded: judged.exceeded,
    }
}
