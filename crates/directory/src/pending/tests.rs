//! Questions that are lost, and questions that are answered elsewhere.

use super::*;

#[expect(
    clippy::disallowed_methods,
    reason = "a moment is had from a clock alone"
)]
fn began() -> Instant {
    Instant::now()
}

#[test]
fn question_that_is_dropped_is_answered_all_the_same() {
    let lost = PendingLookup::new(|_, reply| drop(reply)).wait(began());
    assert!(matches!(lost, Err(FindError::Unavailable(_))), "{lost:?}");
}

#[test]
fn answer_comes_from_whatever_thread_has_it() {
    let ask = PendingLookup::new(|_, reply| {
        std::thread::spawn(move || reply.send(Ok(None)));
    });
    assert_eq!(ask.wait(began()), Ok(None));
}
