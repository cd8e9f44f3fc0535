//! The TLVs that end a PEAPv0 conversation (draft-hiller-eap-tlv; [MS-PEAP] §2.2.8).
//!
//! ```text
//!   Type 33 | M R TLV-Type (2) | Length (2) | value | …
//! ```

use crate::inner_error::InnerError;
use crate::packet::EapType;
use crate::reader::{Reader, Short};

const MANDATORY: u16 = 0x8000;
const TYPE: u16 = 0x3fff;
const RESULT: u16 = 3;
const CRYPTO_BINDING: u16 = 12;
const SUCCESS: u8 = 1;
const FAILURE: u8 = 2;
/// A crypto-binding TLV with its header.
pub(super) const BINDING_OCTETS: usize = 60;
/// How that one begins: type, length, a reserved octet.
pub(super) const BINDING_HEAD: [u8; 5] = [0, 12, 0, 56, 0];

/// Answer of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) success: bool,
    /// The whole TLV, header included: the MAC runs over it as it was sent.
    pub(super) binding: Option<&'a [u8]>,
}

/// Reads the client's TLVs.
///
/// # Errors
/// [`InnerError::Tlv`] where they are cut off, repeat themselves, lack a result, or hold a
/// mandatory one that we do not know.
pub(super) fn read(tlvs: &[u8]) -> Result<Answer<'_>, InnerError> {
    let mut reader = Reader::new(tlvs);
    let (mut result, mut binding) = (None, None);
    while !reader.is_empty() {
        let tlv = read_one(&mut reader).map_err(|Short| InnerError::Tlv)?;
        let before = match tlv.kind & TYPE {
            RESULT => result.replace(tlv.value),
            CRYPTO_BINDING => binding.replace(tlv.whole),
            _ if tlv.kind & MANDATORY != 0 => return Err(InnerError::Tlv),
            _ => None,
        };
        if before.is_some() {
            return Err(InnerError::Tlv);
        }
    }
    match result {
        Some([0, status @ (SUCCESS | FAILURE)]) => Ok(Answer {
            success: *status == SUCCESS,
            binding,
        }),
        _ => Err(InnerError::Tlv),
    }
}

struct Tlv<'a> {
    kind: u16,
    value: &'a [u8],
    whole: &'a [u8],
}

fn read_one<'a>(reader: &mut Reader<'a>) -> Result<Tlv<'a>, Short> {
    let mut ahead = *reader;
    let (kind, length) = (ahead.u16()?, usize::from(ahead.u16()?));
    let value = ahead.take(length)?;
    let whole = reader.take(4 + length)?;
    Ok(Tlv { kind, value, whole })
}

/// Type octet and TLVs that say success, and ask for crypto-binding where `binding` does.
pub(super) fn write_success(binding: Option<&[u8; BINDING_OCTETS]>) -> Vec<u8> {
    let mut body = write_result(SUCCESS);
    body.extend(binding.into_iter().flatten());
    body
}

/// Type octet and TLV that say failure.
pub(super) fn write_failure() -> Vec<u8> {
    write_result(FAILURE)
}

fn write_result(status: u8) -> Vec<u8> {
    vec![EapType::EXTENSIONS.0, 0x80, 3, 0, 2, 0, status]
}

#[cfg(test)]
mod tests {
    use super::{Answer, read, write_failure, write_success};
    use crate::inner_error::InnerError;

    #[test]
    fn results_are_read_as_they_are_written() {
        let answer = |success| {
            Ok(Answer {
                success,
                binding: None,
            })
        };
        assert_eq!(read(&write_success(None)[1..]), answer(true));
        assert_eq!(read(&write_failure()[1..]), answer(false));
        assert_eq!(read(&[0, 3, 0, 2, 0, 1]), answer(true));
        assert_eq!(read(&[0, 9, 0, 1, 7, 0x80, 3, 0, 2, 0, 1]), answer(true));
    }

    #[test]
    fn a_binding_comes_with_its_header() {
        let binding = [&[0, 12, 0, 56], [7; 56].as_slice()].concat();
        let body = write_success(binding.first_chunk());
        assert_eq!(read(&body[1..]).unwrap().binding, Some(binding.as_slice()));
    }

    #[test]
    fn tlvs_that_say_no_result_are_refused() {
        let success = [0x80, 3, 0, 2, 0, 1];
        let cases: [&[u8]; 9] = [
            &[],
            &success[..5],
            &[0x80, 3, 0, 1, 1],
            &[0x80, 3, 0, 3, 0, 1, 1],
            &[0x80, 3, 0, 2, 0, 0],
            &[0x80, 3, 0, 2, 1, 1],
            &[0x80, 4, 0, 6, 0, 0, 0, 0, 0, 12],
            &[success.as_slice(), &success].concat(),
            &[success.as_slice(), &[0x80, 9, 0, 0]].concat(),
        ];
        for tlvs in cases {
            assert_eq!(read(tlvs), Err(InnerError::Tlv), "{tlvs:?}");
        }
    }
}
