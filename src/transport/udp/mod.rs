//! RADIUS over UDP: the listeners, their sockets and threads.

mod datagram;
mod receiver;
mod reject_delay;
pub(super) mod responder;
pub(super) mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::RequestHandler;
use super::duplicates::Duplicates;
use receiver::Receiver;
use reject_delay::RejectDelay;
use responder::Outbox;
use socket::ServerSocket;

/// The most exchanges remembered at once, by all sockets together.
const EXCHANGES: usize = 200_000;

/// How the sockets are opened and how long exchanges are remembered.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Sockets, and so threads, for each address.
    pub sockets_per_address: usize,
    /// Octets asked of the kernel for each socket's receive queue.
    pub receive_buffer: usize,
    /// How long an answer is kept for retransmissions (R4).
    pub duplicate_lifetime: Duration,
}

/// The running listeners of all addresses.
pub struct Listeners {
    addresses: Vec<SocketAddr>,
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
        addresses: &[SocketAddr],
        options: Options,
        handler: &Arc<H>,
    ) -> Result<Self, ListenError> {
        let mut endpoints = Vec::new();
        for &address in addresses {
            endpoints.extend(
                socket::bind(address, options.sockets_per_address, options.receive_buffer)
                    .map_err(|error| ListenError::Bind { address, error })?,
            );
        }
        let mut bound: Vec<_> = endpoints.iter().map(ServerSocket::address).collect();
        bound.dedup();
        let delay = RejectDelay::new();
        let capacity = EXCHANGES / endpoints.len().max(1);
        let outbox = |socket| {
            Arc::new(Outbox {
                socket,
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
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
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
