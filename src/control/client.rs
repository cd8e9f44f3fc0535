//! The command line's end of the control socket.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::protocol::{Request, Response};

/// Room for a question, so that writing it leaves no copies behind.
const LINE_OCTETS: usize = 4096;

/// A connection to a running server.
pub struct Client {
    stream: BufReader<UnixStream>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens.
    #[error("no server listens on {0}")]
    NoServer(PathBuf),
    /// The socket is somebody else's.
    #[error("{0} belongs to another user: run this as the user of the server, or as root")]
    NotOurs(PathBuf),
    /// Anything else.
    #[error("can't reach the server on {0}: {1}")]
    Other(PathBuf, io::Error),
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

    /// Asks, sends `body` behind the question, hands each progress line to `progress`, and returns
    /// the last answer.
    ///
    /// The body goes out on a thread of its own: progress comes while it is still being sent, and
    /// were it not read meanwhile, both ends would wait for each other to read.
    ///
    /// # Errors
    /// The connection broke, or the server speaks another version.
    pub fn ask(
        &mut self,
        request: &Request,
        body: &mut (dyn Read + Send),
        progress: impl FnMut(&Response),
    ) -> io::Result<Response> {
        // There may be a password in it.
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
                // Nobody reads the rest of the body.
                let _ = self.stream.get_ref().shutdown(Shutdown::Both);
            }
            match (answer, sent.join()) {
                // A server that answers before it has read all has a reason, and says it.
                (Ok(answer), _) => Ok(answer),
                (Err(_), Ok(Err(error))) | (Err(error), _) => Err(error),
            }
        })
    }

    fn read_answer(&mut self, mut progress: impl FnMut(&Response)) -> io::Result<Response> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::Error::other(
                    "the server ended the connection without an answer",
                ));
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

    const MEGABYTE: u64 = 1 << 20;

    /// Tells of more progress than a socket holds before it reads any of the body.
    fn talk_before_listening(listener: &UnixListener) {
        let (mut stream, _) = listener.accept().unwrap();
        let progress = Response::Progress {
            done: 1,
            of: 2,
            step: "reading".to_owned(),
        };
        let line = serde_json::to_string(&progress).unwrap() + "\n";
        (0..20_000).for_each(|_| stream.write_all(line.as_bytes()).unwrap());
        let mut reader = BufReader::new(&stream);
        reader.read_line(&mut String::new()).unwrap();
        let body = io::copy(&mut reader.take(MEGABYTE), &mut io::sink()).unwrap();
        let message = body.to_string();
        let done = serde_json::to_string(&Response::Done { message }).unwrap() + "\n";
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
        let answer = client.ask(&request, &mut body, |_| told += 1).unwrap();
        assert!(matches!(answer, Response::Done { message } if message == "1048576"));
        assert_eq!(told, 20_000);
        server.join().unwrap();
    }
}
