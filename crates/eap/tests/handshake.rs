//! Handshakes that fail or stop: what the operator is told, and that alerts come first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, PASSWORD, USER};
use portvakt_eap::{
    Alert, Conversation, FailureCause, InnerCredential, Limits, MethodType, Methods, ServerTls,
    Stage, Step, TlsAlert, TlsConfigError, TlsProblem, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{Authority, Outcome, Profile, Supplicant, converse_within};

#[test]
fn a_device_that_does_not_trust_our_ca_says_so() {
    for versions in [TlsVersions::Tls12Only, TlsVersions::Tls13Only] {
        let campus = Campus::new(versions);
        let stranger = Authority::new("Stranger");
        let mut supplicant = Supplicant::new(Profile::pap(&stranger, USER, PASSWORD));
        let ending = campus.converse(&mut supplicant, Limits::USUAL);
        let cause = ending.result.unwrap().unwrap_err();
        assert_eq!(
            cause,
            FailureCause::TlsAlert(TlsAlert::Received(Alert::UNKNOWN_CA))
        );
        assert_eq!(
            cause.to_string(),
            "the client sent TLS alert unknown_ca: \
             the device does not trust the CA that issued our certificate"
        );
        assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
    }
}

/// RFC 6066 §8, RFC 8446 §4.4.2.1: the octets as they were given, for the server's own certificate.
#[test]
fn an_ocsp_response_reaches_the_device_under_both_versions() {
    let authority = Authority::new("Campus");
    let server = authority.issue_server();
    let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
    for versions in [TlsVersions::Tls12Only, TlsVersions::Tls13Only] {
        for response in [None, Some(&b"what the CA says"[..])] {
            let tls = ServerTls::from_pem_stapled(chain, key, versions, response).unwrap();
            let methods = Methods::new(tls, &[MethodType::Ttls]).unwrap();
            let profile = Profile::pap(&authority, USER, PASSWORD);
            let seen = profile.seen.clone();
            let accept = |_: &mut Conversation, _: &InnerCredential| Verdict::Accepted;
            let mut supplicant = Supplicant::new(profile);
            let ending = converse_within(&methods, &mut supplicant, Limits::USUAL, accept).unwrap();
            assert!(ending.result.unwrap().is_ok());
            assert_eq!(seen.staple(), response.unwrap_or_default(), "{versions:?}");
        }
    }
}

#[test]
fn a_device_that_expects_another_name_says_so() {
    let campus = Campus::new(TlsVersions::Both);
    let profile = Profile {
        server_name: "radius.other.example".into(),
        ..campus.profile()
    };
    let ending = campus.converse(&mut Supplicant::new(profile), Limits::USUAL);
    match ending.result.unwrap().unwrap_err() {
        FailureCause::TlsAlert(TlsAlert::Received(alert)) => {
            assert_eq!(alert.name(), "bad_certificate");
        }
        other => panic!("{other}"),
    }
}

/// The alert goes out as a request; EAP-Failure only answers the answer to it.
#[test]
fn our_own_alert_reaches_the_device_before_the_failure() {
    let campus = Campus::new(TlsVersions::Tls13Only);
    let versions = vec![&rustls::version::TLS12];
    let mut supplicant = Supplicant::new(Profile {
        versions,
        ..campus.profile()
    });
    let (mut conversation, step) = campus.start(&supplicant);
    let step = answer(&mut conversation, &mut supplicant, step);
    let alert = TlsAlert::Sent(TlsProblem::NoCommonVersion);
    assert_eq!(conversation.stage(), Stage::TlsAlert(alert));
    let Step::Request(alert) = &step else {
        panic!("an alert was due: {step:?}")
    };
    assert_eq!(
        alert[6..],
        [21, 3, 3, 0, 2, 2, 70],
        "protocol_version, fatal"
    );
    let step = answer(&mut conversation, &mut supplicant, step);
    let Step::Failure { packet, cause } = step else {
        panic!("{step:?}")
    };
    assert_eq!(*packet, [4, 0, 0, 4], "the identifier of the last response");
    assert_eq!(
        cause,
        FailureCause::TlsAlert(TlsAlert::Sent(TlsProblem::NoCommonVersion))
    );
    assert!(matches!(
        supplicant.tls_error(),
        Some(rustls::Error::AlertReceived(_))
    ));
}

/// E10: the stage says what the device owes us.
#[test]
fn the_stage_follows_the_handshake() {
    let (before, after) = (
        [
            "method-negotiation",
            "client-hello",
            "server-fragments",
            "server-certificate",
        ],
        ["inner-authentication", "verdict"],
    );
    assert_eq!(
        stages(TlsVersions::Tls13Only, 100),
        [before.as_slice(), &after].concat()
    );
    let expected = [before.as_slice(), &["client-finished"], &after].concat();
    assert_eq!(stages(TlsVersions::Tls12Only, 60), expected);
}

/// The stages, step by step, where the client cuts its messages at `eap_octets`.
fn stages(versions: TlsVersions, eap_octets: usize) -> Vec<&'static str> {
    let campus = Campus::new(versions);
    let limits = Limits { eap_octets: 400 };
    let profile = Profile {
        eap_octets,
        ..campus.profile()
    };
    let mut supplicant = Supplicant::new(profile);
    let (mut conversation, mut step) = campus.start(&supplicant);
    let mut stages = vec![conversation.stage().label()];
    while let Step::Request(request) = step {
        let response = supplicant.handle(&request).expect("an answer");
        step = conversation
            .handle_response(&response, limits)
            .expect("a sound response");
        stages.push(conversation.stage().label());
    }
    stages.dedup();
    stages
}

#[test]
fn a_chain_and_key_that_do_not_fit_are_refused_at_load() {
    let (ours, theirs) = (
        Authority::new("A").issue_server(),
        Authority::new("B").issue_server(),
    );
    let load = |chain: &str, key: &str| {
        ServerTls::from_pem(chain.as_bytes(), key.as_bytes(), TlsVersions::Both).unwrap_err()
    };
    assert!(matches!(
        load(&ours.chain_pem, &theirs.key_pem),
        TlsConfigError::KeyUnfit(_)
    ));
    assert!(matches!(
        load(&ours.chain_pem, "no key"),
        TlsConfigError::KeyPem(_)
    ));
    assert_eq!(load("", &ours.key_pem), TlsConfigError::ChainEmpty);
    let broken = ours.chain_pem.replace("-----END", "-----and");
    assert!(matches!(
        load(&broken, &ours.key_pem),
        TlsConfigError::ChainPem(_)
    ));
}

fn answer(conversation: &mut Conversation, supplicant: &mut Supplicant, step: Step) -> Step {
    let Step::Request(request) = step else {
        panic!("a request was due: {step:?}")
    };
    let response = supplicant.handle(&request).expect("an answer");
    conversation
        .handle_response(&response, Limits::USUAL)
        .expect("a sound response")
}
