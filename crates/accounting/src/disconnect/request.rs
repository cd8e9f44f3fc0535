//! A request about one session, before it is octets.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The change of a session that its NAS is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// It ends.
    End,
    /// It goes on in another VLAN, of this number or name.
    Vlan(Arc<str>),
}

/// The code of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Disconnect-Request.
    Disconnect,
    /// CoA-Request.
    ChangeOfAuthorization,
}

/// An attribute that identifies a NAS or a session (RFC 5176 §3), or says what is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestAttribute {
    /// User-Name.
    UserName(Box<str>),
    /// NAS-IP-Address.
    NasIpAddress(Ipv4Addr),
    /// NAS-IPv6-Address.
    NasIpv6Address(Ipv6Addr),
    /// NAS-Identifier.
    NasIdentifier(Box<str>),
    /// NAS-Port.
    NasPort(u32),
    /// Calling-Station-Id.
    CallingStationId(Box<str>),
    /// Acct-Session-Id.
    AcctSessionId(Box<str>),
    /// Service-Type, as its number.
    ServiceType(u32),
    /// Cisco-AVPair: `name=value`.
    CiscoAvPair(Box<str>),
    /// Tunnel-Type, -Medium-Type and -Private-Group-ID of a VLAN (RFC 3580 §3.31).
    Vlan(Box<str>),
}

/// Code and attributes of a request; Message-Authenticator and Event-Timestamp come on the wire.
/// Never Proxy-State: hostapd answers it with NAK 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// The code.
    pub kind: RequestKind,
    /// The attributes in their order.
    pub attributes: Vec<RequestAttribute>,
}
