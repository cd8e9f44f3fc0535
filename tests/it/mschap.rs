//! MS-CHAPv2 outside EAP, as a VPN concentrator sends it: the real program, asked over UDP.
//!
//! The arithmetic is held against the vectors of RFC 2759 and 3079 beside its code; here it is what
//! the program makes of it.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::common::{Daemon, PATIENCE, SECRET, Setup};
use portvakt_auth::mschap::{self, MsChapV2Exchange, NtHash};
use portvakt_radius::dictionary::microsoft::{
    MS_CHAP_CHALLENGE, MS_CHAP_ERROR, MS_CHAP_RESPONSE, MS_CHAP2_RESPONSE, MS_CHAP2_SUCCESS,
    MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY, VENDOR,
};
use portvakt_radius::{
    AttributeType, Code, Packet, RequestWriter, SharedSecret, mppe, verify_reply,
};

const CHALLENGE: [u8; 16] = [0x5b; 16];
const PEER_CHALLENGE: [u8; 16] = [0x21; 16];
const IDENTIFIER: u8 = 7;
const REQUEST_AUTHENTICATOR: [u8; 16] = [0x33; 16];
static NEXT_IDENTIFIER: AtomicU8 = AtomicU8::new(1);

/// A user with an NT hash beside the password, and one without.
fn people() -> String {
    let nt_hash = NtHash::of_password("heather-and-granite");
    let person = |name: &str, rest: &str| {
        format!(
            "dn: uid={name},dc=example\nuid: {name}\neduPersonPrimaryAffiliation: employee\n\
             userPassword: heather-and-granite\n{rest}\n"
        )
    };
    let with = format!("sambaNTPassword: {}\n", *nt_hash.reveal());
    person("kari", &with) + &person("plain", "")
}

fn vpn(methods: &str) -> Daemon {
    let methods = format!("service = \"vpn\"\nmethods = [{methods}]");
    Setup::new()
        .without_clients()
        .client("vpn", "127.0.0.0/8", &methods)
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .people(&people())
        .start()
}

/// The reply as a concentrator reads it.
struct Told {
    code: Code,
    success: Option<Vec<u8>>,
    error: Option<Vec<u8>>,
    /// Receive and send key, as the NAS unwraps them.
    keys: Option<[Vec<u8>; 2]>,
}

fn ask(daemon: &Daemon, user: &str, password: &str) -> Told {
    let exchange = |nt_response| MsChapV2Exchange {
        name: user.as_bytes().to_vec(),
        authenticator_challenge: CHALLENGE,
        peer_challenge: PEER_CHALLENGE,
        nt_response,
    };
    let nt_response = mschap::nt_response(&NtHash::of_password(password), &exchange([0; 24]));
    let mut response = vec![IDENTIFIER, 0];
    response.extend_from_slice(&PEER_CHALLENGE);
    response.extend_from_slice(&[0; 8]);
    response.extend_from_slice(&nt_response);
    send(daemon, user, &CHALLENGE, &response)
}

fn send(daemon: &Daemon, user: &str, challenge: &[u8], response: &[u8]) -> Told {
    send_as(daemon, user, challenge, MS_CHAP2_RESPONSE, response)
}

fn send_as(daemon: &Daemon, user: &str, challenge: &[u8], kind: u8, response: &[u8]) -> Told {
    send_with(daemon, user, |writer| {
        writer
            .push_vendor(VENDOR, MS_CHAP_CHALLENGE, challenge)
            .unwrap();
        writer.push_vendor(VENDOR, kind, response).unwrap();
    })
}

fn send_with(daemon: &Daemon, user: &str, push: impl FnOnce(&mut RequestWriter<'_>)) -> Told {
    let secret = SharedSecret::new(SECRET.as_bytes()).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 4096];
    // The kernel may give a port twice: with one identifier, that would be a duplicate.
    let identifier = NEXT_IDENTIFIER.fetch_add(1, Ordering::Relaxed);
    let mut writer =
        RequestWriter::access_request(identifier, REQUEST_AUTHENTICATOR, &mut buffer).unwrap();
    writer
        .push(AttributeType::USER_NAME, user.as_bytes())
        .unwrap();
    push(&mut writer);
    socket
        .send_to(writer.finish(&secret).unwrap(), daemon.address())
        .unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    let reply = Packet::parse(&buffer[..length]).unwrap();
    verify_reply(&reply, &REQUEST_AUTHENTICATOR, &secret).unwrap();
    let vendor = |kind| reply.vendor(VENDOR, kind).map(<[u8]>::to_vec);
    let key = |kind| {
        let revealed = mppe::reveal(&vendor(kind)?, &REQUEST_AUTHENTICATOR, &secret);
        Some(revealed.unwrap().to_vec())
    };
    Told {
        code: reply.code(),
        success: vendor(MS_CHAP2_SUCCESS),
        error: vendor(MS_CHAP_ERROR),
        keys: key(MS_MPPE_RECV_KEY)
            .zip(key(MS_MPPE_SEND_KEY))
            .map(|(a, b)| [a, b]),
    }
}

/// The authenticator response of a server that knows the password.
fn expected(user: &str, password: &str) -> mschap::MsChapV2Success {
    let hash = NtHash::of_password(password);
    let mut exchange = MsChapV2Exchange {
        name: user.as_bytes().to_vec(),
        authenticator_challenge: CHALLENGE,
        peer_challenge: PEER_CHALLENGE,
        nt_response: [0; 24],
    };
    exchange.nt_response = mschap::nt_response(&hash, &exchange);
    mschap::check_v2(&hash, &exchange).unwrap()
}

#[test]
fn right_answer_is_accepted_with_proof_and_keys() {
    let daemon = vpn("\"mschapv2\"");
    for user in ["kari", "kari@campus.example"] {
        let told = ask(&daemon, user, "heather-and-granite");
        let expected = expected(user, "heather-and-granite");
        assert_eq!(told.code, Code::AccessAccept);
        let success = told.success.unwrap();
        assert_eq!(
            success.split_first(),
            Some((&IDENTIFIER, &expected.authenticator_response[..]))
        );
        let keys = [expected.keys.receive.to_vec(), expected.keys.send.to_vec()];
        assert_eq!(told.keys, Some(keys));
    }
    assert_eq!(daemon.attempt(2)["method"], "mschapv2");
}

/// `NtHash` and a challenge of eight octets: the first version, for those who still have it.
#[test]
fn first_version_is_accepted_where_it_is_configured_and_refused_elsewhere() {
    let nt_response =
        mschap::nt_response_v1(&NtHash::of_password("heather-and-granite"), &[0x5b; 8]);
    let mut response = vec![IDENTIFIER, 1];
    response.extend_from_slice(&[0; 24]);
    response.extend_from_slice(&nt_response);
    for (methods, expected) in [
        ("\"mschapv2\"", Code::AccessReject),
        ("\"legacy-mschap\"", Code::AccessAccept),
    ] {
        let daemon = vpn(methods);
        let told = send_as(&daemon, "kari", &[0x5b; 8], MS_CHAP_RESPONSE, &response);
        assert_eq!(told.code, expected, "{methods}");
        assert_eq!(daemon.attempt(1)["method"], "mschap");
    }
}

#[test]
fn wrong_answer_is_refused_without_a_hint_and_counts() {
    let daemon = vpn("\"mschapv2\"");
    for _ in 0..6 {
        let told = ask(&daemon, "kari", "wrong");
        assert_eq!(told.code, Code::AccessReject);
        assert!(told.success.is_none() && told.keys.is_none());
        let error = told.error.unwrap();
        assert_eq!(error[0], IDENTIFIER);
        assert!(
            error[1..].starts_with(b"E=691 R=0 C="),
            "{}",
            String::from_utf8_lossy(&error)
        );
    }
    assert_eq!(
        ask(&daemon, "kari", "heather-and-granite").code,
        Code::AccessReject
    );
    assert_eq!(daemon.attempt(7)["reason"], "locked-out");
}

#[test]
fn account_without_an_nt_hash_is_refused_for_that_and_not_counted() {
    let daemon = vpn("\"mschapv2\"");
    for _ in 0..8 {
        assert_eq!(
            ask(&daemon, "plain", "heather-and-granite").code,
            Code::AccessReject
        );
    }
    let line = daemon.attempt(8);
    assert_eq!(line["reason"], "method-not-allowed");
    assert!(
        line["detail"].as_str().unwrap().contains("NT hash"),
        "{line}"
    );
}

#[test]
fn somebody_unknown_is_refused_as_a_wrong_password_is() {
    let daemon = vpn("\"mschapv2\"");
    let told = ask(&daemon, "nobody", "any");
    assert_eq!(told.code, Code::AccessReject);
    assert!(told.error.is_some());
    assert_eq!(daemon.attempt(1)["reason"], "unknown-user");
}

/// I1: what a client may bring is its configuration's word, and by default it is EAP alone.
#[test]
fn client_that_may_not_bring_it_is_refused() {
    let daemon = vpn("\"eap\", \"pap\"");
    assert_eq!(
        ask(&daemon, "kari", "heather-and-granite").code,
        Code::AccessReject
    );
    assert_eq!(daemon.attempt(1)["reason"], "method-not-allowed");
}

#[test]
fn attributes_of_a_wrong_length_are_refused() {
    let daemon = vpn("\"mschapv2\"");
    for (challenge, response) in [
        (&CHALLENGE[..8], 50),
        (&CHALLENGE[..], 49),
        (&CHALLENGE[..], 51),
    ] {
        let told = send(&daemon, "kari", challenge, &vec![0; response]);
        assert_eq!(told.code, Code::AccessReject);
        assert_eq!(
            daemon.wait_for_audit(1, |line| line["event"] == "attempt")[0]["reason"],
            "method-not-allowed"
        );
    }
}
