//! Passwords: the hash, what is remembered of one that was right, and the decision.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use portvakt_auth::password::{self, Argon2Cost};
use portvakt_auth::{
    Account, Admission, Checked, Guess, HashMemory, Kind, LockTable, Lockout, Now, Password,
    PasswordHash, PasswordKind, Recalled, RememberedProofs, Rules, Subject, decide,
};

use crate::contention::on_all_cores;
use crate::{at, id};

const PASSWORD: &[u8] = b"correct horse battery staple";

fn account(scratch: &mut HashMemory) -> Account {
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

/// Leave to compare.
fn admit(table: &LockTable, account: &Account, now: Now) -> Admission {
    let guess = Guess {
        tag: 1,
        source: 1,
        arrived: now.tick,
        refusal_leaves: now.tick,
    };
    let admission = table.admit(account, guess, &Lockout::default(), now.tick);
    admission.unwrap()
}

pub(crate) fn measure(c: &mut Criterion) {
    let mut scratch = HashMemory::new();
    let account = account(&mut scratch);
    let (table, now) = (LockTable::new(1000), at(Duration::from_secs(60)));
    let mut leave = admit(&table, &account, now);
    let mut check = || password::check(&account, PASSWORD, &mut scratch, &mut leave).unwrap();
    let Checked::Proven(proof) = check() else {
        panic!("the password is right");
    };
    c.bench_function("check a password: Argon2id, 19 MiB, 2 passes", |b| {
        b.iter(&mut check);
    });
    let proofs = RememberedProofs::new(&[5; 32], 1000, Duration::from_secs(3600));
    let right = proofs.digest(&account, PASSWORD);
    let proven = proofs.prepare(&account, &right, &proof, now);
    proofs.remember(proven.unwrap());
    let recall_in = |table: &LockTable, account: &Account, password: &[u8]| {
        let digest = proofs.digest(account, black_box(password));
        let mut leave = admit(table, account, now);
        let recalled = proofs.recall(account, &digest, now, &mut leave);
        let _ = leave.settle(true, now.tick);
        recalled
    };
    let recall = || match recall_in(&table, &account, PASSWORD) {
        Recalled::Right(proof) => proof,
        _ => panic!("the password is right"),
    };
    c.bench_function("remembered proof: the same password", |b| b.iter(recall));
    let stranger = Account::new(id(2), Kind::Employee);
    c.bench_function("remembered proof: none of this account", |b| {
        b.iter(|| recall_in(&table, &stranger, PASSWORD));
    });
    c.bench_function("remembered proof: one account on all cores at once", |b| {
        b.iter_custom(|count| on_all_cores(count, |_| || drop(black_box(recall()))));
    });
    let rules = Rules::default();
    let decide = |proof| {
        decide(
            Subject::without_registry(&account),
            proof,
            "eduroam",
            &rules,
            now,
        )
        .unwrap()
    };
    c.bench_function("decide", |b| {
        b.iter_batched(recall, decide, BatchSize::SmallInput);
    });
}
