//! Errors of the messages that come through a tunnel.

use crate::avp::AvpError;
use crate::packet::PacketError;

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
