//! A certificate chain with its key, and `[[eap.chain]]`: chains for devices that are known by
//! their outer name, so that a campus can go over to a new authority in stages.

use std::fmt;
use std::path::PathBuf;

use portvakt_auth::Realm;
use portvakt_certificates::ocsp::{self, OcspResponse};
use portvakt_certificates::{self as certificate, CertificateFacts, Inspected};
use portvakt_eap::MethodType;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::eap::{Context, EapProfile};
use super::external::FileContent;
use super::pem::Wanted;
use super::problem::Problem;
use super::report::{Located, Place};
use super::secret::Secret;
use super::section::Section;
use super::value;

/// The name of the chain of `[eap]` in metrics.
const DEFAULT: &str = "default";

/// A server certificate with its issuers, and its key.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Its name in metrics and warnings: `default`, a realm, or the name of an `[[eap.chain]]`.
    pub name: String,
    /// The file that it was read from.
    pub certificate: PathBuf,
    /// PEM, the server's own certificate first.
    pub pem: Vec<u8>,
    /// PEM; belongs to the first certificate of the chain.
    pub key: Secret,
    /// Facts of the server's own certificate.
    pub facts: CertificateFacts,
    /// The CA's OCSP response, for devices that ask for one (RFC 6066 §8).
    pub ocsp_response: Option<OcspResponse>,
}

/// A chain for devices with certain outer names.
#[derive(Debug, Clone)]
pub struct NamedChain {
    /// Which devices; never empty.
    pub outer_names: Vec<OuterName>,
    /// The chain that the server sends them.
    pub chain: Chain,
}

/// Outer names of devices: `user@realm` in lower case, in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OuterName {
    user: String,
    realm: String,
}

impl OuterName {
    /// `"anonymous2024@campus.example"`, `"new-ca@*"`, `"new-*@campus.example"`.
    fn parse(text: &str) -> Option<Self> {
        let (user, realm) = text.rsplit_once('@')?;
        let is_spaced = text.contains(|c: char| c.is_whitespace() || c.is_control());
        let realm_fits = realm.contains('*') || Realm::parse(realm).is_ok();
        (!is_spaced && realm_fits).then(|| Self {
            user: user.to_lowercase(),
            realm: realm.to_lowercase(),
        })
    }

    /// Whether a device that calls itself `user@realm`, normalised, is one of them.
    #[must_use]
    pub fn matches(&self, user: &str, realm: &str) -> bool {
        is_like(&self.user, user) && is_like(&self.realm, realm)
    }

    fn can_match(&self, ours: &[Realm]) -> bool {
        ours.iter()
            .any(|realm| is_like(&self.realm, realm.as_str()))
    }
}

impl fmt::Display for OuterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.realm)
    }
}

/// Whether `text` is `pattern`, in which `*` stands for any characters, or none.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut rest) = text.strip_prefix(before) else {
        return false;
    };
    let mut parts = after.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, further)) => rest = further,
            None => return false,
        }
    }
    true
}

/// Whether a table has a chain of its own, or a part of one.
pub(super) fn is_named_in(section: &Section<'_>) -> bool {
    ["certificate", "key", "ocsp-response"]
        .iter()
        .any(|key| section.has(key))
}

/// Warns of a chain from elsewhere that is too long for the methods of this table.
pub(super) fn check_length(
    section: &Section<'_>,
    place: &Place,
    chain: &Chain,
    methods: &[MethodType],
    context: Context<'_>,
) {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain.pem).collect();
    let setting = setting(methods, context);
    let lint = certificates
        .ok()
        .and_then(|c| certificate::too_long(&c, setting));
    if let Some(lint) = lint {
        section.report().warning(place, lint.text, lint.advice);
    }
}

fn setting<'s>(methods: &'s [MethodType], context: Context<'_>) -> certificate::Setting<'s> {
    certificate::Setting {
        methods,
        fragment: context.fragment.into(),
        now: context.now,
    }
}

/// Reads `certificate` and `key`, which must both be there.
pub(super) fn chain(
    section: &mut Section<'_>,
    context: Context<'_>,
    methods: &[MethodType],
    name: &str,
) -> Option<Chain> {
    for (key, advice) in [
        (
            "certificate",
            "the PEM file with the server's certificate, then its chain",
        ),
        ("key", "the PEM file with the certificate's private key"),
    ] {
        if !section.has(key) {
            section.missing(key, advice);
        }
    }
    let response = context.external.file(section, "ocsp-response");
    let chain = context.external.file(section, "certificate");
    let key = context.external.file(section, "key");
    let (chain, key) = chain.zip(key)?;
    super::external::warn_of_readers(section, &key.place, key.value.1);
    let (certificate, content) = chain.value;
    let pem = content.octets.as_bytes();
    let key_pem = key.value.1.octets.as_bytes();
    // Both are looked at, so that what is wrong with either is told at once.
    let certificates = Wanted::Certificates.of_file(section, &chain.place, &certificate, content);
    let keys = Wanted::Key.of_file(section, &key.place, &key.value.0, key.value.1);
    certificates.zip(keys)?;
    let inspected = identity(section, &chain.place, pem, &key.place, key_pem)?;
    for lint in certificate::lints(&inspected.certificates, setting(methods, context)) {
        section
            .report()
            .warning(&chain.place, lint.text, lint.advice);
    }
    Some(Chain {
        name: name.to_owned(),
        certificate,
        pem: pem.to_vec(),
        key: Secret::new(key_pem.to_vec()),
        facts: inspected.facts,
        ocsp_response: response
            .zip(inspected.certificates.first())
            .and_then(|(response, own)| ocsp_response(section, &response, own, context)),
    })
}

/// A response that does not fit is not shown: a device would hang up on it, and is content without.
fn ocsp_response(
    section: &Section<'_>,
    response: &Located<(PathBuf, &FileContent)>,
    own: &CertificateDer<'_>,
    context: Context<'_>,
) -> Option<OcspResponse> {
    match ocsp::inspect(response.value.1.octets.as_bytes(), own, context.now) {
        Ok(response) => Some(response),
        Err(why) => {
            let lint = format!("{why}; it is not shown to devices");
            let advice = "fetch a new one: openssl ocsp -respout, from a timer";
            section.report().warning(&response.place, lint, advice);
            None
        }
    }
}

/// Chain and key as far as they can be told to be right without a handshake.
fn identity(
    section: &Section<'_>,
    chain_place: &Place,
    chain: &[u8],
    key_place: &Place,
    key: &[u8],
) -> Option<Inspected> {
    match certificate::inspect(chain, key) {
        Ok(inspected) => Some(inspected),
        Err(error) => {
            let place = if error.concerns_key() {
                key_place
            } else {
                chain_place
            };
            let problem = Problem::Certificate(error.to_string());
            section.report().problem(place, problem, error.advice());
            None
        }
    }
}

/// Reads `[[eap.chain]]`.
pub(super) fn named(
    eap: &mut Section<'_>,
    context: Context<'_>,
    ours: &[Realm],
    defaults: Option<&EapProfile>,
) -> Vec<NamedChain> {
    let mut names: Vec<Located<String>> = Vec::new();
    let methods = defaults.map_or(&[][..], |defaults| &defaults.methods);
    let sections = eap.tables("chain").into_iter();
    sections
        .filter_map(|mut section| {
            let name = name(&mut section, &mut names, ours);
            let outer_names = outer_names(&mut section, ours);
            let chain = chain(&mut section, context, methods, &name.unwrap_or_default());
            section.finish();
            Some(NamedChain {
                outer_names,
                chain: chain?,
            })
        })
        .collect()
}

fn name(
    section: &mut Section<'_>,
    known: &mut Vec<Located<String>>,
    ours: &[Realm],
) -> Option<String> {
    const EXPECTED: &str = "letters, digits, '.', '_' and '-', up to 64";
    if !section.has("name") {
        section.missing("name", "metrics and warnings call the chain by it");
    }
    let name = section.parsed("name", EXPECTED, value::label)?;
    if let Some(first) = known.iter().find(|first| first.value == name.value) {
        let advice = "give each chain its own name";
        section
            .report()
            .duplicate(&name.place, &first.place, advice);
    } else if name.value == DEFAULT || ours.iter().any(|realm| realm.as_str() == name.value) {
        let problem = Problem::Malformed("a name that no other chain has");
        let advice = "realms, and \"default\", are the names of chains elsewhere in this file";
        section.report().problem(&name.place, problem, advice);
    }
    known.push(name.clone());
    Some(name.value)
}

fn outer_names(section: &mut Section<'_>, ours: &[Realm]) -> Vec<OuterName> {
    const EXPECTED: &str = "a list of names, like [\"new-ca@*\", \"anonymous2026@campus.example\"]";
    if !section.has("outer-names") {
        let advice = "the outer identities of the devices that are to see this chain";
        section.missing("outer-names", advice);
    }
    let given = section.list("outer-names", EXPECTED, OuterName::parse);
    let given = given.unwrap_or_default();
    for name in &given {
        if !ours.is_empty() && !name.value.can_match(ours) {
            let problem = Problem::Malformed("a name in one of your realms");
            let advice = "add its realm to realms: no device with this name gets here";
            section.report().problem(&name.place, problem, advice);
        }
    }
    given.into_iter().map(|name| name.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let (user, realm) = name.rsplit_once('@').unwrap();
        OuterName::parse(pattern).unwrap().matches(user, realm)
    }

    #[test]
    fn a_star_in_an_outer_name_stands_for_any_characters() {
        for (pattern, name) in [
            ("new-ca@*", "new-ca@campus.example"),
            ("New-CA@Campus.Example", "new-ca@campus.example"),
            ("*@students.campus.example", "@students.campus.example"),
            ("anonymous*@campus.example", "anonymous2026@campus.example"),
            ("*-ca-*@*.example", "new-ca-2@campus.example"),
            ("a*a@*", "aba@campus.example"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("new-ca@*", "new-ca2@campus.example"),
            (
                "anonymous@campus.example",
                "anonymous@students.campus.example",
            ),
            ("anonymous*@campus.example", "anonymou@campus.example"),
            ("a*a@*", "a@campus.example"),
            ("*a*b@*", "ba@campus.example"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn an_outer_name_has_a_realm() {
        for wrong in ["", "new-ca", "new-ca@", "new ca@campus.example", "a@campus"] {
            assert_eq!(OuterName::parse(wrong), None, "{wrong}");
        }
    }
}
