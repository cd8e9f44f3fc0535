//! Every method that Debian's supplicant speaks, by eapol_test against the real program: each under
//! TLS 1.2 and 1.3, in full and resumed, with equal keys on both sides; and what must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::{Daemon, EapolTest, Run, Setup};
use portvakt_auth::mschap::NtHash;
use portvakt_testkit::supplicant::ClientCertificate;

const USER: &str = "kari";
const PASSWORD: &str = "heather-and-granite";

fn people() -> String {
    let nt_hash = NtHash::of_password(PASSWORD);
    format!(
        "dn: uid={USER},dc=example\nuid: {USER}\neduPersonPrimaryAffiliation: employee\n\
         userPassword: {PASSWORD}\nsambaNTPassword: {}\n\n\
         dn: uid=plain,dc=example\nuid: plain\neduPersonPrimaryAffiliation: employee\n\
         userPassword: {PASSWORD}\n\n",
        *nt_hash.reveal()
    )
}

/// A server that offers `methods`, with everything inside them.
fn server(methods: &str) -> Setup {
    Setup::new()
        .set("eap", "methods", methods)
        .set(
            "eap",
            "ttls-inner",
            "[\"pap\", \"mschapv2\", \"legacy-mschap\", \"eap-mschapv2\", \"eap-gtc\"]",
        )
        .set("eap", "peap-inner", "[\"eap-mschapv2\", \"eap-gtc\"]")
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .people(&people())
}

fn everything() -> Daemon {
    server("[\"ttls\", \"peap\"]").start()
}

/// A profile of the user's for `eap` with `phase2` inside.
fn profile(user: &str, password: &str, eap: &str, phase2: &str) -> EapolTest {
    EapolTest::ttls_pap(user, password)
        .line("eap", eap)
        .line("phase2", &format!("\"{phase2}\""))
}

/// What Debian's supplicant speaks inside a tunnel, and what the audit log calls it.
const TUNNELLED: [(&str, &str, &str); 7] = [
    ("TTLS", "auth=PAP", "ttls/pap"),
    ("TTLS", "auth=MSCHAP", "ttls/mschap"),
    ("TTLS", "auth=MSCHAPV2", "ttls/mschapv2"),
    ("TTLS", "autheap=MSCHAPV2", "ttls/eap-mschapv2"),
    ("TTLS", "autheap=GTC", "ttls/eap-gtc"),
    ("PEAP", "auth=MSCHAPV2", "peap/eap-mschapv2"),
    ("PEAP", "auth=GTC", "peap/eap-gtc"),
];

/// Whether the second of two log-ons in one run resumed the session of the first: what the device
/// says, and that it is not just what we say.
fn resumed(run: &Run) -> bool {
    run.output.contains("Handshake finished - resumed=1")
}

/// Runs it under both versions, each time in full and then once more on the session.
fn logs_on_and_comes_back(daemon: &Daemon, profile: impl Fn() -> EapolTest, method: &str) {
    for (version, profile) in [("1.2", profile().tls12()), ("1.3", profile().tls13())] {
        let before = daemon.audit_lines().len();
        let run = profile.argument("-r1").run(daemon);
        assert!(run.is_accept(), "{method} under {version}:\n{}", run.output);
        assert!(resumed(&run), "{method} under {version}:\n{}", run.output);
        let lines = daemon.wait_for_audit(before + 2, |_| true);
        for line in &lines[before..] {
            assert_eq!(line["result"], "accept", "{line}");
            assert_eq!(line["method"], method, "{line}");
            assert_eq!(line["tls_version"], version, "{line}");
            assert_eq!(line["account"], USER, "{line}");
        }
    }
}

/// E4, E6, E7.
#[test]
fn peer_every_tunnelled_method_logs_on_and_resumes_under_both_versions() {
    let daemon = everything();
    for (eap, phase2, method) in TUNNELLED {
        logs_on_and_comes_back(&daemon, || profile(USER, PASSWORD, eap, phase2), method);
    }
}

#[test]
fn peer_wrong_password_is_refused_in_every_tunnelled_method() {
    let daemon = server("[\"ttls\", \"peap\"]")
        .set("lockout", "attempts", "100")
        .start();
    for (eap, phase2, method) in TUNNELLED {
        for profile in [
            profile(USER, "wrong", eap, phase2).tls12(),
            profile(USER, "wrong", eap, phase2).tls13(),
        ] {
            let before = daemon.audit_lines().len();
            let run = profile.run(&daemon);
            assert!(run.is_reject(), "{method}:\n{}", run.output);
            let line = daemon.wait_for_audit(before + 1, |_| true).remove(before);
            assert_eq!(line["reason"], "wrong-credential", "{line}");
            assert_eq!(line["method"], method, "{line}");
        }
    }
}

/// An account without an NT hash is refused for that, and the log says so.
#[test]
fn peer_mschapv2_without_an_nt_hash_is_explained_and_not_counted() {
    let daemon = everything();
    for _ in 0..7 {
        assert!(
            profile("plain", PASSWORD, "PEAP", "auth=MSCHAPV2")
                .run(&daemon)
                .is_reject()
        );
    }
    let line = daemon.attempt(7);
    assert_eq!(line["reason"], "method-not-allowed", "{line}");
    assert!(
        line["detail"].as_str().unwrap().contains("NT hash"),
        "{line}"
    );
    assert!(
        profile("plain", PASSWORD, "PEAP", "auth=GTC")
            .run(&daemon)
            .is_accept()
    );
}

/// CHAP is off, and could only be answered with a secret in clear text.
#[test]
fn peer_chap_inside_ttls_is_refused() {
    let run = profile(USER, PASSWORD, "TTLS", "auth=CHAP").run(&everything());
    assert!(run.is_reject(), "{}", run.output);
}

/// E6. The account's CHAP secret is that of a device, and its password opens nothing by CHAP.
#[test]
fn peer_chap_inside_ttls_opens_with_the_secret_of_the_device() {
    let mut setup = server("[\"ttls\"]").set("eap", "ttls-inner", "[\"legacy-chap\"]");
    setup.give_chap_secret(USER, "of-the-printer");
    let daemon = setup.start();
    let device = || profile(USER, "of-the-printer", "TTLS", "auth=CHAP");
    logs_on_and_comes_back(&daemon, device, "ttls/chap");
    let run = profile(USER, PASSWORD, "TTLS", "auth=CHAP").run(&daemon);
    assert!(run.is_reject(), "{}", run.output);
    assert_eq!(daemon.attempt(5)["reason"], "wrong-credential");
}

/// Six wrong answers, by whatever method, lock the one account.
#[test]
fn peer_failures_of_all_methods_count_together() {
    let daemon = everything();
    for (eap, phase2, _) in &TUNNELLED[..6] {
        assert!(profile(USER, "wrong", eap, phase2).run(&daemon).is_reject());
    }
    let (eap, phase2, _) = TUNNELLED[6];
    assert!(
        profile(USER, PASSWORD, eap, phase2)
            .run(&daemon)
            .is_reject()
    );
    assert_eq!(daemon.attempt(7)["reason"], "locked-out");
}

/// A device whose profile wants PEAP gets it though TTLS is offered first (E1).
#[test]
fn peer_device_gets_the_method_it_asks_for() {
    let daemon = server("[\"ttls\", \"peap\"]").start();
    assert!(
        profile(USER, PASSWORD, "PEAP", "auth=MSCHAPV2")
            .run(&daemon)
            .is_accept()
    );
    let daemon = server("[\"peap\", \"ttls\"]").start();
    assert!(
        profile(USER, PASSWORD, "TTLS", "auth=PAP")
            .run(&daemon)
            .is_accept()
    );
}

/// `resume-for = "0"`: every log-on is a full one.
#[test]
fn peer_nothing_is_resumed_where_it_is_switched_off() {
    let daemon = server("[\"ttls\"]")
        .set("eap", "resume-for", "\"0s\"")
        .start();
    for profile in [
        profile(USER, PASSWORD, "TTLS", "auth=PAP").tls12(),
        profile(USER, PASSWORD, "TTLS", "auth=PAP").tls13(),
    ] {
        let run = profile.argument("-r1").run(&daemon);
        assert!(run.is_accept(), "{}", run.output);
        assert!(!resumed(&run), "{}", run.output);
    }
}

/// A server that takes client certificates of the test's own authority, and a device's profile.
fn certified(setup: Setup, certificate: &ClientCertificate, revoked: &[u8]) -> (Daemon, EapolTest) {
    let authority = setup.authority();
    let client = authority.issue_client(certificate);
    let chain = setup.write("client.pem", &client.chain_pem);
    let key = setup.write("client.key", &client.key_pem);
    setup.write("client-ca.pem", &authority.certificate_pem());
    setup.write("client.crl", &authority.revocation_lists(revoked, 3000));
    let daemon = setup
        .set("eap", "client-ca", "\"client-ca.pem\"")
        .set("eap", "client-crl", "\"client.crl\"")
        .set("eap", "client-names", "[\"email\"]")
        .set("radius", "conversation-timeout", "\"5s\"")
        .start();
    let profile = EapolTest::ttls_pap(USER, "")
        .line("eap", "TLS")
        .line("client_cert", &format!("\"{}\"", chain.display()))
        .line("private_key", &format!("\"{}\"", key.display()));
    (daemon, profile)
}

/// E5, E8.
#[test]
fn peer_client_certificate_logs_on_and_resumes_under_both_versions() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, profile) = certified(server("[\"tls\"]"), &certificate, &[]);
    logs_on_and_comes_back(&daemon, || profile.clone(), "tls");
}

/// E8: a revoked certificate is no failed password.
#[test]
fn peer_revoked_client_certificate_is_refused_and_not_counted() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, profile) = certified(server("[\"tls\", \"ttls\"]"), &certificate, &[7]);
    for _ in 0..7 {
        let run = profile.clone().tls12().run(&daemon);
        assert!(run.is_reject(), "{}", run.output);
    }
    let line = daemon
        .wait_for_audit(7, |line| line["reason"] == "certificate-invalid")
        .remove(6);
    assert!(
        line["detail"].as_str().unwrap().contains("revoked"),
        "{line}"
    );
    assert!(EapolTest::ttls_pap(USER, PASSWORD).run(&daemon).is_accept());
}

/// Whether the device answers our alert or hangs up on it: the log says what was wrong.
#[test]
fn peer_revoked_client_certificate_is_told_as_such_under_tls_1_3_too() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, profile) = certified(server("[\"tls\"]"), &certificate, &[7]);
    assert!(!profile.tls13().argument("-t3").run(&daemon).success);
    daemon.wait_for_audit(1, |line| line["reason"] == "certificate-invalid");
}

/// I2: the account's state counts, whatever the certificate says.
#[test]
fn peer_certificate_of_a_suspended_account_is_refused() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, profile) = certified(server("[\"tls\"]"), &certificate, &[]);
    assert!(daemon.cli(&["account", "suspend", USER]).status.success());
    assert!(profile.run(&daemon).is_reject());
    assert_eq!(daemon.attempt(1)["reason"], "suspended");
}
