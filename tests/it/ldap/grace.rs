//! The directory is away, and there is no mirror: who has proven who they are, and was there lately,
//! goes on.

use portvakt_testkit::supplicant::{Device, Outcome, Profile};

use crate::common::{AccessPoint, Daemon, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody};

fn start(slapd: &Slapd, verify: &str, grace: &str) -> Daemon {
    start_by(
        slapd,
        &format!("verify = {verify:?}\ngrace = {grace:?}\ntimeout = \"1s\""),
    )
}

/// One that has the accounts in memory, or not.
fn start_with(slapd: &Slapd, verify: &str, mirror: bool) -> Daemon {
    let mirror = if mirror { "sync" } else { "off" };
    start_by(
        slapd,
        &format!("verify = {verify:?}\nmirror = {mirror:?}\ntimeout = \"500ms\""),
    )
}

fn start_by(slapd: &Slapd, lines: &str) -> Daemon {
    let table = slapd.directory_table(lines);
    let daemon = Setup::new().people("").more(&table).start();
    log_on(&daemon, "bo");
    daemon
}

fn log_on(daemon: &Daemon, user: &str) {
    let accepted = eventually(|| daemon.radclient(user, PASSWORD).is_accept().then_some(()));
    assert!(accepted.is_some(), "{}", daemon.log());
}

/// Reason and detail of one more log-on.
fn told(daemon: &Daemon, user: &str, password: &str) -> [String; 2] {
    let before = daemon.audit_lines().len();
    daemon.radclient(user, password);
    let attempt = daemon.attempt(before + 1);
    ["reason", "detail"].map(|key| attempt[key].as_str().unwrap_or_default().to_owned())
}

fn reason(daemon: &Daemon, user: &str, password: &str) -> String {
    let [reason, _] = told(daemon, user, password);
    reason
}

/// A password that differs from the one that was right lately is a guess, directory or not; of one
/// that nothing is known of, nothing is learned and nothing counted.
#[test]
fn peer_slapd_is_gone_and_six_guesses_are_six() {
    for is_killed in [true, false] {
        for verify in ["hash", "bind"] {
            for mirror in [false, true] {
                let mut slapd = Slapd::with(&everybody());
                let daemon = start_with(&slapd, verify, mirror);
                match is_killed {
                    true => slapd.kill(),
                    false => slapd.pause(),
                }
                let context = format!("killed: {is_killed}, {verify}, mirror: {mirror}");
                // Without a mirror by hash, the directory has the hashes of people not here before.
                if verify == "bind" || !mirror {
                    for password in ["wrong", "wrong", PASSWORD] {
                        let reason = reason(&daemon, "anna", password);
                        assert_eq!(reason, "directory-unavailable", "{context}");
                    }
                }
                for guess in 0..6 {
                    let reason = reason(&daemon, "bo", &format!("wrong-{guess}"));
                    assert_eq!(reason, "wrong-credential", "{context}");
                }
                assert_eq!(reason(&daemon, "bo", PASSWORD), "locked-out", "{context}");
                let words = ["account", "unlock", "bo", "--why", "called"];
                let unlocked = daemon.cli(&words);
                assert!(unlocked.status.success(), "{context}: {unlocked:?}");
                assert!(daemon.radclient("bo", PASSWORD).is_accept(), "{context}");
                if !is_killed {
                    slapd.resume();
                }
            }
        }
    }
}

/// No log-on is wrongly accepted, and none wrongly counted.
#[test]
fn peer_slapd_is_killed_and_who_has_proven_themselves_goes_on() {
    for verify in ["hash", "bind"] {
        let mut slapd = Slapd::with(&everybody());
        let daemon = start(&slapd, verify, "10m");
        assert_eq!(reason(&daemon, "closed", PASSWORD), "deactivated");
        log_on(&daemon, "victim");
        for _ in 0..6 {
            assert_eq!(reason(&daemon, "victim", "wrong"), "wrong-credential");
        }
        slapd.kill();
        let [refused, detail] = told(&daemon, "bo", PASSWORD);
        assert_eq!(refused, "", "{detail}");
        assert!(detail.contains("the directory is away"), "{detail}");
        for _ in 0..5 {
            assert_eq!(reason(&daemon, "bo", "wrong"), "wrong-credential");
        }
        assert_eq!(reason(&daemon, "bo", PASSWORD), "");
        assert_eq!(reason(&daemon, "victim", PASSWORD), "locked-out");
        assert_ne!(reason(&daemon, "closed", PASSWORD), "");
        for user in ["anna", "stranger"] {
            assert_eq!(reason(&daemon, user, PASSWORD), "directory-unavailable");
        }
        let (status, health) = daemon.health();
        assert_eq!(status, 503, "{health}");
        assert!(health.contains("go on for 600 s"), "{health}");
        slapd.start();
        log_on(&daemon, "anna");
    }
}

#[test]
fn whoever_the_directory_closed_or_removed_before_it_went_away_stays_out() {
    let mut slapd = Slapd::with(&everybody());
    let daemon = start(&slapd, "hash", "10m");
    log_on(&daemon, "victim");
    slapd.change(
        "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
         add: portvaktDeactivated\nportvaktDeactivated: lost laptop\n\n\
         dn: uid=victim,ou=people,dc=campus,dc=example\nchangetype: delete\n",
    );
    assert_eq!(reason(&daemon, "bo", PASSWORD), "deactivated");
    assert_eq!(reason(&daemon, "victim", PASSWORD), "unknown-user");
    slapd.kill();
    assert_eq!(reason(&daemon, "bo", PASSWORD), "deactivated");
    let now_unsure = reason(&daemon, "victim", PASSWORD);
    assert_eq!(now_unsure, "directory-unavailable");
}

#[test]
fn without_grace_nobody_goes_on() {
    let mut slapd = Slapd::with(&everybody());
    let daemon = start(&slapd, "hash", "0s");
    slapd.kill();
    assert_eq!(reason(&daemon, "bo", PASSWORD), "directory-unavailable");
    let (_, health) = daemon.health();
    assert!(!health.contains("go on"), "{health}");
}

#[test]
fn session_is_resumed_while_the_directory_is_away() {
    let mut slapd = Slapd::with(&everybody());
    let daemon = start(&slapd, "hash", "10m");
    let profile = Profile::pap(daemon.authority(), "bo@campus.example", PASSWORD.as_bytes());
    let device = Device::new(profile);
    let comes_back = || {
        let mut supplicant = device.supplicant();
        let outcome = AccessPoint::of(&daemon).converse(&mut supplicant);
        (outcome == Some(Outcome::Success), supplicant.is_resumed())
    };
    assert_eq!(comes_back(), (true, false));
    slapd.kill();
    assert_eq!(comes_back(), (true, true));
}
