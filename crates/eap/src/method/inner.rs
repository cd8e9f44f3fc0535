//! What happens inside a tunnel: which inner methods there are, and how their messages go wrong.
//!
//! EAP as an inner method is the same in EAP-TTLS, PEAP and TEAP but for its wrapping, which is theirs.

mod eap;
mod eap_tls;
mod gtc;
mod md5;
pub(crate) mod ms_chap_v2;

pub(crate) use eap::InnerEap;
pub use ms_chap_v2::MsChapV2Error;

use super::ttls::avp::AvpError;
use crate::conversation::{Acceptance, FailureCause, InnerCredential, Stage};
use crate::packet::{EapType, PacketError};
use crate::tls::MethodTls;
use std::sync::Arc;

/// Most octets of a name: what RADIUS can carry (RFC 7542 §2.3).
pub(crate) const IDENTITY_AT_MOST: usize = 253;
/// Most octets of a password: bounds what is hashed. RFC 2865 stops at 128.
pub(crate) const PASSWORD_AT_MOST: usize = 1024;

/// A method inside a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InnerMethod {
    /// The password as such, in EAP-TTLS.
    Pap,
    /// RFC 1994, in EAP-TTLS.
    Chap,
    /// RFC 2433, in EAP-TTLS.
    MsChap,
    /// RFC 2759, in EAP-TTLS.
    MsChapV2,
    /// EAP-MSCHAPv2, in EAP-TTLS or PEAP.
    EapMsChapV2,
    /// EAP-GTC, which carries the password as such, in EAP-TTLS or PEAP.
    EapGtc,
    /// Name and password as such, in TEAP (Basic-Password-Auth).
    Password,
    /// EAP-MD5, which is CHAP by another name, in EAP-TTLS.
    EapMd5,
    /// EAP-TLS, where even the device's name is hidden, in EAP-TTLS or PEAP.
    EapTls,
    /// Some EAP method, not agreed on yet; cannot be offered by itself.
    Eap,
}

impl InnerMethod {
    /// `"pap"`, `"chap"`, `"mschap"`, `"mschapv2"`, `"eap-mschapv2"`, `"eap-gtc"`, `"password"`,
    /// `"eap-md5"`, `"eap-tls"`, `"eap"`.
    pub fn label(self) -> &'static str {
        match self {
            InnerMethod::Pap => "pap",
            InnerMethod::Chap => "chap",
            InnerMethod::MsChap => "mschap",
            InnerMethod::MsChapV2 => "mschapv2",
            InnerMethod::EapMsChapV2 => "eap-mschapv2",
            InnerMethod::EapGtc => "eap-gtc",
            InnerMethod::Password => "password",
            InnerMethod::EapMd5 => "eap-md5",
            InnerMethod::EapTls => "eap-tls",
            InnerMethod::Eap => "eap",
        }
    }

    /// Its type octet, where it is an EAP method.
    pub fn eap_type(self) -> Option<EapType> {
        match self {
            InnerMethod::EapMsChapV2 => Some(EapType::MS_CHAP_V2),
            InnerMethod::EapGtc => Some(EapType::GTC),
            InnerMethod::EapMd5 => Some(EapType::MD5_CHALLENGE),
            InnerMethod::EapTls => Some(EapType::TLS),
            _ => None,
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
    /// A response of CHAP or its kin that has another length than RFC 2865 or 2548 give it.
    #[error("AVP {0} has the wrong length")]
    WrongLength(u32),
    /// A response of CHAP or its kin, and no challenge that it would answer.
    #[error("a response without its challenge")]
    NoChallenge,
    /// RFC 5281 §11.2.2: a response to any challenge but that of this tunnel may be a replay.
    #[error("the response answers another challenge than this tunnel's")]
    WrongChallenge,
    /// An MS-CHAP response that only holds the LAN Manager part, which a home computer breaks.
    #[error("an MS-CHAP response without its NT part")]
    LanManagerOnly,
    /// Not EAP.
    #[error("EAP inside the tunnel: {0}")]
    Packet(#[from] PacketError),
    /// A Request, Success or Failure: not from a peer.
    #[error("an EAP packet inside the tunnel that is no Response")]
    NotAResponse,
    /// A response of another type than the request inside the tunnel.
    #[error("a response inside the tunnel that answers another request")]
    Unasked,
    /// An identity of more than 253 octets, or a password of more than 1,024.
    #[error("a name or password inside the tunnel is too long")]
    CredentialTooLong,
    /// An EAP-MSCHAPv2 message that is cut off, whose MS-Length is not its length, or whose code is
    /// out of turn.
    #[error("a broken EAP-MSCHAPv2 message")]
    MsChapV2,
    /// An EAP-MD5 response whose digest is not sixteen octets.
    #[error("a broken EAP-MD5 response")]
    Md5,
    /// TLVs of PEAP that are cut off, or say nothing about the result.
    #[error("a broken or missing Result TLV")]
    Tlv,
    /// A TLV of TEAP that is cut off, malformed, there twice, or not for a server.
    #[error("TLV {0} is broken, there twice, or not for us")]
    TeapTlv(u16),
    /// RFC 9930 §4.2: who does not know a mandatory TLV must say so; the device sent it all the
    /// same.
    #[error("an unknown mandatory TLV ({0})")]
    MandatoryTlvUnknown(u16),
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
            InnerError::WrongLength(_) => "avp-wrong-length",
            InnerError::NoChallenge => "no-challenge",
            InnerError::WrongChallenge => "wrong-challenge",
            InnerError::LanManagerOnly => "lan-manager-only",
            InnerError::Packet(error) => error.label(),
            InnerError::NotAResponse => "inner-not-a-response",
            InnerError::Unasked => "inner-unasked",
            InnerError::CredentialTooLong => "inner-credential-too-long",
            InnerError::MsChapV2 => "ms-chap-v2-malformed",
            InnerError::Md5 => "eap-md5-malformed",
            InnerError::Tlv => "result-tlv-malformed",
            InnerError::TeapTlv(_) => "tlv-malformed",
            InnerError::MandatoryTlvUnknown(_) => "mandatory-tlv-unknown",
        }
    }
}

/// What may be spoken inside a tunnel. Cheap to clone.
#[derive(Clone)]
pub(crate) struct InnerOffer {
    /// EAP methods are offered in this order; the client chooses between the others.
    pub(crate) methods: Arc<[InnerMethod]>,
    /// The TLS side of EAP-TLS, where that is among them.
    pub(crate) certified: Option<Arc<MethodTls>>,
}

/// What inner EAP wants done next.
pub(crate) enum InnerStep {
    /// Type octet and type-data of the next request; the tunnel's method wraps them.
    Request(Vec<u8>),
    Authenticate(InnerCredential),
    Accepted(Acceptance),
    Failed(FailureCause),
}

/// One run of an EAP method inside the tunnel.
trait EapInside: Send + Sync {
    fn method(&self) -> InnerMethod;
    /// Type octet and type-data of the first request.
    fn start(&mut self, identifier: u8) -> Vec<u8>;
    /// Takes the type-data of a response; `identity` is what the peer called itself.
    fn handle(&mut self, identity: &[u8], type_data: &[u8]) -> InnerStep;
    /// Takes the answer to [`InnerStep::Authenticate`]; called once for each.
    fn handle_verdict(&mut self, verdict: crate::Verdict) -> InnerStep;
    /// Where it stands, if it has stages of its own.
    fn stage(&self) -> Option<Stage> {
        None
    }
    /// Why it will fail, once the peer has been told so and owes an acknowledgement alone.
    fn failure(&self) -> Option<FailureCause> {
        None
    }
}
