//! PEAPv0 against a real TLS client: Identity, inner methods, Result TLV, crypto-binding (E4, E6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, peap_inner, user, user_with};
use portvakt_eap::packet::EapType;
use portvakt_eap::{
    Authorization, EapError, FailureCause, FragmentError, InnerError, InnerMethod, Limits,
    MethodType, Methods, MethodsError, Sessions, Step, TlsVersions, Verdict, Wishes,
};
use portvakt_testkit::supplicant::{
    Binding, Device, Ending, Inner, Outcome, Outer, Profile, Supplicant, converse_with,
    converse_within,
};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];

fn ms_chap_v2(binding: Binding) -> Inner {
    Inner::Eap {
        user: user(),
        accepts: vec![26],
        binding,
    }
}

/// Lets a device log on, where the caller judges as it is told.
fn judged(campus: &Campus, inner: Inner, judge: impl Fn() -> Verdict) -> (Ending, Supplicant) {
    let mut supplicant = Supplicant::new(Profile::new(&campus.authority, Outer::Peap, inner));
    let ending = converse_with(&campus.methods, &mut supplicant, Limits::USUAL, |_| judge());
    (ending.expect("sound packets"), supplicant)
}

#[test]
fn the_right_password_opens_by_every_inner_method() {
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        for (name, inner) in peap_inner(&user()) {
            let (ending, supplicant) = campus.log_on(Outer::Peap, inner);
            let keys = ending.result.expect("an end").expect(name);
            assert_eq!(Some(keys.msk), supplicant.msk(), "{name} {versions:?}");
            assert_eq!(supplicant.outcome(), Some(Outcome::Success), "{name}");
            let method = ending.conversation.method().expect("a method");
            assert_eq!(method.label(), name);
            // A second handshake with a second certificate takes its time.
            let at_most = if name.ends_with("tls") { 14 } else { 12 };
            let round_trips = ending.round_trips;
            assert!(round_trips <= at_most, "{name}: {round_trips}");
        }
    }
}

/// The device learns it inside the tunnel, where nobody can forge it, and acknowledges.
#[test]
fn a_wrong_password_is_refused_by_every_inner_method() {
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        for (name, inner) in peap_inner(&user_with("guess")) {
            let (ending, supplicant) = campus.log_on(Outer::Peap, inner);
            let cause = ending.result.expect("an end").expect_err(name);
            assert_eq!(cause, FailureCause::Refused, "{name}");
            assert_eq!(supplicant.outcome(), Some(Outcome::Failure), "{name}");
        }
    }
}

/// Crypto-binding is up to the device: the keys are those of the tunnel, or bound to MS-CHAPv2.
#[test]
fn both_ends_hold_the_same_msk_whether_bound_or_not() {
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        for binding in [Binding::Answer, Binding::Ignore] {
            let (ending, supplicant) = campus.log_on(Outer::Peap, ms_chap_v2(binding));
            let keys = ending.result.unwrap().unwrap();
            assert_eq!(Some(keys.msk), supplicant.msk(), "{versions:?} {binding:?}");
            let is_tunnel_key = Some(keys.msk) == supplicant.tunnel_key();
            assert_eq!(is_tunnel_key, binding == Binding::Ignore);
        }
    }
}

/// An attacker relays the device's MS-CHAPv2 through a tunnel of their own: right password, no
/// entry.
#[test]
fn a_relayed_inner_method_does_not_open() {
    for versions in VERSIONS {
        let campus = Campus::generous(versions);
        let (ending, _) = campus.log_on(Outer::Peap, ms_chap_v2(Binding::Forge));
        let cause = ending.result.unwrap().unwrap_err();
        assert_eq!(cause, FailureCause::BindingBroken);
    }
}

#[test]
fn a_device_that_doubts_us_ends_it() {
    let campus = Campus::generous(TlsVersions::Both);
    let lie = || Verdict::AcceptedMsChapV2 {
        authenticator_response: [b'0'; 42],
        inner_key: None,
    };
    let (ending, supplicant) = judged(&campus, ms_chap_v2(Binding::Answer), lie);
    assert_eq!(
        ending.result.unwrap().unwrap_err(),
        FailureCause::ServerDoubted
    );
    assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
    // GTC proves nothing of ours; and a verdict that does not fit its question opens nothing.
    let (ending, _) = judged(&campus, Inner::eap_gtc(user()), lie);
    assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Internal);
}

#[test]
fn a_device_chooses_among_the_inner_methods_or_says_what_it_wants() {
    let campus = Campus::generous(TlsVersions::Both);
    let accepting = |accepts: &[u8]| Inner::Eap {
        user: user(),
        accepts: accepts.to_vec(),
        binding: Binding::Answer,
    };
    let (ending, _) = campus.log_on(Outer::Peap, accepting(&[4, 6]));
    assert!(ending.result.unwrap().is_ok());
    let label = ending.conversation.method().map(|method| method.label());
    assert_eq!(label, Some("peap/eap-gtc"));
    let (ending, _) = campus.log_on(Outer::Peap, accepting(&[52]));
    let wishes = Wishes::from_iter([EapType(52)]);
    let cause = ending.result.unwrap().unwrap_err();
    assert_eq!(cause, FailureCause::InnerMethodNotAgreed { wishes });
}

/// Inner methods of EAP-TTLS alone cannot be offered in PEAP.
#[test]
fn peap_carries_eap_alone() {
    let campus = Campus::new(TlsVersions::Both);
    let with = |inner: &[InnerMethod]| {
        let methods = Methods::new(campus.tls.clone(), &[MethodType::Peap]).unwrap();
        methods.with_inner(MethodType::Peap, inner).map(|_| ())
    };
    assert_eq!(with(&[InnerMethod::EapGtc]), Ok(()));
    let unfit = MethodsError::InnerUnfit(InnerMethod::Pap);
    assert_eq!(with(&[InnerMethod::Pap]), Err(unfit));
    let methods = Methods::new(campus.tls.clone(), &[MethodType::Peap]).unwrap();
    let error = methods.with_inner(MethodType::Ttls, &[InnerMethod::Pap]);
    assert_eq!(
        error.unwrap_err(),
        MethodsError::NotOffered(MethodType::Ttls)
    );
}

/// Version 0 is offered: who would rather speak 1 comes down, and nobody may go up.
#[test]
fn the_version_is_0() {
    let campus = Campus::generous(TlsVersions::Both);
    let profile = Profile::new(&campus.authority, Outer::Peap, ms_chap_v2(Binding::Answer));
    let mut supplicant = Supplicant::new(profile);
    let (mut conversation, step) = campus.start(&supplicant);
    let Step::Request(offer) = step else {
        panic!("{step:?}")
    };
    let nak = supplicant.handle(&offer).unwrap();
    let step = conversation.handle_response(&nak, Limits::USUAL).unwrap();
    let Step::Request(start) = step else {
        panic!("{step:?}")
    };
    assert_eq!(start[4..], [25, 0x20], "Start, version 0");
    let mut hello = supplicant.handle(&start).unwrap();
    hello[5] |= 1;
    let step = conversation.handle_response(&hello, Limits::USUAL).unwrap();
    let broken = EapError::Fragment(FragmentError::VersionNotOffered(1));
    assert!(matches!(step, Step::Failure { cause, .. } if cause == FailureCause::Protocol(broken)));
}

/// A device that answers through the tunnel with this, then that; the caller accepts everybody.
fn script(versions: TlsVersions, said: &[&[u8]]) -> FailureCause {
    let campus = Campus::generous(versions);
    let said = said.iter().map(|plaintext| plaintext.to_vec()).collect();
    let (ending, _) = judged(&campus, Inner::Script(said), || Verdict::Accepted);
    ending
        .result
        .expect("an end")
        .expect_err("nobody proved anything")
}

#[test]
fn what_is_out_of_turn_opens_nothing() {
    let success = [2, 9, 0, 11, 33, 0x80, 3, 0, 2, 0, 1];
    let ms_chap_v2 = [&[26, 2, 0, 0, 58, 49], [7; 49].as_slice(), b"user"].concat();
    let unasked = FailureCause::Inner(InnerError::Unasked);
    for versions in VERSIONS {
        for (said, cause) in [
            (vec![success.as_slice()], unasked),
            (vec![b"\x01user", &success], unasked),
            (
                vec![b"\x01user", &[26, 3]],
                FailureCause::Inner(InnerError::MsChapV2),
            ),
            (
                vec![b"\x01user", &ms_chap_v2[..54]],
                FailureCause::Inner(InnerError::MsChapV2),
            ),
            (vec![&[26, 3]], unasked),
            (
                vec![&[1; 300]],
                FailureCause::Inner(InnerError::CredentialTooLong),
            ),
            // The caller says yes and gives no proof for the device: our mistake.
            (
                vec![b"\x01user", &ms_chap_v2, &success],
                FailureCause::Internal,
            ),
            // GTC is accepted here, but the device must confirm the result.
            (vec![b"\x01user", &[3, 6], b"\x06pass", &[26, 3]], unasked),
            (
                vec![b"\x01user", &[3, 6], b"\x06pass", &[]],
                FailureCause::InnerMissing,
            ),
            (
                vec![b"\x01user", &[3, 6], b"\x06pass", &[33, 0, 3]],
                FailureCause::Inner(InnerError::Tlv),
            ),
            (
                vec![
                    b"\x01user",
                    &[3, 6],
                    b"\x06pass",
                    &[33, 0x80, 3, 0, 2, 0, 2],
                ],
                FailureCause::ServerDoubted,
            ),
        ] {
            assert_eq!(script(versions, &said), cause, "{said:?}");
        }
    }
}

/// A campus that lets devices resume.
struct Hall {
    campus: Campus,
    methods: Methods,
}

impl Hall {
    fn new(versions: TlsVersions) -> Self {
        let campus = Campus::new(versions);
        let sessions = Sessions::new(100, Sessions::USUAL_TIME_TO_LIVE);
        let tls = campus.tls.clone().with_sessions(sessions);
        let methods = Methods::new(tls, &[MethodType::Peap]).unwrap();
        Hall { campus, methods }
    }

    fn device(&self, binding: Binding) -> Device {
        let authority = &self.campus.authority;
        Device::new(Profile::new(authority, Outer::Peap, ms_chap_v2(binding)))
    }

    /// The credentials asked about, and the end; `resumed` is the verdict on a session.
    fn converse(&self, device: &mut Supplicant, resumed: &Verdict) -> (Vec<&'static str>, Ending) {
        let mut asked = Vec::new();
        let ending = converse_within(
            &self.methods,
            device,
            Limits::USUAL,
            |conversation, credential| {
                asked.push(credential.label());
                conversation.remember(Authorization {
                    account: "a".into(),
                    device: Vec::new(),
                    identity: credential.identity().to_vec(),
                    context: Vec::new(),
                });
                match credential.label() {
                    "resumed" => resumed.clone(),
                    _ => user().judge(credential),
                }
            },
        );
        (asked, ending.expect("sound packets"))
    }
}

/// E4, E5, E7: no inner method, the caller asked again, the result told inside the tunnel.
#[test]
fn a_device_that_comes_back_resumes_bound_or_not() {
    for versions in VERSIONS {
        for binding in [Binding::Answer, Binding::Ignore] {
            let hall = Hall::new(versions);
            let device = hall.device(binding);
            for expected in ["mschapv2", "resumed", "resumed"] {
                let mut supplicant = device.supplicant();
                let (asked, ending) = hall.converse(&mut supplicant, &Verdict::Accepted);
                assert_eq!(asked, [expected], "{versions:?} {binding:?}");
                let keys = ending.result.expect("an end").expect(expected);
                assert_eq!(Some(keys.msk), supplicant.msk(), "{versions:?} {binding:?}");
                assert_eq!(supplicant.outcome(), Some(Outcome::Success));
                let method = ending.conversation.method().expect("a method");
                assert_eq!(method.label(), "peap/eap-mschapv2");
            }
        }
    }
}

/// E7: a session that the caller refuses is over, and the next log-on is a whole one.
#[test]
fn a_refused_session_opens_nothing_and_ends() {
    for versions in VERSIONS {
        let hall = Hall::new(versions);
        let device = hall.device(Binding::Answer);
        for (expected, refused) in [("mschapv2", false), ("resumed", true), ("mschapv2", false)] {
            let mut supplicant = device.supplicant();
            let (asked, ending) = hall.converse(&mut supplicant, &Verdict::Refused);
            assert_eq!(asked, [expected], "{versions:?}");
            let cause = ending.result.expect("an end").err();
            assert_eq!(cause, refused.then_some(FailureCause::Refused));
        }
    }
}

/// A forged crypto-binding ends a resumed session, too.
#[test]
fn a_forged_binding_does_not_resume() {
    for versions in VERSIONS {
        let hall = Hall::new(versions);
        let device = hall.device(Binding::Ignore);
        hall.converse(&mut device.supplicant(), &Verdict::Accepted);
        let authority = &hall.campus.authority;
        let forging = Profile::new(authority, Outer::Peap, ms_chap_v2(Binding::Forge));
        let mut supplicant = device.supplicant_with(forging);
        let (asked, ending) = hall.converse(&mut supplicant, &Verdict::Accepted);
        assert_eq!(asked, ["resumed"]);
        let cause = ending.result.unwrap().unwrap_err();
        assert_eq!(cause, FailureCause::BindingBroken);
    }
}
