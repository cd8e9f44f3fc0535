//! EAP-TLS devices come back to any server that shares the ticket keys, and are asked there what
//! they would be asked at a full log-on.

use std::fs;

use crate::common::relay::{Relay, Upstream};
use crate::common::{AccessPoint, Daemon, EapolTest, Setup};
use portvakt_testkit::supplicant::{ClientCertificate, Device, Outcome, Profile};

const USER: &str = "kari";
const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const FOREIGN: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";
/// Configuration that two servers of a site share.
const SHARED: [&str; 4] = ["radius.pem", "radius.key", "ca.pem", "ticket.keys"];

/// A server that takes certificates of its own authority.
fn setup(keys: &str) -> Setup {
    let setup = Setup::new();
    setup.write("ticket.keys", keys);
    setup
        .set("eap", "methods", "[\"tls\", \"ttls\"]")
        .set("eap", "ticket-keys", "\"ticket.keys\"")
        .set("eap", "client-ca", "\"ca.pem\"")
        .set("eap", "client-names", "[\"email\"]")
}

/// A second server of the site, with data of its own.
fn second(first: &Daemon) -> Daemon {
    let setup = setup(OLD);
    for name in SHARED {
        setup.write(name, &fs::read_to_string(first.path(name)).unwrap());
    }
    setup.start()
}

fn device(daemon: &Daemon) -> Device {
    let authority = daemon.authority();
    let certificate = ClientCertificate::of(&format!("{USER}@campus.example"), 7);
    Device::new(Profile::tls(
        authority,
        authority.issue_client(&certificate),
    ))
}

/// One more conversation of the device: whether it was let in, and whether on a ticket.
fn comes_to(daemon: &Daemon, device: &Device) -> (bool, bool) {
    let mut supplicant = device.supplicant();
    let outcome = AccessPoint::of(daemon).converse(&mut supplicant);
    (outcome == Some(Outcome::Success), supplicant.is_resumed())
}

/// E7, E8.
#[test]
fn device_comes_back_to_another_server_and_after_a_restart() {
    let first = setup(OLD).start();
    let mut second = second(&first);
    let device = device(&first);
    assert_eq!(comes_to(&first, &device), (true, false));
    assert_eq!(comes_to(&second, &device), (true, true));
    second.restart();
    assert_eq!(comes_to(&second, &device), (true, true));
    let line = second.attempt(2);
    assert_eq!(line["result"], "accept", "{line}");
    assert_eq!(line["account"], USER, "{line}");
    assert_eq!(line["method"], "tls", "{line}");
}

#[test]
fn keys_rotate_with_a_reload() {
    let daemon = setup(OLD).start();
    let device = device(&daemon);
    let comes_with = |keys: &str| {
        daemon.write("ticket.keys", keys);
        assert!(daemon.reload(), "{}", daemon.log());
        comes_to(&daemon, &device)
    };
    assert_eq!(comes_to(&daemon, &device), (true, false));
    assert_eq!(comes_with(&format!("{NEW}\n{OLD}\n")), (true, true));
    assert_eq!(comes_with(NEW), (true, true));
    assert_eq!(comes_with(FOREIGN), (true, false));
}

/// E7: a ticket is for EAP-TLS, and ends with its offer.
#[test]
fn ticket_opens_nothing_where_its_method_is_offered_no_more() {
    let mut daemon = setup(OLD).start();
    let device = device(&daemon);
    assert_eq!(comes_to(&daemon, &device), (true, false));
    daemon.change("eap", "methods", "[\"ttls\"]");
    daemon.write_config();
    assert!(daemon.reload(), "{}", daemon.log());
    assert_eq!(comes_to(&daemon, &device), (false, false));
    assert_eq!(daemon.attempt(2)["reason"], "method-not-allowed");
}

/// I2, E7: what the account is at this server counts.
#[test]
fn suspended_and_locked_accounts_are_refused_at_the_other_server() {
    let first = setup(OLD).start();
    let second = second(&first);
    let devices = [device(&first), device(&first)];
    for device in &devices {
        assert_eq!(comes_to(&first, device), (true, false));
    }
    assert!(second.cli(&["account", "suspend", USER]).status.success());
    assert!(!comes_to(&second, &devices[0]).0);
    second.wait_for_audit(1, |line| line["reason"] == "suspended");
    assert!(second.cli(&["account", "restore", USER]).status.success());
    second.guess_wrong(USER, 6);
    assert!(!comes_to(&second, &devices[1]).0);
    second.wait_for_audit(1, |line| line["reason"] == "locked-out");
    let resumed = second.metric("portvakt_handshakes_total{outcome=\"resumed\"}");
    assert_eq!(resumed, 2.0, "both had come with a ticket");
}

/// CVE-2017-9148: who was refused has got no ticket.
#[test]
fn refused_certificate_leaves_no_ticket() {
    let daemon = setup(OLD).start();
    assert!(daemon.cli(&["account", "suspend", USER]).status.success());
    let device = device(&daemon);
    assert_eq!(comes_to(&daemon, &device), (false, false));
    assert_eq!(comes_to(&daemon, &device), (false, false));
}

/// Passes datagrams on to one server, and to another one from the first Access-Accept on.
fn roaming(first: &Daemon, second: &Daemon) -> Relay {
    let mut servers = [first, second].map(|daemon| Upstream::of(daemon.address()));
    let mut is_first = true;
    Relay::start(move |request| {
        let answer = servers[0].ask(request, 1)?;
        if answer[0] == 2 && is_first {
            servers.swap(0, 1);
            is_first = false;
        }
        Some(answer)
    })
}

/// wpa_supplicant asks for tickets of TLS 1.2 only if told to.
const TLS12_WITH_TICKETS: &str = "\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 \
     tls_disable_tlsv1_3=1 tls_disable_session_ticket=0\"";

/// E4, E5: eapol_test compares the keys of both log-ons.
#[test]
fn peer_device_comes_back_to_another_server_under_both_versions() {
    let first = setup(OLD).start();
    let second = second(&first);
    let certificate = ClientCertificate::of(&format!("{USER}@campus.example"), 7);
    let client = first.authority().issue_client(&certificate);
    let chain = first.write("client.pem", &client.chain_pem);
    let key = first.write("client.key", &client.key_pem);
    let profile = EapolTest::ttls_pap(USER, "")
        .line("eap", "TLS")
        .line("client_cert", &format!("\"{}\"", chain.display()))
        .line("private_key", &format!("\"{}\"", key.display()))
        .argument("-r1");
    for (profile, version, resumes) in [
        (profile.clone().tls12(), "1.2", false),
        (
            profile.clone().line("phase1", TLS12_WITH_TICKETS),
            "1.2",
            true,
        ),
        (profile.tls13(), "1.3", true),
    ] {
        let before = second.audit_lines().len();
        let roaming = roaming(&first, &second);
        let run = profile.run_at(&first, roaming.address());
        assert!(run.is_accept(), "{}", run.output);
        let resumed = run.output.contains("Handshake finished - resumed=1");
        assert_eq!(resumed, resumes, "{}", run.output);
        let line = second.wait_for_audit(before + 1, |_| true).remove(before);
        assert_eq!(line["result"], "accept", "{line}");
        assert_eq!(line["tls_version"], version, "{line}");
    }
}
