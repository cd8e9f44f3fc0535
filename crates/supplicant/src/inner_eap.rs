//! The device's side of EAP inside the tunnel: Identity, Nak, EAP-MSCHAPv2, EAP-GTC, EAP-MD5,
//! EAP-TLS.

use super::inner::{PEER_CHALLENGE, inner_tls};
use super::inner_tls::InnerTls;
use super::{Profile, User};

const IDENTITY: u8 = 1;
const NAK: u8 = 3;
const MD5: u8 = 4;
const GTC: u8 = 6;
const TLS: u8 = 13;
const MS_CHAP_V2: u8 = 26;

/// One conversation inside the tunnel.
pub(super) struct InnerEap {
    user: User,
    accepts: Vec<u8>,
    /// There where the device accepts EAP-TLS.
    tls: Option<InnerTls>,
    nt_response: Option<[u8; 24]>,
    /// The proof that the server owes.
    owed: Option<[u8; 42]>,
    begun: bool,
    content: bool,
    tries: Vec<String>,
    new_password: Option<String>,
}

impl InnerEap {
    pub(super) fn new(user: User, accepts: Vec<u8>, profile: &Profile) -> Self {
        let tls = accepts.contains(&TLS).then(|| inner_tls(profile));
        InnerEap {
            tls,
            ..InnerEap::without_tls(user, accepts)
        }
    }

    /// The same for a device without a certificate.
    pub(super) fn without_tls(user: User, accepts: Vec<u8>) -> Self {
        InnerEap {
            user,
            accepts,
            tls: None,
            nt_response: None,
            owed: None,
            begun: false,
            content: false,
            tries: Vec::new(),
            new_password: None,
        }
    }

    /// Tries these too if asked again, and changes an expired password.
    pub(super) fn insisting(mut self, tries: Vec<String>, new_password: Option<String>) -> Self {
        (self.tries, self.new_password) = (tries, new_password);
        self
    }

    /// Whether the method has come to its end, and well.
    pub(super) fn is_content(&self) -> bool {
        self.content || self.tls.as_ref().is_some_and(InnerTls::is_content)
    }

    /// Whether the server has asked for anything.
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Key of MS-CHAPv2 and EAP-TLS; other methods have none, and the draft says zeros.
    pub(super) fn key(&self) -> Option<[u8; 32]> {
        match &self.nt_response {
            Some(response) => Some(self.user.inner_key(response)),
            None => match self.tls.as_ref().filter(|tls| tls.is_content()) {
                Some(tls) => tls.key(),
                None => Some([0; 32]),
            },
        }
    }

    /// Key of MS-CHAPv2, once it was spoken.
    pub(super) fn ms_chap_key(&self) -> Option<[u8; 32]> {
        let response = self.nt_response.as_ref()?;
        Some(self.user.inner_key(response))
    }

    /// The same as TEAP wants it: that of MS-CHAPv2 with its halves the other way round.
    pub(super) fn key_in_teap(&self) -> Option<[u8; 32]> {
        let mut key = self.key()?;
        if self.nt_response.is_some() {
            key.rotate_left(16);
        }
        Some(key)
    }

    /// Answers a request: type octet and type-data in, and out. `identifier` is the packet's, where
    /// it has one.
    pub(super) fn answer(&mut self, identifier: u8, request: &[u8]) -> Option<Vec<u8>> {
        self.begun = true;
        match request {
            [IDENTITY, ..] => Some([&[IDENTITY], self.user.identity.as_bytes()].concat()),
            [kind, ..] if !self.accepts.contains(kind) => {
                Some([&[NAK], self.accepts.as_slice()].concat())
            }
            [GTC, ..] => {
                self.content = true;
                Some([&[GTC], self.user.password.as_bytes()].concat())
            }
            [MD5, 16, challenge @ ..] => {
                self.content = true;
                let digest = self.user.chap(identifier, challenge);
                Some([&[MD5, 16], digest.as_slice()].concat())
            }
            [TLS, type_data @ ..] => {
                let answer = self.tls.as_mut()?.answer(type_data)?;
                Some([&[TLS], answer.as_slice()].concat())
            }
            [MS_CHAP_V2, 1, identifier, _, _, 16, challenge @ ..] => {
                self.respond(*identifier, challenge.first_chunk()?)
            }
            [MS_CHAP_V2, 3, _, _, _, message @ ..] => {
                self.content = self.owed.is_some_and(|owed| message.starts_with(&owed));
                Some(vec![MS_CHAP_V2, if self.content { 3 } else { 4 }])
            }
            [MS_CHAP_V2, 4, identifier, _, _, message @ ..] => {
                let insisted = self.insist(identifier.wrapping_add(1), message);
                insisted.or(Some(vec![MS_CHAP_V2, 4]))
            }
            _ => None,
        }
    }

    fn respond(&mut self, identifier: u8, challenge: &[u8; 16]) -> Option<Vec<u8>> {
        let (response, owed) = self.user.ms_chap_v2(&PEER_CHALLENGE, challenge);
        (self.nt_response, self.owed) = (Some(response), Some(owed));
        let name = self.user.identity.as_bytes();
        let [.., high, low] = (54 + name.len()).to_be_bytes();
        let header = [MS_CHAP_V2, 2, identifier, high, low, 49];
        let value = [PEER_CHALLENGE.as_slice(), &[0; 8], &response, &[0]].concat();
        Some([&header, value.as_slice(), name].concat())
    }

    /// Another response, or a change of the password, where the failure message allows it.
    fn insist(&mut self, identifier: u8, message: &[u8]) -> Option<Vec<u8>> {
        let message = std::str::from_utf8(message).ok()?;
        let challenge = challenge_of(message)?;
        if message.starts_with("E=648 ") {
            let new = self.new_password.take()?;
            return self.change(identifier, &challenge, new);
        }
        if !message.contains(" R=1 ") || self.tries.is_empty() {
            return None;
        }
        self.user.password = self.tries.remove(0);
        self.respond(identifier, &challenge)
    }

    fn change(&mut self, identifier: u8, challenge: &[u8; 16], new: String) -> Option<Vec<u8>> {
        let (encrypted_password, encrypted_hash) = self.user.encrypted_change(&new)?;
        self.user.password = new;
        let (response, owed) = self.user.ms_chap_v2(&PEER_CHALLENGE, challenge);
        (self.nt_response, self.owed) = (Some(response), Some(owed));
        let [high, low] = 586_u16.to_be_bytes();
        let header = [MS_CHAP_V2, 7, identifier, high, low];
        let parts = [
            header.as_slice(),
            &encrypted_password,
            &encrypted_hash,
            &PEER_CHALLENGE,
            &[0; 8],
            &response,
            &[0; 2],
        ];
        Some(parts.concat())
    }
}

/// Of `C=`, 32 hexadecimal digits.
fn challenge_of(message: &str) -> Option<[u8; 16]> {
    let (_, rest) = message.split_once(" C=")?;
    let number = u128::from_str_radix(rest.get(..32)?, 16).ok()?;
    Some(number.to_be_bytes())
}
