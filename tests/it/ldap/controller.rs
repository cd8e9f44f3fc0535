//! A real domain controller of Active Directory: Samba's, on a loopback address of its own, since its
//! ports can't be chosen. Nothing of it runs but the LDAP server. Needs root.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portvakt_testkit::supplicant::Authority;
use tempfile::TempDir;

use crate::common::{SERVICE_PASSWORD, eventually, run_with, text};
use crate::ldap::people::PASSWORD;

pub(crate) const CONTEXT: &str = "DC=ad,DC=campus,DC=example";
const ADMINISTRATOR: &str = "CN=Administrator,CN=Users,DC=ad,DC=campus,DC=example";
const ADMINISTRATOR_PASSWORD: &str = "Administrat0r-Pass";
/// An account of no rights but what everybody has.
const SERVICE: &str = "CN=portvakt,OU=Services,DC=ad,DC=campus,DC=example";

/// Rights that an administrator may give our account ([MS-ADTS] 5.1.3.2.1).
#[derive(Clone, Copy)]
pub(crate) enum Right {
    /// *Replicating Directory Changes*, on the domain.
    Replicate,
    /// *Reset Password* and writing `pwdLastSet`, of the users beneath `OU=People`.
    Reset,
}

/// A domain controller that runs until it is dropped. Its people are beneath `OU=People`.
pub(crate) struct Controller {
    folder: TempDir,
    address: Ipv4Addr,
    child: Child,
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Controller {
    /// With nobody in it.
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("samba").unwrap();
        let copied = Command::new("cp")
            .args(["-a", "--reflink=auto"])
            .arg(provisioned().join("private"))
            .arg(folder.path())
            .status();
        assert!(copied.unwrap().success(), "no copy of the domain");
        let authority = Authority::new("Domain");
        let identity = authority.issue_server();
        for (name, content) in [
            ("ca.pem", authority.certificate_pem()),
            ("server.pem", identity.chain_pem),
            ("server.key", identity.key_pem),
            ("password", SERVICE_PASSWORD.to_owned()),
        ] {
            write(&folder.path().join(name), &content);
        }
        let (address, child) = start(folder.path());
        let controller = Self {
            folder,
            address,
            child,
        };
        controller.set_up();
        controller
    }

    /// Passwords as the tests have them, and our account.
    fn set_up(&self) {
        self.change(&format!(
            "dn: {CONTEXT}\nchangetype: modify\nreplace: pwdProperties\npwdProperties: 0\n-\n\
             replace: minPwdAge\nminPwdAge: 0\n-\nreplace: minPwdLength\nminPwdLength: 10\n-\n\
             replace: maxPwdAge\nmaxPwdAge: -9223372036854775808\n\n\
             dn: OU=People,{CONTEXT}\nchangetype: add\nobjectClass: organizationalUnit\n\n\
             dn: OU=Services,{CONTEXT}\nchangetype: add\nobjectClass: organizationalUnit\n\n\
             dn: {SERVICE}\nchangetype: add\nobjectClass: user\nsAMAccountName: portvakt\n\
             userAccountControl: 66048\nunicodePwd:: {}\n",
            unicode(SERVICE_PASSWORD)
        ));
    }

    /// Adds a user that may log on, with the password of everybody.
    pub(crate) fn add(&self, name: &str) {
        self.add_at(&format!("CN={name},OU=People"), name, "");
    }

    /// Adds a user at a place of the domain, with more lines in its entry.
    pub(crate) fn add_at(&self, place: &str, name: &str, lines: &str) {
        self.change(&format!(
            "dn: {place},{CONTEXT}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\
             userPrincipalName: {name}@campus.example\nuserAccountControl: 512\n\
             unicodePwd:: {}\n{lines}",
            unicode(PASSWORD)
        ));
    }

    /// Replaces an attribute of somebody right beneath `OU=People`.
    pub(crate) fn replace(&self, name: &str, attribute: &str, value: &str) {
        self.change(&format!(
            "dn: CN={name},OU=People,{CONTEXT}\nchangetype: modify\nreplace: {attribute}\n\
             {attribute}: {value}\n"
        ));
    }

    /// Sets somebody's password, as an administrator does.
    pub(crate) fn reset(&self, name: &str, password: &str) {
        self.change(&format!(
            "dn: CN={name},OU=People,{CONTEXT}\nchangetype: modify\nreplace: unicodePwd\n\
             unicodePwd:: {}\n",
            unicode(password)
        ));
    }

    /// Gives an entry another name, or another place.
    pub(crate) fn rename(&self, dn: &str, name: &str, place: &str) {
        self.change(&format!(
            "dn: {dn},{CONTEXT}\nchangetype: modrdn\nnewrdn: {name}\ndeleteoldrdn: 1\n\
             newsuperior: {place},{CONTEXT}\n"
        ));
    }

    /// Changes entries as LDIF says, as the administrator.
    pub(crate) fn change(&self, ldif: &str) {
        let mut command = self.command("ldapmodify", ADMINISTRATOR, ADMINISTRATOR_PASSWORD);
        let changed = run_with(&mut command, ldif);
        assert!(changed.status.success(), "{}\n{ldif}", text(&changed));
    }

    /// Whether the domain lets somebody in by this, at its own door.
    pub(crate) fn lets_in(&self, name: &str, password: &str) -> bool {
        let dn = format!("CN={name},OU=People,{CONTEXT}");
        let mut command = self.command("ldapsearch", &dn, password);
        let asked = run_with(command.args(["-s", "base", "-b", "", "1.1"]), "");
        asked.status.success()
    }

    /// Gives our account a right.
    pub(crate) fn grant(&self, right: Right) {
        let sid = self.service_sid();
        let (place, rules) = match right {
            Right::Replicate => (
                CONTEXT.to_owned(),
                vec![format!(
                    "(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;{sid})"
                )],
            ),
            Right::Reset => (
                format!("OU=People,{CONTEXT}"),
                vec![
                    format!(
                        "(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;\
                         bf967aba-0de6-11d0-a285-00aa003049e2;{sid})"
                    ),
                    format!(
                        "(OA;CIIO;RPWP;bf967a0a-0de6-11d0-a285-00aa003049e2;\
                         bf967aba-0de6-11d0-a285-00aa003049e2;{sid})"
                    ),
                ],
            ),
        };
        for rule in rules {
            let mut command = Command::new("samba-tool");
            command.args(["dsacl", "set", "--objectdn", &place, "--sddl", &rule, "-H"]);
            command.arg(self.path("private/sam.ldb"));
            let given = run_with(command.arg("-s").arg(self.path("smb.conf")), "");
            assert!(given.status.success(), "{}", text(&given));
        }
    }

    /// S-1-5-21-… of our account ([MS-DTYP] 2.4.2.2).
    fn service_sid(&self) -> String {
        let mut command = self.command("ldapsearch", ADMINISTRATOR, ADMINISTRATOR_PASSWORD);
        command.args([
            "-LLL",
            "-o",
            "ldif-wrap=no",
            "-s",
            "base",
            "-b",
            SERVICE,
            "objectSid",
        ]);
        let found = text(&run_with(&mut command, ""));
        let value = found
            .lines()
            .find_map(|line| line.strip_prefix("objectSid:: "));
        let octets = <base64ct::Base64 as base64ct::Encoding>::decode_vec(value.unwrap()).unwrap();
        let (parts, _) = octets[8..].as_chunks::<4>();
        let parts = parts
            .iter()
            .map(|part| u32::from_le_bytes(*part).to_string());
        format!("S-1-5-{}", parts.collect::<Vec<_>>().join("-"))
    }

    fn command(&self, program: &str, dn: &str, password: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-x", "-H", &self.ldaps(), "-D", dn, "-w", password]);
        command.env("LDAPTLS_REQCERT", "never");
        command
    }

    /// Its address.
    pub(crate) fn ldaps(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The table that has Portvakt ask it.
    pub(crate) fn table(&self, lines: &str) -> String {
        let file = |name: &str| Path::display(&self.path(name)).to_string();
        format!(
            "[directory.campus]\ntemplate = \"active-directory\"\nservers = [\"{}\"]\n\
             ca-file = {:?}\nserver-name = \"radius.campus.example\"\n\
             base = \"OU=People,{CONTEXT}\"\nbind-dn = '{SERVICE}'\n\
             bind-password-file = {:?}\ndefault-kind = \"employee\"\n{lines}\n",
            self.ldaps(),
            file("ca.pem"),
            file("password"),
        )
    }
}

/// As `unicodePwd` takes it, in base64.
fn unicode(password: &str) -> String {
    let octets: Vec<u8> = format!("\"{password}\"")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    <base64ct::Base64 as base64ct::Encoding>::encode_string(&octets)
}

fn write(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, permissions).unwrap();
}

/// A new domain, made once and copied for each controller: that takes most of the time.
fn provisioned() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());

    let _making = MAKING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let version = text(&run_with(Command::new("samba").arg("--version"), ""));
    let version: String = version
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = all.join(format!("domain-{version}"));
    if made.exists() {
        return made;
    }
    let making = TempDir::new_in(all).unwrap();
    let mut command = Command::new("samba-tool");
    command.args([
        "domain",
        "provision",
        "--realm=ad.campus.example",
        "--domain=CAMPUS",
    ]);
    command.args([
        "--server-role=dc",
        "--dns-backend=NONE",
        "--host-name=dc1",
        "-q",
    ]);
    command.arg("--host-ip=127.0.0.1");
    command.arg(format!("--adminpass={ADMINISTRATOR_PASSWORD}"));
    command.arg(format!("--targetdir={}", making.path().display()));
    let done = run_with(&mut command, "");
    assert!(done.status.success(), "{}", text(&done));
    // Another run may have been faster.
    if fs::rename(making.path(), &made).is_ok() {
        let _ = making.keep();
    }
    made
}

/// A process of its own, which ends with this one: it takes the end of its input for that.
fn start(folder: &Path) -> (Ipv4Addr, Child) {
    static STARTED: AtomicU32 = AtomicU32::new(0);

    for name in ["state", "cache", "run"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for _ in 0..10 {
        // No two processes that live have the same number.
        let mine = STARTED.fetch_add(1, Ordering::Relaxed) % 64;
        let number = (std::process::id() % (1 << 17)) << 6 | mine;
        let [_, a, b, c] = number.to_be_bytes();
        let address = Ipv4Addr::new(127, a | 0x80, b, c);
        write(&folder.join("smb.conf"), &configuration(folder, address));
        let mut command = Command::new("samba");
        command
            .args(["-i", "-M", "single", "-s"])
            .arg(folder.join("smb.conf"));
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let stands = eventually(|| {
            let ended = child.try_wait().unwrap().is_some();
            let answers = TcpStream::connect((address, 636)).is_ok();
            (ended || answers).then_some(!ended)
        });
        if stands == Some(true) {
            return (address, child);
        }
        let _ = kill(
            Pid::from_raw(i32::try_from(child.id()).unwrap()),
            Signal::SIGKILL,
        );
        let _ = child.wait();
    }
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    panic!("samba does not start: it needs root\n{log}");
}

fn configuration(folder: &Path, address: Ipv4Addr) -> String {
    let folder = folder.display();
    format!(
        "[global]
netbios name = DC1
realm = AD.CAMPUS.EXAMPLE
workgroup = CAMPUS
server role = active directory domain controller
server services = ldap
interfaces = {address}/8
bind interfaces only = yes
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}
pid directory = {folder}/run
ncalrpc dir = {folder}/run/ncalrpc
ntp signd socket directory = {folder}/run/ntp
winbindd socket directory = {folder}/run/winbindd
binddns dir = {folder}/bind-dns
log file = {folder}/log
logging = file
tls enabled = yes
tls keyfile = {folder}/server.key
tls certfile = {folder}/server.pem
tls cafile = {folder}/ca.pem
[sysvol]
path = {folder}/state/sysvol
[netlogon]
path = {folder}/state/sysvol/scripts
"
    )
}
