//! Sessions that a device may resume: in memory, bounded, ended by age or with their account. A
//! [`SessionKeeper`] keeps them elsewhere too, sealed, for a restart and for other nodes.

mod record;
mod table;

use super::certificate_identity::CertificateIdentity;
use super::tickets::TicketKeys;
use crate::identity_type::IdentityType;
use crate::method_name::MethodName;
use crate::packet::EapType;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use table::{Entry, Table};
use zeroize::Zeroizing;

/// Goes into the seal of each record, before the session's id.
const RECORD_LABEL: &[u8] = b"Portvakt TLS session 1";

/// Most octets of memory for each session that there is room for.
const SESSION_OCTETS: usize = 1024;

/// Name of a session: a session id of TLS 1.2, a ticket of TLS 1.3 that is nothing but a name, or
/// the digest of what a sealed ticket carries. Known to whoever overhears the device.
pub type SessionId = [u8; 32];

/// Scope of a session, which the connection that resumes it must share: one without a client
/// certificate must not open a method that demands one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) method: EapType,
    /// SHA-256 over the authorities that client certificates are checked against.
    pub(crate) client_authorities: Option<[u8; 32]>,
}

/// Data of a full log-on from the caller, given back when its session is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Account of the session: the argument of [`Sessions::forget`].
    pub account: String,
    /// The device, by any name of it: of one device the two newest sessions are kept. Empty where
    /// it is unknown.
    pub device: Vec<u8>,
    /// The inner identity of the full log-on, as sent.
    pub identity: Vec<u8>,
    /// Anything that the caller wants to see again, for instance the credential's version. It
    /// leaves this process only sealed.
    pub context: Vec<u8>,
}

/// A session as it is used.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) scope: Scope,
    /// As rustls wrote it: enough to impersonate the device. Empty where the device has it in a
    /// ticket.
    pub(super) value: Zeroizing<Vec<u8>>,
    pub(super) facts: Arc<SessionFacts>,
}

/// The basis of a log-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    /// The method, inner one included.
    pub(crate) method: MethodName,
    /// The identity that it proved.
    pub(crate) identity: IdentityType,
}

/// Facts of a session besides its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionFacts {
    pub(crate) authorization: Authorization,
    /// Of the full log-on.
    pub(crate) basis: Basis,
    /// The client's certificate chain, leaf first, whether the handshake showed it or EAP-TLS
    /// inside the tunnel; empty where it has none.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// When the last proof of the credential is too old: new tickets do not postpone it.
    pub(super) expires: Duration,
}

impl SessionFacts {
    /// The identity in the certificate that the log-on rested on; `None` where it rested on none.
    pub(crate) fn certificate(&self) -> Option<Box<CertificateIdentity>> {
        let leaf = self.chain.first()?;
        CertificateIdentity::read(leaf).map(Box::new)
    }
}

/// A session for a [`SessionKeeper`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSession {
    /// Its name, by which it is asked for.
    pub id: SessionId,
    /// Its account, by which it is forgotten.
    pub account: String,
    /// [`Authorization::device`].
    pub device: Vec<u8>,
    /// When it is too old, on the clock of [`Sessions::advance`].
    pub expires: Duration,
    /// All of it, sealed under the first of the ticket keys: the argument of [`Sessions::adopt`].
    pub sealed: Vec<u8>,
}

/// Keeps sessions outside this process. No method blocks; what is lost costs its device a full
/// log-on, and nothing else.
pub trait SessionKeeper: Send + Sync {
    /// A log-on succeeded, and may be resumed.
    fn keep(&self, session: KeptSession);
    /// A session of an account is used up, or gave way to a newer one.
    fn end(&self, id: SessionId, account: &str);
    /// All sessions of an account are over.
    fn forget(&self, account: &str);
}

/// The sessions of all methods, for one process. Cheap to clone: clones share the store, and it
/// outlives every [`ServerTls`](crate::ServerTls) that it is given to.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<Store>,
}

struct Store {
    table: Table,
    time_to_live: Duration,
    now_ms: AtomicU64,
    keeper: OnceLock<Arc<dyn SessionKeeper>>,
    keys: RwLock<Option<TicketKeys>>,
}

impl Sessions {
    /// A working day: a device that logs on in the morning roams until the evening.
    pub const USUAL_TIME_TO_LIVE: Duration = Duration::from_secs(8 * 3600);
    /// The maximum of RFC 8446 §4.6.1 (E7); longer ones are cut to it.
    pub const LONGEST_TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

    /// An empty store with room for `capacity` sessions of one kibibyte each (one takes some 400
    /// octets; with client certificates, 3 kB); none lives longer than `time_to_live` after the last
    /// full log-on.
    pub fn new(capacity: usize, time_to_live: Duration) -> Self {
        Self::of_octets(capacity.saturating_mul(SESSION_OCTETS), time_to_live)
    }

    fn of_octets(octets: usize, time_to_live: Duration) -> Self {
        Sessions {
            store: Arc::new(Store {
                table: Table::new(octets),
                time_to_live: time_to_live.min(Self::LONGEST_TIME_TO_LIVE),
                now_ms: AtomicU64::new(0),
                keeper: OnceLock::new(),
                keys: RwLock::new(None),
            }),
        }
    }

    /// Has each session kept by `keeper` as well, and lets devices ask for sessions that are not in
    /// memory ([`Step::FindSession`](crate::Step::FindSession)). Without
    /// [keys](Sessions::set_ticket_keys) nothing is kept. The first call counts.
    pub fn set_keeper(&self, keeper: Arc<dyn SessionKeeper>) {
        let _ = self.store.keeper.set(keeper);
    }

    /// Seals tickets and kept sessions under the first of `keys` from now on, and opens them with
    /// any. Without keys a device holds the name of a session in this memory.
    pub fn set_ticket_keys(&self, keys: TicketKeys) {
        let mut place = self
            .store
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some(keys);
    }

    /// The keys of tickets, if there are any.
    pub(super) fn ticket_keys(&self) -> Option<TicketKeys> {
        let keys = self
            .store
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        keys.clone()
    }

    /// Tells the time, since any fixed beginning, which is the same at all nodes that share
    /// sessions; to be called about once a second. It never goes back. Where nobody tells it,
    /// sessions never grow old.
    pub fn advance(&self, now: Duration) {
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.store.now_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// Frees what is too old to be resumed; returns how many. Looks at every session.
    pub fn sweep(&self) -> usize {
        let now = self.now();
        let old = self.store.table.ids(|entry| entry.expires <= now);
        let dropped = old.iter().filter_map(|id| self.drop_from_memory(id));
        dropped.count()
    }

    /// Ends all sessions of an account at once; returns how many were in memory.
    pub fn forget(&self, account: &str) -> usize {
        if let Some(keeper) = self.store.keeper.get() {
            keeper.forget(account);
        }
        self.store.table.forget(account)
    }

    /// How many sessions are in memory, old ones included.
    pub fn len(&self) -> usize {
        self.store.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory of all sessions, as far as it is counted.
    pub fn octets(&self) -> usize {
        self.store.table.octets()
    }

    /// Takes a session that a keeper kept into memory; whether it may be resumed: it is sealed under
    /// one of the keys, for this id, and young enough.
    pub fn adopt(&self, id: SessionId, sealed: &[u8]) -> bool {
        let bound_to = bound_to(&id);
        let opened = self.ticket_keys();
        let opened = opened.and_then(|keys| keys.open(&bound_to, sealed));
        opened.is_some_and(|record| self.take_over(id, &record))
    }

    /// What is no record, too old, or lives longer than new ones do, is left.
    fn take_over(&self, id: SessionId, record: &[u8]) -> bool {
        let Ok(session) = record::read(record) else {
            return false;
        };
        let is_young = session.facts.expires > self.now();
        if is_young && session.facts.expires <= self.expiry() {
            self.put(id, &session.facts, record);
        }
        self.store.table.with(&id, |_| ()).is_some()
    }

    /// The time as last told.
    fn now(&self) -> Duration {
        Duration::from_millis(self.store.now_ms.load(Ordering::Relaxed))
    }

    /// How long a session lasts.
    pub(super) fn time_to_live(&self) -> Duration {
        self.store.time_to_live
    }

    /// When a session ends whose credential is proven now.
    pub(super) fn expiry(&self) -> Duration {
        self.now().saturating_add(self.store.time_to_live)
    }

    /// Whether sessions may be elsewhere that are not here.
    pub(super) fn has_keeper(&self) -> bool {
        self.store.keeper.get().is_some()
    }

    /// The session of that id, if it belongs to `scope` and is young enough.
    pub(super) fn find(&self, id: &SessionId, scope: Scope) -> Option<Session> {
        let now = self.now();
        let read = |entry: &Entry| record::read(&entry.record).ok();
        let session = self.store.table.with(id, read).flatten()?;
        session.is_usable(scope, now).then_some(session)
    }

    /// As [`Sessions::find`], for ids that are good for one use.
    pub(super) fn take(&self, id: &SessionId, scope: Scope) -> Option<Session> {
        let session = self.find(id, scope)?;
        // Of two that take it at once, one has it.
        self.remove(id).then_some(session)
    }

    /// Keeps a session from now on; memory that is full does not.
    pub(super) fn insert(&self, id: SessionId, session: &Session) {
        let Some(record) = record::write(session) else {
            return;
        };
        self.hand_to_keeper(id, &session.facts, &record);
        self.put(id, &session.facts, &record);
    }

    fn hand_to_keeper(&self, id: SessionId, facts: &SessionFacts, record: &[u8]) {
        let keeper = self.store.keeper.get();
        let Some((keeper, keys)) = keeper.zip(self.ticket_keys()) else {
            return;
        };
        if let Some(sealed) = keys.seal(&bound_to(&id), &[record]) {
            keeper.keep(KeptSession {
                id,
                account: facts.authorization.account.clone(),
                device: facts.authorization.device.clone(),
                expires: facts.expires,
                sealed,
            });
        }
    }

    fn put(&self, id: SessionId, facts: &SessionFacts, record: &[u8]) {
        let Authorization {
            account, device, ..
        } = &facts.authorization;
        let entry = Entry {
            expires: facts.expires,
            record: record.into(),
        };
        let ended = self.store.table.insert(id, account, device, entry);
        if let Some((ended, keeper)) = ended.zip(self.store.keeper.get()) {
            keeper.end(ended, account);
        }
    }

    /// Ends one session; whether there was one in memory.
    pub(super) fn remove(&self, id: &SessionId) -> bool {
        let Some(account) = self.drop_from_memory(id) else {
            return false;
        };
        if let Some(keeper) = self.store.keeper.get() {
            keeper.end(*id, &account);
        }
        true
    }

    /// Frees one session; returns its account. Of two that do it at once, one has it.
    fn drop_from_memory(&self, id: &SessionId) -> Option<String> {
        let table = &self.store.table;
        let read = |entry: &Entry| record::read(&entry.record).ok();
        let facts = table.with(id, read).flatten()?.facts;
        let account = &facts.authorization.account;
        table.remove(id, account).map(|_| account.clone())
    }
}

/// Authenticated with the record of a session: it is of no other, and not of a library whose states
/// are laid out in another way.
fn bound_to(id: &SessionId) -> Vec<u8> {
    [RECORD_LABEL, super::STATE_FORMAT, id].concat()
}

impl Session {
    fn is_usable(&self, scope: Scope, now: Duration) -> bool {
        self.scope == scope && now < self.facts.expires
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.store.table;
        let (octets, most) = (table.octets(), table.octets_at_most());
        write!(f, "Sessions({}; {octets} of {most} octets)", self.len())
    }
}

#[cfg(test)]
mod tests;
