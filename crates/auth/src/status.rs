//! Whether an account is in good standing: one small type per rule, asked in a fixed order.
//!
//! No rule knows of passwords or locks; the caller asks only once the credential is proven (I6).

use crate::account::{Account, Closure, PasswordKind};
use crate::password_expiry::password_expires;
use crate::refusal::Refusal;
use crate::registry_facts::RegistryView;
use crate::rules::Rules;
use crate::time::later;
use jiff::Timestamp;

mod student;
#[cfg(test)]
mod tests;

pub use student::{Active, Registered, StillHere, student_finding};

/// An account, and what the student registry has of its owner.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The account as the directory has it.
    pub account: &'a Account,
    /// The registry's facts, which outrank the directory's.
    pub registry: RegistryView<'a>,
}

impl<'a> Subject<'a> {
    /// An account of an installation without a registry.
    pub fn without_registry(account: &'a Account) -> Self {
        Subject {
            account,
            registry: RegistryView::NONE,
        }
    }
}

/// The question to a rule: may this account use this service at this moment?
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The account as the directory has it.
    pub account: &'a Account,
    /// What the student registry has of its owner.
    pub registry: RegistryView<'a>,
    /// The way in: `eduroam`, `wired`, `vpn` …
    pub service: &'a str,
    /// The numbers of the house.
    pub rules: &'a Rules,
    /// The moment of the question.
    pub utc: Timestamp,
}

impl<'a> Question<'a> {
    fn of(subject: Subject<'a>, service: &'a str, rules: &'a Rules, utc: Timestamp) -> Self {
        let Subject { account, registry } = subject;
        Question {
            account,
            registry,
            service,
            rules,
            utc,
        }
    }
}

/// A rule does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub refusal: Refusal,
    /// Since when, where the account tells.
    pub since: Option<Timestamp>,
}

/// A rule holds, until this moment at most; `None` is for as long as nobody changes the account.
pub type Holds = Result<Option<Timestamp>, Finding>;

/// One rule of the house.
pub trait Rule: Sync {
    /// Asks the rule; pure.
    fn check(&self, question: &Question<'_>) -> Holds;
}

/// All rules, in the order in which they are told.
pub const RULES: [&dyn Rule; 9] = [
    &NotDeactivated,
    &NotSuspended,
    &StillHere,
    &Registered,
    &Active,
    &PasswordFresh,
    &TemporaryFresh,
    &TemporaryAllowed,
    &ServiceAllowed,
];

/// Those of [`RULES`] that end a session which has begun. Rules of the password are not among them: a
/// password that is too old at the next log-on was good at the last one. The lock after failed
/// log-ons is no rule, and ends none either: six wrong passwords, which anybody can send, would throw
/// anybody off the network.
pub const SESSION_RULES: [&dyn Rule; 6] = [
    &NotDeactivated,
    &NotSuspended,
    &StillHere,
    &Registered,
    &Active,
    &ServiceAllowed,
];

/// Proof that every rule holds, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    ends: Option<Timestamp>,
}

impl Standing {
    /// When the first rule stops to hold, if nobody changes the account before.
    pub fn ends(&self) -> Option<Timestamp> {
        self.ends
    }
}

/// Asks all rules.
///
/// # Errors
/// The reason of the first rule that does not hold.
pub fn standing(
    subject: Subject<'_>,
    service: &str,
    rules: &Rules,
    utc: Timestamp,
) -> Result<Standing, Refusal> {
    let question = Question::of(subject, service, rules, utc);
    let mut ends: Option<Timestamp> = None;
    for rule in RULES {
        let until = rule.check(&question).map_err(|finding| finding.refusal)?;
        ends = ends.into_iter().chain(until).min();
    }
    Ok(Standing { ends })
}

/// Why a session of this subject's account at this service is to end, if it is: the first of [`SESSION_RULES`]
/// that does not hold.
#[must_use]
pub fn session_refusal(
    subject: Subject<'_>,
    service: &str,
    rules: &Rules,
    utc: Timestamp,
) -> Option<Refusal> {
    let question = Question::of(subject, service, rules, utc);
    let mut findings = SESSION_RULES
        .iter()
        .filter_map(|rule| rule.check(&question).err());
    findings.next().map(|finding| finding.refusal)
}

/// Every rule that does not hold, in the order in which they are told.
pub fn findings(
    subject: Subject<'_>,
    service: &str,
    rules: &Rules,
    utc: Timestamp,
) -> Vec<Finding> {
    let question = Question::of(subject, service, rules, utc);
    RULES
        .iter()
        .filter_map(|rule| rule.check(&question).err())
        .collect()
}

/// Holds until `end`, and not from then on.
fn holds_until(end: Timestamp, question: &Question<'_>, refusal: Refusal) -> Holds {
    holds_until_by(question.utc, end, refusal)
}

/// The same by another clock than the question's own.
fn holds_until_by(clock: Timestamp, end: Timestamp, refusal: Refusal) -> Holds {
    if clock < end {
        Ok(Some(end))
    } else {
        Err(Finding {
            refusal,
            since: Some(end),
        })
    }
}

/// Holds where there is no closure, or where it has ended.
fn unless_closed(closure: Option<&Closure>, question: &Question<'_>, refusal: Refusal) -> Holds {
    let in_force = |closure: &&Closure| closure.until.is_none_or(|until| question.utc < until);
    closure.filter(in_force).map_or(Ok(None), |closure| {
        Err(Finding {
            refusal,
            since: Some(closure.since),
        })
    })
}

/// Not closed by IT support.
#[derive(Clone, Copy, Debug)]
pub struct NotDeactivated;

impl Rule for NotDeactivated {
    fn check(&self, question: &Question<'_>) -> Holds {
        unless_closed(
            question.account.deactivated.as_ref(),
            question,
            Refusal::Deactivated,
        )
    }
}

/// Not closed after an abuse report (I2).
#[derive(Clone, Copy, Debug)]
pub struct NotSuspended;

impl Rule for NotSuspended {
    fn check(&self, question: &Question<'_>) -> Holds {
        unless_closed(
            question.account.suspended.as_ref(),
            question,
            Refusal::Suspended,
        )
    }
}

/// When the account's password was set, if it is of this kind and that is known.
fn set_at(account: &Account, kind: PasswordKind) -> Option<Timestamp> {
    let (found, changed_at) = account.password_age()?;
    changed_at.filter(|_| found == kind)
}

/// A password its owner chose is no older than the rules allow.
#[derive(Clone, Copy, Debug)]
pub struct PasswordFresh;

impl Rule for PasswordFresh {
    fn check(&self, question: &Question<'_>) -> Holds {
        let account = question.account;
        let set_at = set_at(account, PasswordKind::Permanent);
        let end = set_at.and_then(|set_at| password_expires(account, set_at, question.rules));
        match end {
            Some(end) => holds_until(end, question, Refusal::PasswordExpired),
            None => Ok(None),
        }
    }
}

/// A temporary password is used within its hours.
#[derive(Clone, Copy, Debug)]
pub struct TemporaryFresh;

impl Rule for TemporaryFresh {
    fn check(&self, question: &Question<'_>) -> Holds {
        match set_at(question.account, PasswordKind::Temporary) {
            Some(set_at) => {
                let end = later(set_at, question.rules.temporary_valid);
                holds_until(end, question, Refusal::TemporaryExpired)
            }
            None => Ok(None),
        }
    }
}

/// A temporary password does not open the network, unless configured.
#[derive(Clone, Copy, Debug)]
pub struct TemporaryAllowed;

impl Rule for TemporaryAllowed {
    fn check(&self, question: &Question<'_>) -> Holds {
        match question.account.password_age() {
            Some((PasswordKind::Temporary, _)) if !question.rules.temporary_on_network => {
                Err(Finding {
                    refusal: Refusal::TemporaryNotAllowed,
                    since: None,
                })
            }
            _ => Ok(None),
        }
    }
}

/// The account may use this service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceAllowed;

impl Rule for ServiceAllowed {
    fn check(&self, question: &Question<'_>) -> Holds {
        match &question.account.services {
            Some(services) if !services.iter().any(|name| name == question.service) => {
                Err(Finding {
                    refusal: Refusal::ServiceNotAllowed,
                    since: None,
                })
            }
            _ => Ok(None),
        }
    }
}
