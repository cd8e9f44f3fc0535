//! Attribute-value pairs inside the tunnel (RFC 5281 §10.1, after Diameter).
//!
//! ```text
//!   AVP Code (4) | V M reserved (1) | AVP Length (3) | Vendor-ID (4, if V) | data | 0..3 padding
//! ```
//! Length counts header and data, not the padding.

use crate::reader::{Reader, Short};
use std::fmt;

const VENDOR: u8 = 0x80;
const MANDATORY: u8 = 0x40;
const HEADER_OCTETS: u32 = 8;

/// One AVP over the bytes that it came in. `Debug` leaves the value out: it may be a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avp<'a> {
    /// A RADIUS attribute number where `vendor` is 0.
    pub code: u32,
    /// SMI number, or 0 for the IETF's own.
    pub vendor: u32,
    /// The M bit: who does not understand it must fail.
    pub mandatory: bool,
    /// The data, without padding.
    pub value: &'a [u8],
}

impl fmt::Debug for Avp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Avp {
            code,
            vendor,
            mandatory,
            value,
        } = self;
        write!(
            f,
            "Avp {{ vendor {vendor}, code {code}, M {mandatory}, {} octets }}",
            value.len()
        )
    }
}

/// Why bytes are no list of AVPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AvpError {
    /// Fewer octets than a header.
    #[error("an AVP header is cut off")]
    HeaderShort,
    /// Length is smaller than the header with its Vendor-ID.
    #[error("an AVP Length of {0} is below its header")]
    LengthBelowHeader(u32),
    /// Length runs past the end.
    #[error("an AVP Length of {0} runs past the end")]
    LengthBeyondData(u32),
    /// After the last AVP there is neither its padding nor nothing.
    #[error("an AVP of Length {0} is followed by a part of its padding")]
    PaddingShort(u32),
}

impl AvpError {
    /// A stable name for corpus files and counters.
    pub fn label(self) -> &'static str {
        match self {
            AvpError::HeaderShort => "avp-header-short",
            AvpError::LengthBelowHeader(_) => "avp-length-below-header",
            AvpError::LengthBeyondData(_) => "avp-length-beyond-data",
            AvpError::PaddingShort(_) => "avp-padding-short",
        }
    }
}

/// The AVPs of one message, in order. Ends after the first error.
#[derive(Clone)]
pub struct Avps<'a> {
    reader: Reader<'a>,
}

impl<'a> Avps<'a> {
    /// Reads what came through the tunnel in one message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Avps {
            reader: Reader::new(bytes),
        }
    }

    fn read(&mut self) -> Result<Avp<'a>, AvpError> {
        let (code, flags, length) =
            read_header(&mut self.reader).map_err(|Short| AvpError::HeaderShort)?;
        let body = length
            .checked_sub(HEADER_OCTETS)
            .ok_or(AvpError::LengthBelowHeader(length))?;
        let body = usize::try_from(body)
            .ok()
            .and_then(|body| self.reader.take(body).ok());
        let mut body = Reader::new(body.ok_or(AvpError::LengthBeyondData(length))?);
        let vendor = if flags & VENDOR == 0 {
            Ok(0)
        } else {
            body.u32()
        };
        let vendor = vendor.map_err(|Short| AvpError::LengthBelowHeader(length))?;
        self.skip_padding(length)?;
        Ok(Avp {
            code,
            vendor,
            mandatory: flags & MANDATORY != 0,
            value: body.rest(),
        })
    }

    /// Some clients leave out the padding of the last AVP; its value is not ours to judge.
    fn skip_padding(&mut self, length: u32) -> Result<(), AvpError> {
        let padding = usize::try_from(length.wrapping_neg() % 4).unwrap_or(0);
        match self.reader.take(padding) {
            Err(Short) if !self.reader.is_empty() => Err(AvpError::PaddingShort(length)),
            _ => Ok(()),
        }
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<(u32, u8, u32), Short> {
    Ok((reader.u32()?, reader.u8()?, reader.u24()?))
}

impl<'a> Iterator for Avps<'a> {
    type Item = Result<Avp<'a>, AvpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(read)
    }
}

/// Appends one AVP with its padding. `value` is below 16 MiB.
pub fn write(into: &mut Vec<u8>, avp: Avp<'_>) {
    let vendor = (avp.vendor != 0).then(|| avp.vendor.to_be_bytes());
    let flags =
        if vendor.is_some() { VENDOR } else { 0 } | if avp.mandatory { MANDATORY } else { 0 };
    let length = 8 + vendor.map_or(0, |vendor| vendor.len()) + avp.value.len();
    let [.., high, middle, low] = length.to_be_bytes();
    into.extend_from_slice(&avp.code.to_be_bytes());
    into.extend_from_slice(&[flags, high, middle, low]);
    into.extend(vendor.into_iter().flatten());
    into.extend_from_slice(avp.value);
    into.extend(std::iter::repeat_n(0, length.wrapping_neg() % 4));
}
