//! Servers with their accounts and locks in PostgreSQL.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::Cluster;
use crate::common::{Daemon, Setup, eventually, text};

pub(crate) const RIGHT: &str = "correct-horse-battery";
/// The sealing key that both machines have.
const KEY: &str = "c2l4dGVlbiBvY3RldHMgYW5kIHNpeHRlZW4gbW9yZSE=";

/// A server on this database, with a name that no other has.
pub(crate) fn setup(url: &str) -> Setup {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let setup = Setup::new()
        .set("store", "url", &format!("\"{url}\""))
        .set("node", "name", &format!("\"radius-{number}\""))
        .set("accounts", "sealing-key-file", "\"sealing-key\"");
    setup.write("sealing-key", KEY);
    setup
}

pub(crate) fn guess(daemon: &Daemon, user: &str, times: usize) {
    let nas = daemon.nas();
    for guess in 0..times {
        assert!(nas.log_on(user, &format!("wrong-{guess}")).is_reject());
    }
}

#[test]
fn second_server_counts_along_and_goes_on_when_the_first_is_gone() {
    let mut cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    let mut first = setup(&url).start();
    let second = setup(&url).people("").start();
    guess(&first, "anna", 3);
    guess(&second, "anna", 3);
    for daemon in [&first, &second] {
        let right = daemon.nas().log_on("anna", RIGHT);
        assert!(right.is_reject(), "six failures in all");
    }
    guess(&first, "kari", 3);
    first.kill();
    guess(&second, "kari", 1);
    assert_eq!(second.failures("kari"), 4);
    let nas = second.nas();
    assert!(nas.log_on("anna", RIGHT).is_reject(), "the lock holds");
    assert!(nas.log_on("gustav", "visiting-for-a-while").is_accept());

    // The same while the database restarts.
    cluster.crash();
    cluster.restart();
    assert!(nas.log_on("gustav", "visiting-for-a-while").is_accept());
}

/// Without the database no account gets in that would not with it, and no failure is lost.
#[test]
fn lost_database_neither_stops_answers_nor_opens_locks_and_is_caught_up_with() {
    let mut cluster = Cluster::start("--fsync=on");
    let mut daemon = setup(&cluster.database()).start();
    guess(&daemon, "kari", 2);
    cluster.crash();
    guess(&daemon, "anna", 6);
    guess(&daemon, "kari", 1);
    let nas = daemon.nas();
    assert!(nas.log_on("anna", RIGHT).is_reject(), "the lock holds");
    assert!(nas.log_on("gustav", "visiting-for-a-while").is_accept());
    assert_eq!(daemon.metric("portvakt_store_healthy"), 0.0);
    assert_eq!(daemon.health().0, 503);

    cluster.restart();
    let is_healthy = || (daemon.metric("portvakt_store_healthy") == 1.0).then_some(());
    assert!(eventually(is_healthy).is_some());
    daemon.kill();
    daemon.restart();
    assert!(daemon.nas().log_on("anna", RIGHT).is_reject());
    assert_eq!((daemon.failures("anna"), daemon.failures("kari")), (6, 3));
}

#[test]
fn database_that_is_not_there_is_named_at_the_start() {
    let mut setup = setup("postgres://portvakt@%2Fnowhere/portvakt").people("");
    setup.prepare();
    let said = setup.cli(&["serve"]);
    assert!(!said.status.success());
    let said = text(&said);
    assert!(
        said.contains("can't be reached") && said.contains("store.url"),
        "{said}"
    );
}

#[test]
fn everything_is_copied_to_the_database_and_back() {
    let cluster = Cluster::start("--fsync=on");
    let url = cluster.database();
    let mut here = Setup::new().set("accounts", "sealing-key-file", "\"sealing-key\"");
    here.write("sealing-key", KEY);
    here.prepare();
    let mut daemon = here.start();
    guess(&daemon, "anna", 6);
    daemon.kill();

    daemon.change("store", "url", &format!("\"{url}\""));
    daemon.write_config();
    let copied = daemon.cli(&["store", "copy", "--to", "postgres"]);
    assert!(copied.status.success(), "{}", text(&copied));
    let again = daemon.cli(&["store", "copy", "--to", "postgres"]);
    assert!(text(&again).contains("--replace"), "{}", text(&again));
    daemon.restart();
    let nas = daemon.nas();
    assert!(nas.log_on("anna", RIGHT).is_reject(), "the lock came along");
    guess(&daemon, "kari", 3);
    let busy = daemon.cli(&["store", "copy", "--to", "sqlite", "--replace"]);
    assert!(text(&busy).contains("in use by process"), "{}", text(&busy));
    daemon.kill();

    let back = daemon.cli(&["store", "copy", "--to", "sqlite", "--replace"]);
    assert!(back.status.success(), "{}", text(&back));
    drop(cluster);
    daemon.unset("store", "url");
    daemon.write_config();
    daemon.restart();
    assert_eq!((daemon.failures("anna"), daemon.failures("kari")), (6, 3));
    assert!(
        daemon
            .nas()
            .log_on("gustav", "visiting-for-a-while")
            .is_accept()
    );
}
