//! Unattributed attempts gathered in memory until the writer takes them.

use std::collections::VecDeque;

use crate::UnattributedAttempt;

/// Attempts kept at most, about 400 octets each; a newer one displaces the oldest.
pub(crate) const CAPACITY: usize = 8 * 1024;
/// The newest attempts among which a repetition is looked for.
const LOOK_BACK: usize = 32;

/// Attempts that are not written yet, oldest first.
#[derive(Default)]
pub(crate) struct UnattributedBuffer {
    attempts: VecDeque<UnattributedAttempt>,
}

impl UnattributedBuffer {
    /// Adds an attempt; one that repeats a recent one only moves its time on. The number of
    /// attempts that were displaced.
    pub(crate) fn push(&mut self, attempt: UnattributedAttempt) -> u64 {
        let mut newest = self.attempts.iter_mut().rev().take(LOOK_BACK);
        if let Some(known) = newest.find(|known| attempt.repeats(known)) {
            known.time = known.time.max(attempt.time);
            return 0;
        }
        let is_full = self.attempts.len() >= CAPACITY;
        if is_full {
            self.attempts.pop_front();
        }
        self.attempts.push_back(attempt);
        u64::from(is_full)
    }

    /// Removes and returns all attempts, oldest first.
    pub(crate) fn take(&mut self) -> VecDeque<UnattributedAttempt> {
        std::mem::take(&mut self.attempts)
    }

    /// The number of attempts that wait.
    pub(crate) fn len(&self) -> usize {
        self.attempts.len()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use portvakt_auth::Refusal;

    use super::*;
    use crate::AttemptOutcome;

    fn attempt(name: &str, second: i64) -> UnattributedAttempt {
        UnattributedAttempt {
            time: Timestamp::from_second(second).unwrap(),
            name_key: Some(name.to_owned()),
            device_key: None,
            name: name.to_owned(),
            outcome: AttemptOutcome::Refused(Refusal::UnknownUser),
            symptom: None,
            client: "access-points".to_owned(),
            service: "eduroam".to_owned(),
            method: "ttls/pap".to_owned(),
            calling_station: None,
            nas_identifier: None,
            operator_name: None,
            detail: None,
        }
    }

    #[test]
    fn repetition_moves_the_time_on() {
        let mut buffer = UnattributedBuffer::default();
        for (name, second) in [("krai", 1), ("kari", 2), ("krai", 3)] {
            assert_eq!(buffer.push(attempt(name, second)), 0);
        }
        assert_eq!(buffer.take(), [attempt("krai", 3), attempt("kari", 2)]);
        assert_eq!(buffer.len(), 0);
    }

    #[test]
    fn newer_attempt_displaces_the_oldest_beyond_the_bound() {
        let mut buffer = UnattributedBuffer::default();
        let displaced: u64 = (0..CAPACITY + 3)
            .map(|number| buffer.push(attempt(&format!("s{number}"), 0)))
            .sum();
        assert_eq!((displaced, buffer.len()), (3, CAPACITY));
        assert_eq!(buffer.take()[0].name, "s3");
    }
}
