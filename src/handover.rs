//! What a process leaves to the one that takes its place: its sockets, so that no datagram is lost,
//! and the passwords proven lately, so that nobody waits for a hash again. In memory alone.
//!
//! ```text
//!  systemd    sockets ──> file descriptor store, at the start      (FDSTORE=1, sd_notify(3))
//!             proofs ───> a sealed memfd there, at the end
//!                         └──> LISTEN_FDS of the next process
//!  SIGUSR2    the program executes itself anew, with both as LISTEN_FDS
//! ```
//! What cannot be read is left: the next process begins as from nothing.

mod descriptors;
mod image;
mod memory;
mod notify;

pub use descriptors::Inherited;
pub use image::ProofImage;
pub use notify::FdStore;

use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::transport::Purpose;

/// The names of sockets among descriptors that are passed on.
const SOCKETS: [(&str, Purpose); 2] = [
    ("authentication", Purpose::Authentication),
    ("accounting", Purpose::Accounting),
];
/// The name of the memory with the proofs.
const PROOFS: &str = "proofs";

/// Sockets and proofs of a process that has stopped.
pub struct Handover {
    /// RADIUS sockets. The kernel queues what comes meanwhile.
    pub sockets: Vec<(Purpose, UdpSocket)>,
    /// The proofs.
    pub proofs: ProofImage,
}

impl Handover {
    /// Executes `program` in the place of this process, with the same arguments. Returns only where that
    /// fails.
    pub fn execute(self, program: &Path) -> io::Error {
        let memory = match memory::write(&self.proofs.to_octets()) {
            Ok(memory) => memory,
            Err(error) => return error,
        };
        let sockets = self.sockets.into_iter();
        let named = sockets.map(|(purpose, socket)| (name_of(purpose), OwnedFd::from(socket)));
        let named = named.chain([(PROOFS, memory)]);
        match descriptors::command(program, named.collect()) {
            Ok(mut command) => std::os::unix::process::CommandExt::exec(&mut command),
            Err(error) => error,
        }
    }
}

fn name_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Authentication => "authentication",
        Purpose::Accounting => "accounting",
    }
}
