use super::{Bound, Count, Flow, MAX_OCTETS_UNDER_WAY, MAX_UNDER_WAY};
use crate::connection::framing::Fault;

fn unbounded() -> Count {
    let mut count = Count::default();
    count.expect(None);
    count
}

#[test]
fn messages_wait_until_the_reader_has_taken_some() {
    let mut count = unbounded();
    for _ in 0..MAX_UNDER_WAY {
        count.pass(10, 1, true).unwrap();
    }
    assert!(!count.is_full());
    count.pass(10, 1, true).unwrap();
    assert!(count.is_full());
    count.take();
    assert!(!count.is_full());
}

#[test]
fn octets_wait_until_the_reader_has_taken_their_message() {
    let mut count = unbounded();
    count.pass(MAX_OCTETS_UNDER_WAY, 1, true).unwrap();
    assert!(!count.is_full());
    count.pass(100, 1, true).unwrap();
    assert!(count.is_full());
    count.take();
    assert!(!count.is_full());
    assert_eq!(count.under_way, 100);
}

/// Else it would never be whole, and never taken.
#[test]
fn message_that_is_longer_than_the_room_comes_to_its_end() {
    let mut count = unbounded();
    for _ in 0..300 {
        count.pass(16 << 10, 0, false).unwrap();
        assert!(!count.is_full());
    }
    count.pass(10, 1, true).unwrap();
    assert!(count.is_full());
    count.take();
    assert!(!count.is_full());
    assert_eq!((count.under_way, count.parts.len()), (0, 0));
}

#[test]
fn question_frees_what_nobody_has_taken() {
    let mut count = unbounded();
    for _ in 0..2 * MAX_UNDER_WAY {
        count.pass(10, 1, true).unwrap();
    }
    count.ask();
    assert!(!count.is_full());
    assert_eq!(count.under_way, 0);
    count.take();
    assert_eq!(count.taken, count.passed);
}

#[test]
fn octets_that_come_one_by_one_are_counted_together() {
    let mut count = unbounded();
    for _ in 0..100_000 {
        count.pass(1, 0, false).unwrap();
    }
    assert_eq!(count.parts.len(), 1);
}

#[test]
fn more_than_is_expected_is_endless_in_messages_and_in_octets() {
    for bound in [Bound::ONE_ENTRY, Bound::of_everybody(0)] {
        let flow = Flow::default();
        flow.expect(Some(bound));
        assert_eq!(flow.pass(0, bound.messages, true), Ok(()));
        assert_eq!(flow.pass(0, 1, true), Err(Fault::Endless));
        flow.expect(Some(bound));
        assert_eq!(flow.pass(bound.octets, 1, true), Ok(()));
        assert_eq!(flow.pass(1, 0, false), Err(Fault::Endless));
        flow.expect(None);
        assert_eq!(flow.pass(u64::MAX / 4, 1, true), Ok(()));
    }
}

#[test]
fn everybody_may_have_become_four_times_as_many_up_to_five_million() {
    let messages = |known| Bound::of_everybody(known).messages;
    assert_eq!(messages(0), 1_000_000);
    assert_eq!(messages(300_000), 1_200_000);
    assert_eq!(messages(3_000_000), 5_000_000);
    assert_eq!(messages(usize::MAX), 5_000_000);
    assert_eq!(Bound::of_everybody(0).octets, 2_048_000_000);
}
