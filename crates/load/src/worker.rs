//! One sending thread: begins log-ons when they are due, sends what is lost again, and checks
//! every answer.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portvakt_radius::{Packet, RequestWriter, verify_reply_with};
use slab::Slab;
use zeroize::Zeroizing;

use crate::arrivals::Schedule;
use crate::lanes::{Lanes, Ticket};
use crate::people::Person;
use crate::plan::{Class, Phase, Plan, Proof};
use crate::tally::{Ending, Tally};
use crate::tls::Devices;
use crate::visit::{Guest, Next, Visit};

/// The most octets of a RADIUS packet.
const LARGEST_PACKET: usize = 4096;
/// How long a worker sleeps at most, so that progress and the end of a phase are noticed.
const NAP: Duration = Duration::from_millis(20);

/// What the progress bar reads while the workers run.
#[derive(Default)]
pub(crate) struct Progress {
    /// Log-ons that ended.
    pub ended: AtomicU64,
    /// Those that ended wrongly.
    pub wrong: AtomicU64,
}

/// What a worker has not told yet.
#[derive(Default)]
struct Ended {
    all: u64,
    wrong: u64,
}

impl Progress {
    fn add(&self, ended: &mut Ended) {
        let Ended { all, wrong } = std::mem::take(ended);
        self.ended.fetch_add(all, Ordering::Relaxed);
        self.wrong.fetch_add(wrong, Ordering::Relaxed);
    }
}

/// One of `of` workers.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    pub number: usize,
    pub of: usize,
}

/// A log-on under way.
struct Live {
    class: usize,
    visit: Visit,
    due: Instant,
    sent: Option<Sent>,
}

/// The request that waits for its reply.
struct Sent {
    ticket: Ticket,
    authenticator: [u8; 16],
    datagram: Vec<u8>,
    tries: u8,
    serial: u64,
}

/// When a request is to be sent again, if it is still the one of that serial number.
type Timer = Reverse<(Instant, usize, u64)>;

pub(crate) struct Worker<'a> {
    plan: &'a Plan,
    classes: &'a [Class],
    share: Share,
    began: Instant,
    lanes: Lanes,
    devices: Option<Devices<'a>>,
    schedules: Vec<Schedule>,
    tallies: Vec<Tally>,
    live: Slab<Live>,
    timers: BinaryHeap<Timer>,
    serial: u64,
    ended: Ended,
}

impl<'a> Worker<'a> {
    /// A worker whose devices have never been there.
    pub(crate) fn new(plan: &'a Plan, share: Share) -> io::Result<Self> {
        Ok(Self {
            plan,
            classes: &[],
            share,
            began: Instant::now(),
            lanes: Lanes::new(plan.server, plan.source, plan.ports)?,
            devices: plan
                .tls
                .as_ref()
                .map(|tls| Devices::new(tls, plan.people.len())),
            schedules: Vec::new(),
            tallies: Vec::new(),
            live: Slab::new(),
            timers: BinaryHeap::new(),
            serial: 0,
            ended: Ended::default(),
        })
    }

    /// Runs one phase to its end and returns what was counted, a tally for each class.
    pub(crate) fn run(
        &mut self,
        phase: &'a Phase,
        began: Instant,
        progress: &Progress,
    ) -> io::Result<Vec<Tally>> {
        self.classes = &phase.classes;
        self.began = began;
        let schedule = |class: &Class| Schedule::new(class, self.share, began, phase.length);
        self.schedules = phase.classes.iter().map(schedule).collect();
        self.tallies = phase.classes.iter().map(|_| Tally::default()).collect();
        while self.has_more(Instant::now()) {
            self.begin_due()?;
            self.send_again()?;
            let patience = self.patience(Instant::now());
            for lane in self.lanes.wait(patience)? {
                self.receive_all(lane)?;
            }
            progress.add(&mut self.ended);
        }
        progress.add(&mut self.ended);
        Ok(std::mem::take(&mut self.tallies))
    }

    fn has_more(&self, now: Instant) -> bool {
        !self.live.is_empty() || self.schedules.iter().any(|schedule| !schedule.is_over(now))
    }

    /// Until the next log-on or retransmission is due.
    fn patience(&self, now: Instant) -> Duration {
        let next = self
            .schedules
            .iter()
            .filter_map(|schedule| schedule.next(now));
        let timer = self.timers.peek().map(|Reverse((due, ..))| *due);
        let first = next.chain(timer).min();
        first.map_or(NAP, |first| first.saturating_duration_since(now).min(NAP))
    }

    fn begin_due(&mut self) -> io::Result<()> {
        for class in 0..self.schedules.len() {
            while let Some((due, turn)) = self.due(class) {
                self.begin(class, due, turn)?;
            }
        }
        Ok(())
    }

    fn due(&mut self, class: usize) -> Option<(Instant, u64)> {
        self.schedules.get_mut(class)?.take(Instant::now())
    }

    fn begin(&mut self, class: usize, due: Instant, turn: u64) -> io::Result<()> {
        let Some(visit) = self.visit(class, turn)? else {
            return Ok(());
        };
        if let Some(tally) = self.tallies.get_mut(class) {
            tally.begun += 1;
        }
        let key = self.live.insert(Live {
            class,
            visit,
            due,
            sent: None,
        });
        self.ask(key)
    }

    /// The log-on that is the `turn`th of this worker in that class; none without people.
    fn visit(&mut self, class: usize, turn: u64) -> io::Result<Option<Visit>> {
        let Some((class, number, person)) = self.whose(class, turn) else {
            return Ok(None);
        };
        let proof = match is_wrong_turn(turn, class.wrong_percent) {
            true => Proof::Guess,
            false => class.proof,
        };
        let name = name(&person.name, proof);
        let password = password(person, proof);
        let outer = self.plan.outer_identity.as_deref();
        let comes_back = class.resumes && proof == Proof::Right;
        let guest = Guest {
            outer: outer.filter(|_| class.method.is_eap()).unwrap_or(&name),
            device: match comes_back {
                true => number,
                false => self.share.device(turn),
            },
            password: &password,
        };
        let Some(devices) = self.devices.as_mut().filter(|_| class.method.is_eap()) else {
            return Ok(Some(Visit::bare(class.method, &guest, proof)));
        };
        let device = comes_back.then_some(number);
        let names = (guest.outer, &*name);
        let supplicant = devices.supplicant(class.method, device, names, &password);
        let supplicant = supplicant.map_err(io::Error::other)?;
        Ok(Some(Visit::eap(&guest, proof, supplicant)))
    }

    fn whose(&self, class: usize, turn: u64) -> Option<(&'a Class, usize, &'a Person)> {
        let class = self.classes.get(class)?;
        let number = self.share.person(turn, &class.people)?;
        Some((class, number, self.plan.people.get(number)?))
    }

    /// Sends the next request of a log-on.
    fn ask(&mut self, key: usize) -> io::Result<()> {
        let Some(ticket) = self.lanes.take(key)? else {
            self.end(key, Ending::Wrong("too many requests under way"));
            return Ok(());
        };
        let Some(live) = self.live.get_mut(key) else {
            return Ok(());
        };
        let authenticator = crate::random::bytes();
        match write(self.plan, &mut live.visit, ticket, authenticator) {
            Some(datagram) => {
                self.serial += 1;
                self.lanes.send(ticket, &datagram)?;
                live.sent = Some(Sent {
                    ticket,
                    authenticator,
                    datagram,
                    tries: 1,
                    serial: self.serial,
                });
                let due = Instant::now() + self.plan.retransmission.first;
                self.timers.push(Reverse((due, key, self.serial)));
                if let Some(tally) = self.tallies.get_mut(live.class) {
                    tally.requests += 1;
                }
            }
            None => {
                self.lanes.give_back(ticket);
                self.end(key, Ending::Wrong("the request does not fit into a packet"));
            }
        }
        Ok(())
    }

    /// Sends again what has waited too long, and gives up what was sent often enough.
    fn send_again(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while self
            .timers
            .peek()
            .is_some_and(|Reverse((due, ..))| *due <= now)
        {
            let Some(Reverse((_, key, serial))) = self.timers.pop() else {
                break;
            };
            let Some(live) = self.live.get_mut(key) else {
                continue;
            };
            let class = live.class;
            let waiting = live.sent.as_mut().filter(|sent| sent.serial == serial);
            let Some(sent) = waiting else {
                continue;
            };
            if sent.tries >= self.plan.retransmission.tries {
                self.end(key, Ending::Wrong("no answer"));
                continue;
            }
            sent.tries += 1;
            let wait =
                self.plan.retransmission.first * 2_u32.pow(u32::from(sent.tries.min(12)) - 1);
            self.lanes.send(sent.ticket, &sent.datagram)?;
            self.timers.push(Reverse((now + wait, key, serial)));
            if let Some(tally) = self.tallies.get_mut(class) {
                tally.retransmissions += 1;
            }
        }
        Ok(())
    }

    fn receive_all(&mut self, lane: usize) -> io::Result<()> {
        let mut buffer = [0; LARGEST_PACKET];
        loop {
            match self.lanes.receive(lane, &mut buffer) {
                Ok(Some(length)) => {
                    self.handle(lane, buffer.get(..length).unwrap_or_default())?;
                }
                Ok(None) => return Ok(()),
                // Nobody listens there (yet): the request is sent again in time.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn handle(&mut self, lane: usize, datagram: &[u8]) -> io::Result<()> {
        let Ok(reply) = Packet::parse(datagram) else {
            self.discard(None, "malformed");
            return Ok(());
        };
        let ticket = Ticket {
            lane,
            identifier: reply.identifier(),
        };
        let Some(key) = self.lanes.holder(ticket) else {
            self.discard(None, "an answer that nobody waits for");
            return Ok(());
        };
        let Some(live) = self.live.get_mut(key) else {
            return Ok(());
        };
        let Some(authenticator) = live.sent.as_ref().map(|sent| sent.authenticator) else {
            return Ok(());
        };
        let (plan, class) = (self.plan, live.class);
        if let Err(error) = verify_reply_with(&reply, &authenticator, &plan.secret, plan.policy) {
            self.discard(Some(class), error.label());
            return Ok(());
        }
        let next = live.visit.handle(&reply, &authenticator, &plan.secret);
        live.sent = None;
        self.lanes.give_back(ticket);
        match next {
            Next::Request => self.ask(key),
            Next::Ended(ending) => {
                self.end(key, ending);
                Ok(())
            }
        }
    }

    fn discard(&mut self, class: Option<usize>, why: &'static str) {
        if let Some(tally) = self.tallies.get_mut(class.unwrap_or(0)) {
            tally.discard(why);
        }
    }

    fn end(&mut self, key: usize, ending: Ending) {
        let Some(live) = self.live.try_remove(key) else {
            return;
        };
        if let Some(sent) = &live.sent {
            self.lanes.give_back(sent.ticket);
        }
        let now = Instant::now();
        let (at, latency) = (now - self.began, now.saturating_duration_since(live.due));
        if let Some(tally) = self.tallies.get_mut(live.class) {
            tally.end(ending, at, latency);
        }
        if let Some(schedule) = self.schedules.get_mut(live.class) {
            schedule.ended();
        }
        self.ended.all += 1;
        self.ended.wrong += u64::from(matches!(ending, Ending::Wrong(_)));
    }
}

impl Share {
    /// One that no other log-on of this class has.
    fn device(self, turn: u64) -> usize {
        let turn = usize::try_from(turn).unwrap_or(usize::MAX);
        turn.wrapping_mul(self.of).wrapping_add(self.number)
    }

    /// Whose turn it is: each worker goes round people of its own, so that devices stay with it.
    fn person(self, turn: u64, people: &Range<usize>) -> Option<usize> {
        let mine = people.clone().skip(self.number).step_by(self.of);
        let count = mine.len();
        people
            .clone()
            .skip(self.number)
            .step_by(self.of)
            .nth(usize::try_from(turn).ok()?.checked_rem(count)?)
    }
}

fn name(of: &str, proof: Proof) -> Cow<'_, str> {
    match (proof, of.split_once('@')) {
        (Proof::Nobody, None) => Cow::Owned(nobody()),
        (Proof::Nobody, Some((_, realm))) => Cow::Owned(format!("{}@{realm}", nobody())),
        _ => Cow::Borrowed(of),
    }
}

fn nobody() -> String {
    format!("nobody-{:016x}", u64::from_ne_bytes(crate::random::bytes()))
}

fn password(person: &Person, proof: Proof) -> Zeroizing<String> {
    match proof {
        Proof::Right => person.password.clone(),
        Proof::Stale => Zeroizing::new("an old password".to_owned()),
        Proof::Guess | Proof::Nobody => {
            let guess = u64::from_ne_bytes(crate::random::bytes());
            Zeroizing::new(format!("guess {guess:016x}"))
        }
    }
}

/// Whether this turn is one of `percent` in a hundred, spread evenly.
fn is_wrong_turn(turn: u64, percent: f64) -> bool {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share needs no more than 53 bits"
    )]
    let share = |turn: u64| (turn as f64 * percent / 100.0).floor();
    share(turn + 1) > share(turn)
}

fn write(
    plan: &Plan,
    visit: &mut Visit,
    ticket: Ticket,
    authenticator: [u8; 16],
) -> Option<Vec<u8>> {
    let mut buffer = [0; LARGEST_PACKET];
    let begin = match visit.is_status() {
        true => RequestWriter::status_server,
        false => RequestWriter::access_request,
    };
    let mut request = begin(ticket.identifier, authenticator, &mut buffer).ok()?;
    visit
        .write(&mut request, &plan.secret, &crate::random::bytes())
        .ok()?;
    request.finish(&plan.secret).ok().map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_goes_round_people_of_its_own() {
        let worker = Share { number: 1, of: 2 };
        let people: Vec<_> = (0..4).map(|turn| worker.person(turn, &(10..15))).collect();
        assert_eq!(people, [Some(11), Some(13), Some(11), Some(13)]);
        assert_eq!(worker.person(0, &(10..11)), None);
    }

    #[test]
    fn wrong_passwords_are_spread_evenly() {
        let wrong = |percent| {
            (0..1000)
                .filter(|turn| is_wrong_turn(*turn, percent))
                .count()
        };
        assert_eq!((wrong(0.0), wrong(5.0), wrong(100.0)), (0, 50, 1000));
        assert_eq!((0..20).filter(|turn| is_wrong_turn(*turn, 5.0)).count(), 1);
    }
}
