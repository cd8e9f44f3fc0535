//! Every method that Debian's supplicant speaks, by eapol_test against the real program: each under
//! TLS 1.2 and 1.3, in full and resumed, with equal keys on both sides; and what must be refused.

mod certificates;
mod network;

use crate::common::{Daemon, EapolTest, Run, Setup};
use portvakt_auth::mschap::NtHash;

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
            "[\"pap\", \"mschapv2\", \"legacy-mschap\", \"eap-mschapv2\", \"eap-gtc\", \
             \"legacy-chap\", \"legacy-eap-md5\"]",
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

/// Inner methods of Debian's supplicant, each with its name in the audit log.
const TUNNELLED: [(&str, &str, &str); 7] = [
    ("TTLS", "auth=PAP", "ttls/pap"),
    ("TTLS", "auth=MSCHAP", "ttls/mschap"),
    ("TTLS", "auth=MSCHAPV2", "ttls/mschapv2"),
    ("TTLS", "autheap=MSCHAPV2", "ttls/eap-mschapv2"),
    ("TTLS", "autheap=GTC", "ttls/eap-gtc"),
    ("PEAP", "auth=MSCHAPV2", "peap/eap-mschapv2"),
    ("PEAP", "auth=GTC", "peap/eap-gtc"),
];

/// Methods inside EAP-TTLS that need a secret in clear text.
const CHALLENGED: [(&str, &str); 2] = [("auth=CHAP", "ttls/chap"), ("autheap=MD5", "ttls/eap-md5")];

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
            assert_eq!(line["outer_identity"], "anonymous@campus.example", "{line}");
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

/// CHAP could only be answered with a password in clear text, and there is none: no failed log-on.
#[test]
fn peer_chap_inside_ttls_is_refused_for_want_of_a_secret_and_not_counted() {
    let daemon = everything();
    for (count, (phase2, method)) in (1..8).zip(CHALLENGED.into_iter().cycle()) {
        let run = profile(USER, PASSWORD, "TTLS", phase2).run(&daemon);
        assert!(run.is_reject(), "{method}:\n{}", run.output);
        let line = daemon.attempt(count);
        assert_eq!(line["reason"], "method-not-allowed", "{line}");
        assert_eq!(line["method"], method, "{line}");
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains("clear text"), "{line}");
    }
    assert!(
        profile(USER, PASSWORD, "TTLS", "auth=PAP")
            .run(&daemon)
            .is_accept()
    );
}

/// A server without these methods says so in its answer.
#[test]
fn peer_chap_inside_ttls_is_refused_where_it_is_not_offered() {
    let daemon = server("[\"ttls\"]")
        .set("eap", "ttls-inner", "[\"pap\"]")
        .start();
    for (count, (phase2, method)) in (1..).zip(CHALLENGED) {
        let run = profile(USER, PASSWORD, "TTLS", phase2).run(&daemon);
        assert!(run.is_reject(), "{method}:\n{}", run.output);
        let line = daemon.attempt(count);
        assert_eq!(line["reason"], "method-not-allowed", "{line}");
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains("not offered here"), "{line}");
    }
}

/// E6. The account's CHAP secret is that of a device, and its password opens nothing by CHAP.
#[test]
fn peer_chap_inside_ttls_opens_with_the_secret_of_the_device() {
    let inner = "[\"legacy-chap\", \"legacy-eap-md5\"]";
    let mut setup = server("[\"ttls\"]").set("eap", "ttls-inner", inner);
    setup.give_chap_secret(USER, "of-the-printer");
    let daemon = setup.start();
    for (phase2, method) in CHALLENGED {
        let device = || profile(USER, "of-the-printer", "TTLS", phase2);
        logs_on_and_comes_back(&daemon, device, method);
        let attempts = daemon.audit_lines().len();
        let run = profile(USER, PASSWORD, "TTLS", phase2).run(&daemon);
        assert!(run.is_reject(), "{}", run.output);
        let line = daemon
            .wait_for_audit(attempts + 1, |_| true)
            .remove(attempts);
        assert_eq!(line["reason"], "wrong-credential", "{line}");
    }
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

/// Debian's supplicant would speak PEAPv1, and comes down to what is offered; one that must not
/// leaves without a word, and its event names the method.
#[test]
fn peer_peap_comes_down_from_version_1() {
    let daemon = server("[\"peap\"]")
        .set("radius", "conversation-timeout", "\"5s\"")
        .start();
    let peap = |phase1: &str| {
        let profile = profile(USER, PASSWORD, "PEAP", "auth=MSCHAPV2");
        profile
            .line("phase1", &format!("\"{phase1}\""))
            .argument("-t3")
    };
    for phase1 in ["", "peapver=0", "peapver=0 peaplabel=0", "peaplabel=0"] {
        let run = peap(phase1).run(&daemon);
        assert!(run.is_accept(), "{phase1}:\n{}", run.output);
        assert!(
            run.output.contains("Start (server ver=0, own ver="),
            "{}",
            run.output
        );
    }
    assert!(peap("").run(&daemon).output.contains("own ver=1)"));
    let run = peap("peapver=1").run(&daemon);
    assert!(
        !run.success && run.received("Access-Reject") == 0,
        "{}",
        run.output
    );
    let given_up = daemon.wait_for_audit(1, |line| line["result"] == "gave-up");
    assert_eq!(
        given_up[0]["stage"], "method-negotiation",
        "{}",
        given_up[0]
    );
    let detail = given_up[0]["detail"].as_str().unwrap();
    assert!(detail.contains("PEAP"), "{detail}");
}

/// The label of PEAPv1 under version 0: keys of its own making, which crypto-binding finds out.
#[test]
fn peer_peap_with_the_label_of_version_1_is_refused() {
    let daemon = server("[\"peap\"]").start();
    let label = "\"peaplabel=1 tls_disable_tlsv1_3=1\"";
    let profile = profile(USER, PASSWORD, "PEAP", "auth=MSCHAPV2").line("phase1", label);
    let run = profile.run(&daemon);
    assert!(run.is_reject(), "{}", run.output);
    let line = daemon.attempt(1);
    assert_eq!(line["reason"], "protocol-error", "{line}");
    assert!(
        line["detail"].as_str().unwrap().contains("crypto-binding"),
        "{line}"
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

/// E9: whatever is spoken inside, it is about our people.
#[test]
fn peer_inner_realm_of_somebody_else_is_refused_in_every_tunnelled_method() {
    let daemon = everything();
    let challenged = CHALLENGED.map(|(phase2, method)| ("TTLS", phase2, method));
    for (count, (eap, phase2, method)) in (1..).zip(TUNNELLED.into_iter().chain(challenged)) {
        let profile =
            profile(USER, PASSWORD, eap, phase2).line("identity", "\"kari@elsewhere.example\"");
        let run = profile.run(&daemon);
        assert!(run.is_reject(), "{method}:\n{}", run.output);
        let line = daemon.attempt(count);
        assert_eq!(line["reason"], "identity-mismatch", "{line}");
        assert_eq!(line["method"], method, "{line}");
    }
}

/// The user part of the outer identity means nothing, and may be missing.
#[test]
fn peer_outer_name_may_be_anything_in_our_realm() {
    let daemon = everything();
    for (count, outer) in (1..).zip(["@campus.example", "nobody", "KARI@Campus.Example"]) {
        for (eap, phase2) in [("TTLS", "auth=PAP"), ("PEAP", "auth=MSCHAPV2")] {
            let profile = profile(USER, PASSWORD, eap, phase2);
            let run = profile
                .line("anonymous_identity", &format!("\"{outer}\""))
                .run(&daemon);
            assert!(run.is_accept(), "{outer}:\n{}", run.output);
        }
        let line = daemon.attempt(2 * count);
        assert_eq!(line["outer_identity"], outer, "{line}");
        assert_eq!(line["inner_identity"], "kari@campus.example", "{line}");
    }
}
