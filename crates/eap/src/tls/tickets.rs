//! Keys of session tickets, and tickets that servers without a common store open.
//!
//! The latter are for EAP-TLS alone. There a ticket stands for the handshake that the device signed, and opens
//! nothing by itself: the certificate in it is verified again and the caller is asked as at a
//! full log-on, so that nodes need to know nothing of each other (E7, E8). In a tunnel the password
//! comes after the ticket has left, and only who saw it accepted may spare the device the next:
//! `session_tickets.rs`.
//!
//! ```text
//!   ticket: key's name (8) | nonce (12) | sealed: signed at (8) | rustls' state ... | tag (16)
//! ```

use super::resumption::Recheck;
use super::sessions::Scope;
use crate::reader::Reader;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use rustls::Error;
use rustls::pki_types::CertificateDer;
use rustls::server::ProducesTickets;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

const NAME_OCTETS: usize = 8;
/// Goes into the name that a key is found by, so that the name is good for nothing else.
const NAME_LABEL: &[u8] = b"Portvakt ticket key name 1";
/// Goes into every seal: tickets of another layout do not open.
const TICKET_LABEL: &[u8] = b"Portvakt ticket 1";
/// Longest state that is sealed. A chain of three RSA-4096 certificates fits; beyond it the ticket
/// costs more round trips than it saves.
pub(super) const STATE_AT_MOST: usize = 6 * 1024;
/// How far the clocks of two nodes may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(300);

/// The keys that tickets are sealed with. Cheap to clone.
///
/// A key makes the session of any device whose certificate chain is known: keys are to
/// be kept like the server's own key, and changed from time to time.
#[derive(Clone)]
pub struct TicketKeys {
    keys: Arc<[TicketKey]>,
}

struct TicketKey {
    name: [u8; NAME_OCTETS],
    key: RandomizedNonceKey,
}

impl TicketKeys {
    /// The octets of one key, which are to be random.
    pub const KEY_OCTETS: usize = 32;

    /// The first key seals; the others open what was sealed with them. `None` without any.
    pub fn new(keys: &[[u8; Self::KEY_OCTETS]]) -> Option<Self> {
        let keys: Option<Arc<[_]>> = keys.iter().map(TicketKey::new).collect();
        keys.filter(|keys| !keys.is_empty())
            .map(|keys| TicketKeys { keys })
    }

    /// Seals `parts` as one text under the first key: its name, a nonce, the ciphertext, the tag. It
    /// opens only with the same `bound_to`.
    pub(super) fn seal(&self, bound_to: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
        let TicketKey { name, key } = self.keys.first()?;
        // Sealed where it lies: nothing of the text is left in freed memory.
        let octets: usize = parts.iter().map(|part| part.len()).sum();
        let mut sealed = Vec::with_capacity(octets + key.algorithm().tag_len());
        for part in parts {
            sealed.extend_from_slice(part);
        }
        let nonce = key.seal_in_place_append_tag(Aad::from(bound_to), &mut sealed);
        Some([name.as_slice(), nonce.ok()?.as_ref(), &sealed].concat())
    }

    /// Opens what one of the keys sealed.
    pub(super) fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut reader = Reader::new(sealed);
        let name = reader.array::<NAME_OCTETS>().ok()?;
        let nonce = Nonce::assume_unique_for_key(reader.array::<NONCE_LEN>().ok()?);
        let TicketKey { key, .. } = self.keys.iter().find(|key| key.name == name)?;
        let mut content = Zeroizing::new(reader.rest().to_vec());
        let opened = key.open_in_place(nonce, Aad::from(bound_to), &mut content);
        let length = opened.ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

impl TicketKey {
    fn new(octets: &[u8; TicketKeys::KEY_OCTETS]) -> Option<Self> {
        let digest = Sha256::new().chain_update(NAME_LABEL).chain_update(octets);
        let mut name = [0; NAME_OCTETS];
        for (to, from) in name.iter_mut().zip(digest.finalize()) {
            *to = from;
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, octets).ok()?;
        Some(TicketKey { name, key })
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketKeys({})", self.keys.len())
    }
}

/// Keys and bounds of the tickets of one connection.
pub(super) struct Tickets {
    keys: TicketKeys,
    bound_to: Vec<u8>,
    lifetime: Duration,
    recheck: Recheck,
    /// Whether the device's ticket is looked at.
    opens: bool,
    /// Of the ticket that was opened, in seconds since 1970: new tickets do not postpone its end.
    /// 0 where none was.
    signed_at: AtomicU64,
    issued: AtomicBool,
}

impl Tickets {
    /// Tickets of `scope`, good for `lifetime` after the device has signed.
    pub(super) fn new(
        keys: TicketKeys,
        scope: Scope,
        lifetime: Duration,
        recheck: Recheck,
        opens: bool,
    ) -> Self {
        let authorities = scope.client_authorities.unwrap_or_default();
        Tickets {
            keys,
            bound_to: [TICKET_LABEL, &[scope.method.0], &authorities].concat(),
            lifetime,
            recheck,
            opens,
            signed_at: AtomicU64::new(0),
            issued: AtomicBool::new(false),
        }
    }

    /// Whether the device has got a ticket on this connection.
    pub(super) fn has_issued(&self) -> bool {
        self.issued.load(Ordering::Relaxed)
    }

    /// Whether a ticket of the device was opened.
    pub(super) fn has_opened(&self) -> bool {
        self.signed_at.load(Ordering::Relaxed) != 0
    }

    /// Verifies the chain that stood in a ticket as it is today (E8).
    pub(super) fn verify(&self, chain: &[CertificateDer<'static>]) -> Result<(), Error> {
        self.recheck.verify(chain)
    }

    fn now(&self) -> Option<u64> {
        self.recheck.now().map(|now| now.as_secs())
    }

    fn is_young_enough(&self, signed_at: u64) -> bool {
        self.now().is_some_and(|now| {
            signed_at <= now.saturating_add(CLOCKS_APART.as_secs())
                && now < signed_at.saturating_add(self.lifetime.as_secs())
        })
    }
}

impl ProducesTickets for Tickets {
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
        let signed_at = match self.signed_at.load(Ordering::Relaxed) {
            0 => self.now()?,
            earlier => earlier,
        };
        let ticket = (self.keys).seal(&self.bound_to, &[&signed_at.to_be_bytes(), state])?;
        self.issued.store(true, Ordering::Relaxed);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let content = self
            .opens
            .then(|| self.keys.open(&self.bound_to, ticket))??;
        let (signed_at, state) = content.split_first_chunk()?;
        let signed_at = u64::from_be_bytes(*signed_at);
        if !self.is_young_enough(signed_at) {
            return None;
        }
        self.signed_at.store(signed_at, Ordering::Relaxed);
        Some(state.to_vec())
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tickets({:?})", self.keys)
    }
}

#[cfg(test)]
mod tests;
