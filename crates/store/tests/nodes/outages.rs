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
