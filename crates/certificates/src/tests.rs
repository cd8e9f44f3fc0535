//! One certificate for every lint; a good one has none.

use portvakt_eap::MethodType;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CrlDistributionPoint, CustomExtension,
    DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PublicKeyData, RsaKeySize,
    date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use super::round_trips::{Flight, round_trips};
use super::{Setting, lints};

const NAME: &str = "radius.campus.example";

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

/// The certificate that nobody has anything against.
fn good() -> CertificateParams {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec!["http://pki.campus.example/crl".to_owned()],
    }];
    params
}

struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::with(ca("Issuing CA"))
    }

    fn with(intermediate: CertificateParams) -> Self {
        let root = CertifiedIssuer::self_signed(ca("Root CA"), key()).unwrap();
        let intermediate = CertifiedIssuer::signed_by(intermediate, key(), &root).unwrap();
        Self { root, intermediate }
    }

    fn issue(&self, params: &CertificateParams) -> CertificateDer<'static> {
        params
            .signed_by(&key(), &self.intermediate)
            .unwrap()
            .der()
            .clone()
    }

    fn intermediate(&self) -> CertificateDer<'static> {
        self.intermediate.der().clone()
    }

    fn root(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }
}

fn said_at(chain: &[CertificateDer<'_>], now: &str, methods: &[MethodType]) -> Vec<String> {
    let setting = Setting {
        methods,
        fragment: 1020,
        now: now.parse().unwrap(),
    };
    let lints = lints(chain, setting).into_iter();
    lints.map(|lint| lint.text).collect()
}

fn said(chain: &[CertificateDer<'_>]) -> Vec<String> {
    said_at(chain, "2026-06-01T00:00:00Z", &[MethodType::Ttls])
}

/// The one lint about a chain with this certificate before a good issuer.
fn said_of(change: impl FnOnce(&mut CertificateParams)) -> String {
    let authority = Authority::new();
    let mut params = good();
    change(&mut params);
    let mut said = said(&[authority.issue(&params), authority.intermediate()]);
    assert_eq!(said.len(), 1, "{said:?}");
    said.remove(0)
}

#[test]
fn a_good_chain_has_no_caution() {
    let authority = Authority::new();
    let chain = [authority.issue(&good()), authority.intermediate()];
    assert_eq!(said(&chain), Vec::<String>::new());
    let alone = good().signed_by(&key(), &authority.root).unwrap();
    assert_eq!(said(&[alone.der().clone()]), Vec::<String>::new());
}

#[test]
fn validity_is_looked_at() {
    let authority = Authority::new();
    let chain = [authority.issue(&good()), authority.intermediate()];
    let at = |now: &str| said_at(&chain, now, &[MethodType::Ttls]).concat();
    assert!(at("2027-02-01T00:00:00Z").contains("expired on 2027-01-01"));
    assert!(at("2026-12-12T00:00:00Z").contains("in 20 days"));
    assert!(at("2025-12-31T00:00:00Z").contains("not valid before 2026-01-01"));
    let mut old = ca("Old CA");
    old.not_after = date_time_ymd(2026, 2, 1);
    let authority = Authority::with(old);
    let said = said(&[authority.issue(&good()), authority.intermediate()]);
    assert_eq!(said, ["\"Old CA\" in the chain is not valid now"]);
}

#[test]
fn a_life_longer_than_apple_takes_is_told() {
    let until = |year| said_of(|params| params.not_after = date_time_ymd(year, 4, 1));
    assert!(until(2029).contains("1186 days: Apple devices refuse more than 825"));
    assert!(until(2027).contains("455 days: Apple devices take more than 398 only"));
}

#[test]
fn purpose_and_revocation_point_are_looked_at() {
    let said = said_of(|params| params.extended_key_usages.clear());
    assert!(said.contains("serverAuth"), "{said}");
    let said = said_of(|params| params.crl_distribution_points.clear());
    assert!(said.contains("does not say where"), "{said}");
    for address in [
        "ldap://pki.campus.example/cn=crl",
        "https://pki.campus.example/crl",
    ] {
        let said = said_of(|params| {
            params.crl_distribution_points[0].uris = vec![address.to_owned()];
        });
        assert!(said.contains("begins with http://"), "{said}");
    }
}

#[test]
fn names_are_looked_at() {
    let common = |params: &mut CertificateParams, name: &str| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
    };
    let dns = |name: &str| rcgen::SanType::DnsName(name.try_into().unwrap());
    let said = said_of(|params| params.subject_alt_names.clear());
    assert!(
        said.contains("only as common name, radius.campus.example"),
        "{said}"
    );
    let said = said_of(|params| common(params, "Radius"));
    assert!(
        said.contains("in both CN and SAN: the common name is Radius"),
        "{said}"
    );
    let said = said_of(|params| params.distinguished_name = rcgen::DistinguishedName::new());
    assert!(said.contains("there is no common name"), "{said}");
    let said = said_of(|params| {
        params.subject_alt_names = vec![dns("*.campus.example")];
        common(params, "*.campus.example");
    });
    assert!(said.contains("wildcard"), "{said}");
    let said = said_of(|params| params.subject_alt_names.push(dns("radius")));
    assert!(
        said.contains("\"radius\" in SAN:DNS is no host name"),
        "{said}"
    );
}

/// rcgen takes each attribute of a name once: the second stands for another until it is signed.
#[test]
fn several_common_names_are_told() {
    let authority = Authority::new();
    let mut params = good();
    let name = DnValue::Utf8String("radius2.campus.example".to_owned());
    params
        .distinguished_name
        .push(DnType::OrganizationName, name);
    let organisation: &[u8] = &[6, 3, 0x55, 4, 10];
    let common: &[u8] = &[6, 3, 0x55, 4, 3];
    let own = replaced(&authority.issue(&params), organisation, common);
    let said = said(&[own, authority.intermediate()]);
    assert_eq!(said, ["the certificate has 2 common names"]);
}

/// The certificate with some octets for others of the same number.
fn replaced(certificate: &CertificateDer<'_>, old: &[u8], new: &[u8]) -> CertificateDer<'static> {
    assert_eq!(old.len(), new.len());
    let mut octets = certificate.to_vec();
    let found: Vec<_> = (0..octets.len() - old.len())
        .filter(|at| octets[*at..].starts_with(old))
        .collect();
    assert!(!found.is_empty(), "nothing to replace");
    for at in found {
        octets[at..at + new.len()].copy_from_slice(new);
    }
    CertificateDer::from(octets)
}

/// RSA with SHA-256 becomes RSA with SHA-1 or MD5; nobody here checks the signature itself.
#[test]
fn old_signatures_are_told() {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let issuer = CertifiedIssuer::self_signed(ca("Old CA"), key).unwrap();
    let own = good().signed_by(&self::key(), &issuer).unwrap();
    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 11];
    for weak in [5, 4] {
        let algorithm = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, weak];
        let own = replaced(own.der(), &sha256, &algorithm);
        let said = said(&[own]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("signed with MD5 or SHA-1"), "{said:?}");
    }
}

/// The public half of an RSA key that is too short to be made any more.
struct ShortKey(Vec<u8>);

impl ShortKey {
    fn new() -> Self {
        let modulus = [&[2, 0x81, 129, 0, 0x80][..], &[1; 127]].concat();
        let exponent = [2, 3, 1, 0, 1];
        let length = u8::try_from(modulus.len() + exponent.len()).unwrap();
        Self([&[0x30, 0x81, length][..], &modulus, &exponent].concat())
    }
}

impl PublicKeyData for ShortKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

#[test]
fn short_keys_are_told_of_servers_and_of_issuers() {
    let authority = Authority::new();
    let own = good().signed_by(&ShortKey::new(), &authority.intermediate);
    let chain = [own.unwrap().der().clone(), authority.intermediate()];
    let expected = format!("\"{NAME}\" has an RSA key of 1024 bits");
    assert!(said(&chain)[0].starts_with(&expected), "{:?}", said(&chain));
    let weak = ca("Issuing CA").signed_by(&ShortKey::new(), &authority.root);
    let chain = [authority.issue(&good()), weak.unwrap().der().clone()];
    assert!(
        said(&chain)[0].contains("\"Issuing CA\" has an RSA key"),
        "{:?}",
        said(&chain)
    );
}

#[test]
fn the_order_of_the_chain_is_looked_at() {
    let authority = Authority::new();
    let lower = CertifiedIssuer::signed_by(ca("Lower CA"), key(), &authority.intermediate).unwrap();
    let own = good().signed_by(&key(), &lower).unwrap().der().clone();
    let (lower, upper) = (lower.der().clone(), authority.intermediate());
    assert_eq!(
        said(&[own.clone(), lower.clone(), upper.clone()]),
        Vec::<String>::new()
    );
    let said_of = |chain: &[CertificateDer<'_>]| {
        let said = said(chain);
        assert_eq!(said.len(), 1, "{said:?}");
        said.concat()
    };
    assert!(said_of(&[own.clone(), upper.clone(), lower.clone()]).contains("not in order"));
    let said = said_of(&[own.clone(), upper.clone()]);
    assert!(said.contains("the chain is broken"), "{said}");
    assert!(said.contains("\"Issuing CA\" issued none of it"), "{said}");
    let said = said_of(&[own.clone(), lower.clone(), upper.clone(), authority.root()]);
    assert!(
        said.contains("the root, \"Root CA\", is in the chain"),
        "{said}"
    );
    let second = authority.issue(&good());
    let said = said_of(&[own, lower, upper, second]);
    assert!(said.contains("a second server certificate"), "{said}");
}

#[test]
fn a_missing_intermediate_is_told_as_far_as_it_can_be() {
    let mut params = good();
    // authorityInfoAccess: caIssuers at http://a
    let address = b"http://a";
    let method = [6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 8];
    let description = [&[0x30, 20][..], &method, address].concat();
    let access = [&[0x30, 22][..], &description].concat();
    let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access);
    params.custom_extensions.push(extension);
    let authority = Authority::new();
    let said_alone = said(&[authority.issue(&params)]);
    assert!(
        said_alone[0].contains("unless CN=Issuing CA is the root"),
        "{said_alone:?}"
    );
    let chain = [authority.issue(&params), authority.intermediate()];
    assert_eq!(said(&chain), Vec::<String>::new());
}

#[test]
fn an_issuer_that_does_not_say_so_is_told() {
    let mut params = ca("Issuing CA");
    params.is_ca = IsCa::NoCa;
    let authority = Authority::with(params);
    let said = said(&[authority.issue(&good()), authority.intermediate()]);
    assert_eq!(
        said,
        ["\"Issuing CA\" does not say that it is a CA (BasicConstraints)"]
    );
}

#[test]
fn a_certificate_that_is_its_own_issuer_is_told() {
    let own = good().self_signed(&key()).unwrap();
    let said_of = said(&[own.der().clone()]);
    assert!(said_of[0].contains("self-signed"), "{said_of:?}");
    let authority = Authority::new();
    let mut params = good();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let said = said(&[authority.issue(&params), authority.intermediate()]);
    assert!(
        said[0].contains("that of a CA, not of a server"),
        "{said:?}"
    );
}

#[test]
fn what_is_no_certificate_further_down_is_told() {
    let authority = Authority::new();
    let chain = [
        authority.issue(&good()),
        CertificateDer::from(vec![0x30, 0]),
    ];
    assert!(said(&chain)[0].contains("cannot be read"));
}

/// E11: the number is that of the method that needs most.
#[test]
fn a_chain_that_needs_too_many_round_trips_is_told_with_the_number() {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096).unwrap();
    let issuer_params = ca("Large CA");
    let issuer = Issuer::from_params(&issuer_params, &key);
    let own_key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096).unwrap();
    let own = good().signed_by(&own_key, &issuer).unwrap();
    let upper = ca("Large CA").signed_by(&key, &issuer).unwrap();
    let chain = [own.der().clone(), upper.der().clone()];
    let at = |methods: &[MethodType]| said_at(&chain, "2026-06-01T00:00:00Z", methods);
    let is_long = |said: &String| said.contains("round trips");
    assert!(!at(&[MethodType::Ttls]).iter().any(is_long));
    let said = at(&[MethodType::Ttls, MethodType::Peap]);
    assert!(
        said.concat()
            .contains("up to 11 round trips in fragments of 1020"),
        "{said:?}"
    );
}

/// E11.
#[test]
fn two_ecdsa_certificates_need_at_most_ten_round_trips_with_every_method() {
    let flight = Flight {
        chain: vec![800, 800],
        signature: 72,
    };
    for (method, expected) in [
        (MethodType::Ttls, 5),
        (MethodType::Peap, 9),
        (MethodType::Tls, 6),
    ] {
        assert_eq!(round_trips(&flight, method, 1020), expected);
    }
}
