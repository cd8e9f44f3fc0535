//! The rules on students: in the registry, fee and registration of the term, the time after leaving.
//!
//! Each fact is the registry's, or else the directory's. While the registry is silent its calendar
//! stands still: a lock that had come stays, and none comes.

use super::{Finding, Holds, Question, Rule, Subject, holds_until, holds_until_by};
use crate::account::{Kind, StudentFacts};
use crate::leaving::LeavingStage;
use crate::refusal::Refusal;
use crate::registry_facts::{EndOfStudies, RegistryFacts, StudiesEnd};
use crate::rules::Rules;
use crate::term::Term;
use jiff::Timestamp;

#[cfg(test)]
mod tests;

/// The first rule on students that does not hold, passwords and closures aside.
pub fn student_finding(subject: Subject<'_>, rules: &Rules, utc: Timestamp) -> Option<Finding> {
    const STUDENT_RULES: [&dyn Rule; 3] = [&StillHere, &Registered, &Active];
    let question = Question::of(subject, "", rules, utc);
    let mut checked = STUDENT_RULES.iter().map(|rule| rule.check(&question));
    checked.find_map(Result::err)
}

/// Facts on a student, each from the source of the highest rank that tells of it.
struct Student<'a> {
    in_registry: bool,
    vanished_at: Option<Timestamp>,
    /// Neither source is asked for terms: another system closes the account.
    kept_elsewhere: bool,
    declared_active: Option<bool>,
    first_term: Option<&'a Term>,
    paid: &'a [Term],
    registered: &'a [Term],
    end: Option<EndOfStudies>,
    /// The date by which these facts are judged.
    calendar: Timestamp,
    exempt_until: Option<Timestamp>,
}

impl<'a> Student<'a> {
    /// `None` for an account of another kind, and where no source knows of a student.
    fn of(question: &Question<'a>) -> Option<Self> {
        if question.account.kind != Kind::Student {
            return None;
        }
        let told = question.registry.facts;
        let listed = question.account.student.as_ref();
        let exempt_until = question.registry.exempt_until;
        if told.is_none() && listed.is_none() && exempt_until.is_none() {
            return None;
        }
        let by_terms = told.filter(|told| told.tells_of_terms());
        let paid = listed.and_then(|listed| listed.fee_paid_for.as_ref());
        let registered = listed.and_then(|listed| listed.registered_for.as_ref());
        Some(Student {
            in_registry: told.map_or(listed.is_some_and(|listed| listed.in_registry), |told| {
                told.in_registry
            }),
            vanished_at: told.and_then(|told| told.vanished_at),
            kept_elsewhere: by_terms.is_none()
                && listed.is_some_and(|listed| listed.kept_elsewhere),
            declared_active: told.and_then(|told| told.declared_active),
            first_term: told.and_then(|told| told.first_term.as_ref()),
            paid: by_terms.map_or(one_or_none(paid), |told| &told.paid),
            registered: by_terms.map_or(one_or_none(registered), |told| &told.registered),
            end: end_of_studies(told, listed),
            calendar: question.registry.calendar(question.utc),
            exempt_until,
        })
    }

    /// Whether the studies have ended: from the day itself on, nothing more is owed.
    fn has_ended(&self, question: &Question<'_>) -> bool {
        let today = question.rules.terms.local_date(question.utc);
        self.end.is_some_and(|end| end.on <= today)
    }

    /// Whether a term needs no payment: it is paid, or before the first that was told.
    fn owes_nothing_for(&self, term: &Term, question: &Question<'_>) -> bool {
        let terms = &question.rules.terms;
        let is_before_first = self.first_term.is_some_and(|first| {
            terms.covers(Some(first), term) && !terms.covers(Some(term), first)
        });
        is_before_first
            || (terms.any_covers(self.paid, term) && terms.any_covers(self.registered, term))
    }

    /// The outcome of a rule that an exemption suspends.
    fn unless_exempt(&self, holds: Holds) -> Holds {
        let Some(until) = self.exempt_until.filter(|until| self.calendar < *until) else {
            return holds;
        };
        match holds {
            Err(_) => Ok(Some(until)),
            Ok(lapse) => Ok(lapse.map(|lapse| lapse.max(until))),
        }
    }
}

impl RegistryFacts {
    /// Whether the registry says anything of fee and registration.
    fn tells_of_terms(&self) -> bool {
        self.declared_active.is_some() || self.first_term.is_some()
    }
}

fn one_or_none(term: Option<&Term>) -> &[Term] {
    term.map_or(&[], std::slice::from_ref)
}

fn end_of_studies(
    told: Option<&RegistryFacts>,
    listed: Option<&StudentFacts>,
) -> Option<EndOfStudies> {
    match told.map_or(StudiesEnd::Unstated, |told| told.end) {
        StudiesEnd::Ended(end) => Some(end),
        StudiesEnd::NotEnded => None,
        StudiesEnd::Unstated => listed?.ended_on.map(|on| EndOfStudies {
            on,
            learned_at: None,
            is_death: false,
        }),
    }
}

/// Neither past the expiry date, nor past the days after the end of the studies.
#[derive(Clone, Copy, Debug)]
pub struct StillHere;

impl Rule for StillHere {
    fn check(&self, question: &Question<'_>) -> Holds {
        let expires = question.account.expires;
        let by_expiry = expires.map_or(Ok(None), |end| holds_until(end, question, Refusal::Left));
        let by_end = network_closes(question).map_or(Ok(None), |(end, calendar)| {
            holds_until_by(calendar, end, Refusal::Left)
        });
        match (by_expiry, by_end) {
            (Ok(one), Ok(other)) => Ok(one.into_iter().chain(other).min()),
            (Err(one), Err(other)) => Err(if one.since <= other.since { one } else { other }),
            (Err(left), Ok(_)) | (Ok(_), Err(left)) => Err(left),
        }
    }
}

/// When the network closes for a student whose studies end, and the date to judge that by.
fn network_closes(question: &Question<'_>) -> Option<(Timestamp, Timestamp)> {
    let student = Student::of(question)?;
    let Rules { leaving, terms, .. } = question.rules;
    let closes = leaving.closes_at(LeavingStage::Network, &student.end?, terms)?;
    Some((closes, student.calendar))
}

/// A student is in the registry.
#[derive(Clone, Copy, Debug)]
pub struct Registered;

impl Rule for Registered {
    fn check(&self, question: &Question<'_>) -> Holds {
        if question.account.kind != Kind::Student {
            return Ok(None);
        }
        let unregistered = |since| {
            let refusal = Refusal::NotRegistered;
            Err(Finding { refusal, since })
        };
        let Some(student) = Student::of(question) else {
            return unregistered(None);
        };
        if student.in_registry || student.kept_elsewhere || student.has_ended(question) {
            return Ok(None);
        }
        student.unless_exempt(unregistered(student.vanished_at))
    }
}

/// A student has paid and registered for the latest term whose deadline has passed, or is active by
/// the registry's own word.
#[derive(Clone, Copy, Debug)]
pub struct Active;

impl Rule for Active {
    fn check(&self, question: &Question<'_>) -> Holds {
        match Student::of(question) {
            Some(student) if !student.kept_elsewhere && !student.has_ended(question) => {
                student.unless_exempt(check_terms(&student, question))
            }
            _ => Ok(None),
        }
    }
}

fn check_terms(student: &Student<'_>, question: &Question<'_>) -> Holds {
    let terms = &question.rules.terms;
    let inactive = |since| {
        let refusal = Refusal::NotActive;
        Err(Finding { refusal, since })
    };
    match student.declared_active {
        Some(true) => return Ok(None),
        Some(false) => return inactive(None),
        None => {}
    }
    let required = terms.required(student.calendar);
    if let Some(required) = required
        && !student.owes_nothing_for(&required, question)
    {
        return inactive(terms.due(&required));
    }
    let lapse = terms.next_lapse(
        |term| student.owes_nothing_for(term, question),
        student.calendar,
    );
    let released = student.end.and_then(|end| terms.start_of(end.on));
    // Whose studies end before the next deadline will not owe that fee.
    Ok(lapse.filter(|lapse| released.is_none_or(|released| released > *lapse)))
}
