//! What a look-up may be told, and when; the ways of keeping a mirror are tried with real servers.

use portvakt_auth::account::{Account, Kind};

use super::*;

fn id(number: u8) -> EntryId {
    EntryId::from_octets(&[number; 16]).unwrap()
}

fn account(name: &str) -> Arc<Account> {
    taken_in(Account::new(AccountId::new(name).unwrap(), Kind::Employee))
}

fn mirror_of(names: &[&str], max_age: Duration) -> Mirror {
    let table = Table::default();
    for (number, name) in (1..).zip(names) {
        table.put(id(number), account(name));
    }
    let mirror = Mirror::new(max_age);
    mirror.restore(table, Timestamp::now());
    mirror
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn mirror_that_has_not_had_all_knows_nobody() {
    let mirror = Mirror::new(DAY);
    assert_eq!(mirror.find("anna"), Mirrored::Unsure);
    assert_eq!(mirror.reading().state, MirrorState::Loading);
}

#[test]
fn name_that_is_not_there_is_nobodys_only_while_the_directory_tells_of_changes() {
    let mirror = mirror_of(&["anna"], DAY);
    assert_eq!(mirror.find("bo"), Mirrored::Unsure);
    assert_eq!(mirror.reading().state, MirrorState::Away);
    mirror.link();
    assert_eq!(mirror.find("bo"), Mirrored::Nobody);
    assert_eq!(mirror.reading().state, MirrorState::Current);
    mirror.not_understood.store(1, Ordering::Relaxed);
    assert_eq!(mirror.find("bo"), Mirrored::Unsure);
}

#[test]
fn account_is_found_while_the_directory_is_away_up_to_the_age_and_not_beyond() {
    let second = Duration::from_secs(1);
    for (max_age, expected) in [
        (2 * DAY, Mirrored::Account(account("anna"))),
        (DAY - second, Mirrored::Unsure),
    ] {
        let mirror = Mirror::new(max_age);
        let table = Table::default();
        table.put(id(1), account("anna"));
        mirror.restore(table, Timestamp::now() - DAY);
        assert_eq!(mirror.find("anna"), expected);
        // Not even if the directory says that it is there, as long as it has not told all.
        mirror.link();
        assert_eq!(mirror.find("anna"), expected);
        mirror.hear();
        assert_eq!(mirror.find("anna"), Mirrored::Account(account("anna")));
    }
}

#[test]
fn journal_of_a_clock_that_went_backwards_counts_as_new() {
    let mirror = Mirror::new(DAY);
    mirror.restore(Table::default(), Timestamp::now() + DAY);
    assert!(mirror.is_in_use());
    assert!(mirror.age().unwrap() < DAY);
}

/// P2.
#[test]
fn name_of_two_entries_is_told_as_such() {
    let mirror = mirror_of(&["anna", "anna"], DAY);
    assert_eq!(mirror.find("anna"), Mirrored::Ambiguous);
}

#[test]
fn only_what_matters_to_a_log_on_is_told_of() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let mirror = Mirror::new(DAY);
    let list = Arc::clone(&told);
    mirror.on_change(Box::new(move |id| {
        list.lock().unwrap().push(id.to_string())
    }));
    let old = account("anna");
    let changed = |change: fn(&mut Account)| {
        let mut new = Account::clone(&old);
        change(&mut new);
        new
    };
    mirror.tell(
        &old,
        Some(&changed(|new| {
            new.mail = Some("a@campus.example".to_owned())
        })),
    );
    assert_eq!(told.lock().unwrap().len(), 0);
    mirror.tell(&old, Some(&changed(|new| new.credential_version = 1)));
    mirror.tell(
        &old,
        Some(&changed(|new| new.expires = Some(Timestamp::UNIX_EPOCH))),
    );
    mirror.tell(&old, None);
    assert_eq!(*told.lock().unwrap(), ["anna"; 3]);
}
