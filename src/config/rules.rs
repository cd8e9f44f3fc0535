//! The rules that accounts live by: `[lockout]`, and of `[accounts]` and `[passwords]` what a realm
//! may have otherwise.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::accounts::{AccountKind, KINDS};
use super::report::{Located, Place};
use super::section::Section;
use super::value::{self, MonthDay};

/// The tables in which a realm may have rules of its own.
const TABLES: [&str; 3] = ["lockout", "accounts", "passwords"];

/// The rules that the accounts of one directory live by.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountRules {
    /// When failed log-ons lock them.
    pub lockout: Lockout,
    /// The days that count for students.
    pub calendar: Calendar,
    /// How passwords age.
    pub passwords: PasswordRules,
}

/// When failed log-ons lock an account, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    /// Failed log-ons until the lock; at least 1.
    pub attempts: u8,
    /// How long the lock holds.
    pub duration: Duration,
    /// A failure is forgotten this long after the last one.
    pub forget_after: Duration,
    /// How the same wrong password, sent again, counts.
    pub same_wrong_password: SameWrongPassword,
}

/// How the same wrong password, sent again, counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameWrongPassword {
    /// Every time.
    Each,
    /// The first time only.
    Once,
}

/// A term and the day by which its fee is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermDeadline {
    /// Like `autumn`; unique.
    pub name: String,
    /// Whoever has not paid by the end of this day is closed out.
    pub deadline: MonthDay,
}

/// The days that count for students.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Where days begin and end.
    pub zone: TimeZone,
    /// Days from the end of studies until the account is closed.
    pub left_after_days: u16,
    /// The year's terms in the order of their deadlines; never empty.
    pub terms: Vec<TermDeadline>,
}

/// How passwords age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRules {
    /// Days from when it was set; `None` is for good.
    pub valid_days: Option<u16>,
    /// The same for accounts of these kinds.
    pub valid_days_of: Vec<(AccountKind, Option<u16>)>,
    /// How long a temporary one is valid.
    pub temporary_valid: Duration,
    /// Whether a temporary one opens the network.
    pub temporary_on_network: bool,
    /// Whether an expired password may be changed through MS-CHAPv2.
    pub change_by_mschapv2: bool,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

impl Default for Lockout {
    fn default() -> Self {
        Self {
            attempts: 6,
            duration: 30 * MINUTE,
            forget_after: 30 * MINUTE,
            same_wrong_password: SameWrongPassword::Each,
        }
    }
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            valid_days: Some(365),
            valid_days_of: Vec::new(),
            temporary_valid: 8 * HOUR,
            temporary_on_network: false,
            change_by_mschapv2: false,
        }
    }
}

/// Reads `[lockout]`, or what a realm has of it; what is left out is as `defaults`.
pub(super) fn lockout(parent: &mut Section<'_>, defaults: &Lockout) -> Lockout {
    let same = &[
        ("each", SameWrongPassword::Each),
        ("once", SameWrongPassword::Once),
    ];
    let durations = || SECOND..=24 * HOUR;
    let mut section = parent.table("lockout");
    let lockout = Lockout {
        attempts: section.integer("attempts", defaults.attempts, 1..=100),
        duration: section.duration("duration", defaults.duration, durations()),
        forget_after: section.duration("forget-after", defaults.forget_after, durations()),
        same_wrong_password: section.word(
            "same-wrong-password",
            same,
            defaults.same_wrong_password,
        ),
    };
    section.finish();
    lockout
}

/// Reads zone and terms of a table; what is left out is as `defaults`, or as by default.
pub(super) fn calendar(section: &mut Section<'_>, defaults: Option<&Calendar>) -> Calendar {
    Calendar {
        zone: zone(section, defaults.map(|defaults| &defaults.zone)),
        left_after_days: section.integer(
            "left-after-days",
            defaults.map_or(90, |defaults| defaults.left_after_days),
            0..=3650,
        ),
        terms: terms(section, defaults.map(|defaults| &defaults.terms)),
    }
}

/// Reads how passwords age; what is left out is as `defaults`.
pub(super) fn passwords(section: &mut Section<'_>, defaults: &PasswordRules) -> PasswordRules {
    let PasswordRules {
        temporary_valid,
        temporary_on_network,
        change_by_mschapv2,
        ..
    } = *defaults;
    PasswordRules {
        valid_days: section.integer_or_none("valid-days", defaults.valid_days, 1..=3650),
        valid_days_of: valid_days_of(section, &defaults.valid_days_of),
        temporary_valid: section.duration("temporary-valid", temporary_valid, MINUTE..=72 * HOUR),
        temporary_on_network: section
            .boolean("temporary-on-network", temporary_on_network)
            .value,
        change_by_mschapv2: section
            .boolean("change-by-mschapv2", change_by_mschapv2)
            .value,
    }
}

/// The table `valid-days-of`: kinds whose passwords are valid for another time, or for good.
fn valid_days_of(
    parent: &mut Section<'_>,
    defaults: &[(AccountKind, Option<u16>)],
) -> Vec<(AccountKind, Option<u16>)> {
    let mut section = parent.table("valid-days-of");
    let mut days = defaults.to_vec();
    for (word, kind) in KINDS {
        let is_given = section.has(word);
        let value = section.integer_or_none(word, None, 1..=3650);
        if is_given {
            days.retain(|(known, _)| *known != kind);
            days.push((kind, value));
        }
    }
    section.finish();
    days
}

/// Reads the tables `lockout`, `accounts` and `passwords` of a realm; `None` where it has none of
/// them.
pub(super) fn of_realm(realm: &mut Section<'_>, defaults: &AccountRules) -> Option<AccountRules> {
    if !TABLES.iter().any(|table| realm.has(table)) {
        TABLES.iter().for_each(|table| drop(realm.table(table)));
        return None;
    }
    let lockout = lockout(realm, &defaults.lockout);
    let mut section = realm.table("accounts");
    let calendar = calendar(&mut section, Some(&defaults.calendar));
    section.finish();
    let mut section = realm.table("passwords");
    let passwords = passwords(&mut section, &defaults.passwords);
    section.finish();
    Some(AccountRules {
        lockout,
        calendar,
        passwords,
    })
}

/// The first of a realm's tables with rules.
pub(super) fn place(realm: &Section<'_>) -> Option<Place> {
    let table = TABLES.iter().find(|table| realm.has(table))?;
    Some(realm.key_place(table))
}

fn zone(section: &mut Section<'_>, defaults: Option<&TimeZone>) -> TimeZone {
    const EXPECTED: &str = "a zone of the IANA database, like \"Europe/Oslo\"";
    let is_given = section.has("zone");
    let given = section.parsed("zone", EXPECTED, |name| TimeZone::get(name).ok());
    let defaults = || {
        defaults
            .cloned()
            .or_else(|| TimeZone::get("Europe/Oslo").ok())
    };
    match given.map(|given| given.value).or_else(defaults) {
        Some(zone) => zone,
        None => {
            if !is_given {
                section.missing("zone", "this system knows no Europe/Oslo: install tzdata");
            }
            TimeZone::UTC
        }
    }
}

/// Giving any replaces all of them.
fn terms(accounts: &mut Section<'_>, defaults: Option<&Vec<TermDeadline>>) -> Vec<TermDeadline> {
    let mut names = Vec::new();
    let mut deadlines = Vec::new();
    let sections = accounts.tables("term");
    let given = sections
        .into_iter()
        .filter_map(|s| term(s, &mut names, &mut deadlines));
    let mut terms: Vec<TermDeadline> = given.collect();
    if terms.is_empty() {
        let default = || vec![default_term("spring", 2), default_term("autumn", 9)];
        terms = defaults.map_or_else(default, Vec::clone);
    }
    terms.sort_by_key(|term| term.deadline);
    terms
}

fn default_term(name: &str, month: i8) -> TermDeadline {
    TermDeadline {
        name: name.to_owned(),
        deadline: MonthDay { month, day: 1 },
    }
}

fn term(
    mut section: Section<'_>,
    known_names: &mut Vec<Located<String>>,
    known_deadlines: &mut Vec<Located<MonthDay>>,
) -> Option<TermDeadline> {
    const NAME: &str = "a term's name of letters, digits and '-', like \"autumn\"";
    const DAY: &str = "a day of every year, month first, like \"09-01\"";
    for (key, advice) in [("name", "like \"autumn\""), ("deadline", "like \"09-01\"")] {
        if !section.has(key) {
            section.missing(key, advice);
        }
    }
    let name = section.parsed("name", NAME, value::term_name);
    let deadline = section.parsed("deadline", DAY, value::month_day);
    let (name, deadline) = (
        once(name, known_names, &section),
        once(deadline, known_deadlines, &section),
    );
    section.finish();
    Some(TermDeadline {
        name: name?,
        deadline: deadline?,
    })
}

/// The value, after a look whether it was given before.
fn once<T: PartialEq + Clone>(
    given: Option<Located<T>>,
    known: &mut Vec<Located<T>>,
    section: &Section<'_>,
) -> Option<T> {
    let given = given?;
    if let Some(first) = known.iter().find(|first| first.value == given.value) {
        section
            .report()
            .duplicate(&given.place, &first.place, "each term has its own");
    }
    known.push(given.clone());
    Some(given.value)
}
