//! A certificate that nobody has anything against in 2026, for configurations that only name one.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test uses the part of it that it needs"
)]

use std::sync::LazyLock;

use rcgen::CertifiedIssuer;

/// A certificate with its key.
pub struct Issued {
    /// PEM.
    pub certificate: String,
    /// The same, DER.
    pub der: Vec<u8>,
    /// PEM.
    pub key: String,
    /// The root, PEM.
    pub authority: String,
    /// Of the root, PEM.
    pub revocation_list: String,
}

/// A certificate that is valid from 2026-01-01 for a year, and a list that is so, too.
pub static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
    const NAME: &str = "radius.campus.example";
    let mut root = rcgen::CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, NAME);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    params.crl_distribution_points = vec![rcgen::CrlDistributionPoint {
        uris: vec!["http://pki.campus.example/crl".to_owned()],
    }];
    let certificate = params.signed_by(&key, &root).unwrap();
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2027, 1, 1),
        crl_number: 1.into(),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    Issued {
        certificate: certificate.pem(),
        der: certificate.der().to_vec(),
        key: key.serialize_pem(),
        authority: root.pem(),
        revocation_list: list.signed_by(&root).unwrap().pem().unwrap(),
    }
});
