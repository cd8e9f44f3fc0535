//! Client certificates for EAP-TLS, and the lists that revoke them.

#![expect(
    clippy::expect_used,
    reason = "fixed inputs: a failure is a broken test"
)]

use super::ClientIdentity;
use super::certificates::{Authority, key};
use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Microsoft's User Principal Name, as an otherName.
const UPN: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// Content of a client certificate.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// subjectAltName, rfc822Name.
    pub email: Option<String>,
    /// subjectAltName, otherName.
    pub upn: Option<String>,
    /// subjectAltName, dNSName.
    pub dns: Option<String>,
    /// Of the subject.
    pub common_name: String,
    /// One octet is enough for a test.
    pub serial: u8,
    /// The year at whose beginning its time begins.
    pub begins: i32,
    /// The year at whose beginning it ends.
    pub ends: i32,
    /// Extended key usage.
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
}

impl ClientCertificate {
    /// A sound one for a person.
    pub fn of(email: &str, serial: u8) -> Self {
        ClientCertificate {
            email: Some(email.into()),
            upn: None,
            dns: None,
            common_name: "A device".into(),
            serial,
            begins: 2020,
            ends: 2090,
            purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
        }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, self.common_name.as_str());
        params.serial_number = Some(SerialNumber::from_slice(&[self.serial]));
        params.not_before = date_time_ymd(self.begins, 1, 1);
        params.not_after = date_time_ymd(self.ends, 1, 1);
        params.extended_key_usages.clone_from(&self.purposes);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = self.names();
        params
    }

    fn names(&self) -> Vec<SanType> {
        let text = |name: &String| name.clone().try_into().expect("ASCII");
        let upn = |name: &String| SanType::OtherName((UPN.to_vec(), name.as_str().into()));
        let email = self
            .email
            .iter()
            .map(|name| SanType::Rfc822Name(text(name)));
        let dns = self.dns.iter().map(|name| SanType::DnsName(text(name)));
        email.chain(self.upn.iter().map(upn)).chain(dns).collect()
    }
}

impl Authority {
    /// Issues a client certificate.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn issue_client(&self, certificate: &ClientCertificate) -> ClientIdentity {
        let key = key();
        let leaf = certificate
            .params()
            .signed_by(&key, &self.intermediate)
            .expect("a certificate");
        ClientIdentity {
            chain: vec![leaf.der().clone(), self.intermediate.der().clone()],
            key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            chain_pem: leaf.pem() + &self.intermediate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// The lists of the root and of the intermediate, PEM; the latter's names `revoked`. Both are
    /// stale from the beginning of the year `stale_from`.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn revocation_lists(&self, revoked: &[u8], stale_from: i32) -> String {
        let of_root = list(&self.root, &[], stale_from);
        of_root + &list(&self.intermediate, revoked, stale_from)
    }

    /// As [`Authority::revocation_lists`], with the intermediate itself revoked by the root.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    pub fn revocation_lists_without_intermediate(&self) -> String {
        let serial = x509_serial(self.intermediate.der());
        let of_root = list_of(&self.root, vec![serial], 2090);
        of_root + &list(&self.intermediate, &[], 2090)
    }
}

fn list(issuer: &Issuer<'_, KeyPair>, revoked: &[u8], stale_from: i32) -> String {
    let serials = revoked.iter().map(|serial| vec![*serial]).collect();
    list_of(issuer, serials, stale_from)
}

fn list_of(issuer: &Issuer<'_, KeyPair>, revoked: Vec<Vec<u8>>, stale_from: i32) -> String {
    let entry = |serial: Vec<u8>| RevokedCertParams {
        serial_number: serial.into(),
        revocation_time: date_time_ymd(2020, 2, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 2, 1),
        next_update: date_time_ymd(stale_from, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.into_iter().map(entry).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = params.signed_by(issuer).expect("a revocation list");
    list.pem().expect("PEM")
}

/// rcgen chooses a certificate's serial when it signs, and does not tell: it follows the version
/// (five octets) and the two headers of the certificate (eight).
fn x509_serial(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let after_version = certificate.get(13..).expect("a certificate");
    let (header, rest) = after_version.split_at(2);
    assert_eq!(header.first(), Some(&2), "an INTEGER");
    let length = header.last().copied().map_or(0, usize::from);
    rest.iter().take(length).copied().collect()
}
