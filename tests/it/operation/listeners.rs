//! Strangers at the sockets that accept.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::{ANNA, log_on};
use crate::common::{Setup, eventually, text};

/// Whether the server has ended a connection.
fn is_over(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0; 16]);
    read.map_or_else(
        |error| error.kind() != std::io::ErrorKind::WouldBlock,
        |octets| octets == 0,
    )
}

#[test]
fn idle_connections_to_the_pages_take_neither_descriptors_nor_the_scrape() {
    let daemon = Setup::new().start();
    let connect = |_| {
        let mut stream = TcpStream::connect(daemon.metrics_address()).unwrap();
        let half = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX";
        // A connection that was dropped already says so here or later.
        let _ = stream.write_all(half);
        stream
    };
    let mut idle: Vec<_> = (0..300).map(connect).collect();
    let only_a_few_stay = || {
        idle.retain_mut(|stream| !is_over(stream));
        (idle.len() <= 16).then_some(())
    };
    eventually(only_a_few_stay).expect("the others are dropped");
    assert_eq!(daemon.health().0, 200);
    assert!(log_on(&daemon, "anna", ANNA));
}

#[test]
fn idle_callers_of_the_control_socket_leave_after_a_few_seconds() {
    let daemon = Setup::new().start();
    let connect = |_| UnixStream::connect(daemon.path("data/control.sock"));
    let idle: Vec<_> = (0..200).map_while(|number| connect(number).ok()).collect();
    assert_eq!(idle.len(), 200);
    let shown = || {
        let output = daemon.cli(&["account", "show", "anna"]);
        output.status.success().then(|| text(&output))
    };
    assert!(eventually(shown).is_some());
}
