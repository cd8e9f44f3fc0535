//! Records of each request in the shell: its answer for a retransmission, and a line in the audit
//! log.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use portvakt::audit::{Attempt, AttemptResult, Audit, AuditEvent, Destination, Nas};
use portvakt::transport::duplicates::{Arrival, Duplicates, Fingerprint, Key};

use crate::at;
use crate::contention::on_all_cores;

pub(crate) fn measure(c: &mut Criterion) {
    duplicates(c);
    audit(c);
}

/// As many exchanges as a busy server remembers.
const REMEMBERED: u64 = 100_000;

/// The exchange of this number: 256 identifiers a port, one port after the other.
fn exchange(number: u64) -> (Key, Fingerprint) {
    let port = u16::try_from(number / 256 % 400).unwrap();
    let key = Key {
        peer: ([127, 0, 0, 1], 20_000 + port).into(),
        local_port: 1812,
        identifier: u8::try_from(number % 256).unwrap(),
    };
    let fingerprint = Fingerprint {
        authenticator: u128::from(number).to_be_bytes(),
        credentials: number,
    };
    (key, fingerprint)
}

fn answer_one(duplicates: &Duplicates, number: u64, now: Instant) {
    let (key, fingerprint) = exchange(number);
    let arrival = duplicates.arrive(key, fingerprint, now);
    assert_eq!(arrival, Arrival::New);
    duplicates.answered(&key, &fingerprint, &Arc::from(&[7; 100][..]));
}

fn duplicates(c: &mut Criterion) {
    let capacity = usize::try_from(REMEMBERED).unwrap();
    let duplicates = Duplicates::new(Duration::from_secs(10), capacity);
    let now = Instant::now();
    (0..REMEMBERED).for_each(|number| answer_one(&duplicates, number, now));
    let number = Cell::new(REMEMBERED);
    c.bench_function("duplicates: a request and its answer", |b| {
        b.iter(|| answer_one(&duplicates, number.replace(number.get() + 1), now));
    });
    let (key, fingerprint) = exchange(number.get() - 1);
    c.bench_function("duplicates: a retransmission", |b| {
        b.iter(|| duplicates.arrive(key, fingerprint, now));
    });
}

/// A log-on by EAP-TTLS, with all that an access point tells.
fn attempt() -> AuditEvent<'static> {
    let now = at(Duration::ZERO).utc;
    AuditEvent::Attempt(Attempt {
        request_time: now,
        response_time: now,
        result: AttemptResult::Accept,
        reason: None,
        detail: None,
        symptom: None,
        outer_identity: Cow::Borrowed("anonymous@campus.example"),
        eap_identity: Some(Cow::Borrowed("anonymous@campus.example")),
        inner_identity: Some(Cow::Borrowed("p000001@campus.example")),
        account: Some("p000001"),
        machine_account: None,
        calling_station_id: Some(Cow::Borrowed("66-77-88-99-AA-BB")),
        calling_station_port: None,
        nas: Nas {
            client: "library",
            client_address: [127, 0, 0, 1].into(),
            nas_identifier: Some(Cow::Borrowed("library-2nd-floor")),
            nas_ip_address: None,
        },
        operator_name: Some(Cow::Borrowed("1campus.example")),
        service: "eduroam",
        method: Some("ttls/pap"),
        tls_version: Some("1.3"),
        cui: None,
        stage: None,
        duration: Duration::from_micros(41_234),
    })
}

/// Lines that the writer can't keep up with are dropped, which is cheaper: now and then it is waited
/// for, outside the measured time. `write` writes so many and says how long it took.
fn in_batches(audit: &Audit, count: u64, write: impl Fn(u64) -> Duration) -> Duration {
    const AT_ONCE: u64 = 4_000;
    let mut spent = Duration::ZERO;
    for done in (0..count).step_by(usize::try_from(AT_ONCE).unwrap()) {
        spent += write(AT_ONCE.min(count - done));
        audit.flush(Duration::from_secs(60)).unwrap();
    }
    assert_eq!(audit.health().dropped, 0);
    spent
}

fn audit(c: &mut Criterion) {
    let folder = tempfile::TempDir::new().unwrap();
    let audit = Audit::start(
        Destination {
            folder: folder.path().to_owned(),
            keep_days: 1,
        },
        None,
    );
    let (audit, event) = (audit.unwrap(), attempt());
    let alone = |count| {
        let began = Instant::now();
        (0..count).for_each(|_| audit.record(&event));
        began.elapsed()
    };
    c.bench_function("audit: a line", |b| {
        b.iter_custom(|count| in_batches(&audit, count, alone));
    });
    let together = |count| on_all_cores(count, |_| || audit.record(&event));
    c.bench_function("audit: a line, on all cores at once", |b| {
        b.iter_custom(|count| in_batches(&audit, count, together));
    });
}
