//! Whether a NAS can tell by the time of an answer why somebody was refused (P5, R6): of every
//! method, the round trip that carries the refusal, for a name that is nobody's, a wrong password, an
//! earlier one, a locked account, a closed one, and one whose password has expired; the last two with
//! the right password.
//!
//! Each round has another name that is nobody's and another guessed account. The six of a round are
//! asked about at once where refusals wait, and else one after the other. Printed are medians, and how far apart the two most different distributions of a row are
//! (Kolmogorov–Smirnov): with the delay of refusals, and without any, which shows what it hides.
//! Without jitter, which would blur it. `cargo bench --bench wire_times`; `PORTVAKT_ROUNDS` is 12.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use common::{Daemon, Setup};
use nas::{EapSession, Nas, PATIENCE, Request, ssha};
use portvakt_auth::mschap::NtHash;
use portvakt_testkit::supplicant::{ClientCertificate, LogOn, Profile, Supplicant, User};
use support::{common, nas};

const RIGHT: &str = "granite-and-heather";
const EARLIER: &str = "heather-and-granite";
const WRONG: &str = "a wrong password";
const DELAY: &str = "300ms";
/// The distance that chance alone exceeds in one of the 15 pairs of a row once in 100 rows, but for
/// the root of (n+m)/(n·m).
const CHANCE: f64 = 2.0;
/// As many failures as the configuration allows: those who are guessed at must not be locked.
const ATTEMPTS: usize = 100;

/// Why somebody is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Unknown,
    Wrong,
    Earlier,
    Locked,
    Closed,
    Expired,
}

const CASES: [Case; 6] = [
    Case::Unknown,
    Case::Wrong,
    Case::Earlier,
    Case::Locked,
    Case::Closed,
    Case::Expired,
];

/// The credential that is wrong or right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Password,
    Secret,
    Certificate,
}

/// One method: its name, and after the round trip that carries the refusal so many more come.
struct Method {
    name: &'static str,
    proof: Proof,
    after: usize,
}

const fn method(name: &'static str, proof: Proof, after: usize) -> Method {
    Method { name, proof, after }
}

/// The names of tunnelled methods are those of the audit log.
const METHODS: [Method; 19] = [
    method("pap", Proof::Password, 0),
    method("chap", Proof::Secret, 0),
    method("mschap", Proof::Password, 0),
    method("mschapv2", Proof::Password, 0),
    method("ttls/pap", Proof::Password, 0),
    method("ttls/chap", Proof::Secret, 0),
    method("ttls/mschap", Proof::Password, 0),
    method("ttls/mschapv2", Proof::Password, 1),
    method("ttls/eap-mschapv2", Proof::Password, 1),
    method("ttls/eap-gtc", Proof::Password, 0),
    method("ttls/eap-md5", Proof::Secret, 0),
    method("ttls/eap-tls", Proof::Certificate, 0),
    method("peap/eap-mschapv2", Proof::Password, 2),
    method("peap/eap-gtc", Proof::Password, 1),
    method("peap/eap-tls", Proof::Certificate, 1),
    method("tls", Proof::Certificate, 0),
    method("teap/password", Proof::Password, 1),
    method("teap/eap-mschapv2", Proof::Password, 2),
    method("teap/eap-tls", Proof::Certificate, 1),
];

fn main() {
    let rounds = std::env::var("PORTVAKT_ROUNDS").map_or(12, |text| text.parse().unwrap());
    for (hash, is_argon) in [("{SSHA}", false), ("Argon2id", true)] {
        for delay in [DELAY, "0s"] {
            let daemon = start(rounds, is_argon, delay);
            println!("\n{hash}, reject-delay {delay}; {rounds} each, medians in milliseconds\n");
            let head = CASES.map(|case| format!("{case:?}").to_lowercase());
            println!("| | {} | apart |", head.join(" | "));
            println!("| --- |{}", " --- |".repeat(1 + CASES.len()));
            for method in &METHODS {
                let at_once = delay != "0s";
                print(method, &measure(&daemon, method, rounds, at_once), rounds);
            }
            println!("\nby chance up to {:.2}", threshold(rounds));
        }
    }
}

/// The times of each case, sorted; none where the method knows no such thing.
fn measure(daemon: &Daemon, method: &Method, rounds: usize, at_once: bool) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::new(); CASES.len()];
    let is_there = |case: &Case| is_there(*case, method.proof);
    for round in 0..rounds {
        // They take turns, so that none always follows the same other.
        let places = (0..CASES.len()).map(|place| (place + round) % CASES.len());
        let places: Vec<_> = places.filter(|place| is_there(&CASES[*place])).collect();
        std::thread::scope(|scope| {
            let time = |place| time(daemon, method, CASES[place], round);
            let ask = |place| (place, scope.spawn(move || time(place)));
            let mut take = |(place, answer): (usize, ScopedJoinHandle<'_, Duration>)| {
                times[place].push(answer.join().unwrap());
            };
            match at_once {
                true => {
                    let asked: Vec<_> = places.into_iter().map(ask).collect();
                    asked.into_iter().for_each(&mut take);
                }
                false => places.into_iter().map(ask).for_each(&mut take),
            }
        });
    }
    times.iter_mut().for_each(|times| times.sort());
    times
}

/// A CHAP secret has neither age nor predecessor, and a certificate can't be guessed.
fn is_there(case: Case, proof: Proof) -> bool {
    match proof {
        Proof::Password => true,
        Proof::Secret => !matches!(case, Case::Earlier | Case::Expired),
        Proof::Certificate => matches!(case, Case::Unknown | Case::Locked | Case::Closed),
    }
}

/// How long the round trip takes that carries the refusal.
fn time(daemon: &Daemon, method: &Method, case: Case, round: usize) -> Duration {
    let nas = daemon.nas();
    let name = account(case, method.proof, round);
    let password = match case {
        Case::Earlier => EARLIER,
        Case::Closed | Case::Expired => RIGHT,
        _ => WRONG,
    };
    if let Some(request) = bare(&nas, method.name, &name, password) {
        let began = Instant::now();
        assert!(nas.ask(&request).is_reject());
        return began.elapsed();
    }
    let station = format!("02-00-00-00-00-{:02x}", case as u8);
    let session = session(daemon, &nas, method.name, &name, password);
    let mut session = session.of_station(&station);
    let mut times = Vec::new();
    loop {
        let request = session.request();
        let began = Instant::now();
        let reply = nas.ask(&request);
        times.push(began.elapsed());
        assert!(!reply.is_accept(), "{} {case:?}", method.name);
        if reply.is_reject() {
            return times[times.len() - 1 - method.after];
        }
        session.take(&reply);
    }
}

fn account(case: Case, proof: Proof, round: usize) -> String {
    let kind = if proof == Proof::Secret {
        "device"
    } else {
        "person"
    };
    match case {
        Case::Unknown => format!("nobody-{round}"),
        Case::Wrong => format!("{kind}-guessed-{round}"),
        other => format!("{kind}-{other:?}").to_lowercase(),
    }
}

fn bare(nas: &Nas, method: &str, name: &str, password: &str) -> Option<Request> {
    match method {
        "pap" => Some(nas.pap(name, password)),
        "chap" => Some(nas.chap(name, password, &[7; 16])),
        "mschap" => Some(nas.ms_chap(name, password, &[7; 8])),
        "mschapv2" => Some(nas.ms_chap_v2(name, password, &[7; 16])),
        _ => None,
    }
}

fn session<'n>(
    daemon: &Daemon,
    nas: &'n Nas,
    method: &str,
    name: &str,
    password: &str,
) -> EapSession<'n> {
    let user = User {
        identity: format!("{name}@campus.example"),
        password: password.to_owned(),
    };
    let authority = daemon.authority();
    let certificate = authority.issue_client(&ClientCertificate::of(&user.identity, 7));
    let log_ons = LogOn::all(&user);
    let log_on = log_ons.into_iter().find(|log_on| log_on.name == method);
    let log_on = log_on.expect(method);
    let profile = Profile {
        certificate: Some(certificate),
        ..Profile::new(authority, log_on.outer, log_on.inner)
    };
    EapSession::new(nas, Supplicant::new(profile), "anonymous@campus.example")
}

/// A server on which everybody is in the state of their name. Hashes are made by the product at its
/// default cost, not at that of the tests, and stay as they are.
fn start(rounds: usize, is_argon: bool, delay: &str) -> Daemon {
    let mut setup = Setup::new()
        .without_clients()
        .client(
            "test",
            "127.0.0.0/8",
            "methods = [\"eap\", \"pap\", \"mschapv2\", \"legacy-mschap\", \"legacy-chap\"]",
        )
        .set("radius", "reject-delay", &format!("\"{delay}\""))
        .set("radius", "reject-jitter-percent", "0")
        .set("lockout", "attempts", &ATTEMPTS.to_string())
        .set("passwords", "argon2-memory", "\"19MiB\"")
        .set("passwords", "argon2-iterations", "2")
        .set("passwords", "upgrade-hashes", "false")
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .set(
            "accounts.attributes",
            "legacy-chap-secret",
            "\"portvaktChapSecret\"",
        );
    for (key, value) in [
        ("methods", "[\"ttls\", \"peap\", \"tls\", \"teap\"]"),
        (
            "ttls-inner",
            "[\"pap\", \"mschapv2\", \"legacy-mschap\", \"legacy-chap\", \"eap-mschapv2\", \
             \"eap-gtc\", \"eap-tls\", \"legacy-eap-md5\"]",
        ),
        ("peap-inner", "[\"eap-mschapv2\", \"eap-gtc\", \"eap-tls\"]"),
        (
            "teap-inner",
            "[\"eap-mschapv2\", \"password\", \"eap-tls\"]",
        ),
        ("client-ca", "\"ca.pem\""),
        ("client-names", "[\"email\"]"),
    ] {
        setup = setup.set("eap", key, value);
    }
    let mut setup = setup.people(&people(rounds, is_argon, EARLIER));
    setup.prepare();
    let changed = setup.write("changed.ldif", &people(rounds, is_argon, RIGHT));
    let words = [
        "account",
        "import",
        "--hash-cleartext",
        changed.to_str().unwrap(),
    ];
    let imported = setup.cli(&words);
    assert!(imported.status.success(), "{}", common::text(&imported));
    let daemon = setup.start();
    for kind in [Proof::Password, Proof::Secret] {
        lock(&daemon, &account(Case::Locked, kind, 0), kind);
    }
    daemon
}

/// Guesses until it is locked. What the server sheds under so many is not counted.
fn lock(daemon: &Daemon, name: &str, proof: Proof) {
    let nas = daemon.nas();
    let is_locked =
        |line: &serde_json::Value| line["account"] == name && line["reason"] == "locked-out";
    let mut guess = 0;
    while !daemon.audit_lines().iter().any(is_locked) {
        for _ in 0..20 {
            guess += 1;
            let guess = format!("guess-{guess}");
            let request = match proof {
                Proof::Secret => nas.chap(name, &guess, &[7; 16]),
                _ => nas.pap(name, &guess),
            };
            nas.send(&request.octets());
        }
        for _ in 0..20 {
            nas.receive(PATIENCE).expect("a refusal");
        }
    }
}

fn people(rounds: usize, is_argon: bool, password: &str) -> String {
    let mut ldif = "version: 1\n".to_owned();
    let nt_hash = NtHash::of_password(password);
    let stored = if is_argon {
        password.to_owned()
    } else {
        ssha(password)
    };
    let guessed = (0..rounds).map(|round| (Case::Wrong, round));
    let others = [Case::Earlier, Case::Locked, Case::Closed, Case::Expired].map(|case| (case, 0));
    for (case, round) in guessed.chain(others) {
        let name = account(case, Proof::Password, round);
        let state = match case {
            Case::Closed => "portvaktSuspended: a report\n",
            Case::Expired => "pwdChangedTime: 20200101000000Z\n",
            _ => "",
        };
        write!(
            ldif,
            "\ndn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: employee\n\
             userPassword: {stored}\nsambaNTPassword: {}\n{state}",
            *nt_hash.reveal()
        )
        .unwrap();
        if matches!(case, Case::Earlier | Case::Expired) {
            continue;
        }
        let name = account(case, Proof::Secret, round);
        write!(
            ldif,
            "\ndn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: service\n\
             portvaktChapSecret: {RIGHT}\n{state}"
        )
        .unwrap();
    }
    ldif
}

fn print(method: &Method, times: &[Vec<Duration>], rounds: usize) {
    let median = |times: &Vec<Duration>| match times.get(times.len() / 2) {
        Some(median) => format!("{:.1}", median.as_secs_f64() * 1e3),
        None => "–".to_owned(),
    };
    let cells: Vec<_> = times.iter().map(median).collect();
    let there: Vec<_> = times.iter().filter(|times| !times.is_empty()).collect();
    let pairs = there
        .iter()
        .flat_map(|one| there.iter().map(|other| distance(one, other)));
    let apart = pairs.fold(0.0, f64::max);
    let verdict = if apart > threshold(rounds) {
        " **told apart**"
    } else {
        ""
    };
    println!(
        "| {} | {} | {apart:.2}{verdict} |",
        method.name,
        cells.join(" | ")
    );
}

fn threshold(rounds: usize) -> f64 {
    CHANCE * (2.0 / rounds as f64).sqrt()
}

/// The largest difference of the two distributions; both are sorted.
fn distance(one: &[Duration], other: &[Duration]) -> f64 {
    let share = |times: &[Duration], most: &Duration| {
        times.partition_point(|time| time <= most) as f64 / times.len() as f64
    };
    let apart = |time: &Duration| (share(one, time) - share(other, time)).abs();
    one.iter().chain(other).map(apart).fold(0.0, f64::max)
}
