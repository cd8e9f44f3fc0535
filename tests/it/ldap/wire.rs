//! Faults on the way to a directory: an answer cut in the middle, and answers that are
//! no LDAP.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Setup, Slapd, eventually};
use crate::ldap::people::{PASSWORD, everybody};

/// Hands what the directory says on, until it is told to cut the next answer in two.
pub(crate) struct Way {
    port: u16,
    cut: Arc<AtomicBool>,
}

pub(crate) fn serve(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

impl Way {
    /// Before the server at this address.
    pub(crate) fn to(address: &str) -> Self {
        let address = address.split("://").last().unwrap().to_owned();
        let cut = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&cut);
        let port = serve(move |device| {
            let Ok(directory) = TcpStream::connect(&address) else {
                return;
            };
            let (from, to) = (device.try_clone().unwrap(), directory.try_clone().unwrap());
            std::thread::spawn(move || copy(from, to, &AtomicBool::new(false)));
            copy(directory, device, &shared);
        });
        Self { port, cut }
    }

    /// The address that it listens on.
    pub(crate) fn address(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Cuts answers in two from now on, or no longer.
    pub(crate) fn cut(&self, is_so: bool) {
        self.cut.store(is_so, Ordering::Relaxed);
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        let half = cut.load(Ordering::Relaxed);
        let end = if half { length / 2 } else { length };
        if length == 0 || to.write_all(&buffer[..end]).is_err() || half {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn answer_that_is_cut_in_two_lets_nobody_in_and_counts_nothing() {
    for (verify, scheme) in [("hash", "ldaps"), ("bind", "ldap")] {
        let slapd = Slapd::with(&everybody());
        let way = match scheme {
            "ldaps" => Way::to(&slapd.ldaps()),
            _ => Way::to(&slapd.ldap()),
        };
        let server = way.address(scheme);
        let lines = format!(
            "verify = {verify:?}\ntimeout = \"1s\"\nstart-tls = {}\ndanger-plain-text = {}",
            scheme == "ldaps",
            scheme == "ldap"
        );
        let table = slapd.table_for(&[&server], &lines);
        let setup = Setup::new().set("passwords", "remember-proofs", "\"0s\"");
        let daemon = setup.people("").more(&table).start();
        let accepted = || daemon.radclient("bo", PASSWORD).is_accept().then_some(());
        assert!(eventually(accepted).is_some(), "{}", daemon.log());
        let before = daemon.audit_lines().len();
        way.cut(true);
        for _ in 0..7 {
            assert!(daemon.radclient("bo", PASSWORD).is_reject());
        }
        let reason = daemon.attempt(before + 7)["reason"].clone();
        assert_eq!(reason, "directory-unavailable");
        way.cut(false);
        assert!(eventually(accepted).is_some(), "{}", daemon.log());
    }
}

/// The library that reads LDAP panics at some of these: that ends nothing but the question.
#[test]
fn answers_that_are_no_ldap_end_in_a_refusal() {
    const GARBAGE: &[&[u8]] = &[
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        // An empty message, one without an operation, and one with an operation of its own.
        &[0x30, 0x00],
        &[0x30, 0x03, 0x02, 0x01, 0x01],
        &[0x30, 0x05, 0x02, 0x01, 0x01, 0x7F, 0x00],
        // A result without a code, and one whose text is no text.
        &[0x30, 0x05, 0x02, 0x01, 0x01, 0x61, 0x00],
        &[
            0x30, 0x0D, 0x02, 0x01, 0x01, 0x61, 0x08, 0x0A, 0x01, 0x00, 0x04, 0x01, 0xFF, 0x04,
            0x00,
        ],
        // Controls that are none.
        &[
            0x30, 0x0A, 0x02, 0x01, 0x01, 0x61, 0x00, 0xA0, 0x03, 0x04, 0x01, 0x00,
        ],
        &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
    ];
    for garbage in GARBAGE {
        let port = serve(move |mut stream| {
            let mut buffer = [0; 1024];
            while stream.read(&mut buffer).is_ok_and(|length| length > 0) {
                if stream.write_all(garbage).is_err() {
                    break;
                }
            }
        });
        let table = format!(
            "[directory.campus]\ntemplate = \"openldap\"\nservers = [\"ldap://127.0.0.1:{port}\"]\n\
             start-tls = false\ndanger-plain-text = true\ntimeout = \"1s\"\n\
             connect-timeout = \"300ms\"\nbase = \"dc=campus,dc=example\"\nconnections = 1\n\
             bind-dn = \"cn=portvakt\"\nbind-password-file = \"password\"\n"
        );
        let setup = Setup::new().people("").more(&table);
        setup.write("password", "any");
        let daemon = setup.start();
        assert!(
            daemon.radclient("bo", PASSWORD).is_reject(),
            "{garbage:02x?}"
        );
        assert_eq!(daemon.attempt(1)["reason"], "directory-unavailable");
        // And it is tried again, whatever came.
        let failures = || -> f64 {
            let page = daemon.metrics();
            let counted = page.lines().filter_map(|line| {
                line.strip_prefix("portvakt_directory_failures_total{")?
                    .rsplit_once(' ')
            });
            counted
                .filter_map(|(_, count)| count.parse::<f64>().ok())
                .sum()
        };
        assert!(
            eventually(|| (failures() > 1.0).then_some(())).is_some(),
            "{garbage:02x?}"
        );
    }
}
