//! Attributes of PPP's challenge methods in an Access-Request: CHAP (RFC 2865 §5.3), MS-CHAP and
//! MS-CHAPv2 (RFC 2548 §2.1, §2.3). Only read here; who checks them is another crate.
//!
//! ```text
//! CHAP-Password      identifier (1) | response (16)
//! MS-CHAP-Response   identifier (1) | flags (1) | LM-Response (24) | NT-Response (24)
//! MS-CHAP2-Response  identifier (1) | flags (1) | Peer-Challenge (16) | zeros (8) | Response (24)
//! ```
//!
//! A change of the password by MS-CHAPv2 is in `change`.

mod change;

pub use change::EncryptedPassword;

use std::fmt;

use thiserror::Error;

use crate::attribute::vendor_attributes;
use crate::dictionary::microsoft;
use crate::reader::Reader;
use crate::{AttributeType, Packet};

/// The answer to a challenge that the NAS made up. Redacted in `Debug`: passwords can be guessed
/// against it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ChallengeCredential<'a> {
    /// CHAP.
    Chap {
        /// Of the exchange between NAS and peer.
        identifier: u8,
        /// CHAP-Challenge, or the Request Authenticator where there is none.
        challenge: &'a [u8],
        /// MD5 of identifier, password and challenge.
        response: &'a [u8; 16],
    },
    /// MS-CHAP.
    MsChap {
        /// Of the exchange; returns in MS-CHAP-Error.
        identifier: u8,
        /// MS-CHAP-Challenge.
        challenge: &'a [u8; 8],
        /// The one response that is looked at.
        nt_response: &'a [u8; 24],
    },
    /// MS-CHAPv2.
    MsChapV2 {
        /// Of the exchange; returns in MS-CHAP2-Success and MS-CHAP-Error.
        identifier: u8,
        /// MS-CHAP-Challenge.
        authenticator_challenge: &'a [u8; 16],
        /// The peer's.
        peer_challenge: &'a [u8; 16],
        /// NT-Response.
        nt_response: &'a [u8; 24],
    },
    /// A new password by MS-CHAPv2, and the response by it.
    MsChapV2Change {
        /// Of the exchange; returns in MS-CHAP2-Success and MS-CHAP-Error.
        identifier: u8,
        /// MS-CHAP-Challenge.
        authenticator_challenge: &'a [u8; 16],
        /// The peer's.
        peer_challenge: &'a [u8; 16],
        /// NT-Response by the new password.
        nt_response: &'a [u8; 24],
        /// The new password under the old NT hash.
        encrypted_password: EncryptedPassword<'a>,
        /// The old NT hash under the new one.
        encrypted_hash: &'a [u8; 16],
    },
}

/// Why a request's answer to a challenge cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum ChallengeError {
    /// Two credentials, or one twice: whose word would count (RFC 2865 §4.1)?
    #[error("the request has more than one credential")]
    Several,
    /// The response has a length that its attribute never has.
    #[error("the response has an impossible length")]
    ResponseLength,
    /// A Vendor-Specific of Microsoft's whose inner lengths do not add up to its own.
    #[error("the lengths inside a Vendor-Specific of Microsoft contradict each other")]
    VendorLength,
    /// MS-CHAP-Challenge is missing or has a length that does not go with the response.
    #[error("MS-CHAP-Challenge is missing or has an impossible length")]
    Challenge,
    /// Pieces of the new password are missing, doubled, or of a length that makes no whole.
    #[error("the new password's pieces do not make a whole")]
    Pieces,
    /// The flags say that only the LAN Manager response counts, which is broken by hand.
    #[error("the response is for LAN Manager only")]
    LanManagerOnly,
}

impl<'a> ChallengeCredential<'a> {
    /// The answer to a challenge in `request`; `None` if it has none, as with PAP and EAP.
    ///
    /// # Errors
    /// [`ChallengeError`]; the request is refused, and nothing is counted.
    pub fn read(request: &Packet<'a>) -> Result<Option<Self>, ChallengeError> {
        let ms_chap = || vendor_values(request, microsoft::MS_CHAP_RESPONSE);
        let ms_chap_v2 = || vendor_values(request, microsoft::MS_CHAP2_RESPONSE);
        let chap = || request.all(AttributeType::CHAP_PASSWORD);
        let change = || vendor_values(request, microsoft::MS_CHAP2_CPW);
        let is_password =
            |kind| kind == AttributeType::USER_PASSWORD || kind == AttributeType::ARAP_PASSWORD;
        let passwords = request
            .attributes()
            .filter(|each| is_password(each.kind))
            .count();
        let others = chap().count() + ms_chap().count() + ms_chap_v2().count() + change().count();
        if others + passwords > 1 {
            return Err(ChallengeError::Several);
        }
        if let Some(response) = chap().next() {
            return read_chap(request, response).map(Some);
        }
        // With a password it may be anything that its equipment has to say.
        if passwords == 0 && has_broken_attribute(request) {
            return Err(ChallengeError::VendorLength);
        }
        if let Some(response) = ms_chap().next() {
            return read_ms_chap(request, response).map(Some);
        }
        if let Some(value) = change().next() {
            return change::read(request, value).map(Some);
        }
        let response = ms_chap_v2().next();
        response
            .map(|response| read_ms_chap_v2(request, response))
            .transpose()
    }
}

impl fmt::Debug for ChallengeCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChallengeCredential::Chap { .. } => "Chap(hidden)",
            ChallengeCredential::MsChap { .. } => "MsChap(hidden)",
            ChallengeCredential::MsChapV2 { .. } => "MsChapV2(hidden)",
            ChallengeCredential::MsChapV2Change { .. } => "MsChapV2Change(hidden)",
        })
    }
}

fn vendor_values<'a>(request: &Packet<'a>, kind: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    request
        .all(AttributeType::VENDOR_SPECIFIC)
        .filter_map(vendor_attributes)
        .flatten()
        .filter(move |attribute| (attribute.vendor, attribute.kind) == (microsoft::VENDOR, kind))
        .map(|attribute| attribute.value)
}

/// Whether one of Microsoft's attributes cannot be read.
fn has_broken_attribute(request: &Packet<'_>) -> bool {
    let mut values = request.all(AttributeType::VENDOR_SPECIFIC);
    let vendor = microsoft::VENDOR.to_be_bytes();
    values.any(|value| value.starts_with(&vendor) && vendor_attributes(value).is_none())
}

fn read_chap<'a>(
    request: &Packet<'a>,
    response: &'a [u8],
) -> Result<ChallengeCredential<'a>, ChallengeError> {
    let (identifier, response) = response
        .split_first()
        .and_then(|(identifier, response)| Some((*identifier, response.try_into().ok()?)))
        .ok_or(ChallengeError::ResponseLength)?;
    let challenge = request.first(AttributeType::CHAP_CHALLENGE);
    Ok(ChallengeCredential::Chap {
        identifier,
        challenge: challenge.unwrap_or(request.authenticator()),
        response,
    })
}

fn read_ms_chap<'a>(
    request: &Packet<'a>,
    response: &'a [u8],
) -> Result<ChallengeCredential<'a>, ChallengeError> {
    const USE_NT_RESPONSE: u8 = 1;
    let ResponseFields {
        identifier,
        flags,
        nt_response,
        ..
    } = ResponseFields::read(response)?;
    if flags & USE_NT_RESPONSE == 0 {
        return Err(ChallengeError::LanManagerOnly);
    }
    Ok(ChallengeCredential::MsChap {
        identifier,
        challenge: challenge(request)?,
        nt_response,
    })
}

fn read_ms_chap_v2<'a>(
    request: &Packet<'a>,
    response: &'a [u8],
) -> Result<ChallengeCredential<'a>, ChallengeError> {
    let fields = ResponseFields::read(response)?;
    let (peer_challenge, _) = fields
        .middle
        .split_first_chunk()
        .ok_or(ChallengeError::ResponseLength)?;
    Ok(ChallengeCredential::MsChapV2 {
        identifier: fields.identifier,
        authenticator_challenge: challenge(request)?,
        peer_challenge,
        nt_response: fields.nt_response,
    })
}

/// The common layout of MS-CHAP-Response and MS-CHAP2-Response: 50 octets.
struct ResponseFields<'a> {
    identifier: u8,
    flags: u8,
    middle: &'a [u8; 24],
    nt_response: &'a [u8; 24],
}

impl<'a> ResponseFields<'a> {
    fn read(response: &'a [u8]) -> Result<Self, ChallengeError> {
        let mut reader = Reader::new(response);
        let mut fields = || {
            Some(ResponseFields {
                identifier: reader.octet()?,
                flags: reader.octet()?,
                middle: reader.array()?,
                nt_response: reader.array()?,
            })
        };
        fields()
            .filter(|_| reader.is_empty())
            .ok_or(ChallengeError::ResponseLength)
    }
}

/// MS-CHAP-Challenge, of the length that the response calls for.
fn challenge<'a, const N: usize>(request: &Packet<'a>) -> Result<&'a [u8; N], ChallengeError> {
    request
        .vendor(microsoft::VENDOR, microsoft::MS_CHAP_CHALLENGE)
        .and_then(|challenge| challenge.try_into().ok())
        .ok_or(ChallengeError::Challenge)
}

#[cfg(test)]
mod tests;
