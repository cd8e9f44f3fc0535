use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

fn pool(threads: usize, capacity: usize, patience: Duration) -> HashPool {
    HashPool::start(threads, capacity, patience, Box::new(|_| {})).unwrap()
}

fn good() -> Priority {
    Priority::Normal
}

fn suspect() -> Priority {
    Priority::Suspect
}

/// Reports under this name how its turn came.
fn report(
    pool: &HashPool,
    key: &str,
    priority: fn() -> Priority,
    done: &mpsc::Sender<(String, bool)>,
) {
    let (done, name) = (done.clone(), key.to_owned());
    pool.submit(key.into(), priority, move |turn| {
        done.send((name, matches!(turn, Turn::Shed))).unwrap();
    });
}

/// A job that holds its thread until told to go on.
fn hold(pool: &HashPool, key: &str) -> mpsc::Sender<()> {
    let (go_on, wait) = mpsc::channel();
    let (started, has_started) = mpsc::channel();
    pool.submit(key.into(), good, move |_| {
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
        pool.submit(format!("account-{}", index % 2).into(), good, move |_| {
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
        pool.submit(format!("account-{index}").into(), good, move |turn| {
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
        pool.submit("victim".into(), good, move |turn| {
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
    pool.submit("late".into(), good, move |turn| {
        done.send(matches!(turn, Turn::Shed)).unwrap();
    });
    go_on();
    assert!(result.recv().unwrap());
    assert_eq!(pool.load().waiting, 0);
}

/// Otherwise suspect jobs would wait for ever behind a rush of others.
#[test]
fn job_past_the_deadline_is_shed_before_the_next_is_hashed() {
    let pool = pool(1, 100, Duration::from_millis(50));
    let go_on = hold(&pool, "holder");
    let (done, results) = mpsc::channel();
    report(&pool, "guess", suspect, &done);
    while pool.suspect_wait() < Duration::from_millis(60) {
        std::thread::yield_now();
    }
    report(&pool, "anna", good, &done);
    go_on.send(()).unwrap();
    let order: Vec<_> = results.iter().take(2).collect();
    assert_eq!(order[0], ("guess".to_owned(), true));
    assert_eq!(order[1].0, "anna");
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
        pool.submit(key.into(), good, move |turn| {
            done.send(matches!(turn, Turn::Shed)).unwrap()
        });
    }
    let closer = std::thread::spawn(move || pool.close());
    go_on.send(()).unwrap();
    closer.join().unwrap();
    // The holder may have let one through before it saw that the pool was closed.
    assert_eq!(result.iter().take(2).count(), 2);
}

#[test]
fn normal_jobs_go_before_suspect_ones_and_suspect_ones_are_shed_first() {
    let pool = pool(1, 5, Duration::from_secs(60));
    let go_on = hold(&pool, "holder");
    let (done, results) = mpsc::channel();
    for name in ["guess-0", "guess-1", "guess-2"] {
        report(&pool, name, suspect, &done);
    }
    for name in ["anna", "kari", "ola"] {
        report(&pool, name, good, &done);
    }
    assert_eq!(pool.load().shed, 1);
    go_on.send(()).unwrap();
    let order: Vec<_> = results.iter().take(6).collect();
    let names: Vec<_> = order.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["guess-0", "anna", "kari", "ola", "guess-1", "guess-2"]
    );
    let shed: Vec<_> = order.iter().map(|(_, shed)| *shed).collect();
    assert_eq!(shed, [true, false, false, false, false, false]);
}

#[test]
fn every_eighth_turn_is_for_suspect_jobs() {
    let pool = pool(1, 100, Duration::from_secs(60));
    let go_on = hold(&pool, "holder");
    let (done, results) = mpsc::channel();
    report(&pool, "mistyped", suspect, &done);
    for index in 0..20 {
        report(&pool, &format!("account-{index}"), good, &done);
    }
    go_on.send(()).unwrap();
    let order: Vec<_> = results.iter().take(21).map(|(name, _)| name).collect();
    assert!(order[..8].contains(&"mistyped".to_owned()), "{order:?}");
}

/// A job that was normal when it came, and whose account failed since then, is suspect.
#[test]
fn priority_is_asked_when_the_job_joins_the_line() {
    let pool = pool(1, 100, Duration::from_secs(60));
    let go_on = hold(&pool, "holder");
    let (done, results) = mpsc::channel();
    let has_failed = Arc::new(AtomicUsize::new(0));
    let priority = |has_failed: &Arc<AtomicUsize>| {
        let has_failed = Arc::clone(has_failed);
        move || match has_failed.load(Ordering::SeqCst) {
            0 => Priority::Normal,
            _ => Priority::Suspect,
        }
    };
    let fails = Arc::clone(&has_failed);
    pool.submit("victim".into(), priority(&has_failed), move |_| {
        fails.store(1, Ordering::SeqCst);
    });
    let told = done.clone();
    pool.submit("victim".into(), priority(&has_failed), move |_| {
        told.send(("victim".to_owned(), false)).unwrap();
    });
    report(&pool, "anna", good, &done);
    report(&pool, "kari", good, &done);
    go_on.send(()).unwrap();
    let order: Vec<_> = results.iter().take(3).map(|(name, _)| name).collect();
    assert_eq!(order, ["anna", "kari", "victim"]);
}

#[test]
fn a_crowd_behind_one_account_gives_way_before_anybody_else() {
    let pool = pool(1, 30, Duration::from_secs(60));
    let go_on = hold(&pool, "holder");
    let (done, results) = mpsc::channel();
    report(&pool, "anna", good, &done);
    for _ in 0..40 {
        report(&pool, "victim", good, &done);
    }
    assert_eq!(
        pool.load(),
        Load {
            waiting: 30,
            shed: 11
        }
    );
    go_on.send(()).unwrap();
    let shed = results.iter().take(41).filter(|(_, shed)| *shed);
    assert!(shed.map(|(name, _)| name).all(|name| name == "victim"));
}

#[test]
fn wait_of_suspect_jobs_is_known_while_one_waits() {
    let pool = pool(1, 10, Duration::from_secs(60));
    assert_eq!(pool.suspect_wait(), Duration::ZERO);
    let go_on = hold(&pool, "holder");
    let (done, results) = mpsc::channel();
    report(&pool, "anna", good, &done);
    assert_eq!(pool.suspect_wait(), Duration::ZERO);
    report(&pool, "guess", suspect, &done);
    std::thread::sleep(Duration::from_millis(2));
    assert!(pool.suspect_wait() > Duration::ZERO);
    go_on.send(()).unwrap();
    assert_eq!(results.iter().take(2).count(), 2);
    assert_eq!(pool.suspect_wait(), Duration::ZERO);
}

/// On Linux each thread has a niceness of its own.
#[test]
fn hashing_runs_at_a_lower_priority_than_this_thread() {
    let pool = pool(1, 10, Duration::from_secs(60));
    let (done, result) = mpsc::channel();
    pool.submit("anna".into(), good, move |_| {
        done.send(rustix::process::getpriority_process(None))
            .unwrap();
    });
    let here = rustix::process::getpriority_process(None).unwrap();
    assert_eq!(result.recv().unwrap().unwrap(), (here + NICER_BY).min(19));
}
