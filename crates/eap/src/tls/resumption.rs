//! Session storage of one connection: new sessions wait here until the log-on has succeeded.
//!
//! rustls hands a session over when the handshake ends, which is before the inner method has
//! begun. Were it stored then, a device whose password was refused could resume it and be let in
//! without one (RFC 5281 §7.5, CVE-2017-9148). So each connection has a store of its own.

use super::sessions::{Authorization, Basis, Scope, Session, SessionFacts, SessionId, Sessions};
use rustls::Error;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::StoresServerSessions;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::TimeProvider;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// Checks a client's chain again: rustls does not when it resumes.
pub(crate) struct Recheck {
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    pub(crate) time: Arc<dyn TimeProvider>,
}

impl Recheck {
    /// Validity, revocation and trust as they are today (E8).
    pub(super) fn verify(&self, chain: &[CertificateDer<'static>]) -> Result<(), Error> {
        let (leaf, rest) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        let now = self.now().ok_or(Error::FailedToGetCurrentTime)?;
        self.verifier.verify_client_cert(leaf, rest, now)?;
        Ok(())
    }

    pub(super) fn now(&self) -> Option<UnixTime> {
        self.time.current_time()
    }
}

/// The session storage of one connection.
pub(crate) struct Staging {
    sessions: Sessions,
    scope: Scope,
    recheck: Option<Recheck>,
    /// Bases that a full log-on may have today.
    offered: Arc<[Basis]>,
    /// Whether sessions that are not in memory are noted as missing.
    asks: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// From rustls, in the order of arrival: not resumable yet.
    staged: Vec<Staged>,
    /// The last session that rustls found. It is the one resumed, if one is.
    found: Option<(SessionId, Arc<SessionFacts>)>,
    /// The first session that the device named and memory does not have.
    missing: Option<SessionId>,
}

/// A session that the handshake has made.
struct Staged {
    id: SessionId,
    /// As rustls wrote it; empty where the device has it in a ticket.
    value: Zeroizing<Vec<u8>>,
}

impl Staging {
    pub(crate) fn new(
        sessions: Sessions,
        scope: Scope,
        recheck: Option<Recheck>,
        offered: Arc<[Basis]>,
        asks: bool,
    ) -> Self {
        Staging {
            asks: asks && sessions.has_keeper(),
            sessions,
            scope,
            recheck,
            offered,
            state: Mutex::default(),
        }
    }

    /// Facts of the session that rustls found last.
    pub(crate) fn found(&self) -> Option<Arc<SessionFacts>> {
        let state = self.state();
        state.found.as_ref().map(|(_, facts)| Arc::clone(facts))
    }

    /// The session that the device named and memory does not have, for who may know it.
    pub(crate) fn missing(&self) -> Option<SessionId> {
        self.state().missing
    }

    /// Takes note of a ticket that the device gets.
    pub(super) fn stage_ticket(&self, id: SessionId) {
        let value = Zeroizing::default();
        self.state().staged.push(Staged { id, value });
    }

    /// Whether the session of a ticket may be resumed.
    pub(super) fn resume_ticket(&self, id: &SessionId) -> bool {
        let session = self.sessions.find(id, self.scope);
        self.hand_out(id, session).is_some()
    }

    /// Makes the session resumable: the credential was proven in this very conversation.
    pub(crate) fn commit(
        &self,
        authorization: Authorization,
        basis: Basis,
        chain: Vec<CertificateDer<'static>>,
    ) {
        self.store(Arc::new(SessionFacts {
            authorization,
            basis,
            chain,
            expires: self.sessions.expiry(),
        }));
    }

    /// Makes the next session of a resumed one resumable, until the same end.
    pub(crate) fn renew(&self) {
        if let Some(facts) = self.found() {
            self.store(facts);
        }
    }

    /// Ends the session that was resumed: the caller refused it.
    pub(crate) fn revoke(&self) {
        let mut state = self.state();
        state.staged.clear();
        if let Some((id, _)) = state.found.take() {
            self.sessions.remove(&id);
        }
    }

    /// A device that has a ticket comes with that, and needs nothing besides.
    fn store(&self, facts: Arc<SessionFacts>) {
        let mut state = self.state();
        let mut staged = std::mem::take(&mut state.staged);
        let resumed = state.found.as_ref().map(|(id, _)| *id);
        drop(state);
        if staged.iter().any(Staged::is_ticket) {
            staged.retain(Staged::is_ticket);
        }
        for Staged { id, value } in staged {
            let (scope, facts) = (self.scope, Arc::clone(&facts));
            // The next ticket of a resumed session is of the same session.
            if resumed != Some(id) {
                let session = Session {
                    scope,
                    value,
                    facts,
                };
                self.sessions.insert(id, &session);
            }
        }
    }

    /// Lets rustls have a session, unless its method is not offered any more, or its certificate
    /// has ended since: the handshake is a full one then, in which the device may prove itself by
    /// what is offered now, or learns what is wrong.
    fn hand_out(&self, id: &SessionId, session: Option<Session>) -> Option<Vec<u8>> {
        if session.is_none() && self.asks {
            self.state().missing.get_or_insert(*id);
        }
        let session = session.filter(|session| self.offered.contains(&session.facts.basis))?;
        if !self.still_trusts(&session.facts.chain) {
            self.sessions.remove(id);
            return None;
        }
        self.state().found = Some((*id, session.facts));
        Some(session.value.to_vec())
    }

    /// No chain is trusted without a check, and where the handshake demands one there is one.
    fn still_trusts(&self, chain: &[CertificateDer<'static>]) -> bool {
        match &self.recheck {
            _ if chain.is_empty() => self.scope.client_authorities.is_none(),
            Some(recheck) => recheck.verify(chain).is_ok(),
            None => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Staged {
    fn is_ticket(&self) -> bool {
        self.value.is_empty()
    }
}

impl StoresServerSessions for Staging {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let value = Zeroizing::new(value);
        let Ok(id) = key.try_into() else {
            return false;
        };
        self.state().staged.push(Staged { id, value });
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let id = key.try_into().ok()?;
        self.hand_out(&id, self.sessions.find(&id, self.scope))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let id = key.try_into().ok()?;
        self.hand_out(&id, self.sessions.take(&id, self.scope))
    }

    fn can_cache(&self) -> bool {
        true
    }
}

impl fmt::Debug for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Staging({:?})", self.scope)
    }
}
