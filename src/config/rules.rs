//! The rules of accounts: `[lockout]`, and of `[accounts]` and `[passwords]` the keys that a realm
//! may override.

use std::time::Duration;

use jiff::tz::TimeZone;
use portvakt_auth::password::PasswordPolicy;
use portvakt_auth::term::Deadline;
use portvakt_auth::{
    Blackout, Kind, Leaving, LeavingStage, Lockout, Rules, SameWrongPassword, Terms,
};

use super::accounts::KINDS;
use super::problem::Problem;
use super::report::{Located, Place};
use super::section::Section;
use super::value;

/// The tables in which a realm may have rules of its own.
const TABLES: [&str; 3] = ["lockout", "accounts", "passwords"];

/// Least length of a password that is the only factor (NIST SP 800-63B-4 §3.1.1.2).
const NIST_LEAST: u8 = 15;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Rules before the file is read. Their zone is unknown where the system has no Europe/Oslo.
pub(super) fn defaults() -> Rules {
    let zone = TimeZone::get("Europe/Oslo").unwrap_or_else(|_| TimeZone::unknown());
    let defaults = Rules::default();
    Rules {
        terms: defaults.terms.with_zone(zone),
        ..defaults
    }
}

/// Reads `[lockout]`; a key that is absent leaves its rule as it is.
pub(super) fn lockout(parent: &mut Section<'_>, lockout: &mut Lockout) {
    let same = &[
        ("each", SameWrongPassword::Each),
        ("once", SameWrongPassword::Once),
    ];
    let durations = || SECOND..=24 * HOUR;
    let mut section = parent.table("lockout");
    *lockout = Lockout {
        attempts: section.integer("attempts", lockout.attempts, 1..=100),
        duration: section.duration("duration", lockout.duration, durations()),
        forget_after: section.duration("forget-after", lockout.forget_after, durations()),
        same_wrong_password: section.word("same-wrong-password", same, lockout.same_wrong_password),
    };
    section.finish();
}

/// Reads the zone, the terms, their grace and the stages of leaving of `[accounts]`; a key that is absent leaves
/// its rule as it is.
pub(super) fn calendar(section: &mut Section<'_>, rules: &mut Rules) {
    let zone = zone(section, rules.terms.zone());
    leaving(section, &mut rules.leaving);
    let grace_days = section.integer("grace-days", rules.terms.grace_days(), 0..=60);
    let given = deadlines(section);
    let deadlines = match given.is_empty() {
        true => rules.terms.deadlines().to_vec(),
        false => given,
    };
    // Two terms of one name or day were reported where they stand.
    if let Ok(terms) = Terms::new(deadlines, zone) {
        rules.terms = terms.with_grace(grace_days);
    }
}

/// Reads `left-after-days`, which all stages have in common, and `leaving`.
fn leaving(section: &mut Section<'_>, leaving: &mut Leaving) {
    let is_given = section.has("left-after-days");
    let usual = leaving.days(LeavingStage::Network);
    let usual = section.integer("left-after-days", usual, 0..=3650);
    if is_given {
        for stage in LeavingStage::ALL {
            leaving.set_days(stage, usual);
        }
    }
    let mut stages = section.table("leaving");
    for (key, stage) in [
        ("network-days", LeavingStage::Network),
        ("portal-days", LeavingStage::Portal),
        ("mail-days", LeavingStage::Mail),
        ("card-days", LeavingStage::Card),
    ] {
        let days = stages.integer(key, leaving.days(stage), 0..=3650);
        leaving.set_days(stage, days);
    }
    leaving.notice_days = stages.integer("notice-days", leaving.notice_days, 0..=365);
    stages.finish();
}

/// Reads how passwords age; a key that is absent leaves its rule as it is.
pub(super) fn passwords(section: &mut Section<'_>, rules: &mut Rules) {
    let validity = &mut rules.password_validity;
    validity.usual = section.integer_or_none("valid-days", validity.usual, 1..=3650);
    valid_days_of(section, &mut validity.of_kinds);
    validity.spread_days = section.integer("expiry-spread-days", validity.spread_days, 0..=30);
    blackouts(section, &mut validity.blackouts);
    password_policy(section, &mut rules.password_policy);
    rules.temporary_valid =
        section.duration("temporary-valid", rules.temporary_valid, MINUTE..=72 * HOUR);
    for (key, rule) in [
        ("temporary-on-network", &mut rules.temporary_on_network),
        ("change-by-mschapv2", &mut rules.change_by_mschapv2),
    ] {
        *rule = section.boolean(key, *rule).value;
    }
}

/// Which new passwords may be chosen.
fn password_policy(section: &mut Section<'_>, policy: &mut PasswordPolicy) {
    const WORDS: &str = "a list of words with four letters or more, like [\"fjellby\"]";
    let place = section.key_place("min-length");
    let least = section.integer("min-length", policy.least_characters, 8..=64);
    if least < NIST_LEAST {
        let lint = "a password that is the only factor should have 15 characters (NIST SP 800-63B)";
        let advice = "leave the line out for 15";
        section.report().warning(&place, lint, advice);
    }
    policy.least_characters = least;
    let word = |text: &str| (text.trim().chars().count() >= 4).then(|| text.trim().to_owned());
    if let Some(words) = section.list("site-words", WORDS, word) {
        policy.site_words = words.into_iter().map(|word| word.value).collect();
    }
}

/// Days of the year on which no password expires.
fn blackouts(section: &mut Section<'_>, blackouts: &mut Vec<Blackout>) {
    const EXPECTED: &str = "a list of days of every year, like [\"11-20..12-20\"]";
    const MOST: usize = 8;
    let blackout = |text: &str| {
        let (first, last) = text.split_once("..")?;
        Blackout::new(value::month_day(first)?, value::month_day(last)?)
    };
    let place = section.key_place("expiry-blackout");
    let Some(given) = section.list("expiry-blackout", EXPECTED, blackout) else {
        return;
    };
    if given.len() > MOST {
        let problem = Problem::Malformed("eight of them at most");
        section
            .report()
            .problem(&place, problem, "join some of them");
    }
    *blackouts = given.into_iter().map(|given| given.value).collect();
}

/// The table `valid-days-of`: kinds whose passwords are valid for another time, or for good.
fn valid_days_of(parent: &mut Section<'_>, days: &mut Vec<(Kind, Option<u16>)>) {
    let mut section = parent.table("valid-days-of");
    for (word, kind) in KINDS {
        let is_given = section.has(word);
        let value = section.integer_or_none(word, None, 1..=3650);
        if is_given {
            days.retain(|(known, _)| *known != kind);
            days.push((kind, value));
        }
    }
    section.finish();
}

/// Reads the tables `lockout`, `accounts` and `passwords` of a realm; `None` where it has none of
/// them.
pub(super) fn of_realm(realm: &mut Section<'_>, defaults: &Rules) -> Option<Rules> {
    if !TABLES.iter().any(|table| realm.has(table)) {
        TABLES.iter().for_each(|table| drop(realm.table(table)));
        return None;
    }
    let mut rules = defaults.clone();
    lockout(realm, &mut rules.lockout);
    let mut section = realm.table("accounts");
    calendar(&mut section, &mut rules);
    section.finish();
    let mut section = realm.table("passwords");
    passwords(&mut section, &mut rules);
    section.finish();
    Some(rules)
}

/// The first of a realm's tables with rules.
pub(super) fn place(realm: &Section<'_>) -> Option<Place> {
    let table = TABLES.iter().find(|table| realm.has(table))?;
    Some(realm.key_place(table))
}

fn zone(section: &mut Section<'_>, default: &TimeZone) -> TimeZone {
    const EXPECTED: &str = "a zone of the IANA database, like \"Europe/Oslo\"";
    let is_needed = default.is_unknown() && !section.has("zone");
    let given = section.parsed("zone", EXPECTED, |name| TimeZone::get(name).ok());
    if is_needed {
        section.missing("zone", "this system knows no Europe/Oslo: install tzdata");
    }
    given.map_or_else(|| default.clone(), |given| given.value)
}

/// The tables `term`: giving any replaces all of them.
fn deadlines(accounts: &mut Section<'_>) -> Vec<Deadline> {
    let (mut names, mut days) = (Vec::new(), Vec::new());
    let sections = accounts.tables("term").into_iter();
    sections
        .filter_map(|section| deadline(section, &mut names, &mut days))
        .collect()
}

fn deadline(
    mut section: Section<'_>,
    known_names: &mut Vec<Located<String>>,
    known_days: &mut Vec<Located<(i8, i8)>>,
) -> Option<Deadline> {
    const NAME: &str = "a term's name of letters, digits and '-', like \"autumn\"";
    const DAY: &str = "a day of every year, month first, like \"09-01\"";
    for (key, advice) in [("name", "like \"autumn\""), ("deadline", "like \"09-01\"")] {
        if !section.has(key) {
            section.missing(key, advice);
        }
    }
    let name = section.parsed("name", NAME, value::term_name);
    let day = section.parsed("deadline", DAY, value::month_day);
    let (name, day) = (
        once(name, known_names, &section),
        once(day, known_days, &section),
    );
    section.finish();
    let (name, (month, day)) = (name?, day?);
    Deadline::new(&name, month, day).ok()
}

/// The value; one that was given before is reported.
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
