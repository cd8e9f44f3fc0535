//! Fragments that a network or an attacker has been at (E2): the conversation ends, nothing else does.

use crate::common::Setup;

const USER: (&str, &str) = ("anna", "correct-horse-battery");
/// Where a response has its flags, and where TLS begins.
const FLAGS: usize = 5;
/// Responses of a log-on after the identity.
const STEPS: usize = 4;

type Alteration = fn(&mut Vec<u8>);

fn claim_ten_kilobytes(response: &mut Vec<u8>) {
    response[FLAGS] = 0xc0;
    response.splice(FLAGS + 1..FLAGS + 1, 10_000_u32.to_be_bytes());
    set_length(response);
}

fn claim_four_gigabytes(response: &mut Vec<u8>) {
    claim_ten_kilobytes(response);
    response[FLAGS + 1..FLAGS + 5].fill(0xff);
}

fn turn_a_bit(response: &mut [u8]) {
    let last = response.len() - 1;
    response[last] ^= 0x10;
}

fn cut_in_half(response: &mut Vec<u8>) {
    response.truncate(FLAGS + 1 + (response.len() - FLAGS - 1) / 2);
    set_length(response);
}

fn double(response: &mut Vec<u8>) {
    response.extend_from_within(FLAGS + 1..);
    set_length(response);
}

fn set_length(response: &mut [u8]) {
    let length = u16::try_from(response.len()).unwrap();
    response[2..4].copy_from_slice(&length.to_be_bytes());
}

#[test]
fn altered_fragments_end_their_conversation_and_count_nothing() {
    let daemon = Setup::new().set("lockout", "attempts", "1").start();
    let nas = daemon.nas();
    let alterations: [Alteration; 5] = [
        claim_ten_kilobytes,
        claim_four_gigabytes,
        |response| turn_a_bit(response),
        cut_in_half,
        double,
    ];
    for step in 0..STEPS {
        for (which, alter) in alterations.iter().enumerate() {
            let mut device = daemon.device(&nas, USER.0, USER.1);
            for _ in 0..=step {
                assert!(device.step().value(crate::nas::kind::STATE).is_some());
            }
            // An acknowledgement holds nothing that could be altered but its flags.
            if device.response.len() <= FLAGS + 1 {
                continue;
            }
            alter(&mut device.response);
            let end = device.finish();
            assert!(end.is_reject(), "step {step}, alteration {which}");
        }
    }
    assert_eq!(daemon.failures(USER.0), 0);
    let mut device = daemon.device(&nas, USER.0, USER.1);
    assert!(device.finish().is_accept());
}
