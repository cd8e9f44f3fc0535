//! All that the registry has told of one person, folded from its statements.

use jiff::Timestamp;
use jiff::civil::Date;
use portvakt_auth::{EndOfStudies, RegistryFacts, StudiesEnd, Term};
use serde::{Deserialize, Serialize};

use crate::statement::{EndKind, Fee, Said, Statement};

#[cfg(test)]
mod tests;

/// Terms that are kept of a person, the last told first: four years.
const MOST_TERMS: usize = 8;

/// The moments of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Time of the file that it is in; the row's own time comes before it.
    pub produced_at: Timestamp,
    /// When it was taken here.
    pub taken_at: Timestamp,
}

/// What a registry has told of one term of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TermFacts {
    /// The term.
    pub term: Term,
    /// The registry's own verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,
    /// When it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_at: Option<Timestamp>,
    /// When the student registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
}

/// The end of someone's studies, with its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PersonEnd {
    /// The last day.
    pub on: Date,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EndKind>,
    /// When the registry learned of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
    /// When it was learned here.
    pub learned_at: Timestamp,
}

/// The registry's word on the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndFacts {
    /// None.
    #[default]
    Unstated,
    /// They have not ended.
    NotEnded,
    /// They have.
    Ended(PersonEnd),
}

/// All facts on one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Person {
    /// Moment up to which the registry has told; an older statement changes nothing.
    pub as_of: Timestamp,
    /// The student's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub student_number: Option<String>,
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// eduPersonPrincipalName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eppn: Option<String>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the registry has the person.
    pub in_registry: bool,
    /// When it stopped to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vanished_at: Option<Timestamp>,
    /// The registry's latest verdict, whatever the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The term of that verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_term: Option<Term>,
    /// The first term told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_term: Option<Term>,
    /// Terms, the last told first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<TermFacts>,
    /// The end of the studies.
    #[serde(default)]
    pub end: EndFacts,
    /// The study programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
    /// The faculty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faculty: Option<String>,
    /// The campus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campus: Option<String>,
    /// Mobile number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// When it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_changed_at: Option<Timestamp>,
    /// Private mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_mail: Option<String>,
    /// Whether the mobile number may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_mobile: Option<bool>,
    /// Whether the picture may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_picture: Option<bool>,
    /// When either was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility_changed_at: Option<Timestamp>,
    /// The language to write in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Person {
    fn new(as_of: Timestamp) -> Self {
        Self {
            as_of,
            student_number: None,
            username: None,
            eppn: None,
            name: None,
            in_registry: true,
            vanished_at: None,
            active: None,
            active_term: None,
            first_term: None,
            terms: Vec::new(),
            end: EndFacts::Unstated,
            programme: None,
            faculty: None,
            campus: None,
            mobile: None,
            mobile_changed_at: None,
            private_mail: None,
            show_mobile: None,
            show_picture: None,
            visibility_changed_at: None,
            language: None,
        }
    }

    /// The person after a statement; `None` where it is older than what is known, and changes
    /// nothing.
    #[must_use]
    pub fn fold(before: Option<&Person>, statement: &Statement, told: Told) -> Option<Person> {
        let as_of = statement.source_changed_at.unwrap_or(told.produced_at);
        if before.is_some_and(|before| as_of < before.as_of) {
            return None;
        }
        let mut person = before.map_or_else(|| Person::new(as_of), Person::clone);
        person.as_of = as_of;
        person.take_presence(statement, told);
        person.take_contact(statement);
        person.take_term(statement);
        person.take_end(statement, told);
        Some(person)
    }

    /// Whether a statement would change anything but the time of the news.
    #[must_use]
    pub fn differs(&self, other: &Person) -> bool {
        let other = Person {
            as_of: self.as_of,
            ..other.clone()
        };
        *self != other
    }

    fn take_presence(&mut self, statement: &Statement, told: Told) {
        let is_listed = *statement.in_registry.value().unwrap_or(&true);
        self.in_registry = is_listed && !statement.is_gone;
        self.vanished_at = match self.in_registry {
            true => None,
            false => self.vanished_at.or(Some(told.taken_at)),
        };
    }

    fn take_contact(&mut self, statement: &Statement) {
        statement.student_number.apply(&mut self.student_number);
        statement.username.apply(&mut self.username);
        statement.eppn.apply(&mut self.eppn);
        statement.name.apply(&mut self.name);
        statement.programme.apply(&mut self.programme);
        statement.faculty.apply(&mut self.faculty);
        statement.campus.apply(&mut self.campus);
        statement.mobile.apply(&mut self.mobile);
        let changed_at = &mut self.mobile_changed_at;
        statement.mobile_changed_at.apply(changed_at);
        statement.private_mail.apply(&mut self.private_mail);
        statement.show_mobile.apply(&mut self.show_mobile);
        statement.show_picture.apply(&mut self.show_picture);
        let changed_at = &mut self.visibility_changed_at;
        statement.visibility_changed_at.apply(changed_at);
        statement.language.apply(&mut self.language);
    }

    fn take_term(&mut self, statement: &Statement) {
        let term = statement.term.value();
        match &statement.active {
            Said::Nothing => {}
            Said::Cleared => (self.active, self.active_term) = (None, None),
            Said::Is(active) => {
                (self.active, self.active_term) = (Some(*active), term.cloned());
            }
        }
        let Some(term) = term else { return };
        self.first_term.get_or_insert_with(|| term.clone());
        let known = self.terms.iter().position(|known| known.term == *term);
        let mut facts = match known {
            Some(place) => self.terms.remove(place),
            None => TermFacts {
                term: term.clone(),
                active: None,
                fee: None,
                fee_at: None,
                registered_at: None,
            },
        };
        statement.active.apply(&mut facts.active);
        statement.fee.apply(&mut facts.fee);
        statement.fee_at.apply(&mut facts.fee_at);
        statement.registered_at.apply(&mut facts.registered_at);
        self.terms.insert(0, facts);
        self.terms.truncate(MOST_TERMS);
    }

    fn take_end(&mut self, statement: &Statement, told: Told) {
        match &statement.ended_on {
            Said::Nothing => {}
            Said::Cleared => self.end = EndFacts::NotEnded,
            Said::Is(on) => {
                let known = match &self.end {
                    EndFacts::Ended(end) if end.on == *on => Some(end.clone()),
                    _ => None,
                };
                self.end = EndFacts::Ended(known.unwrap_or(PersonEnd {
                    on: *on,
                    kind: None,
                    registered_at: None,
                    learned_at: told.taken_at,
                }));
            }
        }
        if let EndFacts::Ended(end) = &mut self.end {
            statement.end_kind.apply(&mut end.kind);
            statement.end_registered_at.apply(&mut end.registered_at);
        }
    }

    /// The facts that the rules ask for.
    #[must_use]
    pub fn facts(&self) -> RegistryFacts {
        let declared_active = match (self.active, &self.active_term) {
            (Some(true), _) => Some(true),
            (Some(false), None) => Some(false),
            (Some(false), Some(_)) | (None, _) => None,
        };
        let of = |is_covered: fn(&TermFacts) -> bool| {
            let terms = self.terms.iter();
            let covered = terms.filter(|facts| facts.active.unwrap_or_else(|| is_covered(facts)));
            covered.map(|facts| facts.term.clone()).collect()
        };
        RegistryFacts {
            in_registry: self.in_registry,
            vanished_at: self.vanished_at,
            declared_active,
            first_term: self.first_term.clone(),
            paid: of(|facts| facts.fee.is_some_and(Fee::is_covered)),
            registered: of(|facts| facts.registered_at.is_some()),
            end: match &self.end {
                EndFacts::Unstated => StudiesEnd::Unstated,
                EndFacts::NotEnded => StudiesEnd::NotEnded,
                EndFacts::Ended(end) => StudiesEnd::Ended(EndOfStudies {
                    on: end.on,
                    learned_at: Some(end.learned_at),
                    is_death: end.kind == Some(EndKind::Deceased),
                }),
            },
        }
    }

    /// The term in which flag and facts of the registry disagree, if there is one: the flag is
    /// believed.
    #[must_use]
    pub fn disagreement(&self) -> Option<&Term> {
        let latest = self.terms.first()?;
        let by_facts = latest.fee?.is_covered() && latest.registered_at.is_some();
        let by_flag = latest.active?;
        (by_facts != by_flag).then_some(&latest.term)
    }
}
