//! Requests as octets.

use std::sync::Arc;

use portvakt_accounting::disconnect::{RequestAttribute, RequestKind, SessionRequest};
use portvakt_radius::{AttributeType, PushError, RequestWriter, SharedSecret};

use crate::transport::LARGEST_PACKET;

/// Cisco's private enterprise number, and its Cisco-AVPair.
const CISCO: (u32, u8) = (9, 1);

/// Writes a request; `now` is in seconds since 1970, UTC. `None` if an attribute or the packet is too long.
pub(super) fn encode(
    request: &SessionRequest,
    identifier: u8,
    now: u32,
    secret: &SharedSecret,
) -> Option<Arc<[u8]>> {
    let mut buffer = [0; LARGEST_PACKET];
    let writer = match request.kind {
        RequestKind::Disconnect => RequestWriter::disconnect_request(identifier, now, &mut buffer),
        RequestKind::ChangeOfAuthorization => {
            RequestWriter::coa_request(identifier, now, &mut buffer)
        }
    };
    let mut writer = writer.ok()?;
    for attribute in &request.attributes {
        push(&mut writer, attribute).ok()?;
    }
    writer.finish(secret).ok().map(Arc::from)
}

fn push(writer: &mut RequestWriter<'_>, attribute: &RequestAttribute) -> Result<(), PushError> {
    type A = AttributeType;
    match attribute {
        RequestAttribute::UserName(name) => writer.push(A::USER_NAME, name.as_bytes()),
        RequestAttribute::NasIpAddress(address) => {
            writer.push(A::NAS_IP_ADDRESS, &address.octets())
        }
        RequestAttribute::NasIpv6Address(address) => {
            writer.push(A::NAS_IPV6_ADDRESS, &address.octets())
        }
        RequestAttribute::NasIdentifier(name) => writer.push(A::NAS_IDENTIFIER, name.as_bytes()),
        RequestAttribute::NasPort(port) => writer.push_integer(A::NAS_PORT, *port),
        RequestAttribute::CallingStationId(station) => {
            writer.push(A::CALLING_STATION_ID, station.as_bytes())
        }
        RequestAttribute::AcctSessionId(id) => writer.push(A::ACCT_SESSION_ID, id.as_bytes()),
        RequestAttribute::ServiceType(service) => writer.push_integer(A::SERVICE_TYPE, *service),
        RequestAttribute::CiscoAvPair(pair) => {
            writer.push_vendor(CISCO.0, CISCO.1, pair.as_bytes())
        }
        RequestAttribute::Vlan(vlan) => {
            // RFC 3580 §3.31: VLAN, IEEE 802, the name without a tag.
            writer.push_integer(A::TUNNEL_TYPE, 13)?;
            writer.push_integer(A::TUNNEL_MEDIUM_TYPE, 6)?;
            writer.push(A::TUNNEL_PRIVATE_GROUP_ID, vlan.as_bytes())
        }
    }
}
