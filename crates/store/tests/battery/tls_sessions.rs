//! TLS sessions that may be resumed, and the keys of their tickets.

use std::sync::mpsc::{RecvTimeoutError, channel};

use portvakt_store::{
    Store, StoreError, TicketKeyRenewal, TicketKeyRow, TlsSessionId, TlsSessionRow,
};
use zeroize::Zeroizing;

use super::{Open, PATIENCE, id, wait_until};

fn row(number: u8, account: &str, device: &[u8]) -> TlsSessionRow {
    TlsSessionRow {
        id: [number; 32],
        account: id(account),
        device: device.to_vec(),
        expires_s: 1_790_000_000 + i64::from(number),
        sealed: vec![number, 0, 255],
    }
}

/// Looks for a session.
fn find(store: &dyn Store, id: TlsSessionId) -> Option<Vec<u8>> {
    let (sender, receiver) = channel();
    store.find_tls_session(id, Box::new(move |found| sender.send(found).unwrap()));
    receiver.recv_timeout(PATIENCE).unwrap()
}

fn kept(store: &dyn Store, numbers: std::ops::Range<u8>) -> Vec<u8> {
    let is_there = |number: &u8| find(store, [*number; 32]).is_some();
    numbers.filter(is_there).collect()
}

fn renew(
    store: &dyn Store,
    offered: &[(i64, u8)],
    keep_from: i64,
) -> Result<Vec<(i64, u8)>, StoreError> {
    let offered = offered.iter().map(|&(slot, octet)| TicketKeyRow {
        slot,
        key: Zeroizing::new([octet; 32]),
    });
    let renewal = TicketKeyRenewal {
        offered: offered.collect(),
        keep_from,
    };
    let (sender, receiver) = channel();
    store.renew_ticket_keys(renewal, Box::new(move |keys| sender.send(keys).unwrap()));
    let keys = receiver.recv_timeout(PATIENCE).unwrap()?;
    Ok(keys.iter().map(|key| (key.slot, key.key[0])).collect())
}

pub(crate) fn tls_session_outlives_the_process(open: Open<'_>) {
    let store = open();
    store.keep_tls_session(row(1, "anna", b"phone"));
    wait_until("it is written", || find(&*store, [1; 32]).is_some());
    store.keep_tls_session(row(2, "anna", b"phone"));
    store.close();
    drop(store);
    let store = open();
    assert_eq!(find(&*store, [1; 32]), Some(vec![1, 0, 255]));
    assert_eq!(find(&*store, [2; 32]), Some(vec![2, 0, 255]));
    assert_eq!(find(&*store, [3; 32]), None);
}

pub(crate) fn tls_sessions_of_a_device_and_of_an_account_are_bounded(open: Open<'_>) {
    let store = open();
    (0..5).for_each(|number| store.keep_tls_session(row(number, "anna", b"phone")));
    (5..45).for_each(|number| store.keep_tls_session(row(number, "bo", b"")));
    (45..85).for_each(|number| store.keep_tls_session(row(number, "eva", &[number])));
    store.keep_tls_session(row(85, "anna", b"laptop"));
    drop(store);
    let store = open();
    assert_eq!(kept(&*store, 0..5), [3, 4]);
    assert_eq!(kept(&*store, 5..45), (13..45).collect::<Vec<_>>());
    assert_eq!(kept(&*store, 45..85), (53..85).collect::<Vec<_>>());
    assert_eq!(kept(&*store, 85..86), [85]);
}

pub(crate) fn tls_sessions_end_one_by_one_and_with_their_account(open: Open<'_>) {
    let store = open();
    (0..4).for_each(|number| store.keep_tls_session(row(number, "anna", &[number])));
    store.keep_tls_session(row(4, "bo", b"phone"));
    drop(store);
    let store = open();
    store.end_tls_session([1; 32], &id("anna"));
    assert_eq!(find(&*store, [1; 32]), None, "at once");
    store.close();
    drop(store);
    let store = open();
    assert_eq!(kept(&*store, 0..5), [0, 2, 3, 4]);
    store.keep_tls_session(row(5, "anna", b"a"));
    store.forget_tls_sessions(&id("anna"));
    store.keep_tls_session(row(6, "anna", b"b"));
    drop(store);
    let store = open();
    assert_eq!(kept(&*store, 0..7), [4, 6], "in the order of the calls");
}

pub(crate) fn old_tls_sessions_are_purged(open: Open<'_>) {
    let store = open();
    (0..9).for_each(|number| store.keep_tls_session(row(number, "anna", &[number])));
    wait_until("they are written", || find(&*store, [8; 32]).is_some());
    store.purge_tls_sessions(1_790_000_004);
    wait_until("four are gone", || find(&*store, [4; 32]).is_none());
    assert_eq!(kept(&*store, 0..9), [5, 6, 7, 8]);
}

pub(crate) fn ticket_keys_are_made_once_and_kept(open: Open<'_>) {
    let store = open();
    let first = renew(&*store, &[(7, 1), (8, 2)], 0);
    assert_eq!(first.unwrap(), [(7, 1), (8, 2)]);
    drop(store);
    let store = open();
    let second = renew(&*store, &[(8, 3), (9, 4)], 0);
    assert_eq!(second.unwrap(), [(7, 1), (8, 2), (9, 4)]);
    assert_eq!(renew(&*store, &[], 9).unwrap(), [(9, 4)]);
}

pub(crate) fn search_after_the_end_is_dropped(open: Open<'_>) {
    let store = open();
    store.close();
    let (sender, receiver) = channel();
    store.find_tls_session([1; 32], Box::new(move |found| sender.send(found).unwrap()));
    let answer = receiver.recv_timeout(PATIENCE);
    assert_eq!(answer, Err(RecvTimeoutError::Disconnected));
}
