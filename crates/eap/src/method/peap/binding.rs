//! Crypto-binding ([MS-PEAP] §3.1.5.5): both ends show that tunnel and inner method are theirs.
//!
//! Without it, somebody who gets a device to speak MS-CHAPv2 elsewhere can relay that through a
//! tunnel of their own. SHA-1 is what the protocol says, under TLS 1.3 too (RFC 9427 §2.4); HMAC
//! does not suffer from its collisions.

use super::tlv::{BINDING_HEAD, BINDING_OCTETS};
use crate::keys::{InnerKey, Keys};
use crate::packet::EapType;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// PEAP version 0, sent and received, and what the TLV is: as request, as response.
const REQUEST: [u8; 3] = [0, 0, 0];
const RESPONSE: [u8; 3] = [0, 0, 1];
/// Header, versions and nonce: what stands before the MAC.
const HEAD_OCTETS: usize = 40;
const MAC_OCTETS: usize = 20;
/// Octets of the Intermediate PEAP MAC Key, and of the tunnel key that makes it.
const KEY_OCTETS: usize = 40;

/// The server's end of one crypto-binding.
pub(super) struct Binding {
    /// IPMK: makes the keys of the whole log-on.
    session_key: Zeroizing<Vec<u8>>,
    /// CMK: makes the MACs.
    mac_key: Zeroizing<Vec<u8>>,
    nonce: [u8; 32],
}

impl Binding {
    /// From the tunnel's keys and that of the inner method; `nonce` is fresh.
    pub(super) fn new(tunnel: &Keys, inner: &InnerKey, nonce: [u8; 32]) -> Self {
        let tunnel_key = tunnel.msk.get(..KEY_OCTETS).unwrap_or_default();
        let label = b"Inner Methods Compound Keys".as_slice();
        let mut session_key = stretch(tunnel_key, &[label, inner.as_bytes()], 60);
        let mac_key = Zeroizing::new(session_key.split_off(KEY_OCTETS));
        Binding {
            session_key,
            mac_key,
            nonce,
        }
    }

    /// The same on a resumed session: the tunnel's keys are all there is.
    pub(super) fn of_session(tunnel: &Keys, nonce: [u8; 32]) -> Self {
        let mut keys = tunnel.msk.iter().copied();
        Binding {
            session_key: Zeroizing::new(keys.by_ref().take(KEY_OCTETS).collect()),
            mac_key: Zeroizing::new(keys.take(MAC_OCTETS).collect()),
            nonce,
        }
    }

    /// The TLV that asks the client for its own.
    pub(super) fn request(&self) -> [u8; BINDING_OCTETS] {
        let mut tlv = [0; BINDING_OCTETS];
        let head = BINDING_HEAD.iter().chain(&REQUEST).chain(&self.nonce);
        let head: Vec<u8> = head.copied().collect();
        let mac = self.mac(&head).finalize().into_bytes();
        for (to, from) in tlv.iter_mut().zip(head.iter().chain(&mac)) {
            *to = *from;
        }
        tlv
    }

    /// Whether `response`, a whole TLV, was made with the same keys. Constant-time compare.
    pub(super) fn is_answered_by(&self, response: &[u8]) -> bool {
        let Some((head, mac)) = response.split_at_checked(HEAD_OCTETS) else {
            return false;
        };
        head.get(BINDING_HEAD.len()..)
            .is_some_and(|rest| rest.starts_with(&RESPONSE))
            && self.mac(head).verify_slice(mac).is_ok()
    }

    /// MSK and EMSK of the log-on. The terminating NUL of the label counts here, and only here.
    pub(super) fn keys(&self) -> Keys {
        let label = b"Session Key Generating Function\0".as_slice();
        let material = stretch(&self.session_key, &[label], 128);
        Keys::split(material.first_chunk().unwrap_or(&[0; 128]))
    }

    /// Over the TLV with a MAC of zeros, then the type octet.
    fn mac(&self, head: &[u8]) -> Hmac<Sha1> {
        let (blank, kind) = ([0; MAC_OCTETS], [EapType::PEAP.0]);
        hmac(&self.mac_key, &[head, &blank, &kind])
    }
}

/// PRF+ ([MS-PEAP] §3.1.5.5.2.2): T1 = HMAC(key, seed 01 00 00), T2 = HMAC(key, T1 seed 02 00 00) …
fn stretch(key: &[u8], seed: &[&[u8]], octets: usize) -> Zeroizing<Vec<u8>> {
    let mut stretched = Zeroizing::new(Vec::with_capacity(octets + MAC_OCTETS));
    let mut before = Zeroizing::new([0; MAC_OCTETS]);
    for number in 1..=u8::MAX {
        if stretched.len() >= octets {
            break;
        }
        let first = if number == 1 { &[] } else { before.as_slice() };
        let end = [number, 0, 0];
        let parts = [&[first], seed, &[&end]].concat();
        *before = hmac(key, &parts).finalize().into_bytes().into();
        stretched.extend_from_slice(before.as_slice());
    }
    stretched.truncate(octets);
    stretched
}

/// `key` is at most 64 octets, the block of SHA-1; HMAC fills it up with zeros itself.
fn hmac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha1> {
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut hmac = Hmac::<Sha1>::new((&*block).into());
    parts.iter().for_each(|part| hmac.update(part));
    hmac
}
