//! Sessions ended at a NAS of our own, which answers as it is told.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use md5::{Digest as _, Md5};
use serde_json::Value;

use super::START;
use super::nas::setup;
use crate::common::{Daemon, text};

const SECRET: &[u8] = b"of disconnecting alone";
const PATIENCE: Duration = Duration::from_secs(120);
const DISCONNECT_REQUEST: u8 = 40;
const DISCONNECT_ACK: u8 = 41;
const DISCONNECT_NAK: u8 = 42;
const ERROR_CAUSE: u8 = 101;
const EVENT_TIMESTAMP: u8 = 55;

/// The port of a NAS that takes Disconnect-Requests.
struct Das(UdpSocket);

/// A request as it came.
struct Received {
    octets: Vec<u8>,
    from: SocketAddr,
}

impl Das {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// A server whose client this is.
    fn server(&self) -> Daemon {
        let port = self.0.local_addr().unwrap().port();
        let lines = format!(
            "methods = [\"eap\", \"pap\"]\ndisconnect = \"standard\"\ndisconnect-port = {port}\n\
             disconnect-secret = \"{}\"\n",
            str::from_utf8(SECRET).unwrap()
        );
        let setup = setup().without_clients();
        setup.client("access-points", "127.0.0.0/8", &lines).start()
    }

    fn receive(&self) -> Received {
        let mut buffer = [0; 4096];
        let (length, from) = self.0.recv_from(&mut buffer).unwrap();
        let octets = buffer[..length].to_vec();
        assert_eq!(octets[0], DISCONNECT_REQUEST);
        Received { octets, from }
    }

    fn answer(&self, request: &Received, code: u8, attributes: &[(u8, u32)], secret: &[u8]) {
        let mut octets = vec![code, request.octets[1], 0, 20];
        octets.extend_from_slice(&request.octets[4..20]);
        for (kind, value) in attributes {
            octets[3] += 6;
            octets.extend_from_slice(&[*kind, 6]);
            octets.extend_from_slice(&value.to_be_bytes());
        }
        let digest = Md5::new().chain_update(&octets).chain_update(secret);
        octets[4..20].copy_from_slice(&digest.finalize());
        self.0.send_to(&octets, request.from).unwrap();
    }

    fn nak(&self, request: &Received, cause: u32) {
        self.answer(request, DISCONNECT_NAK, &[(ERROR_CAUSE, cause)], SECRET);
    }

    fn ack(&self, request: &Received) {
        self.answer(request, DISCONNECT_ACK, &[], SECRET);
    }
}

/// A live session of `user`, joined by the log-on.
fn begin(daemon: &Daemon, user: &str, password: &str, session: &str) {
    let station = format!("02-00-00-00-00-{session}");
    let log_on = daemon.nas().pap(user, password);
    let accept = daemon.nas().ask(&log_on.with(31, station.as_bytes()));
    let class = accept.value(25).expect("a Class").to_vec();
    let accounting = daemon.accounting_nas();
    let record = accounting.record(START, session).user(user);
    accounting.tell(&record.device(&station).class(&class));
}

fn disconnects(daemon: &Daemon, count: usize) -> Vec<Value> {
    daemon.wait_for_audit(count, |line| line["event"] == "disconnect")
}

/// DA5: causes are told in words, to whoever asked and to whoever looks later.
#[test]
fn refusal_of_a_nas_is_told_in_words() {
    let das = Das::new();
    let daemon = das.server();
    begin(&daemon, "anna", "correct-horse-battery", "01");
    let ended = std::thread::scope(|scope| {
        let ended = scope.spawn(|| daemon.cli(&["sessions", "end", "anna", "--why", "case 4711"]));
        das.nak(&das.receive(), 504);
        ended.join().unwrap()
    });
    assert!(!ended.status.success());
    let words = "the NAS has the session and cannot end it (nak 504)";
    assert!(text(&ended).contains(words), "{}", text(&ended));
    let explained = text(&daemon.cli(&["explain", "anna"]));
    assert!(explained.contains(words), "{explained}");
    let line = disconnects(&daemon, 1).remove(0);
    for (field, value) in [
        ("outcome", "nak"),
        ("why", "case 4711"),
        ("account", "anna"),
        ("session_id", "01"),
        ("client", "access-points"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(line["error_cause"], 504);
    let counted = "portvakt_disconnects_total{outcome=\"nak\"}";
    assert_eq!(daemon.metric(counted), 1.0);
}

/// DA4, DA5: a request that is refused as too wide is narrowed; a forged answer and one of another time
/// do not count, and duplicates count once.
#[test]
fn only_the_true_answer_counts_and_counts_once() {
    let das = Das::new();
    let daemon = das.server();
    begin(&daemon, "anna", "correct-horse-battery", "01");
    let ended = std::thread::scope(|scope| {
        let ended = scope.spawn(|| daemon.cli(&["sessions", "end", "--mac", "0200.0000.0001"]));
        let wide = das.receive();
        das.answer(&wide, DISCONNECT_ACK, &[], b"a guess of a forger");
        das.answer(&wide, DISCONNECT_ACK, &[(EVENT_TIMESTAMP, 1)], SECRET);
        das.nak(&wide, 508);
        let mut narrow = das.receive();
        while narrow.octets[1] == wide.octets[1] {
            narrow = das.receive();
        }
        assert!(narrow.octets.len() < wide.octets.len());
        das.ack(&narrow);
        das.ack(&narrow);
        ended.join().unwrap()
    });
    assert!(ended.status.success(), "{}", text(&ended));
    assert_eq!(disconnects(&daemon, 1)[0]["outcome"], "acked");
    let refused = "portvakt_disconnect_answers_refused_total";
    assert_eq!(daemon.metric(refused), 2.0);
}

/// DA1: a deadline that closes many accounts ends the sessions of all of them, and of nobody else.
#[test]
fn suspension_and_deletion_end_the_sessions_of_their_account() {
    let das = Das::new();
    let daemon = das.server();
    begin(&daemon, "anna", "correct-horse-battery", "01");
    begin(&daemon, "anna", "correct-horse-battery", "02");
    begin(&daemon, "kari", "granite-and-heather", "03");
    let done = daemon.cli(&["account", "suspend", "anna", "--why", "a lost laptop"]);
    assert!(done.status.success(), "{}", text(&done));
    let mut identifiers = std::collections::BTreeSet::new();
    while identifiers.len() < 2 {
        let request = das.receive();
        das.ack(&request);
        identifiers.insert(request.octets[1]);
    }
    for line in disconnects(&daemon, 2) {
        assert_eq!(line["outcome"], "acked", "{line}");
        assert_eq!([&line["account"], &line["reason"]], ["anna", "suspended"]);
    }
    let done = daemon.cli(&["account", "delete", "kari", "--yes"]);
    assert!(done.status.success(), "{}", text(&done));
    let mut request = das.receive();
    while identifiers.contains(&request.octets[1]) {
        request = das.receive();
    }
    das.ack(&request);
    let line = disconnects(&daemon, 3).remove(2);
    assert_eq!(
        [&line["account"], &line["reason"]],
        ["kari", "unknown-user"]
    );
}

#[test]
fn all_sessions_at_once_is_not_meant() {
    let das = Das::new();
    let daemon = das.server();
    let refused = daemon.cli(&["sessions", "end"]);
    assert!(!refused.status.success());
    assert!(text(&refused).contains("say which sessions"));
    let none = daemon.cli(&["sessions", "end", "kari"]);
    assert!(text(&none).contains("no such live sessions"));
}
