use super::*;
use portvakt_auth::Term;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn term(text: &str) -> Term {
    text.parse().unwrap()
}

fn told(day: u8) -> Told {
    let at = at(&format!("2026-11-{day:02}T02:00:00Z"));
    Told {
        produced_at: at,
        taken_at: at,
    }
}

fn fee(of: &str, fee: Fee) -> Statement {
    Statement {
        term: Said::Is(term(of)),
        fee: Said::Is(fee),
        registered_at: Said::Is(at("2026-08-20T10:00:00Z")),
        ..Statement::default()
    }
}

fn flag(active: bool, of: Option<&str>) -> Statement {
    Statement {
        active: Said::Is(active),
        term: of.map_or(Said::Nothing, |of| Said::Is(term(of))),
        ..Statement::default()
    }
}

/// The person after these statements, one a day.
fn person(statements: &[Statement]) -> Person {
    let mut person = None;
    for (day, statement) in (1..).zip(statements) {
        person = Person::fold(person.as_ref(), statement, told(day));
    }
    person.unwrap()
}

#[test]
fn term_told_before_stays_paid_while_the_next_is_open() {
    let facts = person(&[
        fee("2026-spring", Fee::Exempt),
        fee("2026-autumn", Fee::Open),
    ])
    .facts();
    assert_eq!(*facts.paid, [term("2026-spring")]);
    assert_eq!(
        *facts.registered,
        [term("2026-autumn"), term("2026-spring")]
    );
    assert_eq!(facts.first_term, Some(term("2026-spring")));
}

#[test]
fn payment_can_be_reversed() {
    let facts = person(&[fee("2026-autumn", Fee::Paid), fee("2026-autumn", Fee::Open)]).facts();
    assert!(facts.paid.is_empty());
}

#[test]
fn flag_of_a_term_counts_for_fee_and_registration_and_one_without_for_now() {
    let facts = person(&[
        flag(true, Some("2026-spring")),
        flag(false, Some("2026-autumn")),
    ])
    .facts();
    assert_eq!(facts.declared_active, None);
    assert_eq!(*facts.paid, [term("2026-spring")]);
    assert_eq!(*facts.registered, [term("2026-spring")]);
    let unpaid = person(&[
        fee("2026-autumn", Fee::Paid),
        flag(false, Some("2026-autumn")),
    ]);
    assert!(unpaid.facts().paid.is_empty());
    assert_eq!(unpaid.disagreement(), Some(&term("2026-autumn")));
    assert_eq!(
        person(&[flag(true, None)]).facts().declared_active,
        Some(true)
    );
    assert_eq!(
        person(&[flag(false, None)]).facts().declared_active,
        Some(false)
    );
    let withdrawn = Statement {
        active: Said::Cleared,
        ..Statement::default()
    };
    assert_eq!(
        person(&[flag(false, None), withdrawn])
            .facts()
            .declared_active,
        None
    );
}

#[test]
fn older_statement_changes_nothing_whatever_its_file() {
    let mobile = |mobile: &str, changed: Option<&str>| Statement {
        mobile: Said::Is(mobile.to_owned()),
        source_changed_at: changed.map(at),
        ..Statement::default()
    };
    let known = person(&[mobile("+4791111111", None), mobile("+4792222222", None)]);
    let late = mobile("+4793333333", Some("2026-11-01T12:00:00Z"));
    assert_eq!(Person::fold(Some(&known), &late, told(20)), None);
    let next = mobile("+4793333333", Some("2026-11-02T12:00:00Z"));
    let next = Person::fold(Some(&known), &next, told(20)).unwrap();
    assert_eq!(next.mobile.as_deref(), Some("+4793333333"));
}

#[test]
fn end_keeps_the_moment_it_was_learned_until_its_day_changes() {
    let ended = |on: &str, kind| Statement {
        ended_on: Said::Is(on.parse().unwrap()),
        end_kind: kind,
        ..Statement::default()
    };
    let learned = |person: &Person| match &person.end {
        EndFacts::Ended(end) => end.learned_at,
        other => panic!("{other:?}"),
    };
    let known = person(&[
        ended("2026-06-15", Said::Nothing),
        ended("2026-06-15", Said::Is(EndKind::Completed)),
    ]);
    assert_eq!(learned(&known), told(1).taken_at);
    let moved = Person::fold(Some(&known), &ended("2026-07-01", Said::Nothing), told(9)).unwrap();
    assert_eq!(learned(&moved), told(9).taken_at);
    let revoked = Statement {
        ended_on: Said::Cleared,
        ..Statement::default()
    };
    let revoked = Person::fold(Some(&moved), &revoked, told(10)).unwrap();
    assert_eq!(revoked.facts().end, StudiesEnd::NotEnded);
    let death = ended("2026-07-01", Said::Is(EndKind::Deceased));
    let dead = Person::fold(Some(&moved), &death, told(11)).unwrap();
    assert!(matches!(dead.facts().end, StudiesEnd::Ended(end) if end.is_death));
}

#[test]
fn person_vanishes_and_comes_back() {
    let gone = person(&[flag(true, None), Statement::gone(), Statement::gone()]);
    assert!(!gone.in_registry);
    assert_eq!(gone.vanished_at, Some(told(2).taken_at));
    let back = Person::fold(Some(&gone), &flag(true, None), told(20)).unwrap();
    assert_eq!((back.in_registry, back.vanished_at), (true, None));
}

#[test]
fn terms_of_a_person_are_bounded() {
    let many: Vec<_> = (2000..2030)
        .map(|year| fee(&format!("{year}-autumn"), Fee::Paid))
        .collect();
    let mut known = None;
    for statement in &many {
        known = Person::fold(known.as_ref(), statement, told(1));
    }
    let known = known.unwrap();
    assert_eq!(known.terms.len(), MOST_TERMS);
    assert_eq!(known.terms[0].term, term("2029-autumn"));
    assert_eq!(known.first_term, Some(term("2000-autumn")));
}

#[test]
fn statements_and_persons_survive_being_stored() {
    let statement = Statement {
        ended_on: Said::Cleared,
        mobile: Said::Is("+4791234567".to_owned()),
        ..fee("2026-autumn", Fee::Paid)
    };
    let text = serde_json::to_string(&statement).unwrap();
    assert_eq!(serde_json::from_str::<Statement>(&text).unwrap(), statement);
    assert_eq!(serde_json::to_string(&Statement::default()).unwrap(), "{}");
    let person = person(&[statement, Statement::gone()]);
    let text = serde_json::to_string(&person).unwrap();
    assert_eq!(serde_json::from_str::<Person>(&text).unwrap(), person);
}
