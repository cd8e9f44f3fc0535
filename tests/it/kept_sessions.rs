//! TLS sessions that outlive the process and are resumed at another server of the same database: the
//! account counts as it is then, and no ticket opens anything by itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use portvakt_radius::AttributeType;
use portvakt_testkit::supplicant::{ClientCertificate, Device, Outcome, Profile};

use crate::cluster::Cluster;
use crate::common::relay::{Relay, Upstream};
use crate::common::{AccessPoint, Daemon, EapolTest, Setup, text};

const USER: &str = "kari";
const PASSWORD: &str = "granite-and-heather";
/// The sealing key of all servers of a site.
const KEY: &str = "c2l4dGVlbiBvY3RldHMgYW5kIHNpeHRlZW4gbW9yZSE=";
/// Configuration that the servers of a site share.
const SHARED: [&str; 4] = ["radius.pem", "radius.key", "ca.pem", "sealing-key"];

/// A server that takes passwords in a tunnel, and certificates of its own authority.
fn setup() -> Setup {
    Setup::new()
        .set("eap", "methods", "[\"ttls\", \"peap\", \"tls\"]")
        .set("eap", "client-ca", "\"ca.pem\"")
        .set("eap", "client-names", "[\"email\"]")
}

/// A device and its Calling-Station-Id.
struct Owned {
    device: Device,
    station: String,
}

/// Devices that hold their sessions in a ticket (TLS 1.3) and by an id (TLS 1.2), and one with a
/// certificate.
fn devices(daemon: &Daemon) -> Vec<Owned> {
    let identity = format!("{USER}@campus.example");
    let authority = daemon.authority();
    let password = Profile::pap(authority, &identity, PASSWORD.as_bytes());
    let older = Profile {
        versions: vec![&rustls::version::TLS12],
        ..password.clone()
    };
    let certificate = authority.issue_client(&ClientCertificate::of(&identity, 7));
    let devices = [
        Device::new(password),
        Device::open_without_tickets(older).unwrap(),
        Device::new(Profile::tls(authority, certificate)),
    ];
    let numbered = devices.into_iter().zip(1..);
    let owned = numbered.map(|(device, number): (_, u8)| Owned {
        device,
        station: format!("02-00-00-00-00-0{number}"),
    });
    owned.collect()
}

/// One more conversation of the device: whether it was let in, and whether on an old session.
fn comes_to(daemon: &Daemon, owned: &Owned) -> (bool, bool) {
    let mut supplicant = owned.device.supplicant();
    let station = owned.station.as_bytes();
    let access_point = AccessPoint::of(daemon).saying(AttributeType::CALLING_STATION_ID, station);
    let outcome = { access_point }.converse(&mut supplicant);
    (outcome == Some(Outcome::Success), supplicant.is_resumed())
}

fn act(daemon: &Daemon, words: &[&str]) {
    let output = daemon.cli(words);
    assert!(output.status.success(), "{}", text(&output));
}

/// Devices that have logged on to a server that was started again since.
fn known_devices(daemon: &mut Daemon) -> Vec<Owned> {
    let devices = devices(daemon);
    for device in &devices {
        assert_eq!(comes_to(daemon, device), (true, false));
    }
    daemon.restart();
    devices
}

/// E7.
#[test]
fn devices_resume_after_a_restart_and_again_after_the_next() {
    let mut daemon = setup().start();
    let devices = known_devices(&mut daemon);
    for _ in 0..2 {
        for device in &devices {
            assert_eq!(comes_to(&daemon, device), (true, true));
        }
        daemon.restart();
    }
    let line = daemon.attempt(3 + 6);
    assert_eq!(line["account"], USER, "{line}");
}

/// E7, I2: the row went with the act, and the account counts besides.
#[test]
fn sessions_of_before_the_restart_end_with_suspension_lock_and_password() {
    let mut daemon = setup().start();
    let devices = known_devices(&mut daemon);
    act(&daemon, &["account", "suspend", USER]);
    daemon.restart();
    for device in &devices {
        assert!(!comes_to(&daemon, device).0);
    }
    act(&daemon, &["account", "restore", USER]);
    for device in &devices {
        assert_eq!(comes_to(&daemon, device), (true, false));
    }

    daemon.restart();
    daemon.guess_wrong(USER, 6);
    for device in &devices {
        assert!(!comes_to(&daemon, device).0);
    }
    daemon.wait_for_audit(3, |line| line["reason"] == "locked-out");
    act(&daemon, &["account", "unlock", USER]);
    for device in &devices {
        assert_eq!(comes_to(&daemon, device), (true, false));
    }

    daemon.restart();
    let set = daemon.cli_with(
        &["account", "set-password", USER],
        "another-one-altogether\n",
    );
    assert!(set.status.success(), "{}", text(&set));
    for device in &devices[..2] {
        assert!(!comes_to(&daemon, device).0);
    }
    daemon.wait_for_audit(2, |line| line["reason"] == "previous-password");
}

/// The sessions in the database of a server that has ended.
fn rows(daemon: &Daemon) -> Vec<Vec<u8>> {
    let database = rusqlite::Connection::open(daemon.path("data/portvakt.db")).unwrap();
    let mut rows = database.prepare("SELECT sealed FROM tls_sessions").unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Who has the database has neither tickets nor sessions: both are under the sealing key.
#[test]
fn sessions_are_worth_nothing_under_another_sealing_key() {
    let setup = setup().set("accounts", "sealing-key-file", "\"sealing-key\"");
    setup.write("sealing-key", KEY);
    let mut daemon = setup.start();
    let devices = known_devices(&mut daemon);
    daemon.terminate();
    let rows = rows(&daemon);
    assert_eq!(rows.len(), 3);
    for row in rows {
        let name = USER.as_bytes();
        assert!(!row.windows(name.len()).any(|part| part == name));
    }
    daemon.write(
        "sealing-key",
        "YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBvY3RldHM=",
    );
    daemon.restart();
    daemon.wait_for_log("a ticket key is sealed with another key");
    for device in &devices {
        assert_eq!(comes_to(&daemon, device), (true, false));
    }
}

/// Passes datagrams to a server that `change` moves on at the first Access-Accept.
fn moving(first: SocketAddr, mut change: impl FnMut() -> SocketAddr + Send + 'static) -> Relay {
    let mut server = Upstream::of(first);
    let mut is_first = true;
    Relay::start(move |request| {
        let answer = server.ask(request, 1)?;
        if answer[0] == 2 && is_first {
            is_first = false;
            server = Upstream::of(change());
        }
        Some(answer)
    })
}

/// Profiles of wpa_supplicant: a password and a certificate, under both versions of TLS. Under TLS 1.2
/// it holds its session by the id.
fn profiles(setup: &Setup) -> Vec<EapolTest> {
    let certificate = ClientCertificate::of(&format!("{USER}@campus.example"), 7);
    let client = setup.authority().issue_client(&certificate);
    let chain = setup.write("client.pem", &client.chain_pem);
    let key = setup.write("client.key", &client.key_pem);
    let ca = format!("\"{}\"", setup.path("ca.pem").display());
    let password = EapolTest::ttls_pap(USER, PASSWORD).line("ca_cert", &ca);
    let certificate = EapolTest::ttls_pap(USER, "")
        .line("eap", "TLS")
        .line("ca_cert", &ca)
        .line("client_cert", &format!("\"{}\"", chain.display()))
        .line("private_key", &format!("\"{}\"", key.display()));
    let each = [password, certificate].into_iter();
    each.flat_map(|profile| [profile.clone().tls12(), profile.tls13()])
        .map(|profile| profile.argument("-r1"))
        .collect()
}

/// E4, E7: eapol_test compares the keys of both log-ons.
#[test]
fn peer_device_resumes_after_a_restart() {
    let daemon = setup().start();
    let desk = Setup::new();
    let profiles = profiles(&daemon);
    let daemon = Arc::new(Mutex::new(daemon));
    for profile in profiles {
        let restarted = Arc::clone(&daemon);
        let first = daemon.lock().unwrap().address();
        let relay = moving(first, move || {
            let mut daemon = restarted.lock().unwrap();
            daemon.restart();
            daemon.address()
        });
        let run = profile.run_at(&desk, relay.address());
        assert!(run.is_accept(), "{}", run.output);
        let resumed = run.output.contains("Handshake finished - resumed=1");
        assert!(resumed, "{}", run.output);
    }
}

fn at(url: &str) -> Setup {
    let setup = setup().set("store", "url", &format!("\"{url}\"")).set(
        "accounts",
        "sealing-key-file",
        "\"sealing-key\"",
    );
    setup.write("sealing-key", KEY);
    setup
}

/// E4, E7.
#[test]
fn peer_device_resumes_at_another_server_of_the_same_database() {
    let cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    let mut first = at(&url).start();
    let desk = Setup::new();
    let profiles = profiles(&first);
    let second = at(&url).people("");
    for name in SHARED {
        second.write(name, &std::fs::read_to_string(first.path(name)).unwrap());
    }
    first.terminate();
    let servers = Arc::new(Mutex::new((first, second.start())));
    for profile in profiles {
        let moved = Arc::clone(&servers);
        let address = servers.lock().unwrap().1.address();
        let relay = moving(address, move || {
            let mut servers = moved.lock().unwrap();
            let (first, second) = &mut *servers;
            second.terminate();
            first.restart();
            std::mem::swap(first, second);
            second.address()
        });
        let run = profile.run_at(&desk, relay.address());
        assert!(run.is_accept(), "{}", run.output);
        let resumed = run.output.contains("Handshake finished - resumed=1");
        assert!(resumed, "{}", run.output);
    }
}
