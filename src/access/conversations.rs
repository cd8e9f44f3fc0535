//! Unfinished EAP conversations by State: unguessable, bound to the client that it was given to,
//! good for a single step (E3), bounded in number and time.

mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use portvakt_auth::{Grant, Refusal};
use portvakt_eap::{Conversation, IdentityType, Stage};

use super::ms_chap_error::Retries;
use super::request_context::{RequestContext, Text};
use crate::policy::Client;
use crate::policy::route::LocalName;
pub(super) use table::{Full, StateToken};
use table::{Table, Waiting};

/// A conversation between two of its round trips.
pub struct PendingConversation {
    /// The conversation itself.
    pub conversation: Conversation,
    /// The outer name, routed.
    pub outer: LocalName,
    /// The decision about the credential inside, once there is one.
    pub decision: Option<Result<Grant, Refusal>>,
    /// Whether the device was told of its refusal for good, which was recorded then.
    pub is_refusal_recorded: bool,
    /// The kind of identity that was decided on.
    pub decided_on: IdentityType,
    /// The retries left by MS-CHAPv2.
    pub retries: Retries,
    /// The identity inside the tunnel as it was given, once it was.
    pub inner_identity: Vec<u8>,
    /// The context of its first request, for the event at its end.
    pub context: RequestContext,
    /// The client it was given to.
    pub client: Arc<Client>,
    /// When its last packet was taken: from then on it waits for the next.
    pub since: Instant,
    /// The State of its last request, whose answer is still kept.
    pub former: Option<StateToken>,
}

/// The table of pending conversations.
pub struct Conversations {
    table: Table<Box<PendingConversation>>,
    /// Makes a device's key, unlike that of any other process.
    keys: ahash::RandomState,
}

impl Conversations {
    /// An empty table for at most `capacity` conversations, each of which waits at most `patience`
    /// for its next packet. A device (client and Calling-Station-Id) has four at most, so that one
    /// that begins again and again fills no table; those without a Calling-Station-Id are bounded
    /// by `capacity` alone.
    #[must_use]
    pub fn new(capacity: usize, patience: Duration) -> Self {
        Self {
            table: Table::new(capacity, patience),
            keys: ahash::RandomState::new(),
        }
    }

    /// Makes sure that one more may begin; returns the conversation that has to give way, if one
    /// has: the longest idle of those that have hardly begun.
    ///
    /// # Errors
    /// [`Full`] where nothing gives way.
    pub(super) fn make_room(&self) -> Result<Option<Box<PendingConversation>>, Full> {
        self.table.make_room()
    }

    /// Parks a conversation until its next packet, whose request leaves at `now`; returns the State
    /// that names it, and the older one of the same device that gives way to it, if it has too many.
    pub fn suspend(
        &self,
        mut pending: Box<PendingConversation>,
        now: Instant,
    ) -> (StateToken, Option<Box<PendingConversation>>) {
        pending.since = now;
        self.suspend_again(pending)
    }

    /// The same after a packet that was not taken: it waits no longer for that.
    pub fn suspend_again(
        &self,
        pending: Box<PendingConversation>,
    ) -> (StateToken, Option<Box<PendingConversation>>) {
        let state = crate::random::bytes();
        let station = pending.context.calling_station.as_ref();
        let since = pending.since;
        let waiting = Waiting {
            device: station.map(|station| self.keys.hash_one((&pending.client.name, station))),
            is_early: is_early(pending.conversation.stage()),
            item: pending,
        };
        (state, self.table.insert(state, waiting, since))
    }

    /// Takes out the conversation that `state` names, if `client` is the one it was given to.
    ///
    /// Anybody else's attempt leaves it where it is.
    pub fn take(
        &self,
        state: &[u8],
        client: &Client,
        now: Instant,
    ) -> Option<Box<PendingConversation>> {
        self.take_if(state, client, now, |_| true)
    }

    /// The same for a device that begins anew: only if it is its own.
    pub(super) fn take_of_device(
        &self,
        state: &[u8],
        client: &Client,
        station: Option<&Text>,
        now: Instant,
    ) -> Option<Box<PendingConversation>> {
        let is_its_own =
            |pending: &PendingConversation| pending.context.calling_station.as_ref() == station;
        self.take_if(state, client, now, is_its_own)
    }

    fn take_if(
        &self,
        state: &[u8],
        client: &Client,
        now: Instant,
        fits: impl Fn(&PendingConversation) -> bool,
    ) -> Option<Box<PendingConversation>> {
        let state = StateToken::try_from(state).ok()?;
        let is_owner = |pending: &PendingConversation| pending.client.name == client.name;
        let table = &self.table;
        table.take(&state, |pending| is_owner(pending) && fits(pending), now)
    }

    /// Takes out those that nobody came back to; to be called about once a second.
    #[must_use]
    pub fn take_expired(&self, now: Instant) -> Vec<Box<PendingConversation>> {
        let expired = self.table.take_expired(now);
        self.table.note_yielding();
        expired
    }

    /// How many are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether nothing is lost but a few packets: no tunnel, or the end is known.
fn is_early(stage: Stage) -> bool {
    match stage {
        Stage::MethodNegotiation
        | Stage::ClientHello
        | Stage::ServerFragments
        | Stage::ServerCertificate
        | Stage::ClientFinished
        | Stage::TlsAlert(_)
        | Stage::FailureIndication
        | Stage::Finished => true,
        Stage::InnerAuthentication | Stage::Verdict | Stage::SuccessIndication => false,
    }
}
