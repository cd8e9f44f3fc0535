//! The effect of a file, before anything of it is used: who would be locked, let in again, vanish,
//! get another mobile number.

use std::collections::{HashMap, HashSet};

use portvakt_auth::{Refusal, RegistryFacts};
use serde::{Deserialize, Serialize};

use crate::guard::Counts;
use crate::person::{Person, Told};
use crate::statement::Statement;

#[cfg(test)]
mod tests;

/// Persons that are told by name in each list; more are counted.
pub(crate) const MOST_NAMED: usize = 1000;

/// Whether the rules on students let a person in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They do.
    Open,
    /// They do not.
    Closed(Refusal),
    /// The registry told of no such person before, and the account could not be asked at once.
    Unknown,
    /// There is no such account.
    NoAccount,
}

/// Before a file is in force, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// With the news so far.
    Before,
    /// With the news of the file.
    After,
}

/// Judges persons by the rules of their accounts.
pub trait Judge {
    /// The standing of the person with this key, by these facts of the registry.
    fn standing(&self, key: &str, facts: Option<&RegistryFacts>, moment: Moment) -> Standing;
}

/// Persons of one kind of change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Number of them.
    pub count: u64,
    /// The first thousand.
    pub named: Vec<AffectedPerson>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffectedPerson {
    /// The person's key: user name, eduPersonPrincipalName or student number.
    pub key: String,
    /// The person's name.
    pub name: Option<String>,
    /// The reason of a lock.
    pub refusal: Option<Refusal>,
}

impl Affected {
    fn add(&mut self, key: &str, person: &Person, refusal: Option<Refusal>) {
        self.count = self.count.saturating_add(1);
        if self.named.len() < MOST_NAMED {
            self.named.push(AffectedPerson {
                key: key.to_owned(),
                name: person.name.clone(),
                refusal,
            });
        }
    }
}

/// The effect of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Persons who would be locked.
    pub locks: Affected,
    /// Persons who would be let in again.
    pub unlocks: Affected,
    /// Persons who are not in the registry any more.
    pub vanished: Affected,
    /// Persons whose mobile number would be another one.
    pub mobiles: Affected,
    /// Persons of whom the registry's flag and its facts say different things.
    pub disagreements: Affected,
    /// Persons whom the registry never told of.
    pub added: u64,
    /// Persons of whom anything changes, those that are added among them.
    pub changed: u64,
    /// Persons of whom nothing changes.
    pub unchanged: u64,
    /// Rows that are older than what is known.
    pub older: u64,
}

impl Effect {
    /// The numbers that the guard counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            locks: self.locks.count,
            unlocks: self.unlocks.count,
            vanished: self.vanished.count,
            mobiles: self.mobiles.count,
        }
    }
}

/// Persons by their key.
pub type Persons = HashMap<String, Person, ahash::RandomState>;

/// The statements of a file that change anything, and their effect. Of a full file, persons whom it
/// does not name vanish. Where it ends a silence of the registry, the calendar goes on for everybody:
/// persons of whom nothing changes may be locked by it too.
pub fn effect(
    known: &Persons,
    statements: &[(String, Statement)],
    is_full: bool,
    told: Told,
    ends_silence: bool,
    judge: &dyn Judge,
) -> (Vec<(String, Statement)>, Effect) {
    let mut effect = Effect::default();
    let gone = match is_full {
        true => missing(known, statements),
        false => Vec::new(),
    };
    let changing: Vec<_> = statements
        .iter()
        .chain(&gone)
        .filter(|(key, statement)| effect.count(known.get(key), key, statement, told, judge))
        .cloned()
        .collect();
    if ends_silence {
        effect.count_unchanged(known, &changing, judge);
    }
    (changing, effect)
}

fn keys(statements: &[(String, Statement)]) -> HashSet<&str, ahash::RandomState> {
    statements.iter().map(|(key, _)| key.as_str()).collect()
}

/// That persons whom a full file does not name are gone, in the order of their keys.
fn missing(known: &Persons, statements: &[(String, Statement)]) -> Vec<(String, Statement)> {
    let named = keys(statements);
    let present = known.iter().filter(|(_, person)| person.in_registry);
    let missing = present.filter(|(key, _)| !named.contains(key.as_str()));
    let mut gone: Vec<_> = missing
        .map(|(key, _)| (key.clone(), Statement::gone()))
        .collect();
    gone.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    gone
}

impl Effect {
    /// Counts one statement; whether it changes anything.
    fn count(
        &mut self,
        before: Option<&Person>,
        key: &str,
        statement: &Statement,
        told: Told,
        judge: &dyn Judge,
    ) -> bool {
        let Some(after) = Person::fold(before, statement, told) else {
            self.older = self.older.saturating_add(1);
            return false;
        };
        if after.disagreement().is_some() {
            self.disagreements.add(key, &after, None);
        }
        if before.is_some_and(|before| !before.differs(&after)) {
            self.unchanged = self.unchanged.saturating_add(1);
            return false;
        }
        self.changed = self.changed.saturating_add(1);
        match before {
            None => self.added = self.added.saturating_add(1),
            Some(before) if after.mobile.is_some() && before.mobile != after.mobile => {
                self.mobiles.add(key, &after, None);
            }
            Some(_) => {}
        }
        self.count_standing(before, &after, key, judge);
        true
    }

    /// Counts persons of whom nothing changes but the news.
    fn count_unchanged(
        &mut self,
        known: &Persons,
        changing: &[(String, Statement)],
        judge: &dyn Judge,
    ) {
        let changing = keys(changing);
        for (key, person) in known {
            if !changing.contains(key.as_str()) {
                self.count_standing(Some(person), person, key, judge);
            }
        }
    }

    fn count_standing(
        &mut self,
        before: Option<&Person>,
        after: &Person,
        key: &str,
        judge: &dyn Judge,
    ) {
        if before.is_some_and(|before| before.in_registry) && !after.in_registry {
            return self.vanished.add(key, after, None);
        }
        let then = judge.standing(key, before.map(Person::facts).as_ref(), Moment::Before);
        let now = judge.standing(key, Some(&after.facts()), Moment::After);
        match (then, now) {
            (Standing::Open | Standing::Unknown, Standing::Closed(refusal)) => {
                self.locks.add(key, after, Some(refusal));
            }
            (Standing::Closed(_), Standing::Open) => self.unlocks.add(key, after, None),
            _ => {}
        }
    }
}
