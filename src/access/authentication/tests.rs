//! The order of a log-on on a virtual clock: whatever is lost, shed or unanswered on the way, six
//! guesses and no more.

use std::time::Duration;

use portvakt_auth::account::{BindName, Kind, Password, PasswordKind};
use portvakt_auth::password::Argon2Cost;
use portvakt_auth::{Account, AccountId, BeforeBind, BindAttempt, Lockout, Refusal};
use portvakt_auth::{
    EarlierPasswords, GuessTags, HashMemory, LockTable, Now, PasswordHash, RememberedProofs, Tick,
    Verification,
};
use proptest::prelude::*;

use super::super::credential::{Checked, Credential, Memory, Offered};
use super::super::received_password::ReceivedPassword;
use super::order::{Attempt, Next, Sent};
use crate::policy::route::LocalName;
use portvakt_directory::{FindError, Verdict};

const RIGHT: &str = "correct-horse";
const PREVIOUS: &str = "battery-staple";

/// How the account's password is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By a hash of one digest.
    Quick,
    /// By a costly hash.
    Costly,
    /// By a costly hash, and the previous password is known by one too.
    CostlyWithPrevious,
    /// By the directory.
    Bind,
}

struct World {
    locks: LockTable,
    unknown_names: LockTable,
    proofs: RememberedProofs,
    earlier: EarlierPasswords,
    tags: GuessTags,
    account: Account,
    rules: Lockout,
    millis: i64,
    scratch: HashMemory,
}

/// How a log-on ended.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Accepted,
    Refused(Refusal),
}

const LOCKED: Told = Told::Refused(Refusal::LockedOut);

/// The state of a log-on.
enum Stage {
    Waiting,
    AtTheDirectory(BeforeBind),
}

fn hash(text: &str) -> PasswordHash {
    let cost = Argon2Cost::new(8, 1, 1).unwrap();
    PasswordHash::hash_new(text.as_bytes(), [3; 16], cost, &mut HashMemory::new()).unwrap()
}

fn account(way: Way) -> Account {
    let mut account = Account::new(AccountId::new("kari").unwrap(), Kind::Student);
    let password = |hash| Password {
        hash,
        changed_at: jiff::Timestamp::UNIX_EPOCH,
        kind: PasswordKind::Permanent,
    };
    match way {
        // SHA-256 of the right password, by Python's hashlib.
        Way::Quick => account.set_password(password(
            PasswordHash::parse("{SHA256}ncpmbrVHMHFGMNFRkmSnvx7qrQC48u3JDT7L+tko0WM=").unwrap(),
        )),
        Way::Costly => account.set_password(password(hash(RIGHT))),
        Way::CostlyWithPrevious => {
            account.set_password(password(hash(PREVIOUS)));
            account.set_password(password(hash(RIGHT)));
        }
        Way::Bind => {
            account.verification = Verification::Bind(BindName {
                entry: "uid=kari,dc=campus,dc=example".to_owned(),
                changed_at: None,
                kind: PasswordKind::Permanent,
                sure_from: None,
                lasting_id: None,
                locked_since: None,
            });
        }
    }
    account
}

impl World {
    fn new(way: Way) -> Self {
        Self {
            locks: LockTable::new(10),
            unknown_names: LockTable::new(10),
            proofs: RememberedProofs::new(&[1; 32], 10, Duration::from_secs(900)),
            earlier: EarlierPasswords::new(&[2; 32], 10),
            tags: GuessTags::new([4; 4]),
            account: account(way),
            rules: Lockout::default(),
            millis: 0,
            scratch: HashMemory::new(),
        }
    }

    /// A world in which the right password has just been proven.
    fn after_log_on(way: Way) -> Self {
        let mut world = Self::new(way);
        assert_eq!(world.try_now(RIGHT), Told::Accepted);
        world
    }

    fn now(&self) -> Now {
        Now {
            tick: Tick::from_millis(self.millis),
            utc: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn memory(&self) -> Memory<'_> {
        Memory {
            locks: &self.locks,
            unknown_names: &self.unknown_names,
            proofs: &self.proofs,
            earlier: &self.earlier,
            tags: &self.tags,
        }
    }

    fn arrive(&self, password: &str) -> Attempt {
        let name = LocalName {
            user: "kari".into(),
            realm: None,
        };
        let offered = Offered::Password(ReceivedPassword::new(password.as_bytes()));
        let tick = self.now().tick;
        let sent = Sent {
            source: 1,
            arrived: tick,
            refusal_leaves: tick,
        };
        Attempt::new(Credential { name, offered }, sent)
    }

    fn proceed(&self, attempt: &mut Attempt) -> Next {
        attempt.proceed(self.memory(), &self.account, &self.rules, self.now())
    }

    fn proceed_without_directory(&self, attempt: &mut Attempt) -> Next {
        let away = FindError::Unavailable("stopped".into());
        attempt.proceed_without_directory(
            self.memory(),
            &self.account,
            &self.rules,
            self.now(),
            away,
        )
    }

    /// A whole log-on, with everything that it needs.
    fn try_now(&mut self, password: &str) -> Told {
        let mut attempt = self.arrive(password);
        let next = self.proceed(&mut attempt);
        self.go_on(attempt, next, password)
    }

    fn go_on(&mut self, mut attempt: Attempt, next: Next, password: &str) -> Told {
        let now = self.now();
        let checked = match next {
            Next::Settle(checked) => checked,
            Next::Refuse(refusal) => return Told::Refused(refusal),
            Next::Hash(candidates) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let memory = self.memory();
                let checked = attempt.hash(memory, &self.account, now, candidates, &mut scratch);
                self.scratch = scratch;
                checked
            }
            Next::Bind => {
                let (_, before) = attempt.begin_bind().unwrap();
                return self.answer(attempt, before, Ok(self.verdict(password)));
            }
            Next::Wait | Next::Change => panic!("has to wait"),
        };
        self.settle(attempt, checked)
    }

    fn verdict(&self, password: &str) -> Verdict {
        let bind = BindAttempt::new(&self.account, password.as_bytes()).unwrap();
        let code = if password == RIGHT { 0 } else { 49 };
        bind.answered(code).map_or(Verdict::Wrong, Verdict::Right)
    }

    fn answer(
        &self,
        mut attempt: Attempt,
        before: BeforeBind,
        verdict: Result<Verdict, FindError>,
    ) -> Told {
        let (memory, now) = (self.memory(), self.now());
        let checked = attempt.judge(memory, &self.account, now, before, verdict);
        self.settle(attempt, checked)
    }

    fn shed(&self, mut attempt: Attempt) -> Told {
        let checked = attempt.without_turn(self.memory());
        self.settle(attempt, checked)
    }

    /// Settles as the shell does; an account of this test has no fault but its password.
    fn settle(&self, attempt: Attempt, checked: Checked) -> Told {
        let refusal = match &checked {
            Checked::Proven(..) => None,
            Checked::Wrong | Checked::KnownWrong => Some(Refusal::WrongCredential),
            Checked::Previous => Some(Refusal::PreviousPassword),
            Checked::Shed => Some(Refusal::Overloaded),
            _ => Some(Refusal::DirectoryUnavailable),
        };
        let decision = refusal.map_or(Ok(()), Err);
        let untold = attempt.settle(decision, self.memory(), self.now());
        let told = match untold.reveal(self.now()).decision {
            Ok(()) => Told::Accepted,
            Err(refusal) => Told::Refused(refusal),
        };
        if let (Checked::Proven(proven), true) = (checked, told != LOCKED) {
            proven
                .password
                .into_iter()
                .for_each(|password| password.remember(self.memory()));
        }
        told
    }

    fn failures(&self) -> u8 {
        let record = self.locks.lock_record(&self.account.id);
        record.map_or(0, |record| record.failures)
    }

    fn assert_locked(&mut self) {
        assert_eq!(self.failures(), 6);
        assert_eq!(self.try_now(RIGHT), Told::Refused(Refusal::LockedOut));
    }
}

fn wrong(number: usize) -> String {
    format!("wrong-{number}")
}

const WAYS: [Way; 4] = [Way::Quick, Way::Costly, Way::CostlyWithPrevious, Way::Bind];

#[test]
fn six_wrong_passwords_lock_whatever_checks_them() {
    for way in WAYS {
        let mut world = World::new(way);
        for number in 0..6 {
            let told = world.try_now(&wrong(number));
            assert_eq!(told, Told::Refused(Refusal::WrongCredential), "{way:?}");
        }
        world.assert_locked();
    }
}

/// A flood fills the pool, and each guess is shed: it differed from the remembered password all the
/// same.
#[test]
fn guesses_that_are_shed_count_where_the_password_is_remembered() {
    for way in WAYS {
        let mut world = World::after_log_on(way);
        for number in 0..6 {
            let mut attempt = world.arrive(&wrong(number));
            let told = match world.proceed(&mut attempt) {
                Next::Settle(checked) => world.settle(attempt, checked),
                _ => world.shed(attempt),
            };
            assert_eq!(told, Told::Refused(Refusal::WrongCredential), "{way:?}");
        }
        world.assert_locked();
    }
}

#[test]
fn shed_guess_at_a_password_that_nobody_remembers_was_compared_with_nothing() {
    let mut world = World::new(Way::Costly);
    for number in 0..100 {
        let mut attempt = world.arrive(&wrong(number));
        assert!(matches!(world.proceed(&mut attempt), Next::Hash(_)));
        assert_eq!(world.shed(attempt), Told::Refused(Refusal::Overloaded));
    }
    assert_eq!(world.failures(), 0);
    assert_eq!(world.try_now(RIGHT), Told::Accepted);
}

#[test]
fn wrong_password_spares_the_pool_where_the_right_one_is_remembered() {
    let world = World::after_log_on(Way::Costly);
    let mut attempt = world.arrive("wrong");
    let next = world.proceed(&mut attempt);
    assert!(matches!(next, Next::Settle(Checked::Wrong)));
}

#[test]
fn remembered_guesses_count_while_the_directory_is_away() {
    for way in WAYS {
        let mut world = World::after_log_on(way);
        for number in 0..6 {
            let mut attempt = world.arrive(&wrong(number));
            let Next::Settle(checked) = world.proceed_without_directory(&mut attempt) else {
                panic!("nothing can be waited for");
            };
            let told = world.settle(attempt, checked);
            assert_eq!(told, Told::Refused(Refusal::WrongCredential), "{way:?}");
        }
        world.assert_locked();
    }
}

#[test]
fn nothing_is_counted_while_the_directory_is_away_and_nothing_is_remembered() {
    let world = World::new(Way::Bind);
    for number in 0..100 {
        let mut attempt = world.arrive(&wrong(number));
        let Next::Settle(checked) = world.proceed_without_directory(&mut attempt) else {
            panic!("nothing can be waited for");
        };
        let told = world.settle(attempt, checked);
        assert_eq!(told, Told::Refused(Refusal::DirectoryUnavailable));
    }
    assert_eq!(world.failures(), 0);
}

#[test]
fn bind_that_is_not_answered_counts_where_the_password_is_remembered() {
    let mut world = World::after_log_on(Way::Bind);
    for number in 0..6 {
        let mut attempt = world.arrive(&wrong(number));
        assert!(matches!(world.proceed(&mut attempt), Next::Bind));
        let (_, before) = attempt.begin_bind().unwrap();
        let stopped = Err(FindError::Unavailable("stopped".into()));
        let told = world.answer(attempt, before, stopped);
        assert_eq!(told, Told::Refused(Refusal::WrongCredential));
    }
    world.assert_locked();
}

/// The directory has the last word: it may know of a newer password than the one remembered here.
#[test]
fn new_password_that_the_directory_takes_opens_though_another_is_remembered() {
    let mut world = World::after_log_on(Way::Bind);
    let mut attempt = world.arrive("a-new-one");
    assert!(matches!(world.proceed(&mut attempt), Next::Bind));
    let (_, before) = attempt.begin_bind().unwrap();
    let right = Ok(world.verdict(RIGHT));
    assert_eq!(world.answer(attempt, before, right), Told::Accepted);
    assert_eq!(world.failures(), 0);
    assert_eq!(world.try_now(RIGHT), Told::Accepted);
}

#[test]
fn log_on_that_is_lost_on_its_way_counts_what_it_has_shown() {
    for way in WAYS {
        let world = World::after_log_on(way);
        let mut attempt = world.arrive("wrong");
        let _ = world.proceed(&mut attempt);
        drop(attempt);
        assert_eq!(world.failures(), 1, "{way:?}");
    }
    let world = World::new(Way::Bind);
    let mut attempt = world.arrive("wrong");
    let _ = world.proceed(&mut attempt);
    let _ = attempt.begin_bind();
    drop(attempt);
    assert_eq!(world.failures(), 1, "asked of the directory");
}

#[test]
fn previous_password_is_never_counted() {
    let mut world = World::after_log_on(Way::CostlyWithPrevious);
    for _ in 0..20 {
        let told = world.try_now(PREVIOUS);
        assert_eq!(told, Told::Refused(Refusal::PreviousPassword));
    }
    assert_eq!(world.failures(), 0);
}

/// After a change, a device with the old password needs no hash to be known.
#[test]
fn previous_password_that_was_proven_here_is_known_at_once() {
    let mut world = World::after_log_on(Way::Costly);
    world.account.set_password(Password {
        hash: hash("the-next"),
        changed_at: jiff::Timestamp::UNIX_EPOCH,
        kind: PasswordKind::Permanent,
    });
    assert_eq!(world.try_now("the-next"), Told::Accepted);
    let mut attempt = world.arrive(RIGHT);
    let next = world.proceed(&mut attempt);
    assert!(matches!(next, Next::Settle(Checked::Previous)));
    assert_eq!(
        world.go_on(attempt, next, RIGHT),
        Told::Refused(Refusal::PreviousPassword)
    );
    assert_eq!(world.failures(), 0);
}

#[test]
fn a_seventh_waits_while_six_are_being_checked() {
    let world = World::new(Way::Costly);
    let mut waiting: Vec<_> = (0..6).map(|number| world.arrive(&wrong(number))).collect();
    for attempt in &mut waiting {
        assert!(matches!(world.proceed(attempt), Next::Hash(_)));
    }
    let mut seventh = world.arrive("wrong");
    assert!(matches!(world.proceed(&mut seventh), Next::Wait));
}

#[test]
fn full_table_lets_in_whom_it_remembers_and_refuses_only_others() {
    let mut world = World::after_log_on(Way::Costly);
    world.locks.set_capacity(0);
    assert_eq!(world.try_now(RIGHT), Told::Accepted);
    for number in 0..6 {
        let told = world.try_now(&wrong(number));
        assert_eq!(told, Told::Refused(Refusal::WrongCredential));
    }
    world.assert_locked();
    let mut stranger = World::new(Way::Costly);
    stranger.locks.set_capacity(0);
    assert_eq!(stranger.try_now(RIGHT), Told::Refused(Refusal::Overloaded));
}

/// A crowd of guesses costs as many hashes, and is refused without work from the same one on, whether
/// its name is somebody's or nobody's.
#[test]
fn a_crowd_at_a_name_that_is_nobodys_is_worked_on_as_often_as_one_at_an_account() {
    let mut world = World::new(Way::Costly);
    let nobody = AccountId::new("nobody").unwrap();
    let (mut of_kari, mut of_nobody) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let told = world.try_now(&wrong(number));
        of_kari.push(told == Told::Refused(Refusal::WrongCredential));
        let mut attempt = world.arrive(&wrong(number));
        let (memory, now) = (world.memory(), world.now());
        let next = attempt.proceed_as_unknown(memory, &nobody, &world.rules, now);
        let is_worked_on = matches!(next, Next::Hash(_));
        if is_worked_on {
            attempt.settle_as_unknown(now);
        }
        of_nobody.push(is_worked_on);
    }
    assert_eq!(of_kari, of_nobody);
    assert_eq!(of_nobody.iter().filter(|worked| **worked).count(), 6);
    // Six at once as well, and the seventh waits.
    world.millis += 60 * 60_000;
    let mut crowd: Vec<_> = (0..7).map(|number| world.arrive(&wrong(number))).collect();
    let next = crowd.iter_mut().map(|attempt| {
        let (memory, now) = (world.memory(), world.now());
        let next = attempt.proceed_as_unknown(memory, &nobody, &world.rules, now);
        matches!(next, Next::Hash(_))
    });
    assert_eq!(
        next.collect::<Vec<_>>(),
        [true, true, true, true, true, true, false]
    );
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Wrong,
    Right,
    WithoutDirectory { right: bool },
    Turn(usize),
    Shed(usize),
    Answer(usize),
    NoAnswer(usize),
    Lose(usize),
    Minutes(u8),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let index = 0..8_usize;
    let event = prop_oneof![
        6 => Just(Event::Wrong),
        2 => Just(Event::Right),
        2 => any::<bool>().prop_map(|right| Event::WithoutDirectory { right }),
        4 => index.clone().prop_map(Event::Turn),
        2 => index.clone().prop_map(Event::Shed),
        3 => index.clone().prop_map(Event::Answer),
        2 => index.clone().prop_map(Event::NoAnswer),
        1 => index.prop_map(Event::Lose),
        1 => (0..40_u8).prop_map(Event::Minutes),
    ];
    prop::collection::vec(event, 0..80)
}

/// A log-on under way, and whether somebody who sees its end learns that its guess is wrong.
struct UnderWay {
    attempt: Attempt,
    password: String,
    stage: Stage,
    /// It was compared, or would have opened had it been right.
    is_spent: bool,
}

struct Simulation {
    world: World,
    under_way: Vec<UnderWay>,
    guesses: usize,
    /// Wrong guesses whose sender has learned something, since the last reset.
    spent: usize,
    last_spent: i64,
    accepted_after: Option<usize>,
}

impl Simulation {
    fn new(way: Way) -> Self {
        Self {
            world: World::after_log_on(way),
            under_way: Vec::new(),
            guesses: 0,
            spent: 0,
            last_spent: 0,
            accepted_after: None,
        }
    }

    fn guess(&mut self) -> String {
        self.guesses += 1;
        wrong(self.guesses)
    }

    fn is_remembered(&self) -> bool {
        let World {
            proofs, account, ..
        } = &self.world;
        proofs.is_fresh(account, self.world.now())
    }

    fn take(&mut self, index: usize, at_directory: bool) -> Option<UnderWay> {
        let fits =
            |log_on: &UnderWay| matches!(log_on.stage, Stage::AtTheDirectory(_)) == at_directory;
        let places: Vec<_> = (0..self.under_way.len())
            .filter(|place| fits(&self.under_way[*place]))
            .collect();
        let place = *places.get(index % places.len().max(1))?;
        Some(self.under_way.remove(place))
    }

    /// A log-on ended. `is_spent`: a wrong guess whose sender has learned that it is wrong.
    fn end(&mut self, told: Option<Told>, is_spent: bool) {
        match told {
            Some(Told::Accepted) => {
                self.accepted_after = Some(self.spent);
                self.spent = 0;
            }
            _ if is_spent => {
                self.spent += 1;
                self.last_spent = self.world.millis;
            }
            _ => {}
        }
    }

    /// Goes on with a log-on whose turn it is, or that just arrived.
    fn proceed(&mut self, mut log_on: UnderWay, may_hash: bool) {
        let is_wrong = log_on.password != RIGHT;
        let was_remembered = self.is_remembered();
        let next = self.world.proceed(&mut log_on.attempt);
        let is_admitted = !matches!(next, Next::Refuse(_) | Next::Wait);
        log_on.is_spent |= is_wrong && was_remembered && is_admitted;
        match next {
            Next::Wait => self.under_way.push(log_on),
            Next::Bind if may_hash => {
                let (_, before) = log_on.attempt.begin_bind().unwrap();
                log_on.stage = Stage::AtTheDirectory(before);
                self.under_way.push(log_on);
            }
            Next::Hash(_) | Next::Bind if !may_hash => self.under_way.push(log_on),
            Next::Refuse(_) => {
                let UnderWay {
                    attempt, is_spent, ..
                } = log_on;
                drop(attempt);
                self.end(None, is_spent);
            }
            next => {
                let told = self.world.go_on(log_on.attempt, next, &log_on.password);
                self.end(Some(told), is_wrong);
            }
        }
    }

    fn arrive(&mut self, password: String) {
        let log_on = UnderWay {
            attempt: self.world.arrive(&password),
            password,
            stage: Stage::Waiting,
            is_spent: false,
        };
        self.proceed(log_on, false);
    }

    fn arrive_without_directory(&mut self, right: bool) {
        let password = if right {
            RIGHT.to_owned()
        } else {
            self.guess()
        };
        let is_spent = !right && self.is_remembered();
        let mut attempt = self.world.arrive(&password);
        match self.world.proceed_without_directory(&mut attempt) {
            Next::Settle(checked) => {
                let unanswered = matches!(checked, Checked::Unanswered(_));
                let told = self.world.settle(attempt, checked);
                self.end(Some(told), is_spent && !unanswered);
            }
            _ => drop(attempt),
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Wrong => {
                let password = self.guess();
                self.arrive(password);
            }
            Event::Right => self.arrive(RIGHT.to_owned()),
            Event::WithoutDirectory { right } => self.arrive_without_directory(right),
            Event::Minutes(minutes) => self.wait(minutes),
            Event::Turn(index) => {
                if let Some(log_on) = self.take(index, false) {
                    self.proceed(log_on, true);
                }
            }
            Event::Shed(index) => {
                if let Some(log_on) = self.take(index, false) {
                    let told = self.world.shed(log_on.attempt);
                    self.end(Some(told), log_on.is_spent);
                }
            }
            Event::Answer(index) => self.answer(index, true),
            Event::NoAnswer(index) => self.answer(index, false),
            Event::Lose(index) => {
                if let Some(log_on) = self.take(index, false) {
                    drop(log_on.attempt);
                    self.end(None, log_on.is_spent);
                }
            }
        }
    }

    /// Nothing is under way for minutes: deadlines end it before.
    fn wait(&mut self, minutes: u8) {
        while !self.under_way.is_empty() {
            self.handle(Event::Shed(0));
            self.handle(Event::NoAnswer(0));
        }
        self.world.millis += i64::from(minutes) * 60_000;
    }

    fn answer(&mut self, index: usize, is_answered: bool) {
        let Some(log_on) = self.take(index, true) else {
            return;
        };
        let Stage::AtTheDirectory(before) = log_on.stage else {
            return;
        };
        let is_wrong = log_on.password != RIGHT;
        let (verdict, is_spent) = match is_answered {
            true => (Ok(self.world.verdict(&log_on.password)), is_wrong),
            false => (
                Err(FindError::Unavailable("stopped".into())),
                log_on.is_spent,
            ),
        };
        let told = self.world.answer(log_on.attempt, before, verdict);
        self.end(Some(told), is_spent);
    }
}

fn run(way: Way, events: &[Event]) -> Result<(), TestCaseError> {
    let mut simulation = Simulation::new(way);
    for event in events {
        let before = simulation.spent;
        simulation.accepted_after = None;
        simulation.handle(*event);
        let World {
            locks,
            account,
            millis,
            ..
        } = &simulation.world;
        let forgotten = millis - simulation.last_spent >= 30 * 60_000;
        if forgotten {
            simulation.spent = 0;
            continue;
        }
        // Nobody learns of a seventh, and after six nobody comes in.
        prop_assert!(simulation.spent <= 6, "{event:?}");
        prop_assert!(simulation.accepted_after.is_none_or(|spent| spent < 6));
        let is_locked = locks
            .locked_until(&account.id, simulation.world.now().tick)
            .is_some();
        prop_assert_eq!(
            is_locked,
            simulation.spent == 6,
            "{:?} after {}",
            event,
            before
        );
        prop_assert_eq!(usize::from(simulation.world.failures()), simulation.spent);
    }
    Ok(())
}

proptest! {
    #[test]
    fn nobody_learns_of_a_seventh_guess_whatever_is_shed_lost_or_unanswered(
        events in events(),
        way in prop::sample::select(WAYS.to_vec()),
    ) {
        run(way, &events)?;
    }
}
