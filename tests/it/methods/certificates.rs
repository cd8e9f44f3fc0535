//! EAP-TLS by itself and inside tunnels: whose certificate opens, and what is said to the others.

use portvakt_testkit::supplicant::{Authority, ClientCertificate};

use super::{CHALLENGED, PASSWORD, TUNNELLED, USER, logs_on_and_comes_back, server};
use crate::common::{Daemon, EapolTest, Setup};

/// By certificate in a tunnel. Debian's supplicant speaks TLS 1.2 in there unless told otherwise.
const CERTIFIED: [(&str, &str, &str); 4] = [
    ("TTLS", "autheap=TLS", "ttls/eap-tls"),
    ("TTLS", "autheap=TLS tls_disable_tlsv1_3=0", "ttls/eap-tls"),
    ("PEAP", "auth=TLS", "peap/eap-tls"),
    ("PEAP", "auth=TLS tls_disable_tlsv1_3=0", "peap/eap-tls"),
];

/// A server that takes client certificates of the test's own authority, and a device's profile.
pub(super) fn certified(
    setup: Setup,
    certificate: &ClientCertificate,
    revoked: &[u8],
) -> (Daemon, EapolTest) {
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

/// The same inside a tunnel.
fn certified_in_tunnel(certificate: &ClientCertificate, revoked: &[u8]) -> (Daemon, EapolTest) {
    let setup = server("[\"ttls\", \"peap\", \"tls\"]")
        .set("eap", "ttls-inner", "[\"eap-tls\", \"pap\"]")
        .set("eap", "peap-inner", "[\"eap-mschapv2\", \"eap-tls\"]");
    let (daemon, profile) = certified(setup, certificate, revoked);
    let path = |name: &str| format!("\"{}\"", daemon.path(name).display());
    let profile = profile
        .line("ca_cert2", &path("ca.pem"))
        .line("client_cert2", &path("client.pem"))
        .line("private_key2", &path("client.key"));
    (daemon, profile)
}

/// E4, E5, E7, E8.
#[test]
fn peer_client_certificate_inside_a_tunnel_logs_on_and_resumes_under_both_versions() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, profile) = certified_in_tunnel(&certificate, &[]);
    for (eap, phase2, method) in CERTIFIED {
        let phase2 = format!("\"{phase2}\"");
        let profile = profile.clone().line("eap", eap).line("phase2", &phase2);
        logs_on_and_comes_back(&daemon, || profile.clone(), method);
    }
}

/// E8: whether the device answers our alert or hangs up on it.
#[test]
fn peer_revoked_certificate_inside_a_tunnel_is_refused_and_not_counted() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, profile) = certified_in_tunnel(&certificate, &[7]);
    for (eap, phase2, _) in CERTIFIED.iter().chain(&CERTIFIED) {
        let phase2 = format!("\"{phase2}\"");
        let profile = profile.clone().line("eap", eap).line("phase2", &phase2);
        assert!(!profile.argument("-t3").run(&daemon).success);
    }
    let invalid = |line: &serde_json::Value| line["reason"] == "certificate-invalid";
    for line in daemon.wait_for_audit(CERTIFIED.len() * 2, invalid) {
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains("revoked"), "{line}");
    }
    assert!(EapolTest::ttls_pap(USER, PASSWORD).run(&daemon).is_accept());
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

/// E8: its time is over, by itself or in a tunnel.
#[test]
fn peer_expired_client_certificate_is_refused_and_not_counted() {
    let expired = ClientCertificate {
        ends: 2024,
        ..ClientCertificate::of("kari@campus.example", 7)
    };
    let (daemon, profile) = certified(server("[\"tls\"]"), &expired, &[]);
    let (tunnel, inside) = certified_in_tunnel(&expired, &[]);
    let inside = inside.line("eap", "PEAP").line("phase2", "\"auth=TLS\"");
    for (daemon, profile) in [(daemon, profile), (tunnel, inside)] {
        for _ in 0..2 {
            assert!(!profile.clone().argument("-t3").run(&daemon).success);
        }
        let invalid = |line: &serde_json::Value| line["reason"] == "certificate-invalid";
        let line = daemon.wait_for_audit(2, invalid).remove(1);
        assert!(
            line["detail"].as_str().unwrap().contains("expired"),
            "{line}"
        );
        assert_eq!(line["account"], serde_json::Value::Null, "{line}");
    }
}

/// E9: a sound certificate of somebody else's realm names nobody here.
#[test]
fn peer_client_certificate_of_another_realm_is_refused() {
    let stranger = ClientCertificate::of("kari@elsewhere.example", 7);
    let (daemon, profile) = certified(server("[\"tls\"]"), &stranger, &[]);
    assert!(profile.run(&daemon).is_reject());
    assert_eq!(daemon.attempt(1)["reason"], "certificate-invalid");
    let (daemon, profile) = certified_in_tunnel(&stranger, &[]);
    for (count, (eap, phase2, _)) in (1..).zip(CERTIFIED) {
        let phase2 = format!("\"{phase2}\"");
        let profile = profile.clone().line("eap", eap).line("phase2", &phase2);
        assert!(profile.run(&daemon).is_reject());
        assert_eq!(daemon.attempt(count)["reason"], "certificate-invalid");
    }
}

/// The audit log has another line, of a device that did not trust the server.
fn assert_distrust(daemon: &Daemon, count: usize) {
    let line = daemon.attempt(count);
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("does not trust the CA"), "{line}");
    assert_eq!(line["reason"], "gave-up", "{line}");
}

/// E10: a device that trusts another CA says so, whatever it would speak, and the server is well.
#[test]
fn peer_device_that_trusts_another_ca_is_explained_by_every_method() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, inside) = certified_in_tunnel(&certificate, &[]);
    let other = daemon.write("other.pem", &Authority::new("Other").certificate_pem());
    let other = format!("\"{}\"", other.display());
    let certified = [("TLS", ""), ("TTLS", "autheap=TLS"), ("PEAP", "auth=TLS")];
    let by_password = TUNNELLED.map(|(eap, phase2, _)| (eap, phase2));
    let challenged = CHALLENGED.map(|(phase2, _)| ("TTLS", phase2));
    let methods = certified.into_iter().chain(by_password).chain(challenged);
    let profiles = methods.flat_map(|(eap, phase2)| {
        let profile = inside.clone().line("eap", eap);
        let profile = profile.line("password", &format!("\"{PASSWORD}\""));
        let profile = profile.line("phase2", &format!("\"{phase2}\""));
        let profile = profile.line("ca_cert", &other).argument("-t3");
        [profile.clone().tls12(), profile.tls13()]
    });
    for (count, profile) in (1..).zip(profiles) {
        assert!(!profile.run(&daemon).success);
        assert_distrust(&daemon, count);
    }
    let inside = inside.line("phase2", "\"auth=TLS\"").line("eap", "PEAP");
    assert!(inside.run(&daemon).is_accept());
}

/// The same inside the tunnel, of which another CA may be trusted than outside.
#[test]
fn peer_device_that_trusts_another_ca_inside_the_tunnel_is_explained() {
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let (daemon, inside) = certified_in_tunnel(&certificate, &[]);
    let other = daemon.write("other.pem", &Authority::new("Other").certificate_pem());
    let other = format!("\"{}\"", other.display());
    for (count, (eap, phase2, _)) in (1..).zip(CERTIFIED) {
        let profile = inside.clone().line("eap", eap).line("ca_cert2", &other);
        let profile = profile.line("phase2", &format!("\"{phase2}\""));
        assert!(!profile.argument("-t3").run(&daemon).success);
        assert_distrust(&daemon, count);
    }
}
