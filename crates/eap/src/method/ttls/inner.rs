//! The client's first message inside the tunnel: inner method, identity and credential (RFC 5281
//! §11).

use crate::avp::{Avp, Avps};
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::method::inner::{IDENTITY_AT_MOST, PASSWORD_AT_MOST};
use crate::reader::{Reader, Short};
use std::borrow::Cow;

const USER_NAME: u32 = 1;
const USER_PASSWORD: u32 = 2;
const CHAP_PASSWORD: u32 = 3;
const CHAP_CHALLENGE: u32 = 60;
pub(super) const EAP_MESSAGE: u32 = 79;
pub(super) const MICROSOFT: u32 = 311;
const MS_CHAP_RESPONSE: u32 = 1;
const MS_CHAP_CHALLENGE: u32 = 11;
const MS_CHAP2_RESPONSE: u32 = 25;

/// Of the Flags of MS-CHAP-Response: the NT part is there (RFC 2548 §2.1.3).
const USE_NT_RESPONSE: u8 = 0x01;

/// The inner method that a client begins, with its identity and credential.
#[derive(Clone, PartialEq, Eq)]
pub enum InnerRequest<'a> {
    /// User-Name and User-Password.
    Pap {
        /// As sent; at most 253 octets, may be empty.
        identity: &'a [u8],
        /// Without the trailing NULs; at most 1,024 octets, may be empty.
        password: &'a [u8],
    },
    /// User-Name, CHAP-Password and CHAP-Challenge (§11.2.2).
    Chap {
        /// As sent; at most 253 octets, may be empty.
        identity: &'a [u8],
        /// Not yet compared with the tunnel's.
        challenge: &'a [u8],
        /// First octet of CHAP-Password.
        identifier: u8,
        /// The rest of it.
        response: [u8; 16],
    },
    /// User-Name, MS-CHAP-Response and MS-CHAP-Challenge (§11.2.3).
    MsChap {
        /// As sent; at most 253 octets, may be empty.
        identity: &'a [u8],
        /// Not yet compared with the tunnel's.
        challenge: &'a [u8],
        /// Ident of the response.
        identifier: u8,
        /// Its last 24 octets.
        nt_response: [u8; 24],
    },
    /// User-Name, MS-CHAP2-Response and MS-CHAP-Challenge (§11.2.4).
    MsChapV2 {
        /// As sent; at most 253 octets, may be empty.
        identity: &'a [u8],
        /// Not yet compared with the tunnel's.
        challenge: &'a [u8],
        /// Ident of the response.
        identifier: u8,
        /// The peer's own challenge.
        peer_challenge: [u8; 16],
        /// Its last 24 octets.
        nt_response: [u8; 24],
    },
    /// EAP-Message (§11.2.1): one packet, of one piece or several.
    Eap(Cow<'a, [u8]>),
}

impl<'a> InnerRequest<'a> {
    /// Reads the AVPs of the client's first message through the tunnel.
    ///
    /// # Errors
    /// [`InnerError`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, InnerError> {
        let mut found = Found::default();
        for avp in Avps::new(bytes) {
            found.take(avp?)?;
        }
        found.conclude()
    }

    /// Which inner method this is.
    pub fn method(&self) -> InnerMethod {
        match self {
            InnerRequest::Pap { .. } => InnerMethod::Pap,
            InnerRequest::Chap { .. } => InnerMethod::Chap,
            InnerRequest::MsChap { .. } => InnerMethod::MsChap,
            InnerRequest::MsChapV2 { .. } => InnerMethod::MsChapV2,
            InnerRequest::Eap(_) => InnerMethod::Eap,
        }
    }
}

/// The AVP that proves something, by its number.
enum Credential<'a> {
    Password(&'a [u8]),
    Chap(&'a [u8]),
    MsChap(&'a [u8]),
    MsChapV2(&'a [u8]),
    Eap(Cow<'a, [u8]>),
}

#[derive(Default)]
struct Found<'a> {
    identity: Option<&'a [u8]>,
    chap_challenge: Option<&'a [u8]>,
    ms_chap_challenge: Option<&'a [u8]>,
    credential: Option<Credential<'a>>,
}

impl<'a> Found<'a> {
    fn take(&mut self, avp: Avp<'a>) -> Result<(), InnerError> {
        match (avp.vendor, avp.code) {
            (0, USER_NAME) => set_once(&mut self.identity, avp),
            (0, CHAP_CHALLENGE) => set_once(&mut self.chap_challenge, avp),
            (MICROSOFT, MS_CHAP_CHALLENGE) => set_once(&mut self.ms_chap_challenge, avp),
            (0, USER_PASSWORD) => self.set(avp, Credential::Password(avp.value)),
            (0, CHAP_PASSWORD) => self.set(avp, Credential::Chap(avp.value)),
            (MICROSOFT, MS_CHAP_RESPONSE) => self.set(avp, Credential::MsChap(avp.value)),
            (MICROSOFT, MS_CHAP2_RESPONSE) => self.set(avp, Credential::MsChapV2(avp.value)),
            (0, EAP_MESSAGE) => self.append_eap(avp),
            (vendor, code) if avp.mandatory => Err(InnerError::MandatoryUnknown { vendor, code }),
            _ => Ok(()),
        }
    }

    fn set(&mut self, avp: Avp<'a>, credential: Credential<'a>) -> Result<(), InnerError> {
        match &self.credential {
            None => {
                self.credential = Some(credential);
                Ok(())
            }
            Some(before)
                if std::mem::discriminant(before) == std::mem::discriminant(&credential) =>
            {
                Err(InnerError::Repeated(avp.code))
            }
            Some(_) => Err(InnerError::Ambiguous),
        }
    }

    /// An EAP packet may be cut into several EAP-Message AVPs.
    fn append_eap(&mut self, avp: Avp<'a>) -> Result<(), InnerError> {
        match &mut self.credential {
            Some(Credential::Eap(packet)) => {
                packet.to_mut().extend_from_slice(avp.value);
                Ok(())
            }
            _ => self.set(avp, Credential::Eap(Cow::Borrowed(avp.value))),
        }
    }

    fn conclude(self) -> Result<InnerRequest<'a>, InnerError> {
        let identity = self.identity.ok_or(InnerError::NoIdentity);
        match self.credential.ok_or(InnerError::NoCredential)? {
            Credential::Eap(packet) => Ok(InnerRequest::Eap(packet)),
            Credential::Password(password) => read_pap(identity?, password),
            Credential::Chap(value) => read_chap(identity?, self.chap_challenge, value),
            Credential::MsChap(value) => read_ms_chap(identity?, self.ms_chap_challenge, value),
            Credential::MsChapV2(value) => {
                read_ms_chap_v2(identity?, self.ms_chap_challenge, value)
            }
        }
    }
}

fn read_pap<'a>(identity: &'a [u8], password: &'a [u8]) -> Result<InnerRequest<'a>, InnerError> {
    let password = without_trailing_nuls(password);
    Ok(InnerRequest::Pap {
        identity: at_most(USER_NAME, identity, IDENTITY_AT_MOST)?,
        password: at_most(USER_PASSWORD, password, PASSWORD_AT_MOST)?,
    })
}

fn read_chap<'a>(
    identity: &'a [u8],
    challenge: Option<&'a [u8]>,
    value: &[u8],
) -> Result<InnerRequest<'a>, InnerError> {
    let (identifier, response) = read_whole(value, |reader| Ok((reader.u8()?, reader.array()?)))
        .ok_or(InnerError::WrongLength(CHAP_PASSWORD))?;
    Ok(InnerRequest::Chap {
        identity: at_most(USER_NAME, identity, IDENTITY_AT_MOST)?,
        challenge: challenge.ok_or(InnerError::NoChallenge)?,
        identifier,
        response,
    })
}

/// Ident, Flags, LM-Response (24), NT-Response (24): RFC 2548 §2.1.3.
fn read_ms_chap<'a>(
    identity: &'a [u8],
    challenge: Option<&'a [u8]>,
    value: &[u8],
) -> Result<InnerRequest<'a>, InnerError> {
    let (identifier, flags, nt_response) = read_whole(value, |reader| {
        let (identifier, flags) = (reader.u8()?, reader.u8()?);
        let _lan_manager = reader.take(24)?;
        Ok((identifier, flags, reader.array()?))
    })
    .ok_or(InnerError::WrongLength(MS_CHAP_RESPONSE))?;
    if flags & USE_NT_RESPONSE == 0 {
        return Err(InnerError::LanManagerOnly);
    }
    Ok(InnerRequest::MsChap {
        identity: at_most(USER_NAME, identity, IDENTITY_AT_MOST)?,
        challenge: challenge.ok_or(InnerError::NoChallenge)?,
        identifier,
        nt_response,
    })
}

/// Ident, Flags, Peer-Challenge (16), reserved (8), Response (24): RFC 2548 §2.3.2.
fn read_ms_chap_v2<'a>(
    identity: &'a [u8],
    challenge: Option<&'a [u8]>,
    value: &[u8],
) -> Result<InnerRequest<'a>, InnerError> {
    let (identifier, peer_challenge, nt_response) = read_whole(value, |reader| {
        let (identifier, _flags) = (reader.u8()?, reader.u8()?);
        let peer_challenge = reader.array()?;
        let _reserved = reader.take(8)?;
        Ok((identifier, peer_challenge, reader.array()?))
    })
    .ok_or(InnerError::WrongLength(MS_CHAP2_RESPONSE))?;
    Ok(InnerRequest::MsChapV2 {
        identity: at_most(USER_NAME, identity, IDENTITY_AT_MOST)?,
        challenge: challenge.ok_or(InnerError::NoChallenge)?,
        identifier,
        peer_challenge,
        nt_response,
    })
}

/// Reads a value of fixed length: short and trailing octets are both wrong.
fn read_whole<'a, T>(
    value: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Short>,
) -> Option<T> {
    let mut reader = Reader::new(value);
    read(&mut reader).ok().filter(|_| reader.is_empty())
}

fn set_once<'a>(slot: &mut Option<&'a [u8]>, avp: Avp<'a>) -> Result<(), InnerError> {
    match slot.replace(avp.value) {
        Some(_) => Err(InnerError::Repeated(avp.code)),
        None => Ok(()),
    }
}

fn at_most(code: u32, value: &[u8], limit: usize) -> Result<&[u8], InnerError> {
    if value.len() > limit {
        Err(InnerError::TooLong(code))
    } else {
        Ok(value)
    }
}

/// Clients pad the password with NULs to hide its length (RFC 5281 §11.2.5).
fn without_trailing_nuls(mut password: &[u8]) -> &[u8] {
    while let Some(shorter) = password.strip_suffix(&[0]) {
        password = shorter;
    }
    password
}
