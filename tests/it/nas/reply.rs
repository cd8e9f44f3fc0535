//! Answers: believed only with both authenticators right, then read.

use md5::{Digest as _, Md5};
use radius::core::code::Code;
use radius::core::packet::Packet;
use radius::core::rfc2869;

use super::kind;
use super::request::{hmac_md5, message_authenticator};

const MICROSOFT: [u8; 4] = 311_u32.to_be_bytes();
const MS_MPPE_SEND_KEY: u8 = 16;
const MS_MPPE_RECV_KEY: u8 = 17;

/// An authentic answer.
pub struct Reply {
    octets: Vec<u8>,
    packet: Packet,
    secret: Vec<u8>,
    request_authenticator: [u8; 16],
}

/// Keys as they were hidden, and their salts.
pub struct MppeKeys {
    /// MS-MPPE-Recv-Key.
    pub receive: Vec<u8>,
    /// MS-MPPE-Send-Key.
    pub send: Vec<u8>,
    /// Of both.
    pub salts: [[u8; 2]; 2],
}

impl Reply {
    /// Checks Response Authenticator and Message-Authenticator; the latter must come first (R2).
    pub fn read(octets: &[u8], request: &[u8], secret: &[u8]) -> Self {
        assert!(
            Packet::is_authentic_response(octets, request, secret),
            "the Response Authenticator is wrong"
        );
        let packet = Packet::decode(octets, secret).unwrap();
        assert_eq!(octets[1], request[1], "the identifier is another one");
        let reply = Self {
            octets: octets.to_vec(),
            packet,
            secret: secret.to_vec(),
            request_authenticator: request[4..20].try_into().unwrap(),
        };
        reply.check_message_authenticator();
        reply
    }

    fn check_message_authenticator(&self) {
        let kinds = self.kinds();
        assert_eq!(
            kinds.first(),
            Some(&kind::MESSAGE_AUTHENTICATOR),
            "{kinds:?}"
        );
        let copies = kinds
            .iter()
            .filter(|&&one| one == kind::MESSAGE_AUTHENTICATOR);
        assert_eq!(copies.count(), 1);
        let offset = message_authenticator(&self.octets).unwrap();
        let mut signed = self.octets.clone();
        signed[4..20].copy_from_slice(&self.request_authenticator);
        signed[offset..offset + 16].fill(0);
        let expected = hmac_md5(&self.secret, &signed);
        assert_eq!(self.octets[offset..offset + 16], expected);
    }

    pub fn code(&self) -> Code {
        self.packet.get_code()
    }

    pub fn is_accept(&self) -> bool {
        self.code() == Code::AccessAccept
    }

    pub fn is_reject(&self) -> bool {
        self.code() == Code::AccessReject
    }

    /// The whole packet.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Attribute numbers in the order in which they stand; `radius` keeps those to itself.
    pub fn kinds(&self) -> Vec<u8> {
        let (mut kinds, mut rest) = (Vec::new(), &self.octets[20..]);
        while let [kind, length, ..] = *rest {
            kinds.push(kind);
            rest = &rest[usize::from(length)..];
        }
        kinds
    }

    /// All values of an attribute, in order.
    pub fn values(&self, kind: u8) -> Vec<Vec<u8>> {
        let values = self.packet.lookup_all(kind).into_iter();
        values.map(|value| value.encode_bytes()).collect()
    }

    pub fn value(&self, kind: u8) -> Option<Vec<u8>> {
        self.packet.lookup(kind).map(|value| value.encode_bytes())
    }

    /// The EAP packet, put together.
    pub fn eap(&self) -> Option<Vec<u8>> {
        rfc2869::lookup_eap_message(&self.packet).filter(|packet| !packet.is_empty())
    }

    /// MS-MPPE-Recv-Key and MS-MPPE-Send-Key (RFC 2548 §2.4).
    pub fn mppe_keys(&self) -> Option<MppeKeys> {
        let (receive, receive_salt) = self.mppe_key(MS_MPPE_RECV_KEY)?;
        let (send, send_salt) = self.mppe_key(MS_MPPE_SEND_KEY)?;
        Some(MppeKeys {
            receive,
            send,
            salts: [receive_salt, send_salt],
        })
    }

    fn mppe_key(&self, kind: u8) -> Option<(Vec<u8>, [u8; 2])> {
        let values = self.values(kind::VENDOR_SPECIFIC);
        let value = values
            .iter()
            .find(|value| value[..4] == MICROSOFT && value[4] == kind)?;
        let salt = [value[6], value[7]];
        let plain = self.reveal(&value[8..], salt);
        let length = usize::from(plain[0]);
        Some((plain[1..=length].to_vec(), salt))
    }

    fn reveal(&self, hidden: &[u8], salt: [u8; 2]) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut chain = [self.request_authenticator.as_slice(), &salt].concat();
        for block in hidden.chunks(16) {
            let pad = Md5::new().chain_update(&self.secret).chain_update(&chain);
            let pad = pad.finalize();
            plain.extend(
                block
                    .iter()
                    .zip(pad.iter())
                    .map(|(hidden, pad)| hidden ^ pad),
            );
            chain = block.to_vec();
        }
        plain
    }
}
