//! Facts that identify a session to its NAS, and tell of user, device and place.

use std::net::{IpAddr, SocketAddr};

use crate::{MacAddress, Newest};

/// Facts of a session, each as the NAS told it last and in the NAS's own spelling: a
/// Disconnect-Request repeats them (RFC 5176 §3). Text that is no UTF-8 has its odd octets escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Address and port that the records came from.
    pub source: Newest<SocketAddr>,
    /// NAS-IP-Address or NAS-IPv6-Address.
    pub nas_address: Newest<IpAddr>,
    /// NAS-Identifier.
    pub nas_identifier: Newest<Box<str>>,
    /// NAS-Port.
    pub nas_port: Newest<u32>,
    /// NAS-Port-Id (RFC 2869 §5.17).
    pub nas_port_id: Newest<Box<str>>,
    /// User-Name.
    pub user_name: Newest<Box<str>>,
    /// Calling-Station-Id: the device.
    pub calling_station: Newest<Box<str>>,
    /// Called-Station-Id: the access point and its SSID.
    pub called_station: Newest<Box<str>>,
    /// Acct-Multi-Session-Id, which related sessions share.
    pub multi_session: Newest<Box<str>>,
    /// Cisco-AVPair `audit-session-id`, without that name.
    pub audit_session: Newest<Box<str>>,
    /// Chargeable-User-Identity (RFC 4372).
    pub chargeable_user: Newest<Box<str>>,
    /// The service of the RADIUS client: `eduroam`, `wired`, `vpn`.
    pub service: Newest<Box<str>>,
}

impl Facts {
    /// The device, where Calling-Station-Id is a MAC address.
    #[must_use]
    pub fn device(&self) -> Option<MacAddress> {
        self.calling_station.text().and_then(MacAddress::parse)
    }

    /// Takes the newer of each two facts; whether anything changed.
    pub fn merge(&mut self, other: Facts) -> bool {
        [
            self.source.merge(other.source),
            self.nas_address.merge(other.nas_address),
            self.nas_identifier.merge(other.nas_identifier),
            self.nas_port.merge(other.nas_port),
            self.nas_port_id.merge(other.nas_port_id),
            self.user_name.merge(other.user_name),
            self.calling_station.merge(other.calling_station),
            self.called_station.merge(other.called_station),
            self.multi_session.merge(other.multi_session),
            self.audit_session.merge(other.audit_session),
            self.chargeable_user.merge(other.chargeable_user),
            self.service.merge(other.service),
        ]
        .contains(&true)
    }
}
