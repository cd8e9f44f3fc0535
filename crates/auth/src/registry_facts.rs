//! Facts of the student registry on one person, as the rules on students ask for them.
//!
//! They outrank what the directory says of the same fact. The whole record, with contact data, is
//! the registry crate's; these are the few octets of it that are kept in memory for each log-on.

use crate::term::Term;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Facts of the student registry on one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryFacts {
    /// Whether the registry has the person at present.
    pub in_registry: bool,
    /// When the registry stopped to have the person, as far as it was told here.
    pub vanished_at: Option<Timestamp>,
    /// The registry's own flag "active" where it goes with no term, or says yes: believed whatever
    /// the terms below say.
    pub declared_active: Option<bool>,
    /// The first term that the registry ever told of: nothing is owed for those before it.
    pub first_term: Option<Term>,
    /// Terms that are paid, or were declared active. Few: of the last years.
    pub paid: Box<[Term]>,
    /// Terms that are registered for, or were declared active.
    pub registered: Box<[Term]>,
    /// The end of the studies.
    pub end: StudiesEnd,
}

/// A registry's word on the end of someone's studies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StudiesEnd {
    /// It said nothing: the directory's word counts.
    #[default]
    Unstated,
    /// They have not ended; an end that was told before is taken back.
    NotEnded,
    /// They end, or have ended.
    Ended(EndOfStudies),
}

/// The end of someone's studies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOfStudies {
    /// The last day, local time.
    pub on: Date,
    /// When it was learned here; unknown of a directory's date.
    pub learned_at: Option<Timestamp>,
    /// Whether the person has died: closed at once, and no notice goes out.
    pub is_death: bool,
}

/// The registry's side of a question about one account: the person's facts, an exemption, and the
/// moment from which its silence stops the calendar.
#[derive(Clone, Copy, Debug, Default)]
pub struct RegistryView<'a> {
    /// Facts on the owner; `None` where the registry never told of one.
    pub facts: Option<&'a RegistryFacts>,
    /// Until when the owner is exempt from fee and registration, by an act of the staff.
    pub exempt_until: Option<Timestamp>,
    /// The moment after which nobody is newly locked by the calendar, as no news came; may lie in
    /// the future. `None` without such a rule.
    pub silent_from: Option<Timestamp>,
}

impl RegistryView<'_> {
    /// The view where no registry is configured, and no exemption was made.
    pub const NONE: RegistryView<'static> = RegistryView {
        facts: None,
        exempt_until: None,
        silent_from: None,
    };

    /// The date by which the calendar's rules go: the calendar stands still while the registry is
    /// silent, so that a lock that had come stays and none comes.
    pub(crate) fn calendar(&self, utc: Timestamp) -> Timestamp {
        match (self.facts, self.silent_from) {
            (Some(_), Some(silent_from)) => utc.min(silent_from),
            _ => utc,
        }
    }
}
