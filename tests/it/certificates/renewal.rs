//! Files that are exchanged while the server runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{SystemTime, UNIX_EPOCH};

use portvakt_testkit::supplicant::{ClientCertificate, Device, Profile, Supplicant};
use serde_json::Value;

use crate::common::{Daemon, Setup, eventually, ocsp};
use crate::nas::EapSession;

const USER: (&str, &str) = ("anna", "correct-horse-battery");
const OUTER: &str = "anonymous@campus.example";

/// DER of the first certificate in a file.
fn certificate_in(pem: &[u8]) -> Vec<u8> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).unwrap();
    pem.contents
}

/// Logs on; the certificate that the device was shown.
fn shown(daemon: &Daemon) -> Vec<u8> {
    let nas = daemon.nas();
    let profile = daemon.profile(USER.0, USER.1);
    let seen = profile.seen.clone();
    let reply = EapSession::new(&nas, Supplicant::new(profile), OUTER).finish();
    assert!(reply.is_accept());
    seen.certificate().unwrap().to_vec()
}

fn is_renewal(line: &Value) -> bool {
    line["what"] == "renew-certificates"
}

fn renewals(daemon: &Daemon, result: &str) -> f64 {
    daemon.metric(&format!(
        "portvakt_certificate_renewals_total{{result=\"{result}\"}}"
    ))
}

#[test]
fn next_log_on_sees_an_exchanged_certificate_and_a_running_one_finishes_on_the_old() {
    let daemon = Setup::new().start();
    let old = shown(&daemon);
    let nas = daemon.nas();
    let profile = daemon.profile(USER.0, USER.1);
    let seen = profile.seen.clone();
    let mut running = EapSession::new(&nas, Supplicant::new(profile), OUTER);
    running.step();
    let identity = daemon.authority().issue_server();
    let new = certificate_in(identity.chain_pem.as_bytes());
    daemon.write_certificates(&identity);
    assert!(eventually(|| (shown(&daemon) == new).then_some(())).is_some());
    assert!(running.finish().is_accept());
    assert_eq!(*seen.certificate().unwrap(), *old);
    assert_eq!(renewals(&daemon, "done"), 1.0);
    let acts = daemon.wait_for_audit(1, is_renewal);
    assert_eq!(acts[0]["result"], "done");
}

/// A key without its certificate, a certificate cut short: told, and nothing changes. What follows
/// is looked at anew.
#[test]
fn pair_that_does_not_fit_is_told_and_the_old_one_goes_on() {
    let daemon = Setup::new().start();
    let old = shown(&daemon);
    let identity = daemon.authority().issue_server();
    daemon.write("radius.key", &identity.key_pem);
    daemon.wait_for_log("this key does not belong to the first certificate");
    assert_eq!(shown(&daemon), old);
    let half = &identity.chain_pem[..identity.chain_pem.len() / 4];
    daemon.write("radius.pem", half);
    assert!(eventually(|| (renewals(&daemon, "refused") >= 2.0).then_some(())).is_some());
    assert_eq!(shown(&daemon), old);
    assert_eq!(renewals(&daemon, "done"), 0.0);
    let acts = daemon.wait_for_audit(2, is_renewal);
    assert!(acts[0]["result"].as_str().unwrap().starts_with("refused"));
    daemon.write_certificates(&identity);
    let new = certificate_in(identity.chain_pem.as_bytes());
    assert!(eventually(|| (shown(&daemon) == new).then_some(())).is_some());
}

/// As Kubernetes does it: the files are links into a folder, and the folder is a link that moves.
#[test]
fn certificate_behind_a_link_that_moves_is_seen() {
    let setup = Setup::new();
    let identities = [(); 2].map(|()| setup.authority().issue_server());
    for (name, identity) in ["1", "2"].iter().zip(&identities) {
        fs::create_dir(setup.path(name)).unwrap();
        setup.write(&format!("{name}/tls.crt"), &identity.chain_pem);
        setup.write(&format!("{name}/tls.key"), &identity.key_pem);
    }
    symlink("1", setup.path("..data")).unwrap();
    symlink("..data/tls.crt", setup.path("tls.crt")).unwrap();
    symlink("..data/tls.key", setup.path("tls.key")).unwrap();
    let daemon = setup
        .set("eap", "certificate", "\"tls.crt\"")
        .set("eap", "key", "\"tls.key\"")
        .start();
    let [first, second] = identities.map(|one| certificate_in(one.chain_pem.as_bytes()));
    assert_eq!(shown(&daemon), first);
    symlink("2", daemon.path("..new")).unwrap();
    fs::rename(daemon.path("..new"), daemon.path("..data")).unwrap();
    assert!(eventually(|| (shown(&daemon) == second).then_some(())).is_some());
}

/// An operator in the middle of editing the configuration has not asked for it to be read.
#[test]
fn exchanged_certificate_does_not_read_the_configuration_again() {
    let daemon = Setup::new().start();
    daemon.write("portvakt.toml", "not = [a configuration");
    let identity = daemon.authority().issue_server();
    daemon.write_certificates(&identity);
    let new = certificate_in(identity.chain_pem.as_bytes());
    assert!(eventually(|| (shown(&daemon) == new).then_some(())).is_some());
}

/// E8: in full, and on a session of before.
#[test]
fn list_that_grows_refuses_the_revoked_device_on_its_session_too() {
    let setup = Setup::new();
    let authority = setup.authority();
    let client = authority.issue_client(&ClientCertificate::of("anna@campus.example", 7));
    setup.write("client-ca.pem", &authority.certificate_pem());
    setup.write("client.crl", &authority.revocation_lists(&[], 3000));
    let daemon = setup
        .set("eap", "methods", "[\"tls\"]")
        .set("eap", "client-ca", "\"client-ca.pem\"")
        .set("eap", "client-crl", "\"client.crl\"")
        .set("eap", "client-names", "[\"email\"]")
        .start();
    let nas = daemon.nas();
    let profile = Profile::tls(daemon.authority(), client);
    let device = Device::new(profile.clone());
    let comes_back = || {
        EapSession::new(&nas, device.supplicant(), OUTER)
            .finish()
            .is_accept()
    };
    assert!(comes_back());
    assert!(comes_back());
    assert!(daemon.metric("portvakt_revocation_list_days_left{realm=\"default\"}") > 0.0);
    let grown = daemon.authority().revocation_lists(&[7], 3000);
    daemon.write("client.crl", &grown);
    assert!(eventually(|| (!comes_back()).then_some(())).is_some());
    let anew = EapSession::new(&nas, Supplicant::new(profile), OUTER).finish();
    assert!(anew.is_reject());
    let refused = |line: &Value| line["reason"] == "certificate-invalid";
    assert!(daemon.wait_for_audit(2, refused).len() >= 2);
}

#[test]
fn list_that_was_not_replaced_in_time_shows_on_the_health_page() {
    let setup = Setup::new();
    let authority = setup.authority();
    setup.write("client-ca.pem", &authority.certificate_pem());
    setup.write("client.crl", &authority.revocation_lists(&[], 2024));
    let daemon = setup
        .set("eap", "methods", "[\"ttls\", \"tls\"]")
        .set("eap", "client-ca", "\"client-ca.pem\"")
        .set("eap", "client-crl", "\"client.crl\"")
        .start();
    assert!(daemon.metric("portvakt_revocation_list_days_left{realm=\"default\"}") < 0.0);
    let (status, page) = daemon.health();
    assert_eq!(status, 503, "{page}");
    assert!(page.contains("a list should have been replaced"), "{page}");
    let fresh = daemon.authority().revocation_lists(&[], 3000);
    daemon.write("client.crl", &fresh);
    assert!(eventually(|| (daemon.health().0 == 200).then_some(())).is_some());
}

/// A response that has run out is taken away though nothing changed on disk.
#[test]
fn ocsp_response_is_shown_as_long_as_it_holds() {
    let setup = Setup::new();
    let own = certificate_in(&fs::read(setup.path("radius.pem")).unwrap());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let response = ocsp::good(&own, now - 60, now + 6);
    fs::write(setup.path("radius.ocsp"), &response).unwrap();
    let daemon = setup.set("eap", "ocsp-response", "\"radius.ocsp\"").start();
    let staple = || {
        let nas = daemon.nas();
        let profile = daemon.profile(USER.0, USER.1);
        let seen = profile.seen.clone();
        assert!(
            EapSession::new(&nas, Supplicant::new(profile), OUTER)
                .finish()
                .is_accept()
        );
        seen.staple()
    };
    assert_eq!(staple(), response);
    assert!(eventually(|| staple().is_empty().then_some(())).is_some());
    let next = ocsp::good(&own, now - 60, now + 24 * 60 * 60);
    fs::write(daemon.path("radius.ocsp"), &next).unwrap();
    assert!(eventually(|| (staple() == next).then_some(())).is_some());
}
