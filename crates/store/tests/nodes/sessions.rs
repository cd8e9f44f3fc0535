//! Sessions of equipment whose records go to one server and then to another.

use portvakt_accounting::{Record, Status};
use portvakt_store::{AccountingStore as _, PostgresStore, Recorded};

use super::super::open;
use crate::battery::sessions::{all, record, record_session};
use crate::database;

/// Two servers on one new database.
fn two() -> [(tempfile::TempDir, PostgresStore); 2] {
    let url = database();
    [(), ()].map(|()| {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), &url).unwrap();
        (dir, store)
    })
}

fn tell(store: &PostgresStore, record: Record) {
    let recorded = record_session(store, record);
    assert!(matches!(recorded, Recorded::OnDisk(_)));
}

#[test]
fn session_goes_on_at_another_server_and_back() {
    let [(_, a), (_, b)] = &two();
    tell(a, record("a", Status::Start, 0));
    tell(b, record("a", Status::Interim, 60));
    assert_eq!(b.live().len(), 1);
    tell(a, record("a", Status::Interim, 120));
    tell(b, record("a", Status::Stop(None), 180));
    // What this one has in memory is behind.
    assert_eq!(a.live().len(), 1);
    tell(a, record("a", Status::Stop(None), 180));
    assert_eq!((a.live().len(), b.live().len()), (0, 0));
    let sessions = all(a);
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0].stopped.is_some() && sessions[0].start.is_some());
    assert_eq!(
        sessions[0].last_news,
        record("a", Status::Stop(None), 180).event
    );
}

/// Equipment that hears nothing for a while asks the next server as well.
#[test]
fn records_sent_to_both_servers_at_once_make_one_session_each() {
    const SESSIONS: usize = 40;
    let [(_, a), (_, b)] = &two();
    std::thread::scope(|scope| {
        for store in [a, b] {
            scope.spawn(move || {
                for number in 0..SESSIONS {
                    let start = || record(&format!("s{number}"), Status::Start, 0);
                    // One that was in the other's way is sent again.
                    while !matches!(record_session(store, start()), Recorded::OnDisk(_)) {}
                }
            });
        }
    });
    assert_eq!(all(a).len(), SESSIONS);
}
