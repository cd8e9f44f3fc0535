//! Tickets of sessions that are kept: any node opens them that has the keys, and none lets a device
//! in by them alone.
//!
//! A ticket of TTLS, PEAP or TEAP leaves when the handshake ends, before the password has come. It
//! carries the state of TLS, so that no secret of it is kept elsewhere, and the name of a session. That
//! the log-on succeeded stands in the session ([`Sessions`](super::Sessions)); without it the
//! handshake is a full one (RFC 5281 §7.5, RFC 9427 §4, CVE-2017-9148).
//!
//! ```text
//!   ticket: key's name (8) | nonce (12) | sealed: session (32) | rustls' state ... | tag (16)
//! ```

use super::resumption::Staging;
use super::sessions::{Scope, SessionId};
use super::tickets::{STATE_AT_MOST, TicketKeys};
use rustls::server::ProducesTickets;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Goes into every seal: tickets of another layout do not open.
const TICKET_LABEL: &[u8] = b"Portvakt session ticket 1";
/// Goes into the name of a session.
const NAME_LABEL: &[u8] = b"Portvakt session name 1";

/// Keys and bounds of the tickets of one connection.
pub(super) struct SessionTickets {
    keys: TicketKeys,
    bound_to: Vec<u8>,
    lifetime: Duration,
    staging: Arc<Staging>,
    sessions: Mutex<Named>,
}

/// Sessions by their names.
#[derive(Default)]
struct Named {
    /// Of the device's ticket that was opened last.
    opened: Option<SessionId>,
    /// The one that the handshake resumed.
    resumed: Option<SessionId>,
}

impl SessionTickets {
    /// Tickets of `scope`, good for `lifetime` after they were issued at most.
    pub(super) fn new(
        keys: TicketKeys,
        scope: Scope,
        lifetime: Duration,
        staging: Arc<Staging>,
    ) -> Self {
        let authorities = scope.client_authorities.unwrap_or_default();
        let method = [scope.method.0];
        SessionTickets {
            keys,
            bound_to: [TICKET_LABEL, super::STATE_FORMAT, &method, &authorities].concat(),
            lifetime,
            staging,
            sessions: Mutex::default(),
        }
    }

    /// The handshake resumes the session of the ticket opened last: the next ticket is of the same
    /// session.
    pub(super) fn note_resumption(&self) {
        let mut named = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        named.resumed = named.opened;
    }

    fn resumed(&self) -> Option<SessionId> {
        let named = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        named.resumed
    }
}

/// The name of a new session: a digest of its state, whose secrets are like no other's.
fn name(state: &[u8]) -> SessionId {
    let digest = Sha256::new().chain_update(NAME_LABEL).chain_update(state);
    digest.finalize().into()
}

impl ProducesTickets for SessionTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, state: &[u8]) -> Option<Vec<u8>> {
        if state.len() > STATE_AT_MOST {
            return None;
        }
        let id = self.resumed().unwrap_or_else(|| name(state));
        let ticket = self.keys.seal(&self.bound_to, &[&id, state])?;
        self.staging.stage_ticket(id);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let content = self.keys.open(&self.bound_to, ticket)?;
        let (id, state) = content.split_first_chunk()?;
        if !self.staging.resume_ticket(id) {
            return None;
        }
        let mut named = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        named.opened = Some(*id);
        Some(state.to_vec())
    }
}

impl fmt::Debug for SessionTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionTickets({:?})", self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::SessionTickets;
    use crate::identity_type::IdentityType;
    use crate::method_name::MethodName;
    use crate::packet::EapType;
    use crate::tls::resumption::Staging;
    use crate::tls::sessions::{Authorization, Basis, Scope, Sessions};
    use crate::tls::tickets::{STATE_AT_MOST, TicketKeys};
    use rustls::server::ProducesTickets;
    use std::sync::Arc;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);
    const TTLS: Scope = Scope {
        method: EapType::TTLS,
        client_authorities: None,
    };
    const BASIS: Basis = Basis {
        method: MethodName::TtlsPap,
        identity: IdentityType::User,
    };

    struct Connection {
        staging: Arc<Staging>,
        tickets: SessionTickets,
    }

    fn connect(sessions: &Sessions, scope: Scope) -> Connection {
        let staging = Staging::new(sessions.clone(), scope, None, Arc::from([BASIS]), false);
        let staging = Arc::new(staging);
        let keys = TicketKeys::new(&[[1; 32]]).unwrap();
        Connection {
            tickets: SessionTickets::new(keys, scope, HOUR, Arc::clone(&staging)),
            staging,
        }
    }

    /// A log-on of an account; its ticket.
    fn log_on(sessions: &Sessions, account: &str, state: &[u8]) -> Vec<u8> {
        let connection = connect(sessions, TTLS);
        let ticket = connection.tickets.encrypt(state).unwrap();
        commit(&connection, account);
        ticket
    }

    fn commit(connection: &Connection, account: &str) {
        let authorization = Authorization {
            account: account.into(),
            device: Vec::new(),
            identity: Vec::new(),
            context: Vec::new(),
        };
        connection.staging.commit(authorization, BASIS, Vec::new());
    }

    fn account_of(sessions: &Sessions, ticket: &[u8]) -> Option<String> {
        let connection = connect(sessions, TTLS);
        connection.tickets.decrypt(ticket)?;
        let facts = connection.staging.found()?;
        Some(facts.authorization.account.clone())
    }

    /// Who presents a ticket that was overheard, and goes on with a full handshake, gets a ticket of
    /// a session of their own.
    #[test]
    fn overheard_ticket_leads_to_no_other_account() {
        let sessions = Sessions::new(10, HOUR);
        let overheard = log_on(&sessions, "anna", b"state of anna");
        let attacker = connect(&sessions, TTLS);
        assert!(attacker.tickets.decrypt(&overheard).is_some());
        let own = attacker.tickets.encrypt(b"state of mallory").unwrap();
        commit(&attacker, "mallory");
        assert_eq!(account_of(&sessions, &own).as_deref(), Some("mallory"));
        assert_eq!(account_of(&sessions, &overheard).as_deref(), Some("anna"));
    }

    #[test]
    fn next_ticket_of_a_resumed_session_is_of_the_same_session() {
        let sessions = Sessions::new(10, HOUR);
        let first = log_on(&sessions, "anna", b"state");
        let again = connect(&sessions, TTLS);
        assert_eq!(again.tickets.decrypt(&first).unwrap(), b"state");
        again.tickets.note_resumption();
        let next = again.tickets.encrypt(b"next state").unwrap();
        again.staging.renew();
        assert_eq!(sessions.len(), 1);
        assert_eq!(account_of(&sessions, &next).as_deref(), Some("anna"));
    }

    #[test]
    fn ticket_opens_nothing_in_another_scope_or_after_its_session() {
        let sessions = Sessions::new(10, HOUR);
        let ticket = log_on(&sessions, "anna", b"state");
        let peap = Scope {
            method: EapType::PEAP,
            ..TTLS
        };
        assert_eq!(connect(&sessions, peap).tickets.decrypt(&ticket), None);
        for index in 0..ticket.len() {
            let mut altered = ticket.clone();
            altered[index] ^= 1;
            let opened = connect(&sessions, TTLS).tickets.decrypt(&altered);
            assert_eq!(opened, None, "{index}");
        }
        assert_eq!(account_of(&sessions, &ticket).as_deref(), Some("anna"));
        sessions.forget("anna");
        assert_eq!(account_of(&sessions, &ticket), None);
    }

    #[test]
    fn uncommitted_ticket_opens_nothing() {
        let sessions = Sessions::new(10, HOUR);
        let connection = connect(&sessions, TTLS);
        let ticket = connection.tickets.encrypt(b"state").unwrap();
        assert_eq!(account_of(&sessions, &ticket), None);
        let long = vec![0; STATE_AT_MOST + 1];
        assert_eq!(connection.tickets.encrypt(&long), None);
    }
}
