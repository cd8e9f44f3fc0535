//! Changes to accounts, written into the directory: a password as an Argon2id hash (or
//! [itself](super::new_password)), and what closes an account. Nothing else is ours to change there,
//! and nobody is added or removed.
//!
//! An entry is read, changed and read again, all within the time of one log-on. Who calls waits for
//! it; the directory's own threads do the work.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use ldap3::Mod;
use portvakt_auth::{Account, AccountId, Password, PasswordHash, PasswordKind};

use crate::settings::PasswordMethod;
use crate::write::hash_upgrade::Upgrade;
use crate::write::new_password::{WriteRefusal, modify, names, outcome};
use crate::{LdapDirectory, LdapInner, unavailable};
use portvakt_directory::attributes::{AttributeNames, AttributeRole};
use portvakt_directory::entry::Entry;
use portvakt_directory::{
    Change, DirectoryWriter, FindError, NewPassword, WriteError, keep_password,
};

pub(crate) type Modification = Mod<Vec<u8>>;

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// An entry, and the account that it makes.
pub(crate) struct PersonEntry {
    pub(crate) entry: Entry,
    pub(crate) account: Account,
}

impl DirectoryWriter for LdapDirectory {
    /// One account at a time: a directory has no way to make several changes or none.
    fn apply(
        &self,
        changes: Vec<(AccountId, Change<'_>)>,
    ) -> Result<Vec<Arc<Account>>, WriteError> {
        if changes.len() > 1 {
            return Err(WriteError::NotWritable("several accounts at once"));
        }
        let changed = changes
            .into_iter()
            .map(|(id, change)| self.change(&id, change));
        let changed: Result<Vec<_>, _> = changed.collect();
        Ok(changed?.into_iter().flatten().collect())
    }

    fn set_password(
        &self,
        id: &AccountId,
        new: NewPassword<'_>,
    ) -> Result<Option<Arc<Account>>, WriteError> {
        match self.writing.map(|writing| writing.passwords) {
            Some(PasswordMethod::Hash) | None => {
                keep_password(id, new, |changes| self.apply(changes))
            }
            Some(way) => self.set_clear_password(id, &new, way),
        }
    }

    fn upgrades_hashes(&self) -> bool {
        self.writing.is_some_and(|writing| writing.upgrade_hashes)
    }

    /// Only in the place of the old value, so that one which somebody else has put there stays.
    fn upgrade_hash(
        &self,
        id: &AccountId,
        old: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, WriteError> {
        let began = Instant::now();
        let Some(person) = self.person(began, id)? else {
            return Ok(false);
        };
        let Some(attribute) = place_of(old, self.attributes(), &person.entry) else {
            return Ok(false);
        };
        self.asked.known.note_upgrade(&person.account, &new);
        let upgrade = Upgrade {
            dn: person.entry.dn,
            attribute,
            old: old.clone(),
            new: format!("{{ARGON2}}{}", new.reveal()).into(),
        };
        self.written.note(id, Instant::now());
        let question = self
            .answer(move |asked, deadline| async move { asked.upgrade(deadline, &upgrade).await });
        let done = question.wait(began);
        self.written.note(id, Instant::now());
        done?.map_err(WriteError::from)
    }
}

/// The attribute of an entry that has this very hash, and no other.
fn place_of(hash: &PasswordHash, attributes: &AttributeNames, entry: &Entry) -> Option<String> {
    let names = attributes.of(AttributeRole::PasswordHash);
    let is_there = |name: &&String| {
        let mut values = entry.values(name);
        let first = values.next().map(|value| value.value.as_slice());
        first == Some(hash.reveal().as_bytes()) && values.next().is_none()
    };
    names.iter().find(is_there).cloned()
}

impl LdapDirectory {
    pub(crate) fn attributes(&self) -> &AttributeNames {
        &self.asked.mapping.attributes
    }

    fn change(
        &self,
        id: &AccountId,
        change: Change<'_>,
    ) -> Result<Option<Arc<Account>>, WriteError> {
        let began = Instant::now();
        let found = self.person(began, id)?;
        let wanted = change(found.as_ref().map(|person| &person.account));
        let Some(wanted) = wanted else {
            return Ok(None);
        };
        let person = found.ok_or(WriteError::NotWritable("a new account"))?;
        let modifications = Modifications::of(&self.asked.mapping.attributes, &person, &wanted)?;
        // What is read from now on counts, or nothing does.
        self.asked.recent.forget(id);
        self.written.note(id, Instant::now());
        let modified = self.modify(began, person.entry.dn, modifications);
        self.written.note(id, Instant::now());
        modified?;
        let now = self.person(began, id)?;
        let now = now.ok_or_else(|| WriteError::Unknown(id.clone()))?.account;
        let is_closed =
            |account: &Account| (account.deactivated.is_some(), account.suspended.is_some());
        match is_closed(&now) == is_closed(&wanted) {
            true => Ok(Some(Arc::new(now))),
            false => Err(WriteError::Overruled(id.clone())),
        }
    }

    pub(crate) fn person(
        &self,
        began: Instant,
        id: &AccountId,
    ) -> Result<Option<PersonEntry>, FindError> {
        let name = id.clone();
        let question =
            self.answer(move |asked, deadline| async move { asked.person(deadline, &name).await });
        question.wait(began)
    }

    fn modify(
        &self,
        began: Instant,
        dn: String,
        modifications: Vec<Modification>,
    ) -> Result<(), WriteError> {
        if modifications.is_empty() {
            return Ok(());
        }
        let question = self.answer(move |asked, deadline| async move {
            asked.modify(deadline, &dn, &modifications).await
        });
        question.wait(began)?.map_err(WriteError::from)
    }
}

impl LdapInner {
    async fn person(
        &self,
        deadline: Instant,
        name: &AccountId,
    ) -> Result<Option<PersonEntry>, FindError> {
        let plain = self.mapping.naming.plain(name);
        let entries = self.entries(deadline, plain, None).await?;
        let names = entries.iter().map(|entry| entry.dn.clone()).collect();
        // Another may have the name too, as that of a principal: but the account has it as its own.
        let is_one_of_several = entries.len() > 1;
        let mut found = None;
        for entry in entries {
            let account = self.mapping.understand(&entry, Timestamp::now()).account;
            let account = match account {
                Ok(account) => account,
                Err(_) if is_one_of_several => continue,
                Err(faults) => return Err(FindError::NotUnderstood(faults)),
            };
            if account.id == *name && found.replace((entry, account)).is_some() {
                return Err(FindError::Ambiguous(names));
            }
        }
        Ok(found.map(|(entry, mut account)| {
            self.known.join(&mut account);
            PersonEntry { entry, account }
        }))
    }

    /// Modifies an entry; every value replaces the ones before, so that a second server can be asked the same
    /// without harm.
    async fn modify(
        &self,
        deadline: Instant,
        dn: &str,
        modifications: &[Modification],
    ) -> Result<Result<(), WriteRefusal>, FindError> {
        let done = self.pool.ask(deadline, |mut ldap| async move {
            let result = modify(&mut ldap, dn, modifications).await?;
            let written = outcome(&result)?;
            Ok(written.map_err(|denied| denied.of_writing(&names(modifications), &result)))
        });
        done.await.or_else(unavailable)
    }
}

/// The library's own can't be copied.
pub(crate) fn again(modification: &Modification) -> Modification {
    match modification {
        Mod::Add(name, values) => Mod::Add(name.clone(), values.clone()),
        Mod::Delete(name, values) => Mod::Delete(name.clone(), values.clone()),
        Mod::Replace(name, values) => Mod::Replace(name.clone(), values.clone()),
        Mod::Increment(name, by) => Mod::Increment(name.clone(), by.clone()),
    }
}

/// Modifications that bring an entry to the state of an account.
pub(crate) struct Modifications<'a> {
    attributes: &'a AttributeNames,
    entry: &'a Entry,
    list: Vec<Modification>,
}

impl<'a> Modifications<'a> {
    pub(crate) fn new(attributes: &'a AttributeNames, entry: &'a Entry) -> Self {
        Self {
            attributes,
            entry,
            list: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Vec<Modification> {
        self.list
    }

    fn of(
        attributes: &'a AttributeNames,
        person: &'a PersonEntry,
        wanted: &Account,
    ) -> Result<Vec<Modification>, WriteError> {
        let old = &person.account;
        if !is_writable(old, wanted) {
            let what = "anything but a password and what closes an account";
            return Err(WriteError::NotWritable(what));
        }
        let mut this = Self::new(attributes, &person.entry);
        if let Some(password) = wanted
            .password
            .as_ref()
            .filter(|_| old.password != wanted.password)
        {
            this.password(password)?;
        }
        if old.nt_hash != wanted.nt_hash {
            let text = wanted.nt_hash.as_ref().map(|hash| hash.reveal());
            this.put(
                AttributeRole::NtHash,
                text.as_ref().map(|text| text.as_str()),
            )?;
        }
        let closers = [
            (
                AttributeRole::Deactivated,
                &old.deactivated,
                &wanted.deactivated,
            ),
            (AttributeRole::Suspended, &old.suspended, &wanted.suspended),
        ];
        for (fact, old, wanted) in closers {
            if old != wanted {
                this.put(fact, wanted.as_ref().map(|note| note.reason.as_str()))?;
            }
        }
        Ok(this.finish())
    }

    fn password(&mut self, password: &Password) -> Result<(), WriteError> {
        let text = format!("{{ARGON2}}{}", password.hash.reveal());
        self.put(AttributeRole::PasswordHash, Some(&text))?;
        self.password_changed(password.changed_at);
        self.temporary(password.kind)
    }

    /// Whether a password has to be changed first.
    pub(crate) fn temporary(&mut self, kind: PasswordKind) -> Result<(), WriteError> {
        match kind {
            PasswordKind::Temporary => self.put(AttributeRole::TemporaryPassword, Some("TRUE")),
            PasswordKind::Permanent => self.put(AttributeRole::TemporaryPassword, None),
        }
    }

    /// Sets the time of the password's change, unless its attribute is operational: the directory keeps that.
    pub(crate) fn password_changed(&mut self, at: Timestamp) {
        let of_role = self.attributes.of(AttributeRole::PasswordChanged);
        let Some(name) = of_role.iter().find(|name| self.has(name)) else {
            return;
        };
        let value = match name.to_ascii_lowercase().as_str() {
            "shadowlastchange" => at.as_second() / SECONDS_OF_A_DAY,
            "sambapwdlastset" => at.as_second(),
            _ => return,
        };
        self.replace(&name.clone(), Some(&value.to_string()));
    }

    /// Puts a value in place of all that say this, or takes them away.
    pub(crate) fn put(
        &mut self,
        fact: AttributeRole,
        value: Option<&str>,
    ) -> Result<(), WriteError> {
        let names = self.attributes.of(fact);
        let (there, free): (Vec<_>, Vec<_>) =
            names.iter().cloned().partition(|name| self.has(name));
        let mut names = there.into_iter();
        if let Some(value) = value {
            let first = names.next().or(free.into_iter().next());
            self.replace(
                &first.ok_or(WriteError::NotWritable(fact.key()))?,
                Some(value),
            );
        }
        names.for_each(|name| self.replace(&name, None));
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.entry.values(name).next().is_some()
    }

    fn replace(&mut self, name: &str, value: Option<&str>) {
        let values: HashSet<_> = value
            .map(|value| value.as_bytes().to_vec())
            .into_iter()
            .collect();
        self.list
            .push(Mod::Replace(name.as_bytes().to_vec(), values));
    }
}

/// Whether nothing is to change but what has its place in a directory.
fn is_writable(old: &Account, wanted: &Account) -> bool {
    let written = Account {
        password: wanted.password.clone(),
        previous: wanted.previous.clone(),
        nt_hash: wanted.nt_hash.clone(),
        previous_nt_hashes: wanted.previous_nt_hashes.clone(),
        credential_version: wanted.credential_version,
        // A password that is set ends the lock of the one before.
        verification: wanted.verification.clone(),
        deactivated: wanted.deactivated.clone(),
        suspended: wanted.suspended.clone(),
        ..old.clone()
    };
    written == *wanted
}
