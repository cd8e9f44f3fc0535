//! `ikev2-methods` of `[[client]]`: EAP methods without a tunnel, for VPN gateways alone.

use portvakt_eap::UntunnelledMethod;

use super::eap;
use super::problem::Problem;
use super::section::Section;

const METHODS: &[(&str, UntunnelledMethod)] = &[
    ("eap-mschapv2", UntunnelledMethod::MsChapV2),
    ("eap-gtc", UntunnelledMethod::Gtc),
];

/// Services of radios and ports, where nothing but a tunnel of the method's own protects a log-on.
const OPEN_TO_THE_AIR: &[&str] = &["eduroam", "wired"];

/// The gateway as the rest of the client's table describes it.
pub(super) struct Gateway<'a> {
    pub(super) service: &'a str,
    pub(super) speaks_eap: bool,
    pub(super) sends_vlan: bool,
    pub(super) federation_peer: bool,
}

/// The methods that a client offers without a tunnel; empty where its table names none. Refused of a
/// client that is no gateway of a VPN.
pub(super) fn methods(section: &mut Section<'_>, of: &Gateway<'_>) -> Vec<UntunnelledMethod> {
    let place = section.key_place("ikev2-methods");
    let Some(methods) = eap::each_once(section, "ikev2-methods", METHODS) else {
        return Vec::new();
    };
    let conflict = [
        (of.federation_peer, "federation-peer"),
        (of.sends_vlan, "send-vlan"),
        (OPEN_TO_THE_AIR.contains(&of.service), "service"),
        (!of.speaks_eap, "methods"),
    ];
    if let Some((_, key)) = conflict.iter().find(|(is_one, _)| *is_one) {
        let advice = match *key {
            "service" => {
                "give the gateway a service of its own, like service = \"vpn\": elsewhere nothing \
                 protects what the device sends"
            }
            "methods" => "add \"eap\" there, or remove this line",
            _ => {
                "they are for gateways of a VPN of yours, which encrypt what the device sends: remove \
                 one of the two"
            }
        };
        let problem = Problem::Conflict((*key).to_owned());
        section.report().problem(&place, problem, advice);
    }
    methods
}
