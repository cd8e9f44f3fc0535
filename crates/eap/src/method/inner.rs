//! Methods inside a tunnel, and the steps that they share.
//!
//! EAP as an inner method is the same in EAP-TTLS, PEAP and TEAP but for its wrapping, which is
//! theirs.

mod eap;
mod eap_tls;
mod gtc;
mod md5;
pub(crate) mod ms_chap_v2;

pub(crate) use eap::InnerEap;

use crate::acceptance::Acceptance;
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::inner_method::InnerMethod;

use crate::stage::Stage;
use crate::tls::MethodTls;
use crate::untunnelled_method::UntunnelledMethod;
use crate::verdict::Verdict;
use std::sync::Arc;

/// Most octets of a name: what RADIUS can carry (RFC 7542 §2.3).
pub(crate) const IDENTITY_AT_MOST: usize = 253;
/// Most octets of a password: bounds what is hashed. RFC 2865 stops at 128.
pub(crate) const PASSWORD_AT_MOST: usize = 1024;

/// Inner methods offered inside a tunnel. Cheap to clone.
#[derive(Clone)]
pub(crate) struct InnerOffer {
    /// EAP methods are offered in this order; the client chooses between the others.
    pub(crate) methods: Arc<[InnerMethod]>,
    /// The TLS side of EAP-TLS, where that is among them.
    pub(crate) certified: Option<Arc<MethodTls>>,
}

/// The next action of inner EAP.
pub(crate) enum InnerStep {
    /// Type octet and type-data of the next request; the tunnel's method wraps them.
    Request(Vec<u8>),
    Authenticate(InnerCredential),
    Accepted(Acceptance),
    Failed(FailureCause),
}

/// One run of an EAP method inside the tunnel, or without one.
pub(crate) trait EapInside: Send + Sync {
    fn method(&self) -> InnerMethod;
    /// Type octet and type-data of the first request.
    fn start(&mut self, identifier: u8) -> Vec<u8>;
    /// Takes the type-data of a response; `identity` is what the peer called itself.
    fn handle(&mut self, identity: &[u8], type_data: &[u8]) -> InnerStep;
    /// Takes the answer to [`InnerStep::Authenticate`]; called once for each.
    fn handle_verdict(&mut self, verdict: Verdict) -> InnerStep {
        match verdict.into_acceptance() {
            Ok(acceptance) => InnerStep::Accepted(acceptance),
            Err(cause) => InnerStep::Failed(cause),
        }
    }
    /// Its stage, if it has stages of its own.
    fn stage(&self) -> Option<Stage> {
        None
    }
    /// Why it will fail, once the peer has been told so and owes an acknowledgement alone.
    fn failure(&self) -> Option<FailureCause> {
        None
    }
}

/// The same method without a tunnel around it; challenges are cut from `seed`.
pub(crate) fn untunnelled(method: UntunnelledMethod, seed: &[u8; 32]) -> Box<dyn EapInside> {
    match method {
        UntunnelledMethod::MsChapV2 => Box::new(ms_chap_v2::EapMsChapV2::new(seed)),
        UntunnelledMethod::Gtc => Box::new(gtc::Gtc),
    }
}
