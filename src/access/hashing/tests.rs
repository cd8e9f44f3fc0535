use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

fn pool(threads: usize, capacity: usize, patience: Duration) -> HashPool {
    HashPool::start(threads, capacity, patience, Box::new(|_| {})).unwrap()
}

/// A job that holds its thread until told to go on.
fn hold(pool: &HashPool, key: &str) -> mpsc::Sender<()> {
    let (go_on, wait) = mpsc::channel();
    let (started, has_started) = mpsc::channel();
    pool.submit(key.into(), move |_| {
        started.send(()).unwrap();
        wait.recv().unwrap();
    });
    has_started.recv().unwrap();
    go_on
}

#[test]
fn one_account_is_checked_one_at_a_time_and_others_meanwhile() {
    let pool = pool(3, 100, Duration::from_secs(60));
    let at_once: Arc<[AtomicUsize; 2]> = Arc::default();
    let (done, results) = mpsc::channel();
    for index in 0..40_usize {
        let (at_once, done) = (Arc::clone(&at_once), done.clone());
        pool.submit(format!("account-{}", index % 2).into(), move |_| {
            let running = at_once[index % 2].fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
            at_once[index % 2].fetch_sub(1, Ordering::SeqCst);
            done.send(running).unwrap();
        });
    }
    assert!(results.iter().take(40).all(|running| running == 0));
}

#[test]
fn a_full_queue_sheds_what_waited_longest_and_calls_every_job_once() {
    let pool = pool(1, 3, Duration::from_secs(60));
    let go_on = hold(&pool, "holder");
    let (done, results) = mpsc::channel();
    for index in 0..5 {
        let done = done.clone();
        pool.submit(format!("account-{index}").into(), move |turn| {
            done.send((index, matches!(turn, Turn::Shed))).unwrap();
        });
    }
    assert_eq!(
        pool.load(),
        Load {
            waiting: 3,
            shed: 2
        }
    );
    go_on.send(()).unwrap();
    let mut all: Vec<_> = results.iter().take(5).collect();
    all.sort_unstable();
    assert_eq!(
        all,
        [(0, true), (1, true), (2, false), (3, false), (4, false)]
    );
}

#[test]
fn a_flood_on_one_account_sheds_its_own_jobs_and_keeps_order() {
    let pool = pool(1, 3, Duration::from_secs(60));
    let go_on = hold(&pool, "victim");
    let (done, results) = mpsc::channel();
    for index in 0..5 {
        let done = done.clone();
        pool.submit("victim".into(), move |turn| {
            done.send((index, matches!(turn, Turn::Shed))).unwrap();
        });
    }
    go_on.send(()).unwrap();
    let all: Vec<_> = results.iter().take(5).collect();
    assert_eq!(
        all,
        [(0, true), (1, true), (2, false), (3, false), (4, false)]
    );
}

#[test]
fn a_job_past_its_deadline_is_shed() {
    let pool = pool(1, 10, Duration::ZERO);
    let go_on = hold_past(&pool);
    let (done, result) = mpsc::channel();
    pool.submit("late".into(), move |turn| {
        done.send(matches!(turn, Turn::Shed)).unwrap();
    });
    go_on();
    assert!(result.recv().unwrap());
    assert_eq!(pool.load().waiting, 0);
}

/// With no patience at all even the holder is shed; it still holds the thread.
fn hold_past(pool: &HashPool) -> impl FnOnce() + use<> {
    let go_on = hold(pool, "holder");
    move || go_on.send(()).unwrap()
}

#[test]
fn closing_sheds_what_waits() {
    let pool = pool(1, 10, Duration::from_secs(60));
    let go_on = hold(&pool, "holder");
    let (done, result) = mpsc::channel();
    for key in ["holder", "other"] {
        let done = done.clone();
        pool.submit(key.into(), move |turn| {
            done.send(matches!(turn, Turn::Shed)).unwrap()
        });
    }
    let closer = std::thread::spawn(move || pool.close());
    go_on.send(()).unwrap();
    closer.join().unwrap();
    // The holder may have let one through before it saw that the pool was closed.
    assert_eq!(result.iter().take(2).count(), 2);
}
