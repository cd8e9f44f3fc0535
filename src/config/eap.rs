//! `[eap]`: which methods are offered, and the certificate that devices check.

use std::path::PathBuf;
use std::time::Duration;

use super::certificate::{self, CertificateFacts};
use super::problem::Complaint;
use super::referred::{FileContent, Referred};
use super::report::{Given, Place};
use super::secret::Secret;
use super::section::Section;
use super::ticket_keys::ticket_keys;

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
    /// What may be spoken inside EAP-TTLS; never empty.
    pub ttls_inner: Vec<InnerEapMethod>,
    /// What may be spoken inside PEAP; never empty.
    pub peap_inner: Vec<InnerEapMethod>,
    /// What may be spoken inside TEAP; never empty.
    pub teap_inner: Vec<InnerEapMethod>,
    /// Whom TEAP asks for; never empty.
    pub teap_identities: Vec<TeapIdentity>,
    /// How often EAP-MSCHAPv2 asks again after a wrong answer.
    pub mschapv2_retries: u8,
    /// How long a device may come back without its password; zero is never.
    pub resume_for: Duration,
    /// 32 octets each, newest first: what EAP-TLS sessions are sealed under for other servers; none
    /// keeps sessions in this process alone.
    pub ticket_keys: Vec<Secret>,
    /// How client certificates are checked; there where EAP-TLS is offered, by itself or in a tunnel.
    pub client_certificates: Option<ClientCertificates>,
    /// Most EAP octets in one request to a NAS that does not send Framed-MTU.
    pub max_fragment: u16,
}

/// An EAP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EapMethod {
    /// EAP-TTLS (RFC 5281).
    Ttls,
    /// PEAPv0.
    Peap,
    /// EAP-TLS (RFC 5216, RFC 9190).
    Tls,
    /// TEAP (RFC 9930).
    Teap,
}

/// Whose credential TEAP asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeapIdentity {
    /// The person's.
    User,
    /// The device's own.
    Machine,
}

/// What is spoken inside a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerEapMethod {
    /// The password.
    Pap,
    /// MS-CHAP.
    LegacyMsChap,
    /// CHAP.
    LegacyChap,
    /// MS-CHAPv2.
    MsChapV2,
    /// EAP-MSCHAPv2.
    EapMsChapV2,
    /// EAP-GTC: the password.
    EapGtc,
    /// The password, in TEAP.
    Password,
    /// EAP-TLS: a certificate.
    EapTls,
    /// EAP-MD5, in EAP-TTLS.
    LegacyEapMd5,
}

/// How client certificates are checked.
#[derive(Debug, Clone)]
pub struct ClientCertificates {
    /// The authorities, PEM.
    pub authorities: Vec<u8>,
    /// Revocation lists, PEM or DER; none checks no revocation.
    pub revocation_lists: Option<Vec<u8>>,
    /// Whether a list that is past its next update lets nobody in whom it would vouch for.
    pub refuse_on_stale_list: bool,
    /// Where the account's name stands, in the order of looking; never empty.
    pub names: Vec<CertificateName>,
}

/// Where a certificate says whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateName {
    /// rfc822Name of subjectAltName.
    Email,
    /// User Principal Name of subjectAltName.
    Upn,
    /// dNSName of subjectAltName.
    Dns,
    /// The common name of the subject.
    CommonName,
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
    let ttls_inner = each_once(&mut section, "ttls-inner", TTLS_INNER, InnerEapMethod::Pap);
    let peap_inner = each_once(
        &mut section,
        "peap-inner",
        PEAP_INNER,
        InnerEapMethod::EapMsChapV2,
    );
    let teap_inner = each_once(
        &mut section,
        "teap-inner",
        TEAP_INNER,
        InnerEapMethod::EapMsChapV2,
    );
    let teap_identities = each_once(
        &mut section,
        "teap-identities",
        IDENTITIES,
        TeapIdentity::User,
    );
    let mschapv2_retries = section.integer("mschapv2-retries", 0, 0..=2);
    let day = Duration::from_secs(24 * 60 * 60);
    let resume_for = section.duration("resume-for", day / 3, Duration::ZERO..=7 * day);
    let ticket_keys = ticket_keys(&mut section, referred);
    let certified = methods.iter().any(|method| match method {
        EapMethod::Ttls => ttls_inner.contains(&InnerEapMethod::EapTls),
        EapMethod::Peap => peap_inner.contains(&InnerEapMethod::EapTls),
        EapMethod::Teap => teap_inner.contains(&InnerEapMethod::EapTls),
        EapMethod::Tls => true,
    });
    let client_certificates = client_certificates(&mut section, referred, certified);
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
            ttls_inner,
            peap_inner,
            teap_inner,
            teap_identities,
            mschapv2_retries,
            resume_for,
            ticket_keys,
            client_certificates,
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

const METHODS: &[(&str, EapMethod)] = &[
    ("ttls", EapMethod::Ttls),
    ("peap", EapMethod::Peap),
    ("tls", EapMethod::Tls),
    ("teap", EapMethod::Teap),
];

const TTLS_INNER: &[(&str, InnerEapMethod)] = &[
    ("pap", InnerEapMethod::Pap),
    ("mschapv2", InnerEapMethod::MsChapV2),
    ("legacy-mschap", InnerEapMethod::LegacyMsChap),
    ("legacy-chap", InnerEapMethod::LegacyChap),
    ("eap-mschapv2", InnerEapMethod::EapMsChapV2),
    ("eap-gtc", InnerEapMethod::EapGtc),
    ("eap-tls", InnerEapMethod::EapTls),
    ("legacy-eap-md5", InnerEapMethod::LegacyEapMd5),
];

const PEAP_INNER: &[(&str, InnerEapMethod)] = &[
    ("eap-mschapv2", InnerEapMethod::EapMsChapV2),
    ("eap-gtc", InnerEapMethod::EapGtc),
    ("eap-tls", InnerEapMethod::EapTls),
];

const TEAP_INNER: &[(&str, InnerEapMethod)] = &[
    ("eap-mschapv2", InnerEapMethod::EapMsChapV2),
    ("eap-tls", InnerEapMethod::EapTls),
    ("password", InnerEapMethod::Password),
];

const IDENTITIES: &[(&str, TeapIdentity)] = &[
    ("user", TeapIdentity::User),
    ("machine", TeapIdentity::Machine),
];

const NAMES: &[(&str, CertificateName)] = &[
    ("email", CertificateName::Email),
    ("upn", CertificateName::Upn),
    ("dns", CertificateName::Dns),
    ("common-name", CertificateName::CommonName),
];

fn methods(section: &mut Section<'_>) -> Vec<EapMethod> {
    each_once(section, "methods", METHODS, EapMethod::Ttls)
}

/// A list of words, each at most once; `usual` where there is none.
fn each_once<T: Copy + PartialEq>(
    section: &mut Section<'_>,
    key: &'static str,
    words: &'static [(&'static str, T)],
    usual: T,
) -> Vec<T> {
    let Some(given) = section.words(key, words) else {
        return vec![usual];
    };
    for (index, item) in given.iter().enumerate() {
        if let Some(first) = given.iter().take(index).find(|g| g.value == item.value) {
            section
                .report()
                .duplicate(&item.place, &first.place, "name it once");
        }
    }
    given.into_iter().map(|item| item.value).collect()
}

/// `client-ca` and what goes with it; asked for where EAP-TLS is offered.
fn client_certificates(
    section: &mut Section<'_>,
    referred: &Referred,
    offered: bool,
) -> Option<ClientCertificates> {
    if offered {
        require(
            section,
            "client-ca",
            "the PEM file with the authorities of your devices",
        );
    }
    let authorities = referred.file(section, "client-ca");
    let lists = referred.file(section, "client-crl");
    let refuse_on_stale_list = !section.boolean("client-crl-stale-danger", false).value;
    let names = each_once(section, "client-names", NAMES, CertificateName::Upn);
    let content = |file: Given<(PathBuf, &FileContent)>| file.value.1.octets.as_bytes().to_vec();
    Some(ClientCertificates {
        authorities: content(authorities?),
        revocation_lists: lists.map(content),
        refuse_on_stale_list,
        names,
    })
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
