//! The thread's work against a database and a network that fail in every way: what was told holds.

mod fake;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt_auth::account::{Account, Kind};
use portvakt_auth::lock::{Decided, HandedOver, LockTable, Question};
use portvakt_auth::{AccountId, BindAnswer, Guess, Lockout, Now, Settled, Tick};
use proptest::prelude::*;

use super::desk::Desk;
use super::journal::{Event, Journal};
use super::merge::add_up;
use super::*;
use fake::{Fake, Fate, Tables};

const ATTEMPTS: u8 = 3;
const FORGET_MS: i64 = 600_000;
const LOCK_MS: i64 = 300_000;

fn rules() -> Lockout {
    let millis = |ms: i64| Duration::from_millis(ms.unsigned_abs());
    Lockout {
        attempts: ATTEMPTS,
        duration: millis(LOCK_MS),
        forget_after: millis(FORGET_MS),
        ..Lockout::default()
    }
}

fn id(number: u8) -> AccountId {
    AccountId::new(&format!("s{number}")).unwrap()
}

/// A server: its thread's work, without the thread.
struct Node {
    desk: Option<Desk<Fake>>,
    locks: LockTable,
    shared: Arc<Shared>,
    journal: PathBuf,
    tables: Arc<Mutex<Tables>>,
    fates: Arc<Mutex<Vec<Fate>>>,
}

impl Node {
    fn start(journal: PathBuf, tables: &Arc<Mutex<Tables>>) -> Self {
        let mut node = Self {
            desk: None,
            locks: LockTable::new(100),
            shared: Arc::default(),
            journal,
            tables: Arc::clone(tables),
            fates: Arc::default(),
        };
        node.restart();
        node
    }

    /// Ends the process at whatever moment this is, and starts it again with the database there.
    fn restart(&mut self) {
        drop(self.desk.take());
        self.fates.lock().unwrap().clear();
        self.locks = LockTable::new(100);
        self.shared = Arc::default();
        let database = Fake::new(&self.tables, &self.fates);
        let journal = Journal::open(&self.journal).unwrap();
        let shared = Arc::clone(&self.shared);
        self.desk = Some(Desk::open(database, journal, shared, self.now()).unwrap());
        let (now, tables) = (self.now(), self.tables.lock().unwrap());
        for (id, row) in &tables.locks {
            self.locks.restore(row.record(id, now));
        }
    }

    fn now(&self) -> Now {
        let ms = self.tables.lock().unwrap().now_ms;
        Now {
            tick: Tick::from_millis(ms),
            utc: Timestamp::from_millisecond(ms).unwrap(),
        }
    }

    fn is_alone(&self) -> bool {
        self.shared.alone().is_some()
    }

    /// A log-on; `None` where nothing was compared or nothing is told.
    fn log_on(&mut self, account: &AccountId, tag: u64, is_right: bool) -> Option<Settled> {
        let now = self.now();
        let guess = Guess {
            tag,
            source: 0,
            arrived: Tick::from_millis(i64::MAX),
            refusal_leaves: Tick::from_millis(i64::MIN),
        };
        let person = Account::new(account.clone(), Kind::Student);
        let mut attempt = self.locks.admit(&person, guess, &rules(), now.tick).ok()?;
        let (_leave, before) = attempt.begin_bind();
        let answer = match is_right {
            true => BindAnswer::Right,
            false => BindAnswer::Wrong,
        };
        attempt.note_bind(before, answer);
        let settlement = match attempt.hand_over(is_right, now.tick) {
            HandedOver::Settled(settled) => return Some(settled),
            HandedOver::Asked(settlement) => settlement,
        };
        let (told, heard): (_, Receiver<Settled>) = channel();
        let waiting = Waiting {
            settlement,
            now,
            since: Instant::now(),
            told: Box::new(move |settled| told.send(settled).unwrap()),
        };
        self.desk.as_mut()?.serve(vec![waiting]);
        heard.try_recv().ok()
    }

    fn come_back(&mut self) {
        let now = self.now();
        if let Some(desk) = &mut self.desk {
            desk.come_back(now);
        }
    }
}

/// A step of a run, at one of two nodes.
#[derive(Clone, Debug)]
enum Step {
    LogOn {
        node: usize,
        account: u8,
        is_right: bool,
    },
    ComeBack {
        node: usize,
    },
    Crash {
        node: usize,
    },
    Fates {
        node: usize,
        fates: Vec<Fate>,
    },
    Wait {
        ms: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..2_usize;
    let fate = prop_oneof![
        Just(Fate::Lost),
        Just(Fate::AnswerLost),
        Just(Fate::Late),
        Just(Fate::Answered),
    ];
    prop_oneof![
        12 => (node(), 0..2_u8, prop::bool::weighted(0.15))
            .prop_map(|(node, account, is_right)| Step::LogOn { node, account, is_right }),
        3 => node().prop_map(|node| Step::ComeBack { node }),
        1 => node().prop_map(|node| Step::Crash { node }),
        3 => (node(), prop::collection::vec(fate, 1..3))
            .prop_map(|(node, fates)| Step::Fates { node, fates }),
        1 => prop_oneof![Just(1_000), Just(LOCK_MS / 2), Just(LOCK_MS)]
            .prop_map(|ms| Step::Wait { ms }),
    ]
}

/// What was told of an account.
#[derive(Default)]
struct Seen {
    /// Failures told since the last success, the end of a lock, or their expiry.
    told: u8,
    last_ms: i64,
    /// Outcomes told by nodes that had the database all along since the last clearing.
    shared: u8,
    /// Whether a node was alone since.
    was_alone: bool,
    /// Whether there was a lock since: its end forgets failures.
    was_locked: bool,
}

/// What an observer of all answers knows.
#[derive(Default)]
struct Observer(BTreeMap<AccountId, Seen>);

impl Observer {
    fn of(&mut self, id: &AccountId, now_ms: i64) -> &mut Seen {
        let account = self.0.entry(id.clone()).or_default();
        if account.last_ms + LOCK_MS.min(FORGET_MS) <= now_ms {
            // Expired at the latest then; how much earlier, the database knows.
            *account = Seen::default();
        }
        account
    }
}

fn check_step(nodes: &mut [Node; 2], observer: &mut Observer, tag: u64, step: &Step) {
    match step {
        Step::ComeBack { node } => nodes[*node].come_back(),
        Step::Crash { node } => nodes[*node].restart(),
        Step::Fates { node, fates } => {
            *nodes[*node].fates.lock().unwrap() = fates.clone();
        }
        Step::Wait { ms } => nodes[0].tables.lock().unwrap().now_ms += ms,
        Step::LogOn {
            node,
            account,
            is_right,
        } => {
            let id = id(*account);
            let now_ms = nodes[0].tables.lock().unwrap().now_ms;
            let locked_before = {
                let tables = nodes[0].tables.lock().unwrap();
                tables.state(&id, FORGET_MS).1
            };
            let settled = nodes[*node].log_on(&id, tag, *is_right);
            let locked_after = nodes[0].tables.lock().unwrap().state(&id, FORGET_MS).1;
            let is_alone = nodes[*node].is_alone();
            let any_alone = nodes.iter().any(Node::is_alone);
            let seen = observer.of(&id, now_ms);
            seen.was_alone |= any_alone;
            let newly_locked = settled.as_ref().is_some_and(|settled| settled.newly_locked);
            seen.was_locked |= locked_before || locked_after || newly_locked;
            if settled.is_none_or(|settled| settled.is_stopped) {
                return;
            }
            if *is_right {
                assert!(is_alone || !locked_before, "right is told under a lock");
                *seen = Seen::default();
                return;
            }
            seen.told = seen.told.saturating_add(1);
            seen.last_ms = now_ms;
            seen.shared = seen.shared.saturating_add(1);
            let is_exact = seen.was_alone || seen.shared <= ATTEMPTS;
            assert!(is_exact, "{} outcomes told", seen.shared);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Six outcomes while the database is there; and once every journal is merged, whoever was told of a
    /// failure finds it in the database.
    #[test]
    fn no_told_failure_is_lost_whatever_fails(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let tables = Arc::new(Mutex::new(Tables::at(1_000_000_000)));
        let mut nodes = ["a.db", "b.db"].map(|name| Node::start(dir.path().join(name), &tables));
        let mut observer = Observer::default();
        for (tag, step) in (0..).zip(&steps) {
            check_step(&mut nodes, &mut observer, tag, step);
        }
        for node in &mut nodes {
            node.fates.lock().unwrap().clear();
            node.come_back();
            prop_assert!(!node.is_alone());
        }
        let tables = tables.lock().unwrap();
        for (id, seen) in &observer.0 {
            let is_over = seen.last_ms + LOCK_MS.min(FORGET_MS) <= tables.now_ms;
            let (failures, is_locked) = tables.state(id, FORGET_MS);
            let is_kept = is_over || is_locked || seen.was_locked || failures >= seen.told;
            prop_assert!(is_kept, "{id}: {failures} of {}", seen.told);
        }
    }
}

fn journal(dir: &tempfile::TempDir) -> Journal {
    Journal::open(&dir.path().join("journal.db")).unwrap()
}

/// A failure, or a success, that memory decided about.
fn decided(locks: &LockTable, question: Question, ms: i64) -> Decided {
    let guess = Guess {
        tag: ms.unsigned_abs(),
        source: 0,
        arrived: Tick::from_millis(ms),
        refusal_leaves: Tick::from_millis(ms),
    };
    let (now, account) = (Tick::from_millis(ms), Account::new(id(1), Kind::Student));
    let mut attempt = locks.admit(&account, guess, &rules(), now).unwrap();
    let (_leave, before) = attempt.begin_bind();
    let is_right = question == Question::Clear;
    let answer = match is_right {
        true => BindAnswer::Right,
        false => BindAnswer::Wrong,
    };
    attempt.note_bind(before, answer);
    match attempt.hand_over(is_right, now) {
        HandedOver::Asked(settlement) => settlement.decide(now),
        HandedOver::Settled(settled) => panic!("{settled:?}"),
    }
}

fn append(journal: &mut Journal, decided: &Decided, ms: i64) {
    let now = Now {
        tick: Tick::from_millis(ms),
        utc: Timestamp::from_millisecond(ms).unwrap(),
    };
    let (change, rules) = (decided.change().unwrap(), &rules());
    journal
        .append(&[journal::Change { change, rules, now }])
        .unwrap();
}

#[test]
fn journal_adds_up_what_a_success_has_not_overtaken() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, locks) = (journal(&dir), LockTable::new(10));
    let mut write = |question, ms| {
        append(&mut journal, &decided(&locks, question, ms), ms);
        add_up(&journal.after(0, journal::ReadBy::Utc).unwrap(), ms + 10)
    };
    assert_eq!(write(Question::Count, 1_000)[0].failures, 1);
    assert_eq!(write(Question::Count, 2_000)[0].failures, 2);
    assert_eq!(write(Question::Clear, 3_000)[0].failures, 0);
    assert_eq!(write(Question::Count, 4_000)[0].failures, 1);
    write(Question::Count, 5_000);
    let locked = write(Question::Count, 6_000);
    assert_eq!((locked[0].failures, locked[0].last_failure_ago_ms), (3, 10));
    assert_eq!(locked[0].locked_for_ms, Some(LOCK_MS - 10));
    let entries = journal.after(0, journal::ReadBy::Utc).unwrap();
    assert_eq!(entries.len(), 6);
    let locked = matches!(
        entries[5].event,
        Event::Counted {
            locked_for_ms: Some(LOCK_MS)
        }
    );
    assert!(locked, "{:?}", entries[5]);
    // The lock has ended.
    assert_eq!(add_up(&entries, 6_000 + LOCK_MS)[0].failures, 0);
}

/// As after a backup of the data folder was restored.
#[test]
fn numbers_of_a_journal_go_on_above_all_that_was_merged() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, locks) = (journal(&dir), LockTable::new(10));
    append(&mut journal, &decided(&locks, Question::Count, 1), 1);
    journal.merged_through(50).unwrap();
    assert_eq!(journal.len(), 0);
    append(&mut journal, &decided(&locks, Question::Count, 2), 2);
    let entries = journal.after(50, journal::ReadBy::Utc).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].number, 51);
}

#[test]
fn failure_that_the_journal_refuses_is_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let tables = Arc::new(Mutex::new(Tables::default()));
    let mut node = Node::start(dir.path().join("journal.db"), &tables);
    node.fates.lock().unwrap().push(Fate::Lost);
    assert!(node.log_on(&id(1), 1, false).is_some());
    assert!(node.is_alone());
    // Nothing is written over a file that another process holds.
    let other = rusqlite::Connection::open(&node.journal).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(node.log_on(&id(1), 2, false).is_none());
    assert_eq!(node.shared.dropped(), 1);
    assert!(
        node.log_on(&id(2), 3, true).is_some(),
        "a success needs no entry"
    );
    other.execute_batch("ROLLBACK").unwrap();
    // It was counted in memory all the same.
    let settled = node.log_on(&id(1), 4, false).unwrap();
    assert!(settled.newly_locked);
}
