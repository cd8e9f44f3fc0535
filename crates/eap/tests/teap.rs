//! TEAP against a real TLS client: passwords, EAP inside, machine and user, crypto-binding,
//! resumption (E4, E7).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, user, user_with};
use portvakt_eap::packet::EapType;
use portvakt_eap::{
    Authorization, EapError, FailureCause, FragmentError, IdentityType, InnerCredential,
    InnerError, InnerMethod, Limits, MethodType, Methods, MethodsError, Sessions, Step,
    TeapIdentities, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Device, Ending, Inner, Outcome, Outer, Profile, Supplicant, TeapDevice, Twist, User,
    converse_within,
};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
const BOTH_METHODS: [InnerMethod; 2] = [InnerMethod::Password, InnerMethod::EapMsChapV2];

fn machine() -> User {
    User {
        identity: "pc17@campus.example".into(),
        password: "the machine's own".into(),
    }
}

/// A device with both names.
fn device() -> TeapDevice {
    TeapDevice {
        machine: Some(machine()),
        ..TeapDevice::new(user())
    }
}

/// A campus that offers TEAP.
struct Hall {
    campus: Campus,
    methods: Methods,
}

/// What the accounts were asked: whose credential, of which kind.
type Asked = Vec<(IdentityType, &'static str)>;

impl Hall {
    fn new(versions: TlsVersions, inner: &[InnerMethod], identities: TeapIdentities) -> Self {
        let campus = Campus::new(versions);
        let sessions = Sessions::new(100, Sessions::USUAL_TIME_TO_LIVE);
        let tls = campus.tls.clone().with_sessions(sessions);
        let methods = Methods::new(tls, &[MethodType::Teap])
            .and_then(|methods| methods.with_inner(MethodType::Teap, inner))
            .unwrap()
            .with_teap(identities, b"campus.example");
        Hall { campus, methods }
    }

    fn profile(&self, device: TeapDevice) -> Profile {
        Profile::new(&self.campus.authority, Outer::Teap, Inner::Teap(device))
    }

    fn log_on(&self, device: TeapDevice) -> (Asked, Ending, Supplicant) {
        let mut supplicant = Supplicant::new(self.profile(device));
        let (asked, ending) = self.converse(&mut supplicant, Limits::USUAL, |_| None);
        (asked, ending, supplicant)
    }

    /// `overrule` may answer in place of the accounts.
    fn converse(
        &self,
        supplicant: &mut Supplicant,
        limits: Limits,
        overrule: impl Fn(&InnerCredential) -> Option<Verdict>,
    ) -> (Asked, Ending) {
        let mut asked = Vec::new();
        let ending = converse_within(
            &self.methods,
            supplicant,
            limits,
            |conversation, credential| {
                asked.push((conversation.identity_type(), credential.label()));
                conversation.remember(Authorization {
                    account: "a".into(),
                    identity: credential.identity().to_vec(),
                    ticket: Vec::new(),
                });
                overrule(credential).unwrap_or_else(|| judge(credential))
            },
        );
        (asked, ending.expect("sound packets"))
    }
}

/// The accounts know one user and one machine.
fn judge(credential: &InnerCredential) -> Verdict {
    match credential.identity() == machine().identity.as_bytes() {
        true => machine().judge(credential),
        false => user().judge(credential),
    }
}

fn cause(ending: Ending) -> FailureCause {
    let result = ending.result.expect("an end");
    result.expect_err("nobody proved anything")
}

#[track_caller]
fn assert_open(ending: Ending, supplicant: &Supplicant, name: &str) {
    let keys = ending.result.expect("an end").expect(name);
    assert_eq!(Some(keys.msk), supplicant.msk(), "{name}");
    assert_ne!(keys.msk, keys.emsk);
    assert_eq!(supplicant.outcome(), Some(Outcome::Success), "{name}");
    let method = ending.conversation.method().expect("a method");
    assert_eq!(method.label(), name);
}

/// E4: both ends hold the same key, whatever the version and the hash of its cipher suite.
#[test]
fn the_right_password_opens_by_every_inner_method() {
    for versions in VERSIONS {
        for (inner, name) in [
            (InnerMethod::Password, "teap/password"),
            (InnerMethod::EapMsChapV2, "teap/eap-mschapv2"),
        ] {
            let hall = Hall::new(versions, &[inner], TeapIdentities::User);
            let (asked, ending, supplicant) = hall.log_on(device());
            assert_eq!(asked.len(), 1, "{name}");
            assert_eq!(asked[0].0, IdentityType::User);
            assert!(ending.round_trips <= 9, "{name}: {}", ending.round_trips);
            assert_open(ending, &supplicant, name);
        }
    }
}

#[test]
fn a_wrong_password_is_refused_by_every_inner_method() {
    for versions in VERSIONS {
        for inner in BOTH_METHODS {
            let hall = Hall::new(versions, &[inner], TeapIdentities::User);
            let (_, ending, supplicant) = hall.log_on(TeapDevice::new(user_with("guess")));
            assert_eq!(cause(ending), FailureCause::Refused, "{inner:?}");
            assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
        }
    }
}

/// The device may refuse the kind that is offered first; then the other one is tried, once.
#[test]
fn a_device_chooses_between_its_password_and_eap() {
    let reluctant = |accepts: &[u8], gives_password| TeapDevice {
        accepts: accepts.to_vec(),
        gives_password,
        ..device()
    };
    let [password, eap] = BOTH_METHODS;
    for (offered, device, name) in [
        (
            [password, eap],
            reluctant(&[26], false),
            "teap/eap-mschapv2",
        ),
        ([eap, password], reluctant(&[4], true), "teap/password"),
    ] {
        let hall = Hall::new(TlsVersions::Both, &offered, TeapIdentities::User);
        let (asked, ending, supplicant) = hall.log_on(device);
        assert_eq!(asked.len(), 1);
        assert_open(ending, &supplicant, name);
    }
    for offered in [
        vec![password],
        vec![eap],
        vec![eap, password],
        vec![password, eap],
    ] {
        let hall = Hall::new(TlsVersions::Both, &offered, TeapIdentities::User);
        let (asked, ending, _) = hall.log_on(reluctant(&[4], false));
        assert_eq!(asked, []);
        let wanted = match offered.last() {
            Some(InnerMethod::EapMsChapV2) => Some(EapType(4)),
            _ => None,
        };
        assert_eq!(cause(ending), FailureCause::InnerMethodNotAgreed { wanted });
    }
}

#[test]
fn machine_and_user_each_prove_themselves() {
    use IdentityType::{Machine, User};
    for versions in VERSIONS {
        for (inner, kind, name) in [
            (InnerMethod::Password, "password", "teap/password"),
            (InnerMethod::EapMsChapV2, "mschapv2", "teap/eap-mschapv2"),
        ] {
            let hall = Hall::new(versions, &[inner], TeapIdentities::MachineThenUser);
            let (asked, ending, supplicant) = hall.log_on(device());
            assert_eq!(asked, [(Machine, kind), (User, kind)]);
            assert_open(ending, &supplicant, name);
        }
        let hall = Hall::new(versions, &BOTH_METHODS, TeapIdentities::Machine);
        let (asked, ending, supplicant) = hall.log_on(device());
        assert_eq!(asked, [(Machine, "password")]);
        assert_open(ending, &supplicant, "teap/password");
    }
}

/// The refusal of one is final, and the other one, if not asked for yet, never is.
#[test]
fn both_must_be_let_in() {
    let wrong = |identity: &str| User {
        identity: identity.into(),
        password: "guess".into(),
    };
    for versions in VERSIONS {
        for inner in BOTH_METHODS {
            let hall = Hall::new(versions, &[inner], TeapIdentities::MachineThenUser);
            let strange_machine = TeapDevice {
                machine: Some(wrong(&machine().identity)),
                ..device()
            };
            let strange_user = TeapDevice {
                user: wrong(&user().identity),
                ..device()
            };
            for (device, questions) in [(strange_machine, 1), (strange_user, 2)] {
                let (asked, ending, supplicant) = hall.log_on(device);
                assert_eq!(asked.len(), questions, "{inner:?}");
                assert_eq!(cause(ending), FailureCause::Refused, "{inner:?}");
                assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
            }
        }
    }
}

/// A user in the machine's place would be let in twice over.
#[test]
fn nobody_stands_in_for_the_machine() {
    for versions in VERSIONS {
        for inner in BOTH_METHODS {
            let hall = Hall::new(versions, &[inner], TeapIdentities::MachineThenUser);
            let (asked, ending, _) = hall.log_on(TeapDevice::new(user()));
            assert_eq!(asked, [], "{inner:?}");
            let missing = FailureCause::IdentityTypeMissing(IdentityType::Machine);
            assert_eq!(cause(ending), missing);
        }
    }
}

/// What is said outside of TLS is in clear, but nobody can alter it.
#[test]
fn outer_tlvs_are_bound_to_the_tunnel() {
    let outer = vec![0, 7, 0, 4, 0, 0, 1, 55];
    for versions in VERSIONS {
        for eap_octets in [150, 1400] {
            let hall = Hall::new(versions, &BOTH_METHODS, TeapIdentities::User);
            let profile = Profile {
                eap_octets,
                ..hall.profile(TeapDevice {
                    outer: outer.clone(),
                    ..device()
                })
            };
            let mut supplicant = Supplicant::new(profile.clone());
            let (_, ending) = hall.converse(&mut supplicant, Limits::USUAL, |_| None);
            assert_open(ending, &supplicant, "teap/password");
            let altered = hall.converse_altered(profile, |hello| {
                let last = hello.len() - 1;
                hello[last] ^= 1;
            });
            // The device notices first: our MAC is not the one that it computes.
            let noticed = FailureCause::DeviceReportedFailure { error: None };
            assert!(
                [noticed, FailureCause::BindingBroken].contains(&altered),
                "{altered}"
            );
        }
    }
}

impl Hall {
    /// The first message of the device is altered on its way.
    fn converse_altered(&self, profile: Profile, alter: impl Fn(&mut Vec<u8>)) -> FailureCause {
        let mut supplicant = Supplicant::new(profile);
        let (mut conversation, mut step) = {
            let identity = supplicant.identity_response(7);
            portvakt_eap::Conversation::start(&self.methods, &identity, Limits::USUAL).unwrap()
        };
        let mut first = true;
        loop {
            step = match step {
                Step::Request(request) => {
                    let mut response = supplicant.handle(&request).expect("an answer");
                    if std::mem::take(&mut first) {
                        alter(&mut response);
                    }
                    conversation
                        .handle_response(&response, Limits::USUAL)
                        .unwrap()
                }
                Step::Prove(credential) => conversation
                    .handle_verdict(judge(&credential), Limits::USUAL)
                    .unwrap(),
                Step::Success { .. } => panic!("altered, and let in"),
                Step::Failure { cause, .. } => return cause,
            }
        }
    }
}

#[test]
fn the_start_names_version_and_authority() {
    let hall = Hall::new(TlsVersions::Both, &BOTH_METHODS, TeapIdentities::User);
    let supplicant = Supplicant::new(hall.profile(device()));
    let identity = supplicant.identity_response(7);
    let (_, step) =
        portvakt_eap::Conversation::start(&hall.methods, &identity, Limits::USUAL).unwrap();
    let Step::Request(start) = step else {
        panic!("{step:?}")
    };
    let expected = [
        [55, 0x31, 0, 0, 0, 18, 0, 1, 0, 14].as_slice(),
        b"campus.example",
    ];
    assert_eq!(start[4..], expected.concat());
    for flags in [0x80, 0x82] {
        let broken = hall.converse_altered(hall.profile(device()), |hello| hello[5] = flags);
        let error = FragmentError::VersionNotOffered(flags & 7);
        assert_eq!(broken, FailureCause::Protocol(EapError::Fragment(error)));
    }
}

#[test]
fn small_fragments_arrive_whole() {
    for versions in VERSIONS {
        let inner = [InnerMethod::EapMsChapV2];
        let hall = Hall::new(versions, &inner, TeapIdentities::MachineThenUser);
        let profile = Profile {
            eap_octets: 150,
            ..hall.profile(device())
        };
        let mut supplicant = Supplicant::new(profile);
        let limits = Limits { eap_octets: 200 };
        let (_, ending) = hall.converse(&mut supplicant, limits, |_| None);
        assert_open(ending, &supplicant, "teap/eap-mschapv2");
    }
}

/// E7: the accounts are asked again, no inner method runs, and the tunnel is bound all the same.
#[test]
fn a_device_that_comes_back_resumes() {
    for versions in VERSIONS {
        for (inner, kind, name) in [
            (InnerMethod::Password, "password", "teap/password"),
            (InnerMethod::EapMsChapV2, "mschapv2", "teap/eap-mschapv2"),
        ] {
            let hall = Hall::new(versions, &[inner], TeapIdentities::User);
            let device = Device::new(hall.profile(device()));
            for expected in [kind, "resumed", "resumed"] {
                let mut supplicant = device.supplicant();
                let (asked, ending) = hall.converse(&mut supplicant, Limits::USUAL, |credential| {
                    (credential.label() == "resumed").then_some(Verdict::Accepted)
                });
                assert_eq!(asked, [(IdentityType::User, expected)], "{versions:?}");
                assert_open(ending, &supplicant, name);
            }
        }
    }
}

/// E7: no session without a whole log-on, and none after a refusal.
#[test]
fn only_a_log_on_that_succeeded_can_be_resumed() {
    for versions in VERSIONS {
        let hall = Hall::new(versions, &BOTH_METHODS, TeapIdentities::User);
        let device = Device::new(hall.profile(device()));
        for (expected, verdict) in [
            ("password", Some(Verdict::Refused)),
            ("password", None),
            ("resumed", Some(Verdict::Refused)),
            ("password", None),
        ] {
            let mut supplicant = device.supplicant();
            let (asked, ending) =
                hall.converse(&mut supplicant, Limits::USUAL, |_| verdict.clone());
            assert_eq!(asked, [(IdentityType::User, expected)], "{versions:?}");
            let refused = verdict.map(|_| FailureCause::Refused);
            assert_eq!(ending.result.expect("an end").err(), refused);
        }
    }
}

/// A session stands for one account: two are proven anew each time.
#[test]
fn machine_and_user_together_are_never_resumed() {
    for versions in VERSIONS {
        let hall = Hall::new(versions, &BOTH_METHODS, TeapIdentities::MachineThenUser);
        let device = Device::new(hall.profile(device()));
        for _ in 0..3 {
            let mut supplicant = device.supplicant();
            let (asked, ending) = hall.converse(&mut supplicant, Limits::USUAL, |_| None);
            assert_eq!(asked.len(), 2);
            assert!(!supplicant.is_resumed());
            assert_open(ending, &supplicant, "teap/password");
        }
    }
}

/// A session of one account opens nothing once two are asked for.
#[test]
fn a_session_of_one_does_not_stand_for_two() {
    for versions in VERSIONS {
        let hall = Hall::new(versions, &BOTH_METHODS, TeapIdentities::User);
        let device = Device::new(hall.profile(device()));
        let (_, ending) = hall.converse(&mut device.supplicant(), Limits::USUAL, |_| None);
        assert!(ending.result.unwrap().is_ok());
        let methods = hall.methods.clone();
        let hall = Hall {
            methods: methods.with_teap(TeapIdentities::MachineThenUser, b"campus.example"),
            ..hall
        };
        let (asked, _) = hall.converse(&mut device.supplicant(), Limits::USUAL, |_| None);
        assert_eq!(asked.len(), 2);
    }
}

#[test]
fn teap_carries_passwords_and_what_can_be_bound() {
    let campus = Campus::new(TlsVersions::Both);
    let with = |inner: &[InnerMethod]| {
        let methods = Methods::new(campus.tls.clone(), &[MethodType::Teap]).unwrap();
        methods.with_inner(MethodType::Teap, inner).map(|_| ())
    };
    assert_eq!(with(&BOTH_METHODS), Ok(()));
    for unfit in [InnerMethod::EapGtc, InnerMethod::Pap, InnerMethod::Eap] {
        assert_eq!(with(&[unfit]), Err(MethodsError::InnerUnfit(unfit)));
    }
    let methods = Methods::new(campus.tls.clone(), &[MethodType::Ttls]).unwrap();
    let error = methods.with_inner(MethodType::Ttls, &[InnerMethod::Password]);
    let unfit = MethodsError::InnerUnfit(InnerMethod::Password);
    assert_eq!(error.unwrap_err(), unfit);
}

/// A device that twists what it says, against accounts that let everybody in.
fn twisted(
    versions: TlsVersions,
    identities: TeapIdentities,
    twist: Twist,
) -> (usize, FailureCause) {
    let hall = Hall::new(versions, &BOTH_METHODS, identities);
    let device = TeapDevice {
        twist: Some(twist),
        ..device()
    };
    let mut supplicant = Supplicant::new(hall.profile(device));
    let (asked, ending) =
        hall.converse(&mut supplicant, Limits::USUAL, |_| Some(Verdict::Accepted));
    (asked.len(), cause(ending))
}

const RESULT_SUCCESS: [u8; 6] = [0x80, 3, 0, 2, 0, 1];
const RESULT_FAILURE: [u8; 6] = [0x80, 3, 0, 2, 0, 2];
const INTERMEDIATE_SUCCESS: [u8; 6] = [0x80, 10, 0, 2, 0, 1];

/// Where in `tlvs` the one of this type begins.
fn at(tlvs: &[u8], kind: u8) -> usize {
    let mut position = 0;
    while tlvs[position + 1] != kind {
        position += 4 + usize::from(tlvs[position + 2]) * 256 + usize::from(tlvs[position + 3]);
    }
    position
}

fn without(mut tlvs: Vec<u8>, kind: u8) -> Vec<u8> {
    let from = at(&tlvs, kind);
    let length = usize::from(tlvs[from + 3]);
    tlvs.drain(from..from + 4 + length);
    tlvs
}

/// The MAC of the client is what success rests on: none, another's, one octet off, ours sent back.
#[test]
fn without_the_right_binding_nobody_gets_in() {
    let twists: [Twist; 6] = [
        |turn, tlvs| if turn == 1 { without(tlvs, 12) } else { tlvs },
        |turn, mut tlvs| {
            if turn == 1 {
                let mac = at(&tlvs, 12) + 60;
                tlvs[mac..mac + 20].fill(0);
            }
            tlvs
        },
        |turn, mut tlvs| {
            if turn == 1 {
                let last = at(&tlvs, 12) + 79;
                tlvs[last] ^= 1;
            }
            tlvs
        },
        |turn, mut tlvs| {
            if turn == 1 {
                let nonce = at(&tlvs, 12) + 39;
                tlvs[nonce] ^= 1;
            }
            tlvs
        },
        |turn, mut tlvs| {
            if turn == 1 {
                let sub_type = at(&tlvs, 12) + 7;
                tlvs[sub_type] = 0x20;
            }
            tlvs
        },
        |turn, mut tlvs| {
            if turn == 1 {
                let version = at(&tlvs, 12) + 5;
                tlvs[version] = 2;
            }
            tlvs
        },
    ];
    for versions in VERSIONS {
        for identities in [TeapIdentities::User, TeapIdentities::MachineThenUser] {
            for twist in twists {
                // Of two identities the first is unbound: the second is never asked for.
                let ending = twisted(versions, identities, twist);
                assert_eq!(ending, (1, FailureCause::BindingBroken));
            }
        }
    }
}

/// On a resumed session, too.
#[test]
fn without_the_right_binding_nobody_resumes() {
    for versions in VERSIONS {
        let hall = Hall::new(versions, &BOTH_METHODS, TeapIdentities::User);
        let honest = Device::new(hall.profile(device()));
        let accept = |_: &InnerCredential| Some(Verdict::Accepted);
        let (_, ending) = hall.converse(&mut honest.supplicant(), Limits::USUAL, accept);
        assert!(ending.result.unwrap().is_ok());
        let twisted = hall.profile(TeapDevice {
            twist: Some(|turn, tlvs| if turn == 0 { without(tlvs, 12) } else { tlvs }),
            ..device()
        });
        let mut supplicant = honest.supplicant_with(twisted);
        let (asked, ending) = hall.converse(&mut supplicant, Limits::USUAL, accept);
        assert_eq!(asked, [(IdentityType::User, "resumed")]);
        assert_eq!(cause(ending), FailureCause::BindingBroken);
    }
}

#[test]
fn a_device_that_says_no_ends_it() {
    let failed = |error| FailureCause::DeviceReportedFailure { error };
    let no: Twist = |turn, tlvs| match turn {
        1 => [&RESULT_FAILURE, [0x80, 5, 0, 4, 0, 0, 7, 0xd1].as_slice()].concat(),
        _ => tlvs,
    };
    let half: Twist = |turn, mut tlvs| {
        if turn == 1 {
            let status = at(&tlvs, 10) + 5;
            tlvs[status] = 2;
        }
        tlvs
    };
    for versions in VERSIONS {
        let identities = TeapIdentities::User;
        assert_eq!(twisted(versions, identities, no), (1, failed(Some(2001))));
        assert_eq!(twisted(versions, identities, half), (1, failed(None)));
    }
}

/// Success, or a binding, before anything is proven; results that are missing; two of a kind.
#[test]
fn what_is_out_of_turn_opens_nothing() {
    let unasked = FailureCause::Inner(InnerError::Unasked);
    let broken = |kind| FailureCause::Inner(InnerError::TeapTlv(kind));
    let cases: [(Twist, usize, FailureCause); 12] = [
        (|_, _| RESULT_SUCCESS.to_vec(), 0, unasked),
        (|_, _| INTERMEDIATE_SUCCESS.to_vec(), 0, unasked),
        (
            |_, tlvs| [tlvs.as_slice(), &RESULT_SUCCESS].concat(),
            0,
            unasked,
        ),
        (
            |_, tlvs| [tlvs.as_slice(), &[0x80, 12, 0, 0]].concat(),
            0,
            unasked,
        ),
        (|_, _| Vec::new(), 0, FailureCause::InnerMissing),
        (|_, _| vec![0x80, 8, 0, 2, 1, 1], 0, unasked),
        (|_, tlvs| tlvs.repeat(2), 0, broken(2)),
        (|_, _| vec![0x80, 14, 0, 9, 1], 0, broken(0)),
        (
            |turn, tlvs| if turn == 1 { without(tlvs, 3) } else { tlvs },
            1,
            unasked,
        ),
        (
            |turn, tlvs| if turn == 1 { without(tlvs, 10) } else { tlvs },
            1,
            unasked,
        ),
        (
            |turn, tlvs| match turn {
                1 => [tlvs.as_slice(), &[0x80, 14, 0, 4, 1, b'a', 1, b'b']].concat(),
                _ => tlvs,
            },
            1,
            unasked,
        ),
        (
            |turn, tlvs| {
                if turn == 1 {
                    RESULT_SUCCESS.to_vec()
                } else {
                    tlvs
                }
            },
            1,
            FailureCause::BindingBroken,
        ),
    ];
    for versions in VERSIONS {
        for (number, (twist, questions, cause)) in cases.iter().enumerate() {
            let ending = twisted(versions, TeapIdentities::User, *twist);
            assert_eq!(ending, (*questions, *cause), "case {number}, {versions:?}");
        }
    }
}

/// The first of two identities is bound; the device says that this was all.
#[test]
fn success_after_the_first_of_two_opens_nothing() {
    let hasty: Twist = |turn, tlvs| match turn {
        1 => [tlvs.as_slice(), &RESULT_SUCCESS].concat(),
        _ => tlvs,
    };
    for versions in VERSIONS {
        let ending = twisted(versions, TeapIdentities::MachineThenUser, hasty);
        assert_eq!(ending, (1, FailureCause::Inner(InnerError::Unasked)));
    }
}

/// RFC 9930 §4.2: the device learns which TLV we do not know, and may go on without it, once.
#[test]
fn an_unknown_mandatory_tlv_is_named_and_an_optional_one_ignored() {
    const UNKNOWN: [u8; 5] = [0x80, 77, 0, 1, 9];
    let hall = Hall::new(TlsVersions::Both, &BOTH_METHODS, TeapIdentities::User);
    let (_, ending, supplicant) = hall.log_on(TeapDevice {
        twist: Some(|_, tlvs| [tlvs.as_slice(), &[0, 77, 0, 1, 9]].concat()),
        ..device()
    });
    assert_open(ending, &supplicant, "teap/password");
    // Both of its answers hold the TLV, then the message is about the end.
    for (twist, questions) in [
        ((|_, _| UNKNOWN.to_vec()) as Twist, 0),
        (
            |turn, tlvs| match turn {
                1 => [tlvs.as_slice(), &UNKNOWN].concat(),
                _ => tlvs,
            },
            1,
        ),
    ] {
        let ending = twisted(TlsVersions::Both, TeapIdentities::User, twist);
        let unknown = FailureCause::Inner(InnerError::MandatoryTlvUnknown(77));
        assert_eq!(ending, (questions, unknown));
    }
}
