//! An OpenLDAP server of the test's own, with content synchronisation.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

pub(crate) const BASE: &str = "dc=campus,dc=example";
pub(crate) const ROOT: &str = "cn=admin,dc=campus,dc=example";
pub(crate) const PASSWORD: &str = "secret";

/// A slapd, ended and removed when dropped.
pub(crate) struct Slapd {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Slapd {
    /// With people `u000000`, `u000001` …; `settings` are lines of its configuration.
    pub(crate) fn start(people: usize, global: &str, overlay: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("db")).unwrap();
        fs::write(
            path.join("slapd.conf"),
            configuration(path, global, overlay),
        )
        .unwrap();
        fs::write(path.join("content.ldif"), content(people)).unwrap();
        let loaded = Command::new("/usr/sbin/slapadd")
            .args(["-q", "-w", "-f"])
            .arg(path.join("slapd.conf"))
            .arg("-l")
            .arg(path.join("content.ldif"))
            .status()
            .unwrap();
        assert!(loaded.success(), "slapadd failed");
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut slapd = Self {
            folder,
            port,
            child: None,
        };
        slapd.begin();
        slapd
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Starts it, again at the same place.
    pub(crate) fn begin(&mut self) {
        let child = Command::new("/usr/sbin/slapd")
            .arg("-f")
            .arg(self.folder.path().join("slapd.conf"))
            .args(["-h", &self.url(), "-d", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "slapd does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap();
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    }

    /// Ends it; SIGTERM lets it put its house in order, SIGKILL does not.
    pub(crate) fn end(&mut self, signal: Signal) {
        self.signal(signal);
        self.child.take().unwrap().wait().unwrap();
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn configuration(path: &Path, global: &str, overlay: &str) -> String {
    let path = path.display();
    // What a directory's administrator grants: all entries, not the first 500.
    let granted = format!("limits dn.exact=\"{ROOT}\" size=unlimited time=unlimited");
    let limits = if global.is_empty() { &granted } else { "" };
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         moduleload syncprov\n\
         pidfile {path}/pid\n\
         {global}\n\
         database mdb\n\
         maxsize 8589934592\n\
         suffix {BASE}\n\
         rootdn cn=nobody,{BASE}\n\
         directory {path}/db\n\
         dbnosync\n\
         index objectClass eq\n\
         index uid eq\n\
         index entryUUID eq\n\
         index entryCSN eq\n\
         index modifyTimestamp eq\n\
         {limits}\n\
         access to * by dn.exact=\"{ROOT}\" manage by anonymous auth\n\
         overlay syncprov\n\
         {overlay}\n"
    )
}

fn content(people: usize) -> String {
    let mut ldif = format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: campus\ndc: campus\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: {ROOT}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
         cn: admin\nuserPassword: {PASSWORD}\n\n"
    );
    for number in 0..people {
        let _ = write!(ldif, "{}", person(&format!("u{number:06}")));
    }
    ldif
}

fn person(uid: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\n\
         sn: Nordmann\ndisplayName: Kari Nordmann\nmail: {uid}@campus.example\n\
         userPassword: {}\n\n",
        super::SSHA_OF_ONE
    )
}
