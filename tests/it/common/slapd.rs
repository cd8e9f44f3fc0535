//! OpenLDAP's slapd, on ports of its own, with TLS, password policy and content synchronisation.

mod recipe;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portvakt_testkit::supplicant::{Authority, ServerIdentity};
use tempfile::TempDir;

use super::setup::run_with;
use super::{eventually, text};

pub use recipe::{Recipe, crowd};

/// The suffix of all its entries.
pub const SUFFIX: &str = "dc=campus,dc=example";
/// Our account in it, and its password.
pub const SERVICE_DN: &str = "cn=portvakt,dc=campus,dc=example";
pub const SERVICE_PASSWORD: &str = "the-password-of-our-account";
/// The root DN, and its password.
pub const ROOT_DN: &str = "cn=admin,dc=campus,dc=example";
pub const ROOT_PASSWORD: &str = "the-password-of-the-administrator";

/// A server that runs until it is dropped.
pub struct Slapd {
    folder: TempDir,
    authority: Authority,
    port: u16,
    tls_port: u16,
    child: Option<Child>,
    /// The option that names its configuration, and the file's name in its folder.
    configuration: [&'static str; 2],
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
        Self::of(&Recipe::default(), people)
    }

    /// As [`with`](Self::with), with further lines at the head of its configuration.
    pub fn set_up(people: &str, head: &str) -> Self {
        let recipe = Recipe {
            head,
            ..Recipe::default()
        };
        Self::of(&recipe, people)
    }

    /// As [`with`](Self::with), set up in a way of the caller's.
    pub fn of(recipe: &Recipe<'_>, people: &str) -> Self {
        let mut slapd = Self::empty(["-f", "slapd.conf"]);
        slapd.write("ca.pem", &slapd.authority.certificate_pem());
        slapd.put_certificate(&slapd.authority.issue_server());
        slapd.write("people.schema", recipe::SCHEMA);
        slapd.write("slapd.conf", &recipe.configuration(slapd.folder.path()));
        slapd.add(&[], recipe::TREE);
        slapd.add(&[], people);
        slapd.start();
        slapd
    }

    /// One as Debian's package makes it, with what the package makes it of: it knows nothing of us
    /// and has no certificate.
    pub fn as_installed(people: &str) -> Self {
        let mut slapd = Self::empty(["-F", "slapd.d"]);
        fs::create_dir(slapd.path("slapd.d")).unwrap();
        slapd.add(&["-b", "cn=config"], &recipe::debian(slapd.folder.path()));
        slapd.add(&[], recipe::DEBIAN_TREE);
        slapd.add(&[], people);
        slapd.start();
        slapd
    }

    fn empty(configuration: [&'static str; 2]) -> Self {
        let slapd = Self {
            folder: TempDir::with_prefix("slapd").unwrap(),
            authority: Authority::new("Directory"),
            port: 0,
            tls_port: 0,
            child: None,
            configuration,
        };
        fs::create_dir(slapd.path("db")).unwrap();
        slapd.write("password", SERVICE_PASSWORD);
        slapd
    }

    /// The authority of its certificates; `ca.pem` in its folder.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Puts a certificate and its key in place, for the next start.
    pub fn put_certificate(&self, identity: &ServerIdentity) {
        self.write("server.pem", &identity.chain_pem);
        self.write("server.key", &identity.key_pem);
    }

    fn add(&self, arguments: &[&str], ldif: &str) {
        self.write("added.ldif", ldif);
        let mut command = Command::new("slapadd");
        self.add_configuration(&mut command);
        command.args(["-q", "-w"]).args(arguments);
        let added = run_with(command.arg("-l").arg(self.path("added.ldif")), "");
        assert!(added.status.success(), "{}", text(&added));
    }

    fn add_configuration(&self, command: &mut Command) {
        let [option, name] = self.configuration;
        command.arg(option).arg(self.path(name));
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
        let addresses = [self.ldap(), self.ldaps(), self.ldapi()].join(" ");
        let mut command = Command::new("slapd");
        self.add_configuration(&mut command);
        let child = command
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

    /// SIGTERM, and waits for the end: it puts its house in order first.
    pub fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = self.child.take().expect("slapd runs").wait();
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
    ///
    /// Entries without a `changetype` are added.
    pub fn change(&self, ldif: &str) {
        let mut command = self.command("ldapmodify", ROOT_DN, ROOT_PASSWORD);
        let changed = run_with(command.arg("-a"), ldif);
        assert!(changed.status.success(), "{}\n{ldif}", text(&changed));
    }

    /// Whether it takes such a change.
    pub fn try_change(&self, ldif: &str) -> bool {
        let mut command = self.command("ldapmodify", ROOT_DN, ROOT_PASSWORD);
        run_with(&mut command, ldif).status.success()
    }

    /// Changes its own configuration as LDIF says, as whoever runs it.
    pub fn configure(&self, ldif: &str) {
        let mut command = Command::new("ldapmodify");
        command.args(["-Q", "-Y", "EXTERNAL", "-H", &self.ldapi(), "-a"]);
        let changed = run_with(&mut command, ldif);
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

    /// The address of its socket, for programs of ldap-utils.
    pub fn ldapi(&self) -> String {
        let path = self.path("ldapi").display().to_string();
        format!("ldapi://{}", path.replace('/', "%2F"))
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into its folder.
    pub fn write(&self, name: &str, content: &str) {
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

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
