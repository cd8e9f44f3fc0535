use super::*;
use portvakt_auth::StudiesEnd;

fn facts(in_registry: bool) -> RegistryFacts {
    RegistryFacts {
        in_registry,
        vanished_at: None,
        declared_active: None,
        first_term: None,
        paid: Box::default(),
        registered: Box::default(),
        end: StudiesEnd::Unstated,
    }
}

fn account(name: &str, kind: Kind, aliases: &[&str]) -> Account {
    Account {
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        ..Account::new(AccountId::new(name).unwrap(), kind)
    }
}

fn is_found(table: &RegistryTable, account: &Account) -> bool {
    table.of(account).view().facts.is_some()
}

#[test]
fn facts_are_found_by_the_name_of_a_student_alone() {
    let table = RegistryTable::default();
    table.put("anna", Some(facts(true)));
    assert!(is_found(&table, &account("anna", Kind::Student, &[])));
    assert!(!is_found(&table, &account("anna", Kind::Employee, &[])));
    assert!(!is_found(&table, &account("bo", Kind::Student, &["anna"])));
    table.put("anna", None);
    assert!(!is_found(&table, &account("anna", Kind::Student, &[])));
}

#[test]
fn student_number_is_another_name_of_accounts_of_the_primary_realm_alone() {
    let table = RegistryTable::default();
    table.set_by_alias(true);
    table.put("654321", Some(facts(true)));
    let ours = account("anna", Kind::Student, &["654321"]);
    let theirs = account("654321@physics.example", Kind::Student, &["654321"]);
    assert!(is_found(&table, &ours));
    assert!(!is_found(&table, &theirs));
}

#[test]
fn exemption_and_silence_go_along() {
    let table = RegistryTable::default();
    let until = Timestamp::from_second(1_800_000_000).unwrap();
    let anna = account("anna", Kind::Student, &[]);
    table.exempt(anna.id.clone(), Some(until));
    table.set_silent_from(Some(until));
    let entry = table.of(&anna);
    assert_eq!(entry.view().exempt_until, Some(until));
    assert_eq!(entry.view().silent_from, Some(until));
    table.exempt(anna.id.clone(), None);
    assert_eq!(table.of(&anna).view().exempt_until, None);
}
