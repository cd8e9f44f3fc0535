//! A session that a device may resume opens nothing by itself (E7, I2): what the account is now
//! counts, each time.

use crate::common::{AccessPoint, Daemon, Setup};
use portvakt_testkit::supplicant::{Device, Inner, Outcome, Outer, Profile, TeapDevice, User};

const USER: &str = "kari";
const PASSWORD: &str = "granite-and-heather";

fn device(daemon: &Daemon, password: &str) -> Device {
    let identity = format!("{USER}@campus.example");
    Device::new(Profile::pap(
        daemon.authority(),
        &identity,
        password.as_bytes(),
    ))
}

/// One more conversation of the device: whether it was let in, and whether on an old session.
fn comes_back(daemon: &Daemon, device: &Device) -> (bool, bool) {
    let mut supplicant = device.supplicant();
    let outcome = AccessPoint::of(daemon).converse(&mut supplicant);
    (outcome == Some(Outcome::Success), supplicant.is_resumed())
}

/// A device that has logged on and could come back.
fn known_device(daemon: &Daemon) -> Device {
    let device = device(daemon, PASSWORD);
    assert_eq!(comes_back(daemon, &device), (true, false));
    assert_eq!(comes_back(daemon, &device), (true, true));
    device
}

fn act(daemon: &Daemon, words: &[&str]) {
    let output = daemon.cli(words);
    assert!(output.status.success(), "{}", crate::common::text(&output));
}

fn last_reason(daemon: &Daemon, attempts: usize) -> String {
    daemon.attempt(attempts)["reason"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn session_of_a_suspended_account_opens_nothing() {
    let daemon = Setup::new().start();
    let device = known_device(&daemon);
    act(&daemon, &["account", "suspend", USER]);
    assert!(!comes_back(&daemon, &device).0);
    assert_eq!(last_reason(&daemon, 3), "suspended");
    act(&daemon, &["account", "restore", USER]);
    // The session went with the suspension: the password is asked for anew.
    assert_eq!(comes_back(&daemon, &device), (true, false));
}

#[test]
fn session_of_a_locked_account_opens_nothing() {
    let daemon = Setup::new().start();
    let device = known_device(&daemon);
    daemon.guess_wrong(USER, 6);
    assert!(!comes_back(&daemon, &device).0);
    assert_eq!(last_reason(&daemon, 9), "locked-out");
    act(&daemon, &["account", "unlock", USER]);
    assert_eq!(comes_back(&daemon, &device), (true, false));
}

#[test]
fn session_of_an_earlier_password_opens_nothing() {
    let daemon = Setup::new().start();
    let device = known_device(&daemon);
    let set = daemon.cli_with(
        &["account", "set-password", USER],
        "another-one-altogether\n",
    );
    assert!(set.status.success(), "{}", crate::common::text(&set));
    assert!(!comes_back(&daemon, &device).0);
    assert_eq!(last_reason(&daemon, 3), "previous-password");
}

/// CVE-2017-9148: a tunnel whose inner log-on failed leaves nothing to come back with.
#[test]
fn failed_log_on_leaves_no_session() {
    let daemon = Setup::new().start();
    let device = device(&daemon, "wrong");
    assert_eq!(comes_back(&daemon, &device), (false, false));
    assert_eq!(comes_back(&daemon, &device), (false, false));
}

#[test]
fn coming_back_is_no_attempt_and_forgets_no_failure() {
    let daemon = Setup::new().start();
    let device = known_device(&daemon);
    daemon.guess_wrong(USER, 5);
    for _ in 0..3 {
        assert_eq!(comes_back(&daemon, &device), (true, true));
    }
    daemon.guess_wrong(USER, 1);
    assert!(!comes_back(&daemon, &device).0);
}

/// E7: an inner method that is taken away in a hurry opens nothing any more, sessions included, and
/// goes on where it is offered still.
#[test]
fn session_ends_at_the_reload_that_takes_its_method_away() {
    let user = || User {
        identity: format!("{USER}@campus.example"),
        password: PASSWORD.to_owned(),
    };
    let gtc = (Outer::Peap, Inner::eap_gtc(user()));
    let password = (Outer::Teap, Inner::Teap(TeapDevice::new(user())));
    for (method, special, inner) in [
        ("ttls", None, "pap"),
        ("peap", Some(gtc), "eap-gtc"),
        ("teap", Some(password), "password"),
    ] {
        let offer = |inner: &str| format!("[\"{inner}\", \"eap-mschapv2\"]");
        let key = format!("{method}-inner");
        let mut daemon = Setup::new()
            .set("eap", "methods", &format!("[\"{method}\"]"))
            .set("eap", &key, &offer(inner))
            .start();
        let device = match special {
            Some((outer, inner)) => Device::new(Profile::new(daemon.authority(), outer, inner)),
            None => device(&daemon, PASSWORD),
        };
        assert_eq!(comes_back(&daemon, &device), (true, false), "{method}");
        let mut reload_with = |inner: &str| {
            daemon.change("eap", &key, inner);
            daemon.write_config();
            assert!(daemon.reload(), "{}", daemon.log());
            comes_back(&daemon, &device)
        };
        assert_eq!(
            reload_with(&format!("[\"{inner}\"]")),
            (true, true),
            "{method}"
        );
        let taken_away = reload_with("[\"eap-mschapv2\"]");
        assert_eq!(taken_away, (false, false), "{method}");
        assert!(reload_with(&offer(inner)).0, "{method}");
        assert_eq!(last_reason(&daemon, 3), "method-not-allowed", "{method}");
    }
}

/// The log names a machine where TEAP asked for one, and nowhere else.
#[test]
fn device_that_resumes_and_proves_itself_anew_is_no_machine() {
    let daemon = Setup::new().start();
    let eager = Device::new(Profile {
        proves_anew: true,
        ..device(&daemon, PASSWORD).profile().clone()
    });
    for _ in 0..2 {
        assert!(comes_back(&daemon, &eager).0);
    }
    for line in daemon.wait_for_audit(2, |line| line["result"] == "accept") {
        assert_eq!(line["account"], USER, "{line}");
        assert!(line["machine_account"].is_null(), "{line}");
    }
}
