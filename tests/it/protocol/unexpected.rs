//! EAP packets that a device should not have sent: an answer each, never silence (RFC 3579 §2.2).

use crate::common::{Daemon, Setup};
use crate::nas::{EapSession, Nas, Reply, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");
const INVALID_EAP_PACKET: [u8; 4] = 202_u32.to_be_bytes();
const MD5_CHALLENGE: u8 = 4;

/// The device's next request, with another EAP packet in it.
fn ask(nas: &Nas, device: &mut EapSession<'_>, eap: &[u8]) -> Reply {
    let right = std::mem::replace(&mut device.response, eap.to_vec());
    let reply = nas.ask(&device.request());
    device.state = reply.value(kind::STATE);
    device.response = right;
    reply
}

/// Another packet under the identifier of the right response.
fn with_identifier(device: &EapSession<'_>, mut packet: Vec<u8>) -> Vec<u8> {
    packet[1] = device.response[1];
    packet
}

fn md5_response() -> Vec<u8> {
    [&[2, 0, 0, 22, MD5_CHALLENGE, 16], [0; 16].as_slice()].concat()
}

fn assert_asked_again(reply: &Reply, request: &[u8]) {
    assert_eq!(reply.code() as u8, 11, "Access-Challenge");
    assert_eq!(reply.eap().as_deref(), Some(request), "octet for octet");
    let cause = reply.value(kind::ERROR_CAUSE);
    assert_eq!(cause.as_deref(), Some(&INVALID_EAP_PACKET[..]));
}

fn invalid(daemon: &Daemon) -> f64 {
    daemon.metric("portvakt_requests_total{client=\"test\",result=\"invalid-eap\"}")
}

/// E1, at every step of a log-on: other types, codes, identifiers and lengths.
#[test]
fn what_answers_nothing_gets_the_last_request_again_and_the_log_on_goes_on() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let wrong: [&[u8]; 10] = [
        &md5_response(),
        &[2, 0, 0, 5, 2],
        &[2, 0, 0, 6, 17, 1],
        &[2, 0, 0, 12, 254, 0, 1, 55, 0, 0, 0, 1],
        &[1, 0, 0, 6, 21, 0],
        &[3, 0, 0, 4],
        &[6, 0, 0, 5, 21],
        &[2, 0, 0xff, 0xff, 21, 0],
        &[2, 0, 0, 3],
        &[2, 0],
    ];
    let mut sent = 0.0;
    for (step, packets) in (1..5).flat_map(|step| wrong.chunks(5).map(move |five| (step, five))) {
        let mut device = daemon.device(&nas, USER.0, USER.1);
        let mut request = Vec::new();
        for _ in 0..step {
            request = device.step().eap().unwrap();
        }
        for packet in packets {
            let packet = with_identifier(&device, packet.to_vec());
            assert_asked_again(&ask(&nas, &mut device, &packet), &request);
            sent += 1.0;
        }
        assert!(device.finish().is_accept(), "step {step}");
    }
    assert_eq!(invalid(&daemon), sent);
}

/// The sixth ends it, and the audit log has what came.
#[test]
fn sixth_packet_that_answers_nothing_is_refused_with_what_it_was() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    let request = device.step().eap().unwrap();
    let packet = with_identifier(&device, md5_response());
    for _ in 0..5 {
        assert_asked_again(&ask(&nas, &mut device, &packet), &request);
    }
    let reject = ask(&nas, &mut device, &packet);
    assert!(reject.is_reject());
    assert_eq!(reject.eap().unwrap(), [4, packet[1], 0, 4]);
    let line = daemon.attempt(1);
    assert_eq!(line["result"], "reject", "{line}");
    assert_eq!(line["reason"], "method-not-allowed", "{line}");
    let detail = line["detail"].as_str().unwrap();
    let told = "the device answered EAP-TTLS with MD5-Challenge (4)";
    assert!(detail.ends_with(told), "{line}");
}

/// E10: a device that leaves after such a packet did answer.
#[test]
fn device_that_leaves_after_a_senseless_packet_is_told_by_that_packet() {
    let setup = Setup::new().set("radius", "conversation-timeout", "\"5s\"");
    let daemon = setup.start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let packet = with_identifier(&device, md5_response());
    ask(&nas, &mut device, &packet);
    let line = daemon.attempt(1);
    assert_eq!(line["result"], "gave-up", "{line}");
    let detail = line["detail"].as_str().unwrap();
    let told = "the device answered EAP-TTLS with MD5-Challenge (4); ";
    assert!(detail.starts_with(told), "{line}");
}

/// The first packet of a conversation: refused, with the identifier that it has (RFC 3748 §4.2).
#[test]
fn first_packet_that_is_no_identity_is_refused_under_its_identifier() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let cases: [(&[u8], u8); 6] = [
        (&[2, 7, 0, 6, 21, 0], 7),
        (&[2, 8, 0xff, 0xff, 1, 97], 8),
        (&[1, 9, 0, 5, 1], 9),
        (&[9, 10, 0, 5, 1], 10),
        (&[2, 11], 11),
        (&[2], 0),
    ];
    for (packet, identifier) in cases {
        let request = nas.access_request().user("anna@campus.example").eap(packet);
        let reject = nas.ask(&request);
        assert!(reject.is_reject(), "{packet:02x?}");
        let failure = [4, identifier, 0, 4];
        assert_eq!(reject.eap().unwrap(), failure, "{packet:02x?}");
    }
}

/// An Identity under the State of a conversation: that one is over, and another begins.
#[test]
fn identity_begins_a_conversation_whatever_state_says() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    device.step();
    // Of a conversation that is open.
    let mut anew = daemon.device(&nas, USER.0, USER.1);
    anew.response = anew.supplicant.identity_response(77);
    anew.state.clone_from(&device.state);
    assert!(anew.finish().is_accept());
    let line = &daemon.attempts(2)[0];
    assert_eq!(line["result"], "gave-up", "{line}");
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.starts_with("the device began anew"), "{line}");
    // Of one that has ended, and of none.
    for state in [device.state, Some(vec![7; 16]), Some(Vec::new())] {
        let mut again = daemon.device(&nas, USER.0, USER.1);
        again.state = state;
        assert!(again.finish().is_accept());
    }
}

/// A request with the State of another device's conversation does not end that.
#[test]
fn identity_of_another_device_leaves_a_conversation_alone() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let mut other = daemon
        .device(&nas, USER.0, USER.1)
        .of_station("02-00-00-00-00-02");
    other.state.clone_from(&device.state);
    assert!(other.finish().is_accept());
    assert!(device.finish().is_accept());
}

/// EAP-Start under the State of a conversation is one all the same.
#[test]
fn eap_start_under_a_state_is_answered_by_asking_for_the_identity() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let start = nas.access_request().user("anonymous@campus.example");
    let start = start.with(kind::EAP_MESSAGE, b"");
    let reply = nas.ask(&start.with(kind::STATE, &device.state.unwrap()));
    let request = reply.eap().unwrap();
    assert_eq!((request[0], request[4]), (1, 1), "EAP-Request/Identity");
}

/// R3: all Proxy-State comes back, and where it leaves no room for a fragment, with a Reject.
#[test]
fn answer_that_does_not_fit_beside_proxy_state_gives_way_to_a_reject() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let identifier = device.response[1];
    let crowded = (0..12).fold(device, |device, number| {
        device.with(kind::PROXY_STATE, &[number; 253])
    });
    let reject = nas.ask(&crowded.request());
    assert!(reject.is_reject());
    assert_eq!(reject.eap().unwrap(), [4, identifier, 0, 4]);
    assert_eq!(reject.values(kind::PROXY_STATE).len(), 12);
    let line = daemon.attempt(1);
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.starts_with("the answer does not fit"), "{line}");
}
