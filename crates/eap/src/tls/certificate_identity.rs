//! The identity in a verified client certificate.

use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{Any, FromDer, Oid, TaggedExplicit, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// Microsoft's User Principal Name, as otherName in subjectAltName.
const UPN: Oid<'static> = oid!(1.3.6.1.4.1.311.20.2.3);

/// The facts of a client certificate whose chain has been verified; which of them names the
/// account is the caller's to decide. Names with control characters are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateIdentity {
    /// rfc822Name of subjectAltName, in order.
    pub san_emails: Vec<String>,
    /// User Principal Names of subjectAltName, in order.
    pub san_upns: Vec<String>,
    /// dNSName of subjectAltName, in order.
    pub san_dns: Vec<String>,
    /// The last, most specific, common name of the subject.
    pub common_name: Option<String>,
    /// The whole subject, for people to read.
    pub subject: String,
    /// Hexadecimal digits, two for each octet.
    pub serial: String,
    /// The whole issuer, for people to read.
    pub issuer: String,
    /// Over the certificate, DER.
    pub fingerprint_sha256: [u8; 32],
    /// Seconds since 1970, UTC.
    pub not_after: i64,
}

impl CertificateIdentity {
    /// Reads a leaf, DER. `None` where it cannot be read: webpki and this reader differ in what
    /// they let pass.
    pub(crate) fn read(leaf: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(leaf).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let alternative = certificate.subject_alternative_name().ok()?;
        let names = alternative.map_or(&[][..], |names| &names.value.general_names);
        Some(CertificateIdentity {
            san_emails: collect(names, email),
            san_upns: collect(names, upn),
            san_dns: collect(names, dns),
            common_name: common_name(&certificate),
            subject: certificate.subject().to_string(),
            serial: hex(certificate.raw_serial()),
            issuer: certificate.issuer().to_string(),
            fingerprint_sha256: Sha256::digest(leaf).into(),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

fn collect(names: &[GeneralName<'_>], kind: fn(&GeneralName<'_>) -> Option<String>) -> Vec<String> {
    names
        .iter()
        .filter_map(kind)
        .filter(|name| is_plain(name))
        .collect()
}

fn email(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::RFC822Name(email) => Some((*email).to_owned()),
        _ => None,
    }
}

fn dns(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    }
}

fn upn(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::OtherName(kind, value) if *kind == UPN => read_upn(value),
        _ => None,
    }
}

/// `[0] EXPLICIT UTF8String`, or another string type.
fn read_upn(value: &[u8]) -> Option<String> {
    type Value<'a> = TaggedExplicit<Any<'a>, x509_parser::asn1_rs::Error, 0>;
    let (_, value) = Value::from_der(value).ok()?;
    value.into_inner().as_string().ok()
}

fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let name = certificate.subject().iter_common_name().last()?;
    name.as_str()
        .ok()
        .filter(|name| is_plain(name))
        .map(str::to_owned)
}

/// A NUL in the middle has fooled many a comparison.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}
