//! Outcomes of log-ons, taken: by memory or by a database, the same six.

use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use portvakt_auth::account::{Account, Kind};
use portvakt_auth::time::{Now, Tick};
use portvakt_auth::{Admission, BindAnswer, Denied, Guess, LockTable, Lockout, Refusal};
use portvakt_store::{Store, Untold, Verdict};

use super::{Open, PATIENCE, id};

/// A server as far as locks go: its store, its table, and its clock, which may lie.
pub(crate) struct Node {
    pub(crate) store: Box<dyn Store>,
    pub(crate) locks: LockTable,
    /// Added to UTC.
    pub(crate) skew_s: i64,
    pub(crate) rules: Lockout,
    started: Instant,
}

impl Node {
    pub(crate) fn start(store: Box<dyn Store>) -> Self {
        let node = Self {
            store,
            locks: LockTable::new(1000),
            skew_s: 0,
            rules: Lockout::default(),
            started: Instant::now(),
        };
        node.restore();
        node
    }

    pub(crate) fn restore(&self) {
        for record in self.store.restore_locks(self.now()).unwrap() {
            self.locks.restore(record);
        }
    }

    pub(crate) fn now(&self) -> Now {
        let skew = jiff::SignedDuration::from_secs(self.skew_s);
        Now {
            tick: Tick::after_start(self.started.elapsed()),
            utc: jiff::Timestamp::now() + skew,
        }
    }

    /// Compares a credential, if the account's attempts allow it.
    pub(crate) fn compare(&self, name: &str, tag: u64, answer: BindAnswer) -> Option<Admission> {
        let account = Account::new(id(name), Kind::Student);
        let guess = Guess {
            tag,
            source: 1,
            arrived: Tick::from_millis(i64::MAX),
            refusal_leaves: Tick::from_millis(i64::MIN),
        };
        loop {
            match self
                .locks
                .admit(&account, guess, &self.rules, self.now().tick)
            {
                Ok(mut attempt) => {
                    let (_leave, before) = attempt.begin_bind();
                    attempt.note_bind(before, answer);
                    return Some(attempt);
                }
                Err(Denied::Locked { .. }) => return None,
                // As the shell, behind those that are being compared.
                Err(Denied::Busy) => std::thread::yield_now(),
                Err(Denied::Full) => panic!("the table is full"),
            }
        }
    }

    /// Begins a log-on; what is told of it comes from the receiver, or nothing if it never may be.
    pub(crate) fn begin(&self, name: &str, tag: u64, is_right: bool) -> Receiver<Told> {
        let (sender, receiver) = channel();
        let answer = match is_right {
            true => BindAnswer::Right,
            false => BindAnswer::Wrong,
        };
        let Some(attempt) = self.compare(name, tag, answer) else {
            sender.send(Told::Locked).unwrap();
            return receiver;
        };
        let decision = match is_right {
            true => Ok(()),
            false => Err(Refusal::WrongCredential),
        };
        let tell = move |verdict: Verdict<()>| {
            let _ = sender.send(match verdict.decision {
                Ok(()) => Told::Right,
                Err(Refusal::LockedOut) => Told::Locked,
                Err(_) => Told::Wrong,
            });
        };
        Untold::new(decision, Some(attempt)).tell(&*self.store, self.now(), tell);
        receiver
    }

    pub(crate) fn wrong(&self, name: &str, tag: u64) -> Told {
        let told = self.begin(name, tag, false).recv_timeout(PATIENCE);
        told.expect("it is told")
    }

    pub(crate) fn right(&self, name: &str) -> Told {
        let told = self.begin(name, 0, true).recv_timeout(PATIENCE);
        told.expect("it is told")
    }

    /// Failures, as this server knows them.
    pub(crate) fn failures(&self, name: &str) -> u8 {
        let record = self.locks.lock_record(&id(name));
        record.map_or(0, |record| record.failures)
    }
}

/// The outcome of a log-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Right,
    Wrong,
    Locked,
}

pub(crate) fn six_failures_lock_and_the_lock_outlives_the_process(open: Open<'_>) {
    let node = Node::start(open());
    for tag in 0..6 {
        assert_eq!(node.wrong("anna", tag), Told::Wrong);
    }
    assert_eq!(node.right("anna"), Told::Locked);
    assert_eq!(node.wrong("anna", 7), Told::Locked);
    node.store.close();
    drop(node);
    let node = Node::start(open());
    assert_eq!(node.right("anna"), Told::Locked);
    assert_eq!(node.right("bert"), Told::Right);
}

pub(crate) fn failures_below_the_lock_outlive_the_process(open: Open<'_>) {
    for round in 1..=3 {
        let node = Node::start(open());
        for tag in 0..2 {
            assert_eq!(node.wrong("anna", tag), Told::Wrong);
        }
        assert_eq!(node.failures("anna"), 2 * round);
        node.store.close();
    }
    assert_eq!(Node::start(open()).right("anna"), Told::Locked);
}

pub(crate) fn right_log_on_forgets_failures_for_good(open: Open<'_>) {
    let node = Node::start(open());
    for tag in 0..5 {
        assert_eq!(node.wrong("anna", tag), Told::Wrong);
    }
    assert_eq!(node.right("anna"), Told::Right);
    assert_eq!(node.failures("anna"), 0);
    node.store.close();
    drop(node);
    assert_eq!(Node::start(open()).failures("anna"), 0);
}

pub(crate) fn unlock_ends_a_lock_for_good(open: Open<'_>) {
    let node = Node::start(open());
    for tag in 0..6 {
        assert_eq!(node.wrong("anna", tag), Told::Wrong);
    }
    let unlock = || node.store.unlock(&node.locks, &id("anna"), node.now());
    let unlocked = unlock().unwrap();
    assert!(unlocked.was_locked && unlocked.is_durable);
    assert!(!unlock().unwrap().was_locked);
    node.store.close();
    drop(node);
    assert_eq!(Node::start(open()).right("anna"), Told::Right);
}

/// A panic in a comparison, or an answer that never came.
pub(crate) fn attempt_that_is_lost_counts(open: Open<'_>) {
    let node = Node::start(open());
    let (sender, kept) = channel();
    node.locks
        .on_unsettled(move |attempt| sender.send(attempt).unwrap());
    drop(node.compare("anna", 1, BindAnswer::Wrong));
    let lost = Untold::<()>::new(Err(Refusal::WrongCredential), kept.recv().ok());
    let (sender, told) = channel();
    lost.tell(&*node.store, node.now(), move |_| sender.send(()).unwrap());
    told.recv_timeout(PATIENCE).unwrap();
    node.store.close();
    drop(node);
    assert_eq!(Node::start(open()).failures("anna"), 1);
}

pub(crate) fn nothing_is_told_by_a_store_that_is_closed(open: Open<'_>) {
    let node = Node::start(open());
    node.store.close();
    assert!(node.begin("anna", 1, false).recv().is_err());
}
