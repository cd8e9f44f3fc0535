//! The control socket: whose it is, and when it is gone.

use std::os::unix::fs::PermissionsExt as _;

use super::{ANNA, done, failed, log_on};
use crate::common::Setup;

#[test]
fn socket_is_for_its_owner_alone_and_goes_with_the_server() {
    let mut daemon = Setup::new().start();
    let socket = daemon.path("data/control.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    daemon.terminate();
    assert!(!socket.exists());
}

#[test]
fn socket_that_a_killed_server_left_behind_is_no_obstacle() {
    let mut daemon = Setup::new().start();
    daemon.kill();
    assert!(daemon.path("data/control.sock").exists());
    done(&daemon, &["account", "show", "anna"]);
    daemon.restart();
    done(&daemon, &["account", "show", "anna"]);
}

#[test]
fn second_server_on_the_same_data_is_one_sentence() {
    let daemon = Setup::new().start();
    let complaint = failed(&daemon, &["serve"]);
    let said: Vec<_> = complaint
        .lines()
        .filter(|l| l.starts_with("portvakt:"))
        .collect();
    assert_eq!(said.len(), 1, "{complaint}");
    assert!(said[0].contains("in use"), "{complaint}");
    assert!(log_on(&daemon, "anna", ANNA));
}
