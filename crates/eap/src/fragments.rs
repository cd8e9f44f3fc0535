//! EAP-TLS style framing: Flags, TLS Message Length, fragments and their acknowledgement.
//!
//! Shared by every method over TLS (RFC 5216 §3.1, RFC 5281 §9.1). A claimed length never
//! allocates: the buffer grows with what really came, and no further than [`INCOMING_AT_MOST`].

use crate::limits::Limits;
use crate::reader::{Reader, Short};
use std::borrow::Cow;

const LENGTH_INCLUDED: u8 = 0x80;
const MORE_FRAGMENTS: u8 = 0x40;
const START: u8 = 0x20;
const VERSION: u8 = 0x07;

/// EAP header, type octet and Flags: what each fragment costs.
const OVERHEAD_OCTETS: usize = 6;
/// TLS Message Length, in the first fragment only.
const LENGTH_OCTETS: usize = 4;

/// Most octets of one message of the peer that are kept. A chain of four RSA-4096 certificates
/// fits twice; a hostile peer holds this much memory at most.
pub(crate) const INCOMING_AT_MOST: usize = 32 * 1024;

/// How a peer broke the framing. The conversation ends with EAP-Failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// No Flags octet, or the L bit without its four octets.
    #[error("the fragment header is cut off")]
    HeaderShort,
    /// Only the server starts.
    #[error("the client set the Start bit")]
    StartFromPeer,
    /// The peer speaks a version that was not offered.
    #[error("the client answered with version {0} of the method")]
    VersionNotOffered(u8),
    /// "More follows", with nothing in it: it would go on forever.
    #[error("a fragment without data says that more follows")]
    EmptyFragment,
    /// Announced or arrived: more than is kept.
    #[error("a message of more than 32 kB")]
    TooLong,
    /// The fragments are not as long together as announced, or announce different lengths.
    #[error("the fragments do not add up to the announced length")]
    WrongTotal,
    /// The peer owes an acknowledgement and sent data.
    #[error("data instead of an acknowledgement")]
    DataBeforeAcknowledgement,
    /// The octets outside of TLS in TEAP are no TLVs.
    #[error("the TLVs outside of TLS are cut off")]
    OuterTlvs,
    /// An acknowledgement of nothing, while the handshake waits for the peer.
    #[error("an acknowledgement where data was due")]
    NothingToAcknowledge,
}

impl FragmentError {
    /// A stable name for corpus files and counters.
    pub fn label(self) -> &'static str {
        match self {
            FragmentError::HeaderShort => "fragment-header-short",
            FragmentError::StartFromPeer => "start-from-peer",
            FragmentError::VersionNotOffered(_) => "version-not-offered",
            FragmentError::EmptyFragment => "empty-fragment",
            FragmentError::TooLong => "message-too-long",
            FragmentError::WrongTotal => "wrong-total",
            FragmentError::DataBeforeAcknowledgement => "data-before-acknowledgement",
            FragmentError::OuterTlvs => "outer-tlvs-malformed",
            FragmentError::NothingToAcknowledge => "nothing-to-acknowledge",
        }
    }
}

/// One fragment as the peer wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    total: Option<usize>,
    more: bool,
    data: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// Reads the type-data of a method over TLS: Flags, perhaps a length, data.
    ///
    /// # Errors
    /// [`FragmentError`] where a single fragment is wrong by itself.
    pub(crate) fn read(type_data: &'a [u8]) -> Result<Self, FragmentError> {
        let mut reader = Reader::new(type_data);
        let flags = reader.u8().map_err(|Short| FragmentError::HeaderShort)?;
        if flags & START != 0 {
            return Err(FragmentError::StartFromPeer);
        }
        if flags & VERSION != 0 {
            return Err(FragmentError::VersionNotOffered(flags & VERSION));
        }
        let total = if flags & LENGTH_INCLUDED == 0 {
            None
        } else {
            Some(read_total(&mut reader)?)
        };
        let fragment = Fragment {
            total,
            more: flags & MORE_FRAGMENTS != 0,
            data: reader.rest(),
        };
        fragment.check()
    }

    fn check(self) -> Result<Self, FragmentError> {
        if self.more && self.data.is_empty() {
            return Err(FragmentError::EmptyFragment);
        }
        if self.total.is_some_and(|total| total < self.data.len()) {
            return Err(FragmentError::WrongTotal);
        }
        Ok(self)
    }

    /// No data, no more to come: "received, go on".
    pub(crate) fn is_acknowledgement(&self) -> bool {
        self.data.is_empty() && !self.more && self.total.unwrap_or(0) == 0
    }
}

fn read_total(reader: &mut Reader<'_>) -> Result<usize, FragmentError> {
    let total = reader.u32().map_err(|Short| FragmentError::HeaderShort)?;
    usize::try_from(total)
        .ok()
        .filter(|total| *total <= INCOMING_AT_MOST)
        .ok_or(FragmentError::TooLong)
}

/// State of the message after one more fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrived<'a> {
    /// A pure acknowledgement.
    Acknowledgement,
    /// More is to come; this fragment is to be acknowledged.
    Part,
    /// The whole message.
    Message(Cow<'a, [u8]>),
}

/// The message that a peer is sending.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    buffer: Vec<u8>,
    total: Option<usize>,
}

impl Incoming {
    /// Whether the peer is in the middle of a message.
    pub(crate) fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Takes the next fragment. One that is a whole message is not copied.
    ///
    /// # Errors
    /// [`FragmentError`] where it does not fit to those before.
    pub(crate) fn accept<'a>(
        &mut self,
        fragment: Fragment<'a>,
    ) -> Result<Arrived<'a>, FragmentError> {
        if fragment.is_acknowledgement() && !self.is_partial() {
            return Ok(Arrived::Acknowledgement);
        }
        self.agree_on_total(fragment.total)?;
        if self.buffer.len() + fragment.data.len() > self.total.unwrap_or(INCOMING_AT_MOST) {
            return Err(self
                .total
                .map_or(FragmentError::TooLong, |_| FragmentError::WrongTotal));
        }
        if fragment.more {
            self.buffer.extend_from_slice(fragment.data);
            return Ok(Arrived::Part);
        }
        self.complete(fragment.data).map(Arrived::Message)
    }

    fn agree_on_total(&mut self, claimed: Option<usize>) -> Result<(), FragmentError> {
        match (self.total, claimed) {
            (Some(before), Some(now)) if before != now => Err(FragmentError::WrongTotal),
            (None, Some(now)) => {
                self.total = Some(now);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn complete<'a>(&mut self, last: &'a [u8]) -> Result<Cow<'a, [u8]>, FragmentError> {
        let length = self.buffer.len() + last.len();
        if self.total.take().is_some_and(|total| total != length) {
            return Err(FragmentError::WrongTotal);
        }
        if self.buffer.is_empty() {
            return Ok(Cow::Borrowed(last));
        }
        let mut message = std::mem::take(&mut self.buffer);
        message.extend_from_slice(last);
        Ok(Cow::Owned(message))
    }
}

/// Our message on its way to the peer, fragment by fragment.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    buffer: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    /// Appends to what is still to be sent; what was sent is forgotten.
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        if !self.is_pending() {
            self.buffer.clear();
            self.sent = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether anything is left to send.
    pub(crate) fn is_pending(&self) -> bool {
        self.sent < self.buffer.len()
    }

    /// The type-data of the next fragment, Flags included, so that the packet keeps to `limits`.
    ///
    /// With nothing left it is an acknowledgement. The L bit is set on the first of several
    /// fragments only: some clients refuse it on a message that is whole (RFC 5216 §2.1.5).
    pub(crate) fn next_fragment(&mut self, limits: Limits) -> Vec<u8> {
        let room = limits.octets().saturating_sub(OVERHEAD_OCTETS);
        let left = self.buffer.get(self.sent..).unwrap_or_default();
        if left.len() <= room {
            return self.write(0, None, room);
        }
        match self.sent {
            0 => self.write(
                LENGTH_INCLUDED | MORE_FRAGMENTS,
                u32::try_from(self.buffer.len()).ok(),
                room.saturating_sub(LENGTH_OCTETS),
            ),
            _ => self.write(MORE_FRAGMENTS, None, room),
        }
    }

    fn write(&mut self, flags: u8, total: Option<u32>, room: usize) -> Vec<u8> {
        let left = self.buffer.get(self.sent..).unwrap_or_default();
        let data = left.get(..room).unwrap_or(left);
        let mut fragment = Vec::with_capacity(1 + LENGTH_OCTETS + data.len());
        fragment.push(flags);
        fragment.extend(total.into_iter().flat_map(u32::to_be_bytes));
        fragment.extend_from_slice(data);
        self.sent += data.len();
        fragment
    }
}

/// The type-data that starts a method: the S bit and the version, no data.
pub(crate) fn write_start(version: u8) -> Vec<u8> {
    vec![START | (version & VERSION)]
}

#[cfg(test)]
mod tests;
