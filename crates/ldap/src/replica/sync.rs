//! Content synchronisation as a state machine (RFC 4533, refreshAndPersist): messages of the server
//! in, what to do to the copy out. No IO, no LDAP library, no clock.
//!
//! ```text
//!  Session::begin / resume
//!        │
//!        v
//!   Refreshing ── entries, ids ──> Put, Remove
//!        │  refreshPresent: the present phase ends   ──> RetainOnly(all that were named in it)
//!        │  refreshDelete:  the delete phase ends
//!        │  either, with refreshDone                 ──> Complete
//!        v
//!   Persisting ── entries, ids, cookies ──> Put, Remove, Remember
//!
//!  anywhere: e-syncRefreshRequired ──> Reload: begin again, without a cookie
//! ```

use std::collections::HashSet;

use super::EntryId;

#[cfg(test)]
mod tests;

/// The server's cookie for how far the copy has come; opaque.
pub(super) type Cookie = Box<[u8]>;

/// Ids of entries.
pub(super) type Ids = HashSet<EntryId, ahash::RandomState>;

/// A message of the server. `E` is an entry with its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message<E> {
    /// An entry with the Sync State control (RFC 4533 §2.3).
    Entry {
        /// Its change.
        state: EntryState<E>,
        /// Which it is.
        id: EntryId,
        /// Cursor of the copy once this entry is in it.
        cookie: Option<Cookie>,
    },
    /// newCookie (§2.5).
    NewCookie(Cookie),
    /// refreshDelete: a delete phase ends.
    RefreshDelete {
        /// Cursor of the copy.
        cookie: Option<Cookie>,
        /// Whether that was the last phase.
        done: bool,
    },
    /// refreshPresent: a present phase ends.
    RefreshPresent {
        /// Cursor of the copy.
        cookie: Option<Cookie>,
        /// Whether that was the last phase.
        done: bool,
    },
    /// syncIdSet: many entries at once, without attributes.
    IdSet {
        /// Cursor of the copy.
        cookie: Option<Cookie>,
        /// They are gone, rather than there and unchanged.
        deleted: bool,
        /// Which they are.
        ids: Vec<EntryId>,
    },
    /// The search has ended with success (§2.4).
    Done {
        /// Cursor of the copy.
        cookie: Option<Cookie>,
        /// The phase that ends with it was a delete phase.
        deletes: bool,
    },
    /// e-syncRefreshRequired (4096): the server no longer knows what has changed since.
    RefreshRequired,
}

/// Change of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EntryState<E> {
    /// It is there, and as it was.
    Present,
    /// It is new, or new to this search.
    Add(E),
    /// It is not as it was.
    Modify(E),
    /// It is gone.
    Delete,
}

/// Next steps, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Step<E> {
    /// Put the entry in the place of whatever has this id.
    Put(EntryId, E),
    /// Remove the entry, if it is there.
    Remove(EntryId),
    /// Remove all entries but these.
    RetainOnly(Ids),
    /// The copy is as the server has it; from now on it is told of changes.
    Complete,
    /// The copy may be continued from here later.
    Remember(Cookie),
    /// Begin again from nothing, and keep the old copy in use until the new one is complete.
    Reload,
}

/// One search, from its first message to its last.
#[derive(Debug)]
pub(super) struct Session {
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Refreshing {
        /// Named in this phase as being there; `None` for a copy that began empty, where nothing
        /// can be there that was not sent.
        named: Option<Ids>,
        /// The newest cookie. A copy continued from one that came in the middle could keep an entry
        /// that the rest of the phase would have removed, so it is held back to the end.
        cookie: Option<Cookie>,
    },
    Persisting,
}

impl Session {
    /// The copy is empty and no cookie was sent.
    pub(super) fn begin() -> Self {
        Self {
            phase: Phase::Refreshing {
                named: None,
                cookie: None,
            },
        }
    }

    /// The copy is what it was when the cookie was remembered, and the cookie was sent.
    pub(super) fn resume() -> Self {
        Self {
            phase: Phase::Refreshing {
                named: Some(Ids::default()),
                cookie: None,
            },
        }
    }

    /// Whether the copy is complete, and is kept so.
    pub(super) fn is_persisting(&self) -> bool {
        matches!(self.phase, Phase::Persisting)
    }

    /// Takes in one message.
    pub(super) fn handle<E>(&mut self, message: Message<E>) -> Vec<Step<E>> {
        match message {
            Message::Entry { state, id, cookie } => self.entry(state, id, cookie),
            Message::NewCookie(cookie) => self.remember(Some(cookie)).into_iter().collect(),
            Message::RefreshDelete { cookie, done } => self.end_phase(false, cookie, done),
            Message::RefreshPresent { cookie, done } => self.end_phase(true, cookie, done),
            Message::IdSet {
                cookie,
                deleted,
                ids,
            } => self.id_set(deleted, ids, cookie),
            Message::Done { cookie, deletes } => self.end_phase(!deletes, cookie, true),
            Message::RefreshRequired => vec![Step::Reload],
        }
    }

    fn entry<E>(
        &mut self,
        state: EntryState<E>,
        id: EntryId,
        cookie: Option<Cookie>,
    ) -> Vec<Step<E>> {
        let step = match state {
            EntryState::Present => None,
            EntryState::Add(entry) | EntryState::Modify(entry) => Some(Step::Put(id, entry)),
            EntryState::Delete => Some(Step::Remove(id)),
        };
        match step {
            Some(Step::Remove(_)) => self.unname(id),
            _ => self.name(id),
        }
        let mut steps: Vec<_> = step.into_iter().collect();
        steps.extend(self.remember(cookie));
        steps
    }

    fn id_set<E>(
        &mut self,
        deleted: bool,
        ids: Vec<EntryId>,
        cookie: Option<Cookie>,
    ) -> Vec<Step<E>> {
        let mut steps = Vec::new();
        for id in ids {
            if deleted {
                self.unname(id);
                steps.push(Step::Remove(id));
            } else {
                self.name(id);
            }
        }
        steps.extend(self.remember(cookie));
        steps
    }

    /// A present phase removes by silence: what was not named in it is gone (§3.3.2).
    fn end_phase<E>(&mut self, present: bool, cookie: Option<Cookie>, done: bool) -> Vec<Step<E>> {
        let mut steps = Vec::new();
        if let Phase::Refreshing { named, .. } = &mut self.phase
            && let Some(named) = named
            && present
        {
            steps.push(Step::RetainOnly(std::mem::take(named)));
        }
        steps.extend(self.remember(cookie));
        if done {
            steps.extend(self.complete());
        }
        steps
    }

    fn complete<E>(&mut self) -> Vec<Step<E>> {
        match std::mem::replace(&mut self.phase, Phase::Persisting) {
            Phase::Refreshing { cookie, .. } => std::iter::once(Step::Complete)
                .chain(cookie.map(Step::Remember))
                .collect(),
            Phase::Persisting => Vec::new(),
        }
    }

    /// Keeps a cookie, or gives it out at once if the copy is complete.
    fn remember<E>(&mut self, new: Option<Cookie>) -> Option<Step<E>> {
        match &mut self.phase {
            Phase::Refreshing { cookie, .. } => {
                *cookie = new.or_else(|| cookie.take());
                None
            }
            Phase::Persisting => new.map(Step::Remember),
        }
    }

    fn name(&mut self, id: EntryId) {
        if let Phase::Refreshing { named, .. } = &mut self.phase
            && let Some(named) = named
        {
            named.insert(id);
        }
    }

    fn unname(&mut self, id: EntryId) {
        if let Phase::Refreshing { named, .. } = &mut self.phase
            && let Some(named) = named
        {
            named.remove(&id);
        }
    }
}
