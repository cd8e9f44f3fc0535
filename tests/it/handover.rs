//! A server that takes the place of the one before, with its sockets and proven passwords: by the
//! service manager's file descriptor store, and by executing itself anew.

use std::io::{IoSliceMut, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::common::{Daemon, PATIENCE, Setup};
use crate::nas::Nas;

const PEOPLE: [(&str, &str); 3] = [
    ("anna", "correct-horse-battery"),
    ("kari", "granite-and-heather"),
    ("gustav", "visiting-for-a-while"),
];

fn log_on_everybody(daemon: &Daemon) {
    let nas = daemon.nas();
    for (user, password) in PEOPLE {
        assert!(nas.log_on(user, password).is_accept(), "{user}");
    }
}

/// Passwords that were hashed since the process began.
fn hashes(daemon: &Daemon) -> f64 {
    daemon.metric("portvakt_hash_wait_seconds_count")
}

/// People who log on again and again, each packet sent once.
struct Crowd {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Duration>>>,
}

impl Crowd {
    fn at(daemon: &Daemon) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let of_person = |(user, password)| {
            let (nas, stop) = (daemon.nas(), Arc::clone(&stop));
            std::thread::spawn(move || log_on_until(&stop, &nas, user, password))
        };
        Self {
            threads: PEOPLE.map(of_person).into(),
            stop,
        }
    }

    /// How long each log-on took, the longest last.
    fn end(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let each = self
            .threads
            .into_iter()
            .map(|thread| thread.join().unwrap());
        let mut took: Vec<_> = each.flatten().collect();
        took.sort();
        took
    }
}

fn log_on_until(stop: &AtomicBool, nas: &Nas, user: &str, password: &str) -> Vec<Duration> {
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        assert!(nas.log_on(user, password).is_accept(), "{user}");
        took.push(began.elapsed());
    }
    took
}

/// Nobody is refused, no packet must be sent twice, and no password is hashed again.
#[test]
fn server_that_executes_itself_anew_loses_neither_datagrams_nor_proofs() {
    let mut daemon = Setup::new().start();
    log_on_everybody(&daemon);
    assert_eq!(hashes(&daemon), 3.0);
    let (process, address) = (daemon.id(), daemon.address());
    let crowd = Crowd::at(&daemon);
    for _ in 0..3 {
        daemon.take_over();
    }
    let took = crowd.end();
    assert_eq!((daemon.id(), daemon.address()), (process, address));
    assert_eq!(hashes(&daemon), 0.0);
    println!(
        "{} log-ons over three restarts: median {:?}, p99 {:?}, longest {:?}",
        took.len(),
        took[took.len() / 2],
        took[took.len() * 99 / 100],
        took[took.len() - 1]
    );
}

/// The account counts as it is now, whatever was proven before.
#[test]
fn proof_of_before_opens_neither_a_suspended_account_nor_another_password() {
    let mut daemon = Setup::new().start();
    log_on_everybody(&daemon);
    daemon.take_over();
    assert!(daemon.cli(&["account", "suspend", "kari"]).status.success());
    let set = ["account", "set-password", "gustav"];
    let set = daemon.cli_with(&set, "another-one-altogether\n");
    assert!(set.status.success());
    let nas = daemon.nas();
    assert!(nas.log_on("kari", PEOPLE[1].1).is_reject());
    assert!(nas.log_on("gustav", PEOPLE[2].1).is_reject());
    assert!(nas.log_on("anna", "guess").is_reject());
    assert!(nas.log_on("anna", PEOPLE[0].1).is_accept());
}

#[test]
fn server_goes_on_where_the_next_could_not_start() {
    let mut daemon = Setup::new().start();
    log_on_everybody(&daemon);
    daemon.change("radius", "workers", "\"many\"");
    daemon.write_config();
    daemon.ask_to_take_over();
    daemon.wait_for_log("no restart: the configuration has mistakes");
    log_on_everybody(&daemon);
    assert_eq!(hashes(&daemon), 3.0);
}

/// The file descriptor store of a service manager.
struct Manager {
    socket: UnixDatagram,
    kept: Vec<(String, OwnedFd)>,
}

impl Manager {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let kept = Vec::new();
        Self { socket, kept }
    }

    /// Takes messages until it has a descriptor of this name.
    fn wait_for(&mut self, name: &str) {
        while !self.has(name) {
            self.take_message();
        }
    }

    fn has(&self, name: &str) -> bool {
        self.kept.iter().any(|(kept, _)| kept == name)
    }

    fn take_message(&mut self) {
        let mut text = [0; 256];
        let mut text_of = [IoSliceMut::new(&mut text)];
        let mut rights = nix::cmsg_space!([RawFd; 64]);
        let socket = self.socket.as_raw_fd();
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(socket, &mut text_of, Some(&mut rights), flags).unwrap();
        let passed: Vec<_> = message.cmsgs().unwrap().flat_map(passed).collect();
        let length = message.bytes;
        let text = str::from_utf8(&text[..length]).unwrap();
        let (act, name) = text.split_once("\nFDNAME=").unwrap();
        match act {
            "FDSTOREREMOVE=1" => self.kept.retain(|(kept, _)| kept != name),
            "FDSTORE=1" => {
                let named = passed.into_iter().map(|passed| (name.to_owned(), passed));
                self.kept.extend(named);
            }
            other => panic!("{other}"),
        }
    }
}

fn passed(message: ControlMessageOwned) -> Vec<OwnedFd> {
    let ControlMessageOwned::ScmRights(numbers) = message else {
        panic!("{message:?}");
    };
    let own = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let owned = numbers.into_iter().map(|number| {
        let owned = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()).unwrap();
        nix::unistd::close(number).unwrap();
        owned
    });
    owned.collect()
}

/// A server under a service manager that has its sockets.
fn managed() -> (Daemon, Manager) {
    let setup = Setup::new();
    let path = setup.path("notify");
    let mut manager = Manager::at(&path);
    let daemon = setup
        .environment("NOTIFY_SOCKET", path.to_str().unwrap())
        .start();
    manager.wait_for("authentication");
    log_on_everybody(&daemon);
    (daemon, manager)
}

/// A packet that comes while no process runs is answered by the next.
#[test]
fn service_manager_keeps_sockets_and_proofs_over_a_restart() {
    let (mut daemon, mut manager) = managed();
    let (nas, address) = (daemon.nas(), daemon.address());
    daemon.terminate();
    manager.wait_for("proofs");
    let request = nas.pap("kari", PEOPLE[1].1).octets();
    nas.send(&request);
    daemon.pass(manager.kept.drain(..).collect());
    daemon.restart();
    assert!(nas.receive(PATIENCE).is_some());
    assert_eq!(daemon.address(), address);
    log_on_everybody(&daemon);
    assert_eq!(hashes(&daemon), 0.0);
    // It keeps the sockets anew, and the proofs no longer.
    manager.wait_for("authentication");
    assert!(!manager.has("proofs"));
}

/// After a crash there are sockets alone.
#[test]
fn server_that_was_killed_leaves_its_sockets_and_no_proof() {
    let (mut daemon, mut manager) = managed();
    let address = daemon.address();
    daemon.kill();
    assert!(!manager.has("proofs"));
    daemon.pass(manager.kept.drain(..).collect());
    daemon.restart();
    assert_eq!(daemon.address(), address);
    log_on_everybody(&daemon);
    assert_eq!(hashes(&daemon), 3.0);
}

#[test]
fn memory_that_is_no_image_of_proofs_is_left() {
    let mut daemon = Setup::new().start();
    let memory = memfd_create(c"proofs", MFdFlags::MFD_CLOEXEC).unwrap();
    let mut file = std::fs::File::from(memory);
    file.write_all(b"Portvakt proofs\x01").unwrap();
    daemon.pass(vec![("proofs".to_owned(), file.into())]);
    daemon.restart();
    daemon.wait_for_log("the proofs of the process before are not taken over");
    log_on_everybody(&daemon);
    assert_eq!(hashes(&daemon), 3.0);
}
