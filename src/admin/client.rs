//! The client of the admin socket, for the command line.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::protocol::{Request, Response};
use super::server::AT_ONCE;

/// Room for a request, so that writing it leaves no copies in freed memory.
const LINE_OCTETS: usize = 4096;

/// A connection to a running server.
pub struct Client {
    stream: BufReader<UnixStream>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No process listens on the socket.
    #[error("no server listens on {0}")]
    NoServer(PathBuf),
    /// The socket belongs to another user.
    #[error("{0} belongs to another user: run this as the user of the server, or as root")]
    NotOurs(PathBuf),
    /// Anything else.
    #[error("can't reach the server on {0}: {1}")]
    Other(PathBuf, io::Error),
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The server closed the connection first. It does so at once when too many are open.
    #[error(
        "the server closed the connection without an answer: it serves {AT_ONCE} commands at once, \
         or it is stopping; try again, and look at its log if that does not help"
    )]
    Closed,
    /// The answer is no line of this version.
    #[error("the server's answer is not understood: {0}; are both of one version?")]
    NotUnderstood(#[from] serde_json::Error),
    /// The body could not be read, or the connection broke.
    #[error("the request was cut short: {0}")]
    Io(io::Error),
}

impl From<io::Error> for RequestError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

impl Client {
    /// Connects to the server that listens on `socket`.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(socket: &Path) -> Result<Self, ConnectError> {
        let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ConnectError::NoServer(socket.to_owned())
            }
            io::ErrorKind::PermissionDenied => ConnectError::NotOurs(socket.to_owned()),
            _ => ConnectError::Other(socket.to_owned(), error),
        })?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends `request` and then `body`, hands each progress line to `progress`, and returns the
    /// last answer.
    ///
    /// The body goes out on a thread of its own: progress comes while it is still being sent, and
    /// were it not read meanwhile, both ends would wait for each other to read.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn request(
        &mut self,
        request: &Request,
        body: &mut (dyn Read + Send),
        progress: impl FnMut(&Response),
    ) -> Result<Response, RequestError> {
        // It may hold a password.
        let mut line = Zeroizing::new(Vec::with_capacity(LINE_OCTETS));
        serde_json::to_writer(&mut *line, request)?;
        line.push(b'\n');
        let mut writer = self.stream.get_ref().try_clone()?;
        std::thread::scope(|scope| {
            let sent = scope.spawn(move || {
                writer.write_all(&line)?;
                io::copy(body, &mut writer)
            });
            let answer = self.read_answer(progress);
            if answer.is_err() {
                // The rest of the body has no reader.
                let _ = self.stream.get_ref().shutdown(Shutdown::Both);
            }
            match (answer, sent.join()) {
                // A server that answers before it has read all says why.
                (Ok(answer), _) => Ok(answer),
                (Err(RequestError::Closed), Ok(Err(error))) => Err(error.into()),
                (Err(error), _) => Err(error),
            }
        })
    }

    fn read_answer(
        &mut self,
        mut progress: impl FnMut(&Response),
    ) -> Result<Response, RequestError> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(RequestError::Closed);
            }
            let response: Response = serde_json::from_str(&line)?;
            if !matches!(response, Response::Progress { .. }) {
                return Ok(response);
            }
            progress(&response);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::accounts::{Deleted, ImportProgress, ImportStep};

    const MEGABYTE: u64 = 1 << 20;

    /// Sends more progress than a socket holds before it reads any of the body.
    fn talk_before_listening(listener: &UnixListener) {
        let (mut stream, _) = listener.accept().unwrap();
        let progress = Response::Progress(ImportProgress {
            done: 1,
            of: 2,
            step: ImportStep::Reading,
        });
        let line = serde_json::to_string(&progress).unwrap() + "\n";
        (0..20_000).for_each(|_| stream.write_all(line.as_bytes()).unwrap());
        let mut reader = BufReader::new(&stream);
        reader.read_line(&mut String::new()).unwrap();
        let body = io::copy(&mut reader.take(MEGABYTE), &mut io::sink()).unwrap();
        let account = body.to_string();
        let done = serde_json::to_string(&Response::Deleted(Deleted { account })).unwrap() + "\n";
        stream.write_all(done.as_bytes()).unwrap();
    }

    #[test]
    fn a_long_body_and_much_progress_do_not_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || talk_before_listening(&listener));
        let mut client = Client::connect(&path).unwrap();
        let request = Request::List {
            filter: None,
            limit: 1,
        };
        let (mut body, mut told) = (io::repeat(b'x').take(MEGABYTE), 0);
        let answer = client.request(&request, &mut body, |_| told += 1).unwrap();
        assert!(matches!(answer, Response::Deleted(deleted) if deleted.account == "1048576"));
        assert_eq!(told, 20_000);
        server.join().unwrap();
    }

    /// As from a server that has as many connections as it serves.
    #[test]
    fn connection_closed_at_once_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        for length in [0, MEGABYTE] {
            let mut client = Client::connect(&path).unwrap();
            drop(listener.accept().unwrap());
            let mut body = io::repeat(b'x').take(length);
            let error = client
                .request(&Request::Flush, &mut body, |_| {})
                .unwrap_err();
            assert!(matches!(error, RequestError::Closed), "{error:?}");
            assert!(error.to_string().contains("16 commands at once"), "{error}");
        }
    }
}
