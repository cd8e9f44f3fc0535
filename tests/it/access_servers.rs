//! Network access servers from Debian's packages, as `docs/vpn.md` has them set up: each is asked by
//! its own client for people in every state that refuses them.

mod check_radius;
mod hostapd;
mod ocserv;
mod openvpn;
mod pam;
mod strongswan;

use std::ffi::OsString;

use serde_json::Value;

use crate::common::{Daemon, Namespace, Setup};

/// The password of kari, who is let in.
const KARI: &str = "granite-and-heather";

/// A log-on, and the reason of the audit log.
const LOG_ONS: [(&str, &str, &str); 8] = [
    ("kari", KARI, "accept"),
    ("kari", "another-password", "wrong-credential"),
    ("nobody-here", KARI, "unknown-user"),
    ("ola", "forgot-to-pay-again", "not-active"),
    ("mona", "never-registered-yet", "not-registered"),
    ("siri", "shared-too-many-films", "suspended"),
    ("ingrid", "same-as-last-decade", "password-expired"),
    ("gustav", "visiting-for-a-while", "service-not-allowed"),
];

/// A server for a client of the service `vpn` at 127.0.0.1, with these lines of its table; guests
/// may not use the service.
fn vpn(lines: &str) -> Setup {
    Setup::new()
        .without_clients()
        .client(
            "vpn",
            "127.0.0.0/8",
            &format!("service = \"vpn\"\n{lines}\n"),
        )
        .set("accounting", "listen", "[\"127.0.0.1:0\"]")
        .set("service.vpn", "kinds", "[\"student\", \"employee\"]")
}

/// Has the server run in a namespace, for peers that are in it.
fn start_in(namespace: &Namespace, setup: Setup) -> Daemon {
    let mut words = namespace.words();
    words.push(OsString::from(env!("CARGO_BIN_EXE_portvakt")));
    setup.server(words).start()
}

/// Logs everybody of [`LOG_ONS`] on by `log_on`, which is given name and password and says whether
/// the person was let in. Then three wrong passwords, which are three failures however often the
/// NAS repeats them, and a lock, which the right password does not open.
fn answers_everybody(daemon: &Daemon, mut log_on: impl FnMut(&str, &str) -> bool) {
    for (count, (user, password, reason)) in LOG_ONS.into_iter().enumerate() {
        let accepted = log_on(user, password);
        assert_eq!(accepted, reason == "accept", "{user}");
        assert_eq!(daemon.reasons(count + 1)[count], reason, "{user}");
    }
    for guess in ["wrong-1", "wrong-2", "wrong-3"] {
        assert!(!log_on("anna", guess));
    }
    assert_eq!(daemon.failures("anna"), 3);
    for guess in ["wrong-4", "wrong-5", "wrong-6"] {
        assert!(!log_on("anna", guess));
    }
    assert!(!log_on("anna", "correct-horse-battery"));
    assert_eq!(
        daemon.reasons(LOG_ONS.len() + 7).last().unwrap(),
        "locked-out"
    );
}

/// The line of the audit log at which a session of `user` begins or ends.
fn session(daemon: &Daemon, user: &str, what: &str) -> Value {
    let is_it = |line: &Value| {
        line["event"] == "session" && line["what"] == what && line["account"] == user
    };
    daemon.wait_for_audit(1, is_it).remove(0)
}

/// Lines of radcli's configuration beside the address, for ocserv and check_radius.
const RADCLI: &str = "dictionary /etc/radcli/dictionary\ndefault_realm\nradius_timeout 20\n\
     radius_retries 1\n";
