//! Log-ons while a mirror of the directory is kept: what a change does to them, and what happens when
//! the directory is away.

use portvakt_testkit::supplicant::{Device, Outcome, Profile};

use crate::common::{AccessPoint, Daemon, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody, hash};

const MIRRORED: &str = "mirror = \"auto\"\ntimeout = \"1s\"";

fn start(slapd: &Slapd, lines: &str) -> Daemon {
    let table = slapd.directory_table(lines);
    Setup::new().people("").more(&table).start()
}

fn becomes(daemon: &Daemon, state: &str) {
    let sample = format!("portvakt_mirror_state{{directory=\"campus\",state={state:?}}}");
    let is_so = eventually(|| (daemon.metric(&sample) > 0.0).then_some(()));
    assert!(
        is_so.is_some(),
        "not {state}:\n{}\n{}",
        daemon.metrics(),
        daemon.log()
    );
}

fn mirrored(slapd: &Slapd) -> Daemon {
    let daemon = start(slapd, MIRRORED);
    becomes(&daemon, "current");
    daemon
}

/// Why a log-on was refused; nothing if it was not.
fn reason(daemon: &Daemon, user: &str, password: &str) -> String {
    let before = daemon.audit_lines().len();
    daemon.radclient(user, password);
    let attempt = daemon.attempt(before + 1);
    attempt["reason"].as_str().unwrap_or_default().to_owned()
}

fn replace(slapd: &Slapd, uid: &str, attribute: &str, value: &str) {
    slapd.change(&format!(
        "dn: uid={uid},ou=people,dc=campus,dc=example\nchangetype: modify\n\
         replace: {attribute}\n{attribute}: {value}\n"
    ));
}

#[test]
fn peer_slapd_is_away_and_its_people_go_on_but_nobody_else() {
    let mut slapd = Slapd::with(&everybody());
    let mut daemon = mirrored(&slapd);
    slapd.kill();
    becomes(&daemon, "away");
    let restarted = |daemon: &mut Daemon| {
        daemon.restart();
        assert_eq!(
            daemon.metric("portvakt_mirror_accounts{directory=\"campus\"}"),
            7.0
        );
    };
    for again in [false, true] {
        if again {
            restarted(&mut daemon);
        }
        assert!(
            daemon.radclient("bo", PASSWORD).is_accept(),
            "{}",
            daemon.log()
        );
        assert_eq!(reason(&daemon, "closed", PASSWORD), "deactivated");
        assert_eq!(reason(&daemon, "gone", PASSWORD), "left");
        assert_eq!(
            reason(&daemon, "stranger", PASSWORD),
            "directory-unavailable"
        );
        let (status, health) = daemon.health();
        assert_eq!(status, 200, "{health}");
        assert!(health.contains("known accounts go on"), "{health}");
    }
    // The lock is ours: it holds whether the directory is there or not.
    for _ in 0..6 {
        assert_eq!(reason(&daemon, "victim", "wrong"), "wrong-credential");
    }
    assert_eq!(reason(&daemon, "victim", PASSWORD), "locked-out");
    slapd.start();
    becomes(&daemon, "current");
    assert_eq!(reason(&daemon, "stranger", PASSWORD), "unknown-user");
    assert_eq!(reason(&daemon, "victim", PASSWORD), "locked-out");
}

#[test]
fn peer_slapd_changes_a_password_and_the_old_one_is_at_once_no_more() {
    let slapd = Slapd::with(&everybody());
    let daemon = mirrored(&slapd);
    // Twice: the second time from memory.
    assert!(daemon.radclient("bo", PASSWORD).is_accept());
    assert!(daemon.radclient("bo", PASSWORD).is_accept());
    replace(&slapd, "bo", "userPassword", &hash("another-password"));
    let changed = eventually(|| daemon.radclient("bo", PASSWORD).is_reject().then_some(()));
    assert!(changed.is_some());
    // It is a previous one: a device that goes on sending it locks nobody out.
    for _ in 0..7 {
        assert_eq!(reason(&daemon, "bo", PASSWORD), "previous-password");
    }
    // Right, but set by an administrator: ppolicy wants it changed first.
    assert_eq!(
        reason(&daemon, "bo", "another-password"),
        "temporary-not-allowed"
    );
}

#[test]
fn peer_slapd_closes_an_account_and_what_is_remembered_opens_nothing() {
    let slapd = Slapd::with(&everybody());
    let daemon = mirrored(&slapd);
    assert!(daemon.radclient("bo", PASSWORD).is_accept());
    replace(&slapd, "bo", "portvaktDeactivated", "left the house");
    let closed = eventually(|| daemon.radclient("bo", PASSWORD).is_reject().then_some(()));
    assert!(closed.is_some());
    assert_eq!(reason(&daemon, "bo", PASSWORD), "deactivated");
    slapd.change("dn: uid=anna,ou=people,dc=campus,dc=example\nchangetype: delete\n");
    let gone = eventually(|| (reason(&daemon, "anna", PASSWORD) == "unknown-user").then_some(()));
    assert!(gone.is_some());
}

#[test]
fn whoever_is_new_in_the_directory_logs_on() {
    let slapd = Slapd::with(&everybody());
    let daemon = mirrored(&slapd);
    assert_eq!(reason(&daemon, "new", PASSWORD), "unknown-user");
    let new = crate::ldap::people::person("new", "employee", "");
    slapd.change(&new.replace(
        "\nobjectClass: inetOrg",
        "\nchangetype: add\nobjectClass: inetOrg",
    ));
    let accepted = eventually(|| daemon.radclient("new", PASSWORD).is_accept().then_some(()));
    assert!(accepted.is_some(), "{}", daemon.log());
}

/// E7: neither a session nor a remembered password outlives the password it was proven by.
#[test]
fn peer_slapd_changes_a_password_and_sessions_of_the_old_one_are_ended() {
    let slapd = Slapd::with(&everybody());
    let daemon = mirrored(&slapd);
    let device = |password: &str| {
        let identity = "bo@campus.example";
        Device::new(Profile::pap(
            daemon.authority(),
            identity,
            password.as_bytes(),
        ))
    };
    let comes_back = |device: &Device| {
        let mut supplicant = device.supplicant();
        let outcome = AccessPoint::of(&daemon).converse(&mut supplicant);
        (outcome == Some(Outcome::Success), supplicant.is_resumed())
    };
    let of_old = device(PASSWORD);
    assert_eq!(comes_back(&of_old), (true, false));
    assert_eq!(comes_back(&of_old), (true, true));
    assert!(daemon.radclient("bo", PASSWORD).is_accept());
    replace(&slapd, "bo", "userPassword", &hash("another-one"));
    let is_seen = eventually(|| {
        (daemon.metric("portvakt_mirror_changes_total{directory=\"campus\"}") > 0.0).then_some(())
    });
    assert!(is_seen.is_some(), "{}", daemon.log());
    assert_eq!(comes_back(&of_old), (false, false));
    assert_eq!(reason(&daemon, "bo", PASSWORD), "previous-password");
    // Right, but set by an administrator: ppolicy wants it changed first.
    assert_eq!(comes_back(&device("another-one")), (false, false));
    daemon.wait_for_audit(1, |line| line["reason"] == "temporary-not-allowed");
}

/// All beneath a container that is renamed have other names, and nobody tells of them.
#[test]
fn peer_slapd_renames_a_container_and_nobody_beneath_it_is_refused_or_counted() {
    let slapd = Slapd::with(&everybody());
    slapd.change(
        "dn: ou=physics,ou=people,dc=campus,dc=example\nobjectClass: organizationalUnit\n\
         ou: physics\n\n",
    );
    let phys = crate::ldap::people::person("phys", "employee", "");
    slapd.change(&phys.replace("uid=phys,", "uid=phys,ou=physics,"));
    let setup = Setup::new().set("passwords", "remember-proofs", "\"0s\"");
    let table = slapd.directory_table("mirror = \"sync\"\nverify = \"bind\"");
    let daemon = setup.people("").more(&table).start();
    becomes(&daemon, "current");
    assert_eq!(reason(&daemon, "phys", PASSWORD), "");
    slapd.change(
        "dn: ou=physics,ou=people,dc=campus,dc=example\nchangetype: modrdn\n\
         newrdn: ou=fysikk\ndeleteoldrdn: 1\n",
    );
    assert_eq!(reason(&daemon, "phys", PASSWORD), "");
    for _ in 0..6 {
        assert_eq!(reason(&daemon, "phys", "wrong"), "wrong-credential");
    }
    assert_eq!(reason(&daemon, "phys", PASSWORD), "locked-out");
}
