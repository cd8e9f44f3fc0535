//! Inner methods of EAP-TTLS beside PAP: CHAP, MS-CHAP, MS-CHAPv2 and EAP (E6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, USER, ttls_inner, user, user_with};
use portvakt_eap::avp::{self, Avp};
use portvakt_eap::packet::EapType;
use portvakt_eap::{
    FailureCause, InnerCredential, InnerError, InnerMethod, Limits, MethodType, Methods,
    MethodsError, TlsVersions, Verdict, Wishes,
};
use portvakt_testkit::supplicant::{
    Binding, Inner, Outcome, Outer, Profile, Supplicant, User, converse_with,
};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];

/// E4, E6: both ends hold the same MSK, whatever is inside, and under both TLS versions.
#[test]
fn the_right_password_opens_by_every_inner_method() {
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        for (name, inner) in ttls_inner(&user()) {
            let (ending, supplicant) = campus.log_on(Outer::Ttls, inner);
            let keys = ending.result.expect("an end").expect(name);
            assert_eq!(Some(keys.msk), supplicant.msk(), "{name} {versions:?}");
            assert_eq!(supplicant.outcome(), Some(Outcome::Success), "{name}");
            let method = ending.conversation.method().expect("a method");
            assert_eq!(method.label(), name);
            // A second handshake with a second certificate takes its time.
            let at_most = if name.ends_with("tls") { 14 } else { 10 };
            let round_trips = ending.round_trips;
            assert!(round_trips <= at_most, "{name}: {round_trips}");
        }
    }
}

#[test]
fn a_wrong_password_is_refused_by_every_inner_method() {
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        for (name, inner) in ttls_inner(&user_with("guess")) {
            let (ending, supplicant) = campus.log_on(Outer::Ttls, inner);
            let cause = ending.result.expect("an end").expect_err(name);
            assert_eq!(cause, FailureCause::Refused, "{name}");
            assert_eq!(supplicant.outcome(), Some(Outcome::Failure), "{name}");
        }
    }
}

#[test]
fn credentials_name_the_identity_inside() {
    let campus = Campus::generous(TlsVersions::Both);
    // In EAP-TLS a certificate stands in its place.
    let named = ttls_inner(&user()).into_iter().take(7);
    for (name, inner) in named {
        let mut supplicant = Supplicant::new(campus.profile_of(Outer::Ttls, inner));
        let mut seen = Vec::new();
        let ending = converse_with(
            &campus.methods,
            &mut supplicant,
            Limits::USUAL,
            |credential| {
                seen.push(credential.identity().to_vec());
                assert_redacted(credential);
                Verdict::Refused
            },
        );
        assert!(ending.is_ok());
        assert_eq!(seen, [USER.as_bytes()], "{name}: asked once");
    }
}

/// An attacker with challenge and response can guess passwords at leisure.
fn assert_redacted(credential: &InnerCredential) {
    let expected = format!("InnerCredential({} of \"{USER}\")", credential.label());
    assert_eq!(format!("{credential:?}"), expected);
}

/// E6: a response to any other challenge than the tunnel's may be a replay.
#[test]
fn a_response_to_another_challenge_never_reaches_the_accounts() {
    let name = (0, 1, b"user".as_slice());
    let chap = [name, (0, 60, &[9; 16]), (0, 3, &[9; 17])];
    let ms_chap_value = [&[9, 1], [9; 48].as_slice()].concat();
    let ms_chap = [name, (311, 11, &[9; 8]), (311, 1, &ms_chap_value)];
    let ms_chap_v2 = [name, (311, 11, &[9; 16]), (311, 25, &[9; 50])];
    let short = [name, (311, 11, &[]), (311, 25, &[9; 50])];
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        for avps in [chap, ms_chap, ms_chap_v2, short] {
            let (ending, _) = campus.log_on(Outer::Ttls, Inner::Avps(written(&avps)));
            let cause = ending.result.unwrap().unwrap_err();
            assert_eq!(cause, FailureCause::Inner(InnerError::WrongChallenge));
        }
    }
}

fn written(avps: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (vendor, code, value) in avps {
        let avp = Avp {
            code: *code,
            vendor: *vendor,
            mandatory: true,
            value,
        };
        avp::write(&mut bytes, avp);
    }
    bytes
}

#[test]
fn inner_methods_that_are_not_offered_are_named_and_refused() {
    let campus = Campus::new(TlsVersions::Both);
    for (name, inner) in ttls_inner(&user()).into_iter().skip(1) {
        let (ending, _) = campus.log_on(Outer::Ttls, inner);
        let cause = ending.result.unwrap().unwrap_err();
        let FailureCause::InnerMethodNotOffered(method) = cause else {
            panic!("{name}: {cause}")
        };
        assert!(
            name.strip_prefix("ttls/")
                .unwrap()
                .starts_with(method.label())
        );
        assert_eq!(cause.label(), "inner-method-not-offered");
    }
}

fn eap(accepts: &[u8]) -> Inner {
    Inner::Eap {
        user: user(),
        accepts: accepts.to_vec(),
        binding: Binding::Answer,
    }
}

#[test]
fn a_device_that_wants_the_second_inner_method_gets_it() {
    let campus = Campus::generous(TlsVersions::Both);
    let (ending, _) = campus.log_on(Outer::Ttls, eap(&[52, 6]));
    assert!(ending.result.unwrap().is_ok());
    let label = ending.conversation.method().map(|method| method.label());
    assert_eq!(label, Some("ttls/eap-gtc"));
}

#[test]
fn a_device_that_wants_no_inner_method_of_ours_says_which_it_wants() {
    let campus = Campus::generous(TlsVersions::Both);
    let (ending, _) = campus.log_on(Outer::Ttls, eap(&[52]));
    let wishes = Wishes::from_iter([EapType(52)]);
    let cause = ending.result.unwrap().unwrap_err();
    assert_eq!(cause, FailureCause::InnerMethodNotAgreed { wishes });
    let text = cause.to_string();
    assert!(text.ends_with("; it asks for EAP-PWD (52)"), "{text}");
}

/// The device knows a password that the server does not, or an attacker plays the server.
#[test]
fn a_device_that_doubts_us_ends_it() {
    let lie = |_: &_| Verdict::AcceptedMsChapV2 {
        authenticator_response: [b'0'; 42],
        inner_key: None,
    };
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        let inner = Inner::eap_ms_chap_v2(user());
        let mut supplicant = Supplicant::new(Profile::new(&campus.authority, Outer::Ttls, inner));
        let ending = converse_with(&campus.methods, &mut supplicant, Limits::USUAL, lie).unwrap();
        let cause = ending.result.unwrap().unwrap_err();
        assert_eq!(cause, FailureCause::ServerDoubted);
        // Without EAP around it the device cannot say so: it just does not believe in success.
        let inner = Inner::MsChapV2(user());
        let mut supplicant = Supplicant::new(Profile::new(&campus.authority, Outer::Ttls, inner));
        let ending = converse_with(&campus.methods, &mut supplicant, Limits::USUAL, lie).unwrap();
        assert!(ending.result.unwrap().is_ok());
        assert_eq!(supplicant.outcome(), None);
    }
}

/// A verdict on another kind of credential is our own mistake, and lets nobody in.
#[test]
fn a_verdict_that_does_not_fit_its_question_opens_nothing() {
    let campus = Campus::generous(TlsVersions::Both);
    let with_proof = || Verdict::AcceptedMsChapV2 {
        authenticator_response: [b'0'; 42],
        inner_key: None,
    };
    for (name, inner) in ttls_inner(&user()) {
        let mut supplicant = Supplicant::new(campus.profile_of(Outer::Ttls, inner));
        let ending = converse_with(
            &campus.methods,
            &mut supplicant,
            Limits::USUAL,
            |credential| match credential {
                InnerCredential::MsChapV2 { .. } => Verdict::Accepted,
                _ => with_proof(),
            },
        );
        let cause = ending.unwrap().result.unwrap().expect_err(name);
        assert_eq!(cause, FailureCause::Internal, "{name}");
    }
}

#[test]
fn windows_domains_stay_out_of_the_challenge_hash() {
    let campus = Campus::generous(TlsVersions::Both);
    let user = User {
        identity: "CAMPUS\\s123456".into(),
        ..user()
    };
    for inner in [
        Inner::MsChapV2(user.clone()),
        Inner::eap_ms_chap_v2(user.clone()),
    ] {
        let mut supplicant = Supplicant::new(Profile::new(&campus.authority, Outer::Ttls, inner));
        let judge = |credential: &_| {
            let InnerCredential::MsChapV2 { identity, name, .. } = credential else {
                panic!("another credential")
            };
            assert_eq!(
                (identity.as_slice(), name.as_slice()),
                (b"CAMPUS\\s123456".as_slice(), b"s123456".as_slice())
            );
            user.judge(credential)
        };
        let ending = converse_with(&campus.methods, &mut supplicant, Limits::USUAL, judge);
        assert!(ending.unwrap().result.unwrap().is_ok());
    }
}

#[test]
fn a_list_of_inner_methods_fits_the_method_around_it() {
    let campus = Campus::new(TlsVersions::Both);
    let with = |inner: &[InnerMethod]| {
        let methods = Methods::new(campus.tls.clone(), &[MethodType::Ttls]).unwrap();
        methods.with_inner(MethodType::Ttls, inner).map(|_| ())
    };
    assert_eq!(with(&[InnerMethod::Chap, InnerMethod::EapGtc]), Ok(()));
    assert_eq!(with(&[]), Err(MethodsError::InnerEmpty(MethodType::Ttls)));
    let twice = [InnerMethod::Pap, InnerMethod::Pap];
    let repeated = MethodsError::InnerRepeated(InnerMethod::Pap);
    assert_eq!(with(&twice), Err(repeated));
    let unfit = MethodsError::InnerUnfit(InnerMethod::Eap);
    assert_eq!(with(&[InnerMethod::Eap]), Err(unfit));
}
