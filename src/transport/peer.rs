//! The peer of a request: its client, the transport it came by, and the security of that transport.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use portvakt_radius::{
    MppePolicy, NoRoom, Password, PasswordError, PushError, Reply, SharedSecret, VerifiedRequest,
};

use crate::policy::Client;

/// The sender of a request.
pub struct Peer {
    /// The client, found by source address.
    pub client: Arc<Client>,
    /// The transport that the request came by.
    pub via: Via,
    /// When the request came in.
    pub arrived: Instant,
}

/// The transport that a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A datagram (RFC 2865 §3).
    Udp(Endpoints),
}

/// The two ends of a datagram's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The sender's address and port; the answer goes there.
    pub peer: SocketAddr,
    /// The local address that the datagram was sent to; the answer leaves from it. `None` where the
    /// socket is bound to one address anyway.
    pub local: Option<IpAddr>,
}

/// Protection of a packet's secrets and proof of its origin, by transport.
///
/// RADIUS/1.1 (RFC 9765) fits in as a variant without fields: it leaves passwords and keys in the
/// clear inside TLS, and finishes a reply by the request's token instead of an authenticator.
#[derive(Clone, Copy)]
pub enum Security<'a> {
    /// MD5 with a secret that client and server share (RFC 2865 §3, RFC 3579 §3.2).
    SharedSecret(&'a SharedSecret),
}

impl Peer {
    /// Address and port of the sender.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self.via {
            Via::Udp(endpoints) => endpoints.peer,
        }
    }

    /// The security of the transport.
    #[must_use]
    pub fn security(&self) -> Security<'_> {
        match self.via {
            Via::Udp(_) => Security::SharedSecret(&self.client.secret),
        }
    }
}

impl Security<'_> {
    /// The password of User-Password (RFC 2865 §5.2).
    ///
    /// # Errors
    /// [`PasswordError`]: none, more than one, or one of an impossible length.
    pub fn user_password(self, request: &VerifiedRequest<'_>) -> Result<Password, PasswordError> {
        match self {
            Self::SharedSecret(secret) => request.user_password(secret),
        }
    }

    /// Writes the keys of an EAP method, MS-MPPE-Recv-Key and MS-MPPE-Send-Key (RFC 2548 §2.4).
    ///
    /// # Errors
    /// [`PushError`]: no room in the reply.
    pub fn push_msk(self, reply: &mut Reply<'_>, msk: &[u8; 64]) -> Result<(), PushError> {
        match self {
            Self::SharedSecret(secret) => reply.push_mppe_keys(secret, msk, salts()),
        }
    }

    /// Writes MS-CHAP-MPPE-Keys (RFC 2548 §2.4.1).
    ///
    /// # Errors
    /// [`PushError`]: no room in the reply.
    pub fn push_ms_chap_key(
        self,
        reply: &mut Reply<'_>,
        nt_key: &[u8; 16],
    ) -> Result<(), PushError> {
        match self {
            Self::SharedSecret(secret) => {
                reply.push_legacy_ms_chap_mppe_keys(secret, nt_key, MppePolicy::Allowed)
            }
        }
    }

    /// Writes the session keys of MS-CHAPv2 (RFC 3079 §3.4).
    ///
    /// # Errors
    /// [`PushError`]: no room in the reply.
    pub fn push_ms_chap_v2_keys(
        self,
        reply: &mut Reply<'_>,
        send: &[u8; 16],
        receive: &[u8; 16],
    ) -> Result<(), PushError> {
        let policy = MppePolicy::Allowed;
        match self {
            Self::SharedSecret(secret) => {
                reply.push_mppe_session_keys(secret, send, receive, policy, salts())
            }
        }
    }

    /// Signs the reply and returns its octets.
    ///
    /// # Errors
    /// [`NoRoom`]: the reply does not fit beside the Proxy-State of the request.
    pub fn finish<'b>(self, reply: Reply<'b>) -> Result<&'b [u8], NoRoom> {
        match self {
            Self::SharedSecret(secret) => reply.finish(secret),
        }
    }
}

/// Two salts; the codec forces what RFC 2548 asks of them (R14).
fn salts() -> [u16; 2] {
    let [a, b, c, d] = crate::random::bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}
