//! Every rule at the dates where it changes its mind.

use super::*;
use crate::account::{BindName, Kind, Password, StudentFacts, Verification};
use crate::name::AccountId;
use crate::password::PasswordHash;
use crate::rules::PasswordValidity;
use crate::term::Term;
use std::time::Duration;

const SHA: &str = "{SSHA}HVnXGMWeluuicOXmrx5ddy17N8O/j7ui";

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn term(text: &str) -> Option<Term> {
    Some(text.parse().unwrap())
}

fn password(kind: PasswordKind, changed_at: &str) -> Option<Password> {
    Some(Password {
        hash: PasswordHash::parse(SHA).unwrap(),
        changed_at: utc(changed_at),
        kind,
    })
}

/// In the registry, paid and registered for autumn 2026, with a password of August 2026.
fn student() -> Account {
    let facts = StudentFacts {
        registered_for: term("2026-autumn"),
        fee_paid_for: term("2026-autumn"),
        in_registry: true,
        ..StudentFacts::default()
    };
    Account {
        student: Some(facts),
        password: password(PasswordKind::Permanent, "2026-08-15T10:00:00Z"),
        ..Account::new(AccountId::new("s123456").unwrap(), Kind::Student)
    }
}

fn with_facts(change: impl FnOnce(&mut StudentFacts)) -> Account {
    let mut account = student();
    change(account.student.as_mut().unwrap());
    account
}

fn note() -> Option<Closure> {
    Some(Closure {
        reason: "lost laptop".into(),
        until: None,
        since: utc("2026-10-01T08:00:00Z"),
        by: "kari".into(),
    })
}

/// `None` when in good standing.
fn refusal_under(rules: &Rules, account: &Account, moment: &str) -> Option<Refusal> {
    standing(
        Subject::without_registry(account),
        "eduroam",
        rules,
        utc(moment),
    )
    .err()
}

fn refusal(account: &Account, moment: &str) -> Option<Refusal> {
    refusal_under(&Rules::default(), account, moment)
}

fn ends(account: &Account, moment: &str) -> Option<String> {
    let standing = standing(
        Subject::without_registry(account),
        "eduroam",
        &Rules::default(),
        utc(moment),
    )
    .unwrap();
    standing.ends().map(|end| end.to_string())
}

const NOVEMBER: &str = "2026-11-22T16:00:00Z";

#[test]
fn paid_and_registered_student_may_come_in_until_the_next_deadline() {
    assert_eq!(refusal(&student(), NOVEMBER), None);
    assert_eq!(
        ends(&student(), NOVEMBER).as_deref(),
        Some("2027-02-01T23:00:00Z")
    );
}

#[test]
fn unpaid_student_is_locked_from_the_start_of_the_day_after_the_deadline() {
    let unpaid = with_facts(|facts| facts.fee_paid_for = term("2026-spring"));
    assert_eq!(refusal(&unpaid, "2026-09-01T21:59:59.999Z"), None);
    assert_eq!(
        refusal(&unpaid, "2026-09-01T22:00:00Z"),
        Some(Refusal::NotActive)
    );
    assert_eq!(
        ends(&unpaid, "2026-09-01T12:00:00Z").as_deref(),
        Some("2026-09-01T22:00:00Z")
    );
}

#[test]
fn paid_but_unregistered_student_is_not_active() {
    let unregistered = with_facts(|facts| facts.registered_for = term("2026-spring"));
    assert_eq!(refusal(&unregistered, NOVEMBER), Some(Refusal::NotActive));
}

#[test]
fn payment_reported_later_opens_at_once() {
    let mut account = with_facts(|facts| facts.fee_paid_for = None);
    assert_eq!(refusal(&account, NOVEMBER), Some(Refusal::NotActive));
    account.student.as_mut().unwrap().fee_paid_for = term("2026-autumn");
    assert_eq!(refusal(&account, NOVEMBER), None);
}

#[test]
fn autumn_is_still_enough_over_new_year() {
    for moment in [
        "2026-12-31T22:59:59Z",
        "2026-12-31T23:00:00Z",
        "2027-02-01T22:59:59Z",
    ] {
        assert_eq!(refusal(&student(), moment), None, "{moment}");
    }
    assert_eq!(
        refusal(&student(), "2027-02-01T23:00:00Z"),
        Some(Refusal::NotActive)
    );
}

#[test]
fn student_whom_the_registry_does_not_know_is_not_registered() {
    let unknown = with_facts(|facts| facts.in_registry = false);
    assert_eq!(refusal(&unknown, NOVEMBER), Some(Refusal::NotRegistered));
    let without_facts = Account {
        student: None,
        ..student()
    };
    assert_eq!(
        refusal(&without_facts, NOVEMBER),
        Some(Refusal::NotRegistered)
    );
}

#[test]
fn student_rules_hold_for_students_only() {
    for kind in [
        Kind::Employee,
        Kind::Guest,
        Kind::Service,
        Kind::Machine,
        Kind::Test,
    ] {
        let account = Account {
            kind,
            ..with_facts(|facts| *facts = StudentFacts::default())
        };
        assert_eq!(refusal(&account, NOVEMBER), None, "{kind:?}");
    }
}

#[test]
fn student_who_ended_may_come_in_for_ninety_days_and_owes_nothing() {
    let ended = with_facts(|facts| {
        *facts = StudentFacts {
            ended_on: Some("2026-06-15".parse().unwrap()),
            ..StudentFacts::default()
        };
    });
    // The deadline of 1 September lies between.
    assert_eq!(refusal(&ended, "2026-09-12T21:59:59Z"), None);
    assert_eq!(refusal(&ended, "2026-09-12T22:00:00Z"), Some(Refusal::Left));
    let ended = Account {
        password: None,
        ..ended
    };
    assert_eq!(
        ends(&ended, "2026-07-01T12:00:00Z").as_deref(),
        Some("2026-09-12T22:00:00Z")
    );
}

#[test]
fn ninety_days_are_local_days_whatever_the_clocks_do() {
    let ended = |day: &str| with_facts(|facts| facts.ended_on = Some(day.parse().unwrap()));
    // Summer time ends on 25 October: the 26th begins an hour later in UTC than the 25th did.
    assert_eq!(
        refusal(&ended("2026-07-27"), "2026-10-24T22:00:00Z"),
        Some(Refusal::Left)
    );
    assert_eq!(refusal(&ended("2026-07-28"), "2026-10-25T22:59:59Z"), None);
    assert_eq!(
        refusal(&ended("2026-07-28"), "2026-10-25T23:00:00Z"),
        Some(Refusal::Left)
    );
}

#[test]
fn end_that_is_still_to_come_frees_nobody_of_this_terms_fee() {
    let ending = with_facts(|facts| {
        facts.ended_on = Some("2026-12-18".parse().unwrap());
        facts.fee_paid_for = term("2026-spring");
    });
    assert_eq!(refusal(&ending, NOVEMBER), Some(Refusal::NotActive));
    assert_eq!(refusal(&ending, "2026-12-18T12:00:00Z"), None);
}

#[test]
fn session_outlasts_a_deadline_that_will_not_concern_its_student() {
    let ending = with_facts(|facts| facts.ended_on = Some("2026-12-18".parse().unwrap()));
    assert_eq!(
        ends(&ending, NOVEMBER).as_deref(),
        Some("2027-03-17T23:00:00Z")
    );
}

/// DA1.
#[test]
fn session_ends_with_the_account_and_not_with_the_password() {
    let rules = Rules::default();
    let ends = |account: &Account, moment| {
        session_refusal(
            Subject::without_registry(account),
            "eduroam",
            &rules,
            utc(moment),
        )
    };
    assert_eq!(ends(&student(), NOVEMBER), None);
    let old = Account {
        password: password(PasswordKind::Permanent, "2020-01-01T00:00:00Z"),
        ..student()
    };
    assert_eq!(refusal(&old, NOVEMBER), Some(Refusal::PasswordExpired));
    assert_eq!(ends(&old, NOVEMBER), None);
    let suspended = Account {
        suspended: note(),
        ..old
    };
    assert_eq!(ends(&suspended, NOVEMBER), Some(Refusal::Suspended));
    let unpaid = with_facts(|facts| facts.fee_paid_for = term("2026-spring"));
    assert_eq!(ends(&unpaid, NOVEMBER), refusal(&unpaid, NOVEMBER));
    assert!(ends(&unpaid, NOVEMBER).is_some());
}

#[test]
fn expired_account_has_left() {
    let guest = Account {
        kind: Kind::Guest,
        expires: Some(utc("2026-11-30T23:00:00Z")),
        ..student()
    };
    assert_eq!(
        ends(&guest, NOVEMBER).as_deref(),
        Some("2026-11-30T23:00:00Z")
    );
    assert_eq!(refusal(&guest, "2026-11-30T23:00:00Z"), Some(Refusal::Left));
}

#[test]
fn password_is_valid_for_a_year_from_when_it_was_set() {
    let employee = Account {
        kind: Kind::Employee,
        ..student()
    };
    assert_eq!(refusal(&employee, "2027-08-15T09:59:59Z"), None);
    assert_eq!(
        refusal(&employee, "2027-08-15T10:00:00Z"),
        Some(Refusal::PasswordExpired)
    );
    assert_eq!(
        ends(&employee, NOVEMBER).as_deref(),
        Some("2027-08-15T10:00:00Z")
    );
}

#[test]
fn temporary_password_never_opens_the_network_unless_configured() {
    let account = Account {
        password: password(PasswordKind::Temporary, "2026-11-22T12:00:00Z"),
        ..student()
    };
    assert_eq!(
        refusal(&account, "2026-11-22T12:01:00Z"),
        Some(Refusal::TemporaryNotAllowed)
    );
    assert_eq!(
        refusal(&account, "2026-11-22T20:00:00Z"),
        Some(Refusal::TemporaryExpired)
    );
    let rules = Rules {
        temporary_on_network: true,
        ..Rules::default()
    };
    assert_eq!(
        refusal_under(&rules, &account, "2026-11-22T19:59:59Z"),
        None
    );
    assert_eq!(
        refusal_under(&rules, &account, "2026-11-22T20:00:00Z"),
        Some(Refusal::TemporaryExpired)
    );
}

#[test]
fn service_must_be_in_the_list_where_there_is_one() {
    let services = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let account = Account {
        services: services(&["vpn"]),
        ..student()
    };
    assert_eq!(
        refusal(&account, NOVEMBER),
        Some(Refusal::ServiceNotAllowed)
    );
    let account = Account {
        services: services(&["vpn", "eduroam"]),
        ..student()
    };
    assert_eq!(refusal(&account, NOVEMBER), None);
    let account = Account {
        services: services(&[]),
        ..student()
    };
    assert_eq!(
        refusal(&account, NOVEMBER),
        Some(Refusal::ServiceNotAllowed)
    );
}

/// Everything is wrong with it; each finding is mended in turn.
#[test]
fn reasons_are_told_in_a_fixed_order() {
    let mut account = with_facts(|facts| *facts = StudentFacts::default());
    account.deactivated = note();
    account.suspended = note();
    account.expires = Some(utc("2026-10-01T08:00:00Z"));
    account.password = password(PasswordKind::Permanent, "2025-08-15T10:00:00Z");
    account.services = Some(Vec::new());
    let told: Vec<Refusal> = findings(
        Subject::without_registry(&account),
        "eduroam",
        &Rules::default(),
        utc(NOVEMBER),
    )
    .iter()
    .map(|finding| finding.refusal)
    .collect();
    let expected = [
        Refusal::Deactivated,
        Refusal::Suspended,
        Refusal::Left,
        Refusal::NotRegistered,
        Refusal::NotActive,
        Refusal::PasswordExpired,
        Refusal::ServiceNotAllowed,
    ];
    assert_eq!(told, expected);
    assert_eq!(refusal(&account, NOVEMBER), Some(Refusal::Deactivated));
}

#[test]
fn findings_say_since_when() {
    let mut account = with_facts(|facts| facts.fee_paid_for = None);
    account.suspended = note();
    let found = findings(
        Subject::without_registry(&account),
        "eduroam",
        &Rules::default(),
        utc(NOVEMBER),
    );
    let since: Vec<_> = found
        .iter()
        .map(|finding| finding.since.unwrap().to_string())
        .collect();
    assert_eq!(since, ["2026-10-01T08:00:00Z", "2026-09-01T22:00:00Z"]);
}

#[test]
fn extreme_numbers_have_answers() {
    let rules = Rules {
        leaving: crate::leaving::Leaving::after(u16::MAX),
        password_validity: PasswordValidity {
            usual: Some(u16::MAX),
            ..PasswordValidity::default()
        },
        temporary_valid: Duration::MAX,
        temporary_on_network: true,
        ..Rules::default()
    };
    let mut account = with_facts(|facts| facts.ended_on = Some(jiff::civil::Date::MAX));
    for kind in [PasswordKind::Permanent, PasswordKind::Temporary] {
        account.password = Some(Password {
            hash: PasswordHash::parse(SHA).unwrap(),
            changed_at: Timestamp::MAX,
            kind,
        });
        assert_eq!(refusal_under(&rules, &account, NOVEMBER), None);
    }
}

#[test]
fn student_whose_facts_are_kept_elsewhere_is_asked_for_neither_registration_nor_fee() {
    let elsewhere = with_facts(|facts| {
        *facts = StudentFacts {
            kept_elsewhere: true,
            ..StudentFacts::default()
        };
    });
    let standing = standing(
        Subject::without_registry(&elsewhere),
        "eduroam",
        &Rules::default(),
        utc("2026-10-01T00:00:00Z"),
    );
    assert!(standing.is_ok(), "{standing:?}");
}

#[test]
fn password_that_the_directory_keeps_ages_like_any_other_where_it_does_not_judge_that() {
    let mut account = student();
    account.password = None;
    account.verification = Verification::Bind(BindName {
        entry: "uid=s123456,dc=campus,dc=example".to_owned(),
        changed_at: Some(utc("2025-10-01T00:00:00Z")),
        kind: PasswordKind::Permanent,
        sure_from: None,
        lasting_id: None,
        locked_since: None,
    });
    let at = |text| {
        standing(
            Subject::without_registry(&account),
            "eduroam",
            &Rules::default(),
            utc(text),
        )
        .err()
    };
    assert_eq!(at("2026-09-30T23:59:59Z"), None);
    assert_eq!(at("2026-10-01T00:00:00Z"), Some(Refusal::PasswordExpired));
}

#[test]
fn password_that_the_directory_wants_changed_first_does_not_open_the_network() {
    let mut account = student();
    account.verification = Verification::Bind(BindName {
        entry: "uid=s123456,dc=campus,dc=example".to_owned(),
        changed_at: None,
        kind: PasswordKind::Temporary,
        sure_from: None,
        lasting_id: None,
        locked_since: None,
    });
    let standing = standing(
        Subject::without_registry(&account),
        "eduroam",
        &Rules::default(),
        utc("2026-10-01T00:00:00Z"),
    );
    assert_eq!(standing, Err(Refusal::TemporaryNotAllowed));
}

/// Set two years ago.
fn old(kind: Kind) -> Account {
    let mut account = Account::new(AccountId::new("anna").unwrap(), kind);
    account.password = Some(Password {
        hash: PasswordHash::parse(SHA).unwrap(),
        changed_at: utc("2024-11-22T12:00:00Z"),
        kind: PasswordKind::Permanent,
    });
    account
}

#[test]
fn password_may_be_valid_for_good_for_all_or_for_a_kind() {
    let validity = PasswordValidity {
        usual: None,
        of_kinds: vec![(Kind::Student, Some(365)), (Kind::Service, None)],
        ..PasswordValidity::default()
    };
    let rules = Rules {
        password_validity: validity,
        ..Rules::default()
    };
    for kind in [Kind::Employee, Kind::Service, Kind::Guest] {
        assert_eq!(refusal_under(&rules, &old(kind), NOVEMBER), None);
    }
    let student = Account {
        student: with_facts(|_| {}).student,
        ..old(Kind::Student)
    };
    let refusal = refusal_under(&rules, &student, NOVEMBER);
    assert_eq!(refusal, Some(Refusal::PasswordExpired));
    let expired = refusal_under(&Rules::default(), &old(Kind::Employee), NOVEMBER);
    assert_eq!(expired, Some(Refusal::PasswordExpired));
}

#[test]
fn password_whose_age_its_source_judges_does_not_age_here() {
    let account = Account {
        password_ages_elsewhere: true,
        ..old(Kind::Employee)
    };
    assert_eq!(refusal_under(&Rules::default(), &account, NOVEMBER), None);
}

#[test]
fn account_that_is_closed_until_a_moment_is_open_from_then_on() {
    let mut account = old(Kind::Employee);
    account.password = None;
    let mut closed = note().unwrap();
    closed.until = Some(utc("2026-11-22T12:00:00Z"));
    account.deactivated = Some(closed);
    let at = |time| refusal_under(&Rules::default(), &account, time);
    assert_eq!(at("2026-11-22T11:59:59Z"), Some(Refusal::Deactivated));
    assert_eq!(at("2026-11-22T12:00:00Z"), None);
}
