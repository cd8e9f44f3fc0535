//! Two servers on one database: what is changed at one is in force at the other.

use crate::cluster::Cluster;
mod outcomes;

use crate::common::{Daemon, eventually, text};
use crate::postgres::{RIGHT, guess, setup};

/// Two servers; the first one has the people.
fn two(url: &str) -> (Daemon, Daemon) {
    let first = setup(url).start();
    (first, setup(url).people("").start())
}

fn act(daemon: &Daemon, words: &[&str], input: &str) {
    let done = daemon.cli_with(&[&["account"], words].concat(), input);
    assert!(done.status.success(), "{}", text(&done));
}

fn becomes(daemon: &Daemon, user: &str, password: &str, is_accepted: bool) {
    let nas = daemon.nas();
    let tried =
        eventually(|| (nas.log_on(user, password).is_accept() == is_accepted).then_some(()));
    assert!(tried.is_some(), "{user} by {password}: not {is_accepted}");
}

#[test]
fn unlock_at_one_server_opens_at_the_other() {
    let cluster = Cluster::start("--fsync=on");
    let (a, b) = two(&cluster.database());
    guess(&b, "anna", 6);
    assert!(b.nas().log_on("anna", RIGHT).is_reject());
    act(&a, &["unlock", "anna"], "");
    becomes(&b, "anna", RIGHT, true);
}

/// Below a lock nothing is told to B's memory: `explain` asks the database.
#[test]
fn failures_at_one_server_are_explained_at_the_other() {
    let cluster = Cluster::start("--fsync=on");
    let (a, b) = two(&cluster.database());
    guess(&a, "kari", 2);
    guess(&b, "kari", 1);
    assert_eq!((a.failures("kari"), b.failures("kari")), (3, 3));
}

/// The password is remembered at B, so that no database is asked.
#[test]
fn lock_at_one_server_stops_a_remembered_password_at_the_other() {
    let cluster = Cluster::start("--fsync=on");
    let (a, b) = two(&cluster.database());
    assert!(b.nas().log_on("anna", RIGHT).is_accept());
    guess(&a, "anna", 6);
    becomes(&b, "anna", RIGHT, false);
}

#[test]
fn suspension_at_one_server_ends_what_is_remembered_at_the_other() {
    let cluster = Cluster::start("--fsync=on");
    let (a, b) = two(&cluster.database());
    assert!(b.nas().log_on("anna", RIGHT).is_accept());
    act(&a, &["suspend", "anna"], "");
    becomes(&b, "anna", RIGHT, false);
    act(&a, &["restore", "anna"], "");
    becomes(&b, "anna", RIGHT, true);
}

#[test]
fn password_changed_at_one_server_is_the_only_one_at_the_other() {
    const NEW: &str = "ketchup-on-the-violin";
    let cluster = Cluster::start("--fsync=on");
    let (a, b) = two(&cluster.database());
    assert!(b.nas().log_on("anna", RIGHT).is_accept());
    act(&a, &["set-password", "anna"], &format!("{NEW}\n"));
    becomes(&b, "anna", RIGHT, false);
    assert!(b.nas().log_on("anna", NEW).is_accept());
    assert_eq!(b.failures("anna"), 0, "an earlier password does not count");
}

/// B knew nobody when it was started.
#[test]
fn account_made_at_one_server_logs_on_at_the_other_until_it_is_removed() {
    let cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    let b = setup(&url).people("").start();
    let a = setup(&url).start();
    becomes(&b, "anna", RIGHT, true);
    act(&a, &["delete", "anna", "--yes"], "");
    becomes(&b, "anna", RIGHT, false);
}
