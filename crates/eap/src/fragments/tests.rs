//! A message cut by one end is put together again by the other, whatever the sizes.

use super::{Arrived, Fragment, FragmentError, INCOMING_AT_MOST, Incoming, Outgoing, write_start};
use crate::limits::Limits;
use proptest::prelude::*;

/// Sends `message` with a limit of its own for each fragment; returns what arrived.
fn carry(message: &[u8], limits: &[usize]) -> Vec<u8> {
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
    outgoing.queue(message);
    let mut limits = limits.iter().copied().cycle();
    loop {
        let limits = Limits {
            eap_octets: limits.next().unwrap(),
        };
        let fragment = outgoing.next_fragment(limits);
        assert!(5 + fragment.len() <= limits.octets());
        match incoming.accept(Fragment::read(&fragment).unwrap()).unwrap() {
            Arrived::Part => assert!(outgoing.is_pending()),
            Arrived::Message(message) => {
                assert!(!outgoing.is_pending() && !incoming.is_partial());
                return message.into_owned();
            }
            Arrived::Acknowledgement => return Vec::new(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_cut_is_put_together_again(
        message in proptest::collection::vec(any::<u8>(), 0..3000),
        limits in proptest::collection::vec(0_usize..1500, 1..5),
    ) {
        prop_assert_eq!(carry(&message, &limits), message);
    }

    #[test]
    fn no_more_is_kept_than_really_came(
        fragments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
    ) {
        let (mut incoming, mut came) = (Incoming::default(), 0);
        for bytes in &fragments {
            let Ok(fragment) = Fragment::read(bytes) else { continue };
            came += bytes.len();
            if incoming.accept(fragment).is_err() {
                break;
            }
            prop_assert!(incoming.buffer.len() <= came.min(INCOMING_AT_MOST));
            prop_assert!(incoming.buffer.capacity() <= 2 * came + 8);
        }
    }
}

#[test]
fn the_longest_message_is_kept_and_one_octet_more_is_not() {
    let longest = vec![7; INCOMING_AT_MOST];
    assert_eq!(carry(&longest, &[1020]), longest);
    let total = u32::try_from(INCOMING_AT_MOST + 1).unwrap().to_be_bytes();
    let claimed = [&[0xc0], total.as_slice(), &[7]].concat();
    assert_eq!(Fragment::read(&claimed), Err(FragmentError::TooLong));
}

#[test]
fn the_length_is_told_once_and_only_when_there_are_several() {
    let limits = Limits { eap_octets: 60 };
    let mut outgoing = Outgoing::default();
    outgoing.queue(&[7; 54]);
    assert_eq!(outgoing.next_fragment(limits)[0], 0);
    outgoing.queue(&[7; 55]);
    assert_eq!(outgoing.next_fragment(limits)[..6], [0xc0, 0, 0, 0, 55, 7]);
    assert_eq!(outgoing.next_fragment(limits), [0, 7, 7, 7, 7, 7]);
    assert_eq!(
        outgoing.next_fragment(limits),
        [0],
        "nothing left: an acknowledgement"
    );
}

#[test]
fn the_start_says_its_version() {
    assert_eq!(write_start(0), [0x20]);
    assert_eq!(write_start(1), [0x21]);
}
