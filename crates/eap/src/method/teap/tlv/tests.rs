//! TLVs as they come, and as they should not.

use super::{ErrorCode, Message, Status, Unknown, Writer};
use crate::identity_type::IdentityType;
use crate::inner_error::InnerError;

fn read(tlvs: &[u8]) -> Message<'_> {
    Message::read(tlvs).expect("sound TLVs")
}

fn broken(tlvs: &[u8]) -> Option<InnerError> {
    Message::read(tlvs).err()
}

#[test]
fn what_is_written_is_read() {
    let unknown = Unknown {
        vendor: 0,
        kind: 77,
    };
    let tlvs = Writer::default()
        .identity_type(IdentityType::Machine)
        .eap_payload(&[1, 2, 0, 5, 1])
        .intermediate_result(Status::Success)
        .result(Status::Failure)
        .error(ErrorCode::TunnelCompromise)
        .nak(unknown)
        .authority_id(b"campus.example")
        .finish();
    let message = read(&tlvs);
    assert_eq!(message.identity_type, Some(2));
    assert_eq!(message.eap, Some([1, 2, 0, 5, 1].as_slice()));
    assert_eq!(message.intermediate, Some(Status::Success));
    assert_eq!(message.result, Some(Status::Failure));
    assert_eq!(message.error, Some(2001));
    assert_eq!(message.refused, Some(77));
    assert_eq!(message.unknown, None);
}

#[test]
fn a_binding_comes_with_its_header() {
    let binding = [&[0x80, 12, 0, 3], b"abc".as_slice()].concat();
    assert_eq!(read(&binding).binding, Some(binding.as_slice()));
}

#[test]
fn names_and_passwords_are_counted() {
    let response = |value: &[u8]| {
        let [.., high, low] = value.len().to_be_bytes();
        [&[0x80, 14, high, low], value].concat()
    };
    let tlvs = response(b"\x04anna\x06secret");
    let password = read(&tlvs).password.expect("a password");
    assert_eq!(
        (password.name, password.password),
        (b"anna".as_slice(), b"secret".as_slice())
    );
    for value in [
        b"".as_slice(),
        b"\x00\x06secret",
        b"\x04anna\x00",
        b"\x04anna",
        b"\x04anna\x07secret",
        b"\x04anna\x05secret",
        b"\xffanna\x06secret",
    ] {
        assert_eq!(
            broken(&response(value)),
            Some(InnerError::TeapTlv(14)),
            "{value:?}"
        );
    }
}

/// RFC 9930 §4.2: the bit decides, and some TLVs are optional whatever it says.
#[test]
fn the_unknown_matters_only_where_it_is_mandatory() {
    assert!(read(&[0, 77, 0, 1, 9]).is_silent());
    assert!(read(&[0x80, 19, 0, 1, 9]).is_silent(), "an Identity-Hint");
    assert!(read(&[0x80, 6, 0, 0]).is_silent(), "a Channel-Binding");
    assert!(read(&[]).is_silent());
    let unknown = |vendor, kind| Some(Unknown { vendor, kind });
    assert_eq!(read(&[0x80, 77, 0, 1, 9]).unknown, unknown(0, 77));
    assert_eq!(read(&[0x80, 7, 0, 4, 0, 0, 1, 55]).unknown, unknown(311, 7));
    assert_eq!(read(&[0, 7, 0, 4, 0, 0, 1, 55]).unknown, None);
}

#[test]
fn of_several_wishes_the_worst_counts() {
    assert_eq!(read(&[0x80, 8, 0, 2, 1, 1]).action, Some(Status::Success));
    let both = [0x80, 8, 0, 2, 2, 1, 0x80, 8, 0, 2, 1, 1];
    assert_eq!(read(&both).action, Some(Status::Failure));
}

#[test]
fn tlvs_that_cannot_be_are_refused() {
    let success = [0x80, 3, 0, 2, 0, 1];
    let cases: [(&[u8], u16); 13] = [
        (&success[..5], 0),
        (&success[..3], 0),
        (&[0x80, 3, 0xff, 0xff, 0, 1], 0),
        (&[0x80, 3, 0, 1, 1], 3),
        (&[0x80, 3, 0, 3, 0, 1, 1], 3),
        (&[0x80, 3, 0, 2, 0, 3], 3),
        (&[0x80, 10, 0, 1, 1], 10),
        (&[0x80, 2, 0, 1, 1], 2),
        (&[0x80, 4, 0, 5, 0, 0, 0, 0, 0], 4),
        (&[0x80, 5, 0, 2, 0, 0], 5),
        // What only a server says, and what there is no more.
        (&[0x80, 13, 0, 0], 13),
        (&[0, 11, 0, 0], 11),
        (&[success, success].concat(), 3),
    ];
    for (tlvs, kind) in cases {
        assert_eq!(broken(tlvs), Some(InnerError::TeapTlv(kind)), "{tlvs:?}");
    }
}

/// A TLV may hold whole TLVs behind its own fields, and nothing else (RFC 9930 §4.2).
#[test]
fn tlvs_inside_tlvs_are_whole() {
    let tlv = |kind: u8, value: &[&[u8]]| {
        let value = value.concat();
        let [.., high, low] = value.len().to_be_bytes();
        [&[0x80, kind, high, low], value.as_slice()].concat()
    };
    let fields: [(u8, &[u8]); 4] = [
        (10, &[0, 1]),
        (4, &[0, 0, 0, 0, 0, 77]),
        (8, &[1, 1]),
        (9, &[2, 7, 0, 5, 1]),
    ];
    let inside = [0, 77, 0, 2, 8, 9];
    for (kind, fields) in fields {
        assert_eq!(broken(&tlv(kind, &[fields])), None, "{kind}");
        assert_eq!(broken(&tlv(kind, &[fields, &inside])), None, "{kind}");
        for cut in 1..inside.len() {
            let cut = tlv(kind, &[fields, &inside[..cut]]);
            let error = InnerError::TeapTlv(kind.into());
            assert_eq!(broken(&cut), Some(error), "{cut:02x?}");
        }
    }
    let payload = tlv(9, &[&[2, 7, 0, 5, 1], &inside]);
    assert_eq!(read(&payload).eap, Some([2, 7, 0, 5, 1].as_slice()));
    // Whose own Length can't be is for the reader of EAP to refuse.
    let short = tlv(9, &[&[2, 7, 0, 9, 1]]);
    assert_eq!(read(&short).eap, Some([2, 7, 0, 9, 1].as_slice()));
    assert_eq!(
        broken(&tlv(5, &[&[0, 0, 3, 0xe9, 0]])),
        Some(InnerError::TeapTlv(5))
    );
}
