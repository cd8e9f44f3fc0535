//! The context of a request, for its audit line: NAS, device, names, and later the account.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use portvakt_auth::{AccountId, Now, Symptom};
use portvakt_eap::Limits;
use portvakt_radius::{AttributeType, VerifiedRequest, accounting};
use smallstr::SmallString;

use crate::audit::as_given;
use crate::transport::without_port;

/// The value of NAS-Port-Type for 802.11 (RFC 2865 §5.41).
const WIRELESS_802_11: u32 = 19;
/// The value of NAS-Port-Type for a port without hardware: a VPN tunnel (RFC 2865 §5.41).
const VIRTUAL: u32 = 5;

/// An attribute as text. Up to 40 octets need no allocation: `anonymous@students.campus.example`.
pub(super) type Text = SmallString<[u8; 40]>;

/// The context of a request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// When it came in.
    pub arrived: Now,
    /// When the first request of its conversation came in.
    pub began: jiff::Timestamp,
    /// The client's address and port.
    pub peer: SocketAddr,
    /// User-Name as it was given.
    pub outer_identity: Text,
    /// The name inside the tunnel, where there is one.
    pub inner_identity: Option<Text>,
    /// The account it belongs to, once found.
    pub account: Option<AccountId>,
    /// The machine's account, where TEAP asked for one before its user.
    pub machine: Option<AccountId>,
    /// The name in EAP-Response/Identity, where the conversation began with one.
    pub eap_identity: Option<Text>,
    /// Calling-Station-Id without a port: the device.
    pub calling_station: Option<Text>,
    /// The port in Calling-Station-Id, which tells devices behind one address apart.
    pub calling_station_port: Option<u16>,
    /// NAS-Identifier.
    pub nas_identifier: Option<Text>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    pub nas_address: Option<IpAddr>,
    /// Operator-Name: the visited site (RFC 5580).
    pub operator_name: Option<Text>,
    /// The method, once known: `pap`, `ttls/pap`.
    pub method: &'static str,
    /// The TLS version, where there is one.
    pub tls_version: Option<&'static str>,
    /// More about the reason, where the reason alone does not say it.
    pub detail: Option<Cow<'static, str>>,
    /// A fact about a refusal that its reason leaves open.
    pub symptom: Option<Symptom>,
}

impl RequestContext {
    /// Reads them from a request.
    pub fn read(request: &VerifiedRequest<'_>, peer: SocketAddr, arrived: Now) -> Self {
        let text = |kind| request.first(kind).map(text);
        let station = request.first(AttributeType::CALLING_STATION_ID);
        let (station, port) = station.map(without_port).unzip();
        Self {
            arrived,
            began: arrived.utc,
            peer,
            outer_identity: text(AttributeType::USER_NAME).unwrap_or_else(Text::new),
            inner_identity: None,
            account: None,
            machine: None,
            eap_identity: None,
            calling_station: station.map(self::text),
            calling_station_port: port.flatten(),
            nas_identifier: text(AttributeType::NAS_IDENTIFIER),
            nas_address: accounting::nas_address(request),
            operator_name: text(AttributeType::OPERATOR_NAME),
            method: "none",
            tls_version: None,
            detail: None,
            symptom: None,
        }
    }
}

/// Said of a device that logs on by its own address.
pub(super) const MAC_AUTHENTICATION: &str = "this is MAC authentication (User-Name is Calling-Station-Id), and a device's address proves \
     nobody";

/// Whether User-Name is the device's own address: MAC authentication, whatever comes as password.
pub(super) fn names_itself(context: &RequestContext) -> bool {
    fn digits(text: &str) -> impl Iterator<Item = char> {
        let text = text.chars().filter(|c| !matches!(c, '-' | ':' | '.'));
        text.map(|c| c.to_ascii_lowercase())
    }
    let station = context.calling_station.as_deref().unwrap_or_default();
    let is_address =
        |text| digits(text).count() == 12 && digits(text).all(|c| c.is_ascii_hexdigit());
    is_address(station) && digits(station).eq(digits(&context.outer_identity))
}

/// Octets from the network as text.
pub(super) fn text(octets: &[u8]) -> Text {
    match as_given(octets) {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => text.into(),
    }
}

/// How many EAP octets an answer to this request may carry (E2): `most`, or less where the request
/// says so.
pub(super) fn eap_limits(request: &VerifiedRequest<'_>, most: usize) -> Limits {
    let wireless = request.integer(AttributeType::NAS_PORT_TYPE) == Some(WIRELESS_802_11);
    Limits::new(most, request.integer(AttributeType::FRAMED_MTU), wireless)
}

/// Whether the device is at no radio and no port of the client's, as far as the client says: a VPN
/// gateway names its ports virtual, or says nothing.
pub(super) fn is_virtual(request: &VerifiedRequest<'_>) -> bool {
    request
        .integer(AttributeType::NAS_PORT_TYPE)
        .is_none_or(|kind| kind == VIRTUAL)
}
