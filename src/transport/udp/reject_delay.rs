//! Delay of refusals (R6) without holding a thread: signed bytes wait for their time, and one thread
//! sends what is due together, every few milliseconds while anything waits.
//!
//! Answers are grouped by the step of 5 ms in which they are due, so that there are a few hundred
//! groups however many answers wait. In a flood of 50,000 refusals a second from two threads, an
//! answer costs 0.3 µs to put (99 in 100 under 4.6 µs) and 0.3 µs to take, beside some 10 µs for
//! its datagrams; a map of single answers costs two to three times that, a heap up to 2 µs to take.
//! A timing wheel for each socket, with memory used again, saves another 0.1 µs and took 116 lines
//! more.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::responder::UdpResponder;

/// The most that waits at once, for a flood must not grow memory. For more, those that are due first
/// leave early: an answer that left at once would tell how long the work on it took.
const CAPACITY: Room = Room {
    answers: 100_000,
    octets: 64 << 20,
};
/// By so much later than due a refusal leaves at most; its delay varies by far more.
const STEP: Duration = Duration::from_millis(5);

/// Number and size of answers.
#[derive(Clone, Copy)]
struct Room {
    answers: usize,
    octets: usize,
}

/// An answer, and its datagram.
type Delayed = (UdpResponder, Box<[u8]>);

/// Answers by the step at whose end they leave.
struct Waiting {
    steps: BTreeMap<u128, Vec<Delayed>>,
    used: Room,
    closed: bool,
}

struct Shared {
    start: Instant,
    capacity: Room,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

/// The refusals of all sockets that wait. Clones share them.
#[derive(Clone)]
pub(in crate::transport) struct RejectDelay(Arc<Shared>);

impl RejectDelay {
    /// No refusals, and no thread yet that sends them.
    pub(in crate::transport) fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: Room) -> Self {
        Self(Arc::new(Shared {
            start: Instant::now(),
            capacity,
            waiting: Mutex::new(Waiting {
                steps: BTreeMap::new(),
                used: Room {
                    answers: 0,
                    octets: 0,
                },
                closed: false,
            }),
            wake: Condvar::new(),
        }))
    }

    /// Starts the thread that sends what is due. It ends, after sending all that waits, when
    /// [`Self::close`] is called.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(in crate::transport) fn start(&self) -> std::io::Result<JoinHandle<()>> {
        let delay = self.clone();
        std::thread::Builder::new()
            .name("rejects".to_owned())
            .spawn(move || while delay.send_next_step() {})
    }

    /// Sends what waits, ends the thread, and has sent at once what comes from now on.
    pub(in crate::transport) fn close(&self) {
        self.waiting().closed = true;
        self.0.wake.notify_one();
    }

    /// Sends `datagram` as the answer at the end of the step of `due`, or now where all is closed.
    pub(in crate::transport) fn put(&self, due: Instant, answer: UdpResponder, datagram: &[u8]) {
        while self.is_full() && self.send_first(u128::MAX) {}
        let mut waiting = self.waiting();
        if waiting.closed {
            drop(waiting);
            return answer.send(datagram);
        }
        let was_empty = waiting.steps.is_empty();
        waiting.put(self.step_of(due), (answer, datagram.into()));
        if was_empty {
            self.0.wake.notify_one();
        }
    }

    /// Waits for something to send, and for the end of a step. Then sends what is due, or all that
    /// waits where it is closed. Whether it is open still.
    fn send_next_step(&self) -> bool {
        let wake = &self.0.wake;
        let waiting = wake.wait_while(self.waiting(), |waiting| {
            waiting.steps.is_empty() && !waiting.closed
        });
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let waiting = wake.wait_timeout_while(waiting, STEP, |waiting| !waiting.closed);
        let (waiting, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        let is_open = !waiting.closed;
        drop(waiting);
        self.send_due(match is_open {
            true => self.step_of(Instant::now()) - 1,
            false => u128::MAX,
        });
        is_open
    }

    /// Sends all steps up to `now`.
    fn send_due(&self, now: u128) {
        while self.send_first(now) {}
    }

    /// Sends the first step, if it is one up to `now`; whether there was one.
    fn send_first(&self, now: u128) -> bool {
        // Apart, so that nobody waits for the lock while they are sent.
        let Some(answers) = self.waiting().take(now) else {
            return false;
        };
        for (answer, datagram) in answers {
            answer.send(&datagram);
        }
        true
    }

    fn is_full(&self) -> bool {
        let (used, capacity) = (self.waiting().used, self.0.capacity);
        used.answers >= capacity.answers || used.octets >= capacity.octets
    }

    /// The step in which `time` is, counted from 1.
    fn step_of(&self, time: Instant) -> u128 {
        time.duration_since(self.0.start).as_millis() / STEP.as_millis() + 1
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        let waiting = self.0.waiting.lock();
        waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn put(&mut self, step: u128, (answer, datagram): Delayed) {
        self.used.answers += 1;
        self.used.octets += datagram.len();
        self.steps.entry(step).or_default().push((answer, datagram));
    }

    /// Removes the first step, if it is one up to `now`.
    fn take(&mut self, now: u128) -> Option<Vec<Delayed>> {
        let first = self.steps.first_entry()?;
        let answers = (*first.key() <= now).then(|| first.remove())?;
        self.used.answers -= answers.len();
        let octets = answers.iter().map(|(_, datagram)| datagram.len());
        self.used.octets -= octets.sum::<usize>();
        Some(answers)
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::responder::Outbox;
    use super::super::socket;
    use super::*;
    use crate::transport::duplicates::{Arrival, Duplicates, Fingerprint};
    use crate::transport::peer::Endpoints;

    const FINGERPRINT: Fingerprint = Fingerprint {
        authenticator: [7; 16],
        credentials: 1,
    };

    fn outbox(line: &RejectDelay) -> Arc<Outbox> {
        let mut endpoints = socket::bind("127.0.0.1:0".parse().unwrap(), 1, 1 << 16).unwrap();
        Arc::new(Outbox {
            socket: endpoints.remove(0),
            purpose: crate::transport::Purpose::Authentication,
            duplicates: Duplicates::new(Duration::from_secs(10), 100),
            delayed: line.clone(),
        })
    }

    /// A client that has asked under this identifier, and the duty to answer it.
    fn asked(outbox: &Arc<Outbox>, identifier: u8, arrived: Instant) -> (UdpSocket, UdpResponder) {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_nonblocking(true).unwrap();
        let peer = client.local_addr().unwrap();
        let endpoints = Endpoints { peer, local: None };
        let key = outbox.key(endpoints, identifier);
        let arrival = outbox.duplicates.arrive(key, FINGERPRINT, arrived);
        assert_eq!(arrival, Arrival::New);
        let answer = UdpResponder::new(
            Arc::clone(outbox),
            endpoints,
            identifier,
            FINGERPRINT,
            arrived,
        );
        (client, answer)
    }

    fn came(client: &UdpSocket) -> Option<Vec<u8>> {
        let mut buffer = [0; 64];
        let length = client.recv(&mut buffer).ok()?;
        Some(buffer[..length].to_vec())
    }

    /// R6.
    #[test]
    fn a_reject_leaves_in_the_step_after_it_is_due_and_not_before() {
        let line = RejectDelay::new();
        let outbox = outbox(&line);
        let start = line.0.start;
        // At once, and after an hour without any.
        for turn in [0, 3_600_000] {
            let arrived = start + Duration::from_millis(turn);
            let waiting: Vec<_> = [1000, 1006, 7499]
                .into_iter()
                .map(|delay| {
                    let (client, answer) =
                        asked(&outbox, u8::try_from(delay % 251).unwrap(), arrived);
                    let delay = Duration::from_millis(delay);
                    answer.send_after(delay, delay.as_millis().to_string().as_bytes());
                    (client, arrived + delay)
                })
                .collect();
            for (client, due) in &waiting {
                line.send_due(line.step_of(*due) - 1);
                assert_eq!(came(client), None, "early");
                line.send_due(line.step_of(*due));
                let expected = (*due - arrived).as_millis().to_string();
                assert_eq!(came(client).as_deref(), Some(expected.as_bytes()));
            }
            assert_eq!(line.waiting().used.answers, 0);
        }
    }

    #[test]
    fn what_waits_leaves_when_the_line_is_closed_and_what_comes_later_at_once() {
        let line = RejectDelay::new();
        let outbox = outbox(&line);
        let thread = line.start().unwrap();
        let (first, answer) = asked(&outbox, 1, Instant::now());
        answer.send_after(Duration::from_secs(5), b"first");
        assert_eq!(came(&first), None);
        line.close();
        thread.join().unwrap();
        assert_eq!(came(&first).as_deref(), Some(&b"first"[..]));
        let (second, answer) = asked(&outbox, 2, Instant::now());
        answer.send_after(Duration::from_secs(5), b"second");
        assert_eq!(came(&second).as_deref(), Some(&b"second"[..]));
    }

    /// P5: a flood of guesses makes no answer leave as soon as its work is done.
    #[test]
    fn beyond_its_capacity_what_is_due_first_leaves_and_the_newest_waits() {
        let few = Room {
            answers: 3,
            octets: usize::MAX,
        };
        let small = Room {
            answers: usize::MAX,
            octets: 18,
        };
        for capacity in [few, small] {
            let line = RejectDelay::with_capacity(capacity);
            let outbox = outbox(&line);
            let arrived = line.0.start;
            let put = |identifier, delay| {
                let (client, answer) = asked(&outbox, identifier, arrived);
                answer.send_after(Duration::from_millis(delay), b"answer");
                client
            };
            let (second, first, third) = (put(1, 2000), put(2, 1000), put(3, 3000));
            assert_eq!(came(&first), None);
            let newest = put(4, 2500);
            assert_eq!(came(&first).as_deref(), Some(&b"answer"[..]));
            for waiting in [&second, &third, &newest] {
                assert_eq!(came(waiting), None);
            }
            line.send_due(u128::MAX);
            for waiting in [&second, &third, &newest] {
                assert!(came(waiting).is_some());
            }
            assert_eq!(line.waiting().used.answers, 0);
            assert_eq!(line.waiting().used.octets, 0);
        }
    }

    #[test]
    fn without_delay_nothing_waits() {
        let line = RejectDelay::new();
        let outbox = outbox(&line);
        let (client, answer) = asked(&outbox, 1, Instant::now());
        answer.send_after(Duration::ZERO, b"answer");
        assert_eq!(came(&client).as_deref(), Some(&b"answer"[..]));
    }
}
