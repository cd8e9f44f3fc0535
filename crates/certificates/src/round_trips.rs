//! How many round trips a log-on takes with a chain (E11). Each is one packet all the way from the
//! device's access point to here, through the whole federation when its owner is abroad.

use super::lints::Lint;
use portvakt_eap::MethodType;

/// Beyond this, equipment and proxies on the way begin to give up.
const AT_MOST: usize = 10;
/// Octets that many access points without Framed-MTU take (RFC 3579 §2.4); few take less.
const LEAST_USUAL_FRAGMENT: usize = 1020;
/// EAP's header, the method's type and its flags.
const FRAGMENT_HEADER: usize = 6;
/// The length of the whole message, in its first fragment.
const MESSAGE_LENGTH: usize = 4;
/// Everything of the server's first flight but certificates and signature, TLS 1.3.
const REST_OF_FLIGHT: usize = 300;
/// Length and extensions of each certificate (RFC 8446 §4.4.2).
const CERTIFICATE_HEADER: usize = 5;
/// Most octets of an ECDSA P-256 signature.
pub(super) const ECDSA_SIGNATURE: usize = 72;
/// Messages in which a device sends its own chain of two certificates.
const CLIENT_CERTIFICATE: usize = 2;

/// The server's first TLS flight.
pub(super) struct Flight {
    /// Octets of each certificate.
    pub(super) chain: Vec<usize>,
    /// Octets of the signature over the handshake.
    pub(super) signature: usize,
}

impl Flight {
    fn octets(&self) -> usize {
        let certificates = self.chain.iter().map(|octets| octets + CERTIFICATE_HEADER);
        REST_OF_FLIGHT + self.signature + certificates.sum::<usize>()
    }

    fn fragments(&self, fragment: usize) -> usize {
        let room = fragment.saturating_sub(FRAGMENT_HEADER).max(1);
        (self.octets() + MESSAGE_LENGTH).div_ceil(room)
    }
}

/// Requests of a full log-on, from the identity to the Accept.
pub(super) fn round_trips(flight: &Flight, method: MethodType, fragment: usize) -> usize {
    let others = match method {
        // Identity, end of the handshake, password.
        MethodType::Ttls => 3,
        // Those, inner identity, challenge, response and result.
        MethodType::Peap => 7,
        // As PEAP, with the binding in the place of the result.
        MethodType::Teap => 7,
        // Identity, the device's certificates, end of the handshake.
        MethodType::Tls => 2 + CLIENT_CERTIFICATE,
    };
    others + flight.fragments(fragment)
}

/// A lint where one of the methods needs too many.
pub(super) fn too_long(flight: &Flight, methods: &[MethodType], fragment: usize) -> Option<Lint> {
    let fragment = fragment.min(LEAST_USUAL_FRAGMENT);
    let needed = |method: &MethodType| round_trips(flight, *method, fragment);
    let most = methods.iter().map(needed).max()?;
    let octets: usize = flight.chain.iter().sum();
    let text = format!(
        "the chain has {octets} octets: a log-on takes up to {most} round trips in fragments of \
         {fragment}, and some equipment gives up after {AT_MOST}"
    );
    let advice = "take a certificate with an ECDSA key from an ECDSA CA, and leave the root out";
    (most > AT_MOST).then(|| Lint::new(text, advice))
}
