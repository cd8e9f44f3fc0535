//! Makes the folder of the demo: certificates, configuration, devices.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};

use super::profile::{self, OWNER};

/// The port that RADIUS authentication has had since RFC 2865.
pub(super) const USUAL_PORT: u16 = 1812;
/// The secret between the demo's server and clients on this machine.
pub(super) const SECRET: &str = "portvakt-demo-secret";
/// The name that the demo's certificate is made out to.
pub(super) const SERVER_NAME: &str = "radius.campus.example";
/// A profile that eapol_test can't read, in the folder.
pub(super) const TEAP_PROFILE: &str = "wpa_supplicant/teap.conf";
/// Microsoft's User Principal Name, as an otherName of subjectAltName.
const USER_PRINCIPAL_NAME: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// A person whom the greeting names.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) password: &'static str,
    pub(super) state: &'static str,
    /// Without one MS-CHAP refuses, and so does PEAP with a password.
    pub(super) has_nt_hash: bool,
}

/// Those of `config/demo.ldif` that a newcomer tries first.
pub(super) const PEOPLE: [Person; 7] = [
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
    Person {
        has_nt_hash: false,
        ..person(
            "astrid",
            "northern-lights",
            "employee without NT hash: gets in by TTLS/PAP, not by PEAP",
        )
    },
];

/// A machine with a CHAP secret.
pub(super) const PRINTER: Person = person(
    "printer",
    "paper-jam-in-tray-2",
    "old printer: gets in by CHAP and EAP-MD5",
);

const fn person(name: &'static str, password: &'static str, state: &'static str) -> Person {
    Person {
        name,
        password,
        state,
        has_nt_hash: true,
    }
}

/// Why the folder can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// A file or folder can't be written.
    #[error("can't write {0}: {1}; choose another folder with --dir")]
    Write(PathBuf, io::Error),
    /// Another user could put files there, or has.
    #[error(
        "others can write in {0}, or have made it: what the demo writes there could go anywhere; \
         choose another folder with --dir, or chmod go-w this one"
    )]
    Shared(PathBuf),
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
    for name in ["", "tls", "eapol_test", "wpa_supplicant"] {
        make_folder(&dir.join(name))?;
    }
    if !dir.join("tls/radius.pem").exists() {
        make_certificates(&dir.join("tls"))?;
    }
    let absolute = dir
        .canonicalize()
        .map_err(|error| FolderError::Write(dir.to_owned(), error))?;
    for (name, text) in profile::profiles(&absolute) {
        write(&dir.join("eapol_test").join(name), text.as_bytes())?;
    }
    let teap = profile::teap(&absolute);
    write(&dir.join(TEAP_PROFILE), teap.as_bytes())?;
    if made {
        // Last, so that a start that was cut short begins anew.
        write(&config, config_text(port).as_bytes())?;
    }
    Ok(made)
}

/// Makes a folder that only its owner can use, or takes one that is there, if nobody else can have
/// put a link into it: keys are written there.
fn make_folder(folder: &Path) -> Result<(), FolderError> {
    let failed = |error| FolderError::Write(folder.to_owned(), error);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(failed)?;
    // Once the link that it may be, once the folder itself.
    let link = fs::symlink_metadata(folder).map_err(failed)?;
    let itself = fs::metadata(folder).map_err(failed)?;
    match is_ours(&link) && is_ours(&itself) && !is_writable_by_others(&itself) {
        true => Ok(()),
        false => Err(FolderError::Shared(folder.to_owned())),
    }
}

fn is_ours(metadata: &fs::Metadata) -> bool {
    metadata.uid() == nix::unistd::geteuid().as_raw()
}

/// A group of our own is nobody else's.
fn is_writable_by_others(metadata: &fs::Metadata) -> bool {
    let is_own_group = metadata.gid() == nix::unistd::getegid().as_raw();
    let mode = metadata.mode();
    mode & 0o002 != 0 || mode & 0o020 != 0 && !is_own_group
}

/// Writes a file that only its owner can read, and through no link.
fn write(path: &Path, content: &[u8]) -> Result<(), FolderError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.custom_flags(libc::O_NOFOLLOW);
    options
        .open(path)
        .and_then(|mut file| file.write_all(content))
        .map_err(|error| FolderError::Write(path.to_owned(), error))
}

/// A CA for ten years and, of it, certificates for one: the server's and one of a device.
fn make_certificates(folder: &Path) -> Result<(), FolderError> {
    let ca_key = KeyPair::generate()?;
    let mut ca = validity(CertificateParams::default(), 10)?;
    ca.distinguished_name
        .push(DnType::CommonName, "Portvakt demo CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::from_params(&ca, &ca_key);
    write(&folder.join("ca.pem"), ca_certificate.pem().as_bytes())?;
    make_certificate(&folder.join(OWNER.name), client()?, &issuer)?;
    // Last: its presence says that all are there.
    make_certificate(&folder.join("radius"), server()?, &issuer)
}

fn server() -> Result<CertificateParams, FolderError> {
    let mut params = CertificateParams::new([SERVER_NAME.to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, SERVER_NAME);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // No server answers there; a certificate without the address is warned of.
    params.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec!["http://pki.campus.example/demo.crl".to_owned()],
    }];
    Ok(params)
}

fn client() -> Result<CertificateParams, FolderError> {
    let mut params = CertificateParams::default();
    let name = format!("{}@campus.example", OWNER.name);
    params
        .distinguished_name
        .push(DnType::CommonName, format!("A device of {}", OWNER.name));
    let principal = (USER_PRINCIPAL_NAME.to_vec(), name.as_str().into());
    params.subject_alt_names = vec![SanType::OtherName(principal)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// A P-256 certificate beside its key: `path` with `.pem` and `.key`.
fn make_certificate(
    path: &Path,
    params: CertificateParams,
    issuer: &Issuer<'_, &KeyPair>,
) -> Result<(), FolderError> {
    let key = KeyPair::generate()?;
    let mut params = validity(params, 1)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer)?;
    write(&path.with_extension("key"), key.serialize_pem().as_bytes())?;
    write(&path.with_extension("pem"), certificate.pem().as_bytes())
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

/// The port of accounting beside that of authentication: the usual one, or any free one.
pub(super) fn accounting_port(port: u16) -> u16 {
    if port == USUAL_PORT { port + 1 } else { 0 }
}

fn config_text(port: u16) -> String {
    let metrics = if port == USUAL_PORT { 9812 } else { 0 };
    let accounting = accounting_port(port);
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
         # And accounting.\n\
         [accounting]\n\
         listen = [\"127.0.0.1:{accounting}\"]\n\
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
         # A demo offers every method there is; docs/methods.md says which to choose.\n\
         [eap]\n\
         certificate = \"tls/radius.pem\"\n\
         key = \"tls/radius.key\"\n\
         methods = [\"tls\", \"ttls\", \"peap\", \"teap\"]\n\
         ttls-inner = [\"pap\", \"mschapv2\", \"legacy-mschap\", \"eap-mschapv2\", \"eap-gtc\", \
         \"eap-tls\",\n    \"legacy-chap\", \"legacy-eap-md5\"]\n\
         peap-inner = [\"eap-mschapv2\", \"eap-gtc\", \"eap-tls\"]\n\
         teap-inner = [\"password\", \"eap-mschapv2\", \"eap-tls\"]\n\
         client-ca = \"tls/ca.pem\"\n\
         \n\
         # NT hashes, which MS-CHAP needs (PEAP with a password too), and secrets of devices that\n\
         # know only CHAP or EAP-MD5. They are sealed in the database.\n\
         [accounts.attributes]\n\
         nt-hash = \"sambaNTPassword\"\n\
         legacy-chap-secret = \"portvaktChapSecret\"\n\
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
