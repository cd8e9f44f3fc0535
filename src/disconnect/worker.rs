//! The thread of the requests: one socket for each IP version, the reducer, a deadline.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use portvakt_accounting::disconnect::{Answer, Sender};
use portvakt_radius::{DynamicAnswer, DynamicAnswerError, Packet};
use socket2::{Domain, Protocol, Socket, Type};

use super::ticket::Ticket;
use super::{Shared, wire};
use crate::transport::LARGEST_PACKET;

const IPV4: Token = Token(0);
const IPV6: Token = Token(1);
const WAKE: Token = Token(2);

/// Answers taken from a socket before requests have their turn again.
const ANSWERS_AT_ONCE: usize = 256;
/// Longest sleep while requests are open.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Sockets and reducer; they die together, and every open ticket then tells its interruption.
struct Worker {
    shared: Arc<Shared>,
    ipv4: UdpSocket,
    /// `None` on a machine without IPv6.
    ipv6: Option<UdpSocket>,
    sender: Sender<Ticket>,
}

/// Starts the thread; it ends once the inbox is closed.
pub(super) fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    let worker = Worker::open(Arc::clone(&shared), &poll)?;
    // Once only: the caller starts one thread.
    let _ = shared.waker.set(waker);
    std::thread::Builder::new()
        .name("disconnect".to_owned())
        .spawn(move || run(worker, poll))
}

/// Runs the worker, and another in its place should it panic.
fn run(mut worker: Worker, mut poll: Poll) {
    let shared = Arc::clone(&worker.shared);
    loop {
        let ran = catch_unwind(AssertUnwindSafe(|| worker.run(&mut poll)));
        match ran {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::error!(%error, "ending sessions failed; it begins anew");
                std::thread::sleep(LONGEST_SLEEP);
            }
            Err(_) => tracing::error!("ending sessions panicked; it begins anew"),
        }
        drop(worker);
        worker = match Worker::open(Arc::clone(&shared), &poll) {
            Ok(worker) => worker,
            Err(error) => {
                tracing::error!(%error, "sessions are not ended until a restart");
                let mut inbox = shared.inbox();
                inbox.is_closed = true;
                let jobs = std::mem::take(&mut inbox.jobs);
                drop(inbox);
                return drop(jobs);
            }
        };
    }
}

impl Worker {
    fn open(shared: Arc<Shared>, poll: &Poll) -> io::Result<Self> {
        let any = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into());
        let mut ipv4 = bind(SocketAddr::new(any.0, 0))?;
        let registry = poll.registry();
        registry.register(&mut ipv4, IPV4, Interest::READABLE)?;
        let mut ipv6 = bind(SocketAddr::new(any.1, 0)).ok();
        if let Some(socket) = &mut ipv6 {
            registry.register(socket, IPV6, Interest::READABLE)?;
        }
        let [first_identifier] = crate::random::bytes();
        Ok(Self {
            shared,
            ipv4,
            ipv6,
            sender: Sender::new(first_identifier),
        })
    }

    /// Until the inbox is closed.
    fn run(&mut self, poll: &mut Poll) -> io::Result<()> {
        let mut events = Events::with_capacity(8);
        let mut buffer = [0; LARGEST_PACKET];
        loop {
            if !self.take_jobs() {
                return Ok(());
            }
            let has_more = self.receive(&mut buffer);
            self.transmit();
            self.settle();
            let patience = match has_more {
                true => Some(Duration::ZERO),
                false => self.sleep(),
            };
            match poll.poll(&mut events, patience) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }

    /// Whether to go on.
    fn take_jobs(&mut self) -> bool {
        let mut inbox = self.shared.inbox();
        let jobs = std::mem::take(&mut inbox.jobs);
        let goes_on = !inbox.is_closed;
        drop(inbox);
        if goes_on {
            for (to, job) in jobs {
                self.sender.queue(to, job);
            }
        }
        goes_on
    }

    /// Takes the answers that are there; whether more may be left. Poll is edge-triggered and does not
    /// tell of those again.
    fn receive(&mut self, buffer: &mut [u8]) -> bool {
        let mut has_more = false;
        for is_ipv6 in [false, true] {
            has_more |= self.receive_from(is_ipv6, buffer);
        }
        has_more
    }

    fn receive_from(&mut self, is_ipv6: bool, buffer: &mut [u8]) -> bool {
        for _ in 0..ANSWERS_AT_ONCE {
            let socket = match is_ipv6 {
                false => Some(&self.ipv4),
                true => self.ipv6.as_ref(),
            };
            let Some(Ok((length, from))) = socket.map(|socket| socket.recv_from(buffer)) else {
                return false;
            };
            self.answered(from, buffer.get(..length).unwrap_or_default());
        }
        true
    }

    fn answered(&mut self, from: SocketAddr, datagram: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let Ok(answer) = Packet::parse(datagram) else {
            return self.shared.metrics.disconnect_answer_refused();
        };
        let now = self.now();
        let identifier = answer.identifier();
        let Some((ticket, request)) = self.sender.open_request(from, identifier) else {
            // An answer that came twice, or too late.
            return;
        };
        match read(&answer, request, ticket, now) {
            Ok(DynamicAnswer::Ack(_)) => self.sender.answered(from, identifier, Answer::Ack),
            Ok(DynamicAnswer::Nak(cause)) => {
                let cause = cause.map(|cause| cause.number());
                self.sender.answered(from, identifier, Answer::Nak(cause));
            }
            Err(error) => {
                ticket.refused = Some(error);
                self.shared.metrics.disconnect_answer_refused();
                tracing::debug!(%from, %error, "answer of a NAS refused");
            }
        }
    }

    fn transmit(&mut self) {
        let (now, tick) = (self.now(), self.shared.clock.now().tick);
        let sent = self.sender.advance(tick, |ticket, identifier, request| {
            let secret = ticket.secret.as_ref()?;
            wire::encode(request, identifier, now, secret)
        });
        for transmission in sent {
            let to = transmission.to;
            let socket = match to {
                SocketAddr::V4(_) => Some(&self.ipv4),
                SocketAddr::V6(_) => self.ipv6.as_ref(),
            };
            let sent = socket.map(|socket| socket.send_to(&transmission.packet, to));
            if let Some(Err(error)) = sent {
                // As if it were lost on the way: it is sent again.
                tracing::debug!(%to, %error, "Disconnect-Request not sent");
            }
        }
    }

    fn settle(&mut self) {
        for (ticket, outcome) in self.sender.take_outcomes() {
            ticket.settle(outcome);
        }
    }

    fn sleep(&self) -> Option<Duration> {
        let due = self.sender.next_due()?;
        let left = due.since(self.shared.clock.now().tick);
        Some(left.min(LONGEST_SLEEP))
    }

    /// Seconds since 1970.
    fn now(&self) -> u32 {
        let now = self.shared.clock.now().utc.as_second();
        u32::try_from(now).unwrap_or(0)
    }
}

fn read(
    answer: &Packet<'_>,
    request: &[u8],
    ticket: &Ticket,
    now: u32,
) -> Result<DynamicAnswer, DynamicAnswerError> {
    let request = Packet::parse(request).map_err(|_| DynamicAnswerError::Code)?;
    let secret = ticket.secret.as_ref().ok_or(DynamicAnswerError::Code)?;
    DynamicAnswer::read(answer, &request, secret, now)
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}
