//! The server of the admin socket: mode 0600, one thread per connection, [`AT_ONCE`] at a time.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt};
use zeroize::Zeroizing;

use super::protocol::{Request, Response, handle};
use crate::accept::{Acceptor, Place, Room};
use crate::accounts::{Accounts, Actor, Channel, Role};

/// Connections served at once.
pub(super) const AT_ONCE: usize = 16;
/// Octets of the longest request: a hash and a sentence or two.
const LONGEST_REQUEST: usize = 64 * 1024;
/// The command line sends its request at once; the text of an import may come from afar.
const TIMEOUTS: Timeouts = Timeouts {
    request: Duration::from_secs(5),
    silence: Duration::from_secs(30),
};

/// The listening socket. Dropping it removes the file.
pub struct AdminServer {
    path: PathBuf,
    acceptor: Option<Acceptor>,
}

/// Longest waits for the client.
#[derive(Clone, Copy)]
struct Timeouts {
    /// For a whole request.
    request: Duration,
    /// For the next octets of an import's text, and for an answer to be taken.
    silence: Duration,
}

impl AdminServer {
    /// Listens on `path`, which only this user (and root) can open.
    ///
    /// The data folder's lock says that no other server uses it, so a socket file found there is a
    /// dead one's and is replaced.
    ///
    /// # Errors
    /// The path is too long, or its folder can't be written.
    pub fn start(path: &Path, accounts: Accounts) -> io::Result<Self> {
        Self::start_with(path, accounts, TIMEOUTS)
    }

    fn start_with(path: &Path, accounts: Accounts, timeouts: Timeouts) -> io::Result<Self> {
        let listener = bind_private(path)?;
        let serve = move |stream, place| begin(stream, place, accounts.clone(), timeouts);
        Ok(Self {
            path: path.to_owned(),
            acceptor: Some(Acceptor::start(
                "control",
                listener,
                Room::holding(AT_ONCE),
                serve,
            )?),
        })
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        drop(self.acceptor.take());
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds in a folder closed to other users, and moves the socket out once it is private.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let folder = path.with_extension("new");
    let _ = fs::remove_dir_all(&folder);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let inside = folder.join("s");
    let bound = UnixListener::bind(&inside).and_then(|listener| {
        fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
        fs::rename(&inside, path)?;
        Ok(listener)
    });
    fs::remove_dir_all(&folder)?;
    bound
}

/// Serves a connection on a thread of its own; drops it if there is none to be had.
fn begin(stream: UnixStream, place: Place, accounts: Accounts, timeouts: Timeouts) {
    let thread = std::thread::Builder::new().name("control-connection".to_owned());
    let spawned = thread.spawn(move || {
        if let Err(error) = serve(&stream, &accounts, timeouts) {
            tracing::debug!(%error, "control connection ended");
        }
        drop(place);
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for a control connection");
    }
}

fn serve(stream: &UnixStream, accounts: &Accounts, timeouts: Timeouts) -> io::Result<()> {
    stream.set_write_timeout(Some(timeouts.silence))?;
    let Some(who) = peer_name(stream) else {
        return send(stream, &Response::NotPermitted);
    };
    let actor = Actor {
        who,
        role: Role::Administrator,
        channel: Channel::Socket,
    };
    let mut reader = BufReader::new(stream);
    loop {
        let line = read_request(&mut reader, timeouts.request)?;
        if line.is_empty() {
            return Ok(());
        }
        let request = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => request,
            Err(error) => {
                let detail = error.to_string();
                return send(stream, &Response::NotUnderstood { detail });
            }
        };
        let octets = match &request {
            Request::Import(import) => import.octets,
            Request::ImportRegistry(file) => file.octets,
            _ => 0,
        };
        stream.set_read_timeout(Some(timeouts.silence))?;
        let mut body = (&mut reader).take(octets);
        let response = handle(accounts, &actor, request, &mut body, &mut |progress| {
            drop(send(stream, &progress))
        });
        io::copy(&mut body, &mut io::sink())?;
        send(stream, &response)?;
    }
}

/// A line, however slowly it comes, within `timeout`; empty at the end of the connection.
fn read_request(
    reader: &mut BufReader<&UnixStream>,
    timeout: Duration,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let give_up = Instant::now() + timeout;
    // It may hold a password.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_REQUEST));
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        reader.get_ref().set_read_timeout(Some(left))?;
        let octets = reader.fill_buf()?;
        let end = octets.iter().position(|octet| *octet == b'\n');
        let taken = end.map_or(octets.len(), |end| end + 1);
        if line.len() + taken > LONGEST_REQUEST {
            return Err(io::Error::other("the request is too long"));
        }
        line.extend_from_slice(octets.get(..taken).unwrap_or_default());
        reader.consume(taken);
        if end.is_some() || taken == 0 {
            return Ok(line);
        }
    }
}

fn send(mut stream: &UnixStream, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// The name of the user at the other end, if it may ask. The socket's mode says so already; this
/// check holds even if that is loosened.
fn peer_name(stream: &UnixStream) -> Option<String> {
    let peer = getsockopt(stream, sockopt::PeerCredentials).ok()?;
    let may_ask = peer.uid() == 0 || peer.uid() == nix::unistd::geteuid().as_raw();
    may_ask.then(|| operator(&peer.pid().to_string(), peer.uid()))
}

/// The person behind a process: the user who logged on to the machine, where the system keeps that
/// (`loginuid`, which sudo and su leave as it is), else the user that the process runs as. `process` is its
/// number or `self`.
pub fn operator(process: &str, uid: u32) -> String {
    let login = fs::read_to_string(format!("/proc/{process}/loginuid")).ok();
    let login = login.and_then(|login| login.trim().parse::<u32>().ok());
    user_name(login.filter(|login| *login != u32::MAX).unwrap_or(uid))
}

/// The name of a user of this machine, or its number.
fn user_name(uid: u32) -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))
        .ok()
        .flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

#[cfg(test)]
mod tests;
