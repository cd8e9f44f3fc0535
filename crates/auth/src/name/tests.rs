use super::*;
use proptest::prelude::*;

fn parsed(name: &str) -> Result<(String, Option<String>), NameError> {
    let identifier = NetworkAccessIdentifier::parse(name.as_bytes())?;
    let realm = identifier.realm().map(|realm| realm.as_str().to_owned());
    Ok((identifier.user().to_owned(), realm))
}

fn realm(text: &str) -> Realm {
    Realm::parse(text).unwrap()
}

#[test]
fn every_spelling_of_a_name_is_one_account() {
    let id = AccountId::new("s123456").unwrap();
    for name in [
        "S123456",
        "s123456@campus.example",
        "S123456@CAMPUS.Example",
    ] {
        let identifier = NetworkAccessIdentifier::parse(name.as_bytes()).unwrap();
        assert_eq!(AccountId::new(identifier.user()), Ok(id.clone()), "{name}");
    }
}

#[test]
fn names_are_compared_composed_and_in_lower_case() {
    // ø, and å in two pieces.
    assert_eq!(
        AccountId::new("BJØRN.A\u{30a}S"),
        AccountId::new("bjørn.ås")
    );
    assert_eq!(
        parsed("KÅRE@Blå.Example").unwrap().1.as_deref(),
        Some("blå.example")
    );
    // The Kelvin sign is a K.
    assert_eq!(AccountId::new("\u{212a}ari"), AccountId::new("kari"));
}

#[test]
fn last_at_sign_begins_the_realm() {
    let both = |user: &str, realm: &str| Ok((user.to_owned(), Some(realm.to_owned())));
    assert_eq!(
        parsed("anna@campus.example"),
        both("anna", "campus.example")
    );
    assert_eq!(
        parsed("anna@home.example@campus.example"),
        both("anna@home.example", "campus.example")
    );
    assert_eq!(parsed("@campus.example"), both("", "campus.example"));
    assert_eq!(parsed("anna"), Ok(("anna".to_owned(), None)));
}

#[test]
fn empty_and_anonymous_users_are_anonymous() {
    for (name, anonymous) in [
        ("@a.example", true),
        ("Anonymous@a.example", true),
        ("anna@a.example", false),
    ] {
        let identifier = NetworkAccessIdentifier::parse(name.as_bytes()).unwrap();
        assert_eq!(identifier.is_anonymous(), anonymous, "{name}");
    }
}

#[test]
fn names_that_are_none_are_told_apart() {
    let long = format!("{}@campus.example", "a".repeat(240));
    let cases = [
        ("", NameError::Empty, "name-empty"),
        (long.as_str(), NameError::TooLong, "name-too-long"),
        ("anna berg@campus.example", NameError::Space, "name-space"),
        (" anna", NameError::Space, "name-space"),
        ("anna\u{a0}", NameError::Space, "name-space"),
        (
            "anna\0@campus.example",
            NameError::ControlCharacter,
            "name-control-character",
        ),
        (
            "anna\u{200b}@campus.example",
            NameError::ControlCharacter,
            "name-control-character",
        ),
        ("CAMPUS\\anna", NameError::DownLevel, "name-down-level"),
        (
            "host/pc1.campus.example",
            NameError::Machine,
            "name-machine",
        ),
        (
            "HOST/pc1@campus.example",
            NameError::Machine,
            "name-machine",
        ),
        (
            "anna@campus",
            NameError::Realm(RealmError::NoDot),
            "realm-no-dot",
        ),
        (
            "anna @campus",
            NameError::Realm(RealmError::NoDot),
            "realm-no-dot",
        ),
    ];
    for (name, error, label) in cases {
        assert_eq!(parsed(name), Err(error), "{name}");
        assert_eq!(error.label(), label);
    }
    assert_eq!(
        NetworkAccessIdentifier::parse(b"ann\xe5"),
        Err(NameError::NotUtf8)
    );
}

/// The letter grows from two octets to three.
#[test]
fn name_that_outgrows_the_attribute_when_normalised_is_too_long() {
    let growing = "\u{130}".repeat(100);
    assert_eq!(AccountId::new(&growing), Err(NameError::TooLong));
    let both = format!("{}@{}.example", "\u{130}".repeat(60), "\u{130}".repeat(60));
    assert_eq!(parsed(&both), Err(NameError::TooLong));
}

/// S2
#[test]
fn realms_that_cannot_exist_are_told_apart() {
    let long = format!("{}.example", "a".repeat(250));
    let cases = [
        ("", RealmError::Empty, "realm-empty"),
        (long.as_str(), RealmError::TooLong, "realm-too-long"),
        ("campus", RealmError::NoDot, "realm-no-dot"),
        (
            ".campus.example",
            RealmError::LeadingDot,
            "realm-leading-dot",
        ),
        (
            "campus.example.",
            RealmError::TrailingDot,
            "realm-trailing-dot",
        ),
        ("campus..example", RealmError::DoubleDot, "realm-double-dot"),
        ("campus.example ", RealmError::Space, "realm-space"),
        ("cam pus.example", RealmError::Space, "realm-space"),
        ("campus.example\t", RealmError::Space, "realm-space"),
        (
            "campus_wifi.example",
            RealmError::Character,
            "realm-character",
        ),
        ("campus.exa/mple", RealmError::Character, "realm-character"),
        ("campus.example\0", RealmError::Character, "realm-character"),
        (
            "cam\u{200b}pus.example",
            RealmError::Character,
            "realm-character",
        ),
        ("-campus.example", RealmError::Character, "realm-character"),
        ("campus-.example", RealmError::Character, "realm-character"),
    ];
    for (text, error, label) in cases {
        assert_eq!(Realm::parse(text), Err(error), "{text}");
        assert_eq!(error.label(), label);
    }
}

/// E9
#[test]
fn realm_is_below_itself_and_its_parents_only() {
    let campus = realm("campus.example");
    assert!(realm("Campus.Example").is_or_is_below(&campus));
    assert!(realm("student.campus.example").is_or_is_below(&campus));
    assert!(!campus.is_or_is_below(&realm("student.campus.example")));
    assert!(!realm("evilcampus.example").is_or_is_below(&campus));
    assert!(!realm("campus.example.net").is_or_is_below(&campus));
}

#[test]
fn names_and_realms_are_read_back_as_written() {
    let id: AccountId = serde_json::from_str("\"S123456\"").unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"s123456\"");
    assert!(serde_json::from_str::<AccountId>("\"\"").is_err());
    assert!(serde_json::from_str::<Realm>("\"campus\"").is_err());
    assert_eq!(
        serde_json::to_string(&realm("Campus.Example")).unwrap(),
        "\"campus.example\""
    );
}

proptest! {
    #[test]
    fn any_octets_are_parsed_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = NetworkAccessIdentifier::parse(&octets);
    }

    /// Otherwise one account could have two counts.
    #[test]
    fn normalising_twice_changes_nothing(name in "\\PC{1,40}(@\\PC{1,40}\\.[a-z]{2,3})?") {
        if let Ok(identifier) = NetworkAccessIdentifier::parse(name.as_bytes()) {
            let again = NetworkAccessIdentifier::parse(identifier.to_string().as_bytes());
            prop_assert_eq!(again, Ok(identifier));
        }
    }
}
