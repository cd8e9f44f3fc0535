use super::{EapMsChapV2, without_domain};
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::inner_error::InnerError;
use crate::method::inner::{EapInside, InnerStep};
use crate::ms_chap_v2_error::MsChapV2Error;
use crate::verdict::Verdict;

const ACCEPTED: Verdict = Verdict::AcceptedMsChapV2 {
    authenticator_response: [b'0'; 42],
    inner_key: None,
};
const AGAIN: [u8; 16] = [0xa1; 16];
const RETRY: Verdict = Verdict::Retry { challenge: AGAIN };
const CHANGE: Verdict = Verdict::ChangePassword { challenge: AGAIN };
const SUCCESS_RESPONSE: [u8; 1] = [3];
const FAILURE_RESPONSE: [u8; 1] = [4];
const MALFORMED: &str = "Inner(MsChapV2)";

fn response(identifier: u8, name: &str) -> Vec<u8> {
    let [.., high, low] = (4 + 1 + 49 + name.len()).to_be_bytes();
    [
        &[2, identifier, high, low, 49],
        [7; 49].as_slice(),
        name.as_bytes(),
    ]
    .concat()
}

/// All of it: 4 octets of header, 516, 16, 16, 8, 24 and 2.
fn change(identifier: u8) -> Vec<u8> {
    [&[7, identifier, 2, 74], [9; 582].as_slice()].concat()
}

/// A step, in a word.
fn told(step: InnerStep) -> String {
    match step {
        InnerStep::Request(request) => {
            String::from_utf8_lossy(request.get(5..).unwrap_or_default()).into_owned()
        }
        InnerStep::Authenticate(credential) => credential.label().to_owned(),
        InnerStep::Accepted(_) => "accepted".to_owned(),
        InnerStep::Failed(cause) => format!("{cause:?}"),
    }
}

/// A run whose first response got this verdict.
fn after(verdict: Verdict) -> (EapMsChapV2, String) {
    let mut run = EapMsChapV2::new(&[1; 32]);
    run.start(5);
    assert_eq!(told(run.handle(b"user", &response(5, "user"))), "mschapv2");
    let said = told(run.handle_verdict(verdict));
    (run, said)
}

/// The step after `verdict` and this message of the peer.
fn answered(verdict: Verdict, said: &[u8]) -> String {
    told(after(verdict).0.handle(b"user", said))
}

#[test]
fn a_windows_domain_stays_out_of_the_challenge_hash() {
    for (name, expected) in [
        ("user", "user"),
        ("DOMAIN\\user", "user"),
        ("DOMAIN\\a\\b", "a\\b"),
        ("\\", ""),
        ("user@campus.example", "user@campus.example"),
    ] {
        assert_eq!(without_domain(name.as_bytes()), expected.as_bytes());
    }
}

#[test]
fn each_verdict_has_its_failure_message() {
    let spare = "01".repeat(16);
    let again = "A1".repeat(16);
    for (verdict, expected) in [
        (Verdict::Refused, format!("E=691 R=0 C={spare} V=3 ")),
        (RETRY, format!("E=691 R=1 C={again} V=3 ")),
        (CHANGE, format!("E=648 R=0 C={again} V=3 ")),
        (
            Verdict::RefusedBecause(MsChapV2Error::AccountDisabled),
            format!("E=647 R=0 C={spare} V=3 "),
        ),
    ] {
        let (_, said) = after(verdict);
        assert!(said.starts_with(&expected), "{said}");
    }
}

#[test]
fn second_response_answers_the_new_challenge_and_success_bears_its_identifier() {
    let (mut run, _) = after(RETRY);
    let step = run.handle(b"user", &response(6, "CAMPUS\\other"));
    let InnerStep::Authenticate(InnerCredential::MsChapV2 {
        identity,
        name,
        authenticator_challenge,
        ..
    }) = step
    else {
        panic!("{}", told(step));
    };
    assert_eq!((identity, name), (b"user".to_vec(), b"other".to_vec()));
    assert_eq!(authenticator_challenge, AGAIN);
    let InnerStep::Request(success) = run.handle_verdict(ACCEPTED) else {
        panic!("no success request");
    };
    assert_eq!(success[..3], [26, 3, 6]);
    assert_eq!(told(run.handle(b"user", &SUCCESS_RESPONSE)), "accepted");
}

#[test]
fn change_of_password_answers_the_new_challenge_under_the_name_of_the_response() {
    let (mut run, _) = after(CHANGE);
    let step = run.handle(b"user", &change(6));
    let InnerStep::Authenticate(InnerCredential::MsChapV2Change {
        identity,
        name,
        authenticator_challenge,
        encrypted_password,
        ..
    }) = step
    else {
        panic!("{}", told(step));
    };
    assert_eq!((identity, name), (b"user".to_vec(), b"user".to_vec()));
    assert_eq!(authenticator_challenge, AGAIN);
    assert_eq!(*encrypted_password, [9; 516]);
    let InnerStep::Request(success) = run.handle_verdict(ACCEPTED) else {
        panic!("no success request");
    };
    assert_eq!(success[..3], [26, 3, 6]);
    assert_eq!(told(run.handle(b"user", &SUCCESS_RESPONSE)), "accepted");
}

#[test]
fn peer_that_does_not_want_to_is_refused() {
    for verdict in [RETRY, CHANGE, Verdict::Refused] {
        assert_eq!(answered(verdict, &FAILURE_RESPONSE), "Refused");
    }
}

/// Nothing but a response follows R=1, nothing but a change follows E=648, nothing a last word.
#[test]
fn what_is_out_of_turn_ends_it() {
    let response = response(6, "user");
    for (verdict, said, expected) in [
        (RETRY, change(6), MALFORMED),
        (RETRY, SUCCESS_RESPONSE.to_vec(), MALFORMED),
        (RETRY, Vec::new(), MALFORMED),
        (CHANGE, response.clone(), MALFORMED),
        (CHANGE, SUCCESS_RESPONSE.to_vec(), MALFORMED),
        (CHANGE, Vec::new(), MALFORMED),
        (ACCEPTED, change(6), MALFORMED),
        (ACCEPTED, response.clone(), MALFORMED),
        (Verdict::Refused, change(6), "Refused"),
        (Verdict::Refused, response.clone(), "Refused"),
        (Verdict::Refused, SUCCESS_RESPONSE.to_vec(), "Refused"),
        (Verdict::Accepted, response, "Internal"),
    ] {
        assert_eq!(answered(verdict, &said), expected, "{:?}", said.first());
    }
    let mut unasked = EapMsChapV2::new(&[1; 32]);
    unasked.start(5);
    assert_eq!(told(unasked.handle(b"user", &change(5))), MALFORMED);
}

#[test]
fn change_of_any_other_length_is_none() {
    let whole = change(6);
    for length in 0..whole.len() {
        assert_eq!(answered(CHANGE, &whole[..length]), MALFORMED, "{length}");
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert_eq!(answered(CHANGE, &longer), MALFORMED);
}

/// MS-Length is the message's length and nothing else, in every message that has one.
#[test]
fn ms_length_that_contradicts_the_message_is_refused() {
    let claiming = |mut message: Vec<u8>, length: usize| {
        message[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        message
    };
    let (response, change) = (response(6, "user"), change(6));
    for wrong in [0, 1, 57, 59, 300, 585, 587, 65535] {
        let response = claiming(response.clone(), wrong);
        let mut first = EapMsChapV2::new(&[1; 32]);
        first.start(5);
        assert_eq!(told(first.handle(b"user", &response)), MALFORMED, "{wrong}");
        assert_eq!(answered(RETRY, &response), MALFORMED, "{wrong}");
        let change = claiming(change.clone(), wrong);
        assert_eq!(answered(CHANGE, &change), MALFORMED, "{wrong}");
    }
    for (said, expected) in [
        (&[3][..], "accepted"),
        (&[3, 6, 0, 4], "accepted"),
        (&[3, 6, 0, 5], MALFORMED),
        (&[3, 6, 0xff, 0xff], MALFORMED),
        (&[3, 6], MALFORMED),
        (&[3, 6, 0, 5, 9], MALFORMED),
    ] {
        assert_eq!(answered(ACCEPTED, said), expected, "{said:?}");
    }
}

#[test]
fn nobody_gets_in_by_a_second_change_or_by_one_that_is_refused() {
    let (mut run, _) = after(CHANGE);
    assert_eq!(told(run.handle(b"user", &change(6))), "mschapv2-change");
    let refused = Verdict::RefusedBecause(MsChapV2Error::ChangingPassword);
    assert!(told(run.handle_verdict(refused)).starts_with("E=709 R=0 "));
    assert_eq!(told(run.handle(b"user", &change(7))), "Refused");
    let internal = format!("{:?}", FailureCause::Internal);
    assert_eq!(told(run.handle(b"user", &SUCCESS_RESPONSE)), internal);
}

#[test]
fn name_of_another_try_is_bounded_too() {
    let long = response(6, &"n".repeat(254));
    let expected = format!("{:?}", FailureCause::Inner(InnerError::CredentialTooLong));
    assert_eq!(answered(RETRY, &long), expected);
}
