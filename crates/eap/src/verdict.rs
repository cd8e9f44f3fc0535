//! The answer of the caller about a credential.

use crate::keys::InnerKey;
use crate::ms_chap_v2_error::MsChapV2Error;

/// The caller's answer to [`Step::Authenticate`](crate::Step::Authenticate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in. Not for [`InnerCredential::MsChapV2`](crate::InnerCredential::MsChapV2) and its password change, whose peer wants our
    /// proof in return.
    Accepted,
    /// Let in, and the proof that we know the password too.
    AcceptedMsChapV2 {
        /// `"S="` and 40 hexadecimal digits (RFC 2759 §8.7).
        authenticator_response: [u8; 42],
        /// Keys of MS-CHAPv2, which both ends have (RFC 3079 §3.3): MasterReceiveKey, then
        /// MasterSendKey, as the server sees them. With it PEAP offers crypto-binding.
        inner_key: Option<InnerKey>,
    },
    /// Not.
    Refused,
    /// Not, and an MS-CHAPv2 peer may be told why, as it has proven its password (I6). Any other
    /// peer learns no more than from [`Verdict::Refused`].
    RefusedBecause(MsChapV2Error),
    /// Not, but an EAP-MSCHAPv2 peer may answer once more. For any other it is
    /// [`Verdict::Refused`].
    Retry {
        /// Challenge of the next response; never used before.
        challenge: [u8; 16],
    },
    /// Not, for the password has expired, but an EAP-MSCHAPv2 peer may change it. For any other it
    /// is [`Verdict::Refused`]. As with [`Verdict::RefusedBecause`], only for who has proven it.
    ChangePassword {
        /// Challenge of the next response; never used before.
        challenge: [u8; 16],
    },
}

impl Verdict {
    /// Whether it lets in.
    pub fn is_accepting(&self) -> bool {
        match self {
            Verdict::Accepted | Verdict::AcceptedMsChapV2 { .. } => true,
            Verdict::Refused
            | Verdict::RefusedBecause(_)
            | Verdict::Retry { .. }
            | Verdict::ChangePassword { .. } => false,
        }
    }
}
