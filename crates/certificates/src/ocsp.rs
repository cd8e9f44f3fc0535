//! An OCSP response (RFC 6960) that is shown with the server's certificate. The CA's signature over
//! it is left to devices: here it is held against the certificate and the clock.

use der::Decode as _;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha1::{Digest as _, Sha1};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse as Message,
    OcspResponseStatus, SingleResponse,
};
use x509_parser::certificate::X509Certificate;

/// A response that may be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct OcspResponse {
    /// As the CA made it, DER.
    pub der: Vec<u8>,
    /// From when on it says nothing any more.
    pub next_update: Option<Timestamp>,
}

impl std::fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let octets = self.der.len();
        write!(f, "OcspResponse({octets} octets, {:?})", self.next_update)
    }
}

/// Why a response is not shown. Each is a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OcspUnfit {
    /// Not an OCSP response in DER.
    #[error("this is no OCSP response in DER")]
    Unreadable,
    /// An error response (RFC 6960 §2.3).
    #[error("the CA's responder did not answer the question")]
    Unsuccessful,
    /// No response about this certificate.
    #[error("this OCSP response is about another certificate")]
    OtherCertificate,
    /// The certificate is revoked.
    #[error("the CA says in this OCSP response that the certificate is revoked")]
    Revoked,
    /// The responder does not know the certificate.
    #[error("the CA says in this OCSP response that it does not know the certificate")]
    Unknown,
    /// thisUpdate is in the future.
    #[error("this OCSP response is not valid before {0}")]
    NotYet(Timestamp),
    /// nextUpdate is in the past.
    #[error("this OCSP response ended at {0}")]
    Ended(Timestamp),
}

/// Reads a response and holds it against the certificate that it should be about.
///
/// # Errors
/// [`OcspUnfit`]: devices would take it for a reason to hang up.
pub fn inspect(
    octets: &[u8],
    own: &CertificateDer<'_>,
    now: Timestamp,
) -> Result<OcspResponse, OcspUnfit> {
    let basic = basic(octets)?;
    let (_, own) = x509_parser::parse_x509_certificate(own).map_err(|_| OcspUnfit::Unreadable)?;
    let responses = basic.tbs_response_data.responses.iter();
    let is_about = |response: &&SingleResponse| is_about(&response.cert_id, &own);
    let response = responses
        .into_iter()
        .find(is_about)
        .ok_or(OcspUnfit::OtherCertificate)?;
    match response.cert_status {
        CertStatus::Good(_) => {}
        CertStatus::Revoked(_) => return Err(OcspUnfit::Revoked),
        CertStatus::Unknown(_) => return Err(OcspUnfit::Unknown),
    }
    let begins = instant(response.this_update);
    let next_update = response.next_update.map(instant);
    match next_update {
        _ if begins > now => Err(OcspUnfit::NotYet(begins)),
        Some(ended) if ended <= now => Err(OcspUnfit::Ended(ended)),
        next_update => Ok(OcspResponse {
            der: octets.to_vec(),
            next_update,
        }),
    }
}

fn basic(octets: &[u8]) -> Result<BasicOcspResponse, OcspUnfit> {
    let unreadable = |_| OcspUnfit::Unreadable;
    let message = Message::from_der(octets).map_err(unreadable)?;
    if message.response_status != OcspResponseStatus::Successful {
        return Err(OcspUnfit::Unsuccessful);
    }
    let response = message.response_bytes.ok_or(OcspUnfit::Unreadable)?;
    BasicOcspResponse::from_der(response.response.as_bytes()).map_err(unreadable)
}

/// By serial number and, with the usual hash, by the issuer's name.
fn is_about(id: &CertId, own: &X509Certificate<'_>) -> bool {
    const SHA1: &str = "1.3.14.3.2.26";
    let issuer = Sha1::digest(own.issuer().as_raw());
    let by_sha1 = id.hash_algorithm.oid.to_string() == SHA1;
    unpadded(id.serial_number.as_bytes()) == unpadded(own.raw_serial())
        && (!by_sha1 || id.issuer_name_hash.as_bytes() == issuer.as_slice())
}

/// An INTEGER may begin with a zero that keeps it positive.
fn unpadded(serial: &[u8]) -> &[u8] {
    serial.strip_prefix(&[0]).unwrap_or(serial)
}

fn instant(time: OcspGeneralizedTime) -> Timestamp {
    let seconds = time.0.to_unix_duration().as_secs();
    let instant = i64::try_from(seconds).ok();
    instant
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}
