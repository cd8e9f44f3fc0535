//! Accepting connections: the one loop that every listening socket goes through.
//!
//! ```text
//!  accept ── Room::take ──> Place, which the connection holds until it ends
//!     │           └ none left: the newcomer is dropped at once, so no backlog waits
//!     └ error: a pause that grows, and the spare descriptor (Watch)
//! ```
//!
//! A connection costs a descriptor, and the directory, the store and the audit log need some too:
//! the number of places bounds the connections.

mod room;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::socket::{Shutdown, shutdown};

pub(crate) use room::{Place, Room};

/// After an error that may stay: twice as long each time, up to a second.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two lines of the log about errors of one socket.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A socket that connections come from.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream: Send + 'static;
    /// Waits for the next one.
    fn accept(&self) -> io::Result<Self::Stream>;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    fn accept(&self) -> io::Result<TcpStream> {
        Self::accept(self).map(|(stream, _)| stream)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    fn accept(&self) -> io::Result<UnixStream> {
        Self::accept(self).map(|(stream, _)| stream)
    }
}

/// A listening socket and its thread. Dropping it ends both.
pub(crate) struct Acceptor {
    socket: RawFd,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    // Open for as long as its number is used to wake the thread.
    _listener: Arc<dyn Send + Sync>,
}

impl Acceptor {
    /// Hands each connection that finds a place in `room` to `serve`, which must not wait.
    ///
    /// # Errors
    /// No thread is to be had.
    pub(crate) fn start<L: Listener + AsRawFd>(
        name: &'static str,
        listener: L,
        room: Room,
        serve: impl FnMut(L::Stream, Place) + Send + 'static,
    ) -> io::Result<Self> {
        let listener = Arc::new(listener);
        let socket = listener.as_raw_fd();
        let stop = Arc::new(AtomicBool::new(false));
        let watch = Watch::new(name, Arc::clone(&listener), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || watch.run(&Arc::new(room), serve, std::thread::sleep))?;
        Ok(Self {
            socket,
            stop,
            thread: Some(thread),
            _listener: listener,
        })
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread waits in the kernel; this wakes it.
        let _ = shutdown(self.socket, Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The accepting side of a socket.
struct Watch<L> {
    name: &'static str,
    listener: Arc<L>,
    stop: Arc<AtomicBool>,
    /// Given back where no descriptor is left, so that a waiting peer is taken and dropped rather
    /// than left in the backlog.
    spare: Option<File>,
    failures: u32,
    told: Option<Instant>,
}

impl<L: Listener> Watch<L> {
    fn new(name: &'static str, listener: Arc<L>, stop: Arc<AtomicBool>) -> Self {
        Self {
            name,
            listener,
            stop,
            spare: spare(),
            failures: 0,
            told: None,
        }
    }

    fn run(
        mut self,
        room: &Arc<Room>,
        mut serve: impl FnMut(L::Stream, Place),
        pause: impl Fn(Duration),
    ) {
        loop {
            let accepted = self.listener.accept();
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let stream = match accepted {
                Ok(stream) => {
                    self.failures = 0;
                    Some(stream)
                }
                Err(error) => {
                    self.tell(&error);
                    let stream = is_out_of_descriptors(&error).then(|| self.take_by_spare());
                    if let Some(length) = pause_after(&error, self.failures) {
                        self.failures = self.failures.saturating_add(1);
                        pause(length);
                    }
                    stream.flatten()
                }
            };
            if let Some(stream) = stream
                && let Some(place) = room.take()
            {
                serve(stream, place);
            }
        }
    }

    /// The connection that waits, if there is a descriptor for it after all.
    fn take_by_spare(&mut self) -> Option<L::Stream> {
        self.spare.take()?;
        let stream = self.listener.accept().ok();
        self.spare = spare();
        stream.filter(|_| self.spare.is_some())
    }

    fn tell(&mut self, error: &io::Error) {
        let now = Instant::now();
        if self.told.is_none_or(|told| now - told >= TELL_EVERY) {
            self.told = Some(now);
            tracing::warn!(%error, socket = self.name, "connections can't be accepted");
        }
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// How long to wait after an error, the `failures`-th in a row; `None` after one of that connection
/// alone (accept(2), "Error handling").
fn pause_after(error: &io::Error, failures: u32) -> Option<Duration> {
    let is_of_connection = matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EINTR
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
        )
    );
    let factor = 2_u32.saturating_pow(failures);
    (!is_of_connection).then(|| FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE))
}
