//! One Access-Request until its answer: everything needed to answer and report it, owned, so that it
//! can wait for a hash or a disk without holding a thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portvakt_auth::mschap::{MsChapSuccess, MsChapV2Success};
use portvakt_auth::{Account, AccountId, Grant, Kind, Refusal};
use portvakt_eap::{Keys, Leaves, Message, MsChapV2Error};
use portvakt_radius::{ReplyContext, VerifiedRequest};
use zeroize::Zeroize as _;

use super::conversations::StateToken;

use super::repeats::Given;
use super::request_context::RequestContext;
use super::{Access, joining, reply, report};
use crate::metrics::RequestResult;
use crate::policy::{Policy, cui};
use crate::transport::{DropReason, LARGEST_PACKET, Peer, Responder};

/// One Access-Request on its way. [`Self::finish`] ends it; dropped, it goes unanswered.
pub(super) struct Exchange {
    /// The workers and the shared state.
    pub access: Arc<Access>,
    /// The policy it began under.
    pub policy: Arc<Policy>,
    /// The client that sent the request, and the transport it came by.
    pub peer: Peer,
    /// The request's attributes, and the account once found.
    pub context: RequestContext,
    /// Whether it is refused for an expired password that its owner, who has proven it, may change
    /// here and now.
    pub can_change_password: bool,
    /// The identifier of the EAP packet, where one could be read: that of an EAP-Failure
    /// (RFC 3748 §4.2).
    pub eap_identifier: Option<u8>,
    /// Whether an earlier answer of its conversation told of the refusal, and was recorded for it.
    pub is_refusal_recorded: bool,
    /// The kind of account that is asked for.
    pub asked_for: AskedFor,
    /// Chargeable-User-Identity of an Accept, where the request asks for one.
    pub cui: Option<cui::Value>,
    asked_cui: Option<cui::Asked>,
    /// The State under which a request may repeat this one.
    pub repeats_of: Option<StateToken>,
    reply_context: ReplyContext,
    responder: Responder,
}

/// The kind of account that a log-on is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AskedFor {
    /// Any: every method but TEAP, and TEAP that asks for no machine.
    Anybody,
    /// A machine, by TEAP.
    Machine,
    /// The user at this machine, by TEAP that has let the machine in.
    UserAt(AccountId),
}

impl AskedFor {
    /// Whether `account` is one that is asked for. To be asked after the proof of the credential.
    ///
    /// # Errors
    /// The reason, for the log.
    pub(super) fn check(&self, account: &Account) -> Result<(), &'static str> {
        let is_machine = account.kind == Kind::Machine;
        match self {
            Self::Anybody => Ok(()),
            Self::Machine if is_machine => Ok(()),
            Self::Machine => {
                Err("TEAP asked for the machine, and this account is not of kind machine")
            }
            Self::UserAt(machine) if is_machine || account.id == *machine => {
                Err("TEAP asked for the user at the machine, and this account is a machine's")
            }
            Self::UserAt(_) => Ok(()),
        }
    }
}

/// How an exchange ends.
#[expect(
    clippy::large_enum_variant,
    reason = "made on the stack, used up at once"
)]
pub(super) enum Outcome {
    /// Let in. Only [`portvakt_auth::decide`] makes a [`Grant`].
    Accept {
        /// The grant.
        grant: Grant,
        /// The method's own part of the reply.
        with: AcceptedBy,
    },
    /// One more round trip.
    Challenge {
        /// The State that names the conversation in the next request.
        state: StateToken,
        /// The EAP-Request.
        eap: Message,
        /// Whether it is the last one again, since the EAP packet was invalid (RFC 3579 §2.2).
        is_invalid: bool,
        /// The refusal that it tells the device for good, within its method. Many devices hang up on
        /// it, so it is recorded now, and not again with the Reject.
        refusal: Option<Refusal>,
    },
    /// EAP-Start (RFC 3579 §2.1) is answered by asking for the identity; there is no
    /// conversation yet.
    AskIdentity {
        /// EAP-Request/Identity.
        eap: Vec<u8>,
    },
    /// Refused.
    Reject {
        /// Why.
        refusal: Refusal,
        /// More about it, for the log only.
        detail: Option<String>,
        /// The method's own part of the reply.
        with: RefusedBy,
    },
}

/// The method's part of an Accept.
pub(super) enum AcceptedBy {
    /// A bare password: nothing.
    Pap,
    /// Nothing either.
    Chap,
    /// EAP-Success and the keys, of a method that has any.
    Eap(Message, Option<Keys>),
    /// Keys.
    MsChap(MsChapSuccess),
    /// Proof that we know the password too, keys, and the identifier of the response.
    MsChapV2 {
        /// The Ident octet of MS-CHAP2-Response.
        identifier: u8,
        /// Authenticator response and session keys.
        success: MsChapV2Success,
    },
}

/// The method's part of a Reject.
pub(super) enum RefusedBy {
    /// Nothing.
    Bare,
    /// EAP-Failure.
    Eap(Message),
    /// MS-CHAP-Error.
    MsChap {
        /// Of which version it is.
        version: MsChapVersion,
        /// The Ident octet of the response.
        identifier: u8,
        /// The error code.
        error: MsChapV2Error,
        /// Whether the device may ask its user again.
        retry: bool,
    },
}

/// A version of MS-CHAP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MsChapVersion {
    /// RFC 2433.
    One,
    /// RFC 2759.
    Two,
}

impl Outcome {
    /// When its answer may leave: what a conversation says, and outside of conversations each
    /// refusal is the first that the device hears of it.
    fn leaves(&self) -> Leaves {
        match self {
            Outcome::Accept { .. } | Outcome::AskIdentity { .. } => Leaves::AtOnce,
            Outcome::Challenge { eap, .. } => eap.leaves(),
            Outcome::Reject { with, .. } => match with {
                RefusedBy::Eap(failure) => failure.leaves(),
                RefusedBy::Bare | RefusedBy::MsChap { .. } => Leaves::Late,
            },
        }
    }
}

impl Exchange {
    /// Begins an exchange.
    pub(super) fn new(
        access: Arc<Access>,
        policy: Arc<Policy>,
        request: &VerifiedRequest<'_>,
        peer: Peer,
        responder: Responder,
    ) -> Self {
        let now = access.state.clock.now_at(peer.arrived);
        Self {
            policy,
            context: RequestContext::read(request, peer.address(), now),
            can_change_password: false,
            eap_identifier: None,
            repeats_of: None,
            is_refusal_recorded: false,
            asked_for: AskedFor::Anybody,
            cui: None,
            asked_cui: cui::Asked::read(request),
            reply_context: request.reply_context(),
            access,
            peer,
            responder,
        }
    }

    /// Ends it with a refusal that has nothing to do with EAP, and says for the log why.
    pub(super) fn refuse_with(self, refusal: Refusal, detail: String) {
        self.finish(Outcome::Reject {
            refusal,
            detail: Some(detail),
            with: RefusedBy::Bare,
        });
    }

    /// The one place where an outcome becomes bytes on the wire.
    pub(super) fn finish(mut self, outcome: Outcome) {
        if let Outcome::Accept { grant, .. } = &outcome {
            self.make_cui(grant);
        }
        let mut draft = Draft::new();
        let Some(outcome) = self.write(outcome, &mut draft) else {
            return self.drop_unwritable();
        };
        let delay = match outcome.leaves() {
            Leaves::Late => reply::reject_delay(
                self.peer.client.reject_delay,
                &self.policy,
                self.access.hash_pool.suspect_wait(),
            ),
            Leaves::AtOnce => Duration::ZERO,
        };
        let clock = self.access.state.clock;
        let took = clock.instant().duration_since(self.peer.arrived);
        let leaves = self.context.arrived.utc.checked_add(took.max(delay));
        let leaves = leaves.unwrap_or(Timestamp::MAX);
        report::report(&self, &outcome, took, leaves);
        if let Outcome::Accept { grant, .. } = &outcome {
            joining::note_log_on(&self, grant);
        }
        let waiting = self.repeats_of.and_then(|state| {
            let due = self.arrived() + delay;
            let given = Arc::new(Given { outcome, due });
            let waiting = self.access.repeats.answered(&state, &given)?;
            Some((waiting, given))
        });
        self.responder.send_after(delay, draft.written());
        if let Some((waiting, given)) = waiting {
            waiting.repeat(&given);
        }
    }

    /// Gives an answer once more, to the same request under another identifier: nothing is worked
    /// on, counted or written down a second time.
    pub(super) fn repeat(mut self, given: &Given) {
        if let Outcome::Accept { grant, .. } = &given.outcome {
            self.make_cui(grant);
        }
        let mut draft = Draft::new();
        if !self.fits(&given.outcome, &mut draft) {
            return self.drop_unwritable();
        }
        self.peer.client.counters.count(RequestResult::Duplicate);
        let delay = given.due.saturating_duration_since(self.arrived());
        self.responder.send_after(delay, draft.written());
    }

    fn drop_unwritable(&self) {
        let why = DropReason::AnswerUnwritable;
        let state = &self.access.state;
        state.dropped(self.peer.address(), Some(&self.peer.client), why);
    }

    /// Writes the answer; returns the outcome that it tells of. What does not fit beside the
    /// request's Proxy-State gives way to a Reject, which does: the NAS is to have an answer. `None`
    /// where not even that fits.
    fn write(&self, outcome: Outcome, draft: &mut Draft) -> Option<Outcome> {
        if self.fits(&outcome, draft) {
            return Some(outcome);
        }
        let failure = self.eap_identifier.map(Message::failure);
        let with = failure.map(RefusedBy::Eap).into_iter();
        with.chain([RefusedBy::Bare])
            .map(too_long)
            .find(|reject| self.fits(reject, draft))
    }

    fn fits(&self, outcome: &Outcome, draft: &mut Draft) -> bool {
        match reply::write(self, &self.reply_context, outcome, &mut draft.octets) {
            Ok(written) => {
                draft.length = written.len();
                true
            }
            Err(error) => {
                tracing::debug!(%error, client = %self.peer.client.name, "answer can't be written");
                false
            }
        }
    }

    /// When an answer that may leave so has left at the latest, as far as it is known beforehand.
    pub(super) fn has_left(&self, leaves: Leaves) -> Instant {
        let longest = match leaves {
            Leaves::Late => {
                let usual = self.peer.client.reject_delay;
                reply::longest_delay(usual, &self.policy, self.access.hash_pool.suspect_wait())
            }
            Leaves::AtOnce => Duration::ZERO,
        };
        self.access
            .state
            .clock
            .instant()
            .max(self.arrived() + longest)
    }

    /// Whether an account whose credential is proven is one that may come by this client and method:
    /// by its kind, and by whom TEAP asked for.
    pub(super) fn check_account(&mut self, account: &Account) -> Result<(), Refusal> {
        if let Err(detail) = self.asked_for.check(account) {
            self.context.detail = Some(detail.into());
            return Err(Refusal::WrongIdentityType);
        }
        self.policy.check_kind(account, &self.peer.client.service)
    }

    /// I4: where it is asked for, and nowhere else.
    fn make_cui(&mut self, grant: &Grant) {
        let (Some(asked), Some(key)) = (&self.asked_cui, &self.policy.cui_key) else {
            return;
        };
        let value = key.value(grant.account(), asked);
        if asked.knows_another(&value) && self.context.detail.is_none() {
            self.context.detail = Some(cui::ANOTHER.into());
        }
        self.cui = Some(value);
    }

    /// Whether the account came in with this device lately.
    pub(super) fn is_recent_device(&self, account: &AccountId) -> bool {
        let station = self.context.calling_station.as_ref();
        station.is_some_and(|station| self.access.recent_devices.knows(account, station))
    }

    /// Keeps in mind that the account comes in with this device.
    pub(super) fn remember_device(&self) {
        if let (Some(account), Some(station)) =
            (&self.context.account, &self.context.calling_station)
        {
            self.access.recent_devices.note(account, station);
        }
    }

    /// When the request came in.
    pub(super) fn arrived(&self) -> Instant {
        self.peer.arrived
    }
}

/// The Reject in place of an answer that does not fit.
fn too_long(with: RefusedBy) -> Outcome {
    let detail = "the answer does not fit into 4096 octets beside the Proxy-State attributes";
    Outcome::Reject {
        refusal: Refusal::MethodNotAllowed,
        detail: Some(detail.to_owned()),
        with,
    }
}

/// Room for an answer while it is written, wiped as far as it was.
struct Draft {
    octets: [u8; LARGEST_PACKET],
    /// All of it, until it is known.
    length: usize,
}

impl Draft {
    fn new() -> Self {
        Self {
            octets: [0; LARGEST_PACKET],
            length: LARGEST_PACKET,
        }
    }

    fn written(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(written) = self.octets.get_mut(..self.length) {
            written.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, kind: Kind) -> Account {
        Account::new(AccountId::new(name).unwrap(), kind)
    }

    #[test]
    fn machine_is_an_account_of_that_kind_and_its_user_is_somebody_else() {
        let (kari, machine) = (
            account("kari", Kind::Employee),
            account("pc17.campus.example", Kind::Machine),
        );
        let user_at = AskedFor::UserAt(machine.id.clone());
        for kind in [Kind::Student, Kind::Guest, Kind::Service, Kind::Test] {
            assert!(AskedFor::Machine.check(&account("x", kind)).is_err());
            assert!(user_at.check(&account("x", kind)).is_ok());
        }
        assert!(AskedFor::Machine.check(&kari).is_err());
        assert!(AskedFor::Machine.check(&machine).is_ok());
        assert!(user_at.check(&kari).is_ok());
        assert!(user_at.check(&machine).is_err());
        assert!(
            user_at
                .check(&account("pc18.campus.example", Kind::Machine))
                .is_err()
        );
        // The kind that the directory gives may have changed in between.
        assert!(AskedFor::UserAt(kari.id.clone()).check(&kari).is_err());
        for anybody in [&kari, &machine] {
            assert!(AskedFor::Anybody.check(anybody).is_ok());
        }
    }

    fn reject(with: RefusedBy) -> Outcome {
        Outcome::Reject {
            refusal: Refusal::WrongCredential,
            detail: None,
            with,
        }
    }

    /// R6, P5. What the conversations say of their messages is shown with them.
    #[test]
    fn an_answer_is_late_where_it_is_the_first_that_a_refusal_shows_in() {
        let state = StateToken::default();
        let (late, eap) = (Message::failure(1), Vec::new());
        let by_ms_chap = |version, retry| RefusedBy::MsChap {
            version,
            identifier: 1,
            error: MsChapV2Error::AuthenticationFailure,
            retry,
        };
        for outcome in [
            Outcome::Challenge {
                state,
                eap: late.clone(),
                is_invalid: false,
                refusal: None,
            },
            reject(RefusedBy::Eap(late)),
            reject(RefusedBy::Bare),
            reject(by_ms_chap(MsChapVersion::One, false)),
            reject(by_ms_chap(MsChapVersion::Two, false)),
            reject(by_ms_chap(MsChapVersion::Two, true)),
        ] {
            assert_eq!(outcome.leaves(), Leaves::Late);
        }
        let asked = Outcome::AskIdentity { eap };
        assert_eq!(asked.leaves(), Leaves::AtOnce);
    }
}
