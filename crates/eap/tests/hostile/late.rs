//! Time as an oracle: of every method the first message that depends on a refusal is late, once
//! for each try, and no other. No clock runs here: a message says itself when it may leave.

use crate::BOTH;
use crate::common::{Campus, user, user_with};
use portvakt_eap::{Leaves, Limits, MsChapV2Error, Verdict};
use portvakt_testkit::supplicant::{
    Device, Everything, Inner, LogOn, Outer, Pace, Supplicant, converse_with, converse_within,
};

const CHALLENGE: [u8; 16] = [7; 16];

/// Every way in which accounts say no: wrong, unknown, locked and the rest in the first; what a
/// proven password may be told in the others.
const NOES: [Verdict; 4] = [
    Verdict::Refused,
    Verdict::RefusedBecause(MsChapV2Error::AccountDisabled),
    Verdict::Retry {
        challenge: CHALLENGE,
    },
    Verdict::ChangePassword {
        challenge: CHALLENGE,
    },
];

/// How often a message was late.
fn late(pace: &Pace) -> usize {
    let late = pace.left().iter().filter(|left| **left == Leaves::Late);
    late.count()
}

/// When the messages of a device leave that the caller gives `verdict`.
fn pace_of(everything: &Everything, device: &Device, verdict: &Verdict) -> Pace {
    let mut supplicant = device.supplicant();
    let methods = &everything.methods;
    let judge = |_: &_| verdict.clone();
    let ending = converse_with(methods, &mut supplicant, Limits::USUAL, judge).unwrap();
    assert!(!matches!(ending.result, Some(Ok(_))), "{verdict:?}");
    ending.pace
}

#[test]
fn first_message_after_a_refusal_is_late_in_every_method_and_only_that() {
    for versions in BOTH {
        let everything = Everything::new(versions);
        for LogOn { name, .. } in LogOn::all(&everything.user) {
            let device = everything.device(name, true, 1400).unwrap();
            for verdict in &NOES {
                let pace = pace_of(&everything, &device, verdict);
                assert_eq!(pace.refusals(), 1, "{name}");
                assert_eq!(late(&pace), 1, "{name}: {:?}", pace.left());
            }
        }
    }
}

/// Locked since, left since, or gone.
#[test]
fn refused_session_is_late_in_every_method() {
    for versions in BOTH {
        let everything = Everything::new(versions);
        for LogOn { name, .. } in LogOn::all(&everything.user) {
            let device = everything.device(name, true, 1400).unwrap();
            let mut supplicant = device.supplicant();
            let judge =
                |conversation: &mut _, credential: &_| everything.judge(conversation, credential);
            let methods = &everything.methods;
            let full = converse_within(methods, &mut supplicant, Limits::USUAL, judge).unwrap();
            assert!(matches!(full.result, Some(Ok(_))), "{name}");
            assert_eq!(
                late(&full.pace),
                0,
                "{name}: who is let in waits for nothing"
            );
            let pace = pace_of(&everything, &device, &Verdict::Refused);
            assert_eq!((pace.refusals(), late(&pace)), (1, 1), "{name}");
        }
    }
}

/// A user who mistypes twice, and one who changes an expired password to one that is not taken.
#[test]
fn each_try_is_late_once() {
    for (outer, versions) in [Outer::Ttls, Outer::Peap]
        .into_iter()
        .flat_map(|outer| BOTH.map(|versions| (outer, versions)))
    {
        let campus = Campus::generous(versions);
        let inner = |tries: &[&str], new_password: Option<&str>| Inner::Insistent {
            user: user_with("wrong"),
            tries: tries.iter().map(|&text| text.to_owned()).collect(),
            new_password: new_password.map(str::to_owned),
        };
        let log_on = |inner: Inner, no: &Verdict| {
            let mut supplicant = Supplicant::new(campus.profile_of(outer, inner));
            let judge = |credential: &_| match user().judge(credential) {
                verdict if verdict.is_accepting() => verdict,
                _ => no.clone(),
            };
            let methods = &campus.methods;
            let ending = converse_with(methods, &mut supplicant, Limits::USUAL, judge).unwrap();
            (ending.result.expect("an end").is_ok(), ending.pace)
        };
        let (is_let_in, pace) = log_on(inner(&["also wrong", &user().password], None), &NOES[2]);
        assert!(is_let_in, "{outer:?}");
        assert_eq!((pace.refusals(), late(&pace)), (2, 2), "{:?}", pace.left());
        let (is_let_in, pace) = log_on(inner(&["also wrong"], None), &NOES[2]);
        assert!(!is_let_in, "{outer:?}");
        assert_eq!((pace.refusals(), late(&pace)), (2, 2), "{:?}", pace.left());
        let (is_let_in, pace) = log_on(inner(&[], Some("a new one")), &NOES[3]);
        assert!(!is_let_in, "{outer:?}");
        assert_eq!((pace.refusals(), late(&pace)), (2, 2), "{:?}", pace.left());
    }
}
