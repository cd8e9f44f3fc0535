use super::*;
use crate::statement::Said;
use jiff::Timestamp;

/// Closed where the registry does not have the person, or says not active.
struct ByFlag;

impl Judge for ByFlag {
    fn standing(&self, key: &str, facts: Option<&RegistryFacts>, _: Moment) -> Standing {
        match facts {
            _ if key.starts_with("nobody") => Standing::NoAccount,
            None if key.starts_with("closed") => Standing::Closed(Refusal::NotRegistered),
            None if key.starts_with("open") => Standing::Open,
            None => Standing::Unknown,
            Some(facts) if !facts.in_registry => Standing::Closed(Refusal::NotRegistered),
            Some(facts) if facts.declared_active == Some(false) => {
                Standing::Closed(Refusal::NotActive)
            }
            Some(_) => Standing::Open,
        }
    }
}

fn told(second: i64) -> Told {
    let at = Timestamp::from_second(1_790_000_000 + second).unwrap();
    Told {
        produced_at: at,
        taken_at: at,
    }
}

fn active(active: bool) -> Statement {
    Statement {
        active: Said::Is(active),
        ..Statement::default()
    }
}

fn mobile(number: &str) -> Statement {
    Statement {
        mobile: Said::Is(number.to_owned()),
        ..Statement::default()
    }
}

fn rows(rows: &[(&str, Statement)]) -> Vec<(String, Statement)> {
    let rows = rows.iter();
    rows.map(|(key, statement)| ((*key).to_owned(), statement.clone()))
        .collect()
}

fn known(list: &[(&str, Statement)]) -> Persons {
    let fold = |(key, statement)| (key, Person::fold(None, &statement, told(0)).unwrap());
    rows(list).into_iter().map(fold).collect()
}

fn named(affected: &Affected) -> Vec<&str> {
    assert_eq!(affected.count, affected.named.len() as u64);
    let named = affected.named.iter();
    named.map(|person| person.key.as_str()).collect()
}

#[test]
fn changes_are_told_by_kind_and_what_is_unchanged_is_left_out() {
    let known = known(&[
        ("anna", active(true)),
        ("bo", active(false)),
        ("cy", active(true)),
        ("di", mobile("+4791111111")),
        ("ed", active(true)),
        ("fy", Statement::gone()),
    ]);
    let file = rows(&[
        ("anna", active(false)),
        ("bo", active(true)),
        ("cy", active(true)),
        ("di", mobile("+4792222222")),
        ("gy", active(true)),
        ("hy", active(false)),
    ]);
    let (changing, effect) = effect(&known, &file, true, told(10), false, &ByFlag);
    assert_eq!(named(&effect.locks), ["anna", "hy"]);
    assert_eq!(effect.locks.named[0].refusal, Some(Refusal::NotActive));
    assert_eq!(named(&effect.unlocks), ["bo"]);
    assert_eq!(named(&effect.vanished), ["ed"]);
    assert_eq!(named(&effect.mobiles), ["di"]);
    assert_eq!((effect.added, effect.changed, effect.unchanged), (2, 6, 1));
    let keys: Vec<_> = changing.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["anna", "bo", "di", "gy", "hy", "ed"]);
}

#[test]
fn file_of_changes_lets_nobody_vanish() {
    let known = known(&[("anna", active(true))]);
    let (changing, effect) = effect(&known, &[], false, told(10), false, &ByFlag);
    assert!(changing.is_empty());
    assert_eq!(effect, Effect::default());
}

#[test]
fn first_row_of_a_person_counts_by_what_the_account_is_now() {
    let file = rows(&[
        ("open-a", active(false)),
        ("closed-b", active(true)),
        ("nobody-c", active(false)),
        ("unknown-d", active(true)),
    ]);
    let (_, effect) = effect(&Persons::default(), &file, true, told(10), false, &ByFlag);
    assert_eq!(named(&effect.locks), ["open-a"]);
    assert_eq!(named(&effect.unlocks), ["closed-b"]);
    assert_eq!(effect.added, 4);
}

#[test]
fn row_that_is_older_than_what_is_known_is_counted_and_left_out() {
    let known = known(&[("anna", active(true))]);
    let file = rows(&[("anna", active(false))]);
    let (changing, effect) = effect(&known, &file, false, told(-10), false, &ByFlag);
    assert!(changing.is_empty());
    assert_eq!(effect.older, 1);
}

/// A number where there was none opens the same way to a new password.
#[test]
fn first_mobile_number_of_a_known_person_counts_and_its_removal_does_not() {
    let known = known(&[("anna", active(true)), ("bo", mobile("+4791111111"))]);
    let removal = Statement {
        mobile: Said::Cleared,
        ..Statement::default()
    };
    let file = rows(&[("anna", mobile("+4792222222")), ("bo", removal)]);
    let (_, effect) = effect(&known, &file, false, told(10), false, &ByFlag);
    assert_eq!(named(&effect.mobiles), ["anna"]);
}

#[test]
fn names_are_bounded_and_numbers_are_not() {
    let many: Vec<_> = (0..MOST_NAMED + 5)
        .map(|number| (format!("s{number}"), active(false)))
        .collect();
    let (_, effect) = effect(&Persons::default(), &many, false, told(10), false, &ByFlag);
    assert_eq!(effect.locks.count, MOST_NAMED as u64 + 5);
    assert_eq!(effect.locks.named.len(), MOST_NAMED);
}

/// A deadline passed while the registry was silent: its news lock, whatever the rows say.
#[test]
fn file_that_ends_a_silence_counts_persons_of_whom_nothing_changes() {
    struct AfterDeadline;
    impl Judge for AfterDeadline {
        fn standing(&self, _: &str, _: Option<&RegistryFacts>, moment: Moment) -> Standing {
            match moment {
                Moment::Before => Standing::Open,
                Moment::After => Standing::Closed(Refusal::NotActive),
            }
        }
    }
    let known = known(&[("anna", active(true)), ("bo", active(true))]);
    let file = rows(&[("anna", active(true))]);
    let (changing, effect) = effect(&known, &file, false, told(10), true, &AfterDeadline);
    assert!(changing.is_empty());
    assert_eq!(effect.counts().locks, 2);
}
