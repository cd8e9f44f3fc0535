//! FreeRADIUS from Debian's package, with a configuration of its own in a folder of its own.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::cases::Case;
use super::ground::Ground;
use super::run::Server;
use crate::common::{SECRET, SERVICE_DN, SERVICE_PASSWORD, SUFFIX, eventually};

const BASE: &str = include_str!("freeradius/radiusd.conf");
const PAP: &str = include_str!("freeradius/pap.conf");
const MS_CHAP_V2: &str = include_str!("freeradius/mschapv2.conf");
const EAP: &str = include_str!("freeradius/eap.conf");
const LDAP: &str = include_str!("freeradius/ldap.conf");

/// Memory that looks like a folder, where the system has one.
const MEMORY: &str = "/dev/shm";

/// Threads where each waits for slapd.
const WAITING_THREADS: usize = 16;

/// A server that runs until it is dropped.
pub(crate) struct FreeRadius {
    folder: TempDir,
    /// TLS sessions.
    sessions: TempDir,
    port: u16,
    child: Child,
}

impl Drop for FreeRadius {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl FreeRadius {
    /// Starts it for one case. A port that somebody else took meanwhile is another try's.
    pub(crate) fn start(case: &Case, ground: &Ground) -> Result<Self, String> {
        let mut last = String::new();
        for _ in 0..5 {
            match Self::try_start(case, ground) {
                Ok(server) => return Ok(server),
                Err(why) => last = why,
            }
        }
        Err(format!("FreeRADIUS does not start:\n{last}"))
    }

    fn try_start(case: &Case, ground: &Ground) -> Result<Self, String> {
        let folder = TempDir::with_prefix("freeradius").unwrap();
        let memory = Some(Path::new(MEMORY)).filter(|memory| memory.is_dir());
        let elsewhere = std::env::temp_dir();
        let sessions = TempDir::with_prefix_in("freeradius", memory.unwrap_or(&elsewhere)).unwrap();
        let port = free_port();
        write_files(&folder, ground);
        let words = words(case, ground, folder.path(), sessions.path(), port);
        write(folder.path(), "radiusd.conf", &fill(BASE, &words));
        write(folder.path(), "site.conf", &fill(site(case), &words));
        let child = Command::new("freeradius")
            .args(["-f", "-n", "radiusd", "-d"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(folder.path().join("stdout")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("freeradius: {error} (tests/packages installs it)"))?;
        let mut server = Self {
            folder,
            sessions,
            port,
            child,
        };
        match server.stands() {
            true => Ok(server),
            false => Err(server.log()),
        }
    }

    fn stands(&mut self) -> bool {
        let stands = eventually(|| {
            let ended = self.child.try_wait().unwrap().is_some();
            let ready = self.log().contains("Ready to process requests");
            (ended || ready).then_some(!ended)
        });
        stands == Some(true)
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("stdout") + &read("radius.log")
    }

    pub(crate) fn server(&self, case: &Case) -> Server {
        Server {
            address: ([127, 0, 0, 1], self.port).into(),
            id: self.child.id(),
            signed: case.signed,
        }
    }

    /// Removes the sessions that nobody will come back on: it never does so itself.
    pub(crate) fn forget_sessions(&self) {
        for entry in fs::read_dir(self.sessions.path()).unwrap() {
            let _ = fs::remove_file(entry.unwrap().path());
        }
    }
}

fn write_files(folder: &TempDir, ground: &Ground) {
    write(folder.path(), "users", &ground.people.users_file());
    for name in ["server.pem", "server.key", "client-ca.pem"] {
        fs::copy(ground.path(name), folder.path().join(name)).unwrap();
    }
}

/// It refuses what others may read or write.
fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn site(case: &Case) -> &'static str {
    match (case.ldap, case.method) {
        (Some(_), _) => LDAP,
        (None, "mschapv2") => MS_CHAP_V2,
        (None, _) if case.is_eap() => EAP,
        (None, _) => PAP,
    }
}

type Words = Vec<(&'static str, String)>;

fn words(case: &Case, ground: &Ground, folder: &Path, sessions: &Path, port: u16) -> Words {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = match case.ldap {
        Some(_) => cores.max(WAITING_THREADS),
        None => cores,
    };
    let by_bind = case.ldap.is_some_and(|ldap| ldap.theirs == "bind");
    let yes = |yes| if yes { "yes" } else { "no" }.to_owned();
    vec![
        ("FOLDER", folder.display().to_string()),
        ("SESSIONS", sessions.display().to_string()),
        ("PORT", port.to_string()),
        ("SECRET", SECRET.to_owned()),
        ("THREADS", threads.to_string()),
        ("AUTH_LOG", yes(case.auth_log)),
        ("TYPE", eap_type(case.method).to_owned()),
        ("CACHE", yes(case.resumed)),
        ("KEEP_SESSION", keep_session(case.resumed).to_owned()),
        ("LDAP_PORT", ground.ldap_port().to_string()),
        ("LDAP_DN", SERVICE_DN.to_owned()),
        ("LDAP_PASSWORD", SERVICE_PASSWORD.to_owned()),
        ("LDAP_BASE", format!("ou=people,{SUFFIX}")),
        ("READ_HASH", read_hash(by_bind).to_owned()),
        ("CHECK", check(by_bind).to_owned()),
    ]
}

fn eap_type(method: &str) -> &'static str {
    match method {
        "peap-mschapv2" => "peap",
        "eap-tls" => "tls",
        _ => "ttls",
    }
}

/// A session is kept only where there is a name to keep with it.
fn keep_session(resumed: bool) -> &'static str {
    match resumed {
        true => "update outer.reply {\n User-Name := &request:User-Name\n}",
        false => "",
    }
}

fn read_hash(by_bind: bool) -> &'static str {
    match by_bind {
        true => "",
        false => "control:Password-With-Header := 'userPassword'",
    }
}

fn check(by_bind: bool) -> &'static str {
    match by_bind {
        true => "update control {\n Auth-Type := LDAP\n}",
        false => "pap",
    }
}

fn fill(template: &str, words: &Words) -> String {
    words
        .iter()
        .fold(template.to_owned(), |text, (word, value)| {
            text.replace(&format!("@{word}@"), value)
        })
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
