//! `kill -9` in the middle of many log-ons: each account's count is then one that the answers
//! allow.

use std::collections::BTreeMap;

use portvakt::admin::{Client, Request, Response};
use portvakt_testkit::supplicant::Random;

use crate::common::{Daemon, Setup};
use crate::nas::{Nas, PATIENCE, Reply, people};

/// Log-ons under way at the same time, each with its identifier.
const UNDER_WAY: u8 = 64;
/// Failures that lock.
const LOCKED: u8 = 6;

/// The answered failures of an account, and those under way.
#[derive(Clone, Copy, Default)]
struct Known {
    failures: u8,
    attempt: Option<Attempt>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Attempt {
    Right,
    Wrong,
}

impl Known {
    /// The failures after this attempt has been worked on.
    fn after(self, attempt: Attempt) -> u8 {
        match (self.failures, attempt) {
            (LOCKED, _) => LOCKED,
            (_, Attempt::Right) => 0,
            (failures, Attempt::Wrong) => failures + 1,
        }
    }

    fn is_accepted(self, attempt: Attempt) -> bool {
        attempt == Attempt::Right && self.failures < LOCKED
    }

    /// Whether the server may say so now: what was answered counts, what was not may or may not.
    fn allows(self, failures: u8) -> bool {
        failures == self.failures
            || self
                .attempt
                .is_some_and(|attempt| failures == self.after(attempt))
    }
}

/// Sends log-ons and keeps the books on their answers.
struct Books {
    accounts: Vec<Known>,
    /// By identifier: the account, and the request.
    under_way: BTreeMap<u8, (usize, Vec<u8>)>,
    random: Random,
    answered: usize,
}

impl Books {
    fn new(accounts: usize) -> Self {
        Self {
            accounts: vec![Known::default(); accounts],
            under_way: BTreeMap::new(),
            random: Random::new(4),
            answered: 0,
        }
    }

    fn send(&mut self, nas: &Nas, identifier: u8) {
        let account = self.idle_account();
        let is_right = self.random.below(4) == 0;
        let attempt = if is_right {
            Attempt::Right
        } else {
            Attempt::Wrong
        };
        let password = match attempt {
            Attempt::Right => people::password(account),
            Attempt::Wrong => format!("wrong-{}", self.answered),
        };
        let request = nas.pap(&people::name(account), &password);
        let octets = request.identifier(identifier).octets();
        nas.send(&octets);
        self.accounts[account].attempt = Some(attempt);
        self.under_way.insert(identifier, (account, octets));
    }

    fn idle_account(&mut self) -> usize {
        loop {
            let account = self.random.below(self.accounts.len());
            if self.accounts[account].attempt.is_none() {
                return account;
            }
        }
    }

    /// Takes an answer, which must be the one that the books foresee; its identifier is free then.
    fn take(&mut self, nas: &Nas, octets: &[u8]) -> u8 {
        let (account, request) = self
            .under_way
            .remove(&octets[1])
            .expect("a request of ours");
        let reply = Reply::read(octets, &request, nas.secret());
        let known = &mut self.accounts[account];
        let attempt = known.attempt.take().expect("an attempt under way");
        assert_eq!(reply.is_accept(), known.is_accepted(attempt));
        known.failures = known.after(attempt);
        self.answered += 1;
        octets[1]
    }

    /// Works until so many more have been answered, and leaves as many under way as may be.
    fn work(&mut self, nas: &Nas, answers: usize) {
        let enough = self.answered + answers;
        for identifier in 0..UNDER_WAY {
            self.send(nas, identifier);
        }
        while self.answered < enough {
            let octets = nas.receive(PATIENCE).expect("an answer");
            let identifier = self.take(nas, &octets);
            self.send(nas, identifier);
        }
    }

    /// Takes what was answered before the server was killed.
    fn take_the_last(&mut self, nas: &Nas) {
        while let Some(octets) = nas.receive_now() {
            self.take(nas, &octets);
        }
    }

    /// Holds the books against what the server remembers, and goes on from there.
    fn audit(&mut self, daemon: &Daemon) {
        let mut client = Client::connect(&daemon.path("data/control.sock")).unwrap();
        for (account, known) in self.accounts.iter_mut().enumerate() {
            let failures = failures(&mut client, account);
            assert!(
                known.allows(failures),
                "account {account}: {failures} failures are remembered, {} were answered, and \
                 then came {:?}",
                known.failures,
                known.attempt
            );
            *known = Known {
                failures,
                attempt: None,
            };
        }
        self.under_way.clear();
    }
}

/// The lock record that the server has of an account.
fn failures(client: &mut Client, account: usize) -> u8 {
    let request = Request::Explain {
        user: people::name(account),
        service: None,
    };
    let answer = client
        .request(&request, &mut std::io::empty(), |_| {})
        .unwrap();
    let Response::Explanation(explanation) = answer else {
        panic!("{answer:?}");
    };
    let lock = explanation.lock;
    assert_eq!(lock.failures == LOCKED, lock.locked_until.is_some());
    lock.failures
}

/// 10,000 attempts on 2,500 accounts and 20 kills in the full run.
#[test]
fn long_kill_nine_loses_no_failure_that_was_answered() {
    let is_long = std::env::var_os("PORTVAKT_LONG").is_some();
    let (kills, accounts, answers) = if is_long {
        (20, 2500, 500)
    } else {
        (2, 300, 400)
    };
    let mut daemon = Setup::new().people(&people::people(accounts)).start();
    let mut books = Books::new(accounts);
    for _ in 0..kills {
        let nas = daemon.nas();
        books.work(&nas, answers);
        daemon.kill();
        books.take_the_last(&nas);
        daemon.restart();
        books.audit(&daemon);
    }
    let with = |failures| {
        books
            .accounts
            .iter()
            .filter(|known| known.failures == failures)
            .count()
    };
    println!(
        "{} answers, {kills} kills; accounts by failures remembered: {:?}",
        books.answered,
        (0..=LOCKED).map(with).collect::<Vec<_>>()
    );
}
