//! The credential that a peer offers, as the caller gets it.

use crate::keys::InnerPassword;
use crate::tls::{CertificateIdentity, SessionFacts};
use std::fmt;

/// A credential that the peer offers. `Debug` shows the identity, and nothing that a password
/// could be guessed from.
pub enum InnerCredential {
    /// A name and a password, both as sent.
    Password {
        /// The identity inside the tunnel; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// At most 1,024 octets; may be empty, which is to be refused.
        password: InnerPassword,
    },
    /// A session of an earlier log-on, which rests on what was true then: account, lock and
    /// credential are to be looked at again (E7).
    Resumed {
        /// As it was remembered: [`Authorization::identity`](crate::Authorization::identity).
        identity: Vec<u8>,
        /// As it was remembered: [`Authorization::context`](crate::Authorization::context).
        context: Vec<u8>,
        /// Of an EAP-TLS session: the certificate, verified again just now.
        certificate: Option<Box<CertificateIdentity>>,
    },
    /// EAP-TLS: a certificate that was verified just now, and whose key the device holds. Where the
    /// conversation [is resumed](crate::Conversation::is_resumed) it signed at an earlier log-on,
    /// perhaps at another server, and the certificate stood in its ticket.
    Certificate {
        /// Names and identifiers in it; the caller decides which account they name.
        certificate: Box<CertificateIdentity>,
    },
    /// CHAP inside EAP-TTLS (RFC 1994, RFC 5281 §11.2.2). The challenge is known to be ours.
    Chap {
        /// The identity inside the tunnel; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// Goes into the digest before the password.
        identifier: u8,
        /// Sixteen octets that TLS made; go into the digest after the password.
        challenge: Vec<u8>,
        /// MD5 over identifier, password and challenge.
        response: [u8; 16],
    },
    /// MS-CHAP inside EAP-TTLS (RFC 2433, RFC 5281 §11.2.3). The challenge is known to be ours.
    MsChap {
        /// The identity inside the tunnel; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// Made by TLS.
        challenge: [u8; 8],
        /// The challenge under the NT hash; the LAN Manager response is never looked at.
        nt_response: [u8; 24],
    },
    /// MS-CHAPv2 (RFC 2759), plainly inside EAP-TTLS or as EAP-MSCHAPv2. The challenge is known
    /// to be ours.
    MsChapV2 {
        /// Names the account; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// The user name that went into the challenge hash, without a Windows domain. It is the
        /// peer's word and chooses no account; at most 253 octets.
        name: Vec<u8>,
        /// Ours.
        authenticator_challenge: [u8; 16],
        /// The peer's.
        peer_challenge: [u8; 16],
        /// RFC 2759 §8.1.
        nt_response: [u8; 24],
    },
    /// The peer takes up [`Verdict::ChangePassword`](crate::Verdict::ChangePassword) (RFC 2759 §7). The challenge is known to be
    /// ours.
    MsChapV2Change {
        /// Names the account; at most 253 octets, no encoding promised.
        identity: Vec<u8>,
        /// As in the response before: the peer does not repeat it.
        name: Vec<u8>,
        /// That of the verdict.
        authenticator_challenge: [u8; 16],
        /// The peer's.
        peer_challenge: [u8; 16],
        /// RFC 2759 §8.1, by the new password.
        nt_response: [u8; 24],
        /// The new password under the old NT hash (§8.9).
        encrypted_password: Box<[u8; 516]>,
        /// The old NT hash under the new one (§8.12).
        encrypted_hash: [u8; 16],
    },
}

impl InnerCredential {
    /// The question whether the session of an earlier log-on still holds (E7).
    pub(crate) fn resumed(
        session: &SessionFacts,
        certificate: Option<Box<CertificateIdentity>>,
    ) -> Self {
        InnerCredential::Resumed {
            identity: session.authorization.identity.clone(),
            context: session.authorization.context.clone(),
            certificate,
        }
    }

    /// The identity inside the tunnel, as sent; empty where a certificate stands in its place.
    pub fn identity(&self) -> &[u8] {
        match self {
            InnerCredential::Password { identity, .. }
            | InnerCredential::Chap { identity, .. }
            | InnerCredential::MsChap { identity, .. }
            | InnerCredential::MsChapV2 { identity, .. }
            | InnerCredential::MsChapV2Change { identity, .. }
            | InnerCredential::Resumed { identity, .. } => identity,
            InnerCredential::Certificate { .. } => &[],
        }
    }

    /// `"password"`, `"chap"`, `"mschap"`, `"mschapv2"`, `"mschapv2-change"`, `"resumed"`,
    /// `"certificate"`.
    pub fn label(&self) -> &'static str {
        match self {
            InnerCredential::Password { .. } => "password",
            InnerCredential::Chap { .. } => "chap",
            InnerCredential::MsChap { .. } => "mschap",
            InnerCredential::MsChapV2 { .. } => "mschapv2",
            InnerCredential::MsChapV2Change { .. } => "mschapv2-change",
            InnerCredential::Resumed { .. } => "resumed",
            InnerCredential::Certificate { .. } => "certificate",
        }
    }
}

impl fmt::Debug for InnerCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (label, identity) = (self.label(), self.identity().escape_ascii());
        write!(f, "InnerCredential({label} of \"{identity}\")")
    }
}
