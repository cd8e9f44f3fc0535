//! The pages over a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::health::{Check, Health};
use super::*;
use crate::metrics::Labels;

struct Fixed {
    store_ok: bool,
}

impl Source for Fixed {
    fn readings(&self) -> Readings {
        Readings {
            locked_accounts: 7,
            lock_records: [9, 5_000],
            store_healthy: self.store_ok,
            certificate_days_left: Some(-2),
            ..Readings::default()
        }
    }

    fn health(&self) -> Health {
        let detail = if self.store_ok { "" } else { "no space left" }.to_owned();
        Health {
            checks: vec![Check {
                directory: None,
                name: "store",
                ok: self.store_ok,
                detail,
            }],
        }
    }
}

fn start(store_ok: bool, limits: Limits) -> WebServer {
    let address = "127.0.0.1:0".parse().unwrap();
    let (metrics, source) = (
        Arc::new(Metrics::new(Labels::default()).unwrap()),
        Arc::new(Fixed { store_ok }),
    );
    WebServer::start_with(address, metrics, source, limits).unwrap()
}

/// So long that no deadline is met, however slow the machine is.
const LENIENT: Limits = Limits {
    at_once: 16,
    head: Duration::from_secs(600),
    whole: Duration::from_secs(600),
};

/// Asks for `path` of a server made for this one question.
fn ask(path: &str, store_ok: bool) -> String {
    let server = start(store_ok, LENIENT);
    request(server.address(), path)
}

fn request(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn metrics_page_shows_what_was_read_off_just_now() {
    let answer = ask("/metrics", true);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(
        answer.contains("\nportvakt_locked_accounts 7\n")
            && answer.contains("\nportvakt_lock_records 9\n")
            && answer.contains("\nportvakt_lock_record_capacity 5000\n"),
        "{answer}"
    );
    assert!(answer.contains("\nportvakt_store_healthy 1\n"));
    assert!(answer.contains("\nportvakt_certificate_days_left -2\n"));
}

#[test]
fn health_page_answers_503_and_says_what_fails() {
    let answer = ask("/health", true);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let body = r#"{"status":"ok","checks":[{"name":"store","ok":true}]}"#;
    assert!(answer.ends_with(body), "{answer}");

    let answer = ask("/health", false);
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    let body =
        r#"{"status":"failing","checks":[{"name":"store","ok":false,"detail":"no space left"}]}"#;
    assert!(answer.ends_with(body), "{answer}");
}

#[test]
fn other_pages_are_not_found() {
    assert!(ask("/", true).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

/// Connections that send so much and then nothing.
fn silent(server: &WebServer, count: usize, octets: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(octets).unwrap();
        stream
    };
    (0..count).map(connect).collect()
}

/// Waits until the server has ended so many of the connections.
fn wait_until_closed(streams: &mut Vec<TcpStream>, count: usize) {
    let left = streams.len() - count;
    while streams.len() > left {
        streams.retain_mut(|stream| {
            stream.set_nonblocking(true).unwrap();
            let read = stream.read(&mut [0; 100]);
            // A reset is an end, too.
            read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        });
        std::thread::yield_now();
    }
}

#[test]
fn idle_connections_keep_nobody_out_and_only_so_many_stay() {
    let server = start(true, LENIENT);
    for octets in [&b""[..], b"GET /metrics HTTP/1.1\r\nHost: x\r\nX"] {
        let mut idle = silent(&server, 100, octets);
        wait_until_closed(&mut idle, 100 - LENIENT.at_once);
        let answer = request(server.address(), "/health");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[test]
fn half_a_head_is_cut_off_at_its_deadline() {
    let head = Duration::from_millis(20);
    for octets in [&b""[..], b"GET /metrics HTTP/1.1\r\nHost: x\r\nX"] {
        let server = start(true, Limits { head, ..LENIENT });
        assert!(silent(&server, 3, octets).into_iter().all(|mut stream| {
            let mut rest = String::new();
            stream.read_to_string(&mut rest).is_err() || !rest.contains("200 OK")
        }));
    }
}

#[test]
fn a_connection_ends_with_its_answer() {
    let server = start(true, LENIENT);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[test]
fn a_head_without_end_is_not_read_to_its_end() {
    let server = start(true, LENIENT);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let line = [b"X: ".as_slice(), &[b'x'; 1000], b"\r\n"].concat();
    stream.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
    // It ends by itself: the server stops reading.
    while stream.write_all(&line).is_ok() {}
}
