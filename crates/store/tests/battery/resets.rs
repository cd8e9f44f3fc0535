//! Openings, messages and numbers of resets.

use std::sync::Barrier;

use portvakt_auth::Kind;
use portvakt_auth::account::Account;
use portvakt_resets::{MessageState, Mobile, NewOpening, NumberSeen, Opening, OpeningKind, Sent};
use portvakt_store::{MessageProgress, MessageRow, Store};
use std::time::Duration;

use super::{Open, id, time};

fn opening(name: &str, before: Option<&Opening>, second: i64) -> Opening {
    let account = Account::new(id(name), Kind::Student);
    let new = NewOpening {
        account: &account,
        kind: OpeningKind::Message,
        code: None,
        pin: None,
        valid: Duration::from_secs(3600),
        by: "portal",
    };
    Opening::begin(before, new, time(second))
}

fn message(name: &str, reference: &str, second: i64) -> MessageRow {
    MessageRow {
        reference: reference.to_owned(),
        sent: Sent {
            at: time(second),
            account: id(name),
            number: Mobile::parse("91234567").unwrap(),
            source: Some("192.0.2.7".parse().unwrap()),
        },
        kind: OpeningKind::Message,
        gateway: "outbox".to_owned(),
        state: MessageState::Queued,
        state_at: time(second),
        fault: None,
        gateway_reference: None,
    }
}

fn found(store: &dyn Store, name: &str) -> Option<Opening> {
    store.opening(&id(name), OpeningKind::Message).unwrap()
}

pub(crate) fn opening_is_written_in_the_place_of_its_revision_alone(open: Open<'_>) {
    let store = open();
    let first = opening("kari", None, 0);
    assert!(store.put_opening(&first, 0, None).unwrap());
    assert!(!store.put_opening(&first, 0, None).unwrap());
    let second = opening("kari", Some(&first), 60);
    assert!(!store.put_opening(&second, 7, None).unwrap());
    assert!(store.put_opening(&second, 1, None).unwrap());
    assert!(!store.put_opening(&first.closed(), 1, None).unwrap());
    store.close();
    let store = open();
    assert_eq!(found(&*store, "kari"), Some(second));
    assert_eq!(
        store.opening(&id("kari"), OpeningKind::Proof).unwrap(),
        None
    );
    assert_eq!(found(&*store, "ola"), None);
}

/// Two requests at the same moment: one opening, one message.
pub(crate) fn of_two_openings_at_once_one_is_written_with_its_message(open: Open<'_>) {
    let store = open();
    for round in 0..20_i64 {
        let before = found(&*store, "kari");
        let replaced = before.as_ref().map_or(0, |before| before.revision);
        let barrier = Barrier::new(2);
        let put = |number: i64| {
            let row = message("kari", &format!("{round}-{number}"), round);
            let opening = opening("kari", before.as_ref(), round);
            barrier.wait();
            store.put_opening(&opening, replaced, Some(&row)).unwrap()
        };
        let written = std::thread::scope(|scope| {
            let other = scope.spawn(|| put(1));
            [put(0), other.join().unwrap()]
        });
        assert_eq!(
            written.iter().filter(|written| **written).count(),
            1,
            "{round}"
        );
    }
    assert_eq!(store.messages(time(0), 100).unwrap().len(), 20);
}

pub(crate) fn messages_come_back_newest_first_and_move_forward_alone(open: Open<'_>) {
    let store = open();
    for (second, reference) in [(0, "a"), (10, "b")] {
        let row = message("kari", reference, second);
        let before = found(&*store, "kari");
        let opening = opening("kari", before.as_ref(), second);
        assert!(
            store
                .put_opening(&opening, opening.revision - 1, Some(&row))
                .unwrap()
        );
    }
    let moved = |reference: &str, state, second| {
        let progress = MessageProgress {
            reference,
            state,
            at: time(second),
            fault: None,
            gateway_reference: (state == MessageState::HandedOver).then_some("gw-1"),
        };
        store.move_message(progress).unwrap()
    };
    assert!(moved("a", MessageState::Delivered, 21));
    // The answer of the gateway comes after its report.
    assert!(!moved("a", MessageState::HandedOver, 22));
    assert!(!moved("a", MessageState::Failed, 23));
    assert!(moved("b", MessageState::Unknown, 24));
    assert!(moved("b", MessageState::HandedOver, 25));
    assert!(!moved("b", MessageState::HandedOver, 26));
    assert!(!moved("nothing of ours", MessageState::Delivered, 27));
    let rows = store.messages(time(0), 10).unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.reference.as_str(), row.state))
        .collect();
    assert_eq!(
        told,
        [
            ("b", MessageState::HandedOver),
            ("a", MessageState::Delivered)
        ]
    );
    let expected = MessageRow {
        state: MessageState::HandedOver,
        state_at: time(25),
        gateway_reference: Some("gw-1".to_owned()),
        ..message("kari", "b", 10)
    };
    assert_eq!(rows[0], expected);
    assert_eq!(store.messages(time(5), 10).unwrap().len(), 1);
    assert_eq!(store.messages(time(0), 1).unwrap().len(), 1);
}

pub(crate) fn numbers_and_the_switch_of_messages_outlive_the_process(open: Open<'_>) {
    let store = open();
    let seen = |text: &str, since| NumberSeen {
        number: Mobile::parse(text).unwrap(),
        since,
    };
    let first = [
        (id("kari"), seen("91234567", None)),
        (id("ola"), seen("41234567", None)),
    ];
    store.put_numbers_seen(&first).unwrap();
    let changed = seen("91234568", Some(time(9)));
    store
        .put_numbers_seen(&[(id("kari"), changed.clone())])
        .unwrap();
    store.switch_messages(Some("kari")).unwrap();
    store.switch_messages(Some("ola")).unwrap();
    store.close();
    let store = open();
    assert_eq!(store.number_seen(&id("kari")).unwrap(), Some(changed));
    assert_eq!(store.number_seen(&id("nobody")).unwrap(), None);
    assert_eq!(store.numbers_seen().unwrap().len(), 2);
    assert_eq!(
        store.messages_switched_off().unwrap().as_deref(),
        Some("ola")
    );
    store.switch_messages(None).unwrap();
    assert_eq!(store.messages_switched_off().unwrap(), None);
}

pub(crate) fn old_messages_and_openings_are_purged(open: Open<'_>) {
    let store = open();
    for (name, second) in [("kari", 0), ("ola", 10_000)] {
        let row = message(name, name, second);
        assert!(
            store
                .put_opening(&opening(name, None, second), 0, Some(&row))
                .unwrap()
        );
    }
    store.purge_resets(time(5_000)).unwrap();
    assert_eq!(found(&*store, "kari"), None);
    assert!(found(&*store, "ola").is_some());
    assert_eq!(store.messages(time(0), 10).unwrap().len(), 1);
}
