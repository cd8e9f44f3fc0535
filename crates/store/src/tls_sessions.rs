//! TLS sessions that may be resumed, and the keys that they are sealed with, as the store takes and
//! gives them. What is inside a sealed session is not known here.

use std::fmt;

use portvakt_auth::name::AccountId;
use zeroize::Zeroizing;

use crate::StoreError;

/// The name of a session.
pub type TlsSessionId = [u8; 32];

/// A session, sealed by its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSessionRow {
    /// Its name.
    pub id: TlsSessionId,
    /// Its account: all of one are forgotten at once.
    pub account: AccountId,
    /// Its device, by any name; empty where that is unknown. Of one device two are kept.
    pub device: Vec<u8>,
    /// When it is too old, in seconds since 1970.
    pub expires_s: i64,
    /// The session.
    pub sealed: Vec<u8>,
}

/// Called once with the sealed session, or with `None`: there is none, or the database does not
/// answer in time.
pub type TlsSessionFound = Box<dyn FnOnce(Option<Vec<u8>>) + Send>;

/// The key that session tickets of a slot of time are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKeyRow {
    /// The slot, by its number.
    pub slot: i64,
    /// Random octets.
    pub key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for TicketKeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketKeyRow({}, [redacted])", self.slot)
    }
}

/// A renewal of the ticket keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketKeyRenewal {
    /// Keys for slots that have none yet. Where one has, by this server or another, that stays.
    pub offered: Vec<TicketKeyRow>,
    /// Keys of slots before this one are removed.
    pub keep_from: i64,
}

/// Called once with all keys after a renewal, oldest first.
pub type TicketKeysDone = Box<dyn FnOnce(Result<Vec<TicketKeyRow>, StoreError>) + Send>;
