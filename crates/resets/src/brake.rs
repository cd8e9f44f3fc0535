//! A brake on guessing PINs across all accounts: somebody who tries 1234 everywhere stays under the five
//! tries of each.

use std::collections::VecDeque;
use std::time::Duration;

use portvakt_auth::Tick;

/// Wrong PINs within [`WINDOW`], in all, from which on none is compared.
const MOST: usize = 20;
/// The window.
const WINDOW: Duration = Duration::from_secs(60);

/// Wrong PINs of the last minute.
#[derive(Debug, Default)]
pub struct PinBrake(VecDeque<Tick>);

impl PinBrake {
    /// Whether no PIN is to be compared at this moment.
    pub fn is_on(&self, now: Tick) -> bool {
        let lately = self.0.iter().filter(|at| now.since(**at) < WINDOW);
        lately.count() >= MOST
    }

    /// Notes a wrong PIN; true if the brake goes on with it.
    pub fn note_wrong(&mut self, now: Tick) -> bool {
        let was_on = self.is_on(now);
        self.0.push_back(now);
        if self.0.len() > MOST {
            self.0.pop_front();
        }
        !was_on && self.is_on(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brake_goes_on_with_the_twentieth_wrong_pin_of_a_minute() {
        let at = |seconds| Tick::after_start(Duration::from_secs(seconds));
        let mut brake = PinBrake::default();
        let noted: Vec<_> = (0..25).map(|second| brake.note_wrong(at(second))).collect();
        let went_on = noted.iter().position(|on| *on);
        assert_eq!(
            (went_on, noted.iter().filter(|on| **on).count()),
            (Some(19), 1)
        );
        assert!(brake.is_on(at(64)));
        // The twenty newest are of seconds 5 to 24.
        assert!(!brake.is_on(at(65)));
    }
}
