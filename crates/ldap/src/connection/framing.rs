//! The shape of what a directory sends, checked octet by octet before the library reads it: that
//! recurses over nested elements and waits for as many octets as a length says.
//!
//! BER as LDAP uses it (RFC 4511 §5.1): tags of one octet, definite lengths. Nothing is kept but the
//! lengths of the elements that are open.

use thiserror::Error;

#[cfg(test)]
mod tests;

/// Octets of a message, all told. Entries are asked for attribute by attribute, so that an answer
/// of more has another reason than somebody's many groups.
pub(crate) const MAX_OCTETS: u32 = 4 << 20;
/// Elements within one another. An entry's value is the sixth.
pub(crate) const MAX_DEPTH: usize = 32;
/// Elements of a message: each costs the library some hundred octets, whatever its own length.
pub(crate) const MAX_ELEMENTS: u32 = 100_000;

/// Octets that say how long an element is: Active Directory always sends four.
const MAX_LENGTH_OCTETS: u8 = 4;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const CONSTRUCTED: u8 = 0x20;
const CLASS: u8 = 0xC0;
const APPLICATION: u8 = 0x40;
const CONTROLS: u8 = 0xA0;
/// Active Directory puts the name of a notice where controls belong.
const MISPLACED_NAME: u8 = 0x8A;
/// The tag's number is in the octets that follow.
const LONG_TAG: u8 = 0x1F;

/// A message that is not read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A message that is too long.
    #[error("a message of {0} octets; no answer needs more than {MAX_OCTETS}")]
    Octets(u32),
    /// Elements too deep.
    #[error("a message of more than {MAX_DEPTH} elements within one another")]
    Depth,
    /// Too many elements.
    #[error("a message of more than {MAX_ELEMENTS} elements")]
    Elements,
    /// An indefinite length, or one of more octets than LDAP has.
    #[error("a length that LDAP has not")]
    Length,
    /// A tag of several octets.
    #[error("a tag that LDAP has not")]
    Tag,
    /// An element that ends after the one that holds it.
    #[error("an element that is longer than the one that holds it")]
    Overrun,
    /// Anything but messages of LDAP.
    #[error("what is no message of LDAP")]
    NoMessage,
    /// Notice of Disconnection (RFC 4511 §4.4.1), or another that nobody asked for.
    #[error("notice that it ends the connection")]
    Notice,
    /// An answer to a question that was never asked.
    #[error("an answer to what it was not asked")]
    Unasked,
    /// Something in the clear behind its consent to StartTLS, where somebody else may have put it.
    #[error("more than its consent to StartTLS before TLS began")]
    AheadOfTls,
    /// An answer that does not end.
    #[error("more than any answer needs")]
    Endless,
}

/// Follows a stream of messages, or the elements of one value.
pub(crate) struct Framing {
    is_stream: bool,
    /// Octets left of each element that is open, the outermost first.
    open: Vec<u32>,
    head: Head,
    /// Octets left of a value that has no elements.
    skip: u32,
    /// Elements of the message so far.
    elements: u32,
    /// Elements right beneath the message so far.
    parts: u8,
    /// The message's number, as long as it is read.
    id: Option<u32>,
    messages: u64,
}

/// How much of an element's tag and length has come.
#[derive(Clone, Copy)]
enum Head {
    Tag,
    Length { tag: u8 },
    MoreLength { tag: u8, left: u8, length: u32 },
}

impl Framing {
    /// Of a stream of messages.
    pub(crate) fn of_messages() -> Self {
        Self {
            is_stream: true,
            open: Vec::with_capacity(MAX_DEPTH),
            head: Head::Tag,
            skip: 0,
            elements: 0,
            parts: 0,
            id: None,
            messages: 0,
        }
    }

    /// Whether `value` is one element, whole, and fit to be read by recursion.
    pub(crate) fn is_fit(value: &[u8]) -> bool {
        let mut framing = Self {
            is_stream: false,
            ..Self::of_messages()
        };
        let read = framing.take(value, |_| Ok(()));
        read.is_ok() && framing.is_between() && framing.messages == 1
    }

    /// Whether nothing is open: the last message is whole.
    pub(crate) fn is_between(&self) -> bool {
        self.open.is_empty() && self.skip == 0 && matches!(self.head, Head::Tag)
    }

    /// Whole messages so far.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Follows the next octets of the stream, however it is cut. `numbered` is told the number of
    /// each message before the rest of it.
    ///
    /// # Errors
    /// [`Fault`]: nothing that follows is to be read.
    pub(crate) fn take(
        &mut self,
        mut octets: &[u8],
        mut numbered: impl FnMut(u32) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while let Some((first, rest)) = octets.split_first() {
            if self.skip == 0 {
                self.take_head(*first)?;
                octets = rest;
                continue;
            }
            let length = self
                .skip
                .min(u32::try_from(octets.len()).unwrap_or(u32::MAX));
            let (value, rest) = octets.split_at(length as usize);
            self.skip -= length;
            octets = rest;
            if let Some(id) = &mut self.id {
                *id = value
                    .iter()
                    .fold(*id, |id, octet| id << 8 | u32::from(*octet));
                if self.skip == 0 {
                    numbered(*id)?;
                    self.id = None;
                }
            }
            self.close()?;
        }
        Ok(())
    }

    fn take_head(&mut self, octet: u8) -> Result<(), Fault> {
        if let Some(left) = self.open.last_mut() {
            *left = left.checked_sub(1).ok_or(Fault::Overrun)?;
        }
        self.head = match self.head {
            Head::Tag if octet & LONG_TAG == LONG_TAG => return Err(Fault::Tag),
            Head::Tag => Head::Length { tag: octet },
            Head::Length { tag } => match octet {
                0..=0x7F => return self.begin(tag, u32::from(octet)),
                0x81..=0xFF if octet - 0x80 <= MAX_LENGTH_OCTETS => Head::MoreLength {
                    tag,
                    left: octet - 0x80,
                    length: 0,
                },
                _ => return Err(Fault::Length),
            },
            Head::MoreLength { tag, left, length } => {
                let length = length << 8 | u32::from(octet);
                match left {
                    0 | 1 => return self.begin(tag, length),
                    _ => Head::MoreLength {
                        tag,
                        left: left - 1,
                        length,
                    },
                }
            }
        };
        Ok(())
    }

    /// Tag and length of an element have come.
    fn begin(&mut self, tag: u8, length: u32) -> Result<(), Fault> {
        self.head = Head::Tag;
        match self.open.last_mut() {
            Some(left) => *left = left.checked_sub(length).ok_or(Fault::Overrun)?,
            None if length > MAX_OCTETS => return Err(Fault::Octets(length)),
            None => (self.elements, self.parts) = (0, 0),
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(Fault::Elements);
        }
        if self.is_stream {
            self.check_part(tag, length)?;
        }
        if tag & CONSTRUCTED == 0 {
            self.skip = length;
        } else if self.open.len() < MAX_DEPTH {
            self.open.push(length);
        } else {
            return Err(Fault::Depth);
        }
        self.close()
    }

    /// `LDAPMessage ::= SEQUENCE { messageID INTEGER, protocolOp, controls [0] OPTIONAL }` (RFC 4511
    /// §4.1.1).
    fn check_part(&mut self, tag: u8, length: u32) -> Result<(), Fault> {
        let is_fit = match (self.open.len(), self.parts) {
            (0, _) => return (tag == SEQUENCE).then_some(()).ok_or(Fault::NoMessage),
            (1, 0) => {
                self.id = Some(0);
                tag == INTEGER && (1..=4).contains(&length)
            }
            (1, 1) => tag & CLASS == APPLICATION,
            (1, 2) => matches!(tag, CONTROLS | MISPLACED_NAME),
            (1, _) => false,
            _ => return Ok(()),
        };
        self.parts += 1;
        is_fit.then_some(()).ok_or(Fault::NoMessage)
    }

    /// Closes what has come to its end.
    fn close(&mut self) -> Result<(), Fault> {
        if self.skip > 0 {
            return Ok(());
        }
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        if self.open.is_empty() {
            self.messages += 1;
            if self.is_stream && self.parts < 2 {
                return Err(Fault::NoMessage);
            }
        }
        Ok(())
    }
}

/// Tag, content, and what follows, of an element with a definite length.
pub(crate) fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = octets.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            let sum = |sum, octet: &u8| sum << 8 | usize::from(*octet);
            (length.iter().fold(0, sum), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}
