//! A worker thread: starts log-ons when they are due, retransmits lost requests, checks every
//! reply.

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
use crate::login::{Credentials, Login, Step};
use crate::plan::{Class, Phase, Plan, Proof};
use crate::sockets::{RequestId, Sockets};
use crate::stats::{Outcome, Stats};
use crate::tls::Devices;
use crate::users::User;

/// Maximum length of a RADIUS packet (RFC 2865 §3), in octets.
const LARGEST_PACKET: usize = 4096;
/// Longest wait for replies, so that progress is reported and the end of a phase is noticed.
const MAX_WAIT: Duration = Duration::from_millis(20);

/// Counters that the progress bar reads while the workers run.
#[derive(Default)]
pub(crate) struct Progress {
    /// Log-ons that ended.
    pub ended: AtomicU64,
    /// Of those, wrong ones.
    pub wrong: AtomicU64,
}

/// Counts not yet added to [`Progress`].
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

/// Worker `number` of `of`, counted from 0.
#[derive(Clone, Copy)]
pub(crate) struct WorkerShare {
    pub number: usize,
    pub of: usize,
}

/// A log-on in flight.
struct ActiveLogin {
    class: usize,
    login: Login,
    due: Instant,
    sent: Option<Sent>,
}

/// A request that waits for its reply.
struct Sent {
    id: RequestId,
    authenticator: [u8; 16],
    datagram: Vec<u8>,
    tries: u8,
    serial: u64,
}

/// Retransmission time, key of the log-on and serial number of the request; of no effect if the
/// log-on has sent another request since.
type Timer = Reverse<(Instant, usize, u64)>;

pub(crate) struct Worker<'a> {
    plan: &'a Plan,
    classes: &'a [Class],
    share: WorkerShare,
    began: Instant,
    sockets: Sockets,
    devices: Option<Devices<'a>>,
    schedules: Vec<Schedule>,
    stats: Vec<Stats>,
    active: Slab<ActiveLogin>,
    timers: BinaryHeap<Timer>,
    serial: u64,
    ended: Ended,
}

impl<'a> Worker<'a> {
    /// A worker whose devices have no sessions yet.
    pub(crate) fn new(plan: &'a Plan, share: WorkerShare) -> io::Result<Self> {
        Ok(Self {
            plan,
            classes: &[],
            share,
            began: Instant::now(),
            sockets: Sockets::new(plan.server, plan.source, plan.ports)?,
            devices: plan
                .tls
                .as_ref()
                .map(|tls| Devices::new(tls, plan.users.len())),
            schedules: Vec::new(),
            stats: Vec::new(),
            active: Slab::new(),
            timers: BinaryHeap::new(),
            serial: 0,
            ended: Ended::default(),
        })
    }

    /// Runs one phase to its end and returns the statistics of each class.
    pub(crate) fn run(
        &mut self,
        phase: &'a Phase,
        began: Instant,
        progress: &Progress,
    ) -> io::Result<Vec<Stats>> {
        self.classes = &phase.classes;
        self.began = began;
        let schedule = |class: &Class| Schedule::new(class, self.share, began, phase.length);
        self.schedules = phase.classes.iter().map(schedule).collect();
        self.stats = phase.classes.iter().map(|_| Stats::default()).collect();
        while self.has_more(Instant::now()) {
            self.begin_due()?;
            self.retransmit()?;
            let timeout = self.timeout(Instant::now());
            for socket in self.sockets.wait(timeout)? {
                self.receive_all(socket)?;
            }
            progress.add(&mut self.ended);
        }
        progress.add(&mut self.ended);
        Ok(std::mem::take(&mut self.stats))
    }

    fn has_more(&self, now: Instant) -> bool {
        !self.active.is_empty() || self.schedules.iter().any(|schedule| !schedule.is_over(now))
    }

    /// Time until the next log-on or retransmission is due.
    fn timeout(&self, now: Instant) -> Duration {
        let next = self
            .schedules
            .iter()
            .filter_map(|schedule| schedule.next(now));
        let timer = self.timers.peek().map(|Reverse((due, ..))| *due);
        let first = next.chain(timer).min();
        first.map_or(MAX_WAIT, |first| {
            first.saturating_duration_since(now).min(MAX_WAIT)
        })
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
        let Some(login) = self.login(class, turn)? else {
            return Ok(());
        };
        if let Some(stats) = self.stats.get_mut(class) {
            stats.begun += 1;
        }
        let key = self.active.insert(ActiveLogin {
            class,
            login,
            due,
            sent: None,
        });
        self.ask(key)
    }

    /// Log-on number `turn` of this worker in that class; `None` if its share has no users.
    fn login(&mut self, class: usize, turn: u64) -> io::Result<Option<Login>> {
        let Some((class, number, user)) = self.class_and_user(class, turn) else {
            return Ok(None);
        };
        let proof = match is_wrong_turn(turn, class.wrong_percent) {
            true => Proof::Guess,
            false => class.proof,
        };
        let name = name(&user.name, proof);
        let password = password(user, proof);
        let outer = self.plan.outer_identity.as_deref();
        let comes_back = class.resumes && proof == Proof::Right;
        let credentials = Credentials {
            outer: outer.filter(|_| class.method.is_eap()).unwrap_or(&name),
            device: match comes_back {
                true => number,
                false => self.share.device(turn),
            },
            password: &password,
        };
        let Some(devices) = self.devices.as_mut().filter(|_| class.method.is_eap()) else {
            return Ok(Some(Login::bare(class.method, &credentials, proof)));
        };
        let device = comes_back.then_some(number);
        let names = (credentials.outer, &*name);
        let supplicant = devices.supplicant(class.method, device, names, &password);
        let supplicant = supplicant.map_err(io::Error::other)?;
        Ok(Some(Login::eap(&credentials, proof, supplicant)))
    }

    fn class_and_user(&self, class: usize, turn: u64) -> Option<(&'a Class, usize, &'a User)> {
        let class = self.classes.get(class)?;
        let number = self.share.user(turn, &class.users)?;
        Some((class, number, self.plan.users.get(number)?))
    }

    /// Sends the next request of a log-on.
    fn ask(&mut self, key: usize) -> io::Result<()> {
        let Some(id) = self.sockets.reserve(key)? else {
            self.end(key, Outcome::Wrong("too many requests under way"));
            return Ok(());
        };
        let Some(active) = self.active.get_mut(key) else {
            return Ok(());
        };
        let authenticator = crate::random::bytes();
        match write(self.plan, &mut active.login, id, authenticator) {
            Some(datagram) => {
                self.serial += 1;
                self.sockets.send(id, &datagram)?;
                active.sent = Some(Sent {
                    id,
                    authenticator,
                    datagram,
                    tries: 1,
                    serial: self.serial,
                });
                let due = Instant::now() + self.plan.retransmission.first;
                self.timers.push(Reverse((due, key, self.serial)));
                if let Some(stats) = self.stats.get_mut(active.class) {
                    stats.requests += 1;
                }
            }
            None => {
                self.sockets.release(id);
                self.end(
                    key,
                    Outcome::Wrong("the request does not fit into a packet"),
                );
            }
        }
        Ok(())
    }

    /// Retransmits requests whose time has come; ends log-ons that are out of tries.
    fn retransmit(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while self
            .timers
            .peek()
            .is_some_and(|Reverse((due, ..))| *due <= now)
        {
            let Some(Reverse((_, key, serial))) = self.timers.pop() else {
                break;
            };
            let Some(active) = self.active.get_mut(key) else {
                continue;
            };
            let class = active.class;
            let waiting = active.sent.as_mut().filter(|sent| sent.serial == serial);
            let Some(sent) = waiting else {
                continue;
            };
            if sent.tries >= self.plan.retransmission.tries {
                self.end(key, Outcome::Wrong("no answer"));
                continue;
            }
            sent.tries += 1;
            let wait =
                self.plan.retransmission.first * 2_u32.pow(u32::from(sent.tries.min(12)) - 1);
            self.sockets.send(sent.id, &sent.datagram)?;
            self.timers.push(Reverse((now + wait, key, serial)));
            if let Some(stats) = self.stats.get_mut(class) {
                stats.retransmissions += 1;
            }
        }
        Ok(())
    }

    fn receive_all(&mut self, socket: usize) -> io::Result<()> {
        let mut buffer = [0; LARGEST_PACKET];
        loop {
            match self.sockets.receive(socket, &mut buffer) {
                Ok(Some(length)) => {
                    self.handle(socket, buffer.get(..length).unwrap_or_default())?;
                }
                Ok(None) => return Ok(()),
                // No server listens (yet): the request is retransmitted later.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn handle(&mut self, socket: usize, datagram: &[u8]) -> io::Result<()> {
        let Ok(reply) = Packet::parse(datagram) else {
            self.discard(None, "malformed");
            return Ok(());
        };
        let id = RequestId {
            socket,
            identifier: reply.identifier(),
        };
        let Some(key) = self.sockets.owner(id) else {
            self.discard(None, "an answer that nobody waits for");
            return Ok(());
        };
        let Some(active) = self.active.get_mut(key) else {
            return Ok(());
        };
        let Some(authenticator) = active.sent.as_ref().map(|sent| sent.authenticator) else {
            return Ok(());
        };
        let (plan, class) = (self.plan, active.class);
        if let Err(error) = verify_reply_with(&reply, &authenticator, &plan.secret, plan.policy) {
            self.discard(Some(class), error.label());
            return Ok(());
        }
        let next = active.login.handle(&reply, &authenticator, &plan.secret);
        active.sent = None;
        self.sockets.release(id);
        match next {
            Step::Request => self.ask(key),
            Step::Ended(outcome) => {
                self.end(key, outcome);
                Ok(())
            }
        }
    }

    fn discard(&mut self, class: Option<usize>, why: &'static str) {
        if let Some(stats) = self.stats.get_mut(class.unwrap_or(0)) {
            stats.discard(why);
        }
    }

    fn end(&mut self, key: usize, outcome: Outcome) {
        let Some(active) = self.active.try_remove(key) else {
            return;
        };
        if let Some(sent) = &active.sent {
            self.sockets.release(sent.id);
        }
        let now = Instant::now();
        let (at, latency) = (now - self.began, now.saturating_duration_since(active.due));
        if let Some(stats) = self.stats.get_mut(active.class) {
            stats.end(outcome, at, latency);
        }
        if let Some(schedule) = self.schedules.get_mut(active.class) {
            schedule.ended();
        }
        self.ended.all += 1;
        self.ended.wrong += u64::from(matches!(outcome, Outcome::Wrong(_)));
    }
}

impl WorkerShare {
    /// A device number that no other log-on of this class has.
    fn device(self, turn: u64) -> usize {
        let turn = usize::try_from(turn).unwrap_or(usize::MAX);
        turn.wrapping_mul(self.of).wrapping_add(self.number)
    }

    /// Index of the user of log-on `turn`: workers have users of their own, so that devices and
    /// their sessions stay with one worker.
    fn user(self, turn: u64, users: &Range<usize>) -> Option<usize> {
        let mine = users.clone().skip(self.number).step_by(self.of);
        let count = mine.len();
        users
            .clone()
            .skip(self.number)
            .step_by(self.of)
            .nth(usize::try_from(turn).ok()?.checked_rem(count)?)
    }
}

fn name(of: &str, proof: Proof) -> Cow<'_, str> {
    match (proof, of.split_once('@')) {
        (Proof::UnknownUser, None) => Cow::Owned(unknown_user()),
        (Proof::UnknownUser, Some((_, realm))) => Cow::Owned(format!("{}@{realm}", unknown_user())),
        _ => Cow::Borrowed(of),
    }
}

fn unknown_user() -> String {
    format!("nobody-{:016x}", u64::from_ne_bytes(crate::random::bytes()))
}

fn password(user: &User, proof: Proof) -> Zeroizing<String> {
    match proof {
        Proof::Right => user.password.clone(),
        Proof::Stale => Zeroizing::new("an old password".to_owned()),
        Proof::Guess | Proof::UnknownUser => {
            let guess = u64::from_ne_bytes(crate::random::bytes());
            Zeroizing::new(format!("guess {guess:016x}"))
        }
    }
}

/// Whether log-on `turn` is one of `percent` in a hundred, spread evenly.
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
    login: &mut Login,
    id: RequestId,
    authenticator: [u8; 16],
) -> Option<Vec<u8>> {
    let mut buffer = [0; LARGEST_PACKET];
    let begin = match login.is_status() {
        true => RequestWriter::status_server,
        false => RequestWriter::access_request,
    };
    let mut request = begin(id.identifier, authenticator, &mut buffer).ok()?;
    login
        .write(&mut request, &plan.secret, &crate::random::bytes())
        .ok()?;
    request.finish(&plan.secret).ok().map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_have_users_of_their_own() {
        let worker = WorkerShare { number: 1, of: 2 };
        let users: Vec<_> = (0..4).map(|turn| worker.user(turn, &(10..15))).collect();
        assert_eq!(users, [Some(11), Some(13), Some(11), Some(13)]);
        assert_eq!(worker.user(0, &(10..11)), None);
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
