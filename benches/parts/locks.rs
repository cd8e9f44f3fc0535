//! The lock table, with as many records as after a night of guessing.

use std::time::Duration;

use criterion::Criterion;
use portvakt_auth::password::check_chap;
use portvakt_auth::{
    Account, ChapExchange, ChapSecret, Guess, Kind, LockTable, Lockout, Tick, chap,
};

use crate::contention::on_all_cores;
use crate::{at, id};

/// Accounts with a record.
const FAILED_LATELY: usize = 100_000;

/// How an attempt ends.
#[derive(Clone, Copy)]
enum End {
    /// A CHAP response was compared, a quick comparison, and is wrong.
    Failed,
    /// It is right.
    Accepted,
    /// Nothing was compared.
    NotCounted,
}

/// A table, and as many accounts again that it knows nothing of.
struct Hall {
    table: LockTable,
    rules: Lockout,
    now: Tick,
    accounts: Vec<Account>,
    /// The right response, and a wrong one.
    responses: [[u8; 16]; 2],
}

impl Hall {
    fn new() -> Self {
        let hall = Self {
            table: LockTable::new(2 * FAILED_LATELY),
            rules: Lockout::default(),
            now: at(Duration::from_secs(60)).tick,
            accounts: (0..2 * FAILED_LATELY).map(account).collect(),
            responses: [chap::response(&secret(), 1, &[7; 16]), [0; 16]],
        };
        (0..FAILED_LATELY).for_each(|index| hall.attempt(index, End::Failed));
        hall
    }

    /// Reserves one attempt and settles it.
    fn attempt(&self, index: usize, end: End) {
        let account = &self.accounts[index];
        let guess = Guess {
            tag: 1,
            source: 1,
            arrived: self.now,
            refusal_leaves: self.now,
        };
        let admission = self.table.admit(account, guess, &self.rules, self.now);
        let mut admission = admission.unwrap();
        let [right, wrong] = &self.responses;
        let response = match end {
            End::Failed => Some(wrong),
            End::Accepted => Some(right),
            End::NotCounted => None,
        };
        if let Some(response) = response {
            let exchange = ChapExchange {
                identifier: 1,
                challenge: vec![7; 16],
                response: *response,
            };
            let _ = check_chap(account, &exchange, &mut admission);
        }
        let _ = admission.settle(matches!(end, End::Accepted), self.now);
    }

    fn is_locked(&self, index: usize) -> bool {
        self.table
            .locked_until(&self.accounts[index].id, self.now)
            .is_some()
    }
}

fn secret() -> ChapSecret {
    ChapSecret::new(b"paper-tray").unwrap()
}

fn account(index: usize) -> Account {
    let mut account = Account::new(id(index), Kind::Service);
    account.set_legacy_chap_secret(Some(secret()));
    account
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
        b.iter(|| hall.attempt(FAILED_LATELY + next(), End::Accepted));
    });
    let mut next = spread(3);
    c.bench_function("lock: reserve and count nothing, one failure before", |b| {
        b.iter(|| hall.attempt(next(), End::NotCounted));
    });
    let mut next = spread(4);
    c.bench_function("lock: one failure and one success after it", |b| {
        b.iter(|| {
            let index = FAILED_LATELY + next();
            hall.attempt(index, End::Failed);
            hall.attempt(index, End::Accepted);
        });
    });
    c.bench_function("lock: reserve and accept, on all cores at once", |b| {
        b.iter_custom(|count| {
            on_all_cores(count, |thread| {
                let mut next = spread(thread);
                let hall = &hall;
                move || hall.attempt(FAILED_LATELY + next(), End::Accepted)
            })
        });
    });
    c.bench_function(
        "lock: reserve and accept, one account on all cores at once",
        |b| {
            b.iter_custom(|count| {
                on_all_cores(count, |_| {
                    let hall = &hall;
                    move || hall.attempt(FAILED_LATELY, End::Accepted)
                })
            });
        },
    );
}
