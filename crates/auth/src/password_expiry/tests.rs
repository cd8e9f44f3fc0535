use super::*;
use crate::account::Kind;
use crate::name::AccountId;
use std::collections::HashSet;

fn account(name: &str) -> Account {
    Account::new(AccountId::new(name).unwrap(), Kind::Employee)
}

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Month and day.
type Day = (i8, i8);

fn rules(blackouts: &[(Day, Day)]) -> Rules {
    let zone = jiff::tz::TimeZone::get("Europe/Oslo").unwrap();
    let mut rules = Rules::default();
    rules.terms = rules.terms.with_zone(zone);
    let blackouts = blackouts
        .iter()
        .map(|(first, last)| Blackout::new(*first, *last).unwrap());
    rules.password_validity.blackouts = blackouts.collect();
    rules
}

fn expires(rules: &Rules, set_at: &str) -> Timestamp {
    password_expires(&account("kari"), utc(set_at), rules).unwrap()
}

#[test]
fn password_that_would_expire_within_a_blackout_does_on_the_day_after_it() {
    let exams = rules(&[((11, 20), (12, 20))]);
    for (set_at, expected) in [
        ("2025-11-19T12:00:00Z", "2026-11-19T12:00:00Z"),
        // Its first and its last day by local time.
        ("2025-11-19T23:30:00Z", "2026-12-20T23:00:00Z"),
        ("2025-12-20T22:59:00Z", "2026-12-20T23:00:00Z"),
        ("2025-12-20T23:00:00Z", "2026-12-20T23:00:00Z"),
        ("2025-12-21T12:00:00Z", "2026-12-21T12:00:00Z"),
    ] {
        assert_eq!(expires(&exams, set_at), utc(expected), "{set_at}");
    }
}

#[test]
fn blackout_may_go_over_new_year_and_into_another_one() {
    let holidays = rules(&[((12, 20), (1, 5)), ((1, 6), (1, 31))]);
    for set_at in [
        "2025-12-24T12:00:00Z",
        "2026-01-02T12:00:00Z",
        "2026-01-20T12:00:00Z",
    ] {
        assert_eq!(
            expires(&holidays, set_at),
            utc("2027-01-31T23:00:00Z"),
            "{set_at}"
        );
    }
    assert_eq!(Blackout::new((2, 29), (3, 1)), None);
    assert_eq!(Blackout::new((13, 1), (3, 1)), None);
}

/// The night in which the clock goes forward has no hour from two to three.
#[test]
fn day_after_a_blackout_begins_at_its_local_midnight_whatever_the_clock_does() {
    let spring = rules(&[((3, 1), (3, 27))]);
    // 2027-03-28 has 23 hours in Norway.
    assert_eq!(
        expires(&spring, "2026-03-10T12:00:00Z"),
        utc("2027-03-27T23:00:00Z")
    );
    let autumn = rules(&[((10, 1), (10, 30))]);
    assert_eq!(
        expires(&autumn, "2026-10-10T12:00:00Z"),
        utc("2027-10-30T22:00:00Z")
    );
}

#[test]
fn spread_gives_each_account_days_of_its_own_and_always_the_same() {
    let mut rules = rules(&[]);
    rules.password_validity.spread_days = 14;
    let set_at = utc("2026-08-17T08:00:00Z");
    let days: HashSet<_> = (0..200)
        .map(|number| {
            let account = account(&format!("s{number}"));
            let end = password_expires(&account, set_at, &rules).unwrap();
            assert_eq!(Some(end), password_expires(&account, set_at, &rules));
            end.duration_since(set_at).as_hours() / 24
        })
        .collect();
    assert_eq!(days, (365..=379).collect());
}

#[test]
fn password_that_ages_elsewhere_or_not_at_all_does_not_expire() {
    let mut rules = rules(&[((1, 1), (12, 31))]);
    let elsewhere = Account {
        password_ages_elsewhere: true,
        ..account("kari")
    };
    let set_at = utc("2026-08-17T08:00:00Z");
    assert_eq!(password_expires(&elsewhere, set_at, &rules), None);
    rules.password_validity.usual = None;
    assert_eq!(password_expires(&account("kari"), set_at, &rules), None);
}
