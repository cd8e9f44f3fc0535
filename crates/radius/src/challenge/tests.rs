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

const CPW: u16 = MICROSOFT + microsoft::MS_CHAP2_CPW as u16;
const PIECE: u16 = MICROSOFT + microsoft::MS_CHAP_NT_ENC_PW as u16;

/// Code 7, identifier 9, and octets that say where they are.
fn change() -> Vec<u8> {
    let mut octets = vec![7, 9];
    octets.extend([1; 16]);
    octets.extend([2; 16]);
    octets.extend([0; 8]);
    octets.extend([3; 24]);
    octets.extend([0; 2]);
    octets
}

fn piece(sequence: u8, octets: usize) -> Vec<u8> {
    [&[6, 9, 0, sequence], vec![sequence; octets].as_slice()].concat()
}

/// The pieces may stand in any order.
#[test]
fn password_change_is_read_and_its_pieces_put_together() {
    let (change, pieces) = (change(), [piece(3, 30), piece(1, 243), piece(2, 243)]);
    let given: Vec<Given<'_>> = [(CPW, &*change), (CHALLENGE, &[5; 16])]
        .into_iter()
        .chain(pieces.iter().map(|piece| (PIECE, &**piece)))
        .collect();
    read(&given, |read| {
        let Ok(Some(ChallengeCredential::MsChapV2Change {
            identifier,
            authenticator_challenge,
            peer_challenge,
            nt_response,
            encrypted_password,
            encrypted_hash,
        })) = read
        else {
            panic!("{read:?}");
        };
        assert_eq!((identifier, authenticator_challenge), (9, &[5; 16]));
        assert_eq!((encrypted_hash, peer_challenge), (&[1; 16], &[2; 16]));
        assert_eq!(nt_response, &[3; 24]);
        let whole = encrypted_password.whole();
        assert_eq!((whole[0], whole[242], whole[243]), (1, 1, 2));
        assert_eq!((whole[485], whole[486], whole[515]), (2, 3, 3));
        assert!(!format!("{read:?}").contains('3'));
    });
}

#[test]
fn password_change_of_another_length_or_code_is_refused() {
    let whole = change();
    for length in 0..whole.len() {
        let given = [(CPW, &whole[..length]), (CHALLENGE, &[5; 16])];
        assert_eq!(error(&given), Some(ChallengeError::ResponseLength));
    }
    let longer = [whole.as_slice(), &[0]].concat();
    let other = [&[6], &whole[1..]].concat();
    for value in [longer, other] {
        let given = [(CPW, &*value), (CHALLENGE, &[5; 16])];
        assert_eq!(error(&given), Some(ChallengeError::ResponseLength));
    }
}

#[test]
fn pieces_that_make_no_whole_are_refused() {
    let of_another = [&[6, 8, 0, 3], [3; 30].as_slice()].concat();
    let other_code = [&[7, 9, 0, 3], [3; 30].as_slice()].concat();
    let far_off = [&[6, 9, 1, 3], [3; 30].as_slice()].concat();
    for pieces in [
        vec![],
        vec![piece(1, 243), piece(2, 243)],
        vec![piece(1, 243), piece(2, 243), piece(3, 29)],
        vec![piece(1, 243), piece(2, 243), piece(3, 31)],
        vec![piece(1, 243), piece(2, 243), piece(2, 30)],
        vec![piece(1, 243), piece(2, 243), piece(3, 30), piece(3, 30)],
        vec![piece(1, 243), piece(2, 243), piece(3, 30), piece(4, 0)],
        vec![piece(0, 243), piece(1, 243), piece(2, 30)],
        vec![piece(1, 243), piece(2, 243), of_another],
        vec![piece(1, 243), piece(2, 243), other_code],
        vec![piece(1, 243), piece(2, 243), far_off],
        vec![piece(1, 243), piece(2, 243), vec![6, 9, 0]],
    ] {
        let change = change();
        let given: Vec<Given<'_>> = [(CPW, &*change), (CHALLENGE, &[5; 16])]
            .into_iter()
            .chain(pieces.iter().map(|piece| (PIECE, &**piece)))
            .collect();
        assert_eq!(error(&given), Some(ChallengeError::Pieces));
    }
}

#[test]
fn password_change_beside_another_credential_is_refused() {
    let (change, response) = (change(), response(0));
    for other in [
        (CPW, &*change),
        (MS_CHAP_V2, &*response),
        (PASSWORD, &[0; 16]),
    ] {
        let given = [(CPW, &*change), (CHALLENGE, &[5; 16]), other];
        assert_eq!(error(&given), Some(ChallengeError::Several));
    }
}

/// Beside a sound response or alone; a password's equipment may have its own idea of the form.
#[test]
fn lengths_inside_a_vendor_attribute_that_contradict_each_other_are_refused() {
    let vendor = microsoft::VENDOR.to_be_bytes();
    let value = |inside: &[u8]| [&vendor, inside].concat();
    let attribute = AttributeType::VENDOR_SPECIFIC.0.into();
    let response = response(0);
    for inside in [&[][..], &[25], &[25, 0], &[25, 9, 7], &[25, 3, 7, 1]] {
        let broken = value(inside);
        let broken = (attribute, &*broken);
        let sound = [(MS_CHAP_V2, &*response), (CHALLENGE, &[5; 16])];
        let beside = [sound[0], sound[1], broken];
        for given in [&[broken][..], &beside] {
            assert_eq!(error(given), Some(ChallengeError::VendorLength));
        }
        let password = [(PASSWORD, &[0; 16][..]), broken];
        assert_eq!(error(&password), None);
    }
}
