//! When messages leave, held against the rule apart from the server's own book-keeping: the first
//! message after a refusing verdict is late, and every other one leaves at once, but for an
//! EAP-Failure that comes before anything was told.

use portvakt_eap::{Leaves, Message, Verdict};

/// Knowledge of a device so far, and the time that each message left.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    owes: bool,
    has_told: bool,
    left: Vec<Leaves>,
    refusals: usize,
}

impl Pace {
    /// Notes a verdict.
    pub fn judged(&mut self, verdict: &Verdict) {
        let is_refusal = !verdict.is_accepting();
        self.owes |= is_refusal;
        self.has_told = false;
        self.refusals += usize::from(is_refusal);
    }

    /// A request is to leave.
    ///
    /// # Panics
    /// If it would leave too early, or without need late.
    pub fn request(&mut self, message: &Message) {
        let due = if self.owes {
            Leaves::Late
        } else {
            Leaves::AtOnce
        };
        self.leave(message, due);
    }

    /// EAP-Failure is to leave.
    ///
    /// # Panics
    /// If it would leave too early, or late a second time.
    pub fn failure(&mut self, message: &Message) {
        let due = match self.has_told {
            true => Leaves::AtOnce,
            false => Leaves::Late,
        };
        self.leave(message, due);
    }

    /// Number of refusing verdicts.
    pub fn refusals(&self) -> usize {
        self.refusals
    }

    /// When each message left, in their order.
    pub fn left(&self) -> &[Leaves] {
        &self.left
    }

    fn leave(&mut self, message: &Message, due: Leaves) {
        let number = self.left.len();
        assert_eq!(message.leaves(), due, "message {number}: {message:?}");
        self.has_told |= std::mem::take(&mut self.owes);
        self.left.push(due);
    }
}
