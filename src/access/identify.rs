//! What a request says about where it comes from: read once, kept for the audit line.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use portvakt_auth::{AccountId, Now};
use portvakt_eap::Limits;
use portvakt_radius::{AttributeType, VerifiedRequest};

use crate::audit::as_given;

/// The value of NAS-Port-Type for 802.11 (RFC 2865 §5.41).
const WIRELESS_802_11: u32 = 19;

/// Where a request comes from, and later who it turned out to be.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it came in.
    pub arrived: Now,
    /// When the first request of its conversation came in.
    pub began: jiff::Timestamp,
    /// The client's address and port.
    pub peer: SocketAddr,
    /// User-Name as it was given.
    pub outer_identity: String,
    /// The name inside the tunnel, where there is one.
    pub inner_identity: Option<String>,
    /// The account it belongs to, once found.
    pub account: Option<AccountId>,
    /// The machine's account, where TEAP asked for one before its user.
    pub machine: Option<AccountId>,
    /// Calling-Station-Id: the device.
    pub calling_station: Option<String>,
    /// Called-Station-Id: the access point and network name.
    pub called_station: Option<String>,
    /// NAS-Identifier.
    pub nas_identifier: Option<String>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    pub nas_address: Option<IpAddr>,
    /// Operator-Name: the visited site (RFC 5580).
    pub operator_name: Option<String>,
    /// The method, once known: `pap`, `ttls/pap`.
    pub method: &'static str,
    /// The TLS version, where there is one.
    pub tls_version: Option<&'static str>,
    /// More about the reason, where the reason alone does not say it.
    pub detail: Option<Cow<'static, str>>,
}

impl Facts {
    /// Reads them from a request.
    pub fn read(request: &VerifiedRequest<'_>, peer: SocketAddr, arrived: Now) -> Self {
        let text = |kind| {
            request
                .first(kind)
                .map(|value| as_given(value).into_owned())
        };
        Self {
            arrived,
            began: arrived.utc,
            peer,
            outer_identity: text(AttributeType::USER_NAME).unwrap_or_default(),
            inner_identity: None,
            account: None,
            machine: None,
            calling_station: text(AttributeType::CALLING_STATION_ID),
            called_station: text(AttributeType::CALLED_STATION_ID),
            nas_identifier: text(AttributeType::NAS_IDENTIFIER),
            nas_address: nas_address(request),
            operator_name: text(AttributeType::OPERATOR_NAME),
            method: "none",
            tls_version: None,
            detail: None,
        }
    }
}

fn nas_address(request: &VerifiedRequest<'_>) -> Option<IpAddr> {
    let v4 = request
        .first(AttributeType::NAS_IP_ADDRESS)
        .and_then(|value| <[u8; 4]>::try_from(value).ok())
        .map(IpAddr::from);
    v4.or_else(|| {
        let v6 = request.first(AttributeType::NAS_IPV6_ADDRESS)?;
        <[u8; 16]>::try_from(v6).ok().map(IpAddr::from)
    })
}

/// How many EAP octets an answer to this request may carry (E2); `usual` where it does not say.
pub(super) fn eap_limits(request: &VerifiedRequest<'_>, usual: usize) -> Limits {
    let wireless = request.integer(AttributeType::NAS_PORT_TYPE) == Some(WIRELESS_802_11);
    match request.integer(AttributeType::FRAMED_MTU) {
        Some(mtu) => Limits::from_framed_mtu(Some(mtu), wireless),
        None => Limits { eap_octets: usual },
    }
}
