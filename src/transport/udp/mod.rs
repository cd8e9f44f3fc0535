//! RADIUS over UDP: the listeners, their sockets and threads.

mod datagram;
mod receiver;
mod reject_delay;
pub(super) mod responder;
pub(super) mod socket;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::duplicates::Duplicates;
use super::{Purpose, RequestHandler};
use receiver::Receiver;
use reject_delay::RejectDelay;
use responder::Outbox;
use socket::ServerSocket;

/// The most exchanges remembered at once, by all sockets together.
const EXCHANGES: usize = 200_000;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address; port 0 is any free one.
    pub address: SocketAddr,
    /// The requests that it serves.
    pub purpose: Purpose,
}

/// How the sockets are opened and how long exchanges are remembered.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Sockets, and so threads, for each address of authentication. Accounting has one: it does
    /// little before the store, which has one thread, too.
    pub sockets_per_address: usize,
    /// Octets asked of the kernel for each socket's receive queue.
    pub receive_buffer: usize,
    /// How long an answer is kept for retransmissions (R4).
    pub duplicate_lifetime: Duration,
}

/// The running listeners of all addresses.
pub struct Listeners {
    addresses: Vec<Listen>,
    /// One for each socket.
    outboxes: Vec<Arc<Outbox>>,
    delay: RejectDelay,
    stop: Arc<AtomicBool>,
    receivers: Vec<JoinHandle<()>>,
    rejects: JoinHandle<()>,
}

/// Why a listener could not start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can't be bound.
    #[error("can't listen on {address}: {error}")]
    Bind {
        /// The address as configured.
        address: SocketAddr,
        /// The kernel's error.
        error: std::io::Error,
    },
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(std::io::Error),
}

impl Listeners {
    /// Binds all `addresses` and starts their threads.
    ///
    /// # Errors
    /// The first address that can't be bound; none is left open then.
    pub fn start<H: RequestHandler>(
        addresses: &[Listen],
        options: Options,
        handler: &Arc<H>,
    ) -> Result<Self, ListenError> {
        Self::take_over(addresses, Vec::new(), options, handler)
    }

    /// As [`Self::start`], on the sockets of the process before where it had the same addresses. Of
    /// port 0, those on any port.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn take_over<H: RequestHandler>(
        addresses: &[Listen],
        mut inherited: Vec<(Purpose, UdpSocket)>,
        options: Options,
        handler: &Arc<H>,
    ) -> Result<Self, ListenError> {
        let mut endpoints = Vec::new();
        for &Listen { address, purpose } in addresses {
            let taken = take_of(&mut inherited, Listen { address, purpose });
            let sockets = match purpose {
                Purpose::Authentication => options.sockets_per_address,
                Purpose::Accounting => 1,
            };
            let bound = match taken.is_empty() {
                true => socket::bind(address, sockets, options.receive_buffer),
                false => socket::take_over(taken),
            };
            let bound = bound.map_err(|error| ListenError::Bind { address, error })?;
            endpoints.extend(bound.into_iter().map(|socket| (socket, purpose)));
        }
        let listens = |(socket, purpose): &(ServerSocket, Purpose)| Listen {
            address: socket.address(),
            purpose: *purpose,
        };
        let mut bound: Vec<_> = endpoints.iter().map(listens).collect();
        bound.dedup();
        let delay = RejectDelay::new();
        let capacity = EXCHANGES / endpoints.len().max(1);
        let outbox = |(socket, purpose)| {
            Arc::new(Outbox {
                socket,
                purpose,
                duplicates: Duplicates::new(options.duplicate_lifetime, capacity),
                delayed: delay.clone(),
            })
        };
        let outboxes: Vec<_> = endpoints.into_iter().map(outbox).collect();
        let rejects = delay.start();
        let mut listeners = Self {
            addresses: bound,
            outboxes,
            rejects: rejects.map_err(ListenError::Thread)?,
            delay,
            stop: Arc::default(),
            receivers: Vec::new(),
        };
        listeners.start_receiving(handler)?;
        Ok(listeners)
    }

    fn start_receiving<H: RequestHandler>(&mut self, handler: &Arc<H>) -> Result<(), ListenError> {
        for (index, outbox) in self.outboxes.iter().enumerate() {
            let receiver = Receiver {
                outbox: Arc::clone(outbox),
                handler: Arc::clone(handler),
            };
            let stop = Arc::clone(&self.stop);
            let thread = std::thread::Builder::new()
                .name(format!("radius-{index}"))
                .spawn(move || receiver.run(&stop))
                .map_err(ListenError::Thread)?;
            self.receivers.push(thread);
        }
        Ok(())
    }

    /// The bound addresses, with the ports that were chosen where 0 was asked.
    #[must_use]
    pub fn addresses(&self) -> &[Listen] {
        &self.addresses
    }

    /// Other handles of all sockets, for the process that takes over.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn handles(&self) -> std::io::Result<Vec<(Purpose, UdpSocket)>> {
        let handle = |outbox: &Arc<Outbox>| Ok((outbox.purpose, outbox.socket.handle()?));
        self.outboxes.iter().map(handle).collect()
    }

    /// Forgets exchanges older than their lifetime.
    pub fn sweeper(&self) -> impl Fn(Instant) + Send + 'static {
        let outboxes = self.outboxes.clone();
        move |now| {
            for outbox in &outboxes {
                outbox.duplicates.sweep(now);
            }
        }
    }

    /// Stops receiving; what is being worked on may still be answered through its [`Responder`](crate::transport::Responder).
    pub fn stop_receiving(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for receiver in self.receivers.drain(..) {
            if receiver.join().is_err() {
                tracing::error!("a receiving thread had panicked");
            }
        }
    }

    /// Sends the rejects that wait, and ends.
    pub fn close(mut self) {
        self.stop_receiving();
        self.delay.close();
        if self.rejects.join().is_err() {
            tracing::error!("the thread of delayed rejects had panicked");
        }
    }
}

/// The inherited sockets of a listening address.
fn take_of(inherited: &mut Vec<(Purpose, UdpSocket)>, listen: Listen) -> Vec<UdpSocket> {
    let is_of = |(purpose, socket): &mut (Purpose, UdpSocket)| {
        let bound = socket.local_addr();
        let is_there = bound.is_ok_and(|bound| match listen.address.port() {
            0 => bound.ip() == listen.address.ip(),
            _ => bound == listen.address,
        });
        *purpose == listen.purpose && is_there
    };
    let taken = inherited.extract_if(.., is_of);
    taken.map(|(_, socket)| socket).collect()
}
