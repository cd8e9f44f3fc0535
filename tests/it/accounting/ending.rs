//! Sessions ended or moved at a NAS of our own, which answers as it is told.

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
const COA_REQUEST: u8 = 43;
const COA_ACK: u8 = 44;
const COA_NAK: u8 = 45;
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
        self.server_with("standard")
    }

    fn server_with(&self, profile: &str) -> Daemon {
        let port = self.0.local_addr().unwrap().port();
        let lines = format!(
            "methods = [\"eap\", \"pap\"]\ndisconnect = \"{profile}\"\ndisconnect-port = {port}\n\
             disconnect-secret = \"{}\"\n",
            str::from_utf8(SECRET).unwrap()
        );
        let setup = setup().without_clients();
        setup.client("access-points", "127.0.0.0/8", &lines).start()
    }

    fn receive(&self) -> Received {
        self.receive_of(DISCONNECT_REQUEST)
    }

    /// A request of this code; any other fails the test.
    fn receive_of(&self, code: u8) -> Received {
        let mut buffer = [0; 4096];
        let (length, from) = self.0.recv_from(&mut buffer).unwrap();
        let octets = buffer[..length].to_vec();
        assert_eq!(octets[0], code);
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

impl Received {
    /// The value of an attribute.
    fn value(&self, kind: u8) -> Option<&[u8]> {
        let mut rest = &self.octets[20..];
        while let [first, length, ..] = *rest {
            let (attribute, behind) = rest.split_at(usize::from(length));
            if first == kind {
                return Some(&attribute[2..]);
            }
            rest = behind;
        }
        None
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

/// Runs `portvakt sessions` with these words while `nas` answers.
fn meanwhile(daemon: &Daemon, words: &[&str], nas: impl FnOnce()) -> std::process::Output {
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| daemon.cli(&[&["sessions"], words].concat()));
        nas();
        asked.join().unwrap()
    })
}

/// DA5, RFC 5176 §2.2: a CoA-Request says which session and which VLAN; too wide, it is narrowed.
#[test]
fn session_is_moved_to_another_vlan() {
    let das = Das::new();
    let daemon = das.server();
    begin(&daemon, "anna", "correct-horse-battery", "01");
    let words = ["move", "anna", "--vlan", "quarantine", "--why", "a worm"];
    let moved = meanwhile(&daemon, &words, || {
        let wide = das.receive_of(COA_REQUEST);
        assert_eq!(wide.value(1), Some(&b"anna"[..]));
        das.answer(&wide, COA_NAK, &[(ERROR_CAUSE, 508)], SECRET);
        let mut narrow = das.receive_of(COA_REQUEST);
        while narrow.octets[1] == wide.octets[1] {
            narrow = das.receive_of(COA_REQUEST);
        }
        for (kind, value) in [
            (1, None),
            (44, Some(&b"01"[..])),
            (64, Some(&[0, 0, 0, 13])),
            (65, Some(&[0, 0, 0, 6])),
            (81, Some(b"quarantine")),
        ] {
            assert_eq!(narrow.value(kind), value, "attribute {kind}");
        }
        das.answer(&narrow, COA_ACK, &[], SECRET);
    });
    assert!(moved.status.success(), "{}", text(&moved));
    let lines = daemon.wait_for_audit(1, |line| line["event"] == "change_vlan");
    for (field, value) in [
        ("vlan", "quarantine"),
        ("outcome", "acked"),
        ("why", "a worm"),
        ("account", "anna"),
    ] {
        assert_eq!(lines[0][field], value, "{}", lines[0]);
    }
    let explained = text(&daemon.cli(&["explain", "anna"]));
    assert!(
        explained.contains("moved to VLAN quarantine"),
        "{explained}"
    );
    let counted = "portvakt_vlan_changes_total{outcome=\"acked\"}";
    assert_eq!(daemon.metric(counted), 1.0);
    // It is not in the way of the session's end.
    let ended = meanwhile(&daemon, &["end", "anna"], || das.ack(&das.receive()));
    assert!(ended.status.success(), "{}", text(&ended));
}

/// Equipment that takes no VLAN is asked for none, and so is nobody for a VLAN that there cannot be.
#[test]
fn move_that_cannot_be_is_told_before_anything_is_sent() {
    let das = Das::new();
    let daemon = das.server_with("strongswan");
    begin(&daemon, "anna", "correct-horse-battery", "01");
    let moved = daemon.cli(&["sessions", "move", "anna", "--vlan", "17"]);
    assert!(!moved.status.success());
    let words = "takes a VLAN with a log-on alone: end the session instead (not-possible)";
    assert!(text(&moved).contains(words), "{}", text(&moved));
    let moved = daemon.cli(&["sessions", "move", "anna", "--vlan", "4095"]);
    assert!(text(&moved).contains("no VLAN"), "{}", text(&moved));
    // The first request of all is this one.
    let ended = meanwhile(&daemon, &["end", "anna"], || das.ack(&das.receive()));
    assert!(ended.status.success(), "{}", text(&ended));
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
