//! Guesses faster than the hash pool can check them: real users don't notice, and log-ons that wait too
//! much is refused by rule and counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::common::{Daemon, Setup, eventually};
use crate::nas::people;
use portvakt_auth::password::Argon2Cost;
use portvakt_auth::{HashMemory, PasswordHash};
use portvakt_testkit::supplicant::Supplicant;
use serde_json::Value;

const PEOPLE: usize = 100;
const HASH: &str = "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                    Cm6HzOPSM/KkLb1W1GrvJZ0BlBv0kBX5ZTFoGxzOMjM";

/// One thread hashes and 32 may wait. The last tenth of the people, those who are guessed at,
/// have hashes that take their time; so have names that are nobody's.
fn server() -> Daemon {
    let secret = |index| match index {
        0..90 => people::ssha(&people::password(index)),
        99 => argon2(&people::password(index)),
        _ => HASH.to_owned(),
    };
    Setup::new()
        .people(&people::people_with(PEOPLE, secret))
        .set("passwords", "argon2-memory", "\"19MiB\"")
        .set("passwords", "argon2-iterations", "2")
        .set("passwords", "hash-threads", "1")
        .set("passwords", "hash-queue", "32")
        .start()
}

fn argon2(password: &str) -> String {
    let (cost, mut scratch) = (Argon2Cost::new(19_456, 2, 1).unwrap(), HashMemory::new());
    let hash = PasswordHash::hash_new(password.as_bytes(), [7; 16], cost, &mut scratch);
    hash.unwrap().reveal().to_owned()
}

/// The report on the attack, after a warm-up in which all real users have logged on once.
fn attack(daemon: &Daemon) -> Value {
    let users: String = (0..PEOPLE)
        .map(|index| format!("{}:{}\n", people::name(index), people::password(index)))
        .collect();
    let users = daemon.write("users", &users);
    let options = [
        ["--users", users.to_str().unwrap()],
        ["--scenario", "guess"],
        ["--method", "pap"],
        ["--rate", "200"],
        ["--guesses", "1000"],
        ["--for", "2"],
    ];
    let report = daemon.load(options.as_flattened());
    let [warm_up, attack] = &report["phases"].as_array().unwrap()[..] else {
        panic!("a warm-up, then the attack: {report}");
    };
    assert_eq!(warm_up["classes"][0]["wrong"], serde_json::json!({}));
    attack.clone()
}

fn refusals(daemon: &Daemon, reason: &str) -> f64 {
    daemon.metric(&format!("portvakt_refusals_total{{reason=\"{reason}\"}}"))
}

#[test]
fn guessing_loses_no_real_user_and_the_excess_is_refused_and_counted() {
    let daemon = server();
    let attack = attack(&daemon);
    let class = |index: usize| attack["classes"][index].clone();
    assert!((0..3).all(|index| class(index)["wrong"] == serde_json::json!({})));
    let (users, guesses, nobodies) = (class(0), class(1), class(2));
    assert_eq!(
        (&users["accepted"], &users["right"]),
        (&400.into(), &400.into())
    );
    for guesses in [&guesses, &nobodies] {
        assert_eq!(
            (&guesses["accepted"], &guesses["right"]),
            (&0.into(), &1000.into())
        );
    }
    // Each guess ended in exactly one of these, and the most of them in the second.
    let checked = refusals(&daemon, "wrong-credential") + refusals(&daemon, "unknown-user");
    let shed = refusals(&daemon, "overloaded");
    assert!(shed > 0.0);
    assert_eq!(checked + shed + refusals(&daemon, "locked-out"), 2000.0);
    // Not one real user was among them: all of their log-ons were right, and one more is.
    assert!(
        daemon
            .nas()
            .log_on(&people::name(7), &people::password(7))
            .is_accept()
    );
}

/// A flood of names that nobody has, until it is told to stop; returns how many requests it was.
struct Flood {
    is_over: AtomicBool,
    sent: AtomicUsize,
}

impl Flood {
    fn new() -> Self {
        Self {
            is_over: AtomicBool::new(false),
            sent: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> Option<usize> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        (!self.is_over.load(Ordering::Relaxed)).then_some(number)
    }

    /// By PAP, as fast as the server answers a window of them.
    fn by_pap(&self, daemon: &Daemon) {
        let nas: Vec<_> = (0..64).map(|_| daemon.nas()).collect();
        while let Some(number) = self.next() {
            let requests: Vec<_> = nas
                .iter()
                .enumerate()
                .map(|(line, nas)| nas.pap(&format!("nobody-{number}-{line}"), "wrong"))
                .collect();
            crate::nas::Nas::ask_together(nas.iter().zip(&requests));
        }
    }

    /// By EAP-TTLS/PAP, many conversations side by side.
    fn by_eap(&self, daemon: &Daemon) {
        let nas: Vec<_> = (0..48).map(|_| daemon.nas()).collect();
        while let Some(number) = self.next() {
            let device = |(line, nas)| {
                let profile = daemon.profile(&format!("nobody-{number}-{line}"), "wrong");
                let device = Supplicant::new(profile);
                crate::nas::EapSession::new(nas, device, "anonymous@campus.example")
                    .of_station(&format!("02-00-01-{number:04x}-{line:02x}"))
            };
            let mut sessions: Vec<_> = nas.iter().enumerate().map(device).collect();
            while !sessions.is_empty() {
                let replies = crate::nas::EapSession::step_together(&mut sessions);
                let mut replies = replies.iter();
                sessions.retain(|_| !replies.next().is_some_and(crate::nas::Reply::is_reject));
            }
        }
    }
}

/// Guesses at somebody whose password is remembered while a flood fills the pool: six are compared,
/// each is counted, and the right password is refused after them.
fn assert_six_guesses_amid(flood_by: fn(&Flood, &Daemon)) {
    let daemon = server();
    let (victim, right) = (people::name(99), people::password(99));
    assert!(daemon.nas().log_on(&victim, &right).is_accept());
    let flood = Flood::new();
    std::thread::scope(|scope| {
        scope.spawn(|| flood_by(&flood, &daemon));
        // A panic in here must not leave the flood going on.
        let _end = EndOf(&flood);
        let is_full = || (refusals(&daemon, "overloaded") > 0.0).then_some(());
        assert!(eventually(is_full).is_some(), "the pool was never full");
        let nas = daemon.nas();
        for guess in 0..6 {
            assert!(nas.log_on(&victim, &format!("wrong-{guess}")).is_reject());
        }
        assert!(nas.log_on(&victim, &right).is_reject());
    });
    // What the audit log says of the victim, and what the counters say, add up.
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let lines = eventually(|| {
        let lines = daemon.audit_lines();
        let of_victim: Vec<_> = lines
            .into_iter()
            .filter(|line| line["account"] == victim.as_str() && line["result"] == "reject")
            .collect();
        (of_victim.len() == 7).then_some(of_victim)
    });
    for line in lines.expect("seven refusals of the victim") {
        *reasons
            .entry(line["reason"].as_str().unwrap().into())
            .or_default() += 1;
    }
    let expected = [("locked-out", 1), ("wrong-credential", 6)];
    assert_eq!(
        reasons,
        expected
            .map(|(reason, count)| (reason.into(), count))
            .into()
    );
    assert_eq!(refusals(&daemon, "wrong-credential"), 6.0);
    assert_eq!(refusals(&daemon, "locked-out"), 1.0);
}

struct EndOf<'f>(&'f Flood);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn six_guesses_amid_a_flood_by_pap_lock_the_account() {
    assert_six_guesses_amid(Flood::by_pap);
}

#[test]
fn six_guesses_amid_a_flood_by_eap_lock_the_account() {
    assert_six_guesses_amid(Flood::by_eap);
}
