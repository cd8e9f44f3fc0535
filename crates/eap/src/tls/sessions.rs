//! Sessions that a device may resume: in memory, bounded, ended by age or with their account.
//!
//! Two sharded maps: sessions by the random id that rustls gave them, and ids by account. Where
//! both are locked, the account comes first.

use super::certificate_identity::CertificateIdentity;
use crate::identity_type::IdentityType;
use crate::method_name::MethodName;
use crate::packet::EapType;
use ahash::RandomState;
use dashmap::DashMap;
use rustls::pki_types::CertificateDer;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

/// Most sessions of one account: a person's devices, each a few times. Beyond it the oldest ends,
/// so that nobody fills the store with the log-ons of one account.
const PER_ACCOUNT_AT_MOST: usize = 32;

/// Most sessions of one device: the one that it will come back on, and the one before, in case the
/// answer with the newest was lost.
const PER_DEVICE_AT_MOST: usize = 2;

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
    /// stays in this process.
    pub context: Vec<u8>,
}

/// A session as it is kept.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) scope: Scope,
    /// As rustls wrote it: enough to impersonate the device.
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

/// The sessions of all methods, for one process. Cheap to clone: clones share the store, and it
/// outlives every [`ServerTls`](crate::ServerTls) that it is given to.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<Store>,
}

struct Store {
    sessions: DashMap<Box<[u8]>, Session, RandomState>,
    accounts: DashMap<Box<str>, VecDeque<Listed>, RandomState>,
    capacity: usize,
    time_to_live: Duration,
    now_ms: AtomicU64,
}

/// A session in the list of its account.
struct Listed {
    id: Box<[u8]>,
    /// Hash of the device's name; `None` where it is unknown.
    device: Option<u64>,
}

impl Sessions {
    /// A working day: a device that logs on in the morning roams until the evening.
    pub const USUAL_TIME_TO_LIVE: Duration = Duration::from_secs(8 * 3600);
    /// The maximum of RFC 8446 §4.6.1 (E7); longer ones are cut to it.
    pub const LONGEST_TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 3600);

    /// An empty store for at most `capacity` sessions (about 700 octets each, with client certificates
    /// 3 kB); none lives longer than `time_to_live` after the last full log-on.
    pub fn new(capacity: usize, time_to_live: Duration) -> Self {
        Sessions {
            store: Arc::new(Store {
                sessions: DashMap::default(),
                accounts: DashMap::default(),
                capacity,
                time_to_live: time_to_live.min(Self::LONGEST_TIME_TO_LIVE),
                now_ms: AtomicU64::new(0),
            }),
        }
    }

    /// Tells the time, since any fixed beginning; to be called about once a second. It never goes
    /// back. Where nobody tells it, sessions never grow old.
    pub fn advance(&self, now: Duration) {
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.store.now_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// Frees what is too old to be resumed; returns how many. Looks at every session.
    pub fn sweep(&self) -> usize {
        let now = self.now();
        let is_old = |session: &Session| session.facts.expires <= now;
        let old: Vec<_> = self
            .store
            .sessions
            .iter()
            .filter(|entry| is_old(entry.value()))
            .map(|entry| entry.key().clone())
            .collect();
        old.iter().filter(|id| self.remove(id)).count()
    }

    /// Ends all sessions of an account at once; returns how many.
    pub fn forget(&self, account: &str) -> usize {
        let Some((_, ids)) = self.store.accounts.remove(account) else {
            return 0;
        };
        let sessions = &self.store.sessions;
        ids.iter()
            .filter(|listed| sessions.remove(&listed.id).is_some())
            .count()
    }

    /// How many sessions there are, old ones included.
    pub fn len(&self) -> usize {
        self.store.sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.store.sessions.is_empty()
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

    /// The session of that id, if it belongs to `scope` and is young enough.
    pub(super) fn find(&self, id: &[u8], scope: Scope) -> Option<Session> {
        let now = self.now();
        let session = self.store.sessions.get(id)?;
        session.is_usable(scope, now).then(|| session.clone())
    }

    /// As [`Sessions::find`], for ids that are good for one use.
    pub(super) fn take(&self, id: &[u8], scope: Scope) -> Option<Session> {
        let now = self.now();
        let taken = self
            .store
            .sessions
            .remove_if(id, |_, session| session.is_usable(scope, now));
        let (id, session) = taken?;
        self.unlist(&session.facts.authorization.account, &id);
        Some(session)
    }

    /// Keeps a session from now on; where the store is full, it is not kept.
    pub(super) fn insert(&self, id: Vec<u8>, session: Session) {
        if self.len() >= self.store.capacity {
            return;
        }
        let authorization = &session.facts.authorization;
        let accounts = &self.store.accounts;
        let mut ids = accounts
            .entry(authorization.account.as_str().into())
            .or_default();
        let device = (!authorization.device.is_empty())
            .then(|| accounts.hasher().hash_one(&authorization.device));
        let place = ids.iter().position(|listed| listed.device == device);
        let of_device = ids.iter().filter(|listed| listed.device == device).count();
        let superseded = place.filter(|_| device.is_some() && of_device >= PER_DEVICE_AT_MOST);
        let crowded_out = (ids.len() >= PER_ACCOUNT_AT_MOST).then_some(0);
        let ended = superseded
            .or(crowded_out)
            .and_then(|place| ids.remove(place));
        if let Some(ended) = ended {
            self.store.sessions.remove(&ended.id);
        }
        let id = Box::<[u8]>::from(id);
        ids.push_back(Listed {
            id: id.clone(),
            device,
        });
        self.store.sessions.insert(id, session);
    }

    /// Ends one session; whether there was one.
    pub(super) fn remove(&self, id: &[u8]) -> bool {
        match self.store.sessions.remove(id) {
            Some((id, session)) => {
                self.unlist(&session.facts.authorization.account, &id);
                true
            }
            None => false,
        }
    }

    fn unlist(&self, account: &str, id: &[u8]) {
        if let Some(mut ids) = self.store.accounts.get_mut(account) {
            ids.retain(|listed| *listed.id != *id);
        }
        self.store
            .accounts
            .remove_if(account, |_, ids| ids.is_empty());
    }
}

impl Session {
    fn is_usable(&self, scope: Scope, now: Duration) -> bool {
        self.scope == scope && now < self.facts.expires
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({} of {})", self.len(), self.store.capacity)
    }
}

#[cfg(test)]
mod tests;
