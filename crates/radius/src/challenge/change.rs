//! A new password by MS-CHAPv2 (RFC 2548 §2.1.4, §2.3.4), which is too long for one attribute.
//!
//! ```text
//! MS-CHAP2-CPW       code (1) = 7 | identifier (1) | Encrypted-Hash (16) | Peer-Challenge (16)
//!                    | zeros (8) | NT-Response (24) | flags (2)
//! MS-CHAP-NT-Enc-PW  code (1) = 6 | identifier (1) | sequence (2) = 1, 2, 3 | piece
//! ```
//! The RFC counts Peer-Challenge and zeros as one field of 24 octets; peers send what is above.

use super::{ChallengeCredential, ChallengeError, challenge, vendor_values};
use crate::Packet;
use crate::dictionary::microsoft;
use crate::reader::Reader;

/// Octets of the whole.
const WHOLE: usize = 516;
/// Pieces: of at most 243 octets each, so fewer do not do.
const PIECES: usize = 3;
const CODE: u8 = 7;
/// That of the older MS-CHAP-CPW-2, which the pieces keep.
const CODE_OF_PIECES: u8 = 6;

/// Encrypted-Password of 516 octets, as its pieces are found in the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncryptedPassword<'a> {
    pieces: [&'a [u8]; PIECES],
}

impl<'a> EncryptedPassword<'a> {
    /// The pieces put together.
    pub fn whole(&self) -> [u8; WHOLE] {
        let mut whole = [0; WHOLE];
        let octets = self.pieces.iter().copied().flatten();
        for (to, from) in whole.iter_mut().zip(octets) {
            *to = *from;
        }
        whole
    }

    fn read(request: &Packet<'a>, identifier: u8) -> Option<Self> {
        let mut pieces: [Option<&'a [u8]>; PIECES] = [None; PIECES];
        for value in vendor_values(request, microsoft::MS_CHAP_NT_ENC_PW) {
            let ([CODE_OF_PIECES, ident, high, low], piece) = value.split_first_chunk()? else {
                return None;
            };
            let sequence = usize::from(u16::from_be_bytes([*high, *low]));
            let slot = pieces.get_mut(sequence.checked_sub(1)?)?;
            if *ident != identifier || slot.replace(piece).is_some() {
                return None;
            }
        }
        let [first, second, third] = pieces;
        let pieces = [first?, second?, third?];
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        (total == WHOLE).then_some(EncryptedPassword { pieces })
    }
}

/// Reads the value of MS-CHAP2-CPW, and what belongs to it.
pub(super) fn read<'a>(
    request: &Packet<'a>,
    value: &'a [u8],
) -> Result<ChallengeCredential<'a>, ChallengeError> {
    let fields = Fields::read(value).ok_or(ChallengeError::ResponseLength)?;
    let encrypted_password = EncryptedPassword::read(request, fields.identifier);
    Ok(ChallengeCredential::MsChapV2Change {
        identifier: fields.identifier,
        authenticator_challenge: challenge(request)?,
        peer_challenge: fields.peer_challenge,
        nt_response: fields.nt_response,
        encrypted_password: encrypted_password.ok_or(ChallengeError::Pieces)?,
        encrypted_hash: fields.encrypted_hash,
    })
}

struct Fields<'a> {
    identifier: u8,
    encrypted_hash: &'a [u8; 16],
    peer_challenge: &'a [u8; 16],
    nt_response: &'a [u8; 24],
}

impl<'a> Fields<'a> {
    fn read(value: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let (code, identifier) = (reader.octet()?, reader.octet()?);
        let (encrypted_hash, peer_challenge) = (reader.array()?, reader.array()?);
        let _zeros: &[u8; 8] = reader.array()?;
        let nt_response = reader.array()?;
        let _flags: &[u8; 2] = reader.array()?;
        (code == CODE && reader.is_empty()).then_some(Fields {
            identifier,
            encrypted_hash,
            peer_challenge,
            nt_response,
        })
    }
}
