//! Reply attributes that belong to one account.

use std::net::Ipv4Addr;

use ipnet::Ipv6Net;
use serde::{Deserialize, Serialize};

/// Reply attributes of one account. The attributes of a profile are configured by service; here are
/// their names alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReply {
    /// Names of reply profiles, the one that counts first first: those of the account, then those of
    /// its groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Framed-IP-Address (RFC 2865 §5.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framed_ip_address: Option<Ipv4Addr>,
    /// Framed-IPv6-Prefix (RFC 3162 §2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framed_ipv6_prefix: Option<Ipv6Net>,
}

impl AccountReply {
    /// Itself, or `None` if it asks for nothing.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}
