//! The database is away: each server goes on alone, and nothing told is lost.

use portvakt_store::StoreError;

use super::node;
use crate::battery::taking::Told;
use crate::battery::{id, wait_until};
use crate::cluster::Cluster;

#[test]
fn failures_told_while_the_database_was_away_are_in_it_afterwards() {
    let mut cluster = Cluster::start("--fsync=on");
    let (one, other, url) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        cluster.database(),
    );
    let [a, b] = [node(one.path(), &url), node(other.path(), &url)];
    assert_eq!(a.wrong("anna", 0), Told::Wrong);
    cluster.crash();
    for tag in 1..3 {
        assert_eq!(a.wrong("anna", tag), Told::Wrong);
        assert_eq!(b.wrong("anna", tag), Told::Wrong);
    }
    assert_eq!(a.right("bert"), Told::Right);
    let health = a.store.health();
    assert!(health.alone_since.is_some() && !health.is_ok());
    assert_eq!(health.journalled, 2);
    assert!(matches!(
        a.store.unlock(&a.locks, &id("anna"), a.now()),
        Err(StoreError::Away { .. })
    ));

    cluster.restart();
    for node in [&a, &b] {
        wait_until("merged", || node.store.health().alone_since.is_none());
        assert_eq!(node.store.health().journalled, 0);
    }
    // One before, two at each while it was away.
    assert_eq!(a.wrong("anna", 9), Told::Wrong);
    assert_eq!(a.failures("anna"), 6);
    assert_eq!(b.right("anna"), Told::Locked);
}

#[test]
fn failures_told_alone_survive_the_end_of_the_process() {
    let mut cluster = Cluster::start("--fsync=on");
    let (dir, url) = (tempfile::tempdir().unwrap(), cluster.database());
    let a = node(dir.path(), &url);
    cluster.crash();
    for tag in 0..6 {
        assert_eq!(a.wrong("anna", tag), Told::Wrong);
    }
    assert_eq!(a.right("anna"), Told::Locked);
    drop(a);
    cluster.restart();
    let a = node(dir.path(), &url);
    assert_eq!(a.right("anna"), Told::Locked);
    assert_eq!(a.failures("anna"), 6);
    assert_eq!(a.store.health().journalled, 0);
    // Once more, and nothing is added.
    drop(a);
    let rows = "SELECT failures FROM locks";
    let name = url.rsplit('/').next().unwrap();
    assert_eq!(cluster.sql(name, rows), "6");
    drop(node(dir.path(), &url));
    assert_eq!(cluster.sql(name, rows), "6");
}

/// Its connections are ended while guesses are under way at two servers.
#[test]
fn told_failures_survive_connections_that_are_cut() {
    let cluster = Cluster::start("--fsync=on");
    let (one, other, url) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        cluster.database(),
    );
    let nodes = [node(one.path(), &url), node(other.path(), &url)];
    let name = url.rsplit('/').next().unwrap();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE application_name = 'portvakt'";
    for account in 0..8 {
        let account = format!("s{account}");
        let begun: Vec<_> = (0..4)
            .map(|tag| nodes[tag % 2].begin(&account, tag as u64, false))
            .collect();
        cluster.sql(name, cut);
        let told = begun.iter().filter(|told| told.recv().is_ok()).count();
        for node in &nodes {
            wait_until("merged", || node.store.health().alone_since.is_none());
        }
        let rows =
            format!("SELECT coalesce(max(failures), 0) FROM locks WHERE account = '{account}'");
        let counted: usize = cluster.sql(name, &rows).parse().unwrap();
        assert!(counted >= told, "{counted} of {told}");
    }
}

/// A stopped database goes on with what it had received after its servers have given up waiting: that
/// counts twice at most, and forgets nothing that came later.
#[test]
fn told_failures_survive_a_database_that_stands_still() {
    let cluster = Cluster::start("--fsync=on");
    let (dir, url) = (tempfile::tempdir().unwrap(), cluster.database());
    let a = node(dir.path(), &url);
    for tag in 0..2 {
        assert_eq!(a.wrong("anna", tag), Told::Wrong);
    }
    cluster.pause();
    let right = a.begin("anna", 0, true);
    assert_eq!(
        right.recv(),
        Ok(Told::Right),
        "memory decides after the deadline"
    );
    assert!(a.store.health().alone_since.is_some());
    for tag in 2..5 {
        assert_eq!(a.wrong("anna", tag), Told::Wrong);
    }
    cluster.resume();
    wait_until("merged", || a.store.health().alone_since.is_none());
    let name = url.rsplit('/').next().unwrap();
    let counted = cluster.sql(name, "SELECT failures FROM locks");
    // The success came too late for the database: two before, three after.
    assert_eq!(counted, "5");
    assert_eq!(a.wrong("anna", 9), Told::Wrong);
    assert_eq!(a.right("anna"), Told::Locked);
}
