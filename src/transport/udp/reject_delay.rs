//! Delay of refusals (R6) without holding a thread: signed bytes wait in a wheel for their time.
//!
//! Each socket has a wheel, so that no two receiving threads wait for each other; one thread turns
//! them all, one step every few milliseconds while anything waits, and sends what is due together.
//!
//! ```text
//!  step   …  n  n+1  n+2  …       a refusal goes to the step in which it is due; a turn of the
//!            ^                    wheel is longer than any delay that can be configured
//!          sent last
//! ```

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::responder::{Outbox, UdpResponder};

/// The most that waits at once, for a flood must not grow memory. For more, those that are due first
/// leave early: an answer that left at once would tell how long the work on it took.
const CAPACITY: Room = Room {
    answers: 100_000,
    octets: 64 << 20,
};
/// By so much later than due a refusal leaves at most; its delay varies by far more.
const STEP: Duration = Duration::from_millis(5);
/// Steps of a turn: 10 seconds. Delays are up to 5 seconds and a half, but for those that wait as
/// long as suspect jobs do; what would wait longer leaves at the end of the turn.
const STEPS: usize = 2000;
/// Steps whose memory is kept to be used again.
const SPARE_STEPS: usize = 2 * 1000 / 5;

/// How much of something.
#[derive(Clone, Copy)]
struct Room {
    answers: usize,
    octets: usize,
}

/// The answers of one step.
#[derive(Default)]
struct Step {
    answers: Vec<(UdpResponder, usize)>,
    /// The datagrams one after the other; each answer tells where its own ends.
    octets: Vec<u8>,
}

struct Wheel {
    steps: Vec<Step>,
    /// The step that was sent last, counted from the start.
    sent: usize,
    waiting: usize,
    closed: bool,
    spare: Vec<Step>,
}

/// Shared by the sending thread and the threads that put answers.
struct Timer {
    start: Instant,
    capacity: Room,
    waiting: AtomicUsize,
    octets: AtomicUsize,
    closed: AtomicBool,
    asleep: Mutex<()>,
    wake: Condvar,
}

/// The waiting room of one socket's delayed rejects.
pub(in crate::transport) struct Delayed {
    wheel: Mutex<Wheel>,
    timer: Arc<Timer>,
}

/// Turns the wheels of all sockets.
#[derive(Clone)]
pub(in crate::transport) struct RejectDelay {
    timer: Arc<Timer>,
}

impl Delayed {
    /// Sends `datagram` as the answer at `due`, or now where the room is closed.
    pub(in crate::transport) fn put(&self, due: Instant, answer: UdpResponder, datagram: &[u8]) {
        if self.timer.is_full() {
            self.send_next(usize::MAX);
        }
        let waiting = self.timer.waiting.fetch_add(1, Ordering::Relaxed);
        let octets = &self.timer.octets;
        octets.fetch_add(datagram.len(), Ordering::Relaxed);
        match self.put_into_wheel(due, answer, datagram) {
            Some(answer) => {
                self.timer.note_sent(1, datagram.len());
                answer.send(datagram);
            }
            None if waiting == 0 => self.timer.wake(),
            None => {}
        }
    }

    fn put_into_wheel(
        &self,
        due: Instant,
        answer: UdpResponder,
        datagram: &[u8],
    ) -> Option<UdpResponder> {
        let before = self.timer.step_of(answer.arrived()) - 1;
        let mut wheel = self.wheel();
        if wheel.waiting == 0 {
            // It has not been turned while nothing waited.
            wheel.sent = wheel.sent.max(before);
        }
        wheel.put(self.timer.step_of(due), answer, datagram)
    }

    /// Sends all steps up to `now`.
    fn send_due(&self, now: usize) {
        while self.send_next(now) {}
    }

    /// Sends the next step up to `now` in which something waits; whether there was one.
    fn send_next(&self, now: usize) -> bool {
        let Some(mut step) = self.take_due(now) else {
            return false;
        };
        let mut begin = 0;
        let sent = step.answers.len();
        for (answer, end) in step.answers.drain(..) {
            answer.send(step.octets.get(begin..end).unwrap_or_default());
            begin = end;
        }
        self.timer.note_sent(sent, step.octets.len());
        step.octets.clear();
        self.wheel().keep(step);
        true
    }

    /// The next step up to `now` in which something waits.
    fn take_due(&self, now: usize) -> Option<Step> {
        let mut wheel = self.wheel();
        while wheel.sent < now && wheel.waiting > 0 {
            wheel.sent += 1;
            let place = wheel.sent % STEPS;
            if let Some(step) = wheel.steps.get_mut(place).map(std::mem::take)
                && !step.answers.is_empty()
            {
                wheel.waiting -= step.answers.len();
                return Some(step);
            }
        }
        None
    }

    /// Sends all that waits, and from now on what comes at once.
    fn close(&self) {
        let mut wheel = self.wheel();
        wheel.closed = true;
        let end = wheel.sent + STEPS;
        drop(wheel);
        self.send_due(end);
    }

    fn wheel(&self) -> MutexGuard<'_, Wheel> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wheel {
    /// Puts an answer into its step; gives it back where it is due already, or all is closed.
    fn put(&mut self, due: usize, answer: UdpResponder, datagram: &[u8]) -> Option<UdpResponder> {
        if self.closed || due <= self.sent {
            return Some(answer);
        }
        // Only the last step of a turn is left where the thread that turns it is far behind.
        let due = due.min(self.sent + STEPS);
        let Some(step) = self.steps.get_mut(due % STEPS) else {
            return Some(answer);
        };
        self.waiting += 1;
        if step.answers.is_empty()
            && let Some(spare) = self.spare.pop()
        {
            *step = spare;
        }
        step.octets.extend_from_slice(datagram);
        step.answers.push((answer, step.octets.len()));
        None
    }

    fn keep(&mut self, step: Step) {
        if self.spare.len() < SPARE_STEPS {
            self.spare.push(step);
        }
    }
}

impl Timer {
    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.capacity.answers
            || self.octets.load(Ordering::Relaxed) >= self.capacity.octets
    }

    fn note_sent(&self, answers: usize, octets: usize) {
        self.waiting.fetch_sub(answers, Ordering::Relaxed);
        self.octets.fetch_sub(octets, Ordering::Relaxed);
    }

    /// The step that has ended at `time`.
    fn step_of(&self, time: Instant) -> usize {
        let steps = time.duration_since(self.start).as_millis() / STEP.as_millis();
        usize::try_from(steps).unwrap_or(usize::MAX - STEPS) + 1
    }

    fn wake(&self) {
        drop(self.asleep.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    /// Waits for the next step, or for something to wait for.
    fn rest(&self) {
        let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = || !self.closed.load(Ordering::Relaxed);
        let is_idle = |(): &mut ()| self.waiting.load(Ordering::Relaxed) == 0 && is_open();
        let asleep = self.wake.wait_while(asleep, is_idle);
        let asleep = asleep.unwrap_or_else(PoisonError::into_inner);
        drop(self.wake.wait_timeout_while(asleep, STEP, |()| is_open()));
    }
}

impl RejectDelay {
    /// Wheels that nobody turns yet.
    pub(in crate::transport) fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: Room) -> Self {
        Self {
            timer: Arc::new(Timer {
                start: Instant::now(),
                capacity,
                waiting: AtomicUsize::new(0),
                octets: AtomicUsize::new(0),
                closed: AtomicBool::new(false),
                asleep: Mutex::new(()),
                wake: Condvar::new(),
            }),
        }
    }

    /// A wheel for one more socket.
    pub(in crate::transport) fn wheel(&self) -> Delayed {
        let wheel = Wheel {
            steps: (0..STEPS).map(|_| Step::default()).collect(),
            sent: 0,
            waiting: 0,
            closed: false,
            spare: Vec::new(),
        };
        Delayed {
            wheel: Mutex::new(wheel),
            timer: Arc::clone(&self.timer),
        }
    }

    /// Starts the thread that turns the wheels of these sockets. It ends, after sending all that
    /// waits, when [`Self::close`] is called.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(in crate::transport) fn start(
        &self,
        outboxes: Vec<Arc<Outbox>>,
    ) -> std::io::Result<JoinHandle<()>> {
        let timer = Arc::clone(&self.timer);
        std::thread::Builder::new()
            .name("rejects".to_owned())
            .spawn(move || turn(&timer, &outboxes))
    }

    /// Sends what waits and ends the thread.
    pub(in crate::transport) fn close(&self) {
        self.timer.closed.store(true, Ordering::Relaxed);
        self.timer.wake();
    }
}

fn turn(timer: &Timer, outboxes: &[Arc<Outbox>]) {
    while !timer.closed.load(Ordering::Relaxed) {
        timer.rest();
        // What is due in a step leaves at its end.
        let now = timer.step_of(Instant::now()) - 1;
        outboxes
            .iter()
            .for_each(|outbox| outbox.delayed.send_due(now));
    }
    outboxes.iter().for_each(|outbox| outbox.delayed.close());
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::socket::{self};
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
            duplicates: Duplicates::new(Duration::from_secs(10), 100),
            delayed: line.wheel(),
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
        let start = line.timer.start;
        // First after an hour without any, and then with the step's memory used again.
        for turn in [0, 3_600_000, 3_610_000, 3_700_000] {
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
                outbox.delayed.send_due(line.timer.step_of(*due) - 1);
                assert_eq!(came(client), None, "early");
                outbox.delayed.send_due(line.timer.step_of(*due));
                let expected = (*due - arrived).as_millis().to_string();
                assert_eq!(came(client).as_deref(), Some(expected.as_bytes()));
            }
            assert_eq!(line.timer.waiting.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn what_waits_leaves_when_the_line_is_closed_and_what_comes_later_at_once() {
        let line = RejectDelay::new();
        let outbox = outbox(&line);
        let thread = line.start(vec![Arc::clone(&outbox)]).unwrap();
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
            let arrived = line.timer.start;
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
            outbox.delayed.send_due(STEPS);
            for waiting in [&second, &third, &newest] {
                assert!(came(waiting).is_some());
            }
            assert_eq!(line.timer.waiting.load(Ordering::Relaxed), 0);
            assert_eq!(line.timer.octets.load(Ordering::Relaxed), 0);
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
