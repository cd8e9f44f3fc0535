//! The demo's devices: profiles for eapol_test and wpa_supplicant.

use std::fmt::Write as _;
use std::path::Path;

use super::folder::{PEOPLE, PRINTER, Person, SERVER_NAME};

/// Whose certificate and password the profiles of the methods have.
pub(super) const OWNER: &Person = &PEOPLE[0];

/// A way to log on, as wpa_supplicant is told of it.
pub(super) struct Method {
    /// Begins the names of its two files.
    pub(super) name: &'static str,
    eap: &'static str,
    proof: Proof,
}

/// What a device shows.
enum Proof {
    /// The owner's password, in this method inside the tunnel.
    Password(&'static str),
    /// A machine's CHAP secret, in this method inside the tunnel.
    ChapSecret(&'static str),
    /// A client certificate.
    Certificate,
}

const TTLS_PAP: Method = by_password("ttls-pap", "TTLS", "auth=PAP");
const PEAP: Method = by_password("peap-mschapv2", "PEAP", "auth=MSCHAPV2");

/// Every method that the demo's configuration offers.
pub(super) const METHODS: [Method; 9] = [
    TTLS_PAP,
    by_password("ttls-mschapv2", "TTLS", "auth=MSCHAPV2"),
    by_password("ttls-mschap", "TTLS", "auth=MSCHAP"),
    by_chap_secret("ttls-chap", "TTLS", "auth=CHAP"),
    by_password("ttls-eap-mschapv2", "TTLS", "autheap=MSCHAPV2"),
    by_password("ttls-eap-gtc", "TTLS", "autheap=GTC"),
    PEAP,
    by_password("peap-gtc", "PEAP", "auth=GTC"),
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

impl Method {
    /// Whose device it is.
    fn owner(&self) -> &'static Person {
        match self.proof {
            Proof::Password(_) | Proof::Certificate => OWNER,
            Proof::ChapSecret(_) => &PRINTER,
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

/// All profiles; `folder` is the demo's, absolute.
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
    let folder = folder.display();
    let name = person.name;
    let mut lines = format!(
        "# A device of {name}, for eapol_test and, as it stands, for wpa_supplicant.\n\
         network={{\n    ssid=\"eduroam\"\n    key_mgmt=WPA-EAP\n    eap={}\n",
        method.eap
    );
    let mut line = |key: &str, value: &str| {
        // Writing to a string can't fail.
        let _ = writeln!(lines, "    {key}=\"{value}\"");
    };
    let anonymous = "anonymous@campus.example";
    match method.proof {
        Proof::Password(inner) | Proof::ChapSecret(inner) => {
            line("phase2", inner);
            line("anonymous_identity", anonymous);
            line("identity", &format!("{name}@campus.example"));
            line("password", person.password);
        }
        Proof::Certificate => {
            line("identity", anonymous);
            line("client_cert", &format!("{folder}/tls/{name}.pem"));
            line("private_key", &format!("{folder}/tls/{name}.key"));
        }
    }
    if let Some(only) = tls {
        line("phase1", only);
    }
    line("ca_cert", &format!("{folder}/tls/ca.pem"));
    line("domain_suffix_match", SERVER_NAME);
    lines + "}\n"
}
