//! Terms and their deadlines, in local time.
//!
//! A deadline day is still open to its end; from the start of the next local day the term counts.
//! All comparisons are made on local dates, so nights with 23 or 25 hours need no care.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

#[cfg(test)]
mod tests;

/// One term of one year, written `2026-autumn`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Term {
    /// The calendar year its deadline lies in.
    pub year: i16,
    /// Its name, lower case, as in [`Terms`].
    pub name: String,
}

impl Term {
    /// The term of this name in this year; the name is made lower case.
    pub fn new(year: i16, name: &str) -> Term {
        Term {
            year,
            name: normal(name),
        }
    }

    /// Whether a term may be called so: letters of any script, digits and hyphens.
    pub fn is_name(name: &str) -> bool {
        let name = normal(name);
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-')
    }
}

/// In lower case, with letters and their marks as one, however they were typed.
fn normal(name: &str) -> String {
    name.nfc().collect::<String>().to_lowercase()
}

/// Text that names no term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a term is written as year and name, for example 2026-autumn")]
pub struct TermError;

impl FromStr for Term {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Term, TermError> {
        let (year, name) = text.split_once('-').ok_or(TermError)?;
        let four_digits = year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit());
        if !four_digits || !Term::is_name(name) {
            return Err(TermError);
        }
        Ok(Term::new(year.parse().map_err(|_| TermError)?, name))
    }
}

impl TryFrom<String> for Term {
    type Error = TermError;

    fn try_from(text: String) -> Result<Term, TermError> {
        text.parse()
    }
}

impl From<Term> for String {
    fn from(term: Term) -> String {
        term.to_string()
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{}", self.year, self.name)
    }
}

/// One term of every year: its name and the last day to pay and register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    name: String,
    month: i8,
    day: i8,
}

impl Deadline {
    /// A term whose deadline is this day of the year.
    ///
    /// A 29 February is 28 February in other years.
    ///
    /// # Errors
    /// [`TermsError::Name`] or [`TermsError::Day`].
    pub fn new(name: &str, month: i8, day: i8) -> Result<Deadline, TermsError> {
        if !Term::is_name(name) {
            return Err(TermsError::Name);
        }
        Date::new(LEAP_YEAR, month, day).map_err(|_| TermsError::Day)?;
        Ok(Deadline {
            name: normal(name),
            month,
            day,
        })
    }

    /// The term's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The last day to pay for the term of this year.
    fn date(&self, year: i16) -> Option<Date> {
        let first = Date::new(year, self.month, 1).ok()?;
        first
            .with()
            .day(self.day.min(first.days_in_month()))
            .build()
            .ok()
    }

    fn term(&self, year: i16) -> Term {
        Term {
            year,
            name: self.name.clone(),
        }
    }
}

impl fmt::Display for Deadline {
    /// Name, month and day: `autumn 09-01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:02}-{:02}", self.name, self.month, self.day)
    }
}

/// A year that has every day.
const LEAP_YEAR: i16 = 2000;

/// Fault of a list of terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TermsError {
    /// A name has letters, digits and hyphens.
    #[error("a term's name is made of letters, digits and hyphens")]
    Name,
    /// No year has this day.
    #[error("the deadline is not a day of the year")]
    Day,
    /// Two terms have one name.
    #[error("two terms have the same name")]
    SameName,
    /// Two terms have one deadline, so neither comes first.
    #[error("two terms have the same deadline")]
    SameDay,
}

/// The terms of a year, and the time zone their deadlines are kept in.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// In the order of their deadlines.
    deadlines: Vec<Deadline>,
    zone: TimeZone,
    grace_days: u16,
}

impl Default for Terms {
    /// Spring to 1 February, autumn to 1 September, Europe/Oslo.
    fn default() -> Terms {
        let deadline = |name: &str, month| Deadline {
            name: name.to_owned(),
            month,
            day: 1,
        };
        Terms {
            deadlines: vec![deadline("spring", 2), deadline("autumn", 9)],
            zone: TimeZoneDatabase::bundled()
                .get("Europe/Oslo")
                .unwrap_or(TimeZone::UTC),
            grace_days: 0,
        }
    }
}

impl Terms {
    /// Terms by their deadlines, in any order. Without any, nobody owes a fee.
    ///
    /// # Errors
    /// [`TermsError::SameName`] or [`TermsError::SameDay`].
    pub fn new(mut deadlines: Vec<Deadline>, zone: TimeZone) -> Result<Terms, TermsError> {
        deadlines.sort_by_key(|deadline| (deadline.month, deadline.day));
        let same_day = |a: &Deadline, b: &Deadline| (a.month, a.day) == (b.month, b.day);
        if deadlines
            .iter()
            .zip(deadlines.iter().skip(1))
            .any(|(a, b)| same_day(a, b))
        {
            return Err(TermsError::SameDay);
        }
        let names: BTreeSet<&str> = deadlines.iter().map(Deadline::name).collect();
        if names.len() < deadlines.len() {
            return Err(TermsError::SameName);
        }
        Ok(Terms {
            deadlines,
            zone,
            grace_days: 0,
        })
    }

    /// The same terms with their deadlines in another zone.
    pub fn with_zone(self, zone: TimeZone) -> Terms {
        Terms { zone, ..self }
    }

    /// The same terms, each of which must be paid only when so many days have passed since its
    /// deadline: news of a payment takes days to arrive.
    pub fn with_grace(self, grace_days: u16) -> Terms {
        Terms { grace_days, ..self }
    }

    /// Days after a deadline that are open as well.
    pub fn grace_days(&self) -> u16 {
        self.grace_days
    }

    /// The deadlines in the order of the year.
    pub fn deadlines(&self) -> &[Deadline] {
        &self.deadlines
    }

    /// The zone of deadlines.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The local day of a moment.
    pub fn local_date(&self, utc: Timestamp) -> Date {
        utc.to_zoned(self.zone.clone()).date()
    }

    /// The first moment of a local day; `None` past the end of the calendar.
    pub fn start_of(&self, date: Date) -> Option<Timestamp> {
        date.to_zoned(self.zone.clone())
            .ok()
            .map(|zoned| zoned.timestamp())
    }

    /// The latest term whose deadline day and days of grace have passed: the one that must be paid.
    pub fn required(&self, utc: Timestamp) -> Option<Term> {
        let today = self.local_date(utc);
        self.around(today.year())
            .filter(|(date, _)| *date < today)
            .last()
            .map(|(_, term)| term)
    }

    /// The first moment at which the next term that `covers` does not say yes to must be paid.
    pub fn next_lapse(&self, covers: impl Fn(&Term) -> bool, utc: Timestamp) -> Option<Timestamp> {
        let today = self.local_date(utc);
        let (date, _) = self
            .around(today.year())
            .filter(|(date, _)| *date >= today)
            .find(|(_, term)| !covers(term))?;
        self.start_of(date.checked_add(1.day()).ok()?)
    }

    /// The next term to be paid after this moment, and the first moment at which it must be.
    pub fn next_due(&self, utc: Timestamp) -> Option<(Term, Timestamp)> {
        let today = self.local_date(utc);
        let (date, term) = self.around(today.year()).find(|(date, _)| *date >= today)?;
        Some((term, self.start_of(date.checked_add(1.day()).ok()?)?))
    }

    /// The first moment at which `term` must be paid; `None` if it is none of these terms.
    pub fn due(&self, term: &Term) -> Option<Timestamp> {
        let deadline = self
            .deadlines
            .iter()
            .find(|deadline| deadline.name == term.name)?;
        let last = self.last_open_day(deadline.date(term.year)?)?;
        self.start_of(last.checked_add(1.day()).ok()?)
    }

    fn last_open_day(&self, deadline: Date) -> Option<Date> {
        deadline.checked_add(i64::from(self.grace_days).days()).ok()
    }

    /// Whether what was paid up to `paid` covers `required`: the same term or a later one.
    ///
    /// A term with an unknown name counts by its year alone, and never for its own year: when in
    /// doubt the fee is not paid.
    pub fn covers(&self, paid: Option<&Term>, required: &Term) -> bool {
        let Some(paid) = paid else { return false };
        if paid.year != required.year {
            return paid.year > required.year;
        }
        match (self.position(&paid.name), self.position(&required.name)) {
            (Some(paid), Some(required)) => paid >= required,
            _ => paid.name == required.name,
        }
    }

    /// Whether any of these terms covers `required`; see [`covers`](Self::covers).
    pub fn any_covers(&self, paid: &[Term], required: &Term) -> bool {
        paid.iter().any(|term| self.covers(Some(term), required))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.deadlines
            .iter()
            .position(|deadline| deadline.name == name)
    }

    /// The last open days of the year before, of this year and of the two after, in order.
    fn around(&self, year: i16) -> impl Iterator<Item = (Date, Term)> {
        (year.saturating_sub(1)..=year.saturating_add(2)).flat_map(move |year| {
            let dated = move |deadline: &Deadline| {
                Some((
                    self.last_open_day(deadline.date(year)?)?,
                    deadline.term(year),
                ))
            };
            self.deadlines.iter().filter_map(dated)
        })
    }
}
