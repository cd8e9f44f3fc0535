//! Acceptance of a credential, as a value: made from an accepting verdict alone, carried until the
//! end.

use crate::failure::FailureCause;
use crate::keys::InnerKey;
use crate::ms_chap_v2_error::MsChapV2Error;
use crate::verdict::Verdict;
use rustls::pki_types::CertificateDer;

/// Proof that the caller accepted this credential.
pub(crate) struct Acceptance {
    inner_key: Option<InnerKey>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Acceptance {
    fn new(inner_key: Option<InnerKey>) -> Self {
        Acceptance {
            inner_key,
            certificates: Vec::new(),
        }
    }

    /// The same for EAP-TLS inside a tunnel: with its key, and the chain that it rests on.
    pub(crate) fn of_certificate(
        self,
        inner_key: InnerKey,
        certificates: Vec<CertificateDer<'static>>,
    ) -> Self {
        Acceptance {
            inner_key: Some(inner_key),
            certificates,
        }
    }

    /// Key of the inner method, which both ends have, where the method or the caller gave it.
    pub(crate) fn inner_key(&self) -> Option<&InnerKey> {
        self.inner_key.as_ref()
    }

    /// The chain that the device showed inside the tunnel, leaf first; empty where none was asked
    /// for.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

impl Verdict {
    /// For credentials whose peer wants no proof in return.
    ///
    /// # Errors
    /// [`FailureCause::Refused`], or `Internal` for a verdict on another kind of credential.
    pub(crate) fn into_acceptance(self) -> Result<Acceptance, FailureCause> {
        match self {
            Verdict::Accepted => Ok(Acceptance::new(None)),
            Verdict::AcceptedMsChapV2 { .. } => Err(FailureCause::Internal),
            _ => Err(FailureCause::Refused),
        }
    }

    /// For MS-CHAPv2: our proof, or what the peer is told.
    pub(crate) fn into_ms_chap_v2(self) -> MsChapV2Verdict {
        match self {
            Verdict::AcceptedMsChapV2 {
                authenticator_response,
                inner_key,
            } => MsChapV2Verdict::Accepted(authenticator_response, Acceptance::new(inner_key)),
            Verdict::Accepted => MsChapV2Verdict::Misfit,
            Verdict::Refused => MsChapV2Verdict::Refused(MsChapV2Error::AuthenticationFailure),
            Verdict::RefusedBecause(error) => MsChapV2Verdict::Refused(error),
            Verdict::Retry { challenge } => MsChapV2Verdict::Retry(challenge),
            Verdict::ChangePassword { challenge } => MsChapV2Verdict::ChangePassword(challenge),
        }
    }
}

/// A verdict, as MS-CHAPv2 understands it.
pub(crate) enum MsChapV2Verdict {
    /// With the authenticator response.
    Accepted([u8; 42], Acceptance),
    /// With what the peer is told.
    Refused(MsChapV2Error),
    /// With the next challenge.
    Retry([u8; 16]),
    /// With the challenge for the new password.
    ChangePassword([u8; 16]),
    /// One on another kind of credential: our bug, and nobody gets in by it.
    Misfit,
}
