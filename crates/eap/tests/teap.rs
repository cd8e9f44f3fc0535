//! TEAP against a real TLS client: passwords, EAP inside, machine and user, resumption (E4, E7).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::teap::{BOTH_METHODS, Hall, VERSIONS, assert_open, cause, device, machine};
use common::{Campus, user, user_with};
use portvakt_eap::packet::EapType;
use portvakt_eap::{
    Conversation, EapError, FailureCause, FragmentError, IdentityType, InnerMethod, Limits,
    MethodType, Methods, MethodsError, Step, TeapIdentities, TlsVersions, Verdict, Wishes,
};
use portvakt_testkit::supplicant::{Device, Outcome, Profile, Supplicant, TeapDevice, User};

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
        let wishes = match offered.last() {
            Some(InnerMethod::EapMsChapV2) => Wishes::from_iter([EapType(4)]),
            _ => Wishes::NONE,
        };
        assert_eq!(cause(ending), FailureCause::InnerMethodNotAgreed { wishes });
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

/// Outer TLVs are in clear, but no attacker can alter them.
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

#[test]
fn the_start_names_version_and_authority() {
    let hall = Hall::new(TlsVersions::Both, &BOTH_METHODS, TeapIdentities::User);
    let supplicant = Supplicant::new(hall.profile(device()));
    let identity = supplicant.identity_response(7);
    let (_, step) = Conversation::start(&hall.methods, &identity).unwrap();
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

/// E7: the caller is asked again, no inner method runs, and the tunnel is bound all the same.
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

/// E7: that a user was let in says nothing of a machine.
#[test]
fn session_of_a_user_stands_for_no_machine() {
    for versions in VERSIONS {
        let hall = Hall::new(versions, &BOTH_METHODS, TeapIdentities::User);
        let device = Device::new(hall.profile(device()));
        let (_, ending) = hall.converse(&mut device.supplicant(), Limits::USUAL, |_| None);
        assert!(ending.result.unwrap().is_ok());
        let methods = hall.methods.clone();
        let hall = Hall {
            methods: methods.with_teap(TeapIdentities::Machine, b"campus.example"),
            ..hall
        };
        let (asked, ending) = hall.converse(&mut device.supplicant(), Limits::USUAL, |_| None);
        assert_eq!(asked, [(IdentityType::Machine, "password")], "{versions:?}");
        assert!(ending.result.unwrap().is_ok());
    }
}

#[test]
fn machine_and_user_are_each_offered_their_own_inner_methods() {
    for versions in VERSIONS {
        let mut hall = Hall::new(
            versions,
            &[InnerMethod::Password],
            TeapIdentities::MachineThenUser,
        );
        let methods = hall.methods.clone();
        let methods = methods.with_machine_inner(&[InnerMethod::EapMsChapV2]);
        hall.methods = methods.unwrap();
        let (asked, ending, supplicant) = hall.log_on(device());
        let expected = [
            (IdentityType::Machine, "mschapv2"),
            (IdentityType::User, "password"),
        ];
        assert_eq!(asked, expected, "{versions:?}");
        assert_open(ending, &supplicant, "teap/password");
        let only_passwords = TeapDevice {
            accepts: Vec::new(),
            ..device()
        };
        let (asked, ending, _) = hall.log_on(only_passwords);
        assert!(asked.is_empty(), "{asked:?}");
        let wishes = Wishes::NONE;
        let none = FailureCause::InnerMethodNotAgreed { wishes };
        assert_eq!(cause(ending), none);
    }
}
