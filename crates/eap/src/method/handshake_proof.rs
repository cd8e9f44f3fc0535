//! Where the handshake itself is the proof: of a resumed session, or of a client certificate.
//!
//! ```text
//!   NotAsked ──ask──> Asked ──confirm──> Confirmed ──acknowledged──> success
//!       └──confirm: the method has its own way to say it
//! ```

use crate::Limits;
use crate::conversation::InnerCredential;
use crate::method::MethodStep;
use crate::tls::TlsProblem;
use crate::tunnel::Tunnel;

/// Where the question to the accounts stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeProof {
    /// The handshake is not over, or proves nothing.
    NotAsked,
    /// The accounts are asked.
    Asked,
    /// They agreed; what was to be said inside the tunnel is said.
    Confirmed,
}

impl HandshakeProof {
    /// Asks the accounts: what is left of the handshake waits for them.
    pub(crate) fn ask(&mut self, credential: InnerCredential) -> MethodStep {
        *self = HandshakeProof::Asked;
        MethodStep::Prove(credential)
    }

    /// After an accepting verdict: what is still to be sent, if anything.
    pub(crate) fn confirm(
        &mut self,
        tunnel: &mut Tunnel,
        limits: Limits,
    ) -> Result<Option<Vec<u8>>, TlsProblem> {
        if *self != HandshakeProof::Asked {
            return Ok(None);
        }
        *self = HandshakeProof::Confirmed;
        tunnel.confirm(limits)
    }

    /// Whether only the peer's acknowledgement is missing.
    pub(crate) fn is_confirmed(self) -> bool {
        self == HandshakeProof::Confirmed
    }
}
