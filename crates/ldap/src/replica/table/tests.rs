//! The table against a plain list of entries, searched from end to end.

use std::collections::BTreeMap;

use portvakt_auth::account::Kind;
use proptest::prelude::*;

use super::*;

fn id(number: u8) -> EntryId {
    EntryId::from_octets(&[number; 16]).unwrap()
}

fn in_replica(name: &str, aliases: &[&str]) -> Arc<Account> {
    let mut account = Account::new(AccountId::new(name).unwrap(), Kind::Employee);
    account.aliases = aliases.iter().copied().map(String::from).collect();
    normalized(account)
}

#[test]
fn account_is_found_by_every_name_in_every_spelling_it_is_normalised_to() {
    let table = Table::default();
    table.put(
        id(1),
        in_replica("Kari", &["KARI.Nordmann", "A\u{30a}se", "kari"]),
    );
    for name in ["kari", "kari.nordmann", "\u{e5}se"] {
        assert!(matches!(table.find(name), TableLookup::Found(_)), "{name}");
    }
    assert_eq!(table.find("Kari"), TableLookup::Nobody);
    assert_eq!(table.find("nobody"), TableLookup::Nobody);
}

/// P2.
#[test]
fn name_of_two_entries_is_nobodys_until_one_of_them_goes() {
    let table = Table::default();
    table.put(id(1), in_replica("kari", &["k"]));
    table.put(id(2), in_replica("knut", &["k"]));
    table.put(id(3), in_replica("kari", &[]));
    assert_eq!(table.find("k"), TableLookup::Ambiguous);
    assert_eq!(table.find("kari"), TableLookup::Ambiguous);
    assert!(matches!(table.find("knut"), TableLookup::Found(_)));
    table.remove(&id(1));
    assert_eq!(
        table.find("k"),
        TableLookup::Found(in_replica("knut", &["k"]))
    );
    let found = TableLookup::Found(in_replica("kari", &[]));
    assert_eq!(table.find("kari"), found);
}

#[test]
fn renamed_account_leaves_its_old_name_free() {
    let table = Table::default();
    table.put(id(1), in_replica("kari", &["k", "both"]));
    let old = table.put(id(1), in_replica("karin", &["both"]));
    assert_eq!(old, Some(in_replica("kari", &["k", "both"])));
    assert_eq!(table.find("kari"), TableLookup::Nobody);
    assert_eq!(table.find("k"), TableLookup::Nobody);
    for name in ["karin", "both"] {
        assert!(matches!(table.find(name), TableLookup::Found(_)), "{name}");
    }
    table.put(id(2), in_replica("kari", &[]));
    assert!(matches!(table.find("kari"), TableLookup::Found(_)));
    assert_eq!(table.len(), 2);
}

#[test]
fn alias_that_is_no_name_does_not_keep_the_account_out() {
    let table = Table::default();
    table.put(id(1), in_replica("kari", &["two words", "", "ok"]));
    let TableLookup::Found(found) = table.find("ok") else {
        panic!("not found")
    };
    assert_eq!(found.aliases, ["ok"]);
}

#[test]
fn reader_never_sees_a_name_lead_to_an_account_that_has_not_got_it() {
    let table = Table::default();
    table.put(id(1), in_replica("stays", &["moves"]));
    table.put(id(2), in_replica("other", &[]));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..5_000 {
                table.put(id(1), in_replica("stays", &[]));
                table.put(id(2), in_replica("other", &["moves"]));
                table.put(id(2), in_replica("other", &[]));
                table.put(id(1), in_replica("stays", &["moves"]));
            }
        });
        while !writer.is_finished() {
            assert!(matches!(table.find("stays"), TableLookup::Found(_)));
            if let TableLookup::Found(found) = table.find("moves") {
                assert!(has_name(&found, "moves"));
            }
        }
    });
}

#[derive(Clone, Debug)]
enum Change {
    Put(u8, String, Vec<String>),
    Remove(u8),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let name = || "[a-e]";
    let put = (0..6_u8, name(), proptest::collection::vec(name(), 0..3));
    let change = prop_oneof![
        3 => put.prop_map(|(id, name, aliases)| Change::Put(id, name, aliases)),
        1 => (0..6_u8).prop_map(Change::Remove),
    ];
    proptest::collection::vec(change, 0..40)
}

fn searched(list: &BTreeMap<u8, Arc<Account>>, name: &str) -> TableLookup {
    let mut found = list.values().filter(|entry| has_name(entry, name));
    match (found.next(), found.next()) {
        (None, _) => TableLookup::Nobody,
        (Some(entry), None) => TableLookup::Found(entry.clone()),
        _ => TableLookup::Ambiguous,
    }
}

proptest! {
    #[test]
    fn table_answers_as_a_plain_list_would(changes in changes()) {
        let table = Table::default();
        let mut list = BTreeMap::new();
        for change in changes {
            match change {
                Change::Put(number, name, aliases) => {
                    let aliases: Vec<_> = aliases.iter().map(String::as_str).collect();
                    let entry = in_replica(&name, &aliases);
                    prop_assert_eq!(table.put(id(number), entry.clone()), list.insert(number, entry));
                }
                Change::Remove(number) => {
                    prop_assert_eq!(table.remove(&id(number)), list.remove(&number));
                }
            }
            for name in ["a", "b", "c", "d", "e", "f"] {
                prop_assert_eq!(table.find(name), searched(&list, name));
            }
        }
        prop_assert_eq!(table.len(), list.len());
        list.keys().for_each(|number| drop(table.remove(&id(*number))));
        prop_assert!(table.names.is_empty());
    }
}
