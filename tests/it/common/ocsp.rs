//! OCSP responses as a CA's responder makes them, but for the signature, which nobody here checks.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test uses the part of it that it needs"
)]

use std::time::Duration;

use der::Encode as _;
use der::asn1::{BitString, GeneralizedTime, OctetString};
use sha1::{Digest as _, Sha1};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, ResponderId,
    ResponseData, RevokedInfo, SingleResponse,
};

/// `good`, for this certificate (DER) from `begins` until `ends`, in seconds since 1970.
pub fn good(certificate: &[u8], begins: u64, ends: u64) -> Vec<u8> {
    response(certificate, CertStatus::good(), begins, ends)
}

/// `revoked`, otherwise the same.
pub fn revoked(certificate: &[u8], begins: u64, ends: u64) -> Vec<u8> {
    let revoked = RevokedInfo {
        revocation_time: time(begins),
        revocation_reason: None,
    };
    response(certificate, CertStatus::revoked(revoked), begins, ends)
}

fn time(seconds: u64) -> OcspGeneralizedTime {
    let since_1970 = Duration::from_secs(seconds);
    OcspGeneralizedTime(GeneralizedTime::from_unix_duration(since_1970).unwrap())
}

/// An INTEGER or another type from its encoding.
fn decoded<'d, T: der::Decode<'d>>(encoding: &'d [u8]) -> T {
    T::from_der(encoding).unwrap()
}

fn response(certificate: &[u8], cert_status: CertStatus, begins: u64, ends: u64) -> Vec<u8> {
    let (_, own) = x509_parser::parse_x509_certificate(certificate).unwrap();
    let hash = |octets: &[u8]| OctetString::new(Sha1::digest(octets).to_vec()).unwrap();
    let length = u8::try_from(own.raw_serial().len()).unwrap();
    let serial = [&[2, length][..], own.raw_serial()].concat();
    // SEQUENCE { OBJECT IDENTIFIER SHA-1, NULL }
    let sha1 = [0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];
    // SEQUENCE { OBJECT IDENTIFIER ecdsa-with-SHA256 }
    let ecdsa = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let single = SingleResponse {
        cert_id: CertId {
            hash_algorithm: decoded(&sha1),
            issuer_name_hash: hash(own.issuer().as_raw()),
            issuer_key_hash: hash(b"nobody looks at it"),
            serial_number: decoded(&serial),
        },
        cert_status,
        this_update: time(begins),
        next_update: Some(time(ends)),
        single_extensions: None,
    };
    let basic = BasicOcspResponse {
        tbs_response_data: ResponseData {
            version: Default::default(),
            responder_id: ResponderId::ByKey(hash(b"the responder")),
            produced_at: time(begins),
            responses: vec![single],
            response_extensions: None,
        },
        signature_algorithm: decoded(&ecdsa),
        signature: BitString::from_bytes(&[0; 70]).unwrap(),
        certs: None,
    };
    OcspResponse::successful(basic).unwrap().to_der().unwrap()
}
