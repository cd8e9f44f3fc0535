//! 389 Directory Server, the real one, on ports of its own: the battery over it, and what it mirrors.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use portvakt_testkit::supplicant::Authority;
use tempfile::TempDir;

use crate::common::{ROOT_PASSWORD, SERVICE_PASSWORD, Setup, eventually, run_with, text};
use crate::ldap::page::blocks;
use crate::ldap::people::{PASSWORD, everybody};

const SHARE: &str = "/usr/share/dirsrv";
const SERVICE_DN: &str = "uid=portvakt,ou=services,dc=campus,dc=example";
const MANAGER: &str = "cn=Directory Manager";
/// Attributes that no schema of its own has.
const SCHAC: &str = "dn: cn=schema
attributeTypes: ( 1.3.6.1.4.1.25178.1.2.17 NAME 'schacExpiryDate'
  EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
objectClasses: ( 1.3.6.1.4.1.25178.1.1.2 NAME 'schacEntryMetadata' AUXILIARY
  MAY ( schacExpiryDate ) )
";
const OWN_SCHEMA: &str = include_str!("../../../config/ldap/portvakt-389ds.ldif");
/// Attributes of the battery's users beyond those that the page's rule names.
const BEYOND: &str = "eduPersonPrimaryAffiliation || portvaktAlias || portvaktVlan || \
                      portvaktDeactivated || portvaktInRegistry || portvaktRegisteredTerm || \
                      portvaktFeePaidTerm";

/// A server that runs until it is dropped.
pub(crate) struct Ds389 {
    folder: TempDir,
    ports: [u16; 2],
    child: Option<Child>,
}

impl Drop for Ds389 {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Ds389 {
    /// One with everybody in it, who may be read as the page says; with their hashes, or without.
    pub(crate) fn new(shows_hashes: bool) -> Self {
        let mut server = Self {
            folder: TempDir::with_prefix("ds389").unwrap(),
            ports: [0; 2],
            child: None,
        };
        for name in [
            "config/schema",
            "db",
            "home",
            "bak",
            "ldif",
            "lock",
            "log",
            "run",
        ] {
            fs::create_dir_all(server.path(name)).unwrap();
        }
        server.write_schema();
        server.write_certificate();
        fs::write(server.path("password"), SERVICE_PASSWORD).unwrap();
        for _ in 0..10 {
            server.ports = [free_port(), free_port()];
            fs::write(server.path("config/dse.ldif"), server.configuration()).unwrap();
            if server.start() {
                server.fill(shows_hashes);
                return server;
            }
        }
        let errors = fs::read_to_string(server.path("log/errors")).unwrap_or_default();
        panic!("389ds does not start:\n{errors}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_schema(&self) {
        for entry in fs::read_dir(format!("{SHARE}/schema")).unwrap() {
            let from = entry.unwrap();
            let name = format!("config/schema/{}", from.file_name().display());
            fs::copy(from.path(), self.path(&name)).unwrap();
        }
        fs::write(self.path("config/schema/98schac.ldif"), SCHAC).unwrap();
        fs::write(self.path("config/schema/99portvakt.ldif"), OWN_SCHEMA).unwrap();
        // Where it writes down what it is told of later.
        let own = "dn: cn=schema\nobjectclass: top\nobjectclass: ldapSubentry\n\
                   objectclass: subschema\ncn: schema\n";
        fs::write(self.path("config/schema/99user.ldif"), own).unwrap();
        for name in ["slapd-collations.conf", "certmap.conf"] {
            let from = format!("/etc/dirsrv/config/{name}");
            fs::copy(from, self.path(&format!("config/{name}"))).unwrap();
        }
    }

    /// Its certificates are in a database of NSS.
    fn write_certificate(&self) {
        let authority = Authority::new("Directory");
        let identity = authority.issue_server();
        fs::write(self.path("ca.pem"), authority.certificate_pem()).unwrap();
        fs::write(self.path("server.pem"), identity.chain_pem).unwrap();
        fs::write(self.path("server.key"), identity.key_pem).unwrap();
        let lines = "certutil -N -d config --empty-password
certutil -A -d config -n ca -t CT,, -i ca.pem
openssl pkcs12 -export -in server.pem -inkey server.key -name Server-Cert -passout pass:p -out s.p12
pk12util -i s.p12 -d config -W p -K ''";
        let mut command = Command::new("bash");
        command.args(["-e", "-c", lines]);
        let made = run_with(command.current_dir(self.folder.path()), "");
        assert!(made.status.success(), "{}", text(&made));
    }

    /// The package's own template, as its `dscreate` fills it in.
    fn configuration(&self) -> String {
        let template = fs::read_to_string(format!("{SHARE}/data/template-dse.ldif")).unwrap();
        let database = fs::read_to_string(format!("{SHARE}/data/template-suffix-db.ldif")).unwrap();
        // It does not start with a comment or more than one empty line between entries.
        let (_, database) = database.split_once("\ndn:").unwrap();
        let user = nix::unistd::User::from_uid(nix::unistd::getuid());
        let user = user.unwrap().unwrap().name;
        let folder = self.folder.path().display().to_string();
        let values = [
            ("%bak_dir%", format!("{folder}/bak")),
            ("%cert_dir%", format!("{folder}/config")),
            ("%config_dir%", format!("{folder}/config")),
            ("%db_dir%", format!("{folder}/db")),
            ("%db_home_dir%", format!("{folder}/home")),
            ("%db_lib%", "bdb".to_owned()),
            ("%ds_bename%", "userRoot".to_owned()),
            ("%ds_passwd%", hashed(ROOT_PASSWORD)),
            ("%ds_port%", self.ports[0].to_string()),
            ("%ds_suffix%", crate::common::SUFFIX.to_owned()),
            ("%ds_user%", user),
            ("%fqdn%", "localhost".to_owned()),
            ("%inst_dir%", folder.clone()),
            ("%ldapi%", format!("{folder}/ldapi")),
            ("%ldapi_autobind%", "off".to_owned()),
            ("%ldapi_enabled%", "off".to_owned()),
            ("%ldif_dir%", format!("{folder}/ldif")),
            ("%lock_dir%", format!("{folder}/lock")),
            ("%log_dir%", format!("{folder}/log")),
            ("%rootdn%", MANAGER.to_owned()),
            ("%run_dir%", format!("{folder}/run")),
            ("%schema_dir%", format!("{folder}/config/schema")),
            ("%tmp_dir%", folder.clone()),
        ];
        let filled = values.iter().fold(
            format!("{}\n\ndn:{database}", template.trim_end()),
            |text, (name, value)| text.replace(name, value),
        );
        let secure = format!(
            "nsslapd-security: on\nnsslapd-secureport: {}\nnsslapd-allow-hashed-passwords: on\n\
             nsslapd-port:",
            self.ports[1]
        );
        filled.replacen("nsslapd-port:", &secure, 1)
    }

    fn start(&mut self) -> bool {
        let mut command = Command::new("ns-slapd");
        command.arg("-D").arg(self.path("config"));
        command
            .arg("-i")
            .arg(self.path("run/pid"))
            .args(["-d", "0"]);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = quiet.stderr(Stdio::null()).spawn().unwrap();
        let child = self.child.insert(child);
        let ports = self.ports;
        let stands = eventually(|| {
            let ended = child.try_wait().unwrap().is_some();
            let answers = ports.map(|port| TcpStream::connect(("127.0.0.1", port)));
            (ended || answers.iter().all(Result::is_ok)).then_some(!ended)
        });
        if stands != Some(true) {
            let _ = child.kill();
            let _ = child.wait();
        }
        stands == Some(true)
    }

    fn fill(&self, shows_hashes: bool) {
        let people = everybody().replace("pwdChangedTime", "pwdUpdateTime");
        let hash = hashed(crate::ldap::people::PASSWORD);
        let people = people
            .lines()
            .map(|line| match line.starts_with("userPassword: ") {
                true => format!("userPassword: {hash}\n"),
                false => format!("{line}\n"),
            });
        let tree = "dn: dc=campus,dc=example\nobjectClass: domain\ndc: campus\n\n\
                    dn: ou=services,dc=campus,dc=example\nobjectClass: organizationalUnit\n\
                    ou: services\n\n";
        let account = format!(
            "dn: {SERVICE_DN}\nobjectClass: account\nobjectClass: simpleSecurityObject\n\
             uid: portvakt\nuserPassword: {SERVICE_PASSWORD}\n\n"
        );
        let place = format!(
            "dn: ou=people,dc=campus,dc=example\nobjectClass: organizationalUnit\nou: people\n{}\n\n",
            rule(shows_hashes)
        );
        let all = format!("{tree}{account}{place}{}", people.collect::<String>());
        self.change(&all);
    }

    /// Adds and changes entries as LDIF says, as its manager.
    pub(crate) fn change(&self, ldif: &str) {
        let mut command = Command::new("ldapmodify");
        let address = format!("ldap://127.0.0.1:{}", self.ports[0]);
        command.args([
            "-a",
            "-x",
            "-H",
            &address,
            "-D",
            MANAGER,
            "-w",
            ROOT_PASSWORD,
        ]);
        let changed = run_with(&mut command, ldif);
        assert!(changed.status.success(), "{}\n{ldif}", text(&changed));
    }

    /// The table that has Portvakt ask it.
    pub(crate) fn table(&self, lines: &str) -> String {
        let file = |name: &str| Path::display(&self.path(name)).to_string();
        format!(
            "[directory.campus]
template = \"389ds\"
servers = [\"ldaps://127.0.0.1:{}\"]
ca-file = {:?}
server-name = \"radius.campus.example\"
base = \"ou=people,dc=campus,dc=example\"
bind-dn = \"{SERVICE_DN}\"
bind-password-file = {:?}
{lines}
",
            self.ports[1],
            file("ca.pem"),
            file("password"),
        )
    }
}

/// P6: it says so whatever the password, so its owner is told no more than of a wrong one.
#[test]
fn peer_389ds_inactivated_account_is_told_to_nobody() {
    let directory = Ds389::new(false);
    let table = directory.table("verify = \"bind\"\ndefault-kind = \"employee\"");
    let daemon = Setup::new().people("").more(&table).start();
    let accepted = || daemon.radclient("bo", PASSWORD).is_accept().then_some(());
    assert!(eventually(accepted).is_some(), "{}", daemon.log());
    directory.change(
        "dn: uid=anna,ou=people,dc=campus,dc=example\nchangetype: modify\n\
         replace: nsAccountLock\nnsAccountLock: TRUE\n",
    );
    let before = daemon.audit_lines().len();
    for (count, password) in ["surely-wrong", PASSWORD].into_iter().enumerate() {
        let answer = daemon.radclient("anna", password);
        assert!(answer.is_reject(), "{}", answer.output);
        assert!(
            !answer.output.contains("Reply-Message"),
            "{}",
            answer.output
        );
        let attempt = daemon.attempt(before + count + 1);
        assert_eq!(attempt["reason"], "barred", "{attempt}");
        let detail = attempt["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("inactivated"), "{attempt}");
    }
}

/// The ACI that the page has an administrator put at the users' branch, in one line.
fn rule(shows_hashes: bool) -> String {
    let page = blocks("What the directory must allow", "");
    let rule = page.iter().find(|block| block.starts_with("aci:")).unwrap();
    let hash = if shows_hashes { "userPassword || " } else { "" };
    let given = format!("(targetattr = \"{hash}{BEYOND} || ");
    rule.replace("\n ", " ")
        .trim()
        .replace("(targetattr = \"", &given)
}

fn hashed(password: &str) -> String {
    let mut command = Command::new("slappasswd");
    let made = run_with(command.args(["-h", "{SSHA}", "-s", password]), "");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
