//! Rejects leave late (R6) without holding a thread: signed bytes wait in a heap for their time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::answer::Answer;
use super::socket::{Endpoint, Path};

/// The most datagrams waiting at once; one more leaves at once, for a flood must not grow memory.
const CAPACITY: usize = 100_000;

/// A signed datagram and where it goes.
pub(super) struct Parcel {
    /// The bytes, ready to send.
    pub bytes: Arc<[u8]>,
    /// The socket to send them from.
    pub endpoint: Arc<Endpoint>,
    /// Where they go.
    pub path: Path,
}

impl Parcel {
    /// Sends it now. A datagram that the kernel does not take is lost as any other on the wire:
    /// the client asks again, and the duplicate cache has the answer.
    pub(super) fn send(&self) {
        if let Err(error) = self.endpoint.send(&self.bytes, self.path) {
            tracing::debug!(peer = %self.path.peer, %error, "answer not sent");
        }
    }
}

struct Waiting {
    due: Instant,
    answer: Answer,
    datagram: Box<[u8]>,
}

impl Waiting {
    /// Sends it, and only now lets retransmissions have it.
    fn send(self) {
        self.answer.remember(Arc::from(self.datagram)).send();
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}
impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

#[derive(Default)]
struct Queue {
    waiting: BinaryHeap<Reverse<Waiting>>,
    closed: bool,
}

/// The waiting room of delayed rejects; one thread sends them when they are due.
#[derive(Clone)]
pub(super) struct DelayLine {
    shared: Arc<(Mutex<Queue>, Condvar)>,
}

impl DelayLine {
    /// Starts the sending thread. It ends, after sending all that waits, when [`Self::close`] is
    /// called.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn start() -> std::io::Result<(Self, JoinHandle<()>)> {
        let line = Self {
            shared: Arc::default(),
        };
        let runner = line.clone();
        let thread = std::thread::Builder::new()
            .name("rejects".to_owned())
            .spawn(move || runner.run())?;
        Ok((line, thread))
    }

    /// Sends `datagram` as the answer at `due`, or now where the room is full or closed.
    pub(super) fn send_at(&self, due: Instant, answer: Answer, datagram: &[u8]) {
        let waiting = Waiting {
            due,
            answer,
            datagram: Box::from(datagram),
        };
        let (queue, wake) = &*self.shared;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.closed || queue.waiting.len() >= CAPACITY {
            drop(queue);
            return waiting.send();
        }
        let is_first = queue
            .waiting
            .peek()
            .is_none_or(|Reverse(first)| due < first.due);
        queue.waiting.push(Reverse(waiting));
        drop(queue);
        if is_first {
            wake.notify_one();
        }
    }

    /// Sends what waits and ends the thread.
    pub(super) fn close(&self) {
        let (queue, wake) = &*self.shared;
        queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        wake.notify_one();
    }

    fn run(&self) {
        let (queue, wake) = &*self.shared;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let first_due = queue.waiting.peek().map(|Reverse(first)| first.due);
            match first_due {
                Some(due) if due <= now || queue.closed => {
                    let first = queue.waiting.pop();
                    drop(queue);
                    if let Some(Reverse(first)) = first {
                        first.send();
                    }
                    queue = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
                }
                Some(due) => {
                    let wait = wake.wait_timeout(queue, due - now);
                    queue = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
                None if queue.closed => return,
                None => queue = wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
