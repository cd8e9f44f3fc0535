//! Names in an Accept: Chargeable-User-Identity for visited sites (I4, RFC 4372), User-Name for our
//! own equipment (RFC 2865 §5.1).

use portvakt_testkit::supplicant::Device;
use serde_json::Value;

use crate::common::{Daemon, Setup};
use crate::nas::{EapSession, Nas, Reply, Request, kind};

const ANNA: (&str, &str) = ("anna", "correct-horse-battery");
const KARI: (&str, &str) = ("kari", "granite-and-heather");
const CUI: u8 = 89;
const HERE: &[u8] = b"1site-a.example";
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";

fn with_key(setup: Setup) -> Daemon {
    setup.write("cui.key", KEY);
    setup.set("radius", "cui-key-file", "\"cui.key\"").start()
}

fn asked(nas: &Nas, (user, password): (&str, &str), operator: &[u8]) -> Request {
    let request = nas.pap(user, password).with(CUI, b"\0");
    request.with(kind::OPERATOR_NAME, operator)
}

fn value(reply: &Reply) -> Vec<u8> {
    assert!(reply.is_accept());
    assert_eq!(reply.values(CUI).len(), 1);
    reply.value(CUI).unwrap()
}

/// I4, CU1, CU2.
#[test]
fn cui_is_in_an_accept_that_was_asked_for_it_at_a_site_and_in_no_other() {
    let daemon = with_key(Setup::new());
    let nas = daemon.nas();
    let sent = value(&nas.ask(&asked(&nas, ANNA, HERE)));
    assert_eq!(sent.len(), 40);
    for request in [
        nas.pap(ANNA.0, ANNA.1),
        nas.pap(ANNA.0, ANNA.1).with(kind::OPERATOR_NAME, HERE),
        nas.pap(ANNA.0, ANNA.1).with(CUI, b"\0"),
        asked(&nas, ANNA, HERE).with(kind::OPERATOR_NAME, b"1site-b.example"),
    ] {
        let reply = nas.ask(&request);
        assert!(reply.is_accept() && reply.value(CUI).is_none());
    }
    let refused = nas.ask(&asked(&nas, (ANNA.0, "wrong"), HERE));
    assert!(refused.is_reject() && refused.value(CUI).is_none());

    let lines = daemon.attempts(6);
    let written: Vec<_> = lines.iter().map(|line| line["cui"].as_str()).collect();
    let sent = String::from_utf8(sent).unwrap();
    assert_eq!(written[0], Some(&*sent));
    assert_eq!(written[1..], [None; 5]);
}

/// I4.
#[test]
fn no_cui_without_a_key() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let reply = nas.ask(&asked(&nas, ANNA, HERE));
    assert!(reply.is_accept() && reply.value(CUI).is_none());
}

/// I4, CU3, CU4: by account and site; names, methods, sessions and servers make no difference.
#[test]
fn cui_is_of_the_account_and_the_site_and_of_nothing_else() {
    let daemon = with_key(Setup::new());
    let nas = daemon.nas();
    let anna = value(&nas.ask(&asked(&nas, ANNA, HERE)));
    for name in ["Anna@Campus.Example", "ANNA"] {
        let again = nas.ask(&asked(&nas, (name, ANNA.1), b"1Site-A.EXAMPLE"));
        assert_eq!(value(&again), anna, "{name}");
    }
    let there = value(&nas.ask(&asked(&nas, ANNA, b"1site-b.example")));
    let kari = value(&nas.ask(&asked(&nas, KARI, HERE)));
    assert!(there != anna && kari != anna);

    let device = Device::new(daemon.profile(ANNA.0, ANNA.1));
    for resumes in [false, true] {
        let session = EapSession::new(&nas, device.supplicant(), "anonymous@campus.example");
        let mut session = session.with(CUI, b"\0").with(kind::OPERATOR_NAME, HERE);
        assert_eq!(value(&session.finish()), anna);
        assert_eq!(session.supplicant.is_resumed(), resumes);
    }

    let other_server = with_key(Setup::new());
    let nas = other_server.nas();
    assert_eq!(value(&nas.ask(&asked(&nas, ANNA, HERE))), anna);
}

/// CU5: a new key must not shut out everybody who roams.
#[test]
fn another_cui_in_the_request_is_noted_and_refuses_nobody() {
    let daemon = with_key(Setup::new());
    let nas = daemon.nas();
    let known = value(&nas.ask(&asked(&nas, ANNA, HERE)));
    let with = |value: &[u8]| {
        let request = nas.pap(ANNA.0, ANNA.1).with(CUI, value);
        nas.ask(&request.with(kind::OPERATOR_NAME, HERE))
    };
    assert_eq!(value(&with(&known)), known);
    assert_eq!(value(&with(b"of another key")), known);
    let details: Vec<_> = daemon.attempts(3).into_iter().map(detail).collect();
    assert_eq!(details[..2], ["", ""]);
    assert!(details[2].contains("another Chargeable-User-Identity"));
}

fn detail(line: Value) -> String {
    line["detail"].as_str().unwrap_or_default().to_owned()
}

/// W45: who `anonymous` is, told to our own equipment alone.
#[test]
fn user_name_is_told_to_clients_that_are_configured_so() {
    let methods = "methods = [\"eap\", \"pap\"]\n";
    let daemon = Setup::new()
        .without_clients()
        .client(
            "ours",
            "127.0.0.1",
            &format!("{methods}send-user-name = true"),
        )
        .client("theirs", "127.0.0.2", methods)
        .start();
    let (ours, theirs) = (daemon.nas(), daemon.nas_at("127.0.0.2"));
    let full_name = Some(b"anna@campus.example".to_vec());
    let bare = ours.log_on("Anna", ANNA.1);
    assert_eq!(bare.value(kind::USER_NAME), full_name);
    let accept = daemon.device(&ours, ANNA.0, ANNA.1).finish();
    assert!(accept.is_accept());
    assert_eq!(accept.value(kind::USER_NAME), full_name);
    assert_eq!(ours.log_on(ANNA.0, "wrong").value(kind::USER_NAME), None);
    assert_eq!(theirs.log_on(ANNA.0, ANNA.1).value(kind::USER_NAME), None);
}
