//! `[eap]`: which methods are offered, and the certificate that devices check.

use std::path::PathBuf;

use super::certificate::{self, CertificateFacts};
use super::problem::Complaint;
use super::referred::Referred;
use super::report::{Given, Place};
use super::secret::Secret;
use super::section::Section;

/// How EAP conversations are led.
#[derive(Debug, Clone)]
pub struct Eap {
    /// Offered in this order; never empty.
    pub methods: Vec<EapMethod>,
    /// Where the chain was read from.
    pub certificate: PathBuf,
    /// PEM, the server's own certificate first.
    pub chain: Vec<u8>,
    /// PEM; belongs to the first certificate of the chain.
    pub key: Secret,
    /// What the server's own certificate says.
    pub facts: CertificateFacts,
    /// Versions that may be spoken; at least one.
    pub tls_versions: TlsVersions,
    /// Most EAP octets in one request to a NAS that does not send Framed-MTU.
    pub max_fragment: u16,
}

/// An EAP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EapMethod {
    /// EAP-TTLS with PAP inside (RFC 5281).
    Ttls,
}

/// TLS versions that may be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsVersions {
    /// TLS 1.2 (RFC 5246).
    pub tls12: bool,
    /// TLS 1.3 (RFC 8446).
    pub tls13: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Version {
    Tls12,
    Tls13,
}

/// Reads `[eap]`. `needed` is whether any client speaks EAP; without it an absent table is fine.
pub(super) fn eap(
    root: &mut Section<'_>,
    referred: &Referred,
    needed: bool,
    now: jiff::Timestamp,
) -> Option<Eap> {
    let absent = !root.has("eap");
    let mut section = root.table("eap");
    if absent && !needed {
        return None;
    }
    let methods = methods(&mut section);
    let tls_versions = tls_versions(&mut section);
    let max_fragment = section.integer("max-fragment", 1020, 256..=1400);
    require(
        &section,
        "certificate",
        "the PEM file with the server's certificate, then its chain",
    );
    require(
        &section,
        "key",
        "the PEM file with the certificate's private key",
    );
    let chain = referred.file(&mut section, "certificate");
    let key = referred.file(&mut section, "key");
    let eap = chain.zip(key).and_then(|(chain, key)| {
        if key.value.1.readable_by_others {
            super::network::warn_of_readers(&section, &key.place);
        }
        let (certificate, content) = chain.value;
        let chain_pem = content.octets.as_bytes();
        let key_pem = key.value.1.octets.as_bytes();
        let facts = identity(&section, &chain.place, chain_pem, &key.place, key_pem)?;
        warn_of_certificate(&section, &chain.place, &facts, now);
        let (chain, key) = (chain_pem.to_vec(), Secret::new(key_pem.to_vec()));
        Some(Eap {
            methods,
            certificate,
            chain,
            key,
            facts,
            tls_versions,
            max_fragment,
        })
    });
    section.finish();
    eap
}

fn require(section: &Section<'_>, key: &str, advice: &str) {
    if !section.has(key) {
        section.missing(key, advice);
    }
}

fn methods(section: &mut Section<'_>) -> Vec<EapMethod> {
    match section.words("methods", &[("ttls", EapMethod::Ttls)]) {
        None => vec![EapMethod::Ttls],
        Some(given) => {
            for (index, item) in given.iter().enumerate() {
                if let Some(first) = given.iter().take(index).find(|g| g.value == item.value) {
                    section
                        .report()
                        .duplicate(&item.place, &first.place, "name it once");
                }
            }
            given.into_iter().map(|item| item.value).collect()
        }
    }
}

fn tls_versions(section: &mut Section<'_>) -> TlsVersions {
    let words = &[("1.2", Version::Tls12), ("1.3", Version::Tls13)];
    let Some(given) = section.words("tls-versions", words) else {
        return TlsVersions {
            tls12: true,
            tls13: true,
        };
    };
    let has = |version| {
        given
            .iter()
            .any(|item: &Given<Version>| item.value == version)
    };
    TlsVersions {
        tls12: has(Version::Tls12),
        tls13: has(Version::Tls13),
    }
}

/// Chain and key as far as they can be told to be right without a handshake.
fn identity(
    section: &Section<'_>,
    chain_place: &Place,
    chain: &[u8],
    key_place: &Place,
    key: &[u8],
) -> Option<CertificateFacts> {
    match certificate::inspect(chain, key) {
        Ok(facts) => Some(facts),
        Err(error) => {
            let place = if error.concerns_key() {
                key_place
            } else {
                chain_place
            };
            let complaint = Complaint::Certificate(error.to_string());
            section.report().problem(place, complaint, error.advice());
            None
        }
    }
}

fn warn_of_certificate(
    section: &Section<'_>,
    place: &Place,
    facts: &CertificateFacts,
    now: jiff::Timestamp,
) {
    for (caution, advice) in facts.cautions(now) {
        section.report().warning(place, caution, advice);
    }
}
