//! The demo's devices: profiles for eapol_test and wpa_supplicant.

use std::fmt::Write as _;
use std::path::Path;

use super::folder::{PEOPLE, PRINTER, Person, SERVER_NAME};

/// The person whose certificate and password the profiles use.
pub(super) const OWNER: &Person = &PEOPLE[0];

/// A way to log on, as wpa_supplicant is told of it.
pub(super) struct Method {
    /// Begins the names of its two files.
    pub(super) name: &'static str,
    eap: &'static str,
    proof: Proof,
}

/// The credential of a device.
enum Proof {
    /// The owner's password, in this method inside the tunnel.
    Password(&'static str),
    /// A machine's CHAP secret, in this method inside the tunnel.
    ChapSecret(&'static str),
    /// A client certificate.
    Certificate,
    /// The same, in this method inside the tunnel.
    CertificateInside(&'static str),
}

const TTLS_PAP: Method = by_password("ttls-pap", "TTLS", "auth=PAP");
const PEAP: Method = by_password("peap-mschapv2", "PEAP", "auth=MSCHAPV2");

/// The demo's server asks for the bare password first, which needs no word in `phase2`.
const TEAP: Method = by_password("teap", "TEAP", "auth=MSCHAPV2");

/// Every method that the demo's configuration offers and Debian's supplicant speaks.
pub(super) const METHODS: [Method; 12] = [
    TTLS_PAP,
    by_password("ttls-mschapv2", "TTLS", "auth=MSCHAPV2"),
    by_password("ttls-mschap", "TTLS", "auth=MSCHAP"),
    by_chap_secret("ttls-chap", "TTLS", "auth=CHAP"),
    by_password("ttls-eap-mschapv2", "TTLS", "autheap=MSCHAPV2"),
    by_password("ttls-eap-gtc", "TTLS", "autheap=GTC"),
    by_chap_secret("ttls-eap-md5", "TTLS", "autheap=MD5"),
    by_certificate_inside("ttls-eap-tls", "TTLS", "autheap=TLS"),
    PEAP,
    by_password("peap-gtc", "PEAP", "auth=GTC"),
    by_certificate_inside("peap-eap-tls", "PEAP", "auth=TLS"),
    by_certificate("tls", "TLS"),
];

const fn by_password(name: &'static str, eap: &'static str, inner: &'static str) -> Method {
    let proof = Proof::Password(inner);
    Method { name, eap, proof }
}

const fn by_chap_secret(name: &'static str, eap: &'static str, inner: &'static str) -> Method {
    let proof = Proof::ChapSecret(inner);
    Method { name, eap, proof }
}

const fn by_certificate(name: &'static str, eap: &'static str) -> Method {
    let proof = Proof::Certificate;
    Method { name, eap, proof }
}

const fn by_certificate_inside(
    name: &'static str,
    eap: &'static str,
    inner: &'static str,
) -> Method {
    let proof = Proof::CertificateInside(inner);
    Method { name, eap, proof }
}

impl Method {
    /// The owner of the device.
    fn owner(&self) -> &'static Person {
        match self.proof {
            Proof::ChapSecret(_) => &PRINTER,
            _ => OWNER,
        }
    }
}

/// The versions of TLS that each method has a profile for: how a file's name ends, and what
/// wpa_supplicant must be told to speak no other.
const VERSIONS: [(&str, &str); 2] = [
    (
        "tls1.2",
        "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=0 tls_disable_tlsv1_3=1",
    ),
    (
        "tls1.3",
        "tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_3=0",
    ),
];

/// The name of a file and what is in it.
pub(super) type Profile = (String, String);

/// The profile of TEAP, for supplicants that are built with it: Debian's is not.
pub(super) fn teap(folder: &Path) -> String {
    text(folder, OWNER, &TEAP, None)
}

/// All profiles of eapol_test; `folder` is the demo's, absolute.
pub(super) fn profiles(folder: &Path) -> Vec<Profile> {
    let people = PEOPLE.iter().map(|person| {
        let text = text(folder, person, &TTLS_PAP, None);
        (format!("{}.conf", person.name), text)
    });
    let without_nt_hash = PEOPLE.iter().filter(|person| !person.has_nt_hash);
    let refused = without_nt_hash.map(|person| {
        let text = text(folder, person, &PEAP, None);
        (format!("{}-peap.conf", person.name), text)
    });
    let methods = METHODS.iter().flat_map(|method| {
        VERSIONS.map(|(version, only)| {
            let text = text(folder, method.owner(), method, Some(only));
            (format!("{}-{version}.conf", method.name), text)
        })
    });
    people.chain(refused).chain(methods).collect()
}

fn text(folder: &Path, person: &Person, method: &Method, tls: Option<&str>) -> String {
    let name = person.name;
    let mut lines = format!(
        "# A device of {name}, for eapol_test and, as it stands, for wpa_supplicant.\n\
         network={{\n    ssid=\"eduroam\"\n    key_mgmt=WPA-EAP\n    eap={}\n",
        method.eap
    );
    let only = tls.map(|only| ("phase1", only.to_owned()));
    let authority = format!("{}/tls/ca.pem", folder.display());
    let server = [
        ("ca_cert", authority),
        ("domain_suffix_match", SERVER_NAME.to_owned()),
    ];
    let proof = proof(folder, person, &method.proof);
    for (key, value) in proof.into_iter().chain(only).chain(server) {
        // Writing to a string can't fail.
        let _ = writeln!(lines, "    {key}=\"{value}\"");
    }
    lines + "}\n"
}

/// The lines that say who comes, and with what.
fn proof(folder: &Path, person: &Person, proof: &Proof) -> Vec<(&'static str, String)> {
    let name = person.name;
    let tls = format!("{}/tls", folder.display());
    let anonymous = "anonymous@campus.example".to_owned();
    let identity = format!("{name}@campus.example");
    match *proof {
        Proof::Password(inner) | Proof::ChapSecret(inner) => vec![
            ("phase2", inner.to_owned()),
            ("anonymous_identity", anonymous),
            ("identity", identity),
            ("password", person.password.to_owned()),
        ],
        Proof::Certificate => vec![
            ("identity", anonymous),
            ("client_cert", format!("{tls}/{name}.pem")),
            ("private_key", format!("{tls}/{name}.key")),
        ],
        Proof::CertificateInside(inner) => vec![
            ("phase2", inner.to_owned()),
            ("anonymous_identity", anonymous),
            ("identity", identity),
            ("ca_cert2", format!("{tls}/ca.pem")),
            ("client_cert2", format!("{tls}/{name}.pem")),
            ("private_key2", format!("{tls}/{name}.key")),
        ],
    }
}
