//! The file descriptor store of the service manager (sd_notify(3), sd_pid_notify_with_fds(3)).

use std::io::{self, IoSlice};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixDatagram;

use nix::sys::socket::{ControlMessage, MsgFlags, UnixAddr, sendmsg};

use super::{PROOFS, ProofImage, SOCKETS, memory};
use crate::transport::Purpose;

/// Most descriptors of one message; the kernel takes 253.
const AT_ONCE: usize = 64;

/// A service manager that keeps descriptors while the service restarts.
pub struct FdStore {
    socket: UnixDatagram,
    address: UnixAddr,
}

impl FdStore {
    /// The service manager's, where `NOTIFY_SOCKET` names one.
    #[must_use]
    pub fn of_service_manager() -> Option<Self> {
        let path = std::env::var("NOTIFY_SOCKET").ok()?;
        let opened = Self::open(&path);
        opened
            .inspect_err(|error| tracing::warn!(%error, path, "the service manager is not told"))
            .ok()
    }

    fn open(path: &str) -> io::Result<Self> {
        let address = match path.strip_prefix('@') {
            Some(name) => UnixAddr::new_abstract(name.as_bytes())?,
            None => UnixAddr::new(path)?,
        };
        let socket = UnixDatagram::unbound()?;
        Ok(Self { socket, address })
    }

    /// Has it keep these sockets, in the place of those that it has, and drop proofs that were read.
    pub fn keep_sockets(&self, sockets: &[(Purpose, UdpSocket)]) {
        self.send(&remove(PROOFS), &[]);
        for (name, purpose) in SOCKETS {
            self.send(&remove(name), &[]);
            let of_it = sockets.iter().filter(|(own, _)| *own == purpose);
            let descriptors: Vec<_> = of_it.map(|(_, socket)| socket.as_raw_fd()).collect();
            for some in descriptors.chunks(AT_ONCE) {
                self.send(&keep(name), some);
            }
        }
    }

    /// Has it keep the proofs for the next process.
    pub fn keep_proofs(&self, proofs: &ProofImage) {
        match memory::write(&proofs.to_octets()) {
            Ok(memory) => self.send(&keep(PROOFS), &[memory.as_raw_fd()]),
            Err(error) => tracing::warn!(%error, "the proofs are not kept over the restart"),
        }
    }

    fn send(&self, message: &str, descriptors: &[RawFd]) {
        let rights = [ControlMessage::ScmRights(descriptors)];
        let rights = match descriptors {
            [] => &[][..],
            _ => &rights,
        };
        let text = [IoSlice::new(message.as_bytes())];
        let (socket, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_NOSIGNAL);
        if let Err(error) = sendmsg(socket, &text, rights, flags, Some(&self.address)) {
            tracing::warn!(%error, message, "the service manager does not take a descriptor");
        }
    }
}

fn keep(name: &str) -> String {
    format!("FDSTORE=1\nFDNAME={name}")
}

fn remove(name: &str) -> String {
    format!("FDSTOREREMOVE=1\nFDNAME={name}")
}
