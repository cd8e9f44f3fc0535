//! EAP-MSCHAPv2 and EAP-GTC without a tunnel, as within IKEv2: keys, refusals, and what a device may
//! not do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, USER, user, user_with};
use portvakt_eap::{
    Authorization, Conversation, FailureCause, InnerCredential, Keys, Leaves, Limits, MethodName,
    Stage, Step, TlsVersions, UntunnelledMethod, UntunnelledOffer, Verdict,
};
use portvakt_testkit::supplicant::{Outcome, Supplicant, UntunnelledSupplicant, User};
use proptest::prelude::*;
use std::sync::{Arc, OnceLock};

const GTC: u8 = 6;
const TTLS: u8 = 21;
const MS_CHAP_V2: u8 = 26;
const BOTH: [UntunnelledMethod; 2] = [UntunnelledMethod::MsChapV2, UntunnelledMethod::Gtc];
const LIMITS: Limits = Limits::USUAL;

fn offer(methods: &[UntunnelledMethod]) -> UntunnelledOffer {
    UntunnelledOffer::new(Arc::from(methods), [0x5e; 32])
}

/// An end, with all that was asked on the way and when each message might leave.
struct End {
    asked: Vec<&'static str>,
    leaves: Vec<Leaves>,
    result: Result<Option<Keys>, FailureCause>,
    method: Option<MethodName>,
}

fn converse(
    device: &mut UntunnelledSupplicant,
    mut judge: impl FnMut(&InnerCredential) -> Verdict,
) -> End {
    let campus = Campus::new(TlsVersions::Both);
    let identity = device.identity_response(7);
    let started = Conversation::start_untunnelled(&campus.methods, offer(&BOTH), &identity);
    let (mut conversation, mut step) = started.unwrap();
    let (mut asked, mut leaves) = (Vec::new(), Vec::new());
    let result = loop {
        step = match step {
            Step::Request(request) => {
                leaves.push(request.leaves());
                let response = device.handle(&request).expect("an answer");
                conversation.handle_response(&response, LIMITS).unwrap()
            }
            Step::Authenticate(credential) => {
                asked.push(credential.label());
                assert!(conversation.is_offered_by(&campus.methods, &BOTH));
                assert!(!conversation.is_offered_by(&campus.methods, &[]));
                conversation.remember(Authorization {
                    account: "kari".into(),
                    device: Vec::new(),
                    identity: Vec::new(),
                    context: Vec::new(),
                });
                conversation
                    .handle_verdict(judge(&credential), LIMITS)
                    .unwrap()
            }
            Step::FindSession(id) => panic!("no keeper has {id:?}"),
            Step::Success { packet, keys } => {
                leaves.push(packet.leaves());
                device.handle(&packet);
                break Ok(keys);
            }
            Step::Failure { packet, cause } => {
                leaves.push(packet.leaves());
                device.handle(&packet);
                break Err(cause);
            }
        }
    };
    assert!(!conversation.is_resumed());
    assert_eq!(conversation.tls_version(), None);
    let method = conversation.method();
    End {
        asked,
        leaves,
        result,
        method,
    }
}

fn device(user: User, types: &[u8]) -> UntunnelledSupplicant {
    UntunnelledSupplicant::new(USER, user, types)
}

#[test]
fn ms_chap_v2_opens_and_both_ends_have_the_same_64_octets() {
    let mut device = device(user(), &[MS_CHAP_V2]);
    let end = converse(&mut device, |credential| user().judge(credential));
    let keys = end.result.unwrap().expect("keys");
    assert_eq!(Some(keys.msk), device.msk());
    assert_eq!(keys.msk[32..], [0; 32]);
    assert_ne!(keys.msk[..32], [0; 32]);
    assert_eq!(end.asked, ["mschapv2"]);
    assert_eq!(end.method, Some(MethodName::EapMsChapV2));
    assert_eq!(device.outcome(), Some(Outcome::Success));
}

#[test]
fn gtc_opens_after_a_nak_and_has_no_key() {
    let mut device = device(user(), &[GTC]);
    let end = converse(&mut device, |credential| user().judge(credential));
    assert!(end.result.unwrap().is_none());
    assert_eq!(end.asked, ["password"]);
    assert_eq!(end.method, Some(MethodName::EapGtc));
    assert_eq!(device.outcome(), Some(Outcome::Success));
}

/// The first message that depends on the refusal is late, whatever comes after it.
#[test]
fn refusals_are_late_once() {
    for (kind, expected) in [
        (GTC, vec![Leaves::AtOnce, Leaves::AtOnce, Leaves::Late]),
        // Challenge, failure request, EAP-Failure.
        (
            MS_CHAP_V2,
            vec![Leaves::AtOnce, Leaves::Late, Leaves::AtOnce],
        ),
    ] {
        let mut device = device(user_with("wrong"), &[kind]);
        let end = converse(&mut device, |credential| user().judge(credential));
        assert_eq!(end.result.unwrap_err(), FailureCause::Refused);
        assert_eq!(end.leaves, expected);
        assert_eq!(device.outcome(), Some(Outcome::Failure));
    }
}

#[test]
fn another_try_is_another_credential() {
    let tries = vec!["also wrong".to_owned(), user().password];
    let mut device = device(user_with("wrong"), &[MS_CHAP_V2]).insisting(tries);
    let mut challenge = [0; 16];
    let end = converse(&mut device, |credential| match user().judge(credential) {
        Verdict::Refused => {
            challenge[0] += 1;
            Verdict::Retry { challenge }
        }
        verdict => verdict,
    });
    assert_eq!(end.asked, ["mschapv2"; 3]);
    assert!(end.result.unwrap().is_some());
}

/// The account is that of EAP-Response/Identity, and the name in MS-CHAPv2 chooses none.
#[test]
fn account_is_that_of_the_eap_identity() {
    let other = User {
        identity: "mallory@campus.example".into(),
        ..user()
    };
    for kind in [GTC, MS_CHAP_V2] {
        let mut device = UntunnelledSupplicant::new(USER, other.clone(), &[kind]);
        let mut identities = Vec::new();
        let _end = converse(&mut device, |credential| {
            identities.push(credential.identity().to_vec());
            if let InnerCredential::MsChapV2 { name, .. } = credential {
                assert_eq!(name, other.identity.as_bytes());
            }
            Verdict::Refused
        });
        assert_eq!(identities, [USER.as_bytes()]);
    }
}

#[test]
fn device_that_wants_a_tunnel_gets_it() {
    let campus = Campus::new(TlsVersions::Both);
    let mut device = Supplicant::new(campus.profile());
    let identity = device.identity_response(7);
    let started = Conversation::start_untunnelled(&campus.methods, offer(&BOTH), &identity);
    let (mut conversation, step) = started.unwrap();
    let Step::Request(request) = step else {
        panic!("{step:?}")
    };
    assert_eq!(request[4], MS_CHAP_V2);
    let nak = device.handle(&request).unwrap();
    let Step::Request(request) = conversation.handle_response(&nak, LIMITS).unwrap() else {
        panic!("no offer")
    };
    assert_eq!(request[4], TTLS);
}

/// A device that asks for a method that is not offered is refused.
#[test]
fn nothing_without_a_tunnel_is_offered_by_itself() {
    let campus = Campus::generous(TlsVersions::Both);
    for kind in [GTC, MS_CHAP_V2] {
        let identity = device(user(), &[kind]).identity_response(7);
        let (mut conversation, step) = Conversation::start(&campus.methods, &identity).unwrap();
        let Step::Request(request) = step else {
            panic!("{step:?}")
        };
        let nak = [2, request[1], 0, 6, 3, kind];
        let step = conversation.handle_response(&nak, LIMITS).unwrap();
        assert!(
            matches!(
                step,
                Step::Failure {
                    cause: FailureCause::MethodNotAgreed { .. },
                    ..
                }
            ),
            "{step:?}"
        );
    }
}

/// A device that answers out of turn gets no verdict by it.
#[test]
fn nothing_but_an_accepting_verdict_opens() {
    let campus = Campus::new(TlsVersions::Both);
    for success in [&[3_u8][..], &[3, 8, 0, 4], &[4], &[2], &[7], &[]] {
        let identity = device(user(), &[MS_CHAP_V2]).identity_response(7);
        let started = Conversation::start_untunnelled(&campus.methods, offer(&BOTH), &identity);
        let (mut conversation, step) = started.unwrap();
        let Step::Request(request) = step else {
            panic!("{step:?}")
        };
        assert_eq!(conversation.stage(), Stage::MethodNegotiation);
        let length = u8::try_from(5 + success.len()).unwrap();
        let header = [2, request[1], 0, length, MS_CHAP_V2];
        let packet = [&header, success].concat();
        let step = conversation.handle_response(&packet, LIMITS).unwrap();
        assert!(matches!(step, Step::Failure { .. }), "{step:?}");
    }
}

proptest! {
    /// Whatever a device sends, and however often it is asked again: no verdict, no success.
    #[test]
    fn no_answer_opens_without_an_accepting_verdict(
        answers in prop::collection::vec(answer(), 1..8),
        first in prop::sample::select(vec![UntunnelledMethod::MsChapV2, UntunnelledMethod::Gtc]),
        retry in any::<bool>(),
    ) {
        let campus = CAMPUS.get_or_init(|| Campus::new(TlsVersions::Both));
        let identity = device(user(), &[MS_CHAP_V2]).identity_response(7);
        let started = Conversation::start_untunnelled(&campus.methods, offer(&[first]), &identity);
        let (mut conversation, mut step) = started.unwrap();
        for data in answers {
            let Step::Request(request) = &step else { break };
            let [.., high, low] = (5 + data.len()).to_be_bytes();
            let header = [2, request[1], high, low, first.eap_type().0];
            step = conversation.handle_response(&[&header, &*data].concat(), LIMITS).unwrap();
            if let Step::Authenticate(_) = &step {
                let verdict = match retry {
                    true => Verdict::Retry { challenge: [9; 16] },
                    false => Verdict::Refused,
                };
                step = conversation.handle_verdict(verdict, LIMITS).unwrap();
            }
            let succeeded = matches!(step, Step::Success { .. });
            prop_assert!(!succeeded);
        }
    }
}

static CAMPUS: OnceLock<Campus> = OnceLock::new();

/// Type-data: a sound header of MS-CHAPv2 in every second one.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let octets = prop::collection::vec(any::<u8>(), 0..80);
    (any::<bool>(), 0..9_u8, octets).prop_map(|(sound, code, octets)| {
        let [.., high, low] = (octets.len() + 4).to_be_bytes();
        match sound {
            true => [&[code, 1, high, low], octets.as_slice()].concat(),
            false => octets,
        }
    })
}
