//! The accounts' yes, as a value: made from an accepting verdict alone, carried until the end.

use super::{FailureCause, Verdict};
use crate::keys::InnerKey;

/// Proof that the accounts let this credential in.
pub(crate) struct Acceptance {
    inner_key: Option<InnerKey>,
}

impl Acceptance {
    /// What the inner method leaves to both ends, where the accounts told it.
    pub(crate) fn inner_key(&self) -> Option<&InnerKey> {
        self.inner_key.as_ref()
    }
}

impl Verdict {
    /// For credentials whose peer wants no proof in return.
    ///
    /// # Errors
    /// [`FailureCause::Refused`], or `Internal` for a verdict on another kind of credential.
    pub(crate) fn into_acceptance(self) -> Result<Acceptance, FailureCause> {
        match self {
            Verdict::Accepted => Ok(Acceptance { inner_key: None }),
            Verdict::AcceptedMsChapV2 { .. } => Err(FailureCause::Internal),
            Verdict::Refused => Err(FailureCause::Refused),
        }
    }

    /// For MS-CHAPv2: with the authenticator response.
    ///
    /// # Errors
    /// [`FailureCause::Refused`], or `Internal` for a verdict on another kind of credential.
    pub(crate) fn into_ms_chap_v2(self) -> Result<([u8; 42], Acceptance), FailureCause> {
        match self {
            Verdict::AcceptedMsChapV2 {
                authenticator_response,
                inner_key,
            } => Ok((authenticator_response, Acceptance { inner_key })),
            Verdict::Accepted => Err(FailureCause::Internal),
            Verdict::Refused => Err(FailureCause::Refused),
        }
    }
}
