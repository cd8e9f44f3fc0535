//! Replays `tests/corpus/eap`, whose README.md says what the lines mean.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::Campus;
use portvakt_eap::InnerRequest;
use portvakt_eap::packet::{Body, Code, EapPacket, EapType, write_typed};
use portvakt_eap::{EapError, FailureCause, Limits, Step, TlsVersions, Verdict};
use portvakt_testkit::supplicant::{Inner, Outer, Profile, Supplicant, converse};

const PACKETS: &str = include_str!("../../../tests/corpus/eap/packets.txt");
const RESPONSES: &str = include_str!("../../../tests/corpus/eap/responses.txt");
const INNER: &str = include_str!("../../../tests/corpus/eap/inner.txt");
const AVPS: &str = include_str!("../../../tests/corpus/eap/avps.txt");

#[test]
fn packets_read_as_the_corpus_says() {
    replay(PACKETS, |hex| describe_packet(&unhex(hex)));
}

#[test]
fn responses_end_as_the_corpus_says() {
    let campus = Campus::new(TlsVersions::Both);
    replay(RESPONSES, |hex| {
        let responses: Vec<Vec<u8>> = hex.split('|').map(unhex).collect();
        last_step(&campus, &responses)
    });
}

#[test]
fn avps_mean_what_the_corpus_says() {
    replay(AVPS, |hex| describe_inner(&unhex(hex)));
}

#[test]
fn what_is_said_through_peap_ends_as_the_corpus_says() {
    let campus = Campus::generous(TlsVersions::Both);
    replay(INNER, |hex| {
        let said = hex.split('|').map(unhex).collect();
        last_cause(&campus, Inner::Script(said))
    });
}

/// Collects all disagreements: one look shows what a change moved.
fn replay(corpus: &str, outcome: impl Fn(&str) -> String) {
    let mut wrong = Vec::new();
    for (number, line) in corpus.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((hex, expected)) = line.split_once("=>") else {
            assert!(line.trim().is_empty(), "line {}: no `=>`", number + 1);
            continue;
        };
        let (found, expected) = (outcome(hex), expected.trim());
        if found != expected {
            wrong.push(format!("line {}: {found}, not {expected}", number + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| {
            c.to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .expect("a hex digit")
        })
        .collect();
    assert!(
        digits.len().is_multiple_of(2),
        "an odd number of hex digits: {text}"
    );
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn describe_packet(bytes: &[u8]) -> String {
    let packet = match EapPacket::read(bytes) {
        Ok(packet) => packet,
        Err(error) => return error.label().into(),
    };
    let code = match packet.code {
        Code::Request => "request",
        Code::Response => "response",
        Code::Success => "success",
        Code::Failure => "failure",
    };
    format!("{code} {}{}", packet.identifier, describe_body(packet.body))
}

fn describe_body(body: Body<'_>) -> String {
    match body {
        Body::Empty => String::new(),
        Body::Identity(identity) => format!(" identity \"{}\"", identity.escape_ascii()),
        Body::Notification => " notification".into(),
        Body::Nak(nak) => nak
            .wanted()
            .fold(" nak".into(), |text, kind| format!("{text} {}", kind.0)),
        Body::Method { kind, data: [] } => format!(" method {}", kind.0),
        Body::Method { kind, data } => format!(" method {} {}", kind.0, hex(data)),
        Body::Expanded { vendor, kind, .. } => format!(" expanded {vendor} {kind}"),
    }
}

fn last_step(campus: &Campus, responses: &[Vec<u8>]) -> String {
    let (mut conversation, mut step) = campus.start(&campus.supplicant());
    for response in responses {
        let Step::Request(request) = &step else {
            return "ended early".into();
        };
        let response = write_typed(Code::Response, request[1], EapType::TTLS, response);
        step = match conversation.handle_response(&response, Limits::USUAL) {
            Ok(step) => step,
            Err(error) => return error.label().into(),
        };
    }
    match step {
        Step::Request(_) => "request".into(),
        Step::Authenticate(_) => "prove".into(),
        Step::FindSession(_) => "find".into(),
        Step::Success { .. } => "success".into(),
        Step::Failure {
            cause: FailureCause::Protocol(EapError::Fragment(error)),
            ..
        } => error.label().into(),
        Step::Failure { cause, .. } => cause.label().into(),
    }
}

fn last_cause(campus: &Campus, said: Inner) -> String {
    let mut supplicant = Supplicant::new(Profile::new(&campus.authority, Outer::Peap, said));
    let believe = |identity: &[u8], _password: &[u8]| match identity {
        b"a" => Verdict::Accepted,
        _ => Verdict::Refused,
    };
    let ending = converse(&campus.methods, &mut supplicant, Limits::USUAL, believe);
    match ending.expect("sound packets").result {
        None => "silence".into(),
        Some(Ok(_)) => "success".into(),
        Some(Err(FailureCause::Inner(error))) => error.label().into(),
        Some(Err(cause)) => cause.label().into(),
    }
}

fn describe_inner(bytes: &[u8]) -> String {
    match InnerRequest::read(bytes) {
        Ok(InnerRequest::Pap { identity, password }) => {
            format!(
                "pap \"{}\" \"{}\"",
                identity.escape_ascii(),
                password.escape_ascii()
            )
        }
        Ok(InnerRequest::Chap {
            identity,
            identifier,
            ..
        }) => format!("chap \"{}\" {identifier}", identity.escape_ascii()),
        Ok(InnerRequest::MsChap {
            identity,
            identifier,
            ..
        }) => format!("mschap \"{}\" {identifier}", identity.escape_ascii()),
        Ok(InnerRequest::MsChapV2 {
            identity,
            identifier,
            ..
        }) => format!("mschapv2 \"{}\" {identifier}", identity.escape_ascii()),
        Ok(InnerRequest::Eap(packet)) => format!("eap {}", hex(&packet)).trim_end().into(),
        Err(error) => error.label().into(),
    }
}
