//! The database is there: six outcomes in all, whoever asks.

use std::sync::Barrier;

use portvakt_auth::SameWrongPassword;

use super::node;
use crate::battery::id;
use crate::battery::taking::{Node, Told};
use crate::database;

/// Two servers on one new database.
fn two() -> (tempfile::TempDir, tempfile::TempDir, [Node; 2]) {
    let (one, other, url) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        database(),
    );
    let nodes = [node(one.path(), &url), node(other.path(), &url)];
    (one, other, nodes)
}

#[test]
fn failures_at_two_servers_add_up_and_lock_at_both() {
    let (_one, _other, [a, b]) = two();
    for tag in 0..3 {
        assert_eq!(a.wrong("anna", tag), Told::Wrong);
        assert_eq!(b.wrong("anna", tag), Told::Wrong);
    }
    assert_eq!((a.failures("anna"), b.failures("anna")), (5, 6));
    // Before an act that cannot be taken back.
    assert!(a.store.is_locked_elsewhere(&id("anna")).unwrap());
    assert!(!a.store.is_locked_elsewhere(&id("bert")).unwrap());
    assert_eq!(a.right("anna"), Told::Locked);
    assert_eq!(b.right("anna"), Told::Locked);
    assert_eq!(a.wrong("anna", 7), Told::Locked);
}

/// 600 threads, half of them at each server, on three accounts.
#[test]
fn six_outcomes_are_told_of_hundreds_of_guesses_at_two_servers() {
    const GUESSES: usize = 600;
    let (_one, _other, nodes) = two();
    let names = ["anna", "bert", "cora"];
    let begin = Barrier::new(GUESSES);
    let told: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..GUESSES)
            .map(|number| {
                let node = &nodes[number % 2];
                let (name, begin) = (names[number % 3], &begin);
                scope.spawn(move || {
                    begin.wait();
                    (name, node.wrong(name, number as u64))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for name in names {
        let of_it = told
            .iter()
            .filter(|(of, told)| (*of, *told) == (name, Told::Wrong));
        assert_eq!(of_it.count(), 6, "{name}");
        for node in &nodes {
            assert_eq!(node.right(name), Told::Locked, "{name}");
        }
    }
}

#[test]
fn right_log_on_at_one_server_forgets_the_failures_of_the_other() {
    let (_one, _other, [a, b]) = two();
    for tag in 0..5 {
        assert_eq!(a.wrong("anna", tag), Told::Wrong);
    }
    assert_eq!(b.right("anna"), Told::Right);
    assert_eq!(a.wrong("anna", 5), Told::Wrong);
    assert_eq!(a.failures("anna"), 1);
}

#[test]
fn unlock_at_one_server_ends_the_lock_in_the_database() {
    let (_one, _other, [a, b]) = two();
    for tag in 0..6 {
        assert_eq!(a.wrong("anna", tag), Told::Wrong);
    }
    let unlocked = b.store.unlock(&b.locks, &id("anna"), b.now()).unwrap();
    assert!(unlocked.was_locked && unlocked.is_durable);
    assert!(
        !b.store
            .unlock(&b.locks, &id("anna"), b.now())
            .unwrap()
            .was_locked
    );
    assert_eq!(b.right("anna"), Told::Right);
}

/// A server's clock, which here is 90 s ahead, and then behind, is not asked.
#[test]
fn server_whose_clock_lies_locks_and_unlocks_like_the_others() {
    for skew_s in [90, -90] {
        let (_one, _other, [mut a, mut b]) = two();
        a.skew_s = skew_s;
        for node in [&mut a, &mut b] {
            node.rules.forget_after = std::time::Duration::from_secs(60);
            node.rules.duration = std::time::Duration::from_secs(60);
        }
        for tag in 0..3 {
            assert_eq!(b.wrong("anna", tag), Told::Wrong);
            assert_eq!(a.wrong("anna", tag), Told::Wrong);
        }
        let until = |node: &Node| node.locks.lock_record(&id("anna")).unwrap().locked_until;
        assert_eq!(b.wrong("anna", 9), Told::Locked);
        let left = |node: &Node| until(node).unwrap().since(node.now().tick).as_secs();
        assert!((50..=60).contains(&left(&a)), "{}", left(&a));
        assert!((50..=60).contains(&left(&b)), "{}", left(&b));
        a.locks.unlock(&id("anna"));
        a.restore();
        assert!((50..=60).contains(&left(&a)), "restored: {}", left(&a));
    }
}

/// A device that repeats a wrong password costs one failure at each server it asks.
#[test]
fn repeated_wrong_password_is_free_once_it_was_taken() {
    let (_one, _other, [mut a, mut b]) = two();
    for node in [&mut a, &mut b] {
        node.rules.same_wrong_password = SameWrongPassword::Once;
    }
    for _ in 0..10 {
        assert_eq!(a.wrong("anna", 1), Told::Wrong);
        assert_eq!(b.wrong("anna", 1), Told::Wrong);
    }
    assert_eq!((a.failures("anna"), b.failures("anna")), (1, 2));
}
