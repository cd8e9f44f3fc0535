//! Replays `tests/corpus/radius`: octets in, text or an exact error out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers are tests too"
)]

#[path = "common/corpus.rs"]
mod corpus;

use std::collections::HashSet;
use std::path::Path;

use corpus::{Case, hex};
use portvakt_radius::MessageAuthenticatorPolicy::{LegacyOptional, Required};
use portvakt_radius::{
    MessageAuthenticatorPolicy, Packet, SharedSecret, VerifiedRequest, describe, mppe,
    verify_reply_with,
};

const KEYWORDS: [&str; 10] = [
    "in",
    "secret",
    "policy",
    "reply-to",
    "parse-error",
    "verify-error",
    "password",
    "password-error",
    "msk",
    "text",
];

fn cases() -> Vec<Case> {
    corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/radius"))
}

/// Result of reading a packet, in the corpus's own words.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    parse_error: Option<String>,
    verify_error: Option<String>,
    password: Option<String>,
    password_error: Option<String>,
    msk: Option<Vec<u8>>,
    text: Option<String>,
}

fn expected(case: &Case) -> Outcome {
    let text: Vec<&str> = case.all("text").collect();
    let owned = |keyword| case.first(keyword).map(str::to_owned);
    Outcome {
        parse_error: owned("parse-error"),
        verify_error: owned("verify-error"),
        password: owned("password"),
        password_error: owned("password-error"),
        msk: case.first("msk").map(hex),
        text: (!text.is_empty()).then(|| text.join("\n")),
    }
}

/// Runs the case; what the case does not speak of stays out.
fn outcome(case: &Case) -> Outcome {
    let mut outcome = Outcome::default();
    let octets = case.octets();
    let packet = match Packet::parse(&octets) {
        Ok(packet) => packet,
        Err(error) => {
            outcome.parse_error = Some(error.label().to_owned());
            return outcome;
        }
    };
    if let Some(secret) = case.first("secret") {
        verify(
            case,
            packet,
            &SharedSecret::new(secret.as_bytes()).unwrap(),
            &mut outcome,
        );
    }
    if case.first("text").is_some() {
        outcome.text = Some(describe(&packet).to_string());
    }
    outcome
}

fn verify(case: &Case, packet: Packet<'_>, secret: &SharedSecret, outcome: &mut Outcome) {
    let checked = match case.first("reply-to") {
        Some(authenticator) => verify_as_reply(case, packet, authenticator, secret, outcome),
        None => verify_as_request(case, packet, secret, outcome),
    };
    outcome.verify_error = checked.err();
}

fn verify_as_reply(
    case: &Case,
    packet: Packet<'_>,
    authenticator: &str,
    secret: &SharedSecret,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let authenticator: [u8; 16] = hex(authenticator).try_into().expect("16 octets");
    if case.first("msk").is_some() {
        let msk = mppe::reveal_msk(&packet, &authenticator, secret).unwrap();
        outcome.msk = Some(msk.to_vec());
    }
    verify_reply_with(&packet, &authenticator, secret, policy(case))
        .map_err(|error| error.label().to_owned())
}

fn verify_as_request(
    case: &Case,
    packet: Packet<'_>,
    secret: &SharedSecret,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let request = VerifiedRequest::verify(packet, secret, policy(case))
        .map_err(|error| error.label().to_owned())?;
    if case
        .first("password")
        .or(case.first("password-error"))
        .is_none()
    {
        return Ok(());
    }
    match request.user_password(secret) {
        Ok(password) => {
            outcome.password = Some(String::from_utf8(password.as_bytes().to_vec()).unwrap());
        }
        Err(error) => outcome.password_error = Some(error.label().to_owned()),
    }
    Ok(())
}

fn policy(case: &Case) -> MessageAuthenticatorPolicy {
    match case.first("policy") {
        None | Some("required") => Required,
        Some("legacy") => LegacyOptional,
        Some(other) => panic!("{}: no policy {other}", case.name),
    }
}

#[test]
fn corpus_comes_out_as_it_says() {
    for case in cases() {
        let expected = expected(&case);
        assert_ne!(
            expected,
            Outcome::default(),
            "{} expects nothing",
            case.name
        );
        assert_eq!(outcome(&case), expected, "{}", case.name);
    }
}

#[test]
fn corpus_has_no_unknown_keyword_and_no_name_twice() {
    let cases = cases();
    let names: HashSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
    for case in &cases {
        let unknown = case.keywords().find(|keyword| !KEYWORDS.contains(keyword));
        assert_eq!(unknown, None, "{}", case.name);
        assert!(case.first("in").is_some(), "{} has no octets", case.name);
    }
}

#[test]
fn corpus_shows_every_label() {
    let cases = cases();
    let seen: HashSet<&str> = cases
        .iter()
        .flat_map(|case| case.all("parse-error").chain(case.all("verify-error")))
        .collect();
    let parse = portvakt_radius::ParseError::ALL.map(|error| error.label());
    let verify = portvakt_radius::VerifyError::ALL.map(|error| error.label());
    let unseen: Vec<_> = parse
        .iter()
        .chain(&verify)
        .filter(|label| !seen.contains(*label))
        .collect();
    assert!(unseen.is_empty(), "no case for {unseen:?}");
}
