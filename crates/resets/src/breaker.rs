//! Stops sending while the gateway is out of order.
//!
//! ```text
//!            five failures in a row               credentials, no credit, fraud
//!  Closed ───────────────────────────> Paused        Closed ──────────────────> Stopped
//!    ^  one message goes through          │ a minute, doubled up to 15            │
//!    └────────────────────────────────────┘ then one message is tried             │
//!    ^ reload of the configuration, or the operator's act                         │
//!    └────────────────────────────────────────────────────────────────────────────┘
//! ```

use std::time::Duration;

use portvakt_auth::Tick;

use crate::delivery::{DeliveryFault, Outcome};

/// Failures in a row after which sending pauses.
const FAILURES: u8 = 5;
/// The first pause, and the longest.
const PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Whether messages may be handed to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// They may.
    Closed,
    /// Not before this moment; then one is tried.
    Paused(Tick),
    /// Not until an operator has looked.
    Stopped(DeliveryFault),
}

/// The breaker of one gateway.
#[derive(Debug)]
pub struct Breaker {
    state: BreakerState,
    failures: u8,
    pause: Duration,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker {
            state: BreakerState::Closed,
            failures: 0,
            pause: PAUSE,
        }
    }
}

impl Breaker {
    /// Its state.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether a message may be handed over at this moment.
    pub fn allows(&self, now: Tick) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Paused(until) => now >= until,
            BreakerState::Stopped(_) => false,
        }
    }

    /// Notes the outcome of a message; true if the state is another one then.
    pub fn note(&mut self, outcome: &Outcome, now: Tick) -> bool {
        let before = self.state;
        match outcome {
            Outcome::HandedOver(_) => *self = Breaker::default(),
            Outcome::Refused(fault) if fault.stops_the_gateway() => {
                self.state = BreakerState::Stopped(*fault);
            }
            // Of this message alone: the gateway works.
            Outcome::Refused(DeliveryFault::NumberInvalid | DeliveryFault::Blocked) => {}
            Outcome::Refused(_) | Outcome::Unknown => self.note_failure(now),
        }
        self.state != before
    }

    fn note_failure(&mut self, now: Tick) {
        self.failures = self.failures.saturating_add(1);
        if let BreakerState::Paused(_) = self.state {
            self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
            self.state = BreakerState::Paused(now.plus(self.pause));
        } else if self.failures >= FAILURES {
            self.state = BreakerState::Paused(now.plus(self.pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::after_start(Duration::from_secs(seconds))
    }

    const DOWN: Outcome = Outcome::Refused(DeliveryFault::Transient);

    #[test]
    fn five_failures_in_a_row_pause_it_and_one_message_is_tried_then() {
        let mut breaker = Breaker::default();
        for second in 0..4 {
            assert!(!breaker.note(&DOWN, at(second)));
            assert!(breaker.allows(at(second)));
        }
        assert!(breaker.note(&Outcome::Unknown, at(4)));
        assert!(!breaker.allows(at(63)));
        assert!(breaker.allows(at(64)));
        breaker.note(&DOWN, at(64));
        assert!(!breaker.allows(at(64 + 119)));
        assert!(breaker.allows(at(64 + 120)));
        assert!(breaker.note(&Outcome::HandedOver(None), at(200)));
        assert_eq!(breaker.state(), BreakerState::Closed);
        breaker.note(&DOWN, at(201));
        assert!(breaker.allows(at(201)));
    }

    #[test]
    fn pause_is_doubled_up_to_a_quarter_of_an_hour() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker.note(&DOWN, at(0));
        }
        assert_eq!(breaker.state(), BreakerState::Paused(at(15 * 60)));
    }

    #[test]
    fn refused_credentials_an_empty_account_and_fraud_stop_it_for_good() {
        for fault in [
            DeliveryFault::Credentials,
            DeliveryFault::NoCredit,
            DeliveryFault::FraudBlock,
        ] {
            let mut breaker = Breaker::default();
            assert!(breaker.note(&Outcome::Refused(fault), at(0)));
            assert!(!breaker.allows(at(1_000_000)));
            assert_eq!(breaker.state(), BreakerState::Stopped(fault));
        }
    }

    #[test]
    fn fault_of_one_message_is_none_of_the_gateway() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            assert!(!breaker.note(&Outcome::Refused(DeliveryFault::NumberInvalid), at(0)));
            assert!(!breaker.note(&Outcome::Refused(DeliveryFault::Blocked), at(0)));
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
