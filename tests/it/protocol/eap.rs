//! Whole conversations (E1, E2, E9, E11, E12).

use portvakt_testkit::supplicant::{Inner, Supplicant, pap_avps};
use rustls::version::{TLS12, TLS13};

use crate::common::{Daemon, Setup};
use crate::nas::{EapSession, Nas, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");
const EAP_SUCCESS: u8 = 3;
const EAP_FAILURE: u8 = 4;
const NAK: u8 = 3;

/// E1, E11.
#[test]
fn a_log_on_ends_with_one_eap_result_within_ten_round_trips() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for version in [&TLS12, &TLS13] {
        for (password, code) in [(USER.1, EAP_SUCCESS), ("wrong", EAP_FAILURE)] {
            let mut profile = daemon.profile(USER.0, password);
            profile.versions = vec![version];
            let supplicant = Supplicant::new(profile);
            let mut device = EapSession::new(&nas, supplicant, "anonymous@campus.example");
            let reply = device.finish();
            let result = reply.eap().unwrap();
            // A result of four octets: nothing stands behind it.
            assert_eq!((result[0], result.len()), (code, 4));
            assert_eq!(reply.is_accept(), code == EAP_SUCCESS);
            assert_eq!(
                result[1], device.response[1],
                "it answers the last response"
            );
            assert!(device.round_trips <= 10, "{}", device.round_trips);
            println!("{version:?} {code}: {} round trips", device.round_trips);
        }
    }
}

/// E1: a method that nobody here speaks.
#[test]
fn a_device_that_wants_another_method_is_refused() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for wanted in [&[4_u8][..], &[0], &[254, 0, 0, 1], &[]] {
        let mut device = daemon.device(&nas, USER.0, USER.1);
        let request = device.step().eap().unwrap();
        let [.., high, low] = (5 + wanted.len()).to_be_bytes();
        device.response = [&[2, request[1], high, low, NAK], wanted].concat();
        let reject = device.step();
        assert!(reject.is_reject(), "{wanted:?}");
        assert_eq!(reject.eap().unwrap()[0], EAP_FAILURE);
    }
    let attempt = daemon.attempt(1);
    assert_eq!(attempt["reason"], "method-not-allowed", "{attempt}");
    assert_eq!(daemon.failures(USER.0), 0);
}

/// All that the device wishes for, in its order: what could be offered may stand last.
#[test]
fn wishes_of_a_device_stand_in_the_audit_log() {
    let daemon = Setup::new().set("eap", "methods", "[\"ttls\"]").start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    let request = device.step().eap().unwrap();
    device.response = vec![2, request[1], 0, 8, NAK, 43, 25, 254];
    assert!(device.step().is_reject());
    let attempt = daemon.attempt(1);
    let detail = attempt["detail"].as_str().unwrap();
    let wishes = "; it asks for EAP-FAST (43), PEAP (25), Expanded (254)";
    assert!(detail.ends_with(wishes), "{attempt}");
}

/// RFC 3579 §3.3, note 1: whose word would count?
#[test]
fn another_credential_beside_eap_is_refused() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let response = [&[0, 0][..], &[7; 48]].concat();
    let ms_chap = [&[0, 0, 1, 55, 25, 52][..], &response].concat();
    let others = [
        ("User-Password", 2, vec![7; 16]),
        ("CHAP-Password", 3, vec![7; 17]),
        ("ARAP-Password", 70, vec![7; 16]),
        ("an answer to MS-CHAP", kind::VENDOR_SPECIFIC, ms_chap),
    ];
    for (number, (name, kind, value)) in (1..).zip(others) {
        let mut device = daemon.device(&nas, USER.0, USER.1);
        device.step();
        let identifier = device.response[1];
        let reject = nas.ask(&device.request().with(kind, &value));
        assert!(reject.is_reject(), "{name}");
        assert_eq!(reject.eap().unwrap(), [4, identifier, 0, 4], "{name}");
        let line = daemon.attempt(2 * number - 1);
        assert_eq!(line["reason"], "method-not-allowed", "{line}");
        let detail = line["detail"].as_str().unwrap();
        assert!(
            detail.starts_with(&format!("{name} beside EAP-Message")),
            "{line}"
        );
        assert!(device.finish().is_accept(), "the conversation goes on");
    }
}

/// E1: EAP-Start (RFC 3579 §2.1).
#[test]
fn an_empty_eap_message_is_answered_by_asking_for_the_identity() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let start = nas.access_request().user("anna@campus.example");
    let reply = nas.ask(&start.with(kind::EAP_MESSAGE, b""));
    let request = reply.eap().unwrap();
    assert_eq!((request[0], request[4]), (1, 1), "EAP-Request/Identity");
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.response = device.supplicant.identity_response(request[1]);
    device.state = reply.value(kind::STATE);
    assert!(device.finish().is_accept());
}

/// E2: all of an EAP packet in one answer, against what the NAS says that it takes.
#[test]
fn eap_packets_fit_the_framed_mtu() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let wireless = (kind::NAS_PORT_TYPE, 19);
    for (attributes, most) in [
        (&[][..], 1020),
        (&[wireless][..], 1020),
        (&[(kind::FRAMED_MTU, 600)][..], 600),
        (&[(kind::FRAMED_MTU, 600), wireless][..], 596),
        (&[(kind::FRAMED_MTU, 1400), wireless][..], 1396),
        (
            &[(kind::FRAMED_MTU, 1300), (kind::NAS_PORT_TYPE, 15)][..],
            1300,
        ),
    ] {
        let largest = largest_eap_packet(&daemon, &nas, attributes);
        assert!(largest <= most, "{largest} octets for {attributes:?}");
    }
}

/// E2: what the operator says about the way to the equipment limits as well; the smaller counts.
#[test]
fn eap_packets_fit_max_fragment_whatever_framed_mtu_says() {
    for (max_fragment, framed_mtu, expected) in [("400", 1400, 400), ("1300", 1100, 1100)] {
        let daemon = Setup::new()
            .set("eap", "max-fragment", max_fragment)
            .start();
        let nas = daemon.nas();
        let framed_mtu = [(kind::FRAMED_MTU, framed_mtu)];
        let largest = largest_eap_packet(&daemon, &nas, &framed_mtu);
        assert!(largest <= expected, "{largest} octets");
        assert!(largest > expected / 2, "{largest} octets");
    }
}

fn largest_eap_packet(daemon: &Daemon, nas: &Nas, attributes: &[(u8, u32)]) -> usize {
    let device = daemon.device(nas, USER.0, USER.1);
    let mut device = attributes.iter().fold(device, |device, (kind, value)| {
        device.with(*kind, &value.to_be_bytes())
    });
    let mut largest = 0;
    loop {
        let reply = device.step();
        largest = largest.max(reply.eap().unwrap().len());
        if reply.is_accept() {
            return largest;
        }
        assert!(!reply.is_reject());
    }
}

/// E9: names are compared normalised; the outer user may be empty or anonymous.
#[test]
fn the_inner_realm_must_be_the_outer_one() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for (outer, inner, accepted) in [
        ("@campus.example", "anna@campus.example", true),
        ("anonymous@campus.example", "anna", true),
        ("ANNA@Campus.Example", "Anna@CAMPUS.example", true),
        ("anonymous@campus.example", "anna@other.example", false),
        ("anonymous@campus.example", "anna@campus.example.org", false),
        ("anonymous@campus.example", "anna@notcampus.example", false),
    ] {
        let mut profile = daemon.profile(USER.0, USER.1);
        profile.outer_identity = outer.to_owned();
        profile.inner = Inner::Avps(pap_avps(inner.as_bytes(), USER.1.as_bytes()));
        let mut device = EapSession::new(&nas, Supplicant::new(profile), outer);
        assert_eq!(device.finish().is_accept(), accepted, "{outer} {inner}");
    }
    let mismatches = daemon.wait_for_audit(3, |line| line["result"] == "reject");
    let is_mismatch = |line: &serde_json::Value| line["reason"] == "identity-mismatch";
    assert!(mismatches.iter().all(is_mismatch));
    assert_eq!(daemon.failures(USER.0), 0, "no password was checked");
}

/// E12: how eduroam's own checks ask.
#[test]
fn large_requests_with_operator_name_are_answered_as_any_other() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let vendor = [&[0, 0, 0x26, 0x9f, 1, 246][..], &[0x2a; 244]].concat();
    let device = daemon.device(&nas, USER.0, USER.1);
    let device = device.with(kind::OPERATOR_NAME, b"1monitor.eduroam.example");
    let mut device = (0..6).fold(device, |device, _| {
        device.with(kind::VENDOR_SPECIFIC, &vendor)
    });
    assert!(device.request().octets().len() > 1500);
    assert!(device.finish().is_accept());
    let attempt = daemon.attempt(1);
    assert_eq!(attempt["operator_name"], "1monitor.eduroam.example");
}

/// A device that breaks the rules is neither one that stopped nor one whose method is off.
#[test]
fn a_broken_packet_is_told_as_a_protocol_error() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    // More than one fragment's worth of length, of which two octets are missing.
    let mut device = daemon.device(&nas, USER.0, USER.1);
    let request = device.step().eap().unwrap();
    device.response = vec![2, request[1], 0, 8, 21, 0x80, 0, 0];
    assert!(device.step().is_reject());
    // Not an Identity, and no conversation.
    let md5 = nas.access_request().user(USER.0).eap(&[2, 9, 0, 6, 4, 0]);
    assert!(nas.ask(&md5).is_reject());
    for line in daemon.attempts(2) {
        assert_eq!(line["reason"], "protocol-error", "{line}");
        assert!(line["detail"].is_string(), "{line}");
    }
    let refused = "portvakt_refusals_total{reason=\"protocol-error\"}";
    assert_eq!(daemon.metric(refused), 2.0);
    assert_eq!(daemon.failures(USER.0), 0);
}
