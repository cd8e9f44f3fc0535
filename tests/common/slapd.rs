//! OpenLDAP's slapd, on ports of its own, with TLS, password policy and content synchronisation.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portvakt_testkit::supplicant::Authority;
use tempfile::TempDir;

use super::setup::run_with;
use super::{eventually, text};

/// What everything in it is beneath.
pub const SUFFIX: &str = "dc=campus,dc=example";
/// Our account in it, and its password.
pub const SERVICE_DN: &str = "cn=portvakt,dc=campus,dc=example";
pub const SERVICE_PASSWORD: &str = "the-password-of-our-account";
const ROOT_DN: &str = "cn=admin,dc=campus,dc=example";
const ROOT_PASSWORD: &str = "the-password-of-the-administrator";

/// eduPerson and schac as far as the tests need them, and what no standard schema knows.
const SCHEMA: &str = include_str!("people.schema");

/// The tree, our account, and a policy that locks after three failed binds.
const TREE: &str = "\
dn: dc=campus,dc=example
objectClass: domain
dc: campus

dn: cn=portvakt,dc=campus,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: portvakt
userPassword: the-password-of-our-account

dn: ou=people,dc=campus,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=campus,dc=example
objectClass: organizationalUnit
ou: groups

dn: cn=policy,dc=campus,dc=example
objectClass: organizationalRole
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 20
pwdLockoutDuration: 600
pwdMustChange: TRUE

";

/// A server that runs until it is dropped.
pub struct Slapd {
    folder: TempDir,
    authority: Authority,
    port: u16,
    tls_port: u16,
    child: Option<Child>,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

impl Slapd {
    /// One with these people, as LDIF.
    pub fn with(people: &str) -> Self {
        Self::set_up(people, "")
    }

    /// As [`with`](Self::with), with further lines at the head of its configuration.
    pub fn set_up(people: &str, lines: &str) -> Self {
        let mut slapd = Self {
            folder: TempDir::with_prefix("slapd").unwrap(),
            authority: Authority::new("Directory"),
            port: 0,
            tls_port: 0,
            child: None,
        };
        slapd.write_certificate();
        fs::create_dir(slapd.path("db")).unwrap();
        slapd.write("people.schema", SCHEMA);
        slapd.write("password", SERVICE_PASSWORD);
        slapd.write("slapd.conf", &slapd.configuration(lines));
        slapd.write("tree.ldif", TREE);
        slapd.add("tree.ldif");
        slapd.write("people.ldif", people);
        slapd.add("people.ldif");
        slapd.start();
        slapd
    }

    fn configuration(&self, lines: &str) -> String {
        let folder = self.folder.path().display();
        let mut text = String::new();
        for schema in ["core", "cosine", "nis", "inetorgperson"] {
            writeln!(text, "include /etc/ldap/schema/{schema}.schema").unwrap();
        }
        writeln!(
            text,
            "include {folder}/people.schema\nmodulepath /usr/lib/ldap"
        )
        .unwrap();
        for module in [
            "back_mdb", "ppolicy", "syncprov", "argon2", "pw-sha2", "memberof",
        ] {
            writeln!(text, "moduleload {module}").unwrap();
        }
        text + &format!(
            "pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
{lines}
database mdb
suffix \"{SUFFIX}\"
directory {folder}/db
rootdn \"{ROOT_DN}\"
rootpw {ROOT_PASSWORD}
index objectClass,uid,entryUUID,entryCSN eq
overlay memberof
overlay syncprov
overlay ppolicy
ppolicy_default \"cn=policy,{SUFFIX}\"
ppolicy_use_lockout
access to attrs=userPassword by dn.exact=\"{SERVICE_DN}\" read by * auth
access to * by dn.exact=\"{SERVICE_DN}\" read by * none
limits dn.exact=\"{SERVICE_DN}\" size=unlimited
"
        )
    }

    fn write_certificate(&self) {
        let identity = self.authority.issue_server();
        self.write("ca.pem", &self.authority.certificate_pem());
        self.write("server.pem", &identity.chain_pem);
        self.write("server.key", &identity.key_pem);
    }

    fn add(&self, ldif: &str) {
        let mut command = Command::new("slapadd");
        command.arg("-q").arg("-f").arg(self.path("slapd.conf"));
        let added = run_with(command.arg("-l").arg(self.path(ldif)), "");
        assert!(added.status.success(), "{}", text(&added));
    }

    /// Starts it, on the ports that it had before.
    pub fn start(&mut self) {
        for _ in 0..10 {
            if self.port == 0 {
                (self.port, self.tls_port) = (free_port(), free_port());
            }
            if self.try_start() {
                return;
            }
            // Somebody else was faster.
            self.port = 0;
        }
        panic!("slapd does not start");
    }

    fn try_start(&mut self) -> bool {
        let addresses = format!("{} {}", self.ldap(), self.ldaps());
        let child = Command::new("slapd")
            .arg("-f")
            .arg(self.path("slapd.conf"))
            .args(["-h", &addresses, "-d", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = self.child.insert(child.unwrap());
        let (port, tls_port) = (self.port, self.tls_port);
        let stands = eventually(|| {
            let ended = child.try_wait().unwrap().is_some();
            let answers = [port, tls_port].map(|port| TcpStream::connect(("127.0.0.1", port)));
            (ended || answers.iter().all(Result::is_ok)).then_some(!ended)
        });
        if stands != Some(true) {
            self.kill();
        }
        stands == Some(true)
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("slapd runs");
        let _ = child.kill();
        let _ = child.wait();
    }

    /// SIGSTOP: it accepts connections and says nothing more.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("slapd runs");
        let id = i32::try_from(child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Changes entries as LDIF says, as the administrator.
    pub fn change(&self, ldif: &str) {
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-H", &self.ldap(), "-D", ROOT_DN, "-w", ROOT_PASSWORD]);
        let changed = run_with(&mut command, ldif);
        assert!(changed.status.success(), "{}\n{ldif}", text(&changed));
    }

    /// The values of an attribute of somebody, as the administrator sees them.
    pub fn values(&self, uid: &str, attribute: &str) -> Vec<String> {
        let mut command = Command::new("ldapsearch");
        command
            .args([
                "-x",
                "-LLL",
                "-H",
                &self.ldap(),
                "-D",
                ROOT_DN,
                "-w",
                ROOT_PASSWORD,
            ])
            .args(["-b", SUFFIX, &format!("(uid={uid})"), attribute]);
        let found = run_with(&mut command, "");
        assert!(found.status.success(), "{}", text(&found));
        let start = format!("{attribute}: ");
        let lines = String::from_utf8_lossy(&found.stdout).into_owned();
        let values = lines.lines().filter_map(|line| line.strip_prefix(&start));
        values.map(str::to_owned).collect()
    }

    /// Its address without TLS, or with StartTLS.
    pub fn ldap(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Its address with TLS.
    pub fn ldaps(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(self.path(name), permissions).unwrap();
    }

    /// The table that has Portvakt ask it: TLS, its people, with `lines` at the end.
    pub fn directory_table(&self, lines: &str) -> String {
        self.table_for(&[&self.ldaps()], lines)
    }

    /// As [`directory_table`](Self::directory_table), with other addresses.
    pub fn table_for(&self, servers: &[&str], lines: &str) -> String {
        let file = |name: &str| Path::display(&self.path(name)).to_string();
        format!(
            "[directory.campus]
template = \"openldap\"
servers = {servers:?}
ca-file = {:?}
server-name = \"radius.campus.example\"
base = \"ou=people,{SUFFIX}\"
bind-dn = \"{SERVICE_DN}\"
bind-password-file = {:?}
{lines}
",
            file("ca.pem"),
            file("password"),
        )
    }
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
