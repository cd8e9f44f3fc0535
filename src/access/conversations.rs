//! Unfinished EAP conversations by State: unguessable, bound to the client that it was given to,
//! good for a single step (E3), bounded in number and time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use portvakt_auth::{Grant, Refusal};
use portvakt_eap::Conversation;

use super::identify::Facts;
use super::ms_chap_error::Tries;
use super::route::LocalName;
use crate::listen::Client;

/// The octets of the State attribute.
pub(super) type StateToken = [u8; 16];

/// A conversation between two of its round trips.
pub struct Parked {
    /// The conversation itself.
    pub conversation: Conversation,
    /// The outer name, routed.
    pub outer: LocalName,
    /// What was decided about the credential inside, once it was.
    pub decision: Option<Result<Grant, Refusal>>,
    /// What is left of its tries by MS-CHAPv2.
    pub tries: Tries,
    /// The identity inside the tunnel as it was given, once it was.
    pub inner_identity: Vec<u8>,
    /// Where it comes from, for the event that tells of its end.
    pub facts: Facts,
    /// The client it was given to.
    pub client: Arc<Client>,
}

struct Slot {
    parked: Box<Parked>,
    expires: Instant,
}

/// The table of parked conversations.
pub struct Conversations {
    slots: DashMap<StateToken, Slot, ahash::RandomState>,
    capacity: usize,
    patience: Duration,
}

impl Conversations {
    /// An empty table for at most `capacity` conversations, each of which waits at most `patience`
    /// for its next packet.
    #[must_use]
    pub fn new(capacity: usize, patience: Duration) -> Self {
        Self {
            slots: DashMap::default(),
            capacity,
            patience,
        }
    }

    /// Whether one more may begin.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.slots.len() < self.capacity
    }

    /// Parks a conversation until its next packet and returns the State that names it.
    pub fn park(&self, parked: Box<Parked>, now: Instant) -> StateToken {
        let state = crate::random::bytes();
        self.park_under(state, parked, now);
        state
    }

    /// Parks it again under the State it had: the packet was not the one that it waits for.
    pub fn park_under(&self, state: StateToken, parked: Box<Parked>, now: Instant) {
        self.slots.insert(
            state,
            Slot {
                parked,
                expires: now + self.patience,
            },
        );
    }

    /// Takes out the conversation that `state` names, if `client` is the one it was given to.
    ///
    /// Anybody else's attempt leaves it where it is.
    pub fn take(&self, state: &[u8], client: &Client, now: Instant) -> Option<Box<Parked>> {
        let state = StateToken::try_from(state).ok()?;
        let is_owner = |_: &StateToken, slot: &Slot| {
            slot.parked.client.name == client.name && now < slot.expires
        };
        self.slots
            .remove_if(&state, is_owner)
            .map(|(_, slot)| slot.parked)
    }

    /// Takes out those that nobody came back to.
    #[must_use]
    pub fn take_expired(&self, now: Instant) -> Vec<Box<Parked>> {
        let expired: Vec<_> = self
            .slots
            .iter()
            .filter(|slot| slot.expires <= now)
            .map(|slot| *slot.key())
            .collect();
        let take = |state| self.slots.remove_if(&state, |_, slot| slot.expires <= now);
        expired
            .into_iter()
            .filter_map(take)
            .map(|(_, slot)| slot.parked)
            .collect()
    }

    /// How many are parked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}
