//! A directory that means harm, or somebody on the way to it: whatever is sent in the place of an
//! answer, the server lives, says what came, and asks the next server.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use crate::common::{Daemon, Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody};
use crate::ldap::wire::serve;

/// The octets sent for an answer, given its message ID; none is the answer itself.
type Malice = fn(id: u8) -> Vec<u8>;

/// Stands before a directory, in the clear.
struct Impostor {
    port: u16,
    malice: Arc<RwLock<Option<(Malice, bool)>>>,
}

impl Impostor {
    fn before(slapd: &Slapd) -> Self {
        let port = slapd.port();
        let malice = Arc::new(RwLock::new(None));
        let shared = Arc::clone(&malice);
        let port = serve(move |asking| {
            let Ok(directory) = TcpStream::connect(("127.0.0.1", port)) else {
                return;
            };
            let (from, to) = (asking.try_clone().unwrap(), directory.try_clone().unwrap());
            std::thread::spawn(move || copy(from, to, &RwLock::new(None)));
            copy(directory, asking, &shared);
        });
        Self { port, malice }
    }

    /// Sends this in the place of every answer from now on: once, or without end.
    fn send(&self, malice: Malice, is_endless: bool) {
        *self.malice.write().unwrap() = Some((malice, is_endless));
    }

    fn address(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, malice: &RwLock<Option<(Malice, bool)>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 {
            break;
        }
        let now = *malice.read().unwrap();
        let Some((make, is_endless)) = now else {
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
            continue;
        };
        let answer = make(number(&buffer));
        while to.write_all(&answer).is_ok() && is_endless {}
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The number of a message of slapd's: `30 length 02 01 number`.
fn number(message: &[u8]) -> u8 {
    let head = match message[1] {
        0x80.. => 2 + usize::from(message[1] - 0x80),
        _ => 2,
    };
    message[head + 2]
}

fn with_length(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], content].concat()
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    with_length(0x30, &[&[0x02, 0x01, id], operation].concat())
}

fn nested() -> Vec<u8> {
    let head = |inner: u32| [&[0x30, 0x84], &(inner * 6).to_be_bytes()[..]].concat();
    (0..300_000).rev().flat_map(head).collect()
}

fn nested_from_the_first_octet(_: u8) -> Vec<u8> {
    nested()
}

fn nested_in_a_message(id: u8) -> Vec<u8> {
    message(id, &with_length(0x64, &nested()))
}

/// Two gigabytes are announced, and none comes.
fn giant_length(_: u8) -> Vec<u8> {
    vec![0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF, 0x02, 0x01, 0x01]
}

fn indefinite_length(_: u8) -> Vec<u8> {
    vec![0x30, 0x80, 0x02, 0x01, 0x01]
}

/// An element that says it is longer than its message: the library waits for the rest.
fn overrun(id: u8) -> Vec<u8> {
    vec![0x30, 0x07, 0x02, 0x01, id, 0x65, 0x7F, 0x0A, 0x01]
}

fn never_asked(_: u8) -> Vec<u8> {
    message(0x7F, &[0x65, 7, 0x0A, 1, 0, 4, 0, 4, 0])
}

fn entry(id: u8) -> Vec<u8> {
    message(id, &[0x64, 4, 0x04, 0, 0x30, 0])
}

fn reference(id: u8) -> Vec<u8> {
    message(id, b"\x73\x0c\x04\x0aldap://a/b")
}

/// Half an answer, and silence.
fn half(_: u8) -> Vec<u8> {
    vec![0x30, 0x0C, 0x02, 0x01]
}

fn start(slapd: &Slapd, impostor: &Impostor, lines: &str) -> Daemon {
    let servers = [impostor.address(), slapd.ldap()];
    let lines =
        format!("start-tls = false\ndanger-plain-text = true\nquery-timeout = \"2s\"\n{lines}");
    let table = slapd.table_for(&[&servers[0], &servers[1]], &lines);
    let setup = Setup::new().set("passwords", "remember-proofs", "\"0s\"");
    let daemon = setup.people("").more(&table).start();
    let accepted = || daemon.radclient("bo", PASSWORD).is_accept().then_some(());
    assert!(eventually(accepted).is_some(), "{}", daemon.log());
    let up = |server: &String| {
        let sample = format!("portvakt_directory_up{{directory=\"campus\",server=\"{server}\"}}");
        daemon.metric(&sample) > 0.0
    };
    let both = eventually(|| servers.iter().all(up).then_some(()));
    assert!(both.is_some(), "{}", daemon.log());
    daemon
}

/// To a search and to a bind. Where the answer is not even read, the log says what it was.
#[test]
fn whatever_comes_for_an_answer_the_next_server_is_asked() {
    let cases: [(Malice, bool, &str); 9] = [
        (nested_from_the_first_octet, false, "no message of LDAP"),
        (nested_in_a_message, false, "within one another"),
        (giant_length, false, "a message of 2147483647 octets"),
        (indefinite_length, false, "a length that LDAP has not"),
        (overrun, false, "longer than the one that holds it"),
        (never_asked, false, "to what it was not asked"),
        (entry, true, ""),
        (reference, true, ""),
        (half, false, ""),
    ];
    for verify in ["hash", "bind"] {
        let slapd = Slapd::with(&everybody());
        for (malice, is_endless, words) in cases {
            let impostor = Impostor::before(&slapd);
            let daemon = start(&slapd, &impostor, &format!("verify = {verify:?}"));
            impostor.send(malice, is_endless);
            for user in ["bo", "anna"] {
                let answer = daemon.radclient(user, PASSWORD);
                assert!(answer.is_accept(), "{words}: {}", daemon.log());
            }
            let said = eventually(|| daemon.log().contains(words).then_some(()));
            assert!(said.is_some(), "{words}: {}", daemon.log());
        }
    }
}

/// A server that answers the mirror's questions so is given up, and each user is asked for.
#[test]
fn mirror_of_a_directory_that_means_harm_ends_nothing() {
    let slapd = Slapd::with(&everybody());
    for malice in [nested_in_a_message, giant_length] {
        let impostor = Impostor::before(&slapd);
        let daemon = start(&slapd, &impostor, "mirror = \"sync\"");
        let current = "portvakt_mirror_state{directory=\"campus\",state=\"current\"}";
        let is_current = eventually(|| (daemon.metric(current) > 0.0).then_some(()));
        assert!(is_current.is_some(), "{}", daemon.log());
        impostor.send(malice, false);
        slapd.change(
            "dn: uid=bo,ou=people,dc=campus,dc=example\nchangetype: modify\n\
             replace: displayName\ndisplayName: Bo\n",
        );
        let given_up = || {
            let sample = "portvakt_mirror_failures_total{directory=\"campus\"}";
            (daemon.metric(sample) > 0.0).then_some(())
        };
        assert!(eventually(given_up).is_some(), "{}", daemon.log());
        assert!(daemon.radclient("bo", PASSWORD).is_accept());
    }
}

/// Lets everybody bind, and answers a search for the root DSE with `root` and each other search with
/// what does not end. Returns its port, and how many octets it has sent for that.
fn endless(root: fn(id: u8) -> Option<Vec<u8>>) -> (u16, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let port = serve(move |mut stream| {
        let mut buffer = [0; 16 * 1024];
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {
            let id = number(&buffer);
            let bind = buffer.get(5) == Some(&0x60);
            let is_root = buffer.windows(16).any(|part| part == b"supportedControl");
            let done = |tag| message(id, &[tag, 7, 0x0A, 1, 0, 4, 0, 4, 0]);
            let answer = match bind {
                true => Some(done(0x61)),
                false if is_root => root(id),
                false => None,
            };
            if let Some(answer) = answer {
                if stream.write_all(&answer).is_err() {
                    return;
                }
                continue;
            }
            let referral = with_length(0x04, &[b'x'; 100_000]);
            let long = message(id, &with_length(0x73, &referral));
            while stream.write_all(&long).is_ok() {
                count.fetch_add(long.len() as u64, Ordering::Relaxed);
            }
        }
    });
    (port, sent)
}

/// Neither to what is asked about one entry nor to what is asked about everybody.
#[test]
fn mirror_whose_answer_does_not_end_takes_no_memory_and_is_given_up_in_words() {
    const MOST_KIB: u64 = 400 * 1024;
    let slapd = Slapd::with(&everybody());
    let root = |id| Some([entry(id), message(id, &[0x65, 7, 0x0A, 1, 0, 4, 0, 4, 0])].concat());
    for root in [root as fn(u8) -> Option<Vec<u8>>, |_| None] {
        let (port, sent) = endless(root);
        let servers = [format!("ldap://127.0.0.1:{port}"), slapd.ldap()];
        let lines = "start-tls = false\ndanger-plain-text = true\nquery-timeout = \"500ms\"\n\
                     mirror = \"poll\"";
        let table = slapd.table_for(&[&servers[0], &servers[1]], lines);
        let daemon = Setup::new().people("").more(&table).start();
        let much = || (sent.load(Ordering::Relaxed) > 500_000_000).then_some(());
        let is_given_up = || {
            assert!(
                daemon.resident_kib() < MOST_KIB,
                "{}",
                daemon.resident_kib()
            );
            let health = daemon.health().1;
            health.contains("more than any answer needs").then_some(())
        };
        assert!(eventually(|| much().or_else(is_given_up)).is_some());
        let said = eventually(is_given_up);
        assert!(said.is_some(), "{}\n{}", daemon.health().1, daemon.log());
        assert!(
            daemon.radclient("bo", PASSWORD).is_accept(),
            "{}",
            daemon.log()
        );
    }
}

/// Before TLS, where anybody on the way may answer.
#[test]
fn answer_to_start_tls_that_means_harm_ends_the_connection_alone() {
    let consent = || b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec();
    let cases = [
        (nested(), "no message of LDAP"),
        (
            message(1, &with_length(0x78, &nested())),
            "within one another",
        ),
        (giant_length(1), "a message of 2147483647 octets"),
        // What somebody put behind the answer, to be taken for the directory's own.
        ([consent(), consent()].concat(), "before TLS began"),
        (
            b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00".to_vec(),
            "refuses StartTLS with result code 52",
        ),
    ];
    for (answer, words) in cases {
        let port = serve(move |mut stream| {
            let mut buffer = [0; 1024];
            while stream.read(&mut buffer).is_ok_and(|length| length > 0) {
                if stream.write_all(&answer).is_err() {
                    break;
                }
            }
        });
        let slapd = Slapd::with(&everybody());
        let servers = [format!("ldap://127.0.0.1:{port}"), slapd.ldap()];
        let table = slapd.table_for(&[&servers[0], &servers[1]], "");
        let daemon = Setup::new().people("").more(&table).start();
        let accepted = || daemon.radclient("bo", PASSWORD).is_accept().then_some(());
        assert!(eventually(accepted).is_some(), "{}", daemon.log());
        let said = eventually(|| daemon.log().contains(words).then_some(()));
        assert!(said.is_some(), "{words}: {}", daemon.log());
    }
}

/// A server that takes connections and says nothing costs no descriptors, however often it is tried.
#[test]
fn silent_server_keeps_no_connection_open() {
    let open = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let counted = Arc::clone(&open);
    let tried = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let tries = Arc::clone(&tried);
    let port = serve(move |mut stream| {
        use std::sync::atomic::Ordering::Relaxed;
        tries.fetch_add(1, Relaxed);
        counted.fetch_add(1, Relaxed);
        let mut buffer = [0; 1024];
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
        counted.fetch_sub(1, Relaxed);
    });
    let slapd = Slapd::with("");
    let lines = "connect-timeout = \"100ms\"\nconnections = 1";
    let table = slapd.table_for(&[&format!("ldap://127.0.0.1:{port}")], lines);
    let _daemon = Setup::new().people("").more(&table).start();
    let load =
        |count: &std::sync::atomic::AtomicI64| count.load(std::sync::atomic::Ordering::Relaxed);
    assert!(eventually(|| (load(&tried) >= 5).then_some(())).is_some());
    let closed = eventually(|| (load(&open) <= 1).then_some(()));
    assert!(
        closed.is_some(),
        "{} of {} are open",
        load(&open),
        load(&tried)
    );
}
