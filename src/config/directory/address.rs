//! The servers of a directory, and what protects the way to them.

use portvakt_ldap::settings::{LdapServer, Security};

use super::super::problem::Problem;
use super::super::report::Located;
use super::super::section::Section;

const LDAP_PORT: u16 = 389;
const LDAPS_PORT: u16 = 636;

/// `servers`, with `start-tls` and `danger-plain-text`.
pub(super) fn servers(section: &mut Section<'_>) -> Vec<LdapServer> {
    const EXPECTED: &str = "a list of addresses, like [\"ldaps://ldap1.campus.example\"]";
    if !section.has("servers") {
        let advice = "the addresses of the directory, like [\"ldaps://ldap1.campus.example\"]";
        section.missing("servers", advice);
    }
    let given = section
        .advised_list("servers", EXPECTED, address, advice)
        .unwrap_or_default();
    given.iter().for_each(|server| check_port(section, server));
    let bare = bare_security(section, &given);
    let mut known: Vec<Located<LdapServer>> = Vec::new();
    for mut server in given {
        if server.value.security != Security::Tls {
            server.value.security = bare;
        }
        let same = |other: &&Located<LdapServer>| other.value == server.value;
        if let Some(first) = known.iter().find(same) {
            let report = section.report();
            report.duplicate(&server.place, &first.place, "name each server once");
        }
        known.push(server);
    }
    known.into_iter().map(|server| server.value).collect()
}

/// Advice for a text that is no address.
fn advice(text: &str) -> String {
    match text.split_once("://") {
        None => format!("say how to connect: \"ldaps://{text}\""),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("ldapi") => {
            "a directory on this machine is asked over TCP: ldap://127.0.0.1".to_owned()
        }
        Some((_, rest)) if rest.trim_end_matches('/').contains(['/', '?']) => {
            "the base goes into base, and what people have in common into filter".to_owned()
        }
        Some(_) => String::new(),
    }
}

/// Warns of the port that the other scheme has.
fn check_port(section: &Section<'_>, server: &Located<LdapServer>) {
    let (lint, advice) = match (server.value.security, server.value.port) {
        (Security::Tls, LDAP_PORT) => (
            "port 389 is for ldap://, where TLS begins by StartTLS",
            "write ldap:// to have StartTLS, or leave the port out",
        ),
        (Security::StartTls, LDAPS_PORT) => (
            "port 636 is for ldaps://, where TLS begins at once",
            "write ldaps://, or leave the port out",
        ),
        _ => return,
    };
    section.report().warning(&server.place, lint, advice);
}

/// The protection of `ldap://`.
fn bare_security(section: &mut Section<'_>, servers: &[Located<LdapServer>]) -> Security {
    let start_tls = section.boolean("start-tls", true);
    let danger = section.boolean("danger-plain-text", false);
    let bare = servers.iter().find(|s| s.value.security != Security::Tls);
    let (Some(bare), false) = (bare, start_tls.value) else {
        return Security::StartTls;
    };
    let report = section.report();
    if danger.value {
        let lint = "passwords cross the network in the clear";
        report.warning(&bare.place, lint, "write ldaps://, or leave start-tls out");
    } else {
        let problem = Problem::Conflict("a server with ldap://".to_owned());
        let advice = "write ldaps://, or leave start-tls out; danger-plain-text = true is for a \
                      directory on this very machine";
        report.problem(&start_tls.place, problem, advice);
    }
    Security::DangerPlainText
}

/// The name that certificates must have.
pub(super) fn server_name(section: &mut Section<'_>) -> Option<String> {
    const EXPECTED: &str = "a host's name, like \"ldap.campus.example\"";
    let given = section.parsed("server-name", EXPECTED, |text| {
        is_host(text).then(|| text.to_ascii_lowercase())
    });
    given.map(|given| given.value)
}

/// `ldaps://host`, `ldap://host:port`, `ldaps://[2001:db8::1]`.
fn address(text: &str) -> Option<LdapServer> {
    let (scheme, rest) = text.split_once("://")?;
    // Schemes are the same in either case (RFC 3986 §3.1).
    let (security, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "ldaps" => (Security::Tls, LDAPS_PORT),
        "ldap" => (Security::StartTls, LDAP_PORT),
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                port.strip_prefix(':').or(port.is_empty().then_some(""))?,
            )
        }
        None => {
            let (host, port) = rest.split_once(':').unwrap_or((rest, ""));
            is_host(host).then_some((host, port))?
        }
    };
    let port = match port {
        "" => default_port,
        port => port.parse().ok().filter(|port| *port != 0)?,
    };
    Some(LdapServer {
        host: host.to_ascii_lowercase(),
        port,
        security,
    })
}

fn is_host(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=253).contains(&text.len()) && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_port_of_their_scheme_or_their_own() {
        let cases = [
            (
                "ldaps://ldap1.campus.example",
                "ldaps://ldap1.campus.example:636",
            ),
            (
                "ldap://LDAP1.campus.example/",
                "ldap://ldap1.campus.example:389",
            ),
            ("ldap://10.0.0.1:3890", "ldap://10.0.0.1:3890"),
            (
                "LDAPS://LDAP1.campus.example",
                "ldaps://ldap1.campus.example:636",
            ),
            ("ldaps://[2001:db8::1]", "ldaps://[2001:db8::1]:636"),
            ("ldaps://[2001:db8::1]:1636", "ldaps://[2001:db8::1]:1636"),
        ];
        for (text, expected) in cases {
            assert_eq!(address(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn anything_else_is_no_address() {
        let cases = [
            "",
            "ldap1.campus.example",
            "ldapi:///run/slapd",
            "http://ldap1.campus.example",
            "ldaps://",
            "ldaps://a b",
            "ldaps://ldap1.campus.example:0",
            "ldaps://ldap1.campus.example:99999",
            "ldaps://ldap1.campus.example/dc=example",
            "ldaps://user@ldap1.campus.example",
            "ldaps://[2001:db8::1",
            "ldaps://[ldap1]",
        ];
        for text in cases {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
