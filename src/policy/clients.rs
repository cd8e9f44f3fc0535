//! RADIUS clients by address or range; the longest prefix wins (R9).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use portvakt_eap::UntunnelledMethod;
use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};
use prefix_trie::joint::JointPrefixMap;

use crate::config::{ClientMethods, Disconnect};
use crate::metrics::ClientMetrics;

/// One RADIUS client (an access point, a controller, a VPN concentrator), as configured.
pub struct Client {
    /// The name that logs and metrics use.
    pub name: String,
    /// The secret shared with it.
    pub secret: SharedSecret,
    /// Whether its Access-Requests may lack Message-Authenticator (`legacy`).
    pub message_authenticator: MessageAuthenticatorPolicy,
    /// The service that users reach through it: `eduroam`, `wired`, `vpn`, …
    pub service: String,
    /// The ways of proving a password that it may bring.
    pub methods: ClientMethods,
    /// EAP methods without a tunnel that devices of this VPN gateway may speak within IKEv2.
    pub ikev2_methods: Arc<[UntunnelledMethod]>,
    /// Whether MS-CHAP outside EAP lets a device ask its user again (`R=1`).
    pub mschap_retry: bool,
    /// Whether VLAN attributes are sent to it (R13).
    pub send_vlan: bool,
    /// Whether Accepts tell it the account's name.
    pub send_user_name: bool,
    /// Whether it is a server of the federation, which brings roaming users (I1).
    pub federation_peer: bool,
    /// No refusal leaves sooner than this after its request came (R6).
    pub reject_delay: Duration,
    /// How its sessions are ended; `None` if they are not.
    pub disconnect: Option<Disconnect>,
    /// The counters of its requests.
    pub counters: ClientMetrics,
}

/// All clients, by network.
#[derive(Default)]
pub struct Clients {
    by_network: JointPrefixMap<IpNet, Arc<Client>>,
}

impl Clients {
    /// Builds the table from pairs of network and client.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = (IpNet, Arc<Client>)>) -> Self {
        let mut by_network = JointPrefixMap::new();
        for (network, client) in networks {
            by_network.insert(network.trunc(), client);
        }
        Self { by_network }
    }

    /// The client whose network holds `address` most closely; an IPv4 address that came mapped
    /// into IPv6 counts as IPv4.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<&Arc<Client>> {
        let host = IpNet::from(address.to_canonical());
        self.by_network.get_lpm(&host).map(|(_, client)| client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Labels, Metrics};

    fn clients(networks: &[&str]) -> Clients {
        Clients::new(networks.iter().map(|network| {
            let client = Client {
                name: (*network).to_owned(),
                secret: SharedSecret::new(b"a secret of some length").unwrap(),
                message_authenticator: MessageAuthenticatorPolicy::Required,
                service: "eduroam".to_owned(),
                federation_peer: false,
                reject_delay: Duration::ZERO,
                disconnect: None,
                methods: ClientMethods::EAP_ONLY,
                ikev2_methods: Arc::default(),
                mschap_retry: false,
                send_vlan: true,
                send_user_name: false,
                counters: Metrics::new(Labels::default())
                    .unwrap()
                    .client("test")
                    .unwrap(),
            };
            (network.parse().unwrap(), Arc::new(client))
        }))
    }

    fn found(clients: &Clients, address: &str) -> Option<String> {
        clients
            .find(address.parse().unwrap())
            .map(|client| client.name.clone())
    }

    /// R9.
    #[test]
    fn the_longest_prefix_wins_in_both_families() {
        let clients = clients(&[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
            "fd00::/16",
            "fd00:1::/32",
        ]);
        assert_eq!(found(&clients, "10.9.9.9").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(found(&clients, "10.1.9.9").as_deref(), Some("10.1.0.0/16"));
        assert_eq!(found(&clients, "10.1.2.3").as_deref(), Some("10.1.2.3/32"));
        assert_eq!(
            found(&clients, "::ffff:10.1.2.3").as_deref(),
            Some("10.1.2.3/32")
        );
        assert_eq!(found(&clients, "fd00:1::1").as_deref(), Some("fd00:1::/32"));
        assert_eq!(found(&clients, "fd00:2::1").as_deref(), Some("fd00::/16"));
    }

    /// R1.
    #[test]
    fn an_address_outside_every_network_is_nobody() {
        assert_eq!(found(&clients(&["10.0.0.0/8"]), "192.0.2.1"), None);
        assert_eq!(found(&clients(&["10.0.0.0/8"]), "fd00::1"), None);
    }
}
