//! How far a device's chain has to reach, and what lies on the way (E8).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::USER;
use portvakt_eap::{
    Authorization, CertificateProblem, ClientCertificates, Conversation, FailureCause,
    InnerCredential, Limits, MethodType, Methods, ServerTls, StaleLists, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Authority, ClientCertificate, ClientIdentity, Profile, Supplicant, converse_within,
};

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];

/// The end of a device with this certificate where `authorities` (PEM) count; the caller's accounts
/// have nothing against it.
fn refused(
    versions: TlsVersions,
    authorities: &str,
    certificate: ClientIdentity,
) -> Option<CertificateProblem> {
    let authority = Authority::new("Server");
    let server = authority.issue_server();
    let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
    let rules = ClientCertificates::new(authorities.as_bytes(), &[], StaleLists::Refuse).unwrap();
    let tls = ServerTls::from_pem(chain, key, versions).unwrap();
    let tls = tls.with_client_certificates(rules).unwrap();
    let methods = Methods::new(tls, &[MethodType::Tls]).unwrap();
    let mut supplicant = Supplicant::new(Profile::tls(&authority, certificate));
    let accept = |conversation: &mut Conversation, _: &InnerCredential| {
        conversation.remember(Authorization {
            account: "s123456".into(),
            device: Vec::new(),
            identity: USER.into(),
            context: Vec::new(),
        });
        Verdict::Accepted
    };
    let ending = converse_within(&methods, &mut supplicant, Limits::USUAL, accept).unwrap();
    match ending.result.unwrap() {
        Ok(_) => None,
        Err(FailureCause::ClientCertificate(problem)) => Some(problem),
        Err(other) => panic!("{other}"),
    }
}

/// Many devices send their own certificate alone. What is named is as far as anybody has to come.
#[test]
fn an_intermediate_among_the_authorities_stands_in_for_one_that_is_not_sent() {
    let authority = Authority::new("Campus");
    let (root, intermediate) = (authority.certificate_pem(), authority.intermediate_pem());
    let whole = authority.issue_client(&ClientCertificate::of(USER, 7));
    let mut alone = whole.clone();
    alone.chain.truncate(1);
    let both = format!("{root}{intermediate}");
    let unknown = Some(CertificateProblem::UnknownAuthority);
    for versions in BOTH {
        for (authorities, sent, expected) in [
            (&root, &alone, unknown),
            (&root, &whole, None),
            (&intermediate, &alone, None),
            (&intermediate, &whole, None),
            (&both, &alone, None),
        ] {
            assert_eq!(refused(versions, authorities, sent.clone()), expected);
        }
    }
}

/// Everybody's time is looked at, not the device's alone.
#[test]
fn an_intermediate_that_has_expired_vouches_for_nobody() {
    let authority = Authority::with_expired_intermediate("Old");
    let client = authority.issue_client(&ClientCertificate::of(USER, 7));
    for versions in BOTH {
        let problem = refused(versions, &authority.certificate_pem(), client.clone());
        assert_eq!(problem, Some(CertificateProblem::Expired), "{versions:?}");
    }
}
