//! State: bound to its client, good for one step, gone in time (E3); and what does not belong to a
//! conversation leaves it alone (E1).

use crate::common::Setup;
use crate::nas::{Nas, Reply, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");

/// The rest of somebody's request under a State that is not theirs.
fn ask_with_state(nas: &Nas, state: &[u8], response: &[u8]) -> Reply {
    let request = nas.access_request().user("anonymous@campus.example");
    nas.ask(&request.eap(response).with(kind::STATE, state))
}

fn assert_refused(reply: &Reply) {
    assert!(reply.is_reject());
    assert_eq!(reply.eap().unwrap()[0], 4, "EAP-Failure");
}

/// E3.
#[test]
fn a_foreign_state_is_refused_and_its_owner_goes_on() {
    let daemon = Setup::new()
        .without_clients()
        .client("mine", "127.0.0.1", "")
        .client("theirs", "127.0.0.2", "")
        .start();
    let (nas, thief) = (daemon.nas(), daemon.nas_at("127.0.0.2"));
    let mut device = daemon.device(&nas, USER.0, USER.1);
    loop {
        let reply = device.step();
        if reply.is_accept() {
            break;
        }
        let state = device.state.clone().unwrap();
        assert_refused(&ask_with_state(&thief, &state, &device.response));
    }
}

/// E3: each State is another one and works once.
#[test]
fn a_replayed_state_is_refused_and_its_owner_goes_on() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    let mut used: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    loop {
        let sent = device
            .state
            .clone()
            .map(|state| (state, device.response.clone()));
        let reply = device.step();
        used.extend(sent);
        for (state, response) in &used {
            assert_refused(&ask_with_state(&nas, state, response));
        }
        if reply.is_accept() {
            break;
        }
    }
    used.sort();
    used.dedup_by(|one, other| one.0 == other.0);
    assert_eq!(used.len() + 1, device.round_trips, "no State twice");
    assert!(used.iter().all(|(state, _)| state.len() >= 16));
}

/// E3.
#[test]
fn a_state_that_nobody_gave_out_is_refused() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    let state = device.state.clone().unwrap();
    let mut altered = state.clone();
    altered[15] ^= 1;
    let longer = [state.as_slice(), b"x"].concat();
    for made_up in [&altered[..], &longer, &state[..15], b"", &[0; 253]] {
        assert_refused(&ask_with_state(&nas, made_up, &device.response));
    }
    assert!(device.finish().is_accept());
}

/// E3, E10: nobody came back in time, which is told, and counts nothing.
#[test]
fn an_expired_state_is_refused() {
    let daemon = Setup::new()
        .set("radius", "conversation-timeout", "\"5s\"")
        .start();
    let nas = daemon.nas();
    let mut device = daemon.device(&nas, USER.0, USER.1);
    device.step();
    device.step();
    let gave_up = daemon.wait_for_audit(1, |line| line["result"] == "gave-up");
    assert!(gave_up[0]["stage"].is_string(), "{}", gave_up[0]);
    assert_refused(&device.step());
    assert_eq!(daemon.failures(USER.0), 0);
}

/// E1: the response to another request is nobody's business; nor does a wrong one of the owner's
/// own cost the conversation.
#[test]
fn a_response_with_a_wrong_identifier_is_not_taken() {
    let daemon = Setup::new().start();
    let nas = daemon.nas();
    for wrong in [1, u8::MAX] {
        let mut device = daemon.device(&nas, USER.0, USER.1);
        loop {
            if device.state.is_some() {
                let right = device.response[1];
                device.response[1] = right.wrapping_add(wrong);
                let again = nas.ask(&device.request());
                assert_eq!(again.eap().unwrap()[1], right, "the last request again");
                device.state = again.value(kind::STATE);
                device.response[1] = right;
            }
            if device.step().is_accept() {
                break;
            }
        }
    }
}
