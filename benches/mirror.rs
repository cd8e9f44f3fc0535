//! Cost of a directory's mirror as it grows: memory for each account, the time to read all
//! from a slapd, to write and read the journal, to look somebody up.
//!
//! `cargo bench --bench replica`; with `PORTVAKT_LONG=1` up to a million accounts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

#[path = "support/mod.rs"]
mod support;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{SERVICE_DN, SERVICE_PASSWORD, SUFFIX, Slapd, crowd};
use ldap3::{LdapConnAsync, Scope};
use portvakt_auth::account::{Account, Kind};
use portvakt_directory::account_facts::AccountFacts;
use portvakt_directory::attributes::AttributeMap;
use portvakt_directory::entry::Entry;
use portvakt_directory::{AccountReplica as _, EntryFault, ReplicaState};
use portvakt_ldap::replica::{
    Connect, EntrySource, OpenConnection, Replica, ReplicaConfig, ReplicaLookup, ReplicaWorker,
    SyncMethod,
};
use portvakt_ldap::{Faults, Flow};
use support::common;

/// OpenLDAP's argon2 module, 64 octets of salt and hash.
const HASH: &str = "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                           Cm6HzOPSM/KkLb1W1GrvJZ0BlBv0kBX5ZTFoGxzOMjM";
const LOOK_UPS: u64 = 2_000_000;

struct OpenLdap(String);

impl EntrySource for OpenLdap {
    fn connect(&self) -> Connect<'_> {
        Box::pin(async {
            let (connection, mut ldap) = LdapConnAsync::new(&self.0).await?;
            let driver = tokio::spawn(async move { drop(connection.drive().await) });
            ldap.simple_bind(SERVICE_DN, SERVICE_PASSWORD).await?;
            Ok(OpenConnection {
                ldap,
                driver,
                faults: Faults::default(),
                flow: Flow::default(),
            })
        })
    }

    fn understand(
        &self,
        entry: &Entry,
        known: Option<&Account>,
    ) -> Result<Option<Account>, EntryFault> {
        let map = AttributeMap {
            default_kind: Some(Kind::Student),
            ..AttributeMap::default()
        };
        let now = jiff::Timestamp::UNIX_EPOCH;
        let draft = AccountFacts::read(entry, &map, false, now);
        let draft = draft.map_err(EntryFault::Attributes)?;
        Ok(draft.map(|draft| draft.merge(known, now)))
    }
}

fn config(method: SyncMethod, journal: PathBuf) -> ReplicaConfig {
    let day = Duration::from_secs(24 * 60 * 60);
    ReplicaConfig {
        name: "campus".to_owned(),
        method,
        is_active_directory: false,
        base: SUFFIX.to_owned(),
        scope: Scope::Subtree,
        filter: "(uid=*)".to_owned(),
        attributes: ["uid", "displayName", "mail", "userPassword"]
            .map(String::from)
            .into(),
        id_attribute: "entryUUID",
        poll_every: day,
        reconcile_every: day,
        keep_alive: Duration::from_secs(60),
        operation_timeout: Duration::from_secs(60),
        journal: Some(journal),
        fingerprint: "bench".to_owned(),
    }
}

/// Pages of this process that are in memory, in octets.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn keep(url: &str, method: SyncMethod, journal: &Path) -> (Arc<Replica>, ReplicaWorker) {
    let replica = Arc::new(Replica::new(Duration::from_secs(24 * 60 * 60)));
    let source = Arc::new(OpenLdap(url.to_owned()));
    let worker = ReplicaWorker::start(Arc::clone(&replica), source, config(method, journal.into()));
    (replica, worker.unwrap())
}

fn until_current(replica: &Replica) {
    while replica.status().state != ReplicaState::Current {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Nanoseconds for one, of names in no order.
fn look_up(replica: &Replica, accounts: u64) -> u64 {
    let names: Vec<_> = (0..4096_u64)
        .map(|number| format!("u{:06}", number * 7_919 % accounts))
        .collect();
    let began = Instant::now();
    for number in 0..LOOK_UPS {
        let name = &names[usize::try_from(number * 2_654_435_761 % 4096).unwrap()];
        assert!(matches!(
            black_box(replica.find(name)),
            ReplicaLookup::Account(_)
        ));
    }
    u64::try_from(began.elapsed().as_nanos()).unwrap() / LOOK_UPS
}

/// Loads from a slapd in both ways that it has, and leaves the journal in the folder.
fn load(accounts: u64, folder: &Path) {
    let slapd = Slapd::with(&crowd(usize::try_from(accounts).unwrap(), HASH));
    let began = Instant::now();
    let (replica, worker) = keep(&slapd.ldap(), SyncMethod::Sync, &folder.join("sync.mirror"));
    until_current(&replica);
    let synced = began.elapsed();
    drop((replica, worker));
    let began = Instant::now();
    let (replica, worker) = keep(&slapd.ldap(), SyncMethod::Poll, &folder.join("poll.mirror"));
    until_current(&replica);
    let polled = began.elapsed();
    drop((replica, worker));
    print!("{accounts:>9} accounts: sync {synced:.2?}, poll {polled:.2?}, ");
}

/// Restores what [`load`] left, as after a restart while the directory is away.
fn restore(accounts: u64, folder: &Path) {
    let journal = folder.join("sync.mirror");
    let before = resident();
    let began = Instant::now();
    let (replica, worker) = keep("ldap://127.0.0.1:1", SyncMethod::Sync, &journal);
    let restored = began.elapsed();
    let held = resident().saturating_sub(before) / accounts;
    let octets = std::fs::metadata(&journal).unwrap().len() / 1_000_000;
    let look_up_ns = look_up(&replica, accounts);
    drop(worker);
    println!("restart {restored:.2?} ({octets} MB), {held} octets each, look-up {look_up_ns} ns");
}

/// Each in a process of its own, so that the memory of one is not that of another.
fn measure(accounts: u64) {
    let folder = tempfile::TempDir::new().unwrap();
    for part in ["load", "restore"] {
        let program = std::env::current_exe().unwrap();
        let status = Command::new(program)
            .args([part, &accounts.to_string()])
            .arg(folder.path())
            .status();
        assert!(status.unwrap().success());
    }
}

fn main() {
    let words: Vec<_> = std::env::args().collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "load", accounts, folder] => load(accounts.parse().unwrap(), folder.as_ref()),
        [_, "restore", accounts, folder] => restore(accounts.parse().unwrap(), folder.as_ref()),
        _ => {
            measure(10_000);
            measure(100_000);
            if std::env::var_os("PORTVAKT_LONG").is_some() {
                measure(1_000_000);
            }
        }
    }
}
