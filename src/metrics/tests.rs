//! What Prometheus would read, and the two pages over a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use super::http::{Check, Health, Source, serve};
use super::*;

const LABELS: Labels<'_> = Labels {
    refusals: &["wrong-credential", "locked-out"],
    drops: &["unknown-client", "unexpected-code"],
    methods: &["pap", "ttls/pap"],
};

fn metrics() -> Metrics {
    Metrics::new(LABELS).unwrap()
}

#[test]
fn every_label_is_there_at_zero_from_the_start() {
    let metrics = metrics();
    metrics.client("access-points").unwrap();
    let text = metrics.render();
    for line in [
        "portvakt_requests_total{client=\"access-points\",result=\"accept\"} 0",
        "portvakt_requests_total{client=\"access-points\",result=\"drop\"} 0",
        "portvakt_refusals_total{reason=\"locked-out\"} 0",
        "portvakt_drops_total{client=\"\",reason=\"unknown-client\"} 0",
        "portvakt_drops_total{client=\"access-points\",reason=\"unexpected-code\"} 0",
        "portvakt_handshakes_total{outcome=\"alert-received\"} 0",
        "portvakt_authentication_seconds_count{method=\"ttls/pap\"} 0",
        "portvakt_hash_wait_seconds_count 0",
        "portvakt_locked_accounts 0",
        "portvakt_audit_dropped_total 0",
    ] {
        assert!(
            text.lines().any(|has| has == line),
            "{line} is not in\n{text}"
        );
    }
}

#[test]
fn what_is_counted_is_shown() {
    let metrics = metrics();
    let client = metrics.client("vpn").unwrap();
    for result in RequestResult::ALL {
        client.count(result);
    }
    metrics.client("vpn").unwrap().count(RequestResult::Reject);
    metrics.refused("locked-out");
    metrics.dropped("unknown-client");
    // After a reload the client's counters are the same ones.
    for _ in 0..2 {
        metrics.client("vpn").unwrap().dropped("unexpected-code");
    }
    metrics.client("vpn").unwrap().dropped("no such reason");
    metrics.handshake(HandshakeOutcome::GaveUp);
    metrics.authenticated("pap", Duration::from_millis(12));
    metrics.hash_waited(Duration::from_millis(7));
    let text = metrics.render();
    for line in [
        "portvakt_requests_total{client=\"vpn\",result=\"challenge\"} 1",
        "portvakt_requests_total{client=\"vpn\",result=\"reject\"} 2",
        "portvakt_refusals_total{reason=\"locked-out\"} 1",
        "portvakt_drops_total{client=\"\",reason=\"unknown-client\"} 1",
        "portvakt_drops_total{client=\"vpn\",reason=\"unexpected-code\"} 2",
        "portvakt_drops_total{client=\"vpn\",reason=\"other\"} 1",
        "portvakt_handshakes_total{outcome=\"gave-up\"} 1",
        "portvakt_authentication_seconds_bucket{method=\"pap\",le=\"0.005\"} 0",
        "portvakt_authentication_seconds_bucket{method=\"pap\",le=\"0.02\"} 1",
        "portvakt_hash_wait_seconds_bucket{le=\"0.01\"} 1",
    ] {
        assert!(
            text.lines().any(|has| has == line),
            "{line} is not in\n{text}"
        );
    }
}

#[test]
fn label_from_outside_the_list_is_counted_as_other() {
    let metrics = metrics();
    metrics.refused("s123456@campus.example");
    let text = metrics.render();
    assert!(text.contains("portvakt_refusals_total{reason=\"other\"} 1"));
    assert!(!text.contains("s123456"));
}

#[test]
fn dropped_audit_lines_never_count_backwards() {
    let metrics = metrics();
    for audit_dropped in [3, 5, 0] {
        metrics.read_off(&Readings {
            audit_dropped,
            ..Readings::default()
        });
    }
    assert!(metrics.render().contains("portvakt_audit_dropped_total 5"));
    assert!(
        metrics
            .render()
            .contains("portvakt_certificate_days_left NaN")
    );
}

struct Fixed {
    store_ok: bool,
}

impl Source for Fixed {
    fn readings(&self) -> Readings {
        Readings {
            locked_accounts: 7,
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

/// Asks for `path` of a server made for this one question.
fn ask(path: &str, store_ok: bool) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let stopped = async { drop(stopped.await) };
            serve(
                listener,
                Arc::new(metrics()),
                Arc::new(Fixed { store_ok }),
                stopped,
            )
            .await
        })
    });
    let answer = request(address, path);
    stop.send(()).unwrap();
    server.join().unwrap().unwrap();
    answer
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
        answer.contains("\nportvakt_locked_accounts 7\n"),
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
