//! The server's end of the control socket: mode 0600, one thread a connection, a few at a time.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::socket::{Shutdown, getsockopt, shutdown, sockopt};
use zeroize::Zeroizing;

use super::desk::Desk;
use super::protocol::{Request, Response};

/// Connections served at once.
const AT_ONCE: usize = 16;
/// The longest question: a hash and a sentence or two.
const LONGEST_QUESTION: u64 = 64 * 1024;
/// How long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// The listening socket. Dropping it removes the file.
pub struct ControlServer {
    path: PathBuf,
    listener: Arc<UnixListener>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
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
        let listener = Arc::new(bind_private(path)?);
        let accepting = Arc::clone(&listener);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&accepting, &stopped, &Arc::new(desk)))?;
        Ok(Self {
            path: path.to_owned(),
            listener,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The accepting thread waits in the kernel. This wakes it, even if the file is gone by now.
        let _ = shutdown(self.listener.as_raw_fd(), Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
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

fn accept(listener: &UnixListener, stop: &AtomicBool, desk: &Arc<Desk>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if open.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (desk, served) = (Arc::clone(desk), Arc::clone(&open));
        let thread = std::thread::Builder::new().name("control-connection".to_owned());
        let spawned = thread.spawn(move || {
            if let Err(error) = serve(&stream, &desk) {
                tracing::debug!(%error, "control connection ended");
            }
            served.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn serve(stream: &UnixStream, desk: &Desk) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let Some(who) = who(stream) else {
        let message = "only the server's own user and root may ask here".to_owned();
        return say(stream, &Response::Refused { message });
    };
    let mut reader = BufReader::new(stream);
    loop {
        // There may be a password in it.
        let mut line = Zeroizing::new(Vec::new());
        (&mut reader)
            .take(LONGEST_QUESTION)
            .read_until(b'\n', &mut line)?;
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
        let mut body = (&mut reader).take(octets);
        let response = desk.handle(&who, request, &mut body, &mut |progress| {
            drop(say(stream, &progress))
        });
        io::copy(&mut body, &mut io::sink())?;
        say(stream, &response)?;
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
