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

const CONFIG_DN: &str = "cn=admin,cn=config";

/// eduPerson and schac as far as the tests need them.
const SCHEMA: &str = include_str!("people.schema");
/// What no standard schema knows, as it is shipped.
const OWN_SCHEMA: &str = include_str!("../../config/ldap/portvakt-openldap.ldif");

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
    access: String,
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
        let lines = format!("{}{lines}", own_schema());
        let access = format!(
            "access to attrs=userPassword by dn.exact=\"{SERVICE_DN}\" read by * auth
access to * by dn.exact=\"{SERVICE_DN}\" read by * none
limits dn.exact=\"{SERVICE_DN}\" size=unlimited"
        );
        Self::made(people, &lines, access)
    }

    /// One as Debian installs it, without our schema and with nothing that knows of us.
    pub fn as_installed(people: &str) -> Self {
        let access = "access to attrs=userPassword by self write by anonymous auth by * none
access to attrs=shadowLastChange by self write by * read
access to * by users read by * none";
        Self::made(people, "", access.to_owned())
    }

    fn made(people: &str, lines: &str, access: String) -> Self {
        let mut slapd = Self {
            folder: TempDir::with_prefix("slapd").unwrap(),
            authority: Authority::new("Directory"),
            port: 0,
            tls_port: 0,
            child: None,
            access,
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
database config
rootdn \"{CONFIG_DN}\"
rootpw {ROOT_PASSWORD}
database mdb
suffix \"{SUFFIX}\"
directory {folder}/db
maxsize 1073741824
rootdn \"{ROOT_DN}\"
rootpw {ROOT_PASSWORD}
index objectClass,uid,entryUUID,entryCSN eq
overlay memberof
overlay syncprov
overlay ppolicy
ppolicy_default \"cn=policy,{SUFFIX}\"
ppolicy_use_lockout
{}
",
            self.access
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
        self.change_as(ROOT_DN, ldif);
    }

    /// Whether it takes such a change.
    pub fn try_change(&self, ldif: &str) -> bool {
        let mut command = self.command("ldapmodify", ROOT_DN, ROOT_PASSWORD);
        run_with(&mut command, ldif).status.success()
    }

    /// Changes its own configuration as LDIF says.
    pub fn configure(&self, ldif: &str) {
        self.change_as(CONFIG_DN, ldif);
    }

    /// Entries without a `changetype` are added.
    fn change_as(&self, dn: &str, ldif: &str) {
        let changed = run_with(
            self.command("ldapmodify", dn, ROOT_PASSWORD).arg("-a"),
            ldif,
        );
        assert!(changed.status.success(), "{}\n{ldif}", text(&changed));
    }

    /// A program of ldap-utils that speaks to it as `dn`.
    pub fn command(&self, program: &str, dn: &str, password: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-x", "-H", &self.ldap(), "-D", dn, "-w", password]);
        command
    }

    /// Whether somebody's password is this, by its own judgement.
    pub fn knows(&self, uid: &str, password: &str) -> bool {
        let dn = format!("uid={uid},ou=people,{SUFFIX}");
        let bound = run_with(&mut self.command("ldapwhoami", &dn, password), "");
        bound.status.success()
    }

    /// The values of an attribute of somebody, as the administrator sees them.
    pub fn values(&self, uid: &str, attribute: &str) -> Vec<String> {
        self.values_as((ROOT_DN, ROOT_PASSWORD), uid, attribute)
    }

    /// The same, as somebody with this name and password sees them.
    pub fn values_as(&self, who: (&str, &str), uid: &str, attribute: &str) -> Vec<String> {
        let mut command = self.command("ldapsearch", who.0, who.1);
        let (people, filter) = (format!("ou=people,{SUFFIX}"), format!("(uid={uid})"));
        command.args([
            "-LLL",
            "-o",
            "ldif-wrap=no",
            "-b",
            &people,
            &filter,
            attribute,
        ]);
        let found = run_with(&mut command, "");
        assert!(found.status.success(), "{}", text(&found));
        let start = format!("{attribute}:");
        let lines = String::from_utf8_lossy(&found.stdout).into_owned();
        let values = lines.lines().filter_map(|line| line.strip_prefix(&start));
        // A second colon: in base64.
        values
            .map(|value| value.trim_start_matches([':', ' ']).to_owned())
            .collect()
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("slapd runs").id()
    }

    /// Its port without TLS.
    pub fn port(&self) -> u16 {
        self.port
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
        self.table_called("campus", servers, lines)
    }

    /// As [`directory_table`](Self::directory_table), for a directory with another name.
    pub fn named_table(&self, name: &str, lines: &str) -> String {
        self.table_called(name, &[&self.ldaps()], lines)
    }

    fn table_called(&self, name: &str, servers: &[&str], lines: &str) -> String {
        let file = |name: &str| Path::display(&self.path(name)).to_string();
        format!(
            "[directory.{name}]
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

/// Our own schema as the older form of configuration has it.
fn own_schema() -> String {
    let unfolded = OWN_SCHEMA.replace("\n ", "");
    let definitions = unfolded.lines().filter_map(|line| {
        let attribute = line.strip_prefix("olcAttributeTypes:");
        let class = line.strip_prefix("olcObjectClasses:");
        let definition = |word: &str, text: &str| format!("{word}{text}\n");
        attribute
            .map(|text| definition("attributetype", text))
            .or(class.map(|text| definition("objectclass", text)))
    });
    definitions.collect()
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
