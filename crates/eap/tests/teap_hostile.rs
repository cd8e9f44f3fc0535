//! Devices that mean harm inside TEAP: bindings that are none, results out of turn, TLVs that
//! cannot be (E7).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::teap::{BOTH_METHODS, Hall, VERSIONS, assert_open, cause, device};
use portvakt_eap::{
    FailureCause, IdentityType, InnerCredential, InnerError, Limits, TeapIdentities, TlsVersions,
    Verdict,
};
use portvakt_testkit::supplicant::{Device, Supplicant, TeapDevice, Twist};

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

/// Offset in `tlvs` of the one of this type.
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
