//! Names of sessions: RADIUS client, NAS, Acct-Session-Id.

/// A NAS behind a RADIUS client. A controller or a proxy is one client with many of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NasKey {
    /// The name of the RADIUS client in the configuration.
    pub client: Box<str>,
    /// NAS-Identifier, else NAS-IP-Address or NAS-IPv6-Address, else the source address.
    pub nas: Box<str>,
}

/// The name that a NAS gives a session, unique at that NAS until it restarts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// The NAS.
    pub nas: NasKey,
    /// Acct-Session-Id (RFC 2866 §5.5).
    pub session: Box<str>,
}
