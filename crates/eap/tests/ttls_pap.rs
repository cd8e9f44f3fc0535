//! EAP-TTLS with PAP against a real TLS client: what succeeds, and with which keys.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, USER};
use portvakt_eap::{
    FailureCause, Limits, MethodName, Stage, Step, TlsAlert, TlsProblem, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{Inner, Outcome, Profile, Supplicant, converse};

/// E4, E6: both ends hold the same MSK, under both TLS versions.
#[test]
fn the_right_password_opens_and_both_ends_hold_the_same_msk() {
    for (versions, label) in [
        (TlsVersions::Tls12Only, "1.2"),
        (TlsVersions::Tls13Only, "1.3"),
    ] {
        let campus = Campus::new(versions);
        let mut supplicant = campus.supplicant();
        let ending = campus.converse(&mut supplicant, Limits::USUAL);
        let keys = ending.result.expect("an end").expect("success");
        assert_eq!(Some(keys.msk), supplicant.msk(), "TLS {label}");
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        assert_eq!(ending.conversation.method(), Some(MethodName::TtlsPap));
        assert_eq!(
            ending
                .conversation
                .tls_version()
                .map(|version| version.label()),
            Some(label)
        );
        assert_eq!(ending.conversation.stage(), Stage::Finished);
        assert_eq!(
            ending.conversation.outer_identity(),
            b"anonymous@campus.example"
        );
    }
}

#[test]
fn a_wrong_password_is_refused() {
    let campus = Campus::new(TlsVersions::Both);
    let profile = Profile::pap(&campus.authority, USER, b"guess");
    let mut supplicant = Supplicant::new(profile);
    let ending = campus.converse(&mut supplicant, Limits::USUAL);
    assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
    assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
}

/// E11: with a chain of two ECDSA certificates and 1,020 octets.
#[test]
fn a_log_on_takes_at_most_ten_round_trips() {
    for (versions, expected) in [(TlsVersions::Tls12Only, 5), (TlsVersions::Tls13Only, 5)] {
        let campus = Campus::new(versions);
        let ending = campus.converse(&mut campus.supplicant(), Limits::USUAL);
        assert!(ending.result.unwrap().is_ok());
        assert_eq!(ending.round_trips, expected, "{versions:?}");
        assert!(ending.round_trips <= 10);
    }
}

/// E2: in both directions, with and without the L bit on whole messages.
#[test]
fn fragments_of_any_size_lead_to_the_same_end() {
    for versions in [TlsVersions::Tls12Only, TlsVersions::Tls13Only] {
        let campus = Campus::new(versions);
        for (server, client) in [(100, 100), (100, 1400), (1400, 60), (4000, 4000), (0, 1400)] {
            for always_length in [false, true] {
                let profile = Profile {
                    eap_octets: client,
                    always_length,
                    ..campus.profile()
                };
                let mut supplicant = Supplicant::new(profile);
                let ending = campus.converse(&mut supplicant, Limits { eap_octets: server });
                let keys = ending.result.expect("an end").expect("success");
                assert_eq!(
                    Some(keys.msk),
                    supplicant.msk(),
                    "{versions:?} {server} {client}"
                );
            }
        }
    }
}

/// E2: the L bit on the first of several fragments only, and no request above the limit.
#[test]
fn requests_keep_to_the_limit_and_set_the_length_once() {
    let campus = Campus::new(TlsVersions::Both);
    for eap_octets in [60, 100, 333, 1020] {
        let (mut supplicant, limits) = (campus.supplicant(), Limits { eap_octets });
        let (mut lengths, mut more_before) = (0, false);
        let (mut conversation, mut step) = campus.start(&supplicant);
        while let Step::Request(request) = step {
            assert!(
                request.len() <= eap_octets,
                "{} > {eap_octets}",
                request.len()
            );
            let (length, more) = (request[5] & 0x80 != 0, request[5] & 0x40 != 0);
            assert!(
                !length || (more && !more_before),
                "L only where a fragmented message begins"
            );
            lengths += usize::from(length);
            more_before = more;
            let response = supplicant.handle(&request).expect("an answer");
            step = conversation
                .handle_response(&response, limits)
                .expect("a sound response");
        }
        assert!(matches!(step, Step::Authenticate(_)));
        assert_eq!(
            lengths, 1,
            "only the server's flight is longer than {eap_octets}"
        );
    }
}

/// RFC 9427 §3: application data in the same message as Finished.
#[test]
fn a_credential_that_comes_with_finished_is_taken() {
    let campus = Campus::new(TlsVersions::Tls13Only);
    let profile = Profile {
        eager: true,
        ..campus.profile()
    };
    let mut supplicant = Supplicant::new(profile);
    let ending = campus.converse(&mut supplicant, Limits::USUAL);
    assert_eq!(Some(ending.result.unwrap().unwrap().msk), supplicant.msk());
    assert_eq!(ending.round_trips, 4);
}

/// E6: whatever the padding, the caller sees the password alone.
#[test]
fn passwords_arrive_without_their_padding() {
    let campus = Campus::new(TlsVersions::Both);
    for password in [
        b"".as_slice(),
        b"a",
        b"0123456789abcdef",
        "pæssørd".as_bytes(),
        &[7; 128],
    ] {
        let profile = Profile::pap(&campus.authority, USER, password);
        let mut seen = None;
        let ending = converse(
            &campus.methods,
            &mut Supplicant::new(profile),
            Limits::USUAL,
            |identity, password| {
                seen = Some((identity.to_vec(), password.to_vec()));
                Verdict::Refused
            },
        );
        assert!(ending.is_ok());
        assert_eq!(seen, Some((USER.as_bytes().to_vec(), password.to_vec())));
    }
}

#[test]
fn a_peer_that_never_says_who_it_is_runs_out_of_patience() {
    let campus = Campus::new(TlsVersions::Both);
    let mut supplicant = Supplicant::new(Profile {
        inner: Inner::Avps(Vec::new()),
        ..campus.profile()
    });
    let ending = campus.converse(&mut supplicant, Limits::USUAL);
    assert_eq!(
        ending.result.unwrap().unwrap_err(),
        FailureCause::InnerMissing
    );
}

#[test]
fn a_flood_through_the_tunnel_is_cut_off() {
    let campus = Campus::new(TlsVersions::Both);
    let inner = Inner::Avps(vec![0; 17_000]);
    let mut supplicant = Supplicant::new(Profile {
        inner,
        ..campus.profile()
    });
    let ending = campus.converse(&mut supplicant, Limits::USUAL);
    let cause = ending.result.unwrap().unwrap_err();
    assert_eq!(
        cause,
        FailureCause::TlsAlert(TlsAlert::Sent(TlsProblem::TooMuchData))
    );
}
