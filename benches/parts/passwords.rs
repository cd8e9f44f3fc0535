//! Passwords: the hash, what is remembered of one that was right, and the decision.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use portvakt_auth::password::{self, Argon2Cost};
use portvakt_auth::{
    Account, Checked, Kind, Password, PasswordHash, PasswordKind, RememberedProofs, Rules, Scratch,
    decide,
};

use crate::contention::on_all_cores;
use crate::{at, id};

const PASSWORD: &[u8] = b"correct horse battery staple";

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

pub(crate) fn measure(c: &mut Criterion) {
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
    c.bench_function("remembered proof: the same password", |b| b.iter(recall));
    c.bench_function("remembered proof: another password", |b| {
        b.iter(|| proofs.recall(&account, black_box(b"correct horse battery stable"), now));
    });
    let stranger = Account::new(id(2), Kind::Employee);
    c.bench_function("remembered proof: none of this account", |b| {
        b.iter(|| proofs.recall(&stranger, black_box(PASSWORD), now));
    });
    c.bench_function("remembered proof: one account on all cores at once", |b| {
        b.iter_custom(|count| on_all_cores(count, |_| || drop(black_box(recall()))));
    });
    let rules = Rules::default();
    let decide = |proof| decide(&account, proof, "eduroam", &rules, now).unwrap();
    c.bench_function("decide", |b| {
        b.iter_batched(recall, decide, BatchSize::SmallInput);
    });
}
