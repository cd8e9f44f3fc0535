//! What the parts of a log-on cost, each by itself. `cargo bench --bench parts`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use portvakt_auth::password::{self, Argon2Cost};
use portvakt_auth::{
    Account, AccountId, AttemptOutcome, Checked, Kind, LockTable, Lockout, Now, Password,
    PasswordHash, PasswordKind, RememberedProofs, Rules, Scratch, Tick, decide,
};
use portvakt_radius::MessageAuthenticatorPolicy::Required;
use portvakt_radius::{AttributeType, Packet, Reply, RequestWriter, SharedSecret, VerifiedRequest};

const PASSWORD: &[u8] = b"correct horse battery staple";
/// Accounts with a record in the lock table, as after a night of guessing.
const FAILED_LATELY: usize = 100_000;

fn secret() -> SharedSecret {
    SharedSecret::new(b"sixteen octets or more").unwrap()
}

/// As an access point sends in the middle of a conversation: 15 attributes, 100 octets of EAP.
fn request() -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut writer = RequestWriter::access_request(7, [3; 16], &mut buffer).unwrap();
    let texts = [
        (AttributeType::USER_NAME, "anonymous@campus.example"),
        (
            AttributeType::CALLED_STATION_ID,
            "00-11-22-33-44-55:eduroam",
        ),
        (AttributeType::CALLING_STATION_ID, "66-77-88-99-AA-BB"),
        (AttributeType::NAS_IDENTIFIER, "library-2nd-floor"),
        (AttributeType::OPERATOR_NAME, "1campus.example"),
        (AttributeType::STATE, "sixteen octets.."),
        (AttributeType::PROXY_STATE, "hop 2"),
        (AttributeType::PROXY_STATE, "hop 1"),
    ];
    for (kind, text) in texts {
        writer.push(kind, text.as_bytes()).unwrap();
    }
    for kind in [
        AttributeType::NAS_PORT,
        AttributeType::NAS_PORT_TYPE,
        AttributeType::FRAMED_MTU,
        AttributeType::SERVICE_TYPE,
        AttributeType::NAS_IP_ADDRESS,
    ] {
        writer.push_integer(kind, 1400).unwrap();
    }
    writer.push_eap_message(&[0x15; 100]).unwrap();
    writer.finish(&secret()).unwrap().to_vec()
}

fn requests(c: &mut Criterion) {
    let (secret, octets) = (secret(), request());
    c.bench_function("parse", |b| b.iter(|| Packet::parse(black_box(&octets))));
    c.bench_function("parse and verify", |b| {
        b.iter(|| {
            let packet = Packet::parse(black_box(&octets)).unwrap();
            VerifiedRequest::verify(packet, &secret, Required).unwrap();
        });
    });
}

fn replies(c: &mut Criterion) {
    let (secret, octets) = (secret(), request());
    let packet = Packet::parse(&octets).unwrap();
    let verified = VerifiedRequest::verify(packet, &secret, Required).unwrap();
    let context = verified.reply_context();
    let mut buffer = [0; 4096];
    c.bench_function("write and sign a challenge of 1000 octets", |b| {
        b.iter(|| {
            let mut reply = Reply::challenge(&context, &mut buffer).unwrap();
            reply.push_eap_message(black_box(&[0x15; 1000])).unwrap();
            reply.push(AttributeType::STATE, &[9; 16]).unwrap();
            black_box(reply.finish(&secret).unwrap());
        });
    });
    c.bench_function("write and sign an accept with keys", |b| {
        b.iter(|| {
            let mut reply = Reply::accept(&context, &mut buffer).unwrap();
            reply.push_eap_message(&[3, 7, 0, 4]).unwrap();
            let keys = black_box(&[7; 64]);
            reply.push_mppe_keys(&secret, keys, [1, 2]).unwrap();
            black_box(reply.finish(&secret).unwrap());
        });
    });
}

fn at(elapsed: Duration) -> Now {
    Now {
        tick: Tick::after_start(elapsed),
        utc: "2026-10-01T12:00:00Z".parse::<Timestamp>().unwrap(),
    }
}

fn id(index: usize) -> AccountId {
    AccountId::new(&format!("p{index:06}")).unwrap()
}

/// Names spread over the table, so that the caches do not flatter it.
fn spread() -> impl FnMut() -> usize {
    let mut index = 0;
    move || {
        index = (index + 7919) % FAILED_LATELY;
        index
    }
}

fn locks(c: &mut Criterion) {
    let (table, rules) = (LockTable::new(2 * FAILED_LATELY), Lockout::default());
    let now = at(Duration::from_secs(60)).tick;
    let ids: Vec<_> = (0..2 * FAILED_LATELY).map(id).collect();
    let attempt = |id: &AccountId, outcome| {
        let admission = table.admit(id, &rules, now).unwrap();
        table.settle(admission, outcome, &rules, now)
    };
    const FAILED: AttemptOutcome = AttemptOutcome::Failed { tag: 1 };
    for id in &ids[..FAILED_LATELY] {
        let _ = attempt(id, FAILED);
    }
    let mut next = spread();
    c.bench_function("lock: admit and accept, no failure before", |b| {
        b.iter(|| attempt(&ids[FAILED_LATELY + next()], AttemptOutcome::Accepted));
    });
    let mut next = spread();
    c.bench_function("lock: admit and count nothing, one failure before", |b| {
        b.iter(|| attempt(&ids[next()], AttemptOutcome::NotCounted));
    });
    let mut next = spread();
    c.bench_function("lock: one failure and one success after it", |b| {
        b.iter(|| {
            let id = &ids[FAILED_LATELY + next()];
            let _ = attempt(id, FAILED);
            attempt(id, AttemptOutcome::Accepted)
        });
    });
}

fn account(scratch: &mut Scratch) -> Account {
    let cost = Argon2Cost::default();
    let hash = PasswordHash::hash_new(PASSWORD, [5; 16], cost, scratch).unwrap();
    let mut account = Account::new(id(1), Kind::Employee);
    account.set_password(Password {
        hash,
        changed_at: at(Duration::ZERO).utc,
        kind: PasswordKind::Permanent,
    });
    account
}

fn proofs(c: &mut Criterion) {
    let mut scratch = Scratch::new();
    let account = account(&mut scratch);
    let mut check = || password::check(&account, PASSWORD, &mut scratch).unwrap();
    let Checked::Proven(proof) = check() else {
        panic!("the password is right");
    };
    c.bench_function("check a password: Argon2id, 19 MiB, 2 passes", |b| {
        b.iter(&mut check);
    });
    let proofs = RememberedProofs::new(&[5; 32], 1000, Duration::from_secs(3600));
    let now = at(Duration::from_secs(60));
    proofs.remember(&account, PASSWORD, &proof, now);
    let recall = || proofs.recall(&account, black_box(PASSWORD), now).unwrap();
    c.bench_function("recall a proof", |b| b.iter(recall));
    let rules = Rules::default();
    let decide = |proof| decide(&account, proof, "eduroam", &rules, now).unwrap();
    c.bench_function("decide", |b| {
        b.iter_batched(recall, decide, BatchSize::SmallInput);
    });
}

criterion_group!(parts, requests, replies, locks, proofs);
criterion_main!(parts);
