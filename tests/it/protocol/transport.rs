//! Requests that get an answer: from which client, from which address, how often (R1–R5, R8, R9).

use crate::common::{Setup, eventually};
use crate::nas::{Code, Nas, PATIENCE, Request, SILENCE, Signature, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");

/// Changes sound octets into something that is dropped.
type Spoil = fn(&mut Vec<u8>);

/// Each reason to drop a datagram that is no RADIUS packet, and how to make one.
const MALFORMED: &[(&str, Spoil)] = &[
    ("datagram-below-header", |octets| octets.truncate(19)),
    ("length-below-header", |octets| octets[3] = 19),
    ("length-above-maximum", |octets| {
        octets[2..4].copy_from_slice(&4097_u16.to_be_bytes());
    }),
    ("length-beyond-datagram", |octets| octets[3] += 1),
    ("unknown-code", |octets| octets[0] = 99),
    ("attribute-below-header", |octets| octets[21] = 0),
    ("attribute-below-header", |octets| octets[21] = 1),
    ("attribute-beyond-end", |octets| octets[21] = 255),
    ("unexpected-code", |octets| octets[0] = 2),
    ("wrong-port", |octets| octets[0] = 4),
    ("unexpected-code", |octets| octets[0] = 43),
];

/// R1.
#[test]
fn malformed_datagrams_meet_silence_and_are_counted_by_reason() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for (reason, spoil) in MALFORMED {
        let before = daemon.drops(reason);
        let mut octets = nas.pap(USER.0, USER.1).octets();
        spoil(&mut octets);
        nas.expect_silence(&octets);
        assert_eq!(daemon.drops(reason), before + 1.0, "{reason}");
    }
    assert!(nas.log_on(USER.0, USER.1).is_accept());
}

/// R1.
#[test]
fn octets_after_the_length_are_padding() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let octets = nas.pap(USER.0, USER.1).octets();
    nas.send(&[octets.as_slice(), &[0xff; 40]].concat());
    let reply = nas.receive(PATIENCE).unwrap();
    assert_eq!(reply[..2], [2, octets[1]]);
}

/// R1: an address that is no client's.
#[test]
fn strangers_meet_silence() {
    let setup = Setup::new().without_clients();
    let daemon = setup
        .client("known", "127.0.0.1", "methods = [\"pap\"]")
        .start();
    let stranger = daemon.nas_at("127.0.0.9");
    stranger.send(&stranger.pap(USER.0, USER.1).octets());
    stranger.send(&stranger.request(Code::StatusServer).octets());
    assert_eq!(stranger.receive(SILENCE), None);
    assert!(daemon.nas().log_on(USER.0, USER.1).is_accept());
    // Each source port has a thread of its own there, which may come later.
    let counted = || (daemon.drops("unknown-client") == 2.0).then_some(());
    eventually(counted).expect("both are counted");
}

/// At the default level: the first hour of a roll-out must not be dark.
#[test]
fn dropped_requests_are_told_once_each_with_what_to_do() {
    let setup = Setup::new().without_clients();
    let daemon = setup
        .client("vpn", "127.0.0.1", "methods = [\"pap\"]")
        .start();
    let (nas, stranger) = (daemon.nas(), daemon.nas_at("127.0.0.9"));
    for _ in 0..3 {
        for signature in [Signature::Missing, Signature::Wrong] {
            nas.send(&nas.pap(USER.0, USER.1).signature(signature).octets());
        }
        nas.send(&nas.request(Code::AccountingRequest).octets());
        stranger.send(&stranger.pap(USER.0, USER.1).octets());
    }
    for words in [
        "vpn (127.0.0.1): Message-Authenticator is missing: update the equipment",
        "vpn (127.0.0.1): Message-Authenticator is wrong: the shared secret differs",
        "vpn (127.0.0.1): Accounting-Request came to a port for authentication",
        "127.0.0.9: no [[client]] has this address",
    ] {
        daemon.wait_for_log(words);
        let log = daemon.log();
        let told = log.lines().filter(|line| line.contains(words));
        // Later ones, a minute apart, say how many more there were.
        let first: Vec<_> = told.filter(|line| !line.ends_with(" more)")).collect();
        assert_eq!(first.len(), 1, "{log}");
        assert!(first[0].contains("WARN"), "{log}");
    }
}

/// R2.
#[test]
fn requests_without_a_right_message_authenticator_meet_silence() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for (signature, reason) in [
        (Signature::Missing, "message-authenticator-missing"),
        (Signature::Wrong, "message-authenticator-wrong"),
        (Signature::Twice, "message-authenticator-repeated"),
        (Signature::Short, "message-authenticator-length"),
    ] {
        let request = nas.pap(USER.0, USER.1).signature(signature);
        nas.expect_silence(&request.octets());
        assert_eq!(daemon.drops(reason), 1.0, "{reason}");
    }
    nas.log_on(USER.0, USER.1);
    assert_eq!(daemon.reasons(1), ["accept"], "nothing else was attempted");
}

/// R2: a secret that differs is a signature that differs.
#[test]
fn another_secret_meets_silence() {
    let daemon = Setup::new().start();
    let nas = Nas::new(daemon.address(), "not the secret of this client");
    nas.send(&nas.pap(USER.0, USER.1).octets());
    assert_eq!(nas.receive(SILENCE), None);
    daemon.nas().status();
}

/// R2: `legacy` excuses a missing Message-Authenticator, but neither a wrong one, nor EAP or
/// Proxy-State without (CVE-2024-3596).
#[test]
fn a_legacy_client_may_leave_the_message_authenticator_out() {
    let legacy = "methods = [\"eap\", \"pap\"]\nlegacy-message-authenticator-optional = true";
    let setup = Setup::new().without_clients();
    let daemon = setup.client("old", "127.0.0.1", legacy).start();
    let nas = daemon.nas();
    let unsigned = nas.pap(USER.0, USER.1).signature(Signature::Missing);
    assert!(nas.ask(&unsigned).is_accept());
    let wrong = nas.pap(USER.0, USER.1).signature(Signature::Wrong);
    nas.expect_silence(&wrong.octets());
    let eap = daemon.device(&nas, USER.0, USER.1).request();
    nas.expect_silence(&eap.signature(Signature::Missing).octets());
    let status = nas.request(Code::StatusServer);
    nas.expect_silence(&status.signature(Signature::Missing).octets());
    let proxied = nas.pap(USER.0, USER.1).with(kind::PROXY_STATE, &[7; 200]);
    nas.expect_silence(&proxied.clone().signature(Signature::Missing).octets());
    assert_eq!(daemon.drops("proxy-state-unsigned"), 1.0);
    assert!(nas.ask(&proxied).is_accept());
}

/// R3, in an Accept, a Reject, a Challenge and the answer to a Status-Server.
#[test]
fn proxy_states_come_back_unchanged_and_in_order() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let states: [&[u8]; 4] = [b"second\0hop", &[0xff; 253], b"a", b"first hop"];
    let requests = [
        nas.pap(USER.0, USER.1),
        nas.pap(USER.0, "wrong"),
        daemon.device(&nas, USER.0, USER.1).request(),
        nas.request(Code::StatusServer),
    ];
    let mut codes = Vec::new();
    for request in requests {
        let add = |request: Request, state: &&[u8]| request.with(kind::PROXY_STATE, state);
        let reply = nas.ask(&states.iter().fold(request, add));
        assert_eq!(reply.values(kind::PROXY_STATE), states);
        codes.push(reply.code());
    }
    let (accept, challenge) = (Code::AccessAccept, Code::AccessChallenge);
    assert_eq!(codes, [accept, Code::AccessReject, challenge, accept]);
}

/// R4.
#[test]
fn a_retransmission_gets_the_same_octets_and_counts_no_second_failure() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let octets = nas.pap(USER.0, "wrong").octets();
    nas.send(&octets);
    let first = nas.receive(PATIENCE).unwrap();
    for _ in 1..10 {
        nas.send(&octets);
        assert_eq!(nas.receive(PATIENCE).unwrap(), first);
    }
    assert_eq!(daemon.failures(USER.0), 1);
    let duplicates = r#"portvakt_requests_total{client="test",result="duplicate"}"#;
    assert_eq!(daemon.metric(duplicates), 9.0);
    assert_eq!(daemon.reasons(1), ["wrong-credential"]);
}

/// R4: nor do ten copies at once, whichever of them come while the first is worked on.
#[test]
fn ten_copies_at_once_are_one_failure() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let octets = nas.pap(USER.0, "wrong").octets();
    (0..10).for_each(|_| nas.send(&octets));
    let first = nas.receive(PATIENCE).unwrap();
    while let Some(copy) = nas.receive(SILENCE) {
        assert_eq!(copy, first);
    }
    assert_eq!(daemon.failures(USER.0), 1);
}

/// R4 (RFC 5080 §2.2.2).
#[test]
fn a_new_authenticator_under_a_used_identifier_is_a_new_request() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let first = nas.ask(&nas.pap(USER.0, "wrong").identifier(7));
    let second = nas.ask(&nas.pap(USER.0, "wrong").identifier(7));
    assert_ne!(first.octets(), second.octets());
    assert_eq!(daemon.failures(USER.0), 2);
    let accepted = nas.ask(&nas.pap(USER.0, USER.1).identifier(7));
    assert!(accepted.is_accept());
}

/// R4: of a NAS whose authenticators repeat (RFC 5080 §2.2.2), nobody gets another's answer.
#[test]
fn other_credentials_under_a_used_authenticator_are_a_new_request() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let ask = |user: &str, password: &str| {
        let request = nas.access_request().authenticator([0; 16]).identifier(1);
        nas.ask(&request.user(user).password(password.as_bytes()))
    };
    assert!(ask(USER.0, USER.1).is_accept());
    assert!(ask(USER.0, "nonsense").is_reject());
    assert!(ask("nobody", USER.1).is_reject());
    assert!(ask(USER.0, USER.1).is_accept());
    let expected = ["accept", "wrong-credential", "unknown-user", "accept"];
    assert_eq!(daemon.reasons(4), expected);
}

/// R4: some NAS tell in a retransmission how late it is.
#[test]
fn a_retransmission_with_another_time_is_a_copy_all_the_same() {
    const ACCT_DELAY_TIME: u8 = 41;
    const EVENT_TIMESTAMP: u8 = 55;
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let request = nas.pap(USER.0, "wrong");
    nas.ask(&request);
    for (kind, time) in [(ACCT_DELAY_TIME, 3), (EVENT_TIMESTAMP, 1_800_000_000)] {
        let copy = request.clone().with_integer(kind, time).octets();
        nas.send(&copy);
        assert!(nas.receive(PATIENCE).is_some());
    }
    assert_eq!(daemon.failures(USER.0), 1);
}

/// R5.
#[test]
fn a_status_server_is_answered_only_with_a_right_message_authenticator() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    nas.status();
    for signature in [Signature::Missing, Signature::Wrong] {
        let status = nas.request(Code::StatusServer).signature(signature);
        nas.expect_silence(&status.octets());
    }
    let answered = r#"portvakt_requests_total{client="test",result="status"}"#;
    assert_eq!(daemon.metric(answered), 3.0);
}

/// R8: asked on 127.0.0.2 of 0.0.0.0, and on `::1` of `::`.
#[test]
fn answers_leave_from_the_address_that_was_asked() {
    let anywhere = "[[listen]]\naddress = \"0.0.0.0:0\"\n[[listen]]\naddress = \"[::]:0\"\n";
    let setup = Setup::new().more(anywhere);
    let daemon = setup.client("six", "::1", "methods = [\"pap\"]").start();
    let asked = ["127.0.0.1", "127.0.0.2", "::1"];
    for (listening, asked) in daemon.addresses().iter().zip(asked) {
        let server = (asked.parse::<std::net::IpAddr>().unwrap(), listening.port());
        let nas = Nas::new(server.into(), crate::common::SECRET);
        nas.status();
        assert!(nas.log_on(USER.0, USER.1).is_accept(), "{asked}");
        // A reject takes another way out.
        assert!(nas.log_on(USER.0, "wrong").is_reject(), "{asked}");
    }
}

/// R9, in both families.
#[test]
fn the_client_with_the_longest_prefix_counts() {
    let pap = "methods = [\"pap\"]";
    let daemon = Setup::new()
        .without_clients()
        .client("all", "127.0.0.0/8", pap)
        .client("building", "127.1.0.0/16", pap)
        .client("one", "127.1.2.3", pap)
        .client("all-six", "::/0", pap)
        .client("one-six", "::1", pap)
        .more("[[listen]]\naddress = \"[::1]:0\"\n")
        .start();
    let sources = ["127.9.9.9", "127.1.9.9", "127.1.2.3"];
    for source in sources {
        assert!(daemon.nas_at(source).log_on(USER.0, USER.1).is_accept());
    }
    let six = Nas::new(daemon.addresses()[1], crate::common::SECRET);
    assert!(six.log_on(USER.0, USER.1).is_accept());
    let lines = daemon.attempts(4);
    let clients: Vec<_> = lines.iter().map(|line| line["client"].as_str()).collect();
    let expected = ["all", "building", "one", "one-six"].map(Some);
    assert_eq!(clients, expected);
}
