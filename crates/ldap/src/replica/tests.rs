//! Answers of the replica to a look-up; the ways of keeping a mirror are tried with real servers.

use portvakt_auth::account::{Account, Kind};

use portvakt_auth::AccountId;

use super::*;

fn id(number: u8) -> EntryId {
    EntryId::from_octets(&[number; 16]).unwrap()
}

fn account(name: &str) -> Arc<Account> {
    normalized(Account::new(AccountId::new(name).unwrap(), Kind::Employee))
}

fn mirror_of(names: &[&str], max_age: Duration) -> Replica {
    let table = Table::default();
    for (number, name) in (1..).zip(names) {
        table.put(id(number), account(name));
    }
    let replica = Replica::new(max_age);
    replica.restore(table, Timestamp::now());
    replica
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn mirror_that_has_not_had_all_knows_nobody() {
    let replica = Replica::new(DAY);
    assert_eq!(replica.find("anna"), ReplicaLookup::Unsure);
    assert_eq!(replica.status().state, ReplicaState::Loading);
}

#[test]
fn name_that_is_not_there_is_nobodys_only_while_the_directory_tells_of_changes() {
    let replica = mirror_of(&["anna"], DAY);
    assert_eq!(replica.find("bo"), ReplicaLookup::Unsure);
    assert_eq!(replica.status().state, ReplicaState::Away);
    replica.connection();
    assert_eq!(replica.find("bo"), ReplicaLookup::Nobody);
    assert_eq!(replica.status().state, ReplicaState::Current);
    replica.not_understood.store(1, Ordering::Relaxed);
    assert_eq!(replica.find("bo"), ReplicaLookup::Unsure);
}

#[test]
fn account_is_found_while_the_directory_is_away_up_to_the_age_and_not_beyond() {
    let second = Duration::from_secs(1);
    for (max_age, expected) in [
        (2 * DAY, ReplicaLookup::Account(account("anna"))),
        (DAY - second, ReplicaLookup::Unsure),
    ] {
        let replica = Replica::new(max_age);
        let table = Table::default();
        table.put(id(1), account("anna"));
        replica.restore(table, Timestamp::now() - DAY);
        assert_eq!(replica.find("anna"), expected);
        // Not even if the directory says that it is there, as long as it has not told all.
        replica.connection();
        assert_eq!(replica.find("anna"), expected);
        replica.touch();
        assert_eq!(
            replica.find("anna"),
            ReplicaLookup::Account(account("anna"))
        );
    }
}

#[test]
fn journal_of_a_clock_that_went_backwards_counts_as_new() {
    let replica = Replica::new(DAY);
    replica.restore(Table::default(), Timestamp::now() + DAY);
    assert!(replica.is_in_use());
    assert!(replica.age().unwrap() < DAY);
}

/// P2.
#[test]
fn name_of_two_entries_is_told_as_such() {
    let replica = mirror_of(&["anna", "anna"], DAY);
    assert_eq!(replica.find("anna"), ReplicaLookup::Ambiguous);
}

#[test]
fn only_what_matters_to_a_log_on_is_told_of() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let replica = Replica::new(DAY);
    let list = Arc::clone(&shown);
    replica.on_change(Box::new(move |id| {
        list.lock().unwrap().push(id.to_string())
    }));
    let old = account("anna");
    let changed = |change: fn(&mut Account)| {
        let mut new = Account::clone(&old);
        change(&mut new);
        new
    };
    replica.notify(
        &old,
        Some(&changed(|new| {
            new.mail = Some("a@campus.example".to_owned())
        })),
    );
    assert_eq!(shown.lock().unwrap().len(), 0);
    replica.notify(&old, Some(&changed(|new| new.credential_version = 1)));
    replica.notify(
        &old,
        Some(&changed(|new| new.expires = Some(Timestamp::UNIX_EPOCH))),
    );
    replica.notify(&old, None);
    assert_eq!(*shown.lock().unwrap(), ["anna"; 3]);
}
