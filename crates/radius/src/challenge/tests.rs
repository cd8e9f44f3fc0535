use super::*;
use crate::{RequestWriter, SharedSecret};
use proptest::prelude::*;

const AUTHENTICATOR: [u8; 16] = *b"0123456789abcdef";

/// One attribute of a request; those above 255 are Microsoft's.
type Given<'a> = (u16, &'a [u8]);

const MICROSOFT: u16 = 256;
const CHALLENGE: u16 = MICROSOFT + microsoft::MS_CHAP_CHALLENGE as u16;
const MS_CHAP: u16 = MICROSOFT + microsoft::MS_CHAP_RESPONSE as u16;
const MS_CHAP_V2: u16 = MICROSOFT + microsoft::MS_CHAP2_RESPONSE as u16;
const CHAP: u16 = AttributeType::CHAP_PASSWORD.0 as u16;
const CHAP_CHALLENGE: u16 = AttributeType::CHAP_CHALLENGE.0 as u16;
const PASSWORD: u16 = AttributeType::USER_PASSWORD.0 as u16;

/// Writes a request and hands what is read from it to `check`.
fn read<T>(
    given: &[Given<'_>],
    check: impl FnOnce(Result<Option<ChallengeCredential<'_>>, ChallengeError>) -> T,
) -> T {
    let secret = SharedSecret::new(b"testing123").unwrap();
    let mut buffer = [0; 4096];
    let mut request = RequestWriter::access_request(7, AUTHENTICATOR, &mut buffer).unwrap();
    for (kind, value) in given {
        let [vendor, kind] = kind.to_be_bytes();
        match vendor {
            0 => request.push(AttributeType(kind), value).unwrap(),
            _ => request.push_vendor(microsoft::VENDOR, kind, value).unwrap(),
        }
    }
    let packet = Packet::parse(request.finish(&secret).unwrap()).unwrap();
    check(ChallengeCredential::read(&packet))
}

fn error(given: &[Given<'_>]) -> Option<ChallengeError> {
    read(given, |read| read.err())
}

/// Identifier 9, the flags, and octets that say where they are.
fn response(flags: u8) -> Vec<u8> {
    let mut octets = vec![9, flags];
    octets.extend([1; 16]);
    octets.extend([0; 8]);
    octets.extend([2; 24]);
    octets
}

#[test]
fn request_without_a_challenge_has_no_such_credential() {
    read(&[], |read| assert_eq!(read, Ok(None)));
    read(&[(PASSWORD, &[0; 16])], |read| assert_eq!(read, Ok(None)));
}

#[test]
fn chap_challenge_is_the_attribute_or_else_the_authenticator() {
    let password = [&[9], [3; 16].as_slice()].concat();
    for (given, challenge) in [
        (vec![(CHAP, &*password)], &AUTHENTICATOR[..]),
        (
            vec![(CHAP, &*password), (CHAP_CHALLENGE, &b"other"[..])],
            b"other",
        ),
    ] {
        let expected = ChallengeCredential::Chap {
            identifier: 9,
            challenge,
            response: &[3; 16],
        };
        read(&given, |read| assert_eq!(read, Ok(Some(expected))));
    }
}

#[test]
fn both_versions_of_ms_chap_are_read() {
    let first = ChallengeCredential::MsChap {
        identifier: 9,
        challenge: &[4; 8],
        nt_response: &[2; 24],
    };
    let given = [(CHALLENGE, &[4; 8][..]), (MS_CHAP, &response(1))];
    read(&given, |read| assert_eq!(read, Ok(Some(first))));
    let second = ChallengeCredential::MsChapV2 {
        identifier: 9,
        authenticator_challenge: &[4; 16],
        peer_challenge: &[1; 16],
        nt_response: &[2; 24],
    };
    let given = [(CHALLENGE, &[4; 16][..]), (MS_CHAP_V2, &response(0))];
    read(&given, |read| assert_eq!(read, Ok(Some(second))));
}

#[test]
fn two_credentials_are_none() {
    let (chap, ms_chap) = ([3; 17], response(1));
    for given in [
        [(CHAP, &chap[..]), (CHAP, &chap)],
        [(CHAP, &chap), (PASSWORD, &[0; 16])],
        [(CHAP, &chap), (MS_CHAP, &ms_chap)],
        [(MS_CHAP, &ms_chap), (MS_CHAP_V2, &ms_chap)],
        [(MS_CHAP_V2, &ms_chap), (PASSWORD, &[0; 16])],
    ] {
        assert_eq!(error(&given), Some(ChallengeError::Several));
    }
}

#[test]
fn impossible_lengths_and_missing_challenges_are_refused() {
    let whole = response(1);
    let longer = [&whole[..], &[0]].concat();
    for length in [0, 1, 16, 18] {
        let wrong = vec![0; length];
        let found = error(&[(CHAP, &wrong)]);
        assert_eq!(found, Some(ChallengeError::ResponseLength), "{length}");
    }
    for kind in [MS_CHAP, MS_CHAP_V2] {
        for response in [&whole[..49], &longer, &[]] {
            let found = error(&[(CHALLENGE, &[4; 8]), (kind, response)]);
            assert_eq!(found, Some(ChallengeError::ResponseLength));
        }
        assert_eq!(error(&[(kind, &whole)]), Some(ChallengeError::Challenge));
    }
    for (kind, challenge) in [(MS_CHAP, &[4; 16][..]), (MS_CHAP_V2, &[4; 8])] {
        let found = error(&[(CHALLENGE, challenge), (kind, &whole)]);
        assert_eq!(found, Some(ChallengeError::Challenge));
    }
}

#[test]
fn lan_manager_response_alone_is_refused() {
    let given = [(CHALLENGE, &[4; 8][..]), (MS_CHAP, &response(0))];
    assert_eq!(error(&given), Some(ChallengeError::LanManagerOnly));
}

#[test]
fn responses_do_not_show_in_debug() {
    let given = [(CHALLENGE, &[4; 16][..]), (MS_CHAP_V2, &response(0))];
    read(&given, |read| {
        assert_eq!(format!("{:?}", read.unwrap().unwrap()), "MsChapV2(hidden)");
    });
}

proptest! {
    #[test]
    fn any_values_are_a_credential_or_an_error(
        kinds in proptest::collection::vec(0usize..5, 0..4),
        value in proptest::collection::vec(any::<u8>(), 0..=64),
    ) {
        let all = [CHALLENGE, MS_CHAP, MS_CHAP_V2, CHAP, CHAP_CHALLENGE];
        let given: Vec<Given<'_>> = kinds.iter().map(|kind| (all[*kind], &value[..])).collect();
        let _ = error(&given);
    }
}
