//! Causes of a device's silence, by the stage where it falls silent (E10).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, ttls_inner, user, user_with};
use portvakt_eap::packet::EapType;
use portvakt_eap::{Conversation, FailureCause, Limits, Stage, Step, TlsVersions, Verdict};
use portvakt_testkit::supplicant::{
    Authority, ClientCertificate, Inner, Outer, Profile, Supplicant,
};

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];

/// A conversation whose device answers until it has seen `stage`; the caller refuses everybody.
fn fall_silent(campus: &Campus, profile: Profile, limits: Limits, stage: Stage) -> Conversation {
    let mut supplicant = Supplicant::new(profile);
    let (mut conversation, mut step) = campus.start(&supplicant);
    while conversation.stage() != stage {
        step = match step {
            Step::Request(request) => {
                let response = supplicant.handle(&request).expect("an answer");
                conversation.handle_response(&response, limits).unwrap()
            }
            Step::Authenticate(_) => conversation
                .handle_verdict(Verdict::Refused, limits)
                .unwrap(),
            other => panic!("{other:?} before {stage:?}"),
        };
    }
    conversation
}

fn pap(campus: &Campus) -> Profile {
    let [(_, inner), ..] = ttls_inner(&user());
    campus.profile_of(Outer::Ttls, inner)
}

#[test]
fn a_first_fragment_without_an_answer_is_a_matter_of_the_mtu() {
    let campus = Campus::generous(TlsVersions::Both);
    let (profile, stage) = (pap(&campus), Stage::ServerFragments);
    let conversation = fall_silent(&campus, profile, Limits::USUAL, stage);
    let progress = conversation.progress();
    assert_eq!((progress.requests, progress.octets), (2, 1020));
    assert_eq!(
        (progress.largest_answered, progress.method),
        (6, EapType::TTLS)
    );
    assert_eq!(
        progress.likely_cause(),
        "large packets are lost on the way: check the MTU; request 2 (EAP-TTLS, 1020 octets) got \
         no answer"
    );
}

/// As many fragments as one likes, and the device answers all but one: not their size.
#[test]
fn a_later_fragment_without_an_answer_is_not() {
    let campus = Campus::generous(TlsVersions::Both);
    let limits = Limits { eap_octets: 300 };
    let mut supplicant = Supplicant::new(pap(&campus));
    let (mut conversation, mut step) = campus.start(&supplicant);
    for _ in 0..3 {
        let Step::Request(request) = step else {
            panic!("{step:?}")
        };
        let response = supplicant.handle(&request).unwrap();
        step = conversation.handle_response(&response, limits).unwrap();
    }
    assert_eq!(conversation.stage(), Stage::ServerFragments);
    let cause = conversation.progress().likely_cause();
    assert!(
        cause.starts_with("the device left in the middle"),
        "{cause}"
    );
}

#[test]
fn a_certificate_without_an_answer_is_a_matter_of_trust() {
    let campus = Campus::generous(TlsVersions::Both);
    let (limits, stage) = (Limits::USUAL, Stage::ServerCertificate);
    let conversation = fall_silent(&campus, pap(&campus), limits, stage);
    let cause = conversation.progress().likely_cause();
    assert!(cause.contains("does not trust the CA"), "{cause}");
    assert!(!cause.contains("lost on the way"), "{cause}");
    // All in one packet: then its size may be why.
    let limits = Limits { eap_octets: 4000 };
    let conversation = fall_silent(&campus, pap(&campus), limits, stage);
    let cause = conversation.progress().likely_cause();
    assert!(cause.contains("does not trust the CA"), "{cause}");
    assert!(cause.contains("packets of this size are lost"), "{cause}");
}

/// The method on offer is named, also after a Nak.
#[test]
fn an_offer_without_an_answer_names_the_method() {
    let campus = Campus::generous(TlsVersions::Both);
    let supplicant = Supplicant::new(pap(&campus));
    let (mut conversation, _) = campus.start(&supplicant);
    let cause = conversation.progress().likely_cause();
    assert!(
        cause.ends_with("request 1 (EAP-TTLS, 6 octets) got no answer"),
        "{cause}"
    );
    let nak = [2, 255, 0, 6, 3, 25];
    let Ok(Step::Request(_)) = conversation.handle_response(&nak, Limits::USUAL) else {
        panic!("PEAP is offered")
    };
    let cause = conversation.progress().likely_cause();
    assert!(
        cause.ends_with("request 2 (PEAP, 6 octets) got no answer"),
        "{cause}"
    );
}

/// Most devices hang up once they know: what was wrong is known all the same.
#[test]
fn a_device_that_hangs_up_on_a_refusal_leaves_its_cause() {
    for versions in BOTH {
        let campus = Campus::generous(versions);
        let wrong = user_with("guess");
        for (outer, inner) in [
            (Outer::Ttls, Inner::MsChapV2(wrong.clone())),
            (Outer::Ttls, Inner::eap_ms_chap_v2(wrong.clone())),
            (Outer::Peap, Inner::eap_ms_chap_v2(wrong.clone())),
            (Outer::Peap, Inner::eap_gtc(wrong.clone())),
            (Outer::Peap, Inner::eap_tls(wrong.clone())),
        ] {
            let profile = campus.profile_of(outer, inner);
            let stage = Stage::FailureIndication;
            let conversation = fall_silent(&campus, profile, Limits::USUAL, stage);
            assert_eq!(conversation.failure(), Some(FailureCause::Refused));
        }
    }
}

#[test]
fn a_device_that_hangs_up_on_our_alert_leaves_its_cause() {
    for versions in BOTH {
        let campus = Campus::generous(versions);
        for outer in [Outer::Ttls, Outer::Peap] {
            let certificate = ClientCertificate::of("a@campus.example", 1);
            let stranger = Authority::new("Stranger").issue_client(&certificate);
            let mut supplicant = Supplicant::new(Profile {
                certificate: Some(stranger),
                ..campus.profile_of(outer, Inner::eap_tls(user()))
            });
            let (mut conversation, mut step) = campus.start(&supplicant);
            while conversation.failure().is_none() {
                let Step::Request(request) = step else {
                    panic!("{step:?}")
                };
                let response = supplicant.handle(&request).unwrap();
                step = conversation
                    .handle_response(&response, Limits::USUAL)
                    .unwrap();
            }
            let cause = conversation.failure().unwrap();
            assert_eq!(cause.label(), "certificate-unknown-authority");
            assert_eq!(conversation.stage().label(), "tls-alert");
        }
    }
}

/// Nothing has failed while the device may still prove itself.
#[test]
fn nothing_has_failed_before_it_has() {
    let campus = Campus::generous(TlsVersions::Both);
    for stage in [Stage::MethodNegotiation, Stage::ServerCertificate] {
        let conversation = fall_silent(&campus, pap(&campus), Limits::USUAL, stage);
        assert_eq!(conversation.failure(), None, "{stage:?}");
    }
}
