//! The command line's end of the control socket.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::protocol::{Request, Response};

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
    /// # Errors
    /// The connection broke, or the server speaks another version.
    pub fn ask(
        &mut self,
        request: &Request,
        body: &mut dyn Read,
        mut progress: impl FnMut(&Response),
    ) -> io::Result<Response> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line)?;
        io::copy(body, self.stream.get_mut())?;
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
