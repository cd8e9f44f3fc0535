use super::*;
use crate::code::{Pin, ResetCode};
use portvakt_auth::Kind;
use portvakt_auth::password::Argon2Cost;
use std::convert::Infallible;

const RIGHT: &str = "0123-4567-89abc";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn kari() -> Account {
    Account {
        credential_version: 7,
        ..Account::new(AccountId::new("kari").unwrap(), Kind::Student)
    }
}

fn pepper() -> Pepper {
    Pepper::new(b"sixteen octets at least").unwrap()
}

fn hash(material: &[u8]) -> PasswordHash {
    let cost = Argon2Cost::new(64, 1, 1).unwrap();
    PasswordHash::hash_new(material, [3; 16], cost, &mut HashMemory::new()).unwrap()
}

fn new(account: &Account) -> NewOpening<'_> {
    let code = ResetCode::parse(RIGHT).unwrap();
    let pin = Pin::parse("0042").unwrap();
    NewOpening {
        account,
        kind: OpeningKind::Support,
        code: Some(hash(code.as_bytes())),
        pin: Some(hash(&pin.peppered(&pepper(), &account.id))),
        valid: Duration::from_secs(3600),
        by: "desk",
    }
}

fn begun(account: &Account) -> Opening {
    Opening::begin(None, new(account), at(0))
}

/// The opening as it is stored then, and the outcome.
fn offered(opening: &Opening, typed: &str) -> (Opening, Checked) {
    let mut stored = None;
    let reservation = opening.reserve(&kari(), at(1)).unwrap();
    let attempt = reservation.store(|opening, _| {
        stored = Some(opening.clone());
        Ok::<_, Infallible>(true)
    });
    let memory = &mut HashMemory::new();
    let checked = attempt
        .unwrap()
        .unwrap()
        .check(&Offered::parse(typed), Some(&pepper()), memory);
    (stored.unwrap(), checked.unwrap())
}

fn is_right(opening: &Opening, typed: &str) -> bool {
    matches!(offered(opening, typed).1, Checked::Right(_))
}

#[test]
fn code_and_pin_open_it_and_nothing_else_does() {
    let opening = begun(&kari());
    for typed in [RIGHT, "0042", "0123456789ABC"] {
        assert!(is_right(&opening, typed), "{typed}");
    }
    for typed in ["0123-4567-89abd", "0043", "4200", "", "hei"] {
        assert!(!is_right(&opening, typed), "{typed}");
    }
}

#[test]
fn pin_is_wrong_where_none_was_allowed_and_without_its_pepper() {
    let without = Opening {
        pin: None,
        ..begun(&kari())
    };
    assert!(!is_right(&without, "0042"));
    let reservation = begun(&kari()).reserve(&kari(), at(1)).unwrap();
    let attempt = reservation
        .store(|_, _| Ok::<_, Infallible>(true))
        .unwrap()
        .unwrap();
    let checked = attempt.check(&Offered::parse("0042"), None, &mut HashMemory::new());
    assert!(matches!(checked, Ok(Checked::Wrong)));
}

#[test]
fn wrong_tries_are_five_in_all_and_then_the_right_code_is_refused() {
    let mut opening = begun(&kari());
    for wrong in ["1111", "2222", "0123-4567-89abd", "x", "3333"] {
        let (stored, checked) = offered(&opening, wrong);
        assert!(matches!(checked, Checked::Wrong));
        opening = stored;
    }
    let refused = opening.reserve(&kari(), at(2));
    assert_eq!(refused.err(), Some(NotOpen::NoTries));
}

#[test]
fn nothing_is_compared_unless_the_try_was_stored() {
    let reservation = begun(&kari()).reserve(&kari(), at(1)).unwrap();
    let lost = reservation.store(|opening, replaced| {
        assert_eq!(
            (opening.revision, opening.tries_left, replaced),
            (2, TRIES - 1, 1)
        );
        Ok::<_, Infallible>(false)
    });
    assert!(lost.unwrap().is_none());
    let reservation = begun(&kari()).reserve(&kari(), at(1)).unwrap();
    assert!(reservation.store(|_, _| Err("disk")).is_err());
}

#[test]
fn opening_is_over_once_used_closed_ended_or_overtaken_by_a_change() {
    let opening = begun(&kari());
    let (_, Checked::Right(proven)) = offered(&opening, RIGHT) else {
        panic!("wrong");
    };
    let changed = Account {
        credential_version: 8,
        ..kari()
    };
    for (opening, account, now, expected) in [
        (proven.used(), kari(), at(2), NotOpen::Over),
        (opening.closed(), kari(), at(2), NotOpen::Over),
        (opening.clone(), kari(), at(3600), NotOpen::Ended),
        (opening.clone(), changed, at(2), NotOpen::CredentialChanged),
    ] {
        assert_eq!(opening.reserve(&account, now).err(), Some(expected));
    }
    assert_eq!(opening.is_open(&kari(), at(3599)), Ok(()));
    assert_eq!((proven.used().code, opening.closed().pin), (None, None));
}

#[test]
fn each_change_has_the_next_revision() {
    let opening = begun(&kari());
    let (reserved, Checked::Right(proven)) = offered(&opening, RIGHT) else {
        panic!("wrong");
    };
    let revisions = [
        opening.revision,
        reserved.revision,
        proven.used().revision,
        proven.reopened().revision,
    ];
    assert_eq!(revisions, [1, 2, 3, 4]);
    assert_eq!(proven.given_back().revision, 3);
    assert_eq!(proven.given_back().tries_left, TRIES);
    assert_eq!(proven.reopened().state, OpeningState::Open);
    assert_eq!(proven.reopened().tries_left, TRIES);
}

#[test]
fn newest_opening_takes_the_place_of_the_one_before() {
    let first = begun(&kari());
    let other = ResetCode::parse("zzzz-zzzz-zzzzz").unwrap();
    let kari = kari();
    let second = NewOpening {
        code: Some(hash(other.as_bytes())),
        ..new(&kari)
    };
    let second = Opening::begin(Some(&first), second, at(60));
    assert_eq!((second.revision, second.tries_left), (2, TRIES));
    assert_eq!(second.begun, [at(60), at(0)]);
    assert!(!is_right(&second, RIGHT));
    assert!(is_right(&second, "zzzz-zzzz-zzzzz"));
}

#[test]
fn beginnings_are_remembered_for_a_month_and_bounded() {
    let mut opening = begun(&kari());
    for minute in 1..100 {
        opening = Opening::begin(Some(&opening), new(&kari()), at(60 * minute));
    }
    assert_eq!(opening.begun.len(), MOST_BEGINNINGS);
    let later = Opening::begin(Some(&opening), new(&kari()), at(32 * 24 * 60 * 60));
    assert_eq!(later.begun.len(), 1);
}

#[test]
fn stored_form_comes_back_whole() {
    let opening = begun(&kari());
    let text = serde_json::to_string(&opening).unwrap();
    assert_eq!(serde_json::from_str::<Opening>(&text).unwrap(), opening);
    let shown = format!("{opening:?}");
    assert!(!shown.contains("argon2"), "{shown}");
}
