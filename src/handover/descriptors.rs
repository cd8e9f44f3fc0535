//! Descriptors that a process gets at its start (`LISTEN_FDS`, sd_listen_fds(3)).

use std::io;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use command_fds::{CommandFdExt as _, FdMapping};
use listenfd::ListenFd;

use super::{PROOFS, ProofImage, SOCKETS, memory};
use crate::transport::Purpose;

/// The first descriptor that is passed on.
const FIRST: i32 = 3;

/// What the process before has left.
#[derive(Debug, Default)]
pub struct Inherited {
    /// RADIUS sockets, in the order in which they were opened.
    pub sockets: Vec<(Purpose, UdpSocket)>,
    /// Passwords that were proven there.
    pub proofs: Option<ProofImage>,
}

impl Inherited {
    /// Takes what the environment says was passed on. Only the first call finds something. To be
    /// called before there is a second thread: it takes the variables away.
    #[must_use]
    pub fn take() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut passed = ListenFd::from_env();
        let mut inherited = Self::default();
        for (index, name) in names.split(':').enumerate().take(passed.len()) {
            let purpose = SOCKETS.iter().find(|(known, _)| *known == name);
            match (name, purpose) {
                (_, Some((_, purpose))) => match passed.take_udp_socket(index) {
                    Ok(socket) => inherited
                        .sockets
                        .extend(socket.map(|socket| (*purpose, socket))),
                    Err(error) => tracing::warn!(%error, "an inherited socket is of no use"),
                },
                (PROOFS, _) => {
                    let descriptor = passed.take_raw_fd(index).ok().flatten();
                    inherited.proofs = descriptor.and_then(read_proofs);
                }
                _ => tracing::warn!(name, "an inherited descriptor is not known"),
            }
        }
        inherited
    }
}

fn read_proofs(descriptor: i32) -> Option<ProofImage> {
    let read = memory::take(descriptor).map_err(|error| error.to_string());
    let image =
        read.and_then(|octets| ProofImage::from_octets(&octets).map_err(|error| error.to_string()));
    image
        .inspect_err(|error| {
            tracing::warn!("the proofs of the process before are not taken over: {error}");
        })
        .ok()
}

/// A program with the arguments of this one, and with these descriptors.
pub(super) fn command(program: &Path, descriptors: Vec<(&str, OwnedFd)>) -> io::Result<Command> {
    let names: Vec<_> = descriptors.iter().map(|(name, _)| *name).collect();
    let mut command = Command::new(program);
    command
        .args(std::env::args_os().skip(1))
        .env("LISTEN_PID", std::process::id().to_string())
        .env("LISTEN_FDS", names.len().to_string())
        .env("LISTEN_FDNAMES", names.join(":"));
    let numbered = descriptors.into_iter().zip(FIRST..);
    let mappings = numbered.map(|((_, parent_fd), child_fd)| FdMapping {
        parent_fd,
        child_fd,
    });
    command
        .fd_mappings(mappings.collect())
        .map_err(io::Error::other)?;
    Ok(command)
}
