//! Terms: who will be locked by the next deadline.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use portvakt_auth::{
    Account, AccountId, Kind, Refusal, RegistryFacts, RegistryView, Rules, Subject, student_finding,
};
use serde::{Deserialize, Serialize};

use super::{Accounts, ActError};
use crate::policy::AccountSource;
use crate::state::account_name;
use crate::times::iso;

/// Students whom the next deadline will lock, as far as is known now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermPreview {
    /// The term that must be paid and registered for by then.
    pub term: String,
    /// The first moment that counts, grace included.
    #[serde(with = "iso")]
    pub due: Timestamp,
    /// Students who are let in now and will not be, by name.
    pub locked: Vec<TermLock>,
    /// Number of students looked at.
    pub students: usize,
    /// Directories whose students were not looked at: they cannot be listed, and the registry does
    /// not tell of all.
    pub unlisted: Vec<String>,
}

/// A student whom a deadline will lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermLock {
    /// The account's name, or the person's key where there is no account at hand.
    pub account: String,
    /// The person's name.
    pub name: Option<String>,
    /// The reason.
    pub refusal: Refusal,
}

impl Accounts {
    /// Students whom the next deadline of the primary realm's terms will lock. Blocks for the disk.
    ///
    /// # Errors
    /// [`ActError::NoTerms`] or [`ActError::Store`].
    pub fn preview_terms(&self) -> Result<TermPreview, ActError> {
        let policy = self.state.policy.load();
        let now = self.state.clock.now().utc;
        let source = policy.sources.primary();
        let (term, due) = source.rules.terms.next_due(now).ok_or(ActError::NoTerms)?;
        let listed = self.listed_students(source);
        let is_listed = listed.is_some();
        let students = match listed {
            Some(students) => students,
            None => self.told_students()?,
        };
        let lock = |student: &Student| student.lock(&source.rules, now, due);
        Ok(TermPreview {
            term: term.to_string(),
            due,
            locked: students.values().filter_map(lock).collect(),
            students: students.len(),
            unlisted: match is_listed {
                true => Vec::new(),
                false => vec![source.name.clone()],
            },
        })
    }

    fn listed_students(&self, source: &AccountSource) -> Option<BTreeMap<String, Student>> {
        let accounts = source.directory.list()?.into_iter();
        let students = accounts.filter(|account| account.kind == Kind::Student);
        let students = students.map(|account| {
            let registry = self.state.registry.of(&account);
            let student = Student {
                exempt_until: registry.view().exempt_until,
                facts: registry.view().facts.cloned(),
                name: account.display_name.clone(),
                account,
            };
            (student.account.id.to_string(), student)
        });
        Some(students.collect())
    }

    /// The students that the registry tells of.
    fn told_students(&self) -> Result<BTreeMap<String, Student>, ActError> {
        let mut students = BTreeMap::new();
        let policy = self.state.policy.load();
        let join = policy.registry.columns.join;
        self.state.store.registry_persons(&mut |key, person| {
            let name = account_name(&policy.sources, join, &key);
            let Some(id) = name.and_then(|name| AccountId::new(&name).ok()) else {
                return;
            };
            let student = Student {
                exempt_until: self.state.registry.exempt_until(&id),
                facts: Some(person.facts()),
                name: person.name,
                account: Arc::new(Account::new(id, Kind::Student)),
            };
            students.insert(key, student);
        })?;
        Ok(students)
    }
}

/// A student and the facts on them.
struct Student {
    account: Arc<Account>,
    name: Option<String>,
    facts: Option<RegistryFacts>,
    exempt_until: Option<Timestamp>,
}

impl Student {
    /// The lock that comes with `due`, if the student is let in until then.
    fn lock(&self, rules: &Rules, now: Timestamp, due: Timestamp) -> Option<TermLock> {
        let refusal = |at| {
            let subject = Subject {
                account: &self.account,
                registry: RegistryView {
                    facts: self.facts.as_ref(),
                    exempt_until: self.exempt_until,
                    silent_from: None,
                },
            };
            student_finding(subject, rules, at).map(|finding| finding.refusal)
        };
        let just_before = due
            .checked_sub(SignedDuration::from_millis(1))
            .unwrap_or(now)
            .max(now);
        match (refusal(just_before), refusal(due)) {
            (None, Some(refusal)) => Some(TermLock {
                account: self.account.id.to_string(),
                name: self.name.clone(),
                refusal,
            }),
            _ => None,
        }
    }
}
