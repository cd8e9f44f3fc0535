//! How sessions at a client are ended (RFC 5176): `disconnect` of `[[client]]` and the keys beside it.

use std::net::IpAddr;

use ipnet::IpNet;
use portvakt_accounting::disconnect::Profile;
use portvakt_radius::SharedSecret;

use super::external::External;
use super::problem::Problem;
use super::section::Section;
use super::shared_secret::SecretKeys;

/// The port of RFC 5176 §2.1.
const PORT: u16 = 3799;

const SECRET: SecretKeys = SecretKeys {
    literal: "disconnect-secret",
    file: "disconnect-secret-file",
    variable: "disconnect-secret-env",
};

/// Keys without a default; without `disconnect` they do nothing.
const DETAILS: [&str; 4] = [
    "disconnect-address",
    SECRET.literal,
    SECRET.file,
    SECRET.variable,
];

/// The way to end the sessions of a client.
#[derive(Debug, Clone)]
pub struct Disconnect {
    /// The make of NAS.
    pub profile: Profile,
    /// The port that it listens on.
    pub port: u16,
    /// Its address; `None` for the address that a session's accounting comes from.
    pub address: Option<IpAddr>,
    /// The secret shared with it for this; `None` for the client's own.
    pub secret: Option<SharedSecret>,
}

/// Reads them. `None` is `disconnect = "none"`, the default.
pub(super) fn disconnect(
    section: &mut Section<'_>,
    external: &External,
    nets: &[IpNet],
    federation_peer: bool,
) -> Option<Disconnect> {
    let words: Vec<_> = std::iter::once(("none", None))
        .chain(Profile::ALL.map(|profile| (profile.word(), Some(profile))))
        .collect();
    let place = section.key_place("disconnect");
    let profile = section.word("disconnect", &words, None);
    let detail = DETAILS.into_iter().find(|key| section.has(key));
    let port = section.integer("disconnect-port", PORT, 1..=u16::MAX);
    let given_address = section.key_place("disconnect-address");
    let address = address(section);
    let secret = SECRET.read(section, external);
    match (profile, detail) {
        (None, Some(detail)) => {
            let lint = "sessions of this client are not ended: `disconnect` is \"none\"";
            let advice = "set `disconnect` to the make of its equipment, or remove this line";
            let place = section.key_place(detail);
            section.report().warning(&place, lint, advice);
        }
        (Some(_), _) if federation_peer => {
            let problem = Problem::Conflict("federation-peer".to_owned());
            let advice = "other sites take no requests to end sessions: remove one of the two";
            section.report().problem(&place, problem, advice);
        }
        (Some(_), _) if address.is_some() && has_many_addresses(nets) => {
            let lint = "all sessions of these networks are ended at this one address";
            let advice = "right for a controller; access points are asked at their own addresses \
                          without this line";
            section.report().warning(&given_address, lint, advice);
        }
        _ => {}
    }
    Some(Disconnect {
        profile: profile?,
        port,
        address,
        secret,
    })
}

fn address(section: &mut Section<'_>) -> Option<IpAddr> {
    const EXPECTED: &str = "an address, like \"192.0.2.7\" or \"2001:db8::7\"";
    let parse = |text: &str| text.parse::<IpAddr>().ok();
    let given = section.parsed("disconnect-address", EXPECTED, parse)?;
    let address = given.value.to_canonical();
    if address.is_unspecified() || address.is_multicast() {
        let problem = Problem::Malformed("an address that a packet can be sent to");
        let advice = "give the address of the one device that ends the sessions";
        section.report().problem(&given.place, problem, advice);
    }
    Some(address)
}

fn has_many_addresses(nets: &[IpNet]) -> bool {
    nets.len() > 1
        || nets
            .iter()
            .any(|net| net.prefix_len() < net.max_prefix_len())
}
