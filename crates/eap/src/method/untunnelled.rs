//! EAP-MSCHAPv2 and EAP-GTC without a tunnel: the methods of `inner/`, spoken in the open.
//!
//! ```text
//!   challenge or prompt ──> response ──> verdict ──> MS-CHAPv2: our proof or error ──> end
//! ```
//! The identity is that of EAP-Response/Identity: nothing hides it, so there is no second one. There
//! is no session to resume and no binding. The key of EAP-MSCHAPv2 is no secret to whoever knows the
//! NT hash, and that of EAP-GTC does not exist.

use crate::acceptance::Acceptance;
use crate::failure::FailureCause;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::method::inner::{EapInside, InnerStep, untunnelled};
use crate::method::{Method, MethodStep};
use crate::method_name::MethodName;
use crate::packet::EapType;
use crate::stage::Stage;
use crate::untunnelled_method::UntunnelledMethod;
use crate::verdict::Verdict;

/// One conversation without a tunnel.
pub(crate) struct Untunnelled {
    method: UntunnelledMethod,
    run: Box<dyn EapInside>,
    /// As in EAP-Response/Identity.
    identity: Vec<u8>,
    /// Of the first request.
    identifier: u8,
}

impl Untunnelled {
    /// Challenges are cut from `seed`.
    pub(crate) fn new(method: UntunnelledMethod, identity: Vec<u8>, seed: &[u8; 32]) -> Self {
        Untunnelled {
            method,
            run: untunnelled(method, seed),
            identity,
            identifier: 0,
        }
    }

    fn follow(&self, step: InnerStep) -> MethodStep {
        match step {
            InnerStep::Request(request) => MethodStep::Request(without_type(request)),
            InnerStep::Authenticate(credential) => MethodStep::Authenticate(credential),
            InnerStep::Accepted(acceptance) => self.succeed(&acceptance),
            InnerStep::Failed(cause) => MethodStep::Failure(cause),
        }
    }

    /// The one place that hands out keys.
    fn succeed(&self, acceptance: &Acceptance) -> MethodStep {
        match (self.method, acceptance.inner_key()) {
            (UntunnelledMethod::Gtc, _) => MethodStep::Success(None),
            (UntunnelledMethod::MsChapV2, Some(key)) => {
                MethodStep::Success(Some(Keys::of_ms_chap_v2(key)))
            }
            (UntunnelledMethod::MsChapV2, None) => MethodStep::Failure(FailureCause::Internal),
        }
    }
}

/// The conversation writes the type octet itself.
fn without_type(mut request: Vec<u8>) -> Vec<u8> {
    request.drain(..request.len().min(1));
    request
}

impl Method for Untunnelled {
    fn eap_type(&self) -> EapType {
        self.method.eap_type()
    }

    fn start(&mut self) -> Vec<u8> {
        without_type(self.run.start(self.identifier))
    }

    fn expect_identifier(&mut self, identifier: u8) {
        self.identifier = identifier;
    }

    fn handle(&mut self, type_data: &[u8], _limits: Limits) -> MethodStep {
        let step = self.run.handle(&self.identity, type_data);
        self.follow(step)
    }

    fn handle_verdict(&mut self, verdict: Verdict, _limits: Limits) -> MethodStep {
        let step = self.run.handle_verdict(verdict);
        self.follow(step)
    }

    fn stage(&self) -> Stage {
        self.run.stage().unwrap_or(Stage::InnerAuthentication)
    }

    fn failure(&self) -> Option<FailureCause> {
        self.run.failure()
    }

    fn name(&self) -> MethodName {
        self.method.name()
    }
}
