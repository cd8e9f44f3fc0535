//! Restarts, at every point at which a file can end.

use std::os::unix::fs::PermissionsExt as _;

use portvakt_auth::account::Kind;
use portvakt_auth::name::AccountId;
use tempfile::TempDir;

use super::super::table::TableLookup;
use super::*;

const SOURCE: &str = "dc=campus";

fn id(number: u8) -> EntryId {
    EntryId::from_octets(&[number; 16]).unwrap()
}

fn account(name: &str) -> Arc<Account> {
    let mut account = Account::new(AccountId::new(name).unwrap(), Kind::Student);
    account.aliases = vec![format!("{name}.alias")];
    normalized(account)
}

fn cursor(cookie: &str) -> SyncCursor {
    SyncCursor {
        method: "sync".to_owned(),
        server: None,
        cookie: cookie.as_bytes().to_vec(),
    }
}

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn opened(folder: &TempDir, source: &str) -> (Journal, Option<Restored>) {
    Journal::open(folder.path().join("mirror"), source.to_owned(), None).unwrap()
}

/// Two accounts whole; then one is changed, one removed, one added.
fn written(folder: &TempDir) {
    let (mut journal, restored) = opened(folder, SOURCE);
    assert!(restored.is_none());
    let table = Table::default();
    table.put(id(1), account("anna"));
    table.put(id(2), account("bo"));
    journal
        .rewrite(&table, Some(&cursor("1")), moment(1))
        .unwrap();
    journal.put(id(1), &account("annika")).unwrap();
    journal.last_contact(Some(&cursor("2")), moment(2)).unwrap();
    journal.remove(id(2)).unwrap();
    journal.put(id(3), &account("carl")).unwrap();
    journal.last_contact(Some(&cursor("3")), moment(3)).unwrap();
}

#[test]
fn file_of_an_earlier_release_is_read() {
    let folder = TempDir::new().unwrap();
    let anna = serde_json::to_string(&*account("anna")).unwrap();
    let lines = [
        r#"{"mirror":{"format":2,"source":"dc=campus"}}"#.to_owned(),
        format!(r#"{{"put":{{"id":"{:032x}","account":{anna}}}}}"#, 1),
        r#"{"heard":{"at":"1970-01-01T00:00:07Z","position":{"way":"sync","server":null,"mark":[49]}}}"#
            .to_owned(),
        String::new(),
    ];
    std::fs::write(folder.path().join("mirror"), lines.join("\n")).unwrap();
    let restored = opened(&folder, SOURCE).1.unwrap();
    assert_eq!(restored.cursor, Some(cursor("1")));
    assert_eq!(restored.last_contact, moment(7));
    assert_eq!(found(&restored), ["anna"]);
}

fn found(restored: &Restored) -> Vec<&'static str> {
    let all = ["anna", "annika", "bo", "carl"];
    let probe = |name: &&str| matches!(restored.table.find(name), TableLookup::Found(_));
    all.into_iter().filter(probe).collect()
}

#[test]
fn restart_finds_all_accounts_and_where_to_go_on() {
    let folder = TempDir::new().unwrap();
    written(&folder);
    let (_, restored) = opened(&folder, SOURCE);
    let restored = restored.unwrap();
    assert_eq!(found(&restored), ["annika", "carl"]);
    assert_eq!(restored.cursor, Some(cursor("3")));
    assert_eq!(restored.last_contact, moment(3));
}

#[test]
fn file_that_was_cut_off_anywhere_is_the_mirror_of_an_earlier_moment() {
    let folder = TempDir::new().unwrap();
    written(&folder);
    let path = folder.path().join("mirror");
    let whole = std::fs::read(&path).unwrap();
    let mut seen = Vec::new();
    for length in (0..whole.len()).step_by(3) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (mut journal, restored) = opened(&folder, SOURCE);
        let Some(restored) = restored else {
            continue;
        };
        let expected: &[&[&str]] = match restored.cursor.as_ref().unwrap().cookie.as_slice() {
            b"1" => &[&["anna", "bo"], &["annika", "bo"]],
            _ => &[&["annika", "bo"], &["annika"], &["annika", "carl"]],
        };
        assert!(
            expected.contains(&found(&restored).as_slice()),
            "at {length}"
        );
        seen.push(restored.last_contact.as_second());
        // What is added now is found behind it.
        journal.last_contact(Some(&cursor("9")), moment(9)).unwrap();
        assert_eq!(opened(&folder, SOURCE).1.unwrap().last_contact, moment(9));
    }
    seen.dedup();
    assert_eq!(seen, [1, 2]);
}

#[test]
fn damage_in_the_middle_loses_only_what_came_after() {
    let folder = TempDir::new().unwrap();
    written(&folder);
    let path = folder.path().join("mirror");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.contains("remove")).unwrap();
    std::fs::write(&path, text.replace(line, "{\"remove\":\u{fffd}")).unwrap();
    let restored = opened(&folder, SOURCE).1.unwrap();
    assert_eq!(
        (found(&restored), restored.last_contact),
        (vec!["annika", "bo"], moment(2))
    );
}

#[test]
fn mirror_of_another_source_is_not_ours() {
    let folder = TempDir::new().unwrap();
    written(&folder);
    let (journal, restored) = opened(&folder, "dc=other");
    assert!(restored.is_none() && journal.wants_rewrite());
}

#[test]
fn nobody_but_its_owner_may_read_the_file() {
    let folder = TempDir::new().unwrap();
    written(&folder);
    let mode = folder
        .path()
        .join("mirror")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn many_changes_make_it_be_written_anew() {
    let folder = TempDir::new().unwrap();
    let (mut journal, _) = opened(&folder, SOURCE);
    assert!(journal.wants_rewrite());
    let table = Table::default();
    table.put(id(1), account("anna"));
    journal.rewrite(&table, None, moment(1)).unwrap();
    assert!(!journal.wants_rewrite());
    let mut changes = 0;
    while !journal.wants_rewrite() {
        journal.put(id(1), &account("anna")).unwrap();
        changes += 1;
    }
    assert!(changes > 1_000, "after {changes}");
    journal.rewrite(&table, None, moment(2)).unwrap();
    let octets = folder.path().join("mirror").metadata().unwrap().len();
    assert!(octets < 2_000, "{octets}");
}

#[test]
fn disk_that_refuses_ends_the_changes_until_the_whole_is_written() {
    let folder = TempDir::new().unwrap();
    written(&folder);
    let (mut journal, restored) = opened(&folder, SOURCE);
    journal.file = Some(BufWriter::new(
        File::options().write(true).open("/dev/full").unwrap(),
    ));
    assert!(journal.last_contact(None, moment(7)).is_err());
    assert!(journal.wants_rewrite());
    journal.put(id(7), &account("dora")).unwrap();
    assert_eq!(opened(&folder, SOURCE).1.unwrap().last_contact, moment(3));
    journal
        .rewrite(&restored.unwrap().table, None, moment(8))
        .unwrap();
    assert_eq!(opened(&folder, SOURCE).1.unwrap().last_contact, moment(8));
}

#[test]
fn nt_hash_is_sealed_and_opens_with_the_same_key_alone() {
    use portvakt_auth::mschap::NtHash;

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mirror");
    let hash = NtHash::of_password("correct-horse-battery");
    let mut account = Account::clone(&account("anna"));
    account.nt_hash = Some(hash.clone());
    let table = Table::default();
    table.put(id(1), normalized(account));
    let [own, other] = ["own", "other"].map(|name| {
        let text = SealingKey::generate().unwrap();
        SealingKey::parse(name.as_ref(), &text).unwrap()
    });
    let open = |key: &SealingKey| Journal::open(path.clone(), SOURCE.to_owned(), Some(key.clone()));
    let (mut journal, _) = open(&own).unwrap();
    journal
        .rewrite(&table, Some(&cursor("1")), moment(1))
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(hash.reveal().as_str()));
    for (key, expected) in [(own, Some(hash)), (other, None)] {
        let restored = open(&key).unwrap().1.unwrap();
        // What can't be opened is to be read anew.
        assert_eq!(restored.cursor.is_some(), expected.is_some());
        let TableLookup::Found(found) = restored.table.find("anna") else {
            panic!("anna is not there")
        };
        assert_eq!(found.nt_hash, expected);
    }
}
