//! Six failures lock an account, however they come; shown on the real program.

use std::collections::BTreeMap;
use std::time::Instant;

use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use crate::common::{Daemon, Setup, eventually};
use crate::nas::{Nas, PATIENCE, Reply, ssha};

const USER: &str = "anna";
const RIGHT: &str = "correct-horse-battery";

/// Fails so often, each time with another password.
fn fail(daemon: &Daemon, user: &str, times: usize) {
    let nas = daemon.nas();
    for guess in 0..times {
        assert!(nas.log_on(user, &format!("wrong-{guess}")).is_reject());
    }
}

/// How often each reason stands among the first `count` attempts.
fn tally(daemon: &Daemon, count: usize) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for reason in daemon.reasons(count) {
        *tally.entry(reason).or_default() += 1;
    }
    tally
}

/// Sends all log-ons before it reads an answer; those without one are sent again, as a NAS does.
fn log_on_at_once(daemon: &Daemon, passwords: &[String]) -> Vec<Reply> {
    let lines: Vec<_> = passwords
        .chunks(200)
        .map(|passwords| (daemon.nas(), passwords))
        .map(|(nas, passwords)| {
            let requests = passwords
                .iter()
                .map(|password| nas.pap(USER, password).octets());
            let requests: Vec<_> = requests.collect();
            (nas, requests)
        })
        .collect();
    for (nas, requests) in &lines {
        requests.iter().for_each(|request| nas.send(request));
    }
    lines
        .iter()
        .flat_map(|(nas, requests)| collect(nas, requests))
        .collect()
}

/// The answers to requests whose identifiers count from 0.
fn collect(nas: &Nas, requests: &[Vec<u8>]) -> Vec<Reply> {
    let mut replies: BTreeMap<usize, Reply> = BTreeMap::new();
    let give_up = Instant::now() + PATIENCE;
    while replies.len() < requests.len() {
        assert!(
            Instant::now() < give_up,
            "{} of {}",
            replies.len(),
            requests.len()
        );
        let Some(reply) = nas.receive(std::time::Duration::from_secs(2)) else {
            let unanswered = requests.iter().enumerate();
            let unanswered = unanswered.filter(|(index, _)| !replies.contains_key(index));
            unanswered.for_each(|(_, request)| nas.send(request));
            continue;
        };
        let index = usize::from(reply[1]);
        replies.insert(index, Reply::read(&reply, &requests[index], nas.secret()));
    }
    replies.into_values().collect()
}

fn guesses(count: usize) -> Vec<String> {
    (0..count).map(|guess| format!("guess-{guess}")).collect()
}

/// Whatever was not checked met the lock, or was shed.
fn assert_six_checked(tally: &BTreeMap<String, usize>, of: usize) {
    let count = |reason: &str| tally.get(reason).copied().unwrap_or(0);
    assert_eq!(count("wrong-credential"), 6, "{tally:?}");
    let rest = count("locked-out") + count("overloaded");
    assert_eq!(rest, of - 6, "{tally:?}");
}

#[test]
fn of_a_thousand_guesses_at_once_exactly_six_are_checked() {
    let daemon = Setup::new().start();
    let replies = log_on_at_once(&daemon, &guesses(1000));
    assert!(replies.iter().all(Reply::is_reject));
    assert_six_checked(&tally(&daemon, 1000), 1000);
    let lock = &daemon.explain(USER)["lock"];
    assert_eq!(lock["failures"], 6);
    assert!(lock["locked_until"].is_string());
    assert_eq!(daemon.metric("portvakt_locked_accounts"), 1.0);
}

/// A shed log-on is not checked, not counted, and holds none of the six attempts.
#[test]
fn a_thousand_guesses_on_a_short_queue_are_checked_six_times_at_most() {
    let daemon = Setup::new()
        .set("passwords", "hash-queue", "8")
        .set("passwords", "hash-threads", "1")
        .start();
    let replies = log_on_at_once(&daemon, &guesses(1000));
    assert!(replies.iter().all(Reply::is_reject));
    let tally = tally(&daemon, 1000);
    let checked = tally.get("wrong-credential").copied().unwrap_or(0);
    assert!(checked <= 6, "{tally:?}");
    assert_eq!(daemon.failures(USER), checked as u64);
    fail(&daemon, USER, 6 - checked);
    assert!(daemon.nas().log_on(USER, RIGHT).is_reject());
}

/// The right password among them gets in only before the sixth failure, and if it does, the count
/// begins anew: six checked before it at most five, six after it.
#[test]
fn the_right_password_amid_a_thousand_guesses_opens_no_second_chance() {
    let daemon = Setup::new().start();
    let mut passwords = guesses(1000);
    passwords.insert(500, RIGHT.to_owned());
    let replies = log_on_at_once(&daemon, &passwords);
    let accepted = replies.iter().filter(|reply| reply.is_accept()).count();
    let tally = tally(&daemon, 1001);
    let wrong = tally["wrong-credential"];
    match accepted {
        0 => assert_six_checked(&tally, 1001),
        1 => assert!((6..=11).contains(&wrong), "{tally:?}"),
        _ => panic!("one right password, {accepted} accepts"),
    }
    assert_eq!(daemon.explain(USER)["lock"]["failures"], 6);
}

#[test]
fn five_wrong_and_one_right_reset_the_count() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for _ in 0..3 {
        fail(&daemon, USER, 5);
        assert_eq!(daemon.failures(USER), 5);
        assert!(nas.log_on(USER, RIGHT).is_accept());
        assert_eq!(daemon.failures(USER), 0);
    }
}

#[test]
fn after_six_failures_the_right_password_is_refused_until_the_lock_runs_out() {
    let daemon = Setup::new().set("lockout", "duration", "\"3s\"").start();
    fail(&daemon, USER, 6);
    let nas = daemon.nas();
    assert!(nas.log_on(USER, RIGHT).is_reject());
    let is_in = || nas.log_on(USER, RIGHT).is_accept().then_some(());
    assert!(eventually(is_in).is_some(), "the lock never ran out");
    assert_eq!(daemon.failures(USER), 0);
    let reasons = daemon.reasons(8);
    assert_eq!(reasons[..6], ["wrong-credential"; 6]);
    assert_eq!(reasons[6], "locked-out");
}

#[test]
fn an_unlock_opens_at_once() {
    let daemon = Setup::new().start();
    fail(&daemon, USER, 6);
    let nas = daemon.nas();
    assert!(nas.log_on(USER, RIGHT).is_reject());
    let unlocked = daemon.cli(&["account", "unlock", USER, "--why", "called us"]);
    assert!(unlocked.status.success());
    assert_eq!(daemon.failures(USER), 0);
    assert!(nas.log_on(USER, RIGHT).is_accept());
    let is_unlock = |line: &Value| line["what"] == "unlock";
    let act = daemon.wait_for_audit(1, is_unlock).remove(0);
    assert_eq!(
        (&act["account"], &act["why"]),
        (&USER.into(), &"called us".into())
    );
}

/// A device that still sends the password of last week locks nobody out, and gets nobody in.
#[test]
fn the_previous_password_is_refused_but_not_counted() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    assert!(nas.log_on(USER, RIGHT).is_accept());
    let changed = daemon.cli_with(&["account", "set-password", USER], "a-newer-password\n");
    assert!(
        changed.status.success(),
        "{}",
        crate::common::text(&changed)
    );
    for _ in 0..10 {
        assert!(nas.log_on(USER, RIGHT).is_reject());
    }
    assert_eq!(daemon.failures(USER), 0);
    assert_eq!(daemon.reasons(11)[1..], ["previous-password"; 10]);
    assert!(nas.log_on(USER, "a-newer-password").is_accept());
}

#[test]
fn the_same_wrong_password_counts_once_where_so_configured() {
    let daemon = Setup::new()
        .set("lockout", "same-wrong-password", "\"once\"")
        .start();
    let nas = daemon.nas();
    for _ in 0..10 {
        assert!(nas.log_on(USER, "the-old-one").is_reject());
    }
    assert_eq!(daemon.failures(USER), 1);
    fail(&daemon, USER, 4);
    assert!(nas.log_on(USER, "the-old-one").is_reject());
    assert_eq!(daemon.failures(USER), 5);
    assert!(nas.log_on(USER, RIGHT).is_accept());
}

#[test]
fn the_same_wrong_password_counts_each_time_unless_configured() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for _ in 0..6 {
        assert!(nas.log_on(USER, "the-old-one").is_reject());
    }
    assert!(nas.log_on(USER, RIGHT).is_reject());
}

/// OpenVPN's plugin sends an unanswered request again from another port with another authenticator.
#[test]
fn a_log_on_that_its_nas_repeats_while_the_refusal_is_held_back_counts_once() {
    let daemon = Setup::new().set("radius", "reject-delay", "\"5s\"").start();
    // All are there long before the first refusal leaves.
    let ports: Vec<_> = (0..4).map(|_| daemon.nas()).collect();
    let sent = ["wrong-1", "wrong-1", "wrong-1", "wrong-2"];
    for (nas, password) in ports.iter().zip(sent) {
        nas.send(&nas.pap(USER, password).octets());
    }
    assert_eq!(
        tally(&daemon, 4),
        [("wrong-credential".to_owned(), 4)].into()
    );
    assert_eq!(daemon.failures(USER), 2);
}

#[test]
fn counts_and_locks_survive_a_restart() {
    let mut daemon = Setup::new().start();
    fail(&daemon, USER, 4);
    fail(&daemon, "kari", 6);
    daemon.restart();
    assert_eq!(daemon.failures(USER), 4);
    assert!(
        daemon
            .nas()
            .log_on("kari", "granite-and-heather")
            .is_reject()
    );
    fail(&daemon, USER, 2);
    assert!(daemon.nas().log_on(USER, RIGHT).is_reject());
    daemon.restart();
    assert!(daemon.nas().log_on(USER, RIGHT).is_reject());
    let unlocked = daemon.cli(&["account", "unlock", USER]);
    assert!(unlocked.status.success());
    daemon.restart();
    assert!(daemon.nas().log_on(USER, RIGHT).is_accept());
}

/// I5.
#[test]
fn the_test_account_is_never_locked() {
    let daemon = Setup::new().start();
    fail(&daemon, "eduroam-test", 20);
    assert_eq!(daemon.failures("eduroam-test"), 0);
    let accepted = daemon
        .nas()
        .log_on("eduroam-test", "monitored-day-and-night");
    assert!(accepted.is_accept());
}

/// One person, one count: by name, alias, realm, capitals, and in a tunnel or not.
#[test]
fn failures_by_all_names_of_an_account_count_together() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for spelling in [
        "anna",
        "ANNA",
        "anna@campus.example",
        "s100001",
        "S100001@Campus.Example",
    ] {
        assert!(nas.log_on(spelling, spelling).is_reject(), "{spelling}");
    }
    assert_eq!(daemon.failures(USER), 5);
    assert!(daemon.device(&nas, "Anna", "wrong").finish().is_reject());
    assert_eq!(daemon.failures("s100001"), 6);
    for spelling in ["anna", "s100001@campus.example"] {
        assert!(nas.log_on(spelling, RIGHT).is_reject(), "{spelling}");
    }
    assert!(daemon.device(&nas, USER, RIGHT).finish().is_reject());
}

/// Names composed and decomposed are one name (NFC).
#[test]
fn failures_by_composed_and_decomposed_letters_count_together() {
    let people = format!(
        "dn: uid=x,dc=e\nuid:: {}\ndisplayName: Åse\nuserPassword: {}\n\
         eduPersonPrimaryAffiliation: employee\n",
        Base64::encode_string("åse".as_bytes()),
        ssha(RIGHT)
    );
    let daemon = Setup::new().people(&people).start();
    let nas = daemon.nas();
    for spelling in ["åse", "a\u{30a}se", "ÅSE", "A\u{30a}SE@campus.example"] {
        assert!(nas.log_on(spelling, "wrong").is_reject());
    }
    assert_eq!(daemon.failures("åse"), 4);
    assert!(nas.log_on("A\u{30a}se", RIGHT).is_accept());
}

/// A refusal for status is no guess: the password was right.
#[test]
fn refusals_for_status_neither_count_nor_reset() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    fail(&daemon, "ola", 2);
    for _ in 0..8 {
        assert!(nas.log_on("ola", "forgot-to-pay-again").is_reject());
    }
    assert_eq!(daemon.failures("ola"), 2);
}
