//! The text that Prometheus reads.

use super::*;

const LABELS: Labels<'_> = Labels {
    disconnects: &["acked", "nak"],
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
