//! FreeRADIUS from Debian's package, with a configuration of its own in a folder of its own.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::cases::Case;
use super::ground::Ground;
use super::run::Server;
use crate::common::{self, SECRET, SERVICE_DN, SERVICE_PASSWORD, SUFFIX};

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
    server: common::FreeRadius,
    /// TLS sessions.
    sessions: TempDir,
}

impl FreeRadius {
    /// Starts it for one case.
    pub(crate) fn start(case: &Case, ground: &Ground) -> Result<Self, String> {
        let memory = Some(Path::new(MEMORY)).filter(|memory| memory.is_dir());
        let elsewhere = std::env::temp_dir();
        let sessions = TempDir::with_prefix_in("freeradius", memory.unwrap_or(&elsewhere)).unwrap();
        let users = ground.people.users_file();
        let server = common::FreeRadius::start(|folder, port| {
            let words = words(case, ground, folder, sessions.path(), port);
            let write = |name, text| common::FreeRadius::write(folder, name, text, &words);
            write("users", &users);
            write("radiusd.conf", BASE);
            write("site.conf", site(case));
            for name in ["server.pem", "server.key", "client-ca.pem"] {
                fs::copy(ground.path(name), folder.join(name)).unwrap();
            }
        })?;
        Ok(Self { server, sessions })
    }

    pub(crate) fn server(&self, case: &Case) -> Server {
        Server {
            address: self.server.address(),
            id: self.server.id(),
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

fn site(case: &Case) -> &'static str {
    match (case.ldap, case.method) {
        (Some(_), _) => LDAP,
        (None, "mschapv2") => MS_CHAP_V2,
        (None, _) if case.is_eap() => EAP,
        (None, _) => PAP,
    }
}

fn words(
    case: &Case,
    ground: &Ground,
    folder: &Path,
    sessions: &Path,
    port: u16,
) -> Vec<(&'static str, String)> {
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
