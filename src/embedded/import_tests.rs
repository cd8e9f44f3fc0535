//! Imports into the embedded directory.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use portvakt_directory::attributes::AttributeMap;
use portvakt_directory::import::*;
use portvakt_store::{DataFolder, SqliteStore};

use super::*;

struct Site {
    directory: Embedded,
    store: Arc<SqliteStore>,
    _folder: tempfile::TempDir,
}

fn site() -> Site {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::take(folder.path()).unwrap();
    let store = Arc::new(SqliteStore::open(data, None).unwrap());
    Site {
        directory: Embedded::open(store.clone()).unwrap(),
        store,
        _folder: folder,
    }
}

impl Site {
    fn run(&self, text: &str, keep_going: bool) -> Result<ImportReport, ImportErrors> {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let options = ImportOptions {
            source: "people.ldif",
            keep_going,
            write_nt_hashes: false,
            hash_cleartext: None,
            now,
            clock: &Instant::now,
        };
        import(
            &self.directory,
            text.as_bytes(),
            &AttributeMap::default(),
            options,
            &mut |_| (),
        )
    }

    fn names(&self) -> Vec<String> {
        let accounts = self.directory.list().unwrap();
        accounts
            .iter()
            .map(|account| account.id.to_string())
            .collect()
    }

    /// Messages of a refused import, line by line.
    fn refused(&self, text: &str) -> Vec<String> {
        let before = self.directory.list();
        let error = self.run(text, false).unwrap_err();
        assert_eq!(
            self.directory.list(),
            before,
            "a refused import changed something"
        );
        error.to_string().lines().map(str::to_owned).collect()
    }
}

/// A guest of this name, with further lines.
fn guest(name: &str, lines: &str) -> String {
    format!("dn: uid={name}\nuid: {name}\neduPersonPrimaryAffiliation: affiliate\n{lines}\n")
}

#[test]
fn report_tells_new_changed_and_unchanged() {
    let site = site();
    let text = guest("anna", "") + &guest("bo", "") + "dn: ou=people\nou: people\n";
    let report = site.run(&text, false).unwrap();
    let expected = ImportReport {
        created: 2,
        not_accounts: 1,
        ..ImportReport::default()
    };
    assert_eq!(report, expected);

    let hash = "userPassword: {SSHA}aPqqnTf4CqJXu1koaWaZHdf/rnpwb3J0dmFrdA==\n";
    let text = guest("anna", "") + &guest("bo", hash) + &guest("cia", "");
    let report = site.run(&text, false).unwrap();
    let expected = ImportReport {
        created: 1,
        changed: 1,
        unchanged: 1,
        passwords_changed: 1,
        ..ImportReport::default()
    };
    assert_eq!(report, expected);
}

#[test]
fn accounts_that_the_file_does_not_name_stay() {
    let site = site();
    site.run(&guest("anna", ""), false).unwrap();
    site.run(&guest("bo", ""), false).unwrap();
    assert_eq!(site.names(), ["anna", "bo"]);
}

#[test]
fn broken_line_is_told_with_file_line_attribute_and_reason_and_nothing_is_imported() {
    let site = site();
    let text = guest("anna", "") + &guest("bo", "userPassword: secret-word\nschacExpiryDate: x\n");
    let told = site.refused(&text);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("people.ldif:8: userPassword: the password is in clear text"));
    assert!(told[1].starts_with("people.ldif:9: schacExpiryDate: this is no generalized time"));
    assert_eq!(told[2], "nothing was imported");
    assert!(!told.concat().contains("secret-word"));

    let told = site.refused(&(guest("anna", "") + "dn: uid=bo\nuid:: %%\n"));
    assert!(told[0].starts_with("people.ldif:6: uid: the value after `::` is not base64"));
}

#[test]
fn with_keep_going_the_rest_is_imported_and_the_problems_are_reported() {
    let site = site();
    let text = guest("anna", "")
        + "dn: uid=bo\nbroken\n\n"
        + &guest("cia", "portvaktVlan:\n")
        + &guest("dag", "");
    let report = site.run(&text, true).unwrap();
    assert_eq!(site.names(), ["anna", "dag"]);
    assert_eq!((report.created, report.problems.total), (2, 2));
    assert_eq!(report.problems.listed[0].line, 6);
}

/// P2.
#[test]
fn two_records_with_one_name_are_refused_with_both_lines() {
    let site = site();
    let told = site.refused(&(guest("anna", "") + &guest("Anna", "")));
    assert_eq!(
        told[0],
        "people.ldif:5: the name anna is already that of the record in line 1"
    );
    let told = site.refused(&(guest("anna", "portvaktAlias: bo\n") + &guest("bo", "")));
    assert_eq!(
        told[0],
        "people.ldif:6: the name bo is already that of the record in line 1"
    );
}

/// P2: who of the two would get in is not for us to choose.
#[test]
fn with_keep_going_neither_of_two_records_with_one_name_is_imported() {
    let site = site();
    let text = guest("anna", "") + &guest("anna", "") + &guest("bo", "");
    assert_eq!(site.run(&text, true).unwrap().created, 1);
    assert_eq!(site.names(), ["bo"]);
}

#[test]
fn name_of_somebody_else_cannot_be_taken() {
    let site = site();
    site.run(&guest("anna", "portvaktAlias: s1\n"), false)
        .unwrap();
    let told = site.refused(&guest("s1", ""));
    assert_eq!(
        told[0],
        "people.ldif:1: the name s1 belongs to the account anna"
    );
    let told = site.refused(&guest("bo", "portvaktAlias: anna\n"));
    assert_eq!(
        told[0],
        "people.ldif:1: the name anna belongs to the account anna"
    );
}

#[test]
fn alias_may_move_from_one_record_of_the_file_to_another() {
    let site = site();
    site.run(
        &(guest("anna", "portvaktAlias: s1\n") + &guest("bo", "")),
        false,
    )
    .unwrap();
    site.run(
        &(guest("anna", "") + &guest("bo", "portvaktAlias: s1\n")),
        false,
    )
    .unwrap();
    let owner = site
        .directory
        .find("s1", None)
        .wait(Instant::now())
        .unwrap()
        .unwrap();
    assert_eq!(owner.id.as_str(), "bo");
}

#[test]
fn record_left_out_keeps_its_names_from_others() {
    let site = site();
    site.run(&guest("anna", "portvaktAlias: s1\n"), false)
        .unwrap();
    // Both claims on `x` fall, so anna is not rewritten and s1 stays hers: bo falls too.
    let text = guest("anna", "portvaktAlias: x\n")
        + &guest("cia", "portvaktAlias: x\n")
        + &guest("bo", "portvaktAlias: s1\n");
    let report = site.run(&text, true).unwrap();
    assert_eq!((report.created, report.problems.total), (0, 2));
    assert_eq!(site.names(), ["anna"]);
}

#[test]
fn progress_ends_with_everything_written() {
    let site = site();
    let text: String = (0..2_500)
        .map(|number| guest(&format!("s{number}"), ""))
        .collect();
    let mut seen = Vec::new();
    let options = ImportOptions {
        source: "people.ldif",
        keep_going: false,
        write_nt_hashes: false,
        hash_cleartext: None,
        now: Timestamp::UNIX_EPOCH,
        clock: &Instant::now,
    };
    let map = AttributeMap::default();
    import(
        &site.directory,
        text.as_bytes(),
        &map,
        options,
        &mut |step| seen.push(step),
    )
    .unwrap();
    let octets = text.len() as u64;
    assert!(seen.contains(&Progress::Reading {
        octets,
        records: 2_500
    }));
    assert!(seen.contains(&Progress::Writing {
        done: 1_000,
        total: 2_500
    }));
    assert_eq!(
        seen.last(),
        Some(&Progress::Writing {
            done: 2_500,
            total: 2_500
        })
    );
}

#[test]
fn problems_beyond_the_bound_are_counted() {
    let site = site();
    let text: String = (0..1_500).map(|_| "dn: x\nbroken\n\n").collect();
    let told = site.refused(&text);
    assert_eq!(told.len(), 1_002);
    assert_eq!(told[1_000], "and 500 more problems");
}

#[test]
fn disk_that_refuses_is_told_and_nothing_shows() {
    let site = site();
    site.store.limit_pages(1);
    let text: String = (0..500)
        .map(|number| guest(&format!("s{number}"), ""))
        .collect();
    let error = site.run(&text, false).unwrap_err();
    assert!(
        matches!(error, ImportErrors::Write { written: 0, .. }),
        "{error}"
    );
    assert!(site.names().is_empty());
}

#[test]
fn every_cleartext_password_is_hashed_and_those_that_can_not_be_are_told_in_order() {
    use portvakt_auth::password::{HashMemory, PasswordHash};
    let site = site();
    let people: String = (0..200)
        .map(|number| {
            guest(
                &format!("s{number}"),
                &format!("userPassword: pass{number}\n"),
            )
        })
        .collect();
    let hash = |password: &[u8], _: &[&PasswordHash], scratch: &mut HashMemory| {
        let cost = match password {
            b"pass7" | b"pass150" => return PasswordHash::parse("{NONE}"),
            _ => portvakt_auth::password::Argon2Cost::new(8, 1, 1)?,
        };
        PasswordHash::hash_new(password, [1; 16], cost, scratch)
    };
    let mut seen = Vec::new();
    let options = ImportOptions {
        source: "people.ldif",
        keep_going: true,
        write_nt_hashes: false,
        hash_cleartext: Some(&hash),
        now: Timestamp::UNIX_EPOCH,
        clock: &Instant::now,
    };
    let map = AttributeMap::default();
    let report = import(
        &site.directory,
        people.as_bytes(),
        &map,
        options,
        &mut |step| {
            if let Progress::Hashing { done, total } = step {
                seen.push((done, total));
            }
        },
    );
    let report = report.unwrap();
    let lines: Vec<_> = report
        .problems
        .listed
        .iter()
        .map(|problem| problem.line)
        .collect();
    assert_eq!((lines.len(), report.created), (2, 198));
    assert!(lines[0] < lines[1]);
    assert_eq!(seen, (1..=200).map(|done| (done, 200)).collect::<Vec<_>>());
    let accounts = site.directory.list().unwrap();
    let mut scratch = HashMemory::new();
    for account in accounts {
        let password = format!("pass{}", &account.id.as_str()[1..]);
        let hash = &account.password.as_ref().unwrap().hash;
        assert!(
            hash.is_of_imported(password.as_bytes(), &mut scratch)
                .unwrap()
        );
    }
}

const HASH: &str = "{SSHA}aPqqnTf4CqJXu1koaWaZHdf/rnpwb3J0dmFrdA==";

fn with_password(name: &str, stored: &str) -> String {
    guest(name, &format!("userPassword: {stored}\n"))
}

#[test]
fn account_whose_record_is_left_out_is_said_to_stay_as_it_was() {
    let site = site();
    let before = with_password("anna", HASH) + &with_password("bo", HASH);
    site.run(&before, false).unwrap();
    site.run(&guest("bo", "portvaktSuspended: abuse\n"), false)
        .unwrap();
    let wrong = with_password("anna", "{MD5}rL0Y20zC+Fzt72VPzMSk2A==")
        + &with_password("bo", "in clear text")
        + &guest("new", "schacExpiryDate: x\n");
    let report = site.run(&wrong, true).unwrap();
    let told: Vec<_> = report
        .as_they_were
        .listed
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "people.ldif:1: anna stays as it was: open",
            "people.ldif:6: bo stays as it was: closed"
        ]
    );
}

#[test]
fn locked_passwords_and_kept_ones_are_counted() {
    let site = site();
    let all = ["anna", "bo", "cia"].map(|name| with_password(name, HASH));
    site.run(&all.concat(), false).unwrap();
    let text = with_password("anna", "{crypt}*Locked") + &guest("bo", "") + &guest("dag", "");
    let report = site.run(&text, false).unwrap();
    let counted = (report.passwords_locked, report.passwords_kept);
    assert_eq!(counted, (1, 1));
}

#[test]
fn file_without_any_account_is_refused_in_words() {
    let nothing = "people.ldif: there is no entry in it: nothing was imported";
    let units = "people.ldif: 1 entry has no uid and can be nobody's account; nothing was imported";
    let elsewhere = "people.ldif: 2 entries have no uid and can be nobody's account, but \
                     samaccountname: if that is the user name, set user-name in \
                     [accounts.attributes]; nothing was imported";
    let cases = [
        ("", nothing),
        ("# comments alone\n", nothing),
        ("version: 1\n", nothing),
        ("dn: ou=people\nou: people\n", units),
        (
            "dn: cn=a\ncn: a\n\ndn: cn=b\ncn: b\nsAMAccountName: b\n",
            elsewhere,
        ),
    ];
    for (text, expected) in cases {
        let refused = site().run(text, true).unwrap_err().to_string();
        assert_eq!(refused, expected, "{text:?}");
    }
    let by_option = site().run("dn: uid=a\nuid;x-a: a\n", false).unwrap_err();
    assert!(by_option.to_string().contains("but uid;x-a"), "{by_option}");
}

#[test]
fn mark_of_a_closed_account_is_not_hashed_as_its_password() {
    use base64ct::{Base64, Encoding as _};
    use portvakt_auth::password::{Argon2Cost, HashMemory, PasswordHash};
    let site = site();
    let marks = [
        "LOCKED",
        "disabled",
        "-",
        "NOPASSWORD",
        "{CLEARTEXT}locked",
        "hun\u{200b}ter2",
    ];
    let digest = "md5:5f4dcc3b5aa765d61d8327deb882cf99";
    let people: String = std::iter::once(digest)
        .chain(marks)
        .enumerate()
        .map(|(number, mark)| {
            let value = Base64::encode_string(mark.as_bytes());
            guest(&format!("s{number}"), &format!("userPassword:: {value}\n"))
        })
        .collect();
    let hash = |password: &[u8], _: &[&PasswordHash], scratch: &mut HashMemory| {
        let cost = Argon2Cost::new(8, 1, 1)?;
        PasswordHash::hash_new(password, [1; 16], cost, scratch)
    };
    let options = ImportOptions {
        source: "people.ldif",
        keep_going: true,
        write_nt_hashes: false,
        hash_cleartext: Some(&hash),
        now: Timestamp::UNIX_EPOCH,
        clock: &Instant::now,
    };
    let map = AttributeMap::default();
    let people = people + &guest("anna", "userPassword: hunter2\n");
    let report = import(
        &site.directory,
        people.as_bytes(),
        &map,
        options,
        &mut |_| (),
    )
    .unwrap();
    assert_eq!(
        (report.problems.total, site.names()),
        (7, vec!["anna".to_owned()])
    );
}
