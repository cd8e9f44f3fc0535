//! Requests, signed or spoilt.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use radius::core::avp::AVP;
use radius::core::code::Code;
use radius::core::packet::Packet;
use radius::core::rfc2865;
use radius::core::rfc2869;

use super::kind;

/// The treatment of Message-Authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// It is there and right.
    Right,
    /// It is there and made with another secret.
    Wrong,
    /// It is not there.
    Missing,
    /// It is there twice.
    Twice,
    /// It has 15 octets.
    Short,
}

/// A request in the making. [`Self::octets`] gives the same octets each time.
#[derive(Clone)]
pub struct Request {
    packet: Packet,
    signature: Signature,
}

impl Request {
    /// One without attributes; the authenticator is random.
    pub fn new(code: Code, identifier: u8, secret: &[u8]) -> Self {
        Self {
            packet: Packet::new_with_identifier(code, secret, identifier),
            signature: Signature::Right,
        }
    }

    /// Takes another authenticator; for what is hidden under it, before that is added.
    #[must_use]
    pub fn authenticator(mut self, authenticator: [u8; 16]) -> Self {
        let mut octets = self.packet.encode().unwrap();
        octets[4..20].copy_from_slice(&authenticator);
        self.packet = Packet::decode(&octets, self.packet.get_secret()).unwrap();
        self
    }

    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        rfc2865::add_user_name(&mut self.packet, name);
        self
    }

    #[must_use]
    pub fn password(mut self, password: &[u8]) -> Self {
        rfc2865::add_user_password(&mut self.packet, password).unwrap();
        self
    }

    #[must_use]
    pub fn eap(mut self, packet: &[u8]) -> Self {
        rfc2869::add_eap_message(&mut self.packet, packet);
        self
    }

    #[must_use]
    pub fn with(mut self, kind: u8, value: &[u8]) -> Self {
        self.packet.add(AVP::from_bytes(kind, value));
        self
    }

    #[must_use]
    pub fn with_integer(self, kind: u8, value: u32) -> Self {
        self.with(kind, &value.to_be_bytes())
    }

    #[must_use]
    pub fn identifier(mut self, identifier: u8) -> Self {
        self.packet.set_identifier(identifier);
        self
    }

    #[must_use]
    pub fn signature(mut self, signature: Signature) -> Self {
        self.signature = signature;
        self
    }

    pub fn octets(&self) -> Vec<u8> {
        let mut packet = self.packet.clone();
        let length = if self.signature == Signature::Short {
            15
        } else {
            16
        };
        let count = match self.signature {
            Signature::Missing => 0,
            Signature::Twice => 2,
            _ => 1,
        };
        for _ in 0..count {
            packet.add(AVP::from_bytes(
                kind::MESSAGE_AUTHENTICATOR,
                &[0; 16][..length],
            ));
        }
        let mut octets = packet.encode().unwrap();
        match self.signature {
            Signature::Right => sign(&mut octets, self.packet.get_secret()),
            Signature::Wrong => sign(&mut octets, b"another secret altogether"),
            _ => {}
        }
        octets
    }
}

/// Puts the right Message-Authenticator into the first one that `datagram` has, if it has one
/// (RFC 3579 §3.2).
pub fn sign(datagram: &mut [u8], secret: &[u8]) {
    let Some(offset) = message_authenticator(datagram) else {
        return;
    };
    datagram[offset..offset + 16].fill(0);
    let signature = hmac_md5(secret, datagram);
    datagram[offset..offset + 16].copy_from_slice(&signature);
}

/// Offset of the value of the first Message-Authenticator of 16 octets.
pub(super) fn message_authenticator(packet: &[u8]) -> Option<usize> {
    let mut offset = 20;
    while let Some(&[kind, length]) = packet.get(offset..offset + 2) {
        let end = offset + usize::from(length);
        if length < 2 || end > packet.len() {
            return None;
        }
        if (kind, length) == (kind::MESSAGE_AUTHENTICATOR, 18) {
            return Some(offset + 2);
        }
        offset = end;
    }
    None
}

pub(super) fn hmac_md5(secret: &[u8], octets: &[u8]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(secret).unwrap();
    mac.update(octets);
    mac.finalize().into_bytes().into()
}
