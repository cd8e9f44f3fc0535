//! The trait of EAP methods: type-data in, a step out. One file per method.

pub(crate) mod inner;
pub(crate) mod peap;
pub(crate) mod teap;
pub(crate) mod tls;
pub(crate) mod ttls;
pub(crate) mod untunnelled;

use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::identity_type::IdentityType;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::method_name::MethodName;
use crate::packet::EapType;
use crate::stage::Stage;
use crate::tls::{SessionId, TlsVersion};
use crate::tunnel::Tunnel;
use crate::verdict::Verdict;

/// The next action of a method; the conversation adds the EAP header.
pub(crate) enum MethodStep {
    Request(Vec<u8>),
    Authenticate(InnerCredential),
    /// Look for this session outside memory; only as the first step after a ClientHello.
    Find(SessionId),
    /// With the keys, of a method that has any.
    Success(Option<Keys>),
    Failure(FailureCause),
}

/// The outcome of a message that is to go through the tunnel.
impl From<Result<Vec<u8>, FailureCause>> for MethodStep {
    fn from(sealed: Result<Vec<u8>, FailureCause>) -> Self {
        sealed.map_or_else(MethodStep::Failure, MethodStep::Request)
    }
}

/// One run of a method.
pub(crate) trait Method: Send + Sync {
    fn eap_type(&self) -> EapType;
    /// The type-data of the first request.
    fn start(&mut self) -> Vec<u8>;
    /// Tells the identifier of the request that the next step may become: some methods need it
    /// inside their tunnel or in their own header.
    fn expect_identifier(&mut self, _identifier: u8) {}
    /// Takes the type-data of a response.
    fn handle(&mut self, type_data: &[u8], limits: Limits) -> MethodStep;
    /// Goes on after [`MethodStep::Find`]; called once for each.
    fn handle_search(&mut self, _is_found: bool, _limits: Limits) -> MethodStep {
        MethodStep::Failure(FailureCause::Internal)
    }
    /// Takes the answer to [`MethodStep::Authenticate`]; called once for each.
    fn handle_verdict(&mut self, verdict: Verdict, limits: Limits) -> MethodStep;
    fn stage(&self) -> Stage;
    /// Why it will fail, once the peer has been told so and owes an acknowledgement alone.
    fn failure(&self) -> Option<FailureCause> {
        self.tunnel().and_then(Tunnel::failure)
    }
    fn name(&self) -> MethodName;
    /// The TLS version of the tunnel, once the ClientHello was read.
    fn tls_version(&self) -> Option<TlsVersion> {
        self.tunnel()?.version()
    }
    /// The identity to authenticate, or the last one.
    fn identity_type(&self) -> IdentityType {
        IdentityType::User
    }
    /// The tunnel, whose session is kept when the log-on succeeds.
    fn tunnel(&self) -> Option<&Tunnel> {
        None
    }
}
