//! Real peers: eapol_test as a device behind an access point, radclient as a VPN concentrator.

use crate::common::{DEMO_PEOPLE, Daemon, EapolTest, Radclient, Setup, eventually};
use portvakt_testkit::supplicant::Authority;
use serde_json::Value;

const ANNA: &str = "correct-horse-battery";
const KARI: &str = "granite-and-heather";

/// A temporary password whose hours are long over.
const TEMPORARY_OF_LONG_AGO: &str = "\ndn: uid=tuva,dc=campus,dc=example\nobjectClass: inetOrgPerson\n\
     uid: tuva\neduPersonPrimaryAffiliation: employee\nuserPassword: sent-by-sms-2020\n\
     portvaktTemporaryPassword: TRUE\npwdChangedTime: 20200815080000Z\n";

fn anna() -> EapolTest {
    EapolTest::ttls_pap("anna", ANNA)
}

fn log_on(daemon: &Daemon, device: &EapolTest) {
    let run = device.run(daemon);
    assert!(run.is_accept(), "{}", run.output);
}

/// Has a device refused; the line of the audit log.
fn refused(daemon: &Daemon, device: &EapolTest) -> Value {
    let attempts = attempts(daemon);
    let run = device.run(daemon);
    assert!(run.is_reject(), "{}", run.output);
    assert_eq!(run.received("Access-Accept"), 0);
    daemon.attempt(attempts + 1)
}

fn attempts(daemon: &Daemon) -> usize {
    let lines = daemon.audit_lines();
    lines
        .iter()
        .filter(|line| line["event"] == "attempt")
        .count()
}

/// E4, E11.
#[test]
fn peer_ttls_pap_logs_on_under_tls_1_2_with_the_same_keys() {
    let daemon = Setup::new().start();
    let run = anna().tls12().run(&daemon);
    assert!(run.is_accept(), "{}", run.output);
    assert_eq!(run.tls_version(), Some("TLSv1.2"));
    assert!(run.round_trips() <= 10, "{} round trips", run.round_trips());
    let attempt = daemon.attempt(1);
    assert_eq!(attempt["tls_version"], "1.2");
    assert_eq!(attempt["method"], "ttls/pap");
}

/// E4, E11.
#[test]
fn peer_ttls_pap_logs_on_under_tls_1_3_with_the_same_keys() {
    let daemon = Setup::new().start();
    let run = anna().tls13().run(&daemon);
    assert!(run.is_accept(), "{}", run.output);
    assert_eq!(run.tls_version(), Some("TLSv1.3"));
    assert!(run.round_trips() <= 10, "{} round trips", run.round_trips());
    assert_eq!(daemon.attempt(1)["tls_version"], "1.3");
}

/// wpa_supplicant hangs up on an alert without a word: the event of giving up says why.
#[test]
fn peer_device_that_knows_no_allowed_tls_version_is_explained() {
    let setup = Setup::new().set("eap", "tls-versions", "[\"1.3\"]");
    let daemon = setup
        .set("radius", "conversation-timeout", "\"5s\"")
        .start();
    assert!(!anna().tls12().run(&daemon).success);
    let attempt = daemon.attempt(1);
    assert_eq!(attempt["stage"], "tls-alert");
    let detail = attempt["detail"].as_str().unwrap();
    assert!(detail.contains("no TLS version"), "{detail}");
    let alerts = daemon.metric("portvakt_handshakes_total{outcome=\"alert-sent\"}");
    assert!((alerts - 1.0).abs() < 0.1);
    log_on(&daemon, &anna().tls13());
}

/// I2, I3: each with its own reason, which the device is not told.
#[test]
fn peer_ttls_pap_is_refused_with_the_reason_in_the_audit_log() {
    let people = format!("{DEMO_PEOPLE}{TEMPORARY_OF_LONG_AGO}");
    let daemon = Setup::new().people(&people).start();
    for (user, password, reason) in [
        ("anna", "wrong", "wrong-credential"),
        ("nobody", "whatever", "unknown-user"),
        ("ola", "forgot-to-pay-again", "not-active"),
        ("mona", "never-registered-yet", "not-registered"),
        ("lars", "degree-in-my-pocket", "left"),
        ("siri", "shared-too-many-films", "suspended"),
        ("jonas", "lost-my-laptop-abroad", "deactivated"),
        ("ingrid", "same-as-last-decade", "password-expired"),
        ("emil", "sent-by-sms-4711", "temporary-not-allowed"),
        ("tuva", "sent-by-sms-2020", "temporary-expired"),
        ("backup-node", "machine-to-machine-9", "service-not-allowed"),
    ] {
        let attempt = refused(&daemon, &EapolTest::ttls_pap(user, password));
        assert_eq!(attempt["reason"], reason, "{user}");
        assert_eq!(attempt["result"], "reject");
        assert_eq!(attempt["inner_identity"], format!("{user}@campus.example"));
    }
    log_on(&daemon, &anna());
}

/// P6: what state an account is in is only told apart once the password is proven.
#[test]
fn peer_wrong_password_on_a_closed_account_is_a_wrong_password() {
    let daemon = Setup::new().start();
    for user in ["ola", "lars", "siri", "jonas", "ingrid", "emil"] {
        let attempt = refused(&daemon, &EapolTest::ttls_pap(user, "wrong"));
        assert_eq!(attempt["reason"], "wrong-credential", "{user}");
    }
}

#[test]
fn peer_previous_password_is_refused_but_not_counted() {
    let daemon = Setup::new().set("lockout", "attempts", "1").start();
    let changed = daemon.cli_with(
        &["account", "set-password", "kari"],
        "heather-and-granite\n",
    );
    assert!(changed.status.success());
    let attempt = refused(&daemon, &EapolTest::ttls_pap("kari", KARI));
    assert_eq!(attempt["reason"], "previous-password");
    log_on(&daemon, &EapolTest::ttls_pap("kari", "heather-and-granite"));
}

/// E9.
#[test]
fn peer_inner_realm_of_somebody_else_is_refused() {
    let daemon = Setup::new().start();
    let device = anna().line("identity", "\"anna@other.example\"");
    assert_eq!(refused(&daemon, &device)["reason"], "identity-mismatch");
}

/// E9: a name without a realm inside belongs to the realm outside.
#[test]
fn peer_inner_name_without_a_realm_logs_on() {
    let daemon = Setup::new().start();
    log_on(&daemon, &anna().line("identity", "\"anna\""));
}

/// S2, S6: an answer, not silence.
#[test]
fn peer_outer_realm_that_is_not_ours_is_refused() {
    let daemon = Setup::new().start();
    for (outer, reason) in [
        ("anonymous@elsewhere.example", "realm-unknown"),
        ("anonymous@campus", "realm-malformed"),
        ("anonymous@campus..example", "realm-malformed"),
    ] {
        let device = anna().line("anonymous_identity", &format!("\"{outer}\""));
        assert_eq!(refused(&daemon, &device)["reason"], reason, "{outer}");
    }
}

/// The device hangs up; the log says what is likely wrong, and nothing is counted.
#[test]
fn peer_device_that_trusts_another_ca_is_heard_and_explained() {
    let daemon = Setup::new().set("lockout", "attempts", "1").start();
    let other = daemon.write("other.pem", &Authority::new("Other").certificate_pem());
    let device = anna().line("ca_cert", &format!("\"{}\"", other.display()));
    for device in [device.clone().tls12(), device.tls13()] {
        let attempt = refused(&daemon, &device);
        let detail = attempt["detail"].as_str().unwrap();
        assert!(detail.contains("unknown_ca"), "{detail}");
        assert!(detail.contains("does not trust the CA"), "{detail}");
        assert_eq!(attempt["reason"], "gave-up");
    }
    let alerts = "portvakt_handshakes_total{outcome=\"alert-received\"}";
    assert!((daemon.metric(alerts) - 2.0).abs() < 0.1);
    log_on(&daemon, &anna());
}

#[test]
fn peer_device_that_expects_another_server_name_is_heard_and_explained() {
    let daemon = Setup::new().start();
    let device = anna().line("domain_suffix_match", "\"radius.other.example\"");
    let attempt = refused(&daemon, &device);
    let detail = attempt["detail"].as_str().unwrap();
    assert!(detail.contains("the client sent TLS alert"), "{detail}");
}

/// E1: a Nak that asks for what is not offered.
#[test]
fn peer_method_that_is_not_offered_is_refused() {
    let daemon = Setup::new().set("eap", "methods", "[\"ttls\"]").start();
    let device = anna()
        .line("eap", "PEAP")
        .line("phase2", "\"auth=MSCHAPV2\"");
    assert_eq!(refused(&daemon, &device)["reason"], "method-not-allowed");
}

/// I1: bare EAP-MD5 proves nothing of the server.
#[test]
fn peer_bare_eap_md5_is_refused() {
    let daemon = Setup::new().start();
    let device = anna().line("eap", "MD5");
    assert_eq!(refused(&daemon, &device)["reason"], "method-not-allowed");
}

/// E2, in both directions.
#[test]
fn peer_small_fragments_come_together() {
    let daemon = Setup::new().set("eap", "max-fragment", "256").start();
    for device in [anna().tls12(), anna().tls13()] {
        log_on(&daemon, &device.line("fragment_size", "100"));
    }
}

/// E12: as eduroam's own checks probe a server.
#[test]
fn peer_operator_name_and_large_vendor_attributes_change_nothing() {
    let daemon = Setup::new().start();
    // A vendor of its own (enterprise 32473 is for examples), 250 octets in all.
    let vendor = format!("26:x:00007ed901f4{}", "5a".repeat(242));
    let mut device = anna().attribute("126:s:1cat.eduroam.org");
    for _ in 0..6 {
        device = device.attribute(&vendor);
    }
    log_on(&daemon, &device.clone().tls12());
    log_on(&daemon, &device.tls13());
    assert_eq!(daemon.attempt(2)["operator_name"], "1cat.eduroam.org");
}

#[test]
fn peer_right_password_after_six_wrong_is_refused_until_the_lock_ends() {
    let daemon = Setup::new().set("lockout", "duration", "\"5s\"").start();
    daemon.guess_wrong("anna", 6);
    assert!(daemon.radclient("anna", ANNA).is_reject());
    assert_eq!(daemon.attempt(7)["reason"], "locked-out");
    assert_eq!(refused(&daemon, &anna())["reason"], "locked-out");
    let opened = || daemon.radclient("anna", ANNA).is_accept().then_some(());
    assert!(eventually(opened).is_some(), "still locked");
    log_on(&daemon, &anna());
}

#[test]
fn peer_right_password_after_five_wrong_forgets_them() {
    let daemon = Setup::new().start();
    for _ in 0..2 {
        daemon.guess_wrong("anna", 5);
        assert!(daemon.radclient("anna", ANNA).is_accept());
    }
}

#[test]
fn peer_failures_by_eap_and_by_pap_count_together() {
    let daemon = Setup::new().start();
    daemon.guess_wrong("anna", 3);
    for _ in 0..3 {
        refused(&daemon, &EapolTest::ttls_pap("anna", "wrong"));
    }
    assert_eq!(refused(&daemon, &anna())["reason"], "locked-out");
}

#[test]
fn peer_failures_count_on_the_account_however_its_name_is_written() {
    let daemon = Setup::new().start();
    for name in [
        "anna",
        "Anna",
        "anna@campus.example",
        "ANNA@CAMPUS.EXAMPLE",
        "S100001",
        "s100001@campus.example",
    ] {
        daemon.guess_wrong(name, 1);
    }
    for line in daemon.wait_for_audit(6, |line| line["result"] == "reject") {
        assert_eq!(line["account"], "anna");
    }
    assert!(daemon.radclient("anna", ANNA).is_reject());
    assert_eq!(daemon.attempt(7)["reason"], "locked-out");
}

#[test]
fn peer_lock_on_one_account_leaves_the_others_alone() {
    let daemon = Setup::new().start();
    daemon.guess_wrong("anna", 6);
    assert!(daemon.radclient("kari", KARI).is_accept());
}

#[test]
fn peer_unlocked_account_is_open_at_once() {
    let daemon = Setup::new().start();
    daemon.guess_wrong("anna", 6);
    assert!(daemon.radclient("anna", ANNA).is_reject());
    let unlocked = daemon.cli(&["account", "unlock", "anna", "--why", "came to the desk"]);
    assert!(
        unlocked.status.success(),
        "{}",
        crate::common::text(&unlocked)
    );
    assert!(daemon.radclient("anna", ANNA).is_accept());
}

/// I5.
#[test]
fn peer_monitoring_account_is_never_locked() {
    let daemon = Setup::new().start();
    daemon.guess_wrong("eduroam-test", 8);
    let answer = daemon.radclient("eduroam-test", "monitored-day-and-night");
    assert!(answer.is_accept(), "{}", answer.output);
}

/// Hashes as other directories keep them.
#[test]
fn peer_foreign_hashes_are_read() {
    let daemon = Setup::new().start();
    assert!(daemon.radclient("astrid", "northern-lights").is_accept());
    assert!(daemon.radclient("torstein", "fjord-and-fell").is_accept());
    assert!(daemon.radclient("torstein", "fjord-and-fall").is_reject());
}

/// R5.
#[test]
fn peer_status_server_is_answered() {
    let daemon = Setup::new().start();
    let answer = Radclient::status().run(&daemon);
    assert!(answer.is_accept(), "{}", answer.output);
    let answered = daemon.metric("portvakt_requests_total{client=\"test\",result=\"status\"}");
    assert!((answered - 1.0).abs() < 0.1);
}

/// R2.
#[test]
fn peer_wrong_secret_is_met_with_silence() {
    let daemon = Setup::new().start();
    let request = Radclient::pap("anna", ANNA).secret("not-the-secret-at-all");
    let answer = request.run_for(&daemon, "1");
    assert!(answer.is_silence(), "{}", answer.output);
    assert_eq!(attempts(&daemon), 0);
    assert!(daemon.radclient("anna", ANNA).is_accept());
}

#[test]
fn peer_client_without_pap_is_refused_it() {
    let setup = Setup::new().without_clients();
    let daemon = setup.client("access-points", "127.0.0.0/8", "").start();
    assert!(daemon.radclient("anna", ANNA).is_reject());
    assert_eq!(daemon.attempt(1)["reason"], "method-not-allowed");
    log_on(&daemon, &anna());
}

/// R13.
#[test]
fn peer_vlan_is_named_to_our_own_equipment_only() {
    let more = "methods = [\"pap\"]\nsend-vlan = true";
    let setup = Setup::new().without_clients();
    let daemon = setup.client("ours", "127.0.0.0/8", more).start();
    let own = daemon.radclient("kari", KARI).output;
    for line in [
        "Tunnel-Type:0 = VLAN",
        "Tunnel-Medium-Type:0 = IEEE-802",
        "Tunnel-Private-Group-Id:0 = \"staff\"",
    ] {
        assert!(own.contains(line), "{line} is not in:\n{own}");
    }
    let foreign = Setup::new().start().radclient("kari", KARI);
    assert!(foreign.is_accept());
    assert!(!foreign.output.contains("Tunnel"), "{}", foreign.output);
}
