//! EAP inside the tunnel: Identity, offers and Nak, then one method.
//!
//! ```text
//!   ExpectIdentity ──> ExpectAnswerToOffer ──Nak──> (next offer)
//!                             │
//!                             v             verdict
//!                       ExpectResponse <──> ExpectVerdict
//!                             └──────────────────┴──────> Finished
//! ```
//! Identifiers are not looked at: inside the tunnel nothing is lost, doubled or forged, and PEAPv0
//! has none.

use super::eap_tls::EapTls;
use super::gtc::Gtc;
use super::md5::EapMd5;
use super::ms_chap_v2::EapMsChapV2;
use super::{EapInside, IDENTITY_AT_MOST, InnerOffer, InnerStep};
use crate::failure::FailureCause;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::limits::Limits;
use crate::packet::{Body, EapType, Nak};
use crate::stage::Stage;
use crate::verdict::Verdict;
use crate::wishes::Wishes;

/// EAP in a tunnel, seen from the server.
pub(crate) struct InnerEap {
    offer: InnerOffer,
    seed: [u8; 32],
    limits: Limits,
    state: State,
}

enum State {
    ExpectIdentity,
    ExpectAnswerToOffer(Run, OffersLeft),
    ExpectResponse(Run),
    ExpectVerdict(Run),
    Finished(Option<InnerMethod>),
}

struct Run {
    identity: Vec<u8>,
    method: Box<dyn EapInside>,
}

/// A Nak may change our mind once for each method there is.
#[derive(Clone, Copy)]
struct OffersLeft(usize);

impl InnerEap {
    /// `seed` is fresh and known to nobody outside the tunnel: challenges are cut from it.
    /// Of `offer` those count that are EAP methods. `limits` are those of the packets outside; they
    /// hold for the whole run, since what no longer fits is cut by the tunnel.
    pub(crate) fn new(offer: InnerOffer, seed: [u8; 32], limits: Limits) -> Self {
        InnerEap {
            offer,
            seed,
            limits,
            state: State::ExpectIdentity,
        }
    }

    /// Type octet and type-data of the request that asks who the peer is.
    pub(crate) fn identity_request() -> Vec<u8> {
        vec![EapType::IDENTITY.0]
    }

    /// The method that the peer agreed to.
    pub(crate) fn method(&self) -> Option<InnerMethod> {
        match &self.state {
            State::ExpectIdentity | State::ExpectAnswerToOffer(..) => None,
            State::ExpectResponse(run) | State::ExpectVerdict(run) => Some(run.method.method()),
            State::Finished(method) => *method,
        }
    }

    /// The stage of the method, if it has stages of its own.
    pub(crate) fn stage(&self) -> Option<Stage> {
        match &self.state {
            State::ExpectResponse(run) => run.method.stage(),
            _ => None,
        }
    }

    /// Why the method will fail, once the peer has been told so.
    pub(crate) fn failure(&self) -> Option<FailureCause> {
        match &self.state {
            State::ExpectResponse(run) => run.method.failure(),
            _ => None,
        }
    }

    /// Takes a response; `identifier` is that of the request which may follow.
    pub(crate) fn handle(&mut self, response: Body<'_>, identifier: u8) -> InnerStep {
        let state = self.leave_state();
        match (state, response) {
            (State::ExpectIdentity, Body::Identity(identity)) => {
                self.handle_identity(identity, identifier)
            }
            (State::ExpectAnswerToOffer(run, left), Body::Nak(nak)) => {
                self.handle_nak(run.identity, nak, left, identifier)
            }
            (
                State::ExpectAnswerToOffer(run, _) | State::ExpectResponse(run),
                Body::Method { kind, data },
            ) if Some(kind) == run.method.method().eap_type() => self.handle_method(run, data),
            _ => InnerStep::Failed(FailureCause::Inner(InnerError::Unasked)),
        }
    }

    /// Takes the answer to [`InnerStep::Authenticate`].
    pub(crate) fn handle_verdict(&mut self, verdict: Verdict) -> InnerStep {
        match self.leave_state() {
            State::ExpectVerdict(mut run) => {
                let step = run.method.handle_verdict(verdict);
                self.follow(run, step)
            }
            _ => InnerStep::Failed(FailureCause::Internal),
        }
    }

    fn handle_identity(&mut self, identity: &[u8], identifier: u8) -> InnerStep {
        if identity.len() > IDENTITY_AT_MOST {
            return InnerStep::Failed(FailureCause::Inner(InnerError::CredentialTooLong));
        }
        let offers = OffersLeft(self.offer.methods.len());
        match self.first_offered(|_| true) {
            Some(method) => self.offer(identity.to_vec(), method, offers, identifier),
            None => InnerStep::Failed(FailureCause::InnerMethodNotOffered(InnerMethod::Eap)),
        }
    }

    fn handle_nak(
        &mut self,
        identity: Vec<u8>,
        nak: Nak<'_>,
        OffersLeft(left): OffersLeft,
        identifier: u8,
    ) -> InnerStep {
        let next = self.first_offered(|kind| nak.wanted().any(|wish| wish == kind));
        match (next, left.checked_sub(1)) {
            (Some(method), Some(left)) => {
                self.offer(identity, method, OffersLeft(left), identifier)
            }
            _ => InnerStep::Failed(FailureCause::InnerMethodNotAgreed {
                wishes: Wishes::of(nak),
            }),
        }
    }

    fn handle_method(&mut self, mut run: Run, type_data: &[u8]) -> InnerStep {
        let step = run.method.handle(&run.identity, type_data);
        self.follow(run, step)
    }

    fn first_offered(&self, fits: impl Fn(EapType) -> bool) -> Option<Box<dyn EapInside>> {
        let offered = self.offer.methods.iter().copied();
        let mut wanted = offered.filter(|method| method.eap_type().is_some_and(&fits));
        wanted.find_map(|method| self.begin(method))
    }

    fn begin(&self, method: InnerMethod) -> Option<Box<dyn EapInside>> {
        match method {
            InnerMethod::EapMsChapV2 => Some(Box::new(EapMsChapV2::new(&self.seed))),
            InnerMethod::EapGtc => Some(Box::new(Gtc)),
            InnerMethod::EapMd5 => Some(Box::new(EapMd5::new(&self.seed))),
            InnerMethod::EapTls => {
                let tls = self.offer.certified.clone()?;
                Some(Box::new(EapTls::new(tls, self.limits)))
            }
            _ => None,
        }
    }

    fn offer(
        &mut self,
        identity: Vec<u8>,
        mut method: Box<dyn EapInside>,
        left: OffersLeft,
        identifier: u8,
    ) -> InnerStep {
        let request = method.start(identifier);
        self.state = State::ExpectAnswerToOffer(Run { identity, method }, left);
        InnerStep::Request(request)
    }

    fn follow(&mut self, run: Run, step: InnerStep) -> InnerStep {
        self.state = match step {
            InnerStep::Request(_) => State::ExpectResponse(run),
            InnerStep::Authenticate(_) => State::ExpectVerdict(run),
            InnerStep::Accepted(_) | InnerStep::Failed(_) => {
                State::Finished(Some(run.method.method()))
            }
        };
        step
    }

    fn leave_state(&mut self) -> State {
        let method = self.method();
        std::mem::replace(&mut self.state, State::Finished(method))
    }
}
