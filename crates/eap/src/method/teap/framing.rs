//! Additions of TEAP to the framing of EAP-TLS (RFC 9930 §4.1): version 1, and TLVs outside of TLS
//! in the first message of either end.
//!
//! ```text
//!   Flags: L M S O R | Ver    Message Length (4, if L)    Outer TLV Length (4, if O)
//!   TLS data                  Outer TLVs
//! ```
//! The rest is shared: what is read here is handed on, and what is sent is marked, as if TEAP knew
//! nothing of it. Message Length counts TLS data alone.

use super::tlv;
use crate::fragments::FragmentError;
use crate::reader::{Reader, Short};

const VERSION: u8 = 1;
const VERSION_BITS: u8 = 0x07;
const LENGTH_INCLUDED: u8 = 0x80;
const START: u8 = 0x20;
const OUTER_INCLUDED: u8 = 0x10;
/// The flags that all methods over TLS share.
const SHARED_FLAGS: u8 = 0xe0;

/// One fragment of the peer, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unwrapped<'a> {
    /// Flags, length and TLS data, as the other methods have them.
    pub(super) type_data: Vec<u8>,
    /// The TLVs outside, whole but not looked into; empty where there are none.
    pub(super) outer: &'a [u8],
}

/// Takes the type-data of a response apart.
///
/// # Errors
/// [`FragmentError::VersionNotOffered`], [`FragmentError::HeaderShort`] where less is there than
/// announced, and [`FragmentError::OuterTlvs`].
pub(super) fn read(type_data: &[u8]) -> Result<Unwrapped<'_>, FragmentError> {
    let mut reader = Reader::new(type_data);
    let flags = reader.u8().map_err(|Short| FragmentError::HeaderShort)?;
    match flags & VERSION_BITS {
        VERSION => {}
        other => return Err(FragmentError::VersionNotOffered(other)),
    }
    let unwrapped = read_rest(flags, reader).map_err(|Short| FragmentError::HeaderShort)?;
    match tlv::is_list(unwrapped.outer) {
        true => Ok(unwrapped),
        false => Err(FragmentError::OuterTlvs),
    }
}

fn read_rest(flags: u8, mut reader: Reader<'_>) -> Result<Unwrapped<'_>, Short> {
    let length = match flags & LENGTH_INCLUDED {
        0 => [].as_slice(),
        _ => reader.take(4)?,
    };
    let outer = match flags & OUTER_INCLUDED {
        0 => 0,
        _ => usize::try_from(reader.u32()?).map_err(|_huge| Short)?,
    };
    let data = reader.rest().len().checked_sub(outer).ok_or(Short)?;
    let data = reader.take(data)?;
    Ok(Unwrapped {
        type_data: [&[flags & SHARED_FLAGS], length, data].concat(),
        outer: reader.rest(),
    })
}

/// Puts our version into type-data that is to be sent.
pub(super) fn mark(mut type_data: Vec<u8>) -> Vec<u8> {
    if let Some(flags) = type_data.first_mut() {
        *flags |= VERSION;
    }
    type_data
}

/// The type-data that starts the method: `outer` are TLVs outside of TLS.
pub(super) fn write_start(outer: &[u8]) -> Vec<u8> {
    let [.., a, b, c, d] = outer.len().to_be_bytes();
    [&[START | OUTER_INCLUDED | VERSION, a, b, c, d], outer].concat()
}

#[cfg(test)]
mod tests {
    use super::{Unwrapped, mark, read, write_start};
    use crate::fragments::FragmentError;

    fn unwrapped(type_data: &[u8]) -> Result<(Vec<u8>, Vec<u8>), FragmentError> {
        read(type_data).map(|Unwrapped { type_data, outer }| (type_data, outer.to_vec()))
    }

    #[test]
    fn outer_tlvs_are_cut_from_the_end() {
        let plain = |flags: u8, rest: &[u8]| [&[flags], rest].concat();
        for (given, data, outer) in [
            (vec![0x01], vec![0], vec![]),
            (vec![0x01, 22, 3], vec![0, 22, 3], vec![]),
            (
                plain(0x11, &[0, 0, 0, 4, 22, 0, 9, 0, 0]),
                vec![0, 22],
                vec![0, 9, 0, 0],
            ),
            (plain(0x11, &[0, 0, 0, 0, 22]), vec![0, 22], vec![]),
            (
                plain(0xd9, &[0, 0, 0, 7, 0, 0, 0, 5, 22, 0, 8, 0, 1, 7]),
                vec![0xc0, 0, 0, 0, 7, 22],
                vec![0, 8, 0, 1, 7],
            ),
        ] {
            assert_eq!(unwrapped(&given), Ok((data, outer)), "{given:02x?}");
        }
    }

    #[test]
    fn a_claimed_length_is_only_a_claim() {
        for given in [
            vec![],
            vec![0x81, 0, 0, 0],
            vec![0x11, 0, 0, 0],
            vec![0x11, 0, 0, 0, 2, 9],
            vec![0x11, 0xff, 0xff, 0xff, 0xff, 9],
            vec![0x91, 0, 0, 0, 1, 0, 0, 0],
        ] {
            let short = Err(FragmentError::HeaderShort);
            assert_eq!(unwrapped(&given), short, "{given:02x?}");
        }
    }

    #[test]
    fn outer_tlvs_are_whole() {
        for outer in [
            &[9][..],
            &[0, 9, 0],
            &[0, 9, 0, 1],
            &[0, 9, 0, 0, 7],
            &[0, 9, 0xff, 0xff, 7],
        ] {
            let [.., count] = outer.len().to_be_bytes();
            let given = [&[0x11, 0, 0, 0, count, 22], outer].concat();
            assert_eq!(
                unwrapped(&given),
                Err(FragmentError::OuterTlvs),
                "{given:02x?}"
            );
        }
    }

    #[test]
    fn version_1_is_all_there_is() {
        for other in [0, 2, 7] {
            let error = FragmentError::VersionNotOffered(other);
            assert_eq!(unwrapped(&[0x80 | other]), Err(error));
        }
        assert_eq!(mark(vec![0xc0, 1]), [0xc1, 1]);
        assert_eq!(write_start(&[7, 8]), [0x31, 0, 0, 0, 2, 7, 8]);
    }
}
