//! Imports of the student registry: in force whole, one after the other, taken back, settled.

use jiff::{SignedDuration, Timestamp};
use portvakt_registry::{Counts, Person, Said, Statement};
use portvakt_store::{
    Applying, Exemption, Import, ImportId, ImportState, NewImport, RegistryVersion, Store,
};

use super::{Open, id, time};

fn new(digest: &str, second: i64) -> NewImport {
    NewImport {
        digest: digest.to_owned(),
        file: "students.csv".to_owned(),
        is_full: true,
        rows: 3,
        produced_at: time(second),
        has_trailer: true,
        taken_at: time(second),
        taken_by: "cron".to_owned(),
        counts: Counts {
            locks: 1,
            unlocks: 2,
            vanished: 3,
            mobiles: 4,
        },
    }
}

fn active(active: bool) -> Statement {
    Statement {
        active: Said::Is(active),
        ..Statement::default()
    }
}

fn mobile(number: &str) -> Statement {
    Statement {
        mobile: Said::Is(number.to_owned()),
        ..Statement::default()
    }
}

fn rows(rows: &[(&str, Statement)]) -> Vec<(String, Statement)> {
    let rows = rows.iter();
    rows.map(|(key, statement)| ((*key).to_owned(), statement.clone()))
        .collect()
}

fn applying(upon: RegistryVersion, second: i64) -> Applying {
    Applying {
        upon,
        at: time(second),
        counts: Counts::default(),
        by_approval: false,
    }
}

/// Stages an import and puts it in force.
fn apply(store: &dyn Store, second: i64, statements: &[(&str, Statement)]) -> ImportId {
    let import = new(&format!("digest-{second}"), second);
    let id = store.stage_import(&import, &rows(statements)).unwrap();
    let upon = store.registry_version().unwrap();
    assert!(store.apply_import(id, applying(upon, second)).unwrap());
    id
}

fn persons(store: &dyn Store) -> Vec<(String, Person)> {
    let mut found = Vec::new();
    store
        .registry_persons(&mut |key, person| found.push((key, person)))
        .unwrap();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (key, person) in &found {
        assert_eq!(store.registry_person(key).unwrap().as_ref(), Some(person));
    }
    found
}

fn mobile_of(store: &dyn Store, key: &str) -> Option<String> {
    store
        .registry_person(key)
        .unwrap()
        .and_then(|person| person.mobile)
}

fn import(store: &dyn Store, id: ImportId) -> Option<Import> {
    let imports = store.imports(100).unwrap();
    imports.into_iter().find(|import| import.id == id)
}

pub(crate) fn import_is_in_force_whole_once_it_is_applied_and_outlives_the_process(open: Open<'_>) {
    let store = open();
    let many: Vec<_> = (0..1_200)
        .map(|each| (format!("s{each}"), active(true)))
        .collect();
    let id = store.stage_import(&new("d", 1), &many).unwrap();
    assert!(persons(&*store).is_empty());
    assert_eq!(import(&*store, id).unwrap().state, ImportState::Staging);
    let upon = store.registry_version().unwrap();
    let counts = Counts {
        locks: 7,
        ..Counts::default()
    };
    let applying = Applying {
        counts,
        by_approval: true,
        ..applying(upon, 5)
    };
    assert!(store.apply_import(id, applying).unwrap());
    store.close();
    let store = open();
    assert_eq!(persons(&*store).len(), 1_200);
    let expected = Import {
        id,
        new: NewImport {
            counts,
            ..new("d", 1)
        },
        state: ImportState::Applied,
        applied_at: Some(time(5)),
        by_approval: true,
        approved_by: Vec::new(),
        undone: None,
    };
    assert_eq!(import(&*store, id), Some(expected));
    assert_eq!(store.registry_person("nobody").unwrap(), None);
}

pub(crate) fn of_two_imports_judged_upon_one_version_one_comes_into_force(open: Open<'_>) {
    let store = open();
    let upon = store.registry_version().unwrap();
    let stage = |digest: &str, statement| {
        let statements = rows(&[("anna", statement)]);
        store.stage_import(&new(digest, 1), &statements).unwrap()
    };
    let (one, other) = (stage("a", active(true)), stage("b", mobile("+4791111111")));
    assert!(store.apply_import(one, applying(upon, 2)).unwrap());
    assert!(!store.apply_import(other, applying(upon, 3)).unwrap());
    assert_eq!(import(&*store, other).unwrap().state, ImportState::Staging);
    assert_eq!(mobile_of(&*store, "anna"), None);
    let upon = store.registry_version().unwrap();
    assert!(store.apply_import(other, applying(upon, 4)).unwrap());
    // In force once.
    let upon = store.registry_version().unwrap();
    assert!(!store.apply_import(other, applying(upon, 5)).unwrap());
    let anna = store.registry_person("anna").unwrap().unwrap();
    assert_eq!(
        (anna.active, anna.mobile.as_deref()),
        (Some(true), Some("+4791111111"))
    );
}

pub(crate) fn import_is_undone_and_what_came_after_it_stays(open: Open<'_>) {
    let store = open();
    apply(&*store, 1, &[("anna", mobile("+4791111111"))]);
    let wrong = apply(
        &*store,
        2,
        &[("anna", mobile("+4799999999")), ("bo", active(true))],
    );
    apply(&*store, 3, &[("anna", active(true))]);
    let version = store.registry_version().unwrap();
    assert!(
        !store.undo_import(wrong, "kari", time(9), time(3)).unwrap(),
        "too old"
    );
    assert!(store.undo_import(wrong, "kari", time(9), time(0)).unwrap());
    assert!(
        !store.undo_import(wrong, "kari", time(9), time(0)).unwrap(),
        "once"
    );
    assert_ne!(store.registry_version().unwrap(), version);
    let anna = store.registry_person("anna").unwrap().unwrap();
    assert_eq!(anna.mobile.as_deref(), Some("+4791111111"));
    assert_eq!(anna.active, Some(true));
    assert_eq!(store.registry_person("bo").unwrap(), None);
    let undone = import(&*store, wrong).unwrap().undone;
    assert_eq!(undone, Some((time(9), "kari".to_owned())));
}

pub(crate) fn held_import_counts_different_operators_alone(open: Open<'_>) {
    let store = open();
    let statements = rows(&[("anna", active(true))]);
    let id = store.stage_import(&new("d", 1), &statements).unwrap();
    store.hold_import(id).unwrap();
    assert_eq!(store.approve_import(id, "kari", time(2)).unwrap(), 1);
    assert_eq!(store.approve_import(id, "kari", time(3)).unwrap(), 1);
    assert_eq!(store.approve_import(id, "ola", time(4)).unwrap(), 2);
    let held = import(&*store, id).unwrap();
    assert_eq!(held.state, ImportState::Held);
    assert_eq!(held.approved_by, ["kari", "ola"]);
    let mut found = Vec::new();
    store
        .statements_of(id, &mut |key, statement| found.push((key, statement)))
        .unwrap();
    assert_eq!(found, statements);
    store.drop_import(id).unwrap();
    let upon = store.registry_version().unwrap();
    assert!(!store.apply_import(id, applying(upon, 5)).unwrap());
    assert_eq!(import(&*store, id).unwrap().state, ImportState::Dropped);
    store
        .statements_of(id, &mut |key, _| panic!("{key}"))
        .unwrap();
}

pub(crate) fn settled_imports_are_folded_and_what_was_given_up_is_removed(open: Open<'_>) {
    let store = open();
    let many: Vec<_> = (0..700)
        .map(|each| (format!("s{each}"), active(true)))
        .collect();
    let first = store.stage_import(&new("a", 1), &many).unwrap();
    let upon = store.registry_version().unwrap();
    assert!(store.apply_import(first, applying(upon, 1)).unwrap());
    let second = apply(&*store, 2, &[("s1", mobile("+4791111111"))]);
    let recent = apply(&*store, 50, &[("s1", mobile("+4792222222"))]);
    let undone = apply(&*store, 3, &[("s2", mobile("+4793333333"))]);
    assert!(store.undo_import(undone, "kari", time(4), time(0)).unwrap());
    let staged = store.stage_import(&new("b", 5), &many).unwrap();
    let before = persons(&*store);
    store.settle_imports(time(40)).unwrap();
    assert_eq!(persons(&*store), before);
    for (id, state) in [
        (first, ImportState::Settled),
        (second, ImportState::Settled),
        (recent, ImportState::Applied),
        (undone, ImportState::Undone),
        (staged, ImportState::Dropped),
    ] {
        assert_eq!(import(&*store, id).unwrap().state, state, "{id:?}");
        if id != recent {
            store
                .statements_of(id, &mut |key, _| panic!("{key}"))
                .unwrap();
        }
    }
    let at = time(100);
    assert!(
        !store
            .undo_import(first, "kari", at, Timestamp::MIN)
            .unwrap()
    );
    assert!(
        store
            .undo_import(recent, "kari", at, Timestamp::MIN)
            .unwrap()
    );
    assert_eq!(mobile_of(&*store, "s1").as_deref(), Some("+4791111111"));
}

pub(crate) fn exemptions_come_back_and_one_replaces_another(open: Open<'_>) {
    let store = open();
    let exemption = |until| Exemption {
        account: id("anna"),
        until: time(until),
        reason: "paid at the desk".to_owned(),
        by: "kari".to_owned(),
        at: time(0),
    };
    store.put_exemption(&exemption(10)).unwrap();
    store.put_exemption(&exemption(20)).unwrap();
    store.close();
    let store = open();
    assert_eq!(store.exemptions().unwrap(), [exemption(20)]);
    assert!(store.remove_exemption(&id("anna")).unwrap());
    assert!(!store.remove_exemption(&id("anna")).unwrap());
    assert!(store.exemptions().unwrap().is_empty());
}

pub(crate) fn news_order_and_the_day_are_told_by_imports_in_force(open: Open<'_>) {
    let store = open();
    assert_eq!(store.registry_news().unwrap(), None);
    let applied = apply(&*store, 10, &[("anna", active(true))]);
    let late = NewImport {
        produced_at: time(90),
        is_full: false,
        ..new("late", 20)
    };
    let id = store.stage_import(&late, &[]).unwrap();
    assert_eq!(store.last_produced(false).unwrap(), None);
    store.hold_import(id).unwrap();
    assert_eq!(store.last_produced(false).unwrap(), Some(time(90)));
    assert_eq!(store.last_produced(true).unwrap(), Some(time(10)));
    assert_eq!(store.registry_news().unwrap(), Some(time(10)));
    let counts = Counts {
        locks: 5,
        mobiles: 1,
        ..Counts::default()
    };
    let day = |at, by_approval| {
        let upon = store.registry_version().unwrap();
        let id = store.stage_import(&new("x", at), &[]).unwrap();
        let applying = Applying {
            counts,
            by_approval,
            ..applying(upon, at)
        };
        assert!(store.apply_import(id, applying).unwrap());
        store.registry_day(time(15)).unwrap()
    };
    assert_eq!(day(20, true), Counts::default());
    assert_eq!(day(30, false), counts);
    assert_eq!(day(40, false), counts.plus(counts));
    assert!(
        store
            .undo_import(applied, "kari", time(50), time(0))
            .unwrap()
    );
    let upon = store.registry_version().unwrap();
    assert!(store.apply_import(id, applying(upon, 60)).unwrap());
    // No later than the file came.
    assert_eq!(store.registry_news().unwrap(), Some(time(40)));
}

/// AC of the feed: a hundred thousand rows within ten seconds, in commits that a lock may wait for.
pub(crate) fn hundred_thousand_rows_are_stored_while_locks_are(open: Open<'_>) {
    let store = open();
    let many: Vec<_> = (0..100_000)
        .map(|each| (format!("s{each:06}"), mobile("+4791234567")))
        .collect();
    let longest = std::thread::scope(|scope| {
        let stores = &store;
        let many = &many;
        let import = scope.spawn(move || {
            let id = stores.stage_import(&new("d", 1), many).unwrap();
            let upon = stores.registry_version().unwrap();
            assert!(stores.apply_import(id, applying(upon, 2)).unwrap());
        });
        let mut longest = SignedDuration::ZERO;
        let mut revision = 1;
        while !import.is_finished() {
            let start = std::time::Instant::now();
            super::recorded(&**stores, super::lock("anna", 1, revision));
            revision += 1;
            let took = SignedDuration::try_from(start.elapsed()).unwrap();
            longest = longest.max(took);
        }
        import.join().unwrap();
        longest
    });
    assert_eq!(persons_count(&*store), 100_000);
    println!("longest commit of a lock meanwhile: {longest}");
}

fn persons_count(store: &dyn Store) -> usize {
    let mut count = 0;
    store.registry_persons(&mut |_, _| count += 1).unwrap();
    count
}
