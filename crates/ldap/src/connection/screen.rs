//! The screen between the socket of a directory and the library that speaks LDAP over it.
//!
//! ```text
//! directory ──TCP── TLS ── screen: framing ──socket pair── library
//! ```
//!
//! Octets pass as they are; inwards only those of messages that are fit to be read. TLS ends here, so
//! that nothing a stranger on the way sends is read by recursion, not even the answer to StartTLS.

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::net::UnixStream;

use crate::connection::failure::Failure;
use crate::connection::flow::Flow;
use crate::connection::framing::{Fault, Framing, element};

/// StartTLS (RFC 4511 §4.14): message 1, `[APPLICATION 23] { requestName [0] 1.3.6.1.4.1.1466.20037 }`.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const EXTENDED_RESPONSE: u8 = 0x78;
const ENUMERATED: u8 = 0x0A;

/// Octets that may come after one question, with all that were asked before it: half a thousand
/// people with two thousand groups each.
const MAX_OCTETS_UNASKED: u64 = 64 << 20;
/// The same in messages.
const MAX_MESSAGES_UNASKED: u64 = 1_000_000;

const CHUNK: usize = 16 * 1024;

/// The first message of a directory that was not read any further, if any; shared by all that look on.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<OnceLock<Fault>>);

impl Faults {
    /// The fault that was seen, if any.
    pub fn seen(&self) -> Option<Fault> {
        self.0.get().copied()
    }

    fn note(&self, fault: Fault) {
        let _ = self.0.set(fault);
    }

    /// The failure, for what it is: to the library the connection just ended.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        match (&failure, self.seen()) {
            (Failure::Broken(_) | Failure::Timeout, Some(fault)) => Failure::PasswordRequest(fault),
            _ => failure,
        }
    }
}

/// How much a directory may say after it was asked something.
#[derive(Clone, Debug)]
pub(crate) enum Answers {
    /// Answers about single users, however many are asked for at once.
    OfPeople,
    /// The whole directory, as fast as a mirror reads it and up to the bound that it sets.
    OfEverybody(Flow),
}

/// Asks for TLS, and reads the answer octet by octet as far as it goes.
///
/// # Errors
/// It does not agree; or [`Failure::PasswordRequest`].
pub(crate) async fn start_tls<S>(stream: &mut S) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(START_TLS).await?;
    stream.flush().await?;
    let mut framing = Framing::of_messages();
    let mut answer = Vec::new();
    while framing.messages() == 0 {
        let mut octets = [0; 1024];
        let length = stream.read(&mut octets).await?;
        let octets = octets.get(..length).filter(|octets| !octets.is_empty());
        let octets = octets.ok_or_else(|| ended("it ended in the answer to StartTLS"))?;
        answer.extend_from_slice(octets);
        framing
            .take(octets, asked(1))
            .map_err(Failure::PasswordRequest)?;
    }
    if framing.messages() > 1 || !framing.is_between() {
        return Err(Failure::PasswordRequest(Fault::AheadOfTls));
    }
    match result_code(&answer) {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::Tls(format!(
            "it refuses StartTLS with result code {code}: where it has no certificate, see \
             docs/ldap.md, TLS"
        ))),
        None => Err(Failure::PasswordRequest(Fault::NoMessage)),
    }
}

/// `SEQUENCE { messageID, [APPLICATION 24] { resultCode ENUMERATED, … } }`
fn result_code(message: &[u8]) -> Option<u32> {
    let (_, inside, _) = element(message)?;
    let (_, _, rest) = element(inside)?;
    let (operation, response, _) = element(rest)?;
    let (tag, code, _) = element(response)?;
    let is_one = operation == EXTENDED_RESPONSE && tag == ENUMERATED && code.len() <= 4;
    let sum = |sum, octet: &u8| sum << 8 | u32::from(*octet);
    is_one.then(|| code.iter().fold(0, sum))
}

/// Passes a message's number if something was asked under it.
fn asked(highest: u32) -> impl Fn(u32) -> Result<(), Fault> {
    move |id| match id {
        0 => Err(Fault::Notice),
        id if id > highest => Err(Fault::Unasked),
        _ => Ok(()),
    }
}

fn ended(why: &str) -> Failure {
    Failure::Broken(why.to_owned())
}

/// Both directions of one connection.
pub(crate) struct Screen<S> {
    from_directory: ReadHalf<S>,
    to_directory: WriteHalf<S>,
    library: UnixStream,
    answers: Answers,
    faults: Faults,
}

impl<S: AsyncRead + AsyncWrite> Screen<S> {
    /// Before `stream`; with the end that the library takes.
    ///
    /// # Errors
    /// No socket is to be had.
    pub(crate) fn before(
        stream: S,
        answers: Answers,
        faults: Faults,
    ) -> io::Result<(Self, std::os::unix::net::UnixStream)> {
        let (library, other) = UnixStream::pair()?;
        let (from_directory, to_directory) = tokio::io::split(stream);
        let screen = Self {
            from_directory,
            to_directory,
            library,
            answers,
            faults,
        };
        Ok((screen, other.into_std()?))
    }

    /// Passes octets on until either side ends, or what comes is not fit; then both ends close.
    pub(crate) async fn pass(mut self) {
        let (from_library, to_library) = self.library.split();
        let count = Count::default();
        // Both at once: the library reads nothing while it waits to be read.
        tokio::select! {
            end = inwards(self.from_directory, to_library, &self.answers, &count) => {
                if let Err(fault) = end && fault != Fault::Notice {
                    self.faults.note(fault);
                }
            }
            () = outwards(from_library, self.to_directory, &self.answers, &count) => {}
        }
    }
}

/// State that both directions share.
#[derive(Default)]
struct Count {
    /// The highest number under which something was asked.
    asked: AtomicU32,
    /// Octets and messages that have come since.
    octets: AtomicU64,
    messages: AtomicU64,
}

impl Count {
    /// Whether so many more are too many.
    fn is_endless(&self, octets: u64, messages: u64) -> bool {
        let add = |sum: &AtomicU64, more| sum.fetch_add(more, Ordering::Relaxed) + more;
        let octets = add(&self.octets, octets);
        let messages = add(&self.messages, messages);
        octets > MAX_OCTETS_UNASKED || messages > MAX_MESSAGES_UNASKED
    }

    /// Something was asked, under numbers up to this.
    fn ask(&self, highest: u32) {
        self.asked.store(highest, Ordering::Relaxed);
        self.octets.store(0, Ordering::Relaxed);
        self.messages.store(0, Ordering::Relaxed);
    }
}

async fn inwards(
    mut directory: impl AsyncRead + Unpin,
    mut library: impl AsyncWrite + Unpin,
    answers: &Answers,
    count: &Count,
) -> Result<(), Fault> {
    let mut framing = Framing::of_messages();
    let mut buffer = vec![0; CHUNK];
    while let Some(octets) = part(directory.read(&mut buffer).await, &buffer) {
        let before = framing.messages();
        framing.take(octets, asked(count.asked.load(Ordering::Relaxed)))?;
        let messages = framing.messages() - before;
        let length = octets.len() as u64;
        match answers {
            Answers::OfPeople if count.is_endless(length, messages) => return Err(Fault::Endless),
            Answers::OfPeople => {}
            Answers::OfEverybody(flow) => flow.pass(length, messages, framing.is_between())?,
        }
        if library.write_all(octets).await.is_err() {
            break;
        }
        if let Answers::OfEverybody(flow) = answers {
            flow.room().await;
        }
    }
    Ok(())
}

async fn outwards(
    mut library: impl AsyncRead + Unpin,
    mut directory: impl AsyncWrite + Unpin,
    answers: &Answers,
    count: &Count,
) {
    let mut framing = Framing::of_messages();
    let mut buffer = vec![0; CHUNK];
    while let Some(octets) = part(library.read(&mut buffer).await, &buffer) {
        let mut highest = count.asked.load(Ordering::Relaxed);
        let read = framing.take(octets, |id| {
            highest = highest.max(id);
            Ok(())
        });
        count.ask(highest);
        if let Answers::OfEverybody(flow) = answers {
            flow.ask();
        }
        let is_sent = async {
            directory.write_all(octets).await?;
            directory.flush().await
        };
        if read.is_err() || is_sent.await.is_err() {
            break;
        }
    }
}

/// The octets read; `None` at the end.
fn part(read: io::Result<usize>, buffer: &[u8]) -> Option<&[u8]> {
    let octets = buffer.get(..read.ok()?)?;
    (!octets.is_empty()).then_some(octets)
}
