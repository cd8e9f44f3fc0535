//! EAP-MD5 (RFC 3748 §5.4): CHAP as an EAP method. Our challenge out, a digest back.
//!
//! ```text
//!   Type 4 | Value-Size | challenge or digest | name
//! ```

use super::{EapInside, InnerStep};
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::packet::EapType;
use crate::reader::{Reader, Short};

const CHALLENGE_OCTETS: u8 = 16;
const DIGEST_OCTETS: u8 = 16;

/// One run of EAP-MD5. It says nothing after the verdict: the tunnel's method does.
pub(super) struct EapMd5 {
    challenge: [u8; 16],
    identifier: u8,
}

impl EapMd5 {
    /// Cuts the challenge from `seed`.
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let mut challenge = [0; 16];
        for (to, from) in challenge.iter_mut().zip(seed) {
            *to = *from;
        }
        EapMd5 {
            challenge,
            identifier: 0,
        }
    }
}

impl EapInside for EapMd5 {
    fn method(&self) -> InnerMethod {
        InnerMethod::EapMd5
    }

    /// The digest is made with the identifier of the packet that brings the challenge.
    fn start(&mut self, identifier: u8) -> Vec<u8> {
        self.identifier = identifier;
        let header = [EapType::MD5_CHALLENGE.0, CHALLENGE_OCTETS];
        [header.as_slice(), &self.challenge].concat()
    }

    fn handle(&mut self, identity: &[u8], type_data: &[u8]) -> InnerStep {
        match read_digest(type_data) {
            Ok(response) => InnerStep::Authenticate(InnerCredential::Chap {
                identity: identity.to_vec(),
                identifier: self.identifier,
                challenge: self.challenge.to_vec(),
                response,
            }),
            Err(Short) => InnerStep::Failed(FailureCause::Inner(InnerError::Md5)),
        }
    }
}

/// A name may follow: it is the peer's word, and its Identity has said it already.
fn read_digest(type_data: &[u8]) -> Result<[u8; 16], Short> {
    let mut reader = Reader::new(type_data);
    if reader.u8()? != DIGEST_OCTETS {
        return Err(Short);
    }
    reader.array()
}
