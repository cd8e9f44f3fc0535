//! Which directory is asked for whom, with directories that know one person each.

use std::path::Path;
use std::time::Instant;

use portvakt_auth::Kind;

use super::*;
use crate::config::{FileContent, Readers, Secret};
use portvakt_directory::Naming;

/// A directory that has Anna.
struct OneAnna {
    naming: Naming,
    anna: Arc<Account>,
}

impl Directory for OneAnna {
    fn find(&self, name: &str, _realm: Option<&Realm>) -> Found {
        match name {
            "anna" => Found::Account(Arc::clone(&self.anna)),
            _ => Found::Unknown,
        }
    }

    fn naming(&self) -> &Naming {
        &self.naming
    }
}

fn realm(name: &str) -> Realm {
    Realm::parse(name).unwrap()
}

fn open(name: &str, naming: Naming) -> OpenDirectory {
    let mut anna = Account::new(AccountId::new("anna").unwrap(), Kind::Employee);
    naming.make_full(&mut anna).unwrap();
    OpenDirectory {
        name: name.to_owned(),
        directory: Arc::new(OneAnna {
            naming,
            anna: Arc::new(anna),
        }),
    }
}

fn both() -> [OpenDirectory; 2] {
    let physics = realm("physics.campus.example");
    [
        open("campus", Naming::primary(std::slice::from_ref(&physics))),
        open("physics", Naming::with(&physics)),
    ]
}

fn config(lines: &str) -> Config {
    let text = format!(
        "realms = [\"campus.example\", \"physics.campus.example\", \"old.example\"]\n\
         [[client]]\nname = \"vpn\"\nnet = \"10.0.0.1\"\nsecret = \"sixteen octets or more\"\n\
         methods = [\"pap\"]\n{lines}"
    );
    let read = |_: &Path| {
        Ok(FileContent {
            octets: Secret::new(text.clone().into_bytes()),
            readers: Readers::Owner,
        })
    };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let loaded = Config::load(Path::new("portvakt.toml"), &|_| None, &read, now);
    loaded.unwrap_or_else(|problems| panic!("{problems}")).0
}

fn table(name: &str) -> String {
    format!(
        "[directory.{name}]\ntemplate = \"openldap\"\nservers = [\"ldaps://{name}.example\"]\n\
         base = \"dc=example\"\n"
    )
}

fn two_directories() -> Config {
    config(&format!(
        "[realm.\"campus.example\"]\ndirectory = \"campus\"\n\
         [realm.\"old.example\"]\ndirectory = \"campus\"\n\
         [realm.\"physics.campus.example\"]\ndirectory = \"physics\"\n\
         [realm.\"physics.campus.example\".lockout]\nattempts = 2\n{}{}",
        table("campus"),
        table("physics")
    ))
}

fn one_directory() -> Config {
    config(&table("campus"))
}

fn found(sources: &AccountSources, of: Option<&str>) -> Option<String> {
    let of = of.map(realm);
    let answer = sources
        .find("anna", of.as_ref())
        .wait(Instant::now())
        .unwrap();
    answer.map(|account| account.id.to_string())
}

#[test]
fn name_is_looked_up_in_the_directory_of_its_realm_and_in_no_other() {
    let sources = AccountSources::new(&two_directories(), &both(), None).unwrap();
    let (campus, physics) = ("anna", "anna@physics.campus.example");
    for (of, expected) in [
        (None, Some(campus)),
        (Some("campus.example"), Some(campus)),
        (Some("old.example"), Some(campus)),
        (Some("physics.campus.example"), Some(physics)),
        // Inside a tunnel, below the outer realm.
        (Some("students.campus.example"), Some(campus)),
        (Some("lab.physics.campus.example"), Some(physics)),
        (Some("elsewhere.example"), None),
        (Some("notphysics.campus.example"), Some(campus)),
    ] {
        assert_eq!(found(&sources, of).as_deref(), expected, "{of:?}");
    }
}

#[test]
fn account_lives_by_the_rules_of_its_directory_whatever_name_it_came_by() {
    let sources = AccountSources::new(&two_directories(), &both(), None).unwrap();
    let attempts = |id: &str| sources.rules(&AccountId::new(id).unwrap()).lockout.attempts;
    assert_eq!(attempts("anna"), 6);
    assert_eq!(attempts("anna@old.example"), 6);
    assert_eq!(attempts("anna@physics.campus.example"), 2);
}

#[test]
fn realm_whose_directory_is_not_open_is_served_by_no_other() {
    let [campus, _] = both();
    let open = [campus];
    let before = AccountSources::new(&one_directory(), &open, None).unwrap();
    let here =
        |sources: &AccountSources| sources.realms().map(Realm::to_string).collect::<Vec<_>>();
    assert_eq!(
        here(&before),
        ["campus.example", "physics.campus.example", "old.example"]
    );
    // A realm that was served stays where it was, and a new one waits.
    let kept = AccountSources::new(&two_directories(), &open, Some(&before)).unwrap();
    assert_eq!(here(&kept), here(&before));
    let waiting = AccountSources::new(&two_directories(), &open, None).unwrap();
    assert_eq!(here(&waiting), ["campus.example", "old.example"]);
    let nowhere = AccountSources::new(&two_directories(), &[], None);
    assert!(matches!(nowhere, Err(PolicyError::NoAccountSource)));
}

#[test]
fn realms_are_together_if_their_people_have_one_directory() {
    let sources = AccountSources::new(&two_directories(), &both(), None).unwrap();
    let share_source =
        |one: &str, other: &str| sources.share_source(Some(&realm(one)), Some(&realm(other)));
    assert!(share_source("campus.example", "old.example"));
    assert!(!share_source("campus.example", "physics.campus.example"));
    assert!(sources.share_source(None, Some(&realm("old.example"))));
    assert!(!share_source("elsewhere.example", "elsewhere.example"));
}
