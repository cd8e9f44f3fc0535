//! The server's end of the control socket: mode 0600, one thread a connection, a few at a time.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt};
use zeroize::Zeroizing;

use super::desk::Desk;
use super::protocol::{Request, Response};
use crate::accept::{Acceptor, Place, Room};

/// Connections served at once.
const AT_ONCE: usize = 16;
/// The longest question: a hash and a sentence or two.
const LONGEST_QUESTION: usize = 64 * 1024;
/// The command line asks at once; an import's text may come from afar.
const PATIENCE: Patience = Patience {
    question: Duration::from_secs(5),
    silence: Duration::from_secs(30),
};

/// The listening socket. Dropping it removes the file.
pub struct ControlServer {
    path: PathBuf,
    acceptor: Option<Acceptor>,
}

/// How long the server waits for the other end.
#[derive(Clone, Copy)]
struct Patience {
    /// For a whole question.
    question: Duration,
    /// For the next octets of what follows an import, and for an answer to be taken.
    silence: Duration,
}

impl ControlServer {
    /// Listens on `path`, which only this user (and root) can open.
    ///
    /// The data folder's lock says that no other server uses it, so a socket file found there is a
    /// dead one's and is replaced.
    ///
    /// # Errors
    /// The path is too long, or its folder can't be written.
    pub fn start(path: &Path, desk: Desk) -> io::Result<Self> {
        Self::start_with(path, desk, PATIENCE)
    }

    fn start_with(path: &Path, desk: Desk, patience: Patience) -> io::Result<Self> {
        let (listener, desk) = (bind_private(path)?, Arc::new(desk));
        let serve = move |stream, place| begin(stream, place, Arc::clone(&desk), patience);
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

impl Drop for ControlServer {
    fn drop(&mut self) {
        drop(self.acceptor.take());
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds in a folder that nobody else can enter, and moves the socket out once it is private.
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

/// Serves a connection on a thread of its own; without one it is dropped.
fn begin(stream: UnixStream, place: Place, desk: Arc<Desk>, patience: Patience) {
    let thread = std::thread::Builder::new().name("control-connection".to_owned());
    let spawned = thread.spawn(move || {
        if let Err(error) = serve(&stream, &desk, patience) {
            tracing::debug!(%error, "control connection ended");
        }
        drop(place);
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for a control connection");
    }
}

fn serve(stream: &UnixStream, desk: &Desk, patience: Patience) -> io::Result<()> {
    stream.set_write_timeout(Some(patience.silence))?;
    let Some(who) = who(stream) else {
        let message = "only the server's own user and root may ask here".to_owned();
        return say(stream, &Response::Refused { message });
    };
    let mut reader = BufReader::new(stream);
    loop {
        let line = read_question(&mut reader, patience.question)?;
        if line.is_empty() {
            return Ok(());
        }
        let request = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => request,
            Err(error) => {
                let message = format!("not understood: {error}; are both of one version?");
                return say(stream, &Response::Refused { message });
            }
        };
        let octets = if let Request::Import { octets, .. } = &request {
            *octets
        } else {
            0
        };
        stream.set_read_timeout(Some(patience.silence))?;
        let mut body = (&mut reader).take(octets);
        let response = desk.handle(&who, request, &mut body, &mut |progress| {
            drop(say(stream, &progress))
        });
        io::copy(&mut body, &mut io::sink())?;
        say(stream, &response)?;
    }
}

/// A line, however slowly it comes, within `patience`; empty at the end of the connection.
fn read_question(
    reader: &mut BufReader<&UnixStream>,
    patience: Duration,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let give_up = Instant::now() + patience;
    // There may be a password in it.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_QUESTION));
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        reader.get_ref().set_read_timeout(Some(left))?;
        let octets = reader.fill_buf()?;
        let end = octets.iter().position(|octet| *octet == b'\n');
        let taken = end.map_or(octets.len(), |end| end + 1);
        if line.len() + taken > LONGEST_QUESTION {
            return Err(io::Error::other("the question is too long"));
        }
        line.extend_from_slice(octets.get(..taken).unwrap_or_default());
        reader.consume(taken);
        if end.is_some() || taken == 0 {
            return Ok(line);
        }
    }
}

fn say(mut stream: &UnixStream, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// The user at the other end by name, if it may ask. The socket's mode says so already; this holds
/// even where somebody loosens it.
fn who(stream: &UnixStream) -> Option<String> {
    let peer = getsockopt(stream, sockopt::PeerCredentials).ok()?.uid();
    let may_ask = peer == 0 || peer == nix::unistd::geteuid().as_raw();
    may_ask.then(|| user_name(peer))
}

/// The name of a user of this machine, or its number.
pub fn user_name(uid: u32) -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))
        .ok()
        .flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

#[cfg(test)]
mod tests;
