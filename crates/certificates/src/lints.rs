//! Lints of a chain: objections of devices and of eduroam's own checks of a server. None keeps a
//! chain from being used: each finding is a warning with advice.

use jiff::{Timestamp, ToSpan};
use portvakt_eap::MethodType;
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::public_key::PublicKey;

use super::issuers::Order;
use super::round_trips::{self, Flight};
use super::{issuers, names};

/// The circumstances in which the chain is sent.
#[derive(Clone, Copy)]
pub struct Setting<'s> {
    /// The methods that are offered with it.
    pub methods: &'s [MethodType],
    /// Most EAP octets of a request to equipment that does not say how much it takes.
    pub fragment: usize,
    /// The time at which the chain is judged.
    pub now: Timestamp,
}

/// Something weak, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// The fault.
    pub text: String,
    /// The remedy, for the operator.
    pub advice: &'static str,
}

impl Lint {
    pub(super) fn new(text: impl Into<String>, advice: &'static str) -> Self {
        Self {
            text: text.into(),
            advice,
        }
    }
}

/// A chain as the checks see it.
pub(super) struct Chain<'c> {
    pub(super) own: &'c X509Certificate<'c>,
    /// All, the own one first.
    pub(super) all: &'c [X509Certificate<'c>],
    pub(super) order: Order,
    pub(super) now: Timestamp,
}

/// One thing that is looked at.
type Check = fn(&Chain<'_>) -> Option<Lint>;

const CHECKS: &[Check] = &[
    validity,
    issuers_validity,
    lifetime,
    key,
    signature,
    purpose,
    revocation_point,
    names::missing,
    names::only_in_one_place,
    names::several_common_names,
    names::wildcard,
    names::malformed,
    issuers::self_signed,
    issuers::own_is_an_authority,
    issuers::out_of_order,
    issuers::broken,
    issuers::incomplete,
    issuers::root_included,
    issuers::without_basic_constraints,
    issuers::several_servers,
];

/// All that can be held against a chain, the server's own certificate first.
pub fn lints(certificates: &[CertificateDer<'_>], setting: Setting<'_>) -> Vec<Lint> {
    let parse = |der: &CertificateDer<'_>| x509_parser::parse_x509_certificate(der).is_ok();
    if !certificates.iter().all(parse) {
        let text = "one of the issuers in the chain cannot be read";
        return vec![Lint::new(text, "look at each with: openssl x509 -text")];
    }
    let parsed: Vec<_> = certificates
        .iter()
        .filter_map(|der| x509_parser::parse_x509_certificate(der).ok())
        .map(|(_, certificate)| certificate)
        .collect();
    let Some(own) = parsed.first() else {
        return Vec::new();
    };
    let chain = Chain {
        own,
        all: &parsed,
        order: Order::of(&parsed),
        now: setting.now,
    };
    let found = CHECKS.iter().filter_map(|check| check(&chain));
    found.chain(too_long(certificates, setting)).collect()
}

/// Said of a chain that other methods are offered with, too.
pub fn too_long(certificates: &[CertificateDer<'_>], setting: Setting<'_>) -> Option<Lint> {
    let own = certificates.first()?;
    let (_, own) = x509_parser::parse_x509_certificate(own).ok()?;
    let flight = Flight {
        chain: certificates.iter().map(|der| der.len()).collect(),
        signature: rsa_bits(&own).map_or(round_trips::ECDSA_SIGNATURE, |bits| bits / 8),
    };
    round_trips::too_long(&flight, setting.methods, setting.fragment)
}

/// The name of a certificate in a sentence.
pub(super) fn called(certificate: &X509Certificate<'_>) -> String {
    let name = certificate.subject().iter_common_name().next();
    let name = name.and_then(|name| name.as_str().ok());
    name.map_or_else(
        || certificate.subject().to_string(),
        |name| format!("\"{name}\""),
    )
}

fn instant(time: x509_parser::time::ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}

fn days(from: Timestamp, until: Timestamp) -> i64 {
    until.duration_since(from).as_secs().div_euclid(86_400)
}

const RENEW: &str = "renew it from the same CA under the same name, so that devices notice nothing";

fn validity(chain: &Chain<'_>) -> Option<Lint> {
    let now = chain.now;
    let soon = now.checked_add((30 * 24).hours()).unwrap_or(Timestamp::MAX);
    let begins = instant(chain.own.validity().not_before);
    let ends = instant(chain.own.validity().not_after);
    let day = ends.strftime("%Y-%m-%d");
    if ends <= now {
        let text = format!("the certificate expired on {day}: no device will log on");
        Some(Lint::new(text, RENEW))
    } else if ends <= soon {
        let days = days(now, ends);
        let text = format!("the certificate expires on {day}, in {days} days");
        Some(Lint::new(text, RENEW))
    } else if begins > now {
        let day = begins.strftime("%Y-%m-%d");
        let text = format!("the certificate is not valid before {day}");
        Some(Lint::new(text, "check the clock"))
    } else {
        None
    }
}

fn issuers_validity(chain: &Chain<'_>) -> Option<Lint> {
    let is_over = |issuer: &&X509Certificate<'_>| {
        let validity = issuer.validity();
        instant(validity.not_after) <= chain.now || instant(validity.not_before) > chain.now
    };
    let issuer = chain.all.iter().skip(1).find(is_over)?;
    let text = format!("{} in the chain is not valid now", called(issuer));
    Some(Lint::new(
        text,
        "fetch the issuers' certificates of today from your CA",
    ))
}

/// The longest that Apple's devices take from any CA, and from those they know by themselves.
const APPLE_AT_MOST: i64 = 825;
const APPLE_AT_MOST_IF_PUBLIC: i64 = 398;

fn lifetime(chain: &Chain<'_>) -> Option<Lint> {
    let validity = chain.own.validity();
    let days = days(instant(validity.not_before), instant(validity.not_after));
    if days > APPLE_AT_MOST {
        let text = format!("it is valid for {days} days: Apple devices refuse more than 825");
        Some(Lint::new(
            text,
            "have it issued for a year, and renew it each year",
        ))
    } else if days > APPLE_AT_MOST_IF_PUBLIC {
        let text = format!(
            "it is valid for {days} days: Apple devices take more than 398 only from a CA that \
             your profile installs"
        );
        Some(Lint::new(
            text,
            "have it issued for a year, and renew it each year",
        ))
    } else {
        None
    }
}

pub(super) fn rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    }
}

fn key(chain: &Chain<'_>) -> Option<Lint> {
    let weak = |certificate: &&X509Certificate<'_>| rsa_bits(certificate).is_some_and(|n| n < 2048);
    let weak = chain.all.iter().find(weak)?;
    let bits = rsa_bits(weak).unwrap_or_default();
    let text = format!(
        "{} has an RSA key of {bits} bits: devices refuse less than 2048",
        called(weak)
    );
    Some(Lint::new(
        text,
        "ask for a certificate with an ECDSA P-256 key",
    ))
}

/// MD5 and SHA-1 with RSA, SHA-1 with ECDSA, SHA-1 with DSA.
const WEAK_SIGNATURES: &[Oid<'static>] = &[
    oid!(1.2.840.113549.1.1.4),
    oid!(1.2.840.113549.1.1.5),
    oid!(1.2.840.10045.4.1),
    oid!(1.2.840.10040.4.3),
];

/// A root's signature over itself proves nothing to anybody, so it may be as old as it is.
fn signature(chain: &Chain<'_>) -> Option<Lint> {
    let is_weak = |certificate: &&X509Certificate<'_>| {
        WEAK_SIGNATURES.contains(&certificate.signature_algorithm.algorithm)
            && !issuers::is_self_issued(certificate)
    };
    let weak = chain.all.iter().find(is_weak)?;
    let text = format!(
        "{} is signed with MD5 or SHA-1: devices refuse it",
        called(weak)
    );
    Some(Lint::new(text, "have it issued again, signed with SHA-256"))
}

fn purpose(chain: &Chain<'_>) -> Option<Lint> {
    let usage = chain.own.extended_key_usage().ok().flatten();
    let serves_tls = usage.is_some_and(|usage| usage.value.server_auth);
    let text = "the certificate is not made for TLS servers (no serverAuth)";
    let advice = "Windows and Android refuse it: have it issued again";
    (!serves_tls).then(|| Lint::new(text, advice))
}

fn revocation_point(chain: &Chain<'_>) -> Option<Lint> {
    const ADVICE: &str = "have the CA put an http address of its list in; some Windows devices ask";
    if chain.own.subject().as_raw() == chain.own.issuer().as_raw() {
        return None;
    }
    let mut points =
        chain
            .own
            .extensions()
            .iter()
            .filter_map(|extension| match extension.parsed_extension() {
                ParsedExtension::CRLDistributionPoints(points) => Some(points),
                _ => None,
            });
    let Some(points) = points.next() else {
        let text = "the certificate does not say where its revocation list is (no CRL \
                    distribution point)";
        return Some(Lint::new(text, ADVICE));
    };
    let full = points
        .iter()
        .filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        });
    let is_http = |name: &GeneralName<'_>| matches!(name, GeneralName::URI(uri) if uri.starts_with("http://"));
    let text = "no address of its revocation list begins with http:// (CRL distribution point)";
    let reachable = full.flatten().any(is_http);
    (!reachable).then(|| Lint::new(text, ADVICE))
}
