//! Requests for a message from one source, before anybody looks who is asked for: so that a flood from
//! one place leaves the queue to the others. Unknown names count alike.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use portvakt_auth::Tick;

use crate::budget::network;

/// Sources that are remembered; beyond them new ones wait until some are forgotten.
const MOST_SOURCES: usize = 10_000;

/// Requests of each source within a window. Of fixed windows, each source its own.
#[derive(Debug)]
pub struct RequestLimit {
    most: u32,
    window: Duration,
    sources: HashMap<IpAddr, (Tick, u32)>,
}

impl RequestLimit {
    /// At most so many from a source within a window.
    pub fn new(most: u32, window: Duration) -> RequestLimit {
        RequestLimit {
            most,
            window,
            sources: HashMap::new(),
        }
    }

    /// Counts a request; whether it may go on. Takes a microsecond, but for a sweep of all sources when
    /// there are too many, which comes once in a window.
    pub fn take(&mut self, source: IpAddr, now: Tick) -> bool {
        let source = network(source);
        let window = self.window;
        let is_over = |since: Tick| now.since(since) >= window;
        if !self.sources.contains_key(&source) && self.sources.len() >= MOST_SOURCES {
            self.sources.retain(|_, (since, _)| !is_over(*since));
            if self.sources.len() >= MOST_SOURCES {
                return false;
            }
        }
        let (since, count) = self.sources.entry(source).or_insert((now, 0));
        if is_over(*since) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn source_has_its_requests_in_each_window() {
        let mut limit = RequestLimit::new(3, Duration::from_secs(60));
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let taken: Vec<_> = (0..5).map(|second| limit.take(one, at(second))).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(limit.take(other, at(4)));
        assert!(!limit.take(one, at(59)));
        assert!(limit.take(one, at(60)));
    }

    #[test]
    fn sources_are_bounded_and_forgotten_in_time() {
        let mut limit = RequestLimit::new(3, Duration::from_secs(60));
        let source = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..20_000 {
            limit.take(source(number), at(0));
        }
        assert_eq!(limit.sources.len(), MOST_SOURCES);
        assert!(!limit.take(source(50_000), at(1)));
        assert!(limit.take(source(0), at(1)));
        assert!(limit.take(source(50_000), at(60)));
    }
}
