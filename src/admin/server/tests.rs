//! Requests without end, and clients without a request.

use super::*;

fn ends(mut stream: UnixStream) -> bool {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).is_ok() && rest.is_empty()
}

#[test]
fn half_a_request_is_cut_off_at_its_deadline() {
    let patience = Duration::from_millis(20);
    for octets in [&b""[..], b"{\"act\":\"list\""] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(octets).unwrap();
        let mut reader = BufReader::new(&theirs);
        let error = read_request(&mut reader, patience).unwrap_err();
        let kinds = [io::ErrorKind::TimedOut, io::ErrorKind::WouldBlock];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
}

#[test]
fn requests_are_read_one_by_one_and_what_follows_stays() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    ours.write_all(b"one\ntwo\nbody").unwrap();
    let mut reader = BufReader::new(&theirs);
    for expected in [&b"one\n"[..], b"two\n"] {
        let line = read_request(&mut reader, Duration::from_secs(600)).unwrap();
        assert_eq!(*line, expected);
    }
    assert_eq!(reader.buffer(), b"body");
    drop(ours);
}

#[test]
fn a_request_without_end_is_not_read_to_its_end() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let sent = std::thread::spawn(move || while ours.write_all(&[b'x'; 1000]).is_ok() {});
    let error = read_request(&mut BufReader::new(&theirs), Duration::from_secs(600)).unwrap_err();
    assert_eq!(error.to_string(), "the request is too long");
    drop(theirs);
    sent.join().unwrap();
}

#[test]
fn callers_beyond_the_bound_are_dropped_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let room = Room::holding(AT_ONCE);
    let (keep, kept) = std::sync::mpsc::channel();
    let serve = move |stream, place| keep.send((stream, place)).unwrap();
    let acceptor = Acceptor::start("control", bind_private(&path).unwrap(), room, serve).unwrap();
    let connect = || UnixStream::connect(&path).unwrap();
    let callers: Vec<_> = (0..AT_ONCE).map(|_| connect()).collect();
    assert!(ends(connect()));
    drop(kept);
    assert!(callers.into_iter().all(ends));
    drop(acceptor);
}
