use super::*;
use crate::account::{Account, Kind, Password, PasswordKind};
use crate::name::AccountId;
use crate::password::{Argon2Cost, PasswordHash};
use jiff::Timestamp;

fn checked(text: &str, with: ComparedWith<'_>) -> Result<String, UnfitPassword> {
    let policy = PasswordPolicy {
        site_words: vec!["Campus".to_owned(), "Fjellby".to_owned(), "NTU".to_owned()],
        ..PasswordPolicy::default()
    };
    policy
        .check(text, with)
        .map(|composed| composed.to_string())
}

fn outcome(text: &str) -> Option<UnfitPassword> {
    checked(text, ComparedWith::default()).err()
}

fn anna() -> Account {
    Account {
        display_name: Some("Anna Maria Nordmann-Østby".to_owned()),
        mail: Some("a.m.nordmann@campus.example".to_owned()),
        aliases: vec!["s100001@campus.example".to_owned()],
        ..Account::new(AccountId::new("anna").unwrap(), Kind::Student)
    }
}

#[test]
fn length_is_counted_in_code_points_of_the_composed_text() {
    let least = 15;
    for (text, expected) in [
        ("moss og kvist 7", None),
        ("moss og kvist7", Some(UnfitPassword::TooShort { least })),
        ("", Some(UnfitPassword::TooShort { least })),
        // Fourteen letters, two of them decomposed: sixteen code points as they came.
        (
            "bla\u{30a}ba\u{308}rsuppe kv",
            Some(UnfitPassword::TooShort { least }),
        ),
    ] {
        assert_eq!(outcome(text), expected, "{text:?}");
    }
    let long = |count: usize| {
        "ørret fanges lett i stille elver; "
            .chars()
            .cycle()
            .take(count)
    };
    let most: String = "x1".chars().chain(long(126)).collect();
    assert_eq!(outcome(&most), None);
    let beyond: String = "x1".chars().chain(long(127)).collect();
    assert_eq!(outcome(&beyond), Some(UnfitPassword::TooLong));
    assert_eq!(outcome(&"a1".repeat(1 << 20)), Some(UnfitPassword::TooLong));
}

#[test]
fn password_is_kept_composed_and_otherwise_as_it_came() {
    let kept = checked(
        "Mosen pa\u{30a} BERGET er  gro\u{308}nn ",
        ComparedWith::default(),
    );
    assert_eq!(kept.unwrap(), "Mosen på BERGET er  grönn ");
}

#[test]
fn no_kind_of_character_is_asked_for() {
    for text in [
        "moseogkvistellerbark",
        "730164928517364",
        "Ærfugl Østavind Åkerrikse",
    ] {
        assert_eq!(outcome(text), None, "{text}");
    }
}

#[test]
fn invisible_characters_are_refused() {
    for hidden in [
        '\t',
        '\0',
        '\u{7f}',
        '\u{85}',
        '\u{a0}',
        '\u{ad}',
        '\u{200b}',
        '\u{202e}',
        '\u{2028}',
        '\u{3000}',
        '\u{3164}',
        '\u{e000}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{10ffff}',
    ] {
        let text = format!("mose og{hidden}kvist og bark");
        assert_eq!(outcome(&text), Some(UnfitPassword::Invisible), "{hidden:?}");
    }
}

#[test]
fn common_passwords_and_their_compounds_are_refused() {
    for text in [
        "passwordpassword",
        "Password12345678",
        "PASSORD-sommer-2026!",
        "qwertyuiopasdfghjkl",
        "123456789012345",
        "iloveyou iloveyou",
        "blåbærblåbærblåbær",
        "ｐａｓｓｗｏｒｄ12345678",
        "correct horse battery",
        "123456789987654321",
    ] {
        assert_eq!(outcome(text), Some(UnfitPassword::Common), "{text}");
    }
    for text in [
        "dragonfly at 5 a.m.",
        "mye mose, lite passord",
        "moss-and-basalt-2026",
    ] {
        assert_eq!(outcome(text), None, "{text}");
    }
}

#[test]
fn names_of_owner_and_site_with_little_else_are_refused() {
    let anna = anna();
    let with = ComparedWith {
        account: Some(&anna),
        old: None,
    };
    for (text, expected) in [
        ("AnnaNordmannØstby", Some(UnfitPassword::OwnName)),
        ("nordmann-anna-77", Some(UnfitPassword::OwnName)),
        ("s100001-s100001-x", Some(UnfitPassword::OwnName)),
        ("campus-fjellby-9", Some(UnfitPassword::SiteWord)),
        ("nordmann på fisketur igjen", None),
        ("min campus er alltid våt", None),
        // A word of three letters is part of too many others.
        ("eventuntuntu mjød", None),
        // Little else, of the list.
        ("nordmannpassword12", Some(UnfitPassword::Common)),
    ] {
        assert_eq!(checked(text, with).err(), expected, "{text}");
    }
    assert_eq!(outcome("nordmann-anna-77"), None);
}

#[test]
fn small_edit_of_the_old_password_is_refused() {
    let old = Some("Mosen er blank 2026");
    let with = ComparedWith { account: None, old };
    for (text, expected) in [
        ("Mosen er blank 2026", Some(UnfitPassword::Same)),
        ("Mosen er blank 2027", Some(UnfitPassword::TooClose)),
        ("mosen er BLANK 2026", Some(UnfitPassword::TooClose)),
        ("2! Mosen er blank 2026", Some(UnfitPassword::TooClose)),
        ("Mosen er blank ", Some(UnfitPassword::TooClose)),
        ("Mosen er klam 1926", None),
        ("bark og kvist i vind", None),
    ] {
        assert_eq!(checked(text, with).err(), expected, "{text}");
    }
    let short = ComparedWith {
        account: None,
        old: Some("mose"),
    };
    assert_eq!(checked("mose og kvist og bark", short).err(), None);
    let beyond = "x".repeat(100_000);
    let long = ComparedWith {
        account: None,
        old: Some(&beyond),
    };
    assert_eq!(checked("mose og kvist og bark", long).err(), None);
}

#[test]
fn present_and_previous_passwords_are_told_from_new_ones() {
    let memory = &mut HashMemory::new();
    let cost = Argon2Cost::new(64, 1, 1).unwrap();
    let mut hashed = |text: &str| Password {
        hash: PasswordHash::hash_new(text.as_bytes(), [7; 16], cost.clone(), memory).unwrap(),
        changed_at: Timestamp::UNIX_EPOCH,
        kind: PasswordKind::Permanent,
    };
    let mut anna = anna();
    for text in ["den aller første", "den som kom så", "den som er her"] {
        anna.set_password(hashed(text));
    }
    for (text, expected) in [
        ("den som er her", Err(UnfitPassword::Same)),
        ("den som kom så", Err(UnfitPassword::Previous)),
        ("den aller første", Err(UnfitPassword::Previous)),
        ("den som aldri var", Ok(())),
    ] {
        assert_eq!(is_new(&anna, text, memory), Ok(expected), "{text}");
    }
}
