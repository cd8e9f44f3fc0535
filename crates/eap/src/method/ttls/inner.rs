//! What the client says inside the tunnel: which inner method, who, and with what (RFC 5281 §11).

use super::avp::{Avp, AvpError, Avps};

const USER_NAME: u32 = 1;
const USER_PASSWORD: u32 = 2;
const CHAP_PASSWORD: u32 = 3;
const CHAP_CHALLENGE: u32 = 60;
const EAP_MESSAGE: u32 = 79;
const MICROSOFT: u32 = 311;
const MS_CHAP_RESPONSE: u32 = 1;
const MS_CHAP_CHALLENGE: u32 = 11;
const MS_CHAP2_RESPONSE: u32 = 25;

/// Most octets of a name: what RADIUS can carry (RFC 7542 §2.3).
const IDENTITY_AT_MOST: usize = 253;
/// Most octets of a password: bounds what is hashed. RFC 2865 stops at 128.
const PASSWORD_AT_MOST: usize = 1024;

/// An inner method that a client may choose in EAP-TTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InnerMethod {
    /// The password as such.
    Pap,
    /// RFC 1994.
    Chap,
    /// RFC 2433.
    MsChap,
    /// RFC 2759.
    MsChapV2,
    /// An EAP method in the tunnel.
    Eap,
}

impl InnerMethod {
    /// `"pap"`, `"chap"`, `"mschap"`, `"mschapv2"`, `"eap"`.
    pub fn label(self) -> &'static str {
        match self {
            InnerMethod::Pap => "pap",
            InnerMethod::Chap => "chap",
            InnerMethod::MsChap => "mschap",
            InnerMethod::MsChapV2 => "mschapv2",
            InnerMethod::Eap => "eap",
        }
    }
}

/// Why the client's message through the tunnel asks for nothing that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InnerError {
    /// Not AVPs.
    #[error(transparent)]
    Avp(#[from] AvpError),
    /// RFC 5281 §10.1: who does not know a mandatory AVP must fail.
    #[error("an unknown mandatory AVP (vendor {vendor}, code {code})")]
    MandatoryUnknown {
        /// SMI number, or 0.
        vendor: u32,
        /// AVP code.
        code: u32,
    },
    /// Two names, or two passwords: nobody can say which counts.
    #[error("AVP {0} is there twice")]
    Repeated(u32),
    /// A password beside another kind of credential.
    #[error("more than one kind of credential")]
    Ambiguous,
    /// No User-Name.
    #[error("no User-Name")]
    NoIdentity,
    /// A User-Name and nothing to prove it.
    #[error("no credential")]
    NoCredential,
    /// A name of more than 253 or a password of more than 1,024 octets.
    #[error("AVP {0} is too long")]
    TooLong(u32),
}

impl InnerError {
    /// A stable name for corpus files and counters.
    pub fn label(self) -> &'static str {
        match self {
            InnerError::Avp(error) => error.label(),
            InnerError::MandatoryUnknown { .. } => "mandatory-avp-unknown",
            InnerError::Repeated(_) => "avp-repeated",
            InnerError::Ambiguous => "credential-ambiguous",
            InnerError::NoIdentity => "no-identity",
            InnerError::NoCredential => "no-credential",
            InnerError::TooLong(_) => "avp-too-long",
        }
    }
}

/// What the client asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum InnerRequest<'a> {
    /// User-Name and User-Password.
    Pap {
        /// As sent; at most 253 octets, may be empty.
        identity: &'a [u8],
        /// Without the trailing NULs; at most 1,024 octets, may be empty.
        password: &'a [u8],
    },
    /// Another inner method.
    Other(InnerMethod),
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
}

#[derive(Default)]
struct Found<'a> {
    identity: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    other: Option<InnerMethod>,
}

impl<'a> Found<'a> {
    fn take(&mut self, avp: Avp<'a>) -> Result<(), InnerError> {
        match (avp.vendor, avp.code) {
            (0, USER_NAME) => set_once(&mut self.identity, avp),
            (0, USER_PASSWORD) => set_once(&mut self.password, avp),
            (0, CHAP_PASSWORD) => self.set_other(InnerMethod::Chap),
            (0, EAP_MESSAGE) => self.set_other(InnerMethod::Eap),
            (MICROSOFT, MS_CHAP_RESPONSE) => self.set_other(InnerMethod::MsChap),
            (MICROSOFT, MS_CHAP2_RESPONSE) => self.set_other(InnerMethod::MsChapV2),
            (0, CHAP_CHALLENGE) | (MICROSOFT, MS_CHAP_CHALLENGE) => Ok(()),
            (vendor, code) if avp.mandatory => Err(InnerError::MandatoryUnknown { vendor, code }),
            _ => Ok(()),
        }
    }

    /// An EAP packet may be cut into several EAP-Message AVPs, so the same again is fine.
    fn set_other(&mut self, method: InnerMethod) -> Result<(), InnerError> {
        match self.other.replace(method) {
            Some(before) if before != method => Err(InnerError::Ambiguous),
            _ => Ok(()),
        }
    }

    fn conclude(self) -> Result<InnerRequest<'a>, InnerError> {
        match (self.password, self.other) {
            (Some(_), Some(_)) => Err(InnerError::Ambiguous),
            (None, Some(method)) => Ok(InnerRequest::Other(method)),
            (None, None) => Err(InnerError::NoCredential),
            (Some(password), None) => {
                self.identity
                    .ok_or(InnerError::NoIdentity)
                    .and_then(|identity| {
                        let password = without_trailing_nuls(password);
                        at_most(USER_NAME, identity, IDENTITY_AT_MOST)?;
                        at_most(USER_PASSWORD, password, PASSWORD_AT_MOST)?;
                        Ok(InnerRequest::Pap { identity, password })
                    })
            }
        }
    }
}

fn set_once<'a>(slot: &mut Option<&'a [u8]>, avp: Avp<'a>) -> Result<(), InnerError> {
    match slot.replace(avp.value) {
        Some(_) => Err(InnerError::Repeated(avp.code)),
        None => Ok(()),
    }
}

fn at_most(code: u32, value: &[u8], limit: usize) -> Result<(), InnerError> {
    if value.len() > limit {
        Err(InnerError::TooLong(code))
    } else {
        Ok(())
    }
}

/// Clients pad the password with NULs to hide its length (RFC 5281 §11.2.5).
fn without_trailing_nuls(mut password: &[u8]) -> &[u8] {
    while let Some(shorter) = password.strip_suffix(&[0]) {
        password = shorter;
    }
    password
}
