//! One server hears of what another changes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use portvakt_auth::account::{Account, Kind};
use portvakt_auth::{LockRecord, Tick};
use portvakt_store::{AccountStore as _, ChangeStore as _, Heard, PostgresStore, Store as _};

use crate::battery::{PATIENCE, id, now};
use crate::{database, open, shared_sql, with_session};

/// A server, and what it hears.
struct Node {
    store: PostgresStore,
    heard: Receiver<Heard>,
    _dir: tempfile::TempDir,
}

impl Node {
    fn start(url: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), url).unwrap();
        let (told, heard) = channel();
        let hear = move |changes: Vec<Heard>| {
            for change in changes {
                let _ = told.send(change);
            }
        };
        let clock = Box::new(now);
        store.listen(clock, Box::new(hear)).unwrap();
        Self {
            store,
            heard,
            _dir: dir,
        }
    }

    fn hears(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("it hears")
    }

    /// The next change is this one: none was told twice, and none is missing.
    fn hears_next_of(&self, name: &str) {
        assert_eq!(self.hears(), Heard::Account(id(name)));
    }

    fn put(&self, name: &str) {
        let account = Account::new(id(name), Kind::Student);
        self.store.put_accounts(&[Arc::new(account)]).unwrap();
    }
}

fn lock(heard: Heard) -> LockRecord {
    match heard {
        Heard::Lock(lock) => lock,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lock_and_unlock_at_one_server_are_heard_at_the_other() {
    let url = database();
    let b = Node::start(&url);
    let dir = tempfile::tempdir().unwrap();
    let a = super::node(dir.path(), &url);
    for tag in 0..6 {
        a.wrong("anna", tag);
    }
    let locked = lock(b.hears());
    assert_eq!((locked.id.as_str(), locked.failures), ("anna", 6));
    assert!(locked.locked_until > Some(Tick::START));

    a.store.unlock(&a.locks, &id("anna"), a.now()).unwrap();
    let open = lock(b.hears());
    assert_eq!((open.failures, open.locked_until), (0, None));
    assert!(open.revision > locked.revision, "{open:?}, {locked:?}");
}

#[test]
fn success_that_clears_failures_is_heard() {
    let url = database();
    let b = Node::start(&url);
    let dir = tempfile::tempdir().unwrap();
    let a = super::node(dir.path(), &url);
    a.wrong("anna", 1);
    a.right("anna");
    assert_eq!(lock(b.hears()).failures, 0);
}

#[test]
fn account_that_is_written_or_removed_is_heard_and_can_be_read() {
    let url = database();
    let (a, b) = (Node::start(&url), Node::start(&url));
    a.put("kari");
    b.hears_next_of("kari");
    assert_eq!(
        b.store.account(&id("kari")).unwrap().unwrap().id,
        id("kari")
    );
    a.store.remove_account(&id("kari")).unwrap();
    b.hears_next_of("kari");
    assert_eq!(b.store.account(&id("kari")).unwrap(), None);
}

#[test]
fn announcement_reaches_the_other_servers_and_not_its_own() {
    let url = database();
    let (a, b) = (Node::start(&url), Node::start(&url));
    a.store.announce(&id("kari")).unwrap();
    assert_eq!(b.hears(), Heard::Proofs(id("kari")));
    a.put("next");
    a.hears_next_of("next");
}

/// Its number is lower than that of a change that was read before.
#[test]
fn change_that_commits_late_is_not_missed_and_none_is_told_twice() {
    let url = database();
    let (a, b) = (Node::start(&url), Node::start(&url));
    with_session(&url, |session| {
        session.run("BEGIN; UPDATE accounts SET revision = 0; INSERT INTO accounts VALUES ('late', 1, '{}', NULL);");
        a.put("early");
        b.hears_next_of("early");
        a.put("second");
        b.hears_next_of("second");
        session.run("COMMIT;");
    });
    b.hears_next_of("late");
    a.put("last");
    b.hears_next_of("last");
}

#[test]
fn listener_that_was_cut_off_misses_nothing() {
    let url = database();
    let (a, b) = (Node::start(&url), Node::start(&url));
    a.put("before");
    b.hears_next_of("before");
    // The listeners are gone when the change commits: nobody is notified.
    shared_sql(
        &url,
        "BEGIN; SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid();
         INSERT INTO accounts VALUES ('meanwhile', 1, '{}', NULL); COMMIT;",
    );
    b.hears_next_of("meanwhile");
}

#[test]
fn server_that_was_away_too_long_is_told_to_read_everything() {
    let url = database();
    let (a, b) = (Node::start(&url), Node::start(&url));
    // As many changes as nobody reads one by one.
    shared_sql(
        &url,
        "INSERT INTO changes (kind, account) SELECT 'account', 'a' || n
         FROM generate_series(1, 20000) n",
    );
    assert_eq!(b.hears(), Heard::Everything);
    a.put("next");
    b.hears_next_of("next");
}

/// A newer version may tell of what this one does not know.
#[test]
fn change_of_an_unknown_kind_is_passed_over() {
    let url = database();
    let (a, b) = (Node::start(&url), Node::start(&url));
    shared_sql(
        &url,
        "INSERT INTO changes (kind, account) VALUES ('colour', 'kari')",
    );
    a.put("next");
    b.hears_next_of("next");
}

#[test]
fn store_that_is_closed_from_what_hears_ends() {
    let url = database();
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path(), &url).unwrap());
    let (told, heard) = channel();
    let own = Arc::clone(&store);
    let hear = move |_| {
        own.close();
        let _ = told.send(());
    };
    store.listen(Box::new(now), Box::new(hear)).unwrap();
    Node::start(&url).put("kari");
    heard.recv_timeout(PATIENCE).unwrap();
}
