//! EAP-MSCHAPv2 beyond the first answer, by Debian's supplicant against the real program: another
//! try after a wrong password, and a new password in place of an expired one.

use crate::common::{Daemon, EapolTest, Setup};
use portvakt_auth::mschap::NtHash;
use serde_json::Value;

const OLD: &str = "heather-and-granite";
const NEW: &str = "moss-and-basalt-2026";
/// The method around EAP-MSCHAPv2, and the user whose password is changed.
const EVERYWHERE: [(&str, &str, &str); 2] = [
    ("PEAP", "auth=MSCHAPV2", "peter"),
    ("TTLS", "autheap=MSCHAPV2", "tone"),
];

/// Two whose password has expired, one whose has not, and one who may not use eduroam besides.
fn people() -> String {
    let nt_hash = NtHash::of_password(OLD);
    let person = |name: &str, more: &str| {
        format!(
            "dn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: employee\n\
             userPassword: {OLD}\nsambaNTPassword: {}\n{more}\n",
            *nt_hash.reveal()
        )
    };
    let expired = "pwdChangedTime: 20200101000000Z\n";
    person("peter", expired)
        + &person("tone", expired)
        + &person("kari", "")
        + &person("vera", &format!("{expired}portvaktService: vpn\n"))
}

fn server() -> Setup {
    Setup::new()
        .set("eap", "methods", "[\"ttls\", \"peap\"]")
        .set(
            "eap",
            "ttls-inner",
            "[\"pap\", \"mschapv2\", \"eap-mschapv2\"]",
        )
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .set("passwords", "change-by-mschapv2", "true")
        .people(&people())
}

fn profile(user: &str, password: &str, eap: &str, phase2: &str) -> EapolTest {
    EapolTest::ttls_pap(user, password)
        .line("eap", eap)
        .line("phase2", &format!("\"{phase2}\""))
}

fn peap(user: &str, password: &str) -> EapolTest {
    profile(user, password, "PEAP", "auth=MSCHAPV2")
}

fn is_attempt(line: &Value) -> bool {
    line["event"] == "attempt"
}

/// The account's stored hash follows: the new password opens by PAP, too, and the old one is told
/// apart as such.
#[test]
fn peer_expired_password_is_changed_by_the_device_and_the_new_one_opens() {
    let daemon = server().start();
    for (eap, phase2, user) in EVERYWHERE {
        let before = daemon.audit_lines().len();
        let device = profile(user, OLD, eap, phase2);
        // Inside EAP-TTLS wpa_supplicant 2.10 waits for its user with the first password, but not
        // with the new one: there it has both at once.
        let (device, answers) = match eap {
            "PEAP" => (device, vec![("NEW_PASSWORD", NEW)]),
            _ => (
                device.without("password"),
                vec![("NEW_PASSWORD", NEW), ("PASSWORD", OLD)],
            ),
        };
        let (run, asked) = device.run_prompted(&daemon, &answers);
        assert!(run.is_accept(), "{eap}:\n{}", run.output);
        assert!(
            asked.contains(&answers.last().unwrap().0.to_owned()),
            "{asked:?}"
        );
        let lines = daemon.wait_for_audit(before + 3, |_| true);
        let [refused, act, accepted] = &lines[before..] else {
            panic!("{lines:#?}");
        };
        assert_eq!(refused["reason"], "password-expired", "{refused}");
        assert_eq!(act["what"], "change-password", "{act}");
        assert_eq!((&act["who"], &act["account"]), (&user.into(), &user.into()));
        assert_eq!(accepted["result"], "accept", "{accepted}");
        let detail = accepted["detail"].as_str().unwrap();
        assert!(detail.contains("changed it"), "{detail}");

        for run in [
            profile(user, NEW, eap, phase2).run(&daemon),
            EapolTest::ttls_pap(user, NEW).run(&daemon),
        ] {
            assert!(run.is_accept(), "{eap}:\n{}", run.output);
        }
        assert!(profile(user, OLD, eap, phase2).run(&daemon).is_reject());
        let last = daemon
            .wait_for_audit(before + 6, |_| true)
            .remove(before + 5);
        assert_eq!(last["reason"], "previous-password", "{last}");
        assert!(!daemon.log().contains(NEW));
    }
    assert!(
        daemon
            .audit_lines()
            .iter()
            .all(|line| !line.to_string().contains(NEW))
    );
}

#[test]
fn changed_password_survives_a_restart() {
    let mut daemon = server().start();
    let device = peap("peter", OLD);
    let (run, _) = device.run_prompted(&daemon, &[("NEW_PASSWORD", NEW)]);
    assert!(run.is_accept(), "{}", run.output);
    daemon.kill();
    daemon.restart();
    assert!(peap("peter", NEW).run(&daemon).is_accept());
}

/// Expired and nothing to be done about it here: the device hears E=691, and asks nobody.
#[test]
fn peer_change_is_not_offered_where_it_is_not_possible() {
    let off = server().set("passwords", "change-by-mschapv2", "false");
    for (daemon, user) in [(off.start(), "peter"), (server().start(), "vera")] {
        let (run, asked) = peap(user, OLD).run_prompted(&daemon, &[("NEW_PASSWORD", NEW)]);
        assert!(run.is_reject(), "{}", run.output);
        assert!(asked.is_empty(), "{asked:?}");
        assert!(run.output.contains("error 691"), "{}", run.output);
        assert_eq!(daemon.attempt(1)["reason"], "password-expired");
    }
}

/// I6: that a password has expired is told to nobody who does not have it.
#[test]
fn peer_wrong_password_is_not_told_that_the_right_one_has_expired() {
    let daemon = server().start();
    let (run, asked) = peap("peter", "wrong").run_prompted(&daemon, &[("NEW_PASSWORD", NEW)]);
    assert!(run.is_reject(), "{}", run.output);
    assert!(asked.is_empty(), "{asked:?}");
    assert!(run.output.contains("error 691"), "{}", run.output);
    assert_eq!(daemon.attempt(1)["reason"], "wrong-credential");
}

#[test]
fn peer_unfit_new_password_is_refused_and_nothing_is_counted() {
    let daemon = server().set("lockout", "attempts", "1").start();
    for (count, new, what) in [(2, "short", "fewer than 15"), (4, OLD, "is the old one")] {
        let (run, _) = peap("peter", OLD).run_prompted(&daemon, &[("NEW_PASSWORD", new)]);
        assert!(run.is_reject(), "{}", run.output);
        assert!(run.output.contains("error 709"), "{}", run.output);
        let line = daemon.attempt(count);
        assert_eq!(line["reason"], "password-expired", "{line}");
        assert!(line["detail"].as_str().unwrap().contains(what), "{line}");
    }
    let (run, _) = peap("peter", OLD).run_prompted(&daemon, &[("NEW_PASSWORD", NEW)]);
    assert!(run.is_accept(), "{}", run.output);
}

/// E=647, E=649 for who has proven the password, whatever else is wrong.
#[test]
fn peer_reason_is_told_inside_the_tunnel_once_the_password_is_proven() {
    let daemon = server().start();
    let why = ["--why", "abuse"];
    let suspended = daemon.cli(&[&["account", "suspend", "kari"][..], &why].concat());
    assert!(suspended.status.success());
    for (password, error) in [(OLD, "error 647"), ("wrong", "error 691")] {
        let run = peap("kari", password).run(&daemon);
        assert!(run.is_reject(), "{}", run.output);
        assert!(run.output.contains(error), "{}", run.output);
    }
}

fn patient(retries: u8) -> Daemon {
    server()
        .set("eap", "mschapv2-retries", &retries.to_string())
        .start()
}

/// wpa_supplicant asks for the name as well, and tries again as soon as it has either.
const RIGHT: [(&str, &str); 1] = [("PASSWORD", OLD)];

#[test]
fn peer_device_asks_its_user_again_where_that_is_configured() {
    let daemon = patient(1);
    let (run, asked) = peap("kari", "wrong").run_prompted(&daemon, &RIGHT);
    assert!(run.is_accept(), "{}", run.output);
    assert_eq!(asked, ["IDENTITY", "PASSWORD"]);
    let lines = daemon.wait_for_audit(2, is_attempt);
    assert_eq!(lines[0]["reason"], "wrong-credential", "{}", lines[0]);
    assert_eq!(lines[0]["account"], "kari", "{}", lines[0]);
    assert_eq!(lines[1]["result"], "accept", "{}", lines[1]);
    assert_eq!(lines.len(), 2);
}

/// Inside EAP-TTLS wpa_supplicant 2.10 ends instead of asking its user; our own supplicant shows
/// beside the conversation that it works.
#[test]
fn peer_device_that_gives_up_between_two_tries_leaves_the_reason() {
    let daemon = server()
        .set("eap", "mschapv2-retries", "1")
        .set("radius", "conversation-timeout", "\"5s\"")
        .start();
    let device = profile("kari", "wrong", "TTLS", "autheap=MSCHAPV2");
    let (run, asked) = device.run_prompted(&daemon, &[]);
    assert!(!run.is_accept(), "{}", run.output);
    assert_eq!(asked, ["IDENTITY", "PASSWORD"]);
    let line = daemon.attempt(1);
    assert_eq!(line["reason"], "wrong-credential", "{line}");
    assert_eq!(line["result"], "gave-up", "{line}");
}

#[test]
fn peer_device_asks_nobody_by_default() {
    let daemon = patient(0);
    let (run, asked) = peap("kari", "wrong").run_prompted(&daemon, &RIGHT);
    assert!(run.is_reject(), "{}", run.output);
    assert!(asked.is_empty(), "{asked:?}");
    assert_eq!(daemon.wait_for_audit(1, is_attempt).len(), 1);
}

/// A try is a log-on like any other: the lock that it sets refuses the right one after it.
#[test]
fn peer_lock_between_two_tries_refuses_the_second() {
    let daemon = server()
        .set("eap", "mschapv2-retries", "1")
        .set("lockout", "attempts", "1")
        .start();
    let (run, _) = peap("kari", "wrong").run_prompted(&daemon, &RIGHT);
    assert!(run.is_reject(), "{}", run.output);
    let lines = daemon.wait_for_audit(2, is_attempt);
    assert_eq!(lines[0]["reason"], "wrong-credential", "{}", lines[0]);
    assert_eq!(lines[1]["reason"], "locked-out", "{}", lines[1]);
}

/// In EAP-TTLS without EAP a device takes the error for the end, and the program offers no more.
#[test]
fn peer_bare_mschapv2_in_ttls_has_one_try_and_no_change() {
    let daemon = patient(2);
    for (user, password) in [("kari", "wrong"), ("peter", OLD)] {
        let device = profile(user, password, "TTLS", "auth=MSCHAPV2");
        let answers = [RIGHT.as_slice(), &[("NEW_PASSWORD", NEW)]].concat();
        let (run, asked) = device.run_prompted(&daemon, &answers);
        assert!(run.is_reject(), "{}", run.output);
        assert!(asked.is_empty(), "{asked:?}");
    }
}
