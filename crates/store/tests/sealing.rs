//! NT hashes and CHAP secrets on disk: sealed, and never lost without a word.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on panics"
)]

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use portvakt_auth::account::{Account, Kind, Password, PasswordKind};
use portvakt_auth::chap::ChapSecret;
use portvakt_auth::mschap::NtHash;
use portvakt_auth::name::AccountId;
use portvakt_auth::password::PasswordHash;
use portvakt_sealing::{SealingError, SealingKey};
use portvakt_store::{
    AccountStore as _, AttemptStore as _, DataFolder, SqliteStore, Store as _, StoreError,
};
use rusqlite::{Connection, params};

/// The NT hashes of "first" and "second", and a CHAP secret in base64 as its account is serialised.
const CHAP_SECRET: &str = "never-a-person's";
const CHAP_SECRET_STORED: &str = "bmV2ZXItYS1wZXJzb24ncw==";

fn nt_hash(password: &str) -> NtHash {
    NtHash::of_password(password)
}

fn account(name: &str) -> Account {
    Account::new(AccountId::new(name).unwrap(), Kind::Service)
}

/// Has had two passwords, with their NT hashes, and has a CHAP secret.
fn account_with_secrets(name: &str) -> Account {
    let mut account = account(name);
    for secret in ["first", "second"] {
        let hash = format!("{{SHA}}{}", "A".repeat(27) + "=");
        let password = Password {
            hash: PasswordHash::parse(&hash).unwrap(),
            changed_at: Timestamp::UNIX_EPOCH,
            kind: PasswordKind::Permanent,
        };
        account.set_credentials(password, Some(nt_hash(secret)));
    }
    let secret = ChapSecret::new(CHAP_SECRET.as_bytes()).unwrap();
    account.set_legacy_chap_secret(Some(secret));
    account
}

fn open(dir: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(DataFolder::take(dir)?, None)
}

fn stored(store: &SqliteStore) -> Vec<Account> {
    let mut found = Vec::new();
    store.accounts(&mut |account| found.push(account)).unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    found
}

fn put(store: &SqliteStore, account: &Account) {
    store.put_accounts(&[account.clone().into()]).unwrap();
}

fn why_not(dir: &Path) -> StoreError {
    open(dir).err().expect("should not open")
}

/// Everything in the folder but the key.
fn octets_on_disk(dir: &Path) -> Vec<u8> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.file_name().unwrap() != "sealing.key");
    files.flat_map(|path| fs::read(path).unwrap()).collect()
}

fn holds(octets: &[u8], text: &str) -> bool {
    octets
        .windows(text.len())
        .any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

fn assert_no_secret_in(octets: &[u8]) {
    for password in ["first", "second"] {
        assert!(!holds(octets, &nt_hash(password).reveal()), "{password}");
    }
    assert!(!holds(octets, CHAP_SECRET));
    assert!(!holds(octets, CHAP_SECRET_STORED));
}

/// As the version before sealing made it.
fn old_database(dir: &Path, accounts: &[Account]) {
    let connection = Connection::open(dir.join("portvakt.db")).unwrap();
    connection
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    let tables = "
        CREATE TABLE locks (account TEXT PRIMARY KEY, failures INTEGER NOT NULL,
            last_failure_ms INTEGER NOT NULL, locked_until_ms INTEGER,
            revision INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE attempts (sequence INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,
            account TEXT NOT NULL, outcome TEXT NOT NULL, client TEXT NOT NULL,
            service TEXT NOT NULL, method TEXT NOT NULL, calling_station TEXT,
            operator_name TEXT, outer_identity TEXT);
        CREATE INDEX attempts_by_account ON attempts (account, time_ms);
        CREATE INDEX attempts_by_time ON attempts (time_ms);
        CREATE TABLE accounts (id TEXT PRIMARY KEY, revision INTEGER NOT NULL,
            body TEXT NOT NULL);
        INSERT INTO attempts VALUES (1, 1000, 'anna', 'accept', 'ap', 'eduroam', 'pap', NULL,
            NULL, NULL);
        PRAGMA user_version = 1;";
    connection.execute_batch(tables).unwrap();
    for account in accounts {
        let body = serde_json::to_string(account).unwrap();
        let row = params![account.id.as_str(), body];
        connection
            .execute("INSERT INTO accounts VALUES (?1, 1, ?2)", row)
            .unwrap();
    }
}

#[test]
fn secrets_are_nowhere_on_disk_in_the_clear_and_come_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let accounts = [account("anna"), account_with_secrets("printer")];
    accounts.iter().for_each(|account| put(&store, account));
    assert_no_secret_in(&octets_on_disk(dir.path()));
    store.close();
    assert_no_secret_in(&octets_on_disk(dir.path()));
    assert_eq!(stored(&open(dir.path()).unwrap()), accounts);
}

#[test]
fn secret_that_was_taken_away_stays_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    put(&store, &account_with_secrets("printer"));
    put(&store, &account("printer"));
    store.close();
    assert_eq!(stored(&open(dir.path()).unwrap()), [account("printer")]);
}

#[test]
fn database_from_before_sealing_is_sealed_and_scrubbed_when_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = [account("anna"), account_with_secrets("printer")];
    old_database(dir.path(), &accounts);
    let before = octets_on_disk(dir.path());
    assert!(holds(&before, &nt_hash("first").reveal()) && holds(&before, CHAP_SECRET_STORED));

    let store = open(dir.path()).unwrap();
    assert_eq!(stored(&store), accounts);
    assert_no_secret_in(&octets_on_disk(dir.path()));
    let attempts = store.last_attempts(&accounts[0].id, 9).unwrap();
    assert_eq!(attempts.len(), 1);
    store.close();
    assert_eq!(stored(&open(dir.path()).unwrap()), accounts);
}

#[test]
fn sealing_that_was_cut_short_is_finished_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = [account("anna"), account_with_secrets("printer")];
    old_database(dir.path(), &accounts);
    fs::write(dir.path().join("sealing.key"), "no key at all").unwrap();
    // The tables are changed, and then the key turns out to be none.
    assert!(matches!(
        why_not(dir.path()),
        StoreError::Sealing(SealingError::Malformed { .. })
    ));
    fs::remove_file(dir.path().join("sealing.key")).unwrap();
    assert_eq!(stored(&open(dir.path()).unwrap()), accounts);
    assert_no_secret_in(&octets_on_disk(dir.path()));
}

#[test]
fn missing_key_is_told_and_never_replaced_while_something_is_sealed_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (key, away) = (dir.path().join("sealing.key"), dir.path().join("away"));
    let store = open(dir.path()).unwrap();
    put(&store, &account_with_secrets("printer"));
    store.close();
    fs::rename(&key, &away).unwrap();
    for _ in 0..2 {
        let error = why_not(dir.path());
        assert!(matches!(error, StoreError::SealingKeyMissing { .. }));
        assert!(error.to_string().contains(key.to_str().unwrap()), "{error}");
        assert!(!key.exists());
    }
    fs::rename(&away, &key).unwrap();
    let store = open(dir.path()).unwrap();
    assert_eq!(stored(&store), [account_with_secrets("printer")]);
}

#[test]
fn key_that_can_not_be_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    // A folder in its place: root could read any file.
    fs::create_dir(dir.path().join("sealing.key")).unwrap();
    let error = why_not(dir.path());
    assert!(matches!(error, StoreError::SealingKeyUnusable { .. }));
    assert!(error.to_string().contains("sealing.key"), "{error}");
}

#[test]
fn wrong_key_is_told_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("sealing.key");
    let store = open(dir.path()).unwrap();
    put(&store, &account_with_secrets("printer"));
    store.close();
    let right = fs::read(&key).unwrap();
    fs::write(&key, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").unwrap();
    let error = why_not(dir.path());
    assert!(
        matches!(error, StoreError::SealingKeyWrong { .. }),
        "{error}"
    );
    fs::write(&key, right).unwrap();
    let store = open(dir.path()).unwrap();
    assert_eq!(stored(&store), [account_with_secrets("printer")]);
}

#[test]
fn database_without_secrets_opens_under_a_new_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    put(&store, &account("anna"));
    store.close();
    fs::remove_file(dir.path().join("sealing.key")).unwrap();
    assert_eq!(stored(&open(dir.path()).unwrap()), [account("anna")]);
}

#[test]
fn key_kept_elsewhere_is_used_and_none_is_made_in_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let text = b"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
    let key = || SealingKey::parse(Path::new("/elsewhere/key"), text).ok();
    let store = SqliteStore::open(DataFolder::take(dir.path()).unwrap(), key()).unwrap();
    put(&store, &account_with_secrets("printer"));
    store.close();
    assert!(!dir.path().join("sealing.key").exists());
    assert!(matches!(
        why_not(dir.path()),
        StoreError::SealingKeyMissing { .. }
    ));
    let store = SqliteStore::open(DataFolder::take(dir.path()).unwrap(), key()).unwrap();
    assert_eq!(stored(&store), [account_with_secrets("printer")]);
}

#[test]
fn row_under_another_name_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    put(&store, &account_with_secrets("printer"));
    put(&store, &account("anna"));
    store.close();
    let connection = Connection::open(dir.path().join("portvakt.db")).unwrap();
    let steal = "UPDATE accounts SET sealed = (SELECT sealed FROM accounts WHERE id = 'printer')
                 WHERE id = 'anna'";
    assert_eq!(connection.execute(steal, []).unwrap(), 1);
    drop(connection);
    // The start tries the key on one row, whichever comes first; reading tries it on each.
    let error = open(dir.path()).and_then(|store| store.accounts(&mut |_| {}));
    assert!(error.is_err());
}

#[test]
fn removed_account_is_gone_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    put(&store, &account("anna"));
    put(&store, &account("bo"));
    store.remove_account(&account("anna").id).unwrap();
    store.close();
    assert_eq!(stored(&open(dir.path()).unwrap()), [account("bo")]);
}
