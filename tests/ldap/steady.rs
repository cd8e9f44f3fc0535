//! Two servers that fail in turn while people go on logging on: nobody wrongly let in, nobody wrongly
//! counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::{AccessPoint, Daemon, Setup, Slapd, eventually};
use crate::people::{PASSWORD, person};

/// Access points that ask at the same time, each for people of its own.
const ACCESS_POINTS: usize = 4;
/// One log-on in so many has a wrong password: fewer in all than lock an account.
const WRONG_ONE_IN: usize = 250;

/// What came of the log-ons of one phase.
#[derive(Default)]
struct Figures {
    accepted: usize,
    refused: usize,
    shed: usize,
    slowest: Duration,
}

fn people() -> String {
    let names =
        (0..ACCESS_POINTS).flat_map(|number| [format!("right{number}"), format!("wrong{number}")]);
    let all: Vec<_> = names.map(|name| person(&name, "employee", "")).collect();
    all.join("\n")
}

/// Logs people on until told to stop.
fn ask(daemon: &Daemon, number: usize, stop: &AtomicBool) -> Figures {
    let mut access_point = AccessPoint::of(daemon);
    let mut figures = Figures::default();
    for turn in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let is_wrong = turn % WRONG_ONE_IN == 20;
        let (user, password) = match is_wrong {
            true => (format!("wrong{number}"), "wrong"),
            false => (format!("right{number}"), PASSWORD),
        };
        let began = Instant::now();
        access_point.ask_for(&user, password);
        let answer = access_point.receive_within(Duration::from_secs(10));
        figures.slowest = figures.slowest.max(began.elapsed());
        match answer.map(|reply| reply.code == portvakt_radius::Code::AccessAccept) {
            Some(true) => {
                assert!(!is_wrong, "a wrong password let somebody in");
                figures.accepted += 1;
            }
            Some(false) => figures.refused += 1,
            None => figures.shed += 1,
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    figures
}

/// The load of one phase, in whose middle something happens.
fn phase(daemon: &Daemon, name: &str, happens: impl FnOnce(Duration)) -> Figures {
    let half = match std::env::var_os("PORTVAKT_LONG") {
        Some(_) => Duration::from_secs(6),
        None => Duration::from_millis(500),
    };
    let stop = AtomicBool::new(false);
    let mut all = Figures::default();
    std::thread::scope(|scope| {
        let stop = &stop;
        let asking: Vec<_> = (0..ACCESS_POINTS)
            .map(|number| scope.spawn(move || ask(daemon, number, stop)))
            .collect();
        happens(half);
        stop.store(true, Ordering::Relaxed);
        for figures in asking.into_iter().map(|thread| thread.join().unwrap()) {
            all.accepted += figures.accepted;
            all.refused += figures.refused;
            all.shed += figures.shed;
            all.slowest = all.slowest.max(figures.slowest);
        }
    });
    println!(
        "{name}: {} accepted, {} refused, {} without answer, the slowest {:?}",
        all.accepted, all.refused, all.shed, all.slowest
    );
    all
}

/// Why people of each sort were refused, and how often.
fn reasons(daemon: &Daemon, sort: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in daemon.audit_lines() {
        let is_of_sort = line["inner_identity"]
            .as_str()
            .or(line["outer_identity"].as_str());
        if line["event"] == "attempt" && is_of_sort.is_some_and(|name| name.starts_with(sort)) {
            let reason = line["reason"].as_str().unwrap_or("accepted").to_owned();
            *counts.entry(reason).or_default() += 1;
        }
    }
    counts
}

/// P4. With `PORTVAKT_LONG=1` a minute for each way to check passwords.
#[test]
fn long_failing_directories_let_nobody_in_wrongly_and_count_nobody_wrongly() {
    for verify in ["hash", "bind"] {
        println!("verify = {verify:?}");
        let (mut first, mut second) = (Slapd::with(&people()), Slapd::with(&people()));
        let read = |slapd: &Slapd| std::fs::read_to_string(slapd.path("ca.pem")).unwrap();
        let authorities = read(&first) + &read(&second);
        std::fs::write(first.path("ca.pem"), authorities).unwrap();
        let servers = [first.ldaps(), second.ldaps()];
        let lines = format!("verify = {verify:?}\ntimeout = \"1s\"");
        let table = first.table_for(&[&servers[0], &servers[1]], &lines);
        let setup = Setup::new().people("").more(&table);
        let setup = setup.set("passwords", "remember-proofs", "\"0s\"");
        let daemon = setup.set("lockout", "attempts", "100").start();
        let is_back = || {
            let mut access_point = AccessPoint::of(&daemon);
            eventually(|| access_point.log_on("right0", PASSWORD).then_some(()))
        };
        assert!(is_back().is_some(), "{}", daemon.log());
        let pause = std::thread::sleep;
        let quiet = phase(&daemon, "nothing happens", |half| pause(2 * half));
        let killed = phase(&daemon, "the first is killed, and restarted", |half| {
            first.kill();
            pause(half);
            first.start();
            pause(half);
        });
        let stopped = phase(&daemon, "the first is stopped, and goes on", |half| {
            first.pause();
            pause(half);
            first.resume();
            pause(half);
        });
        let silent = phase(&daemon, "both are stopped, and go on", |half| {
            first.pause();
            second.pause();
            pause(half);
            first.resume();
            second.resume();
            pause(half);
        });
        let gone = phase(
            &daemon,
            "both are killed, and the second restarted",
            |half| {
                first.kill();
                second.kill();
                pause(half);
                second.start();
                pause(half);
            },
        );
        assert!(is_back().is_some(), "{}", daemon.log());
        for figures in [&quiet, &killed, &stopped, &silent, &gone] {
            assert_eq!(figures.shed, 0);
        }
        // One server is enough, and a short silence is not the end.
        for figures in [&quiet, &killed, &stopped] {
            assert!(figures.accepted > 0);
        }
        let right = reasons(&daemon, "right");
        let wrong = reasons(&daemon, "wrong");
        println!("the right password: {right:?}; a wrong one: {wrong:?}");
        let fair = ["accepted", "directory-unavailable", "overloaded"];
        assert!(
            right.keys().all(|reason| fair.contains(&reason.as_str())),
            "{right:?}"
        );
        let fair = ["wrong-credential", "directory-unavailable", "overloaded"];
        assert!(
            wrong.keys().all(|reason| fair.contains(&reason.as_str())),
            "{wrong:?}"
        );
    }
}
