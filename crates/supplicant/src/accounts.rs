//! One user with a password, who can tell a right credential of any kind from a wrong one.

use md5::{Digest, Md5};
use portvakt_auth::NtHash;
use portvakt_auth::mschap::{
    self, ENCRYPTED_PASSWORD_OCTETS, MsChapExchange, MsChapV2Exchange, PasswordChange,
};
use portvakt_eap::{InnerCredential, InnerKey, Verdict};

/// A user, as the caller knows them and as their device does.
#[derive(Clone, Debug)]
pub struct User {
    /// With or without a realm.
    pub identity: String,
    /// In clear: it is a test.
    pub password: String,
}

impl User {
    /// The caller's verdict. Keys of MS-CHAPv2 go along, so PEAP offers crypto-binding.
    pub fn judge(&self, credential: &InnerCredential) -> Verdict {
        let hash = NtHash::of_password(&self.password);
        let right = match credential {
            InnerCredential::Password { identity, password } => {
                self.is(identity) && password.as_bytes() == self.password.as_bytes()
            }
            InnerCredential::Chap {
                identity,
                identifier,
                challenge,
                response,
            } => self.is(identity) && *response == self.chap(*identifier, challenge),
            InnerCredential::MsChap {
                identity,
                challenge,
                nt_response,
            } => {
                let exchange = MsChapExchange {
                    challenge: *challenge,
                    nt_response: *nt_response,
                };
                self.is(identity) && mschap::check_v1(&hash, &exchange).is_some()
            }
            InnerCredential::MsChapV2 {
                identity,
                name,
                authenticator_challenge,
                peer_challenge,
                nt_response,
            } => {
                let exchange = MsChapV2Exchange {
                    name: name.clone(),
                    authenticator_challenge: *authenticator_challenge,
                    peer_challenge: *peer_challenge,
                    nt_response: *nt_response,
                };
                return self.judge_ms_chap_v2(identity, &hash, &exchange);
            }
            InnerCredential::Certificate { certificate } => {
                certificate.san_emails.contains(&self.identity)
            }
            InnerCredential::MsChapV2Change { .. } | InnerCredential::Resumed { .. } => false,
        };
        match right {
            true => Verdict::Accepted,
            false => Verdict::Refused,
        }
    }

    fn judge_ms_chap_v2(
        &self,
        identity: &[u8],
        hash: &NtHash,
        exchange: &MsChapV2Exchange,
    ) -> Verdict {
        let success = mschap::check_v2(hash, exchange).filter(|_| self.is(identity));
        success.map_or(Verdict::Refused, |success| Verdict::AcceptedMsChapV2 {
            authenticator_response: success.authenticator_response,
            inner_key: success.keys.msk().first_chunk().copied().map(InnerKey::new),
        })
    }

    /// The caller's verdict on a change from this user's password, and the new password.
    pub fn judge_change(&self, credential: &InnerCredential) -> Option<(String, Verdict)> {
        let InnerCredential::MsChapV2Change {
            identity,
            name,
            authenticator_challenge,
            peer_challenge,
            nt_response,
            encrypted_password,
            encrypted_hash,
        } = credential
        else {
            return None;
        };
        let exchange = MsChapV2Exchange {
            name: name.clone(),
            authenticator_challenge: *authenticator_challenge,
            peer_challenge: *peer_challenge,
            nt_response: *nt_response,
        };
        let change = PasswordChange {
            encrypted_password: encrypted_password.clone(),
            encrypted_hash: *encrypted_hash,
            exchange,
        };
        let new = mschap::open_change(&NtHash::of_password(&self.password), &change)?;
        let verdict = self.judge_ms_chap_v2(identity, new.nt_hash(), &change.exchange);
        Some((new.text()?.to_string(), verdict))
    }

    /// Encrypted-Password and Encrypted-Hash for a change from this user's password.
    pub(super) fn encrypted_change(
        &self,
        new: &str,
    ) -> Option<([u8; ENCRYPTED_PASSWORD_OCTETS], [u8; 16])> {
        let old = NtHash::of_password(&self.password);
        let password = mschap::encrypted_password(new, &old, &[0x5a; 512])?;
        let hash = mschap::encrypted_hash(&old, &NtHash::of_password(new));
        Some((password, hash))
    }

    fn is(&self, identity: &[u8]) -> bool {
        identity == self.identity.as_bytes()
    }

    /// RFC 1994 §4.1.
    pub(super) fn chap(&self, identifier: u8, challenge: &[u8]) -> [u8; 16] {
        let digest = Md5::new()
            .chain_update([identifier])
            .chain_update(&self.password)
            .chain_update(challenge);
        digest.finalize().into()
    }

    /// NT-Response, and the proof that is to come back for it.
    pub(super) fn ms_chap_v2(&self, ours: &[u8; 16], theirs: &[u8; 16]) -> ([u8; 24], [u8; 42]) {
        let hash = NtHash::of_password(&self.password);
        let mut exchange = MsChapV2Exchange {
            name: self.identity.as_bytes().to_vec(),
            authenticator_challenge: *theirs,
            peer_challenge: *ours,
            nt_response: [0; 24],
        };
        let nt_response = mschap::nt_response(&hash, &exchange);
        exchange.nt_response = nt_response;
        (
            nt_response,
            mschap::authenticator_response(&hash, &exchange),
        )
    }

    /// RFC 2433.
    pub(super) fn ms_chap(&self, challenge: &[u8; 8]) -> [u8; 24] {
        mschap::nt_response_v1(&NtHash::of_password(&self.password), challenge)
    }

    /// Key of MS-CHAPv2, which both ends have.
    pub(super) fn inner_key(&self, nt_response: &[u8; 24]) -> [u8; 32] {
        let hash = NtHash::of_password(&self.password);
        let msk = mschap::MppeKeys::derive(&hash, nt_response).msk();
        msk.first_chunk().copied().unwrap_or_default()
    }
}
