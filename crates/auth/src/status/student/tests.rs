//! The rules on students by the facts of a registry, at the dates where they change their mind.

use super::*;
use crate::account::Account;
use crate::name::AccountId;
use crate::registry_facts::RegistryView;
use crate::term::Terms;

const NOVEMBER: &str = "2026-11-22T16:00:00Z";

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn terms(list: &[&str]) -> Box<[Term]> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

/// In the registry since autumn 2025, paid and registered for these terms.
fn facts(paid: &[&str]) -> RegistryFacts {
    RegistryFacts {
        in_registry: true,
        vanished_at: None,
        declared_active: None,
        first_term: Some("2025-autumn".parse().unwrap()),
        paid: terms(paid),
        registered: terms(paid),
        end: StudiesEnd::Unstated,
    }
}

fn ended(on: &str, learned_at: &str) -> RegistryFacts {
    RegistryFacts {
        end: StudiesEnd::Ended(EndOfStudies {
            on: on.parse().unwrap(),
            learned_at: Some(utc(learned_at)),
            is_death: false,
        }),
        ..facts(&["2025-autumn"])
    }
}

fn student() -> Account {
    Account::new(AccountId::new("s123456").unwrap(), Kind::Student)
}

fn view(facts: &RegistryFacts) -> RegistryView<'_> {
    RegistryView {
        facts: Some(facts),
        ..RegistryView::NONE
    }
}

fn refusal_of(account: &Account, registry: RegistryView<'_>, moment: &str) -> Option<Refusal> {
    let subject = Subject { account, registry };
    let finding = student_finding(subject, &Rules::default(), utc(moment));
    finding.map(|finding| finding.refusal)
}

fn refusal(facts: &RegistryFacts, moment: &str) -> Option<Refusal> {
    refusal_of(&student(), view(facts), moment)
}

/// Deadline days with their last and first second: both terms, a Sunday, the nights on which the
/// clocks change.
#[test]
fn unpaid_term_locks_from_the_start_of_the_day_after_its_deadline() {
    // 1 February 2026 is a Sunday: the deadline does not move.
    let spring = facts(&["2025-autumn"]);
    assert_eq!(refusal(&spring, "2026-02-01T22:59:59Z"), None);
    assert_eq!(
        refusal(&spring, "2026-02-01T23:00:00Z"),
        Some(Refusal::NotActive)
    );
    let autumn = facts(&["2026-spring"]);
    assert_eq!(refusal(&autumn, "2026-09-01T21:59:59Z"), None);
    assert_eq!(
        refusal(&autumn, "2026-09-01T22:00:00Z"),
        Some(Refusal::NotActive)
    );
    let deadlines = vec![
        crate::term::Deadline::new("spring", 3, 28).unwrap(),
        crate::term::Deadline::new("autumn", 10, 24).unwrap(),
    ];
    let zone = Terms::default().zone().clone();
    let rules = Rules {
        terms: Terms::new(deadlines, zone).unwrap(),
        ..Rules::default()
    };
    let account = student();
    for (paid, last, first) in [
        (
            "2025-autumn",
            "2026-03-28T22:59:59Z",
            "2026-03-28T23:00:00Z",
        ),
        (
            "2026-spring",
            "2026-10-24T21:59:59Z",
            "2026-10-24T22:00:00Z",
        ),
    ] {
        let facts = facts(&[paid]);
        let subject = Subject {
            account: &account,
            registry: view(&facts),
        };
        assert_eq!(student_finding(subject, &rules, utc(last)), None);
        assert!(student_finding(subject, &rules, utc(first)).is_some());
    }
}

#[test]
fn payment_reported_later_opens_at_once_and_reversed_payment_locks() {
    assert_eq!(
        refusal(&facts(&["2026-spring"]), NOVEMBER),
        Some(Refusal::NotActive)
    );
    assert_eq!(
        refusal(&facts(&["2026-spring", "2026-autumn"]), NOVEMBER),
        None
    );
}

#[test]
fn fee_without_registration_is_not_enough() {
    let unregistered = RegistryFacts {
        registered: terms(&["2026-spring"]),
        ..facts(&["2026-autumn"])
    };
    assert_eq!(refusal(&unregistered, NOVEMBER), Some(Refusal::NotActive));
}

/// Admitted for the autumn: nothing is owed for the spring before.
#[test]
fn new_student_owes_nothing_for_terms_before_the_first() {
    let new = RegistryFacts {
        first_term: Some("2026-autumn".parse().unwrap()),
        ..facts(&[])
    };
    assert_eq!(refusal(&new, "2026-08-10T08:00:00Z"), None);
    assert_eq!(
        refusal(&new, "2026-09-01T22:00:00Z"),
        Some(Refusal::NotActive)
    );
}

#[test]
fn flag_of_the_registry_is_believed_against_its_facts() {
    let active = RegistryFacts {
        declared_active: Some(true),
        ..facts(&[])
    };
    assert_eq!(refusal(&active, NOVEMBER), None);
    let inactive = RegistryFacts {
        declared_active: Some(false),
        ..facts(&["2026-autumn"])
    };
    assert_eq!(refusal(&inactive, NOVEMBER), Some(Refusal::NotActive));
}

#[test]
fn person_who_vanished_is_not_registered_since_then() {
    let vanished = RegistryFacts {
        in_registry: false,
        vanished_at: Some(utc("2026-11-20T02:10:00Z")),
        ..facts(&["2026-autumn"])
    };
    let account = student();
    let subject = Subject {
        account: &account,
        registry: view(&vanished),
    };
    assert_eq!(
        student_finding(subject, &Rules::default(), utc(NOVEMBER)),
        Some(Finding {
            refusal: Refusal::NotRegistered,
            since: vanished.vanished_at,
        })
    );
}

#[test]
fn registry_outranks_the_directory_fact_by_fact() {
    let listed = Account {
        student: Some(StudentFacts {
            fee_paid_for: Some("2026-autumn".parse().unwrap()),
            registered_for: Some("2026-autumn".parse().unwrap()),
            in_registry: true,
            ended_on: Some("2026-01-10".parse().unwrap()),
            ..StudentFacts::default()
        }),
        ..student()
    };
    let paid = facts(&["2026-autumn"]);
    // It says nothing of an end: the directory's counts.
    assert_eq!(
        refusal_of(&listed, view(&paid), NOVEMBER),
        Some(Refusal::Left)
    );
    let revoked = RegistryFacts {
        end: StudiesEnd::NotEnded,
        ..paid
    };
    assert_eq!(refusal_of(&listed, view(&revoked), NOVEMBER), None);
    let unpaid = RegistryFacts {
        paid: terms(&["2026-spring"]),
        ..revoked
    };
    assert_eq!(
        refusal_of(&listed, view(&unpaid), NOVEMBER),
        Some(Refusal::NotActive)
    );
}

/// A directory that keeps no terms stays out of it, unless the registry tells of terms.
#[test]
fn registry_without_terms_leaves_them_to_the_system_that_keeps_them() {
    let kept_elsewhere = Account {
        student: Some(StudentFacts {
            kept_elsewhere: true,
            ..StudentFacts::default()
        }),
        ..student()
    };
    let bare = RegistryFacts {
        first_term: None,
        ..facts(&[])
    };
    assert_eq!(refusal_of(&kept_elsewhere, view(&bare), NOVEMBER), None);
    assert_eq!(
        refusal_of(&kept_elsewhere, view(&facts(&[])), NOVEMBER),
        Some(Refusal::NotActive)
    );
}

#[test]
fn exemption_holds_off_fee_and_registry_until_its_date_and_never_the_end() {
    let unpaid = facts(&["2026-spring"]);
    let until = Some(utc("2026-12-01T23:00:00Z"));
    fn exempt(facts: &RegistryFacts, until: Option<Timestamp>) -> RegistryView<'_> {
        RegistryView {
            exempt_until: until,
            ..view(facts)
        }
    }
    let (account, rules) = (student(), Rules::default());
    let refusal =
        |facts: &RegistryFacts, moment: &str| refusal_of(&account, exempt(facts, until), moment);
    assert_eq!(refusal(&unpaid, "2026-12-01T22:59:59Z"), None);
    assert_eq!(
        refusal(&unpaid, "2026-12-01T23:00:00Z"),
        Some(Refusal::NotActive)
    );
    let left = ended("2026-01-10", "2026-01-10T12:00:00Z");
    assert_eq!(refusal(&left, NOVEMBER), Some(Refusal::Left));
    let unknown = RegistryView {
        exempt_until: until,
        ..RegistryView::NONE
    };
    assert_eq!(refusal_of(&account, unknown, NOVEMBER), None);
    // A lapse before the end of the exemption comes at its end.
    let question = Question::of(
        Subject {
            account: &account,
            registry: exempt(&unpaid, until),
        },
        "eduroam",
        &rules,
        utc("2026-08-20T12:00:00Z"),
    );
    assert_eq!(Active.check(&question), Ok(until));
}

/// No news since 20 August: the deadline of 1 September locks nobody, and whoever was locked stays.
#[test]
fn silent_registry_locks_nobody_newly_by_the_calendar() {
    let account = student();
    let silent = |facts: &RegistryFacts, moment: &str| {
        let view = RegistryView {
            facts: Some(facts),
            exempt_until: None,
            silent_from: Some(utc("2026-08-27T00:00:00Z")),
        };
        refusal_of(&account, view, moment)
    };
    assert_eq!(silent(&facts(&["2026-spring"]), NOVEMBER), None);
    assert_eq!(
        silent(&facts(&["2025-autumn"]), NOVEMBER),
        Some(Refusal::NotActive)
    );
    let leaving = ended("2026-06-15", "2026-06-15T12:00:00Z");
    assert_eq!(refusal(&leaving, NOVEMBER), Some(Refusal::Left));
    assert_eq!(silent(&leaving, NOVEMBER), None);
    // The directory's expiry date is no matter of the registry.
    let expired = Account {
        expires: Some(utc("2026-09-10T00:00:00Z")),
        ..student()
    };
    let paid = facts(&["2026-spring"]);
    let view = RegistryView {
        silent_from: Some(utc("2026-08-27T00:00:00Z")),
        ..view(&paid)
    };
    assert_eq!(refusal_of(&expired, view, NOVEMBER), Some(Refusal::Left));
}

#[test]
fn end_that_is_learned_late_leaves_the_days_of_notice() {
    let late = ended("2026-03-01", "2026-11-20T15:00:00Z");
    assert_eq!(refusal(&late, "2026-12-04T22:59:59Z"), None);
    assert_eq!(refusal(&late, "2026-12-04T23:00:00Z"), Some(Refusal::Left));
}

#[test]
fn death_locks_at_once() {
    let dead = RegistryFacts {
        end: StudiesEnd::Ended(EndOfStudies {
            on: "2026-11-19".parse().unwrap(),
            learned_at: Some(utc("2026-11-22T15:00:00Z")),
            is_death: true,
        }),
        ..facts(&["2026-autumn"])
    };
    assert_eq!(refusal(&dead, NOVEMBER), Some(Refusal::Left));
}
