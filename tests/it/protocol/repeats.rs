//! A NAS that sends its request again under another RADIUS identifier: the same answer, and nothing
//! counts twice.

use crate::common::{Daemon, Setup};
use crate::nas::{EapSession, Nas, PATIENCE, Reply, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");

/// Another datagram each time, with the same EAP packet and State in it.
fn ask_twice(nas: &Nas, device: &EapSession<'_>) -> [Reply; 2] {
    let replies = [nas.ask(&device.request()), nas.ask(&device.request())];
    let [first, second] = &replies;
    assert_eq!(first.code(), second.code());
    assert_eq!(first.eap(), second.eap());
    assert_eq!(first.value(kind::STATE), second.value(kind::STATE));
    replies
}

fn duplicates(daemon: &Daemon) -> f64 {
    daemon.metric("portvakt_requests_total{client=\"test\",result=\"duplicate\"}")
}

/// At every step, the last one included: both ends hold the same keys whichever copy arrives.
#[test]
fn repeated_request_gets_the_same_answer_under_its_own_identifier() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let mut repeated = 0.0;
    loop {
        let [first, second] = ask_twice(&nas, &device);
        repeated += 1.0;
        device.take(&first);
        if first.is_accept() {
            let keys = second.mppe_keys().unwrap();
            let msk = device.supplicant.msk().unwrap();
            assert_eq!([keys.receive, keys.send].concat(), msk);
            break;
        }
    }
    assert_eq!(daemon.attempts(1).len(), 1, "one log-on");
    assert_eq!(duplicates(&daemon), repeated);
}

/// However early the copy comes: while the password is checked, or while its refusal waits.
#[test]
fn repeated_guess_is_one_failure_and_one_line() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, "wrong");
    device.step();
    loop {
        let copies = [device.request().octets(), device.request().octets()];
        copies.iter().for_each(|octets| nas.send(octets));
        let replies = [(); 2].map(|()| {
            let octets = nas.receive(PATIENCE).expect("an answer to each");
            let asked = copies.iter().find(|asked| asked[1] == octets[1]).unwrap();
            Reply::read(&octets, asked, nas.secret())
        });
        let [first, second] = &replies;
        assert_eq!(first.eap(), second.eap());
        if first.is_reject() {
            break;
        }
        device.take(first);
    }
    assert_eq!(daemon.failures(USER.0), 1);
    assert_eq!(daemon.attempts(1).len(), 1);
}

/// Five times; then it is refused, and the conversation still waits for its next packet.
#[test]
fn request_that_comes_again_and_again_is_refused_in_the_end() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let first = nas.ask(&device.request());
    for _ in 0..5 {
        assert_eq!(nas.ask(&device.request()).eap(), first.eap());
    }
    assert!(nas.ask(&device.request()).is_reject());
    device.take(&first);
    assert!(device.finish().is_accept());
}

/// E3: the State of a request that was answered is good for that request alone.
#[test]
fn used_state_is_good_for_nothing_but_the_same_request_of_the_same_device() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let request = device.request();
    let first = nas.ask(&request);
    let mut other = daemon
        .device(&nas, USER.0, USER.1)
        .of_station("02-00-00-00-00-02");
    other.state.clone_from(&device.state);
    other.response.clone_from(&device.response);
    assert!(nas.ask(&other.request()).is_reject());
    let right = device.response.clone();
    *device.response.last_mut().unwrap() ^= 1;
    assert!(nas.ask(&device.request()).is_reject());
    device.response = right;
    device.take(&first);
    assert!(device.finish().is_accept());
}
