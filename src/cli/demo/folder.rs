//! Makes the folder of the demo: certificates, configuration, profiles for eapol_test.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// The port that RADIUS authentication has had since RFC 2865.
pub(super) const USUAL_PORT: u16 = 1812;
/// The secret between the demo's server and clients on this machine.
pub(super) const SECRET: &str = "portvakt-demo-secret";
/// The name that the demo's certificate is made out to.
const SERVER_NAME: &str = "radius.campus.example";

/// wpa_supplicant speaks TLS 1.3 only where it is told to.
const TLS13_ONLY: &str = "    phase1=\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_2=1 \
                          tls_disable_tlsv1_3=0\"\n";

/// Somebody whom the greeting names.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) password: &'static str,
    pub(super) state: &'static str,
}

/// Those of `config/demo.ldif` that a newcomer tries first.
pub(super) const PEOPLE: [Person; 6] = [
    person(
        "anna",
        "correct-horse-battery",
        "student, registered and paid: gets in",
    ),
    person("kari", "granite-and-heather", "employee: gets in"),
    person("ola", "forgot-to-pay-again", "student, fee unpaid: refused"),
    person(
        "lars",
        "degree-in-my-pocket",
        "left more than 90 days ago: refused",
    ),
    person(
        "ingrid",
        "same-as-last-decade",
        "password older than a year: refused",
    ),
    person(
        "siri",
        "shared-too-many-films",
        "suspended after an abuse report: refused",
    ),
];

const fn person(name: &'static str, password: &'static str, state: &'static str) -> Person {
    Person {
        name,
        password,
        state,
    }
}

/// Why the folder can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// A file or folder can't be written.
    #[error("can't write {0}: {1}; choose another folder with --dir")]
    Write(PathBuf, io::Error),
    /// The certificates can't be made.
    #[error("can't make the certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// There is no such day.
    #[error("can't tell when the certificates should end: {0}")]
    Date(#[from] jiff::Error),
}

/// Makes what is missing in `dir`; `true` if it was a new folder.
pub(super) fn prepare(dir: &Path, port: u16) -> Result<bool, FolderError> {
    let config = dir.join("portvakt.toml");
    let made = !config.exists();
    for folder in [dir.to_owned(), dir.join("tls"), dir.join("eapol_test")] {
        fs::create_dir_all(&folder).map_err(|error| FolderError::Write(folder, error))?;
    }
    if !dir.join("tls/radius.pem").exists() {
        make_certificates(&dir.join("tls"))?;
    }
    let absolute = dir
        .canonicalize()
        .map_err(|error| FolderError::Write(dir.to_owned(), error))?;
    for person in &PEOPLE {
        let profile = |suffix: &str, extra: &str| {
            let path = dir.join(format!("eapol_test/{}{suffix}.conf", person.name));
            write(&path, profile(&absolute, person, extra).as_bytes())
        };
        profile("", "")?;
        profile("-tls1.3", TLS13_ONLY)?;
    }
    if made {
        // Last, so that a start that was cut short begins anew.
        write(&config, config_text(port).as_bytes())?;
    }
    Ok(made)
}

/// Writes a file that only its owner can read.
fn write(path: &Path, content: &[u8]) -> Result<(), FolderError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(content))
        .map_err(|error| FolderError::Write(path.to_owned(), error))
}

/// A CA for ten years and, of it, a P-256 certificate for one.
fn make_certificates(folder: &Path) -> Result<(), FolderError> {
    let (ca_key, server_key) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut ca = validity(CertificateParams::default(), 10)?;
    ca.distinguished_name
        .push(DnType::CommonName, "Portvakt demo CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::from_params(&ca, &ca_key);
    let mut server = validity(CertificateParams::new([SERVER_NAME.to_owned()])?, 1)?;
    server
        .distinguished_name
        .push(DnType::CommonName, SERVER_NAME);
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    // Nobody serves it; a certificate without one is warned of.
    server.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec!["http://pki.campus.example/demo.crl".to_owned()],
    }];
    let server_certificate = server.signed_by(&server_key, &issuer)?;
    write(&folder.join("ca.pem"), ca_certificate.pem().as_bytes())?;
    write(
        &folder.join("radius.key"),
        server_key.serialize_pem().as_bytes(),
    )?;
    // Last: its presence says that all three are there.
    write(
        &folder.join("radius.pem"),
        server_certificate.pem().as_bytes(),
    )
}

/// Valid from yesterday for so many years.
fn validity(mut params: CertificateParams, years: i16) -> Result<CertificateParams, FolderError> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let date = |date: jiff::civil::Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = date(today.checked_sub(1.day())?);
    params.not_after = date(today.checked_add(years.years())?);
    Ok(params)
}

fn profile(folder: &Path, person: &Person, extra: &str) -> String {
    format!(
        "# A device of {name}, for eapol_test and wpa_supplicant.\n\
         network={{\n\
         \x20   ssid=\"eduroam\"\n\
         \x20   key_mgmt=WPA-EAP\n\
         \x20   eap=TTLS\n\
         \x20   phase2=\"auth=PAP\"\n\
         {extra}\
         \x20   anonymous_identity=\"anonymous@campus.example\"\n\
         \x20   identity=\"{name}@campus.example\"\n\
         \x20   password=\"{password}\"\n\
         \x20   ca_cert=\"{folder}/tls/ca.pem\"\n\
         \x20   domain_suffix_match=\"{SERVER_NAME}\"\n\
         }}\n",
        name = person.name,
        password = person.password,
        folder = folder.display(),
    )
}

fn config_text(port: u16) -> String {
    let metrics = if port == USUAL_PORT { 9812 } else { 0 };
    format!(
        "# The demo's configuration. `config/portvakt.toml` in the sources explains every key.\n\
         \n\
         # Everything the server keeps: accounts, locks, audit log.\n\
         data = \"data\"\n\
         \n\
         # The realms of our own users.\n\
         realms = [\"campus.example\"]\n\
         \n\
         # Where requests come in. A demo listens on this machine only.\n\
         [[listen]]\n\
         address = \"127.0.0.1:{port}\"\n\
         \n\
         # Who may ask: programs on this machine, by EAP as access points do, and with a bare\n\
         # password as VPN concentrators do.\n\
         [[client]]\n\
         name = \"this-machine\"\n\
         net = \"127.0.0.0/8\"\n\
         secret = \"{SECRET}\"\n\
         service = \"demo\"\n\
         methods = [\"eap\", \"pap\"]\n\
         send-vlan = true\n\
         \n\
         # What devices see: the certificate of {SERVER_NAME}, signed by the CA in tls/ca.pem.\n\
         [eap]\n\
         certificate = \"tls/radius.pem\"\n\
         key = \"tls/radius.key\"\n\
         \n\
         # Six failed log-ons lock an account for half an hour. Try a shorter lock: \"30s\".\n\
         [lockout]\n\
         attempts = 6\n\
         duration = \"30m\"\n\
         \n\
         [metrics]\n\
         address = \"127.0.0.1:{metrics}\"\n"
    )
}
