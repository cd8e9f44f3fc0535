//! `kill -9` in the middle of many records: each that was answered is there afterwards.

use std::collections::BTreeMap;

use super::nas::{check, setup};
use super::{START, STOP};
use crate::nas::{Nas, PATIENCE};

/// Records under way at the same time, each with its identifier.
const UNDER_WAY: u8 = 128;

/// Sends records, and keeps the books on their answers: session `n` has its Start, then its Stop.
#[derive(Default)]
struct Books {
    next: usize,
    /// By identifier: the session, its status, and the request.
    under_way: BTreeMap<u8, (usize, u32, Vec<u8>)>,
    /// Sessions by the status that was answered last.
    answered: BTreeMap<usize, u32>,
    answers: usize,
}

impl Books {
    fn send(&mut self, nas: &super::AccountingNas, identifier: u8, session: usize, status: u32) {
        let record = nas.record(status, &session.to_string());
        let record = record
            .identifier(identifier)
            .user("anna")
            .session_time(status);
        let octets = record.octets(nas.nas().secret());
        nas.nas().send(&octets);
        self.under_way.insert(identifier, (session, status, octets));
    }

    fn begin(&mut self, nas: &super::AccountingNas, identifier: u8) {
        let session = self.next;
        self.next += 1;
        self.send(nas, identifier, session, START);
    }

    fn take(&mut self, nas: &Nas, octets: &[u8]) -> (u8, usize, u32) {
        let (session, status, request) = self.under_way.remove(&octets[1]).expect("ours");
        check(octets, &request, nas.secret());
        self.answered.insert(session, status);
        self.answers += 1;
        (octets[1], session, status)
    }

    fn work(&mut self, nas: &super::AccountingNas, answers: usize) {
        let enough = self.answers + answers;
        for identifier in 0..UNDER_WAY {
            self.begin(nas, identifier);
        }
        while self.answers < enough {
            let octets = nas.nas().receive(PATIENCE).expect("an answer");
            let (identifier, session, status) = self.take(nas.nas(), &octets);
            match status {
                START if session % 3 > 0 => self.send(nas, identifier, session, STOP),
                _ => self.begin(nas, identifier),
            }
        }
    }
}

/// AC1, R10: 20,000 records and 10 kills in the full run.
#[test]
fn long_kill_nine_loses_no_record_that_was_answered() {
    let is_long = std::env::var_os("PORTVAKT_LONG").is_some();
    let (kills, answers) = if is_long { (10, 2000) } else { (2, 1000) };
    let mut daemon = setup().start();
    let mut books = Books::default();
    for _ in 0..kills {
        let nas = daemon.accounting_nas();
        books.work(&nas, answers);
        daemon.kill();
        while let Some(octets) = nas.nas().receive_now() {
            books.take(nas.nas(), &octets);
        }
        books.under_way.clear();
        daemon.restart();
        let sessions = daemon.sessions(&["--limit", "100000"]);
        let stopped: BTreeMap<usize, bool> = sessions
            .iter()
            .map(|session| {
                let number = session["session_id"].as_str().unwrap().parse().unwrap();
                (number, session["ended_by"] == "stopped")
            })
            .collect();
        assert_eq!(stopped.len(), sessions.len(), "each session is there once");
        for (session, status) in &books.answered {
            let is_stopped = stopped.get(session);
            assert!(is_stopped.is_some(), "session {session} is missing");
            assert!(*status == START || is_stopped == Some(&true), "{session}");
        }
    }
    println!("{} answers, {kills} kills", books.answers);
}
