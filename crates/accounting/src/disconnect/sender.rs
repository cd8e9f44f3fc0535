//! The way of requests to their NAS: pace, retransmission, answers (RFC 5080 §2.2.1).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use portvakt_auth::Tick;

use super::{NotPossible, Outcome, SessionRequest};

/// Requests that one NAS may have open. An identifier has 256 values; the others keep late answers
/// apart from new requests.
pub const MOST_IN_FLIGHT: usize = 200;
/// Requests that wait for their turn, over all NASes: some 500 octets each. What comes beyond ends
/// as [`Outcome::QueueFull`].
pub const MOST_WAITING: usize = 50_000;
/// Requests of these that wait for one NAS: some 100 s at its pace, and many hours where it is silent.
/// The others are tried again later, and leave room for other NASes meanwhile.
pub const MOST_WAITING_FOR_ONE: usize = 5_000;
/// Time between two packets to one NAS, 50 a second: a controller has other work too.
pub const PACE: Duration = Duration::from_millis(20);

/// NASes without open requests whose pace and identifiers are kept; beyond that they begin anew.
const MOST_RESTING: usize = 10_000;
/// Packets that may follow at once after a pause of the sending thread.
const BURST: u32 = 5;
/// IRT: the first retransmission.
const FIRST_RETRANSMISSION: Duration = Duration::from_secs(2);
/// MRT: longest wait between two.
const LONGEST_WAIT: Duration = Duration::from_secs(16);
/// MRC: most transmissions. Within the deadline there is room for four.
const MOST_TRANSMISSIONS: u8 = 5;
/// MRD: then there is no answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Causes for which the narrower request is tried: Unsupported-Attribute,
/// Multiple-Session-Selection-Unsupported.
const TOO_WIDE: [u32; 2] = [401, 508];

/// The wish to end or change a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job<T> {
    /// Names the session in the outcome.
    pub token: T,
    /// The request.
    pub request: SessionRequest,
    /// A narrower one, for a NAS that says that the first is too wide.
    pub narrower: Option<SessionRequest>,
}

/// An authentic answer of a NAS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Ack,
    /// Not done, with the number of Error-Cause.
    Nak(Option<u32>),
}

/// A packet to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmission {
    /// Address and port of the NAS.
    pub to: SocketAddr,
    /// The octets.
    pub packet: Arc<[u8]>,
}

/// Requests on their way. `T` names a session in its outcome.
///
/// Retransmission has no random part: the one sender of a NAS keeps its own pace.
#[derive(Debug)]
pub struct Sender<T> {
    /// Those with open requests.
    nases: HashMap<SocketAddr, Nas<T>, RandomState>,
    /// Those without.
    resting: HashMap<SocketAddr, Turn, RandomState>,
    waiting: usize,
    outcomes: Vec<(T, Outcome)>,
    first_identifier: u8,
}

#[derive(Debug)]
struct Nas<T> {
    waiting: VecDeque<Job<T>>,
    in_flight: BTreeMap<u8, Flight<T>>,
    turn: Turn,
}

/// Pace and identifiers of a NAS.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// In turn: strongSwan takes a request with the identifier of its last one for a retransmission.
    identifier: u8,
    /// When the next packet may leave.
    at: Tick,
}

#[derive(Debug)]
struct Flight<T> {
    job: Job<T>,
    packet: Arc<[u8]>,
    began: Tick,
    transmissions: u8,
    wait: Duration,
    due: Tick,
}

impl<T> Sender<T> {
    /// No requests. `first_identifier` is random: after a restart the answers to requests of before
    /// may still come.
    #[must_use]
    pub fn new(first_identifier: u8) -> Self {
        Self {
            nases: HashMap::default(),
            resting: HashMap::default(),
            waiting: 0,
            outcomes: Vec::new(),
            first_identifier,
        }
    }

    /// Takes a job for the NAS at `to`. Beyond [`MOST_WAITING`], and beyond
    /// [`MOST_WAITING_FOR_ONE`] of that NAS, its outcome is at once [`Outcome::QueueFull`].
    pub fn queue(&mut self, to: SocketAddr, job: Job<T>) {
        let of_nas = self.nases.get(&to).map_or(0, |nas| nas.waiting.len());
        if self.waiting >= MOST_WAITING || of_nas >= MOST_WAITING_FOR_ONE {
            self.outcomes.push((job.token, Outcome::QueueFull));
            return;
        }
        self.waiting += 1;
        let nas = self.nases.entry(to).or_insert_with(|| {
            let first = Turn {
                identifier: self.first_identifier,
                at: Tick::from_millis(i64::MIN),
            };
            Nas::new(self.resting.remove(&to).unwrap_or(first))
        });
        nas.waiting.push_back(job);
    }

    /// Jobs without an outcome.
    #[must_use]
    pub fn open(&self) -> usize {
        let in_flight = self.nases.values().map(|nas| nas.in_flight.len());
        self.waiting + in_flight.sum::<usize>()
    }

    /// Gives up what is too old, and returns what is to be sent at `now`. `encode` writes the
    /// packet of an identifier, for the first transmission; `None` if it is too long.
    #[must_use]
    pub fn advance(
        &mut self,
        now: Tick,
        mut encode: impl FnMut(&T, u8, &SessionRequest) -> Option<Arc<[u8]>>,
    ) -> Vec<Transmission> {
        let mut sent = Vec::new();
        for (to, nas) in &mut self.nases {
            nas.give_up(now, &mut self.outcomes);
            while nas.turn.at <= now {
                let retransmitted = nas.retransmit(now);
                let packet = match retransmitted {
                    Some(packet) => Some(packet),
                    None if nas.has_room() => {
                        let Some(job) = nas.waiting.pop_front() else {
                            break;
                        };
                        self.waiting -= 1;
                        nas.begin(job, now, &mut self.outcomes, &mut encode)
                    }
                    None => break,
                };
                if let Some(packet) = packet {
                    nas.take_turn(now);
                    sent.push(Transmission { to: *to, packet });
                }
            }
        }
        self.rest();
        sent
    }

    /// Sets NASes aside that have no open requests.
    fn rest(&mut self) {
        for (to, nas) in self.nases.extract_if(|_, nas| nas.is_idle()) {
            if self.resting.len() >= MOST_RESTING {
                self.resting.clear();
            }
            self.resting.insert(to, nas.turn);
        }
    }

    /// When [`Self::advance`] has something to do again; `None` while nothing is open.
    #[must_use]
    pub fn next_due(&self) -> Option<Tick> {
        self.nases.values().filter_map(Nas::next_due).min()
    }

    /// The open request that an answer from this address may be of: its token and its octets.
    pub fn open_request(&mut self, from: SocketAddr, identifier: u8) -> Option<(&mut T, &[u8])> {
        let nas = self.nases.get_mut(&from)?;
        let flight = nas.in_flight.get_mut(&identifier)?;
        Some((&mut flight.job.token, &flight.packet))
    }

    /// Takes the answer to an open request; it was found authentic. Any other is ignored.
    pub fn answered(&mut self, from: SocketAddr, identifier: u8, answer: Answer) {
        let Some(nas) = self.nases.get_mut(&from) else {
            return;
        };
        let Some(flight) = nas.in_flight.remove(&identifier) else {
            return;
        };
        let mut job = flight.job;
        let is_too_wide = matches!(answer, Answer::Nak(Some(cause)) if TOO_WIDE.contains(&cause));
        match job.narrower.take_if(|_| is_too_wide) {
            Some(narrower) => {
                job.request = narrower;
                nas.waiting.push_front(job);
                self.waiting += 1;
            }
            None => {
                let outcome = match answer {
                    Answer::Ack => Outcome::Acked,
                    Answer::Nak(cause) => Outcome::Nak(cause),
                };
                self.outcomes.push((job.token, outcome));
            }
        }
    }

    /// The outcomes since the last call.
    pub fn take_outcomes(&mut self) -> Vec<(T, Outcome)> {
        std::mem::take(&mut self.outcomes)
    }
}

impl<T> Nas<T> {
    fn new(turn: Turn) -> Self {
        Self {
            waiting: VecDeque::new(),
            in_flight: BTreeMap::new(),
            turn,
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight.len() < MOST_IN_FLIGHT
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    fn give_up(&mut self, now: Tick, outcomes: &mut Vec<(T, Outcome)>) {
        let is_over = |flight: &Flight<T>| now.since(flight.began) >= DEADLINE;
        let over = self.in_flight.iter().filter(|(_, flight)| is_over(flight));
        let over: Vec<u8> = over.map(|(identifier, _)| *identifier).collect();
        let given_up = over.iter().filter_map(|it| self.in_flight.remove(it));
        outcomes.extend(given_up.map(|flight| (flight.job.token, Outcome::NoAnswer)));
    }

    /// The packet of the request whose retransmission has been due for longest.
    fn retransmit(&mut self, now: Tick) -> Option<Arc<[u8]>> {
        let due = self.in_flight.values_mut().filter(|it| it.is_due(now));
        let flight = due.min_by_key(|flight| flight.due)?;
        flight.transmissions += 1;
        flight.wait = (flight.wait * 2).min(LONGEST_WAIT);
        flight.due = now.plus(flight.wait);
        Some(Arc::clone(&flight.packet))
    }

    fn begin(
        &mut self,
        job: Job<T>,
        now: Tick,
        outcomes: &mut Vec<(T, Outcome)>,
        encode: impl FnOnce(&T, u8, &SessionRequest) -> Option<Arc<[u8]>>,
    ) -> Option<Arc<[u8]>> {
        let identifier = self.free_identifier();
        let Some(packet) = encode(&job.token, identifier, &job.request) else {
            let outcome = Outcome::NotPossible(NotPossible::TooLong);
            outcomes.push((job.token, outcome));
            return None;
        };
        let flight = Flight {
            job,
            packet: Arc::clone(&packet),
            began: now,
            transmissions: 1,
            wait: FIRST_RETRANSMISSION,
            due: now.plus(FIRST_RETRANSMISSION),
        };
        self.in_flight.insert(identifier, flight);
        Some(packet)
    }

    /// There is one, as [`Self::has_room`].
    fn free_identifier(&mut self) -> u8 {
        while self.in_flight.contains_key(&self.turn.identifier) {
            self.turn.identifier = self.turn.identifier.wrapping_add(1);
        }
        let identifier = self.turn.identifier;
        self.turn.identifier = identifier.wrapping_add(1);
        identifier
    }

    fn take_turn(&mut self, now: Tick) {
        self.turn.at = self.turn.at.max(now.minus(PACE * BURST)).plus(PACE);
    }

    fn next_due(&self) -> Option<Tick> {
        let flights = self.in_flight.values();
        let over = flights.clone().map(|flight| flight.began.plus(DEADLINE));
        let due = flights.filter_map(Flight::next_due);
        let due = due.map(|due| due.max(self.turn.at));
        let turn = (!self.waiting.is_empty() && self.has_room()).then_some(self.turn.at);
        over.chain(due).chain(turn).min()
    }
}

impl<T> Flight<T> {
    fn next_due(&self) -> Option<Tick> {
        (self.transmissions < MOST_TRANSMISSIONS).then_some(self.due)
    }

    fn is_due(&self, now: Tick) -> bool {
        self.next_due().is_some_and(|due| due <= now)
    }
}

#[cfg(test)]
mod tests;
