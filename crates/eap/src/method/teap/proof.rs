//! One identity's inner method: a password, or EAP; where the device wants none of one kind, the
//! other kind that is offered.

use super::tlv::{EAP_PAYLOAD, Message, PASSWORD_REQUEST, Writer};
use crate::acceptance::Acceptance;
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::identity_type::IdentityType;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::keys::{InnerKey, InnerPassword};
use crate::limits::Limits;
use crate::method::inner::{IDENTITY_AT_MOST, InnerEap, InnerOffer, InnerStep};
use crate::packet::{self, Code, EapPacket};
use crate::stage::Stage;
use crate::verdict::Verdict;
use crate::wishes::Wishes;
use rustls::pki_types::CertificateDer;

/// Prompt that a device may show while it asks its user.
const PROMPT: &[u8] = b"Password";

/// The next action of an identity's inner method.
pub(super) enum ProofStep {
    /// These TLVs are to be sent.
    Say(Writer),
    Authenticate(InnerCredential),
    Accepted(Proven),
    Failed(FailureCause),
}

/// An identity that the caller accepted, and the key of its inner method.
pub(super) struct Proven {
    pub(super) key: Option<InnerKey>,
    acceptance: Acceptance,
}

/// One identity on its way to be proven.
pub(super) struct Proof {
    identity: IdentityType,
    offer: InnerOffer,
    seed: [u8; 32],
    /// Of the packets outside.
    limits: Limits,
    way: Way,
    /// Whether the device has refused the other way already.
    is_second: bool,
}

enum Way {
    Password,
    Eap(InnerEap),
}

impl Proof {
    /// Begins with what is offered first; `seed` is fresh.
    pub(super) fn begin(
        identity: IdentityType,
        offer: &InnerOffer,
        seed: [u8; 32],
        identifier: u8,
        limits: Limits,
    ) -> (Self, Writer) {
        let way = match offer.methods.first() {
            Some(InnerMethod::Password) => Way::Password,
            _ => Way::Eap(InnerEap::new(offer.clone(), seed, limits)),
        };
        let proof = Proof {
            identity,
            offer: offer.clone(),
            seed,
            limits,
            way,
            is_second: false,
        };
        let request = proof.first_request(identifier);
        (proof, request)
    }

    /// The inner method that the device agreed to.
    pub(super) fn method(&self) -> Option<InnerMethod> {
        match &self.way {
            Way::Password => Some(InnerMethod::Password),
            Way::Eap(eap) => eap.method(),
        }
    }

    /// The stage of the inner method, if it has stages of its own.
    pub(super) fn stage(&self) -> Option<Stage> {
        match &self.way {
            Way::Password => None,
            Way::Eap(eap) => eap.stage(),
        }
    }

    /// Why the inner method will fail, once the device has been told so.
    pub(super) fn failure(&self) -> Option<FailureCause> {
        match &self.way {
            Way::Password => None,
            Way::Eap(eap) => eap.failure(),
        }
    }

    fn first_request(&self, identifier: u8) -> Writer {
        let tlvs = Writer::default().identity_type(self.identity);
        match &self.way {
            Way::Password => tlvs.password_request(PROMPT),
            Way::Eap(_) => tlvs.eap_payload(&packet::write(
                Code::Request,
                identifier,
                &InnerEap::identity_request(),
            )),
        }
    }

    /// Takes a message of the device; `identifier` is that of the request which may follow.
    pub(super) fn handle(&mut self, message: &Message<'_>, identifier: u8) -> ProofStep {
        if !message.is_without_results() {
            return failed(InnerError::Unasked);
        }
        if message.identity_type.unwrap_or(self.identity.code()) != self.identity.code() {
            return ProofStep::Failed(FailureCause::IdentityTypeMissing(self.identity));
        }
        match (&mut self.way, message.password, message.eap) {
            (Way::Password, Some(response), None) => ask(response.name, response.password),
            (Way::Password, None, None) if message.refused == Some(PASSWORD_REQUEST) => self
                .try_the_other(
                    FailureCause::InnerMethodNotAgreed {
                        wishes: Wishes::NONE,
                    },
                    identifier,
                ),
            (Way::Eap(eap), None, Some(payload)) => match EapPacket::read_whole(payload) {
                Ok(packet) if packet.code == Code::Response => {
                    let step = eap.handle(packet.body, identifier);
                    self.follow(step, identifier)
                }
                Ok(_) => failed(InnerError::NotAResponse),
                Err(error) => failed(InnerError::Packet(error)),
            },
            (Way::Eap(_), None, None) if message.refused == Some(EAP_PAYLOAD) => self
                .try_the_other(
                    FailureCause::InnerMethodNotAgreed {
                        wishes: Wishes::NONE,
                    },
                    identifier,
                ),
            _ => failed(InnerError::Unasked),
        }
    }

    /// Takes the answer to [`ProofStep::Authenticate`].
    pub(super) fn handle_verdict(&mut self, verdict: Verdict, identifier: u8) -> ProofStep {
        match &mut self.way {
            Way::Password => match verdict.into_acceptance() {
                Ok(acceptance) => ProofStep::Accepted(Proven::without_key(acceptance)),
                Err(cause) => ProofStep::Failed(cause),
            },
            Way::Eap(eap) => {
                let step = eap.handle_verdict(verdict);
                self.follow(step, identifier)
            }
        }
    }

    fn follow(&mut self, step: InnerStep, identifier: u8) -> ProofStep {
        match step {
            InnerStep::Request(request) => {
                let packet = packet::write(Code::Request, identifier, &request);
                ProofStep::Say(Writer::default().eap_payload(&packet))
            }
            InnerStep::Authenticate(credential) => ProofStep::Authenticate(credential),
            InnerStep::Accepted(acceptance) => self.conclude(acceptance),
            InnerStep::Failed(cause @ FailureCause::InnerMethodNotAgreed { .. }) => {
                self.try_the_other(cause, identifier)
            }
            InnerStep::Failed(cause) => ProofStep::Failed(cause),
        }
    }

    /// EAP methods that leave no key are not offered here: nothing would bind them to the tunnel.
    fn conclude(&self, acceptance: Acceptance) -> ProofStep {
        let key = match (self.method(), acceptance.inner_key()) {
            (Some(InnerMethod::EapMsChapV2), Some(key)) => swapped(key),
            // The first half of its MSK, as it is (RFC 9930 §6.2.1).
            (Some(InnerMethod::EapTls), Some(key)) => key.clone(),
            _ => return ProofStep::Failed(FailureCause::Internal),
        };
        ProofStep::Accepted(Proven {
            key: Some(key),
            acceptance,
        })
    }

    fn try_the_other(&mut self, cause: FailureCause, identifier: u8) -> ProofStep {
        let is_password = matches!(self.way, Way::Password);
        let is_fit = |method: &InnerMethod| (*method == InnerMethod::Password) != is_password;
        if std::mem::replace(&mut self.is_second, true) || !self.offer.methods.iter().any(is_fit) {
            return ProofStep::Failed(cause);
        }
        self.way = match is_password {
            true => Way::Eap(InnerEap::new(self.offer.clone(), self.seed, self.limits)),
            false => Way::Password,
        };
        ProofStep::Say(self.first_request(identifier))
    }
}

impl Proven {
    /// For a password, and for the session of an earlier log-on.
    pub(super) fn without_key(acceptance: Acceptance) -> Self {
        Proven {
            key: None,
            acceptance,
        }
    }

    /// The chain that was shown inside, where one was.
    pub(super) fn certificates(&self) -> &[CertificateDer<'static>] {
        self.acceptance.certificates()
    }
}

fn failed(error: InnerError) -> ProofStep {
    ProofStep::Failed(FailureCause::Inner(error))
}

fn ask(name: &[u8], password: &[u8]) -> ProofStep {
    if name.len() > IDENTITY_AT_MOST {
        return failed(InnerError::CredentialTooLong);
    }
    ProofStep::Authenticate(InnerCredential::Password {
        identity: name.to_vec(),
        password: InnerPassword::new(password.to_vec()),
    })
}

/// TEAP wants the key of EAP-MSCHAPv2 with its halves the other way round, as EAP-FAST has it
/// (RFC 9930 §3.6.3, RFC 5422 §3.2.3).
fn swapped(key: &InnerKey) -> InnerKey {
    let mut halves = *key.as_bytes();
    halves.rotate_left(16);
    InnerKey::new(halves)
}
