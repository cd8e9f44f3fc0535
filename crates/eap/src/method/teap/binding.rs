//! Crypto-Binding (RFC 9930): both ends show that tunnel, inner method and what was said outside of
//! TLS are theirs.
//!
//! ```text
//!   0x80 12 | 76 (2) | 0 | Version | Received-Ver | Flags, Sub-Type | Nonce (32)
//!   EMSK Compound-MAC (20) | MSK Compound-MAC (20)
//! ```
//! Only the MAC by MSK is sent and wanted: no inner method of ours leaves anything else.

use super::keys::{MAC_OCTETS, MacKey};
use super::tlv::ErrorCode;
use crate::packet::EapType;
use crate::reader::{Reader, Short};

/// Type, length, a reserved octet, both versions.
const HEAD: [u8; 7] = [0x80, 12, 0, 76, 0, 1, 1];
/// Without the mandatory bit, which not every client sets.
const HEAD_AFTER_BIT: [u8; 6] = [12, 0, 76, 0, 1, 1];
const NONCE_OCTETS: usize = 32;
/// A whole TLV.
pub(super) const BINDING_OCTETS: usize = 80;

/// Flags: MSK Compound-MAC. Sub-Type: request.
const REQUEST: u8 = 0x20;
const MSK_PRESENT: u8 = 0x20;
const SUB_TYPE: u8 = 0x0f;
const RESPONSE: u8 = 0x01;

/// The server's end of one crypto-binding.
pub(super) struct Binding {
    key: MacKey,
    /// Its last bit is zero in the request, and one in the response.
    nonce: [u8; NONCE_OCTETS],
    /// Outer TLVs of both ends.
    outer: Vec<u8>,
}

impl Binding {
    /// `nonce` is fresh.
    pub(super) fn new(key: MacKey, mut nonce: [u8; NONCE_OCTETS], outer: &[u8]) -> Self {
        if let Some(last) = nonce.last_mut() {
            *last &= 0xfe;
        }
        Binding {
            key,
            nonce,
            outer: outer.to_vec(),
        }
    }

    /// The TLV that asks the client for its own.
    pub(super) fn request(&self) -> Vec<u8> {
        let head = [HEAD.as_slice(), &[REQUEST], &self.nonce].concat();
        let mac = self.key.mac(&self.covered(&head));
        [head.as_slice(), &[0; MAC_OCTETS], &mac].concat()
    }

    /// Whether `response`, a whole TLV, is the client's answer. Constant-time compare.
    ///
    /// # Errors
    /// The fault, as the client is told.
    pub(super) fn check(&self, response: &[u8]) -> Result<(), ErrorCode> {
        let response = Response::read(response).map_err(|_unsound| ErrorCode::BindingInvalid)?;
        let mut nonce = self.nonce;
        if let Some(last) = nonce.last_mut() {
            *last |= 1;
        }
        if response.sub_type != RESPONSE || response.nonce != nonce {
            return Err(ErrorCode::BindingInvalid);
        }
        let mac = response.msk_mac.ok_or(ErrorCode::MskMacMissing)?;
        match self.key.is_mac(&self.covered(response.head), mac) {
            true => Ok(()),
            false => Err(ErrorCode::MskMacWrong),
        }
    }

    /// Everything that the MAC runs over: the TLV with MACs of zeros, the type octet, outer TLVs.
    fn covered<'a>(&'a self, head: &'a [u8]) -> [&'a [u8]; 4] {
        const BLANK: [u8; 2 * MAC_OCTETS] = [0; 2 * MAC_OCTETS];
        const KIND: [u8; 1] = [EapType::TEAP.0];
        [head, &BLANK, &KIND, &self.outer]
    }
}

struct Response<'a> {
    /// All before the MACs.
    head: &'a [u8],
    sub_type: u8,
    nonce: [u8; NONCE_OCTETS],
    msk_mac: Option<&'a [u8]>,
}

impl<'a> Response<'a> {
    fn read(tlv: &'a [u8]) -> Result<Self, Short> {
        let mut reader = Reader::new(tlv);
        let head = Reader::new(tlv).take(BINDING_OCTETS - 2 * MAC_OCTETS)?;
        let begin: [u8; HEAD.len()] = reader.array()?;
        let flags = reader.u8()?;
        let nonce = reader.array()?;
        let _emsk_mac = reader.take(MAC_OCTETS)?;
        let msk_mac = reader.take(MAC_OCTETS)?;
        if !begin.ends_with(&HEAD_AFTER_BIT) || !reader.is_empty() {
            return Err(Short);
        }
        Ok(Response {
            head,
            sub_type: flags & SUB_TYPE,
            nonce,
            msk_mac: (flags & MSK_PRESENT != 0).then_some(msk_mac),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Chain;
    use super::{BINDING_OCTETS, Binding};
    use crate::method::teap::tlv::ErrorCode;
    use crate::tls::SuiteHash;

    fn binding(outer: &[u8]) -> Binding {
        let key = Chain::new(SuiteHash::Sha256, [7; 40]).extend(None);
        Binding::new(key, [0xff; 32], outer)
    }

    /// As a sound client answers.
    fn response(outer: &[u8]) -> Vec<u8> {
        let mut tlv = binding(outer).request();
        tlv[7] = 0x21;
        tlv[39] |= 1;
        let (head, _) = tlv.split_at(40);
        let mac = binding(outer).key.mac(&[head, &[0; 40], &[55], outer]);
        tlv[60..].copy_from_slice(&mac);
        tlv
    }

    #[test]
    fn the_clients_answer_is_known_by_its_mac() {
        assert_eq!(binding(b"outer").request().len(), BINDING_OCTETS);
        assert_eq!(binding(b"outer").check(&response(b"outer")), Ok(()));
        let error = Err(ErrorCode::MskMacWrong);
        assert_eq!(binding(b"outer").check(&response(b"other")), error);
    }

    /// Our own request sent back, and every octet of an answer altered: nothing passes.
    #[test]
    fn anything_else_is_none() {
        let ours = binding(b"");
        assert_eq!(ours.check(&ours.request()), Err(ErrorCode::BindingInvalid));
        let sound = response(b"");
        for at in (0..sound.len()).filter(|at| !(40..60).contains(at)) {
            for bit in 0..8 {
                let mut altered = sound.clone();
                altered[at] ^= 1 << bit;
                assert!(ours.check(&altered).is_err(), "octet {at}, bit {bit}");
            }
        }
        for length in 0..sound.len() {
            assert!(ours.check(&sound[..length]).is_err(), "{length} octets");
        }
        assert!(ours.check(&[sound.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn an_answer_without_our_kind_of_mac_is_none() {
        let mut emsk_only = response(b"");
        emsk_only[7] = 0x11;
        let error = Err(ErrorCode::MskMacMissing);
        assert_eq!(binding(b"").check(&emsk_only), error);
    }
}
