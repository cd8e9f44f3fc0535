//! One battery for every directory, and what the embedded one promises beyond it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use portvakt::embedded::Embedded;
use portvakt_auth::account::{Account, Kind};
use portvakt_auth::name::AccountId;
use portvakt_auth::password::{Argon2Cost, Checked, HashMemory, check};
use portvakt_auth::refusal::Refusal;
use portvakt_auth::rules::Rules;
use portvakt_auth::status::standing;
use portvakt_auth::{Admission, Guess, LockTable, Lockout, Subject, Tick};
use portvakt_directory::account_facts::argon2id;
use portvakt_directory::attributes::AttributeMap;
use portvakt_directory::import::{ImportOptions, ImportReport, import};
use portvakt_directory::{Directory, Found, WriteError};
use portvakt_store::{DataFolder, SqliteStore, Store as _};

/// Leave to compare a password.
fn admit(account: &Account) -> Admission {
    let guess = Guess {
        tag: 0,
        source: 0,
        arrived: Tick::START,
        refusal_leaves: Tick::START,
    };
    let table = LockTable::new(1);
    let admission = table.admit(account, guess, &Lockout::default(), Tick::START);
    admission.unwrap()
}

/// A directory under test, with whatever it needs to live.
trait Site {
    /// A directory in which the people of this LDIF are, and nobody else.
    fn with(people: &str) -> Self;
    fn directory(&self) -> &dyn Directory;
}

/// The embedded directory in a folder of its own.
struct EmbeddedSite {
    directory: Embedded,
    store: Arc<SqliteStore>,
    folder: tempfile::TempDir,
}

fn open(folder: &Path) -> Arc<SqliteStore> {
    let folder = DataFolder::take(folder).unwrap();
    Arc::new(SqliteStore::open(folder, None).unwrap())
}

impl Site for EmbeddedSite {
    fn with(people: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let directory = Embedded::open(store.clone()).unwrap();
        // A file without anybody is refused.
        if !people.is_empty() {
            fill(&directory, people);
        }
        Self {
            directory,
            store,
            folder,
        }
    }

    fn directory(&self) -> &dyn Directory {
        &self.directory
    }
}

impl EmbeddedSite {
    /// Ends as a process does and starts again.
    fn restarted(self) -> Self {
        let Self {
            directory,
            store,
            folder,
        } = self;
        drop(directory);
        store.close();
        let store = open(folder.path());
        Self {
            directory: Embedded::open(store.clone()).unwrap(),
            store,
            folder,
        }
    }
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn fill(directory: &dyn Directory, people: &str) -> ImportReport {
    let hash = argon2id(Argon2Cost::new(64, 1, 1).unwrap(), || [7; 16]);
    let options = ImportOptions {
        source: "people.ldif",
        keep_going: false,
        write_nt_hashes: false,
        hash_cleartext: Some(&hash),
        now: now(),
        clock: &Instant::now,
    };
    import(
        directory,
        people.as_bytes(),
        &AttributeMap::default(),
        options,
        &mut |_| (),
    )
    .unwrap()
}

fn find(directory: &dyn Directory, name: &str) -> Option<Arc<Account>> {
    directory.find(name, None).wait(Instant::now()).unwrap()
}

const PEOPLE: &str = "\
dn: ou=people,dc=campus,dc=example
objectClass: organizationalUnit
ou: people

dn: uid=Anna,ou=people,dc=campus,dc=example
uid: Anna
displayName:: w4VzZSBCw7hl
mail: anna@campus.example
mail: second@campus.example
eduPersonPrimaryAffiliation: student
userPassword: {SSHA}aPqqnTf4CqJXu1koaWaZHdf/rnpwb3J0dmFrdA==
pwdChangedTime: 20260815080000Z
portvaktAlias: S100001
portvaktInRegistry: TRUE
portvaktRegisteredTerm: 2026-autumn
portvaktFeePaidTerm: 2026-autumn

dn: cn=bo,ou=people,dc=campus,dc=example
eduPersonPrincipalName: bo@campus.example
eduPersonPrimaryAffiliation: employee
portvaktService: vpn
portvaktService: wired
";

fn account_is_found_by_its_name_and_by_its_alias<S: Site>() {
    let site = S::with(PEOPLE);
    let anna = find(site.directory(), "anna").unwrap();
    assert_eq!(anna.id, id("anna"));
    assert_eq!(find(site.directory(), "s100001").unwrap().id, anna.id);
    assert_eq!(find(site.directory(), "bo").unwrap().kind, Kind::Employee);
}

fn facts_of_an_account_are_understood<S: Site>() {
    let site = S::with(PEOPLE);
    let anna = find(site.directory(), "anna").unwrap();
    assert_eq!(anna.kind, Kind::Student);
    assert_eq!(anna.display_name.as_deref(), Some("Åse Bøe"));
    assert_eq!(anna.mail.as_deref(), Some("anna@campus.example"));
    let password = anna.password.as_ref().unwrap();
    assert_eq!(password.changed_at, "2026-08-15T08:00:00Z".parse().unwrap());
    assert!(
        standing(
            Subject::without_registry(&anna),
            "eduroam",
            &Rules::default(),
            now()
        )
        .is_ok()
    );
    let services = find(site.directory(), "bo").unwrap().services.clone();
    assert_eq!(services.unwrap(), ["vpn", "wired"]);
}

fn password_is_checked_against_the_stored_hash<S: Site>() {
    let site = S::with(PEOPLE);
    let anna = find(site.directory(), "anna").unwrap();
    let mut scratch = HashMemory::new();
    assert!(matches!(
        check(&anna, b"northern-lights", &mut scratch, &mut admit(&anna)),
        Ok(Checked::Proven(_))
    ));
    assert!(matches!(
        check(&anna, b"southern-lights", &mut scratch, &mut admit(&anna)),
        Ok(Checked::Wrong)
    ));
}

fn nobody_is_unknown_and_that_is_no_error<S: Site>() {
    let site = S::with(PEOPLE);
    assert_eq!(find(site.directory(), "nobody"), None);
    assert_eq!(find(site.directory(), ""), None);
    assert_eq!(find(site.directory(), "people"), None);
}

/// P2: names are never taken for filters, patterns or distinguished names.
fn names_that_try_the_directory_find_nobody<S: Site>() {
    let site = S::with(PEOPLE);
    let long = "a".repeat(10_240);
    let names = [
        "*",
        "a*",
        "anna)(uid=*",
        ")(uid=*",
        "\\00",
        "anna\0",
        "anna\\",
        "uid=anna",
        "аnna",
        "ａnna",
        "anna ",
        "anna@campus.example",
        "' OR 1=1 --",
        "anna%",
        "_nna",
        long.as_str(),
    ];
    for name in names {
        assert_eq!(find(site.directory(), name), None, "{name:?}");
    }
    assert!(
        find(site.directory(), "anna").is_some(),
        "and nothing broke"
    );
}

fn list_has_everybody_once_in_order<S: Site>() {
    let site = S::with(PEOPLE);
    let Some(accounts) = site.directory().list() else {
        return;
    };
    let names: Vec<_> = accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!(names, ["anna", "bo"]);
}

fn many_threads_find_at_once<S: Site>() {
    let site = S::with(PEOPLE);
    let directory = site.directory();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert!(find(directory, "anna").is_some());
                    assert!(find(directory, "nobody").is_none());
                }
            });
        }
    });
}

fn change_is_seen_at_once_where_changes_are_possible<S: Site>() {
    let site = S::with(PEOPLE);
    let Some(writer) = site.directory().writer() else {
        return;
    };
    writer
        .update(&id("bo"), |bo| bo.vlan = Some("staff".to_owned()))
        .unwrap();
    assert_eq!(
        find(site.directory(), "bo").unwrap().vlan.as_deref(),
        Some("staff")
    );
    let unknown = writer.update(&id("nobody"), |_| ());
    assert!(matches!(unknown, Err(WriteError::Unknown(name)) if name == id("nobody")));
}

macro_rules! battery {
    ($module:ident, $site:ty) => {
        battery!($module, $site:
            account_is_found_by_its_name_and_by_its_alias,
            facts_of_an_account_are_understood,
            password_is_checked_against_the_stored_hash,
            nobody_is_unknown_and_that_is_no_error,
            names_that_try_the_directory_find_nobody,
            list_has_everybody_once_in_order,
            many_threads_find_at_once,
            change_is_seen_at_once_where_changes_are_possible,
        );
    };
    ($module:ident, $site:ty: $($case:ident),* $(,)?) => {
        mod $module {
            $(#[test] fn $case() { super::$case::<$site>(); })*
        }
    };
}

battery!(embedded, super::EmbeddedSite);

#[test]
fn embedded_answers_at_once() {
    let site = EmbeddedSite::with(PEOPLE);
    assert!(matches!(
        site.directory.find("anna", None),
        Found::Account(_)
    ));
    assert!(matches!(
        site.directory.find("nobody", None),
        Found::Unknown
    ));
}

#[test]
fn accounts_are_there_after_a_restart() {
    let site = EmbeddedSite::with(PEOPLE);
    let before = site.directory.list().unwrap();
    let site = site.restarted();
    assert_eq!(site.directory.list().unwrap(), before);
    assert_eq!(find(&site.directory, "s100001").unwrap().id, id("anna"));
}

#[test]
fn alias_that_is_given_up_is_free_for_others() {
    let site = EmbeddedSite::with(PEOPLE);
    let writer = site.directory.writer().unwrap();
    let taken = writer.update(&id("bo"), |bo| bo.aliases.push("S100001".to_owned()));
    assert!(matches!(taken, Err(WriteError::NameTaken { owner, .. }) if owner == id("anna")));
    assert!(find(&site.directory, "bo").unwrap().aliases.is_empty());

    writer
        .update(&id("anna"), |anna| anna.aliases.clear())
        .unwrap();
    assert_eq!(find(&site.directory, "s100001"), None);
    writer
        .update(&id("bo"), |bo| bo.aliases.push("S100001".to_owned()))
        .unwrap();
    assert_eq!(find(&site.directory, "s100001").unwrap().id, id("bo"));
    let site = site.restarted();
    assert_eq!(find(&site.directory, "s100001").unwrap().id, id("bo"));
}

#[test]
fn alias_can_move_within_one_change() {
    let site = EmbeddedSite::with(PEOPLE);
    let account = |name: &str| Account::clone(&find(&site.directory, name).unwrap());
    let (mut anna, mut bo) = (account("anna"), account("bo"));
    bo.aliases = std::mem::take(&mut anna.aliases);
    site.directory
        .writer()
        .unwrap()
        .put(vec![bo, anna])
        .unwrap();
    assert_eq!(find(&site.directory, "s100001").unwrap().id, id("bo"));
}

#[test]
fn account_cannot_be_put_under_the_alias_of_another_nor_renamed() {
    let site = EmbeddedSite::with(PEOPLE);
    let writer = site.directory.writer().unwrap();
    let put = writer.put(vec![Account::new(id("s100001"), Kind::Guest)]);
    assert!(matches!(put, Err(WriteError::NameTaken { .. })));
    let renamed = writer.update(&id("bo"), |bo| bo.id = id("bob"));
    assert!(matches!(renamed, Err(WriteError::Renamed(_))));
    let spaced = writer.update(&id("bo"), |bo| bo.aliases.push("b o".to_owned()));
    assert!(matches!(spaced, Err(WriteError::Alias { .. })));
}

#[test]
fn batch_with_one_mistake_changes_nothing() {
    let site = EmbeddedSite::with(PEOPLE);
    let good = Account::new(id("good"), Kind::Guest);
    let bad = Account::new(id("s100001"), Kind::Guest);
    assert!(
        site.directory
            .writer()
            .unwrap()
            .put(vec![good, bad])
            .is_err()
    );
    assert_eq!(find(&site.directory, "good"), None);
    assert_eq!(find(&site.restarted().directory, "good"), None);
}

#[test]
fn change_that_the_disk_refuses_is_not_seen() {
    let site = EmbeddedSite::with(PEOPLE);
    site.store.limit_pages(1);
    let reason = "a".repeat(100_000);
    let writer = site.directory.writer().unwrap();
    let refused = writer.update(&id("bo"), |bo| bo.vlan = Some(reason));
    assert!(matches!(refused, Err(WriteError::Store(_))));
    assert_eq!(find(&site.directory, "bo").unwrap().vlan, None);
}

#[test]
fn changes_made_at_once_are_all_kept() {
    let site = EmbeddedSite::with(PEOPLE);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let writer = site.directory.writer().unwrap();
                for _ in 0..10 {
                    writer
                        .update(&id("bo"), |bo| bo.credential_version += 1)
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(
        find(&site.restarted().directory, "bo")
            .unwrap()
            .credential_version,
        80
    );
}

/// Each person of the demo is in the state that the comments of the file say.
#[test]
fn people_of_the_demo_are_as_described() {
    let site = EmbeddedSite::with(include_str!("../../config/demo.ldif"));
    let expected = [
        ("anna", "correct-horse-battery", None),
        ("kari", "granite-and-heather", None),
        ("gustav", "visiting-for-a-while", None),
        ("eduroam-test", "monitored-day-and-night", None),
        (
            "backup-node",
            "machine-to-machine-9",
            Some(Refusal::ServiceNotAllowed),
        ),
        ("ola", "forgot-to-pay-again", Some(Refusal::NotActive)),
        ("mona", "never-registered-yet", Some(Refusal::NotRegistered)),
        ("lars", "degree-in-my-pocket", Some(Refusal::Left)),
        ("siri", "shared-too-many-films", Some(Refusal::Suspended)),
        ("jonas", "lost-my-laptop-abroad", Some(Refusal::Deactivated)),
        (
            "ingrid",
            "same-as-last-decade",
            Some(Refusal::PasswordExpired),
        ),
        (
            "emil",
            "sent-by-sms-4711",
            Some(Refusal::TemporaryNotAllowed),
        ),
        ("astrid", "northern-lights", None),
        ("torstein", "fjord-and-fell", None),
    ];
    let mut scratch = HashMemory::new();
    // And the printer, which has no password.
    assert_eq!(site.directory.list().unwrap().len(), expected.len() + 1);
    for (name, password, refusal) in expected {
        let account = find(&site.directory, name).unwrap();
        let mut leave = admit(&account);
        let checked = check(&account, password.as_bytes(), &mut scratch, &mut leave);
        assert!(
            matches!(checked, Ok(Checked::Proven(_))),
            "{name}: {checked:?}"
        );
        let standing = standing(
            Subject::without_registry(&account),
            "eduroam",
            &Rules::default(),
            now(),
        );
        assert_eq!(standing.err(), refusal, "{name}");
    }
    let node = find(&site.directory, "backup-node").unwrap();
    assert!(
        standing(
            Subject::without_registry(&node),
            "vpn",
            &Rules::default(),
            now()
        )
        .is_ok()
    );
    let printer = find(&site.directory, "printer").unwrap();
    assert!(printer.password.is_none());
    assert!(
        standing(
            Subject::without_registry(&printer),
            "eduroam",
            &Rules::default(),
            now()
        )
        .is_ok()
    );
}

fn many_people(count: usize) -> String {
    let mut people = String::new();
    for number in 0..count {
        people += &format!(
            "dn: uid=s{number},ou=people,dc=campus,dc=example\n\
             objectClass: inetOrgPerson\nobjectClass: eduPerson\n\
             uid: s{number}\ncn: PersonEntry Number {number}\nsn: Number\n\
             displayName: PersonEntry Number {number}\nmail: person.{number}@campus.example\n\
             mobile: +47 {number:08}\neduPersonPrimaryAffiliation: student\n\
             userPassword: {{SSHA}}aPqqnTf4CqJXu1koaWaZHdf/rnpwb3J0dmFrdA==\n\
             pwdChangedTime: 20260815080000Z\nportvaktAlias: person.{number}\n\
             portvaktInRegistry: TRUE\nportvaktRegisteredTerm: 2026-autumn\n\
             portvaktFeePaidTerm: 2026-autumn\n\n"
        );
    }
    people
}

/// 5,000 accounts, or as many as `PORTVAKT_ACCOUNTS` says: for figures, run it in release mode with
/// `--nocapture`.
#[test]
fn thousands_are_imported_and_loaded() {
    let count = std::env::var("PORTVAKT_ACCOUNTS").map_or(5_000, |count| count.parse().unwrap());
    let people = many_people(count);
    let site = EmbeddedSite::with("");

    let start = Instant::now();
    assert_eq!(fill(&site.directory, &people).created, count);
    println!("import of {count}: {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(fill(&site.directory, &people).unchanged, count);
    println!("again, nothing changed: {:?}", start.elapsed());

    let start = Instant::now();
    let site = site.restarted();
    println!("load: {:?}", start.elapsed());

    let start = Instant::now();
    for number in 0..count {
        assert!(find(&site.directory, &format!("s{number}")).is_some());
    }
    println!(
        "look-up: {:?} each",
        start.elapsed() / u32::try_from(count).unwrap()
    );
}
