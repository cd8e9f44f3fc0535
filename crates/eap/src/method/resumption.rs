//! What methods with a tunnel do when a session is resumed: ask, confirm, succeed.
//!
//! ```text
//!   None ──ask──> Asked ──confirm──> Confirmed ──> success
//!    └──confirm (a full log-on: nothing to say)
//! ```

use crate::Limits;
use crate::conversation::InnerCredential;
use crate::method::MethodStep;
use crate::tls::{SessionFacts, TlsProblem};
use crate::tunnel::Tunnel;

/// Where a resumption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumption {
    /// The handshake was a full one, or is not over.
    None,
    /// The accounts are asked about the session.
    Asked,
    /// They agreed; what was to be said inside the tunnel is said.
    Confirmed,
}

impl Resumption {
    /// Asks the accounts whether what held at the full log-on still holds (E7).
    pub(crate) fn ask(&mut self, session: &SessionFacts) -> MethodStep {
        *self = Resumption::Asked;
        MethodStep::Prove(InnerCredential::Resumed {
            identity: session.authorization.identity.clone(),
            ticket: session.authorization.ticket.clone(),
        })
    }

    /// After an accepting verdict: what is still to be sent, if anything.
    pub(crate) fn confirm(
        &mut self,
        tunnel: &mut Tunnel,
        limits: Limits,
    ) -> Result<Option<Vec<u8>>, TlsProblem> {
        if *self != Resumption::Asked {
            return Ok(None);
        }
        *self = Resumption::Confirmed;
        tunnel.confirm_resumption(limits)
    }

    /// Whether only the peer's acknowledgement is missing.
    pub(crate) fn is_confirmed(self) -> bool {
        self == Resumption::Confirmed
    }
}
