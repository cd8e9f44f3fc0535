//! The lock table, with as many records as after a night of guessing.

use std::time::Duration;

use criterion::Criterion;
use portvakt_auth::{AccountId, AttemptOutcome, LockTable, Lockout, Tick};

use crate::contention::on_all_cores;
use crate::{at, id};

/// Accounts with a record.
const FAILED_LATELY: usize = 100_000;
const FAILED: AttemptOutcome = AttemptOutcome::Failed { tag: 1 };

/// A table, and as many accounts again that it knows nothing of.
struct Hall {
    table: LockTable,
    rules: Lockout,
    now: Tick,
    ids: Vec<AccountId>,
}

impl Hall {
    fn new() -> Self {
        let hall = Self {
            table: LockTable::new(2 * FAILED_LATELY),
            rules: Lockout::default(),
            now: at(Duration::from_secs(60)).tick,
            ids: (0..2 * FAILED_LATELY).map(id).collect(),
        };
        (0..FAILED_LATELY).for_each(|index| hall.attempt(index, FAILED));
        hall
    }

    /// Reserves one attempt and settles it.
    fn attempt(&self, index: usize, outcome: AttemptOutcome) {
        let admission = self.table.admit(&self.ids[index], &self.rules, self.now);
        let _ = self
            .table
            .settle(admission.unwrap(), outcome, &self.rules, self.now);
    }

    fn is_locked(&self, index: usize) -> bool {
        self.table
            .locked_until(&self.ids[index], self.now)
            .is_some()
    }
}

/// Accounts spread over the table, so that the caches do not flatter it.
fn spread(from: usize) -> impl FnMut() -> usize {
    let mut index = from;
    move || {
        index = (index + 7919) % FAILED_LATELY;
        index
    }
}

pub(crate) fn measure(c: &mut Criterion) {
    let hall = Hall::new();
    let (mut hit, mut miss) = (spread(0), spread(1));
    c.bench_function("lock: look, one failure before", |b| {
        b.iter(|| hall.is_locked(hit()))
    });
    c.bench_function("lock: look, no failure before", |b| {
        b.iter(|| hall.is_locked(FAILED_LATELY + miss()));
    });
    let mut next = spread(2);
    c.bench_function("lock: reserve and accept, no failure before", |b| {
        b.iter(|| hall.attempt(FAILED_LATELY + next(), AttemptOutcome::Accepted));
    });
    let mut next = spread(3);
    c.bench_function("lock: reserve and count nothing, one failure before", |b| {
        b.iter(|| hall.attempt(next(), AttemptOutcome::NotCounted));
    });
    let mut next = spread(4);
    c.bench_function("lock: one failure and one success after it", |b| {
        b.iter(|| {
            let index = FAILED_LATELY + next();
            hall.attempt(index, FAILED);
            hall.attempt(index, AttemptOutcome::Accepted);
        });
    });
    c.bench_function("lock: reserve and accept, on all cores at once", |b| {
        b.iter_custom(|count| {
            on_all_cores(count, |thread| {
                let mut next = spread(thread);
                let hall = &hall;
                move || hall.attempt(FAILED_LATELY + next(), AttemptOutcome::Accepted)
            })
        });
    });
    c.bench_function(
        "lock: reserve and accept, one account on all cores at once",
        |b| {
            b.iter_custom(|count| {
                on_all_cores(count, |_| {
                    let hall = &hall;
                    move || hall.attempt(FAILED_LATELY, AttemptOutcome::Accepted)
                })
            });
        },
    );
}
