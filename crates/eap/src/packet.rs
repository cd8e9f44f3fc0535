//! EAP packets as RFC 3748 §4 and §5 write them: header, types, Nak, Expanded types.
//!
//! A view over borrowed bytes; methods read their own type-data elsewhere.

use crate::reader::{Reader, Short};

/// Octets of Code, Identifier and Length.
const HEADER_OCTETS: usize = 4;
/// The Vendor-Id of types that the IETF numbers (RFC 3748 §5.7).
const VENDOR_IETF: u32 = 0;

/// Code of an EAP packet (RFC 3748 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// From the server, to be answered.
    Request = 1,
    /// The peer's answer.
    Response = 2,
    /// The end, well.
    Success = 3,
    /// The end, refused.
    Failure = 4,
}

impl Code {
    fn read(octet: u8) -> Result<Self, PacketError> {
        match octet {
            1 => Ok(Code::Request),
            2 => Ok(Code::Response),
            3 => Ok(Code::Success),
            4 => Ok(Code::Failure),
            other => Err(PacketError::UnknownCode(other)),
        }
    }
}

/// The type octet of a Request or Response (RFC 3748 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EapType(pub u8);

impl EapType {
    /// Identity, as the peer claims it.
    pub const IDENTITY: EapType = EapType(1);
    /// A message to be shown.
    pub const NOTIFICATION: EapType = EapType(2);
    /// "Not that method, but these".
    pub const NAK: EapType = EapType(3);
    /// EAP-TLS, RFC 5216 and 9190.
    pub const TLS: EapType = EapType(13);
    /// EAP-TTLS, RFC 5281.
    pub const TTLS: EapType = EapType(21);
    /// CHAP as an EAP method, RFC 3748 §5.4.
    pub const MD5_CHALLENGE: EapType = EapType(4);
    /// Generic Token Card: a prompt and an answer, RFC 3748 §5.6.
    pub const GTC: EapType = EapType(6);
    /// EAP-MSCHAPv2, draft-kamath-pppext-eap-mschapv2.
    pub const MS_CHAP_V2: EapType = EapType(26);
    /// The TLVs of PEAPv0, draft-hiller-eap-tlv.
    pub const EXTENSIONS: EapType = EapType(33);
    /// PEAP.
    pub const PEAP: EapType = EapType(25);
    /// TEAP, RFC 9930.
    pub const TEAP: EapType = EapType(55);
    /// A vendor's type, RFC 3748 §5.7.
    pub const EXPANDED: EapType = EapType(254);

    /// The usual name, or `"unknown"`.
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "Identity",
            2 => "Notification",
            3 => "Nak",
            4 => "MD5-Challenge",
            5 => "One-Time-Password",
            6 => "GTC",
            13 => "EAP-TLS",
            17 => "LEAP",
            18 => "EAP-SIM",
            21 => "EAP-TTLS",
            23 => "EAP-AKA",
            25 => "PEAP",
            26 => "EAP-MSCHAPv2",
            33 => "EAP-TLV",
            43 => "EAP-FAST",
            46 => "EAP-PAX",
            47 => "EAP-PSK",
            49 => "EAP-IKEv2",
            50 => "EAP-AKA'",
            52 => "EAP-PWD",
            53 => "EAP-EKE",
            55 => "TEAP",
            254 => "Expanded",
            _ => "unknown",
        }
    }
}

/// Why bytes are no EAP packet. RFC 3748 §4.1: such a packet is silently discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Fewer than four octets.
    #[error("shorter than an EAP header")]
    NoHeader,
    /// Length says less than the header takes.
    #[error("EAP Length {0} is below the header")]
    LengthBelowHeader(u16),
    /// Length says more than what came.
    #[error("EAP Length {0} runs past the end")]
    LengthBeyondData(u16),
    /// A Code that RFC 3748 does not know.
    #[error("unknown EAP Code {0}")]
    UnknownCode(u8),
    /// A Request or Response without a type.
    #[error("no EAP type")]
    NoType,
    /// A Success or Failure with something in it.
    #[error("an EAP result of {0} octets instead of 4")]
    ResultWithBody(u16),
    /// Octets behind what Length counts, where nothing can have padded the packet.
    #[error("EAP Length {0} is less than what came")]
    LengthBelowData(u16),
    /// An Expanded type whose vendor or number is cut off, or an Expanded Nak of broken entries.
    #[error("an Expanded type is cut off")]
    ExpandedShort,
}

impl PacketError {
    /// A stable name for corpus files and counters.
    pub fn label(self) -> &'static str {
        match self {
            PacketError::NoHeader => "no-header",
            PacketError::LengthBelowHeader(_) => "length-below-header",
            PacketError::LengthBeyondData(_) => "length-beyond-data",
            PacketError::UnknownCode(_) => "unknown-code",
            PacketError::NoType => "no-type",
            PacketError::ResultWithBody(_) => "result-with-body",
            PacketError::LengthBelowData(_) => "length-below-data",
            PacketError::ExpandedShort => "expanded-short",
        }
    }
}

/// Content of a packet after its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Success and Failure say nothing more.
    Empty,
    /// The identity, as it was typed; may be empty.
    Identity(&'a [u8]),
    /// Shown, or acknowledged.
    Notification,
    /// The peer refuses the method on offer.
    Nak(Nak<'a>),
    /// Type-data of a method.
    Method {
        /// Which method.
        kind: EapType,
        /// Everything after the type octet.
        data: &'a [u8],
    },
    /// A vendor's method.
    Expanded {
        /// SMI number, 24 bits.
        vendor: u32,
        /// The vendor's own type.
        kind: u32,
        /// Everything after it.
        data: &'a [u8],
    },
}

/// One EAP packet over the bytes that it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EapPacket<'a> {
    /// Request, Response, Success or Failure.
    pub code: Code,
    /// Matches a Response to its Request.
    pub identifier: u8,
    /// The rest.
    pub body: Body<'a>,
}

impl<'a> EapPacket<'a> {
    /// Reads one packet; octets past its Length are padding (RFC 3748 §4.1).
    ///
    /// # Errors
    /// [`PacketError`]; the caller discards the packet.
    pub fn read(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let mut header = Reader::new(bytes);
        let (code, identifier, length) =
            read_header(&mut header).map_err(|Short| PacketError::NoHeader)?;
        let body = usize::from(length)
            .checked_sub(HEADER_OCTETS)
            .ok_or(PacketError::LengthBelowHeader(length))?;
        let body = header
            .take(body)
            .map_err(|Short| PacketError::LengthBeyondData(length))?;
        let code = Code::read(code)?;
        let body = match code {
            Code::Request | Code::Response => Body::read(body)?,
            Code::Success | Code::Failure if body.is_empty() => Body::Empty,
            Code::Success | Code::Failure => return Err(PacketError::ResultWithBody(length)),
        };
        Ok(EapPacket {
            code,
            identifier,
            body,
        })
    }
}

impl<'a> EapPacket<'a> {
    /// Reads one packet that came through a tunnel: there is no link layer that pads it, so its
    /// Length is that of `bytes`.
    ///
    /// # Errors
    /// As [`EapPacket::read`], and [`PacketError::LengthBelowData`].
    pub(crate) fn read_whole(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let packet = EapPacket::read(bytes)?;
        match length_of(bytes) {
            Some(length) if usize::from(length) < bytes.len() => {
                Err(PacketError::LengthBelowData(length))
            }
            _ => Ok(packet),
        }
    }
}

/// Length of a packet according to its header.
pub(crate) fn length_of(packet: &[u8]) -> Option<u16> {
    let mut header = Reader::new(packet);
    let (_code, _identifier, length) = read_header(&mut header).ok()?;
    Some(length)
}

/// The Identifier octet of a packet, sound or not; `None` of one too short to have it.
pub fn identifier_of(packet: &[u8]) -> Option<u8> {
    packet.get(1).copied()
}

fn read_header(header: &mut Reader<'_>) -> Result<(u8, u8, u16), Short> {
    Ok((header.u8()?, header.u8()?, header.u16()?))
}

impl<'a> Body<'a> {
    /// The type octet. A vendor's type, or a Nak of such, has that of Expanded types.
    pub fn eap_type(&self) -> EapType {
        match self {
            Body::Empty => EapType(0),
            Body::Identity(_) => EapType::IDENTITY,
            Body::Notification => EapType::NOTIFICATION,
            Body::Nak(_) => EapType::NAK,
            Body::Method { kind, .. } => *kind,
            Body::Expanded { .. } => EapType::EXPANDED,
        }
    }

    /// Reads what follows the header of a Request or Response; PEAPv0 sends nothing else.
    ///
    /// # Errors
    /// [`PacketError::NoType`] and [`PacketError::ExpandedShort`].
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, PacketError> {
        let (kind, data) = body.split_first().ok_or(PacketError::NoType)?;
        match EapType(*kind) {
            EapType::EXPANDED => read_expanded(data).map_err(|Short| PacketError::ExpandedShort),
            kind => Ok(Body::of_type(kind, data)),
        }
    }

    fn of_type(kind: EapType, data: &'a [u8]) -> Self {
        match kind {
            EapType::IDENTITY => Body::Identity(data),
            EapType::NOTIFICATION => Body::Notification,
            EapType::NAK => Body::Nak(Nak::Legacy(data)),
            kind => Body::Method { kind, data },
        }
    }
}

/// The IETF's own types mean the same when they are written the long way (RFC 3748 §5.7).
fn read_expanded(data: &[u8]) -> Result<Body<'_>, Short> {
    let mut reader = Reader::new(data);
    let vendor = reader.u24()?;
    let kind = reader.u32()?;
    let data = reader.rest();
    match (vendor, u8::try_from(kind).map(EapType)) {
        (VENDOR_IETF, Ok(EapType::NAK)) => {
            let (entries, cut) = data.as_chunks();
            if cut.is_empty() {
                Ok(Body::Nak(Nak::Expanded(entries)))
            } else {
                Err(Short)
            }
        }
        (VENDOR_IETF, Ok(kind)) if kind.0 < EapType::EXPANDED.0 => Ok(Body::of_type(kind, data)),
        _ => Ok(Body::Expanded { vendor, kind, data }),
    }
}

/// The methods that a peer would rather have (RFC 3748 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nak<'a> {
    /// One octet per method; a zero says "none".
    Legacy(&'a [u8]),
    /// Eight octets per method: 254, Vendor-Id, Vendor-Type.
    Expanded(&'a [[u8; 8]]),
}

impl<'a> Nak<'a> {
    /// The IETF's methods that the peer names, in its order; "none" and vendors' are left out.
    pub fn wanted(self) -> impl Iterator<Item = EapType> + 'a {
        self.wishes().filter(|kind| *kind != EapType::EXPANDED)
    }

    /// The same, and [`EapType::EXPANDED`] for each that is a vendor's.
    pub fn wishes(self) -> impl Iterator<Item = EapType> + 'a {
        let (legacy, expanded): (&[u8], &[[u8; 8]]) = match self {
            Nak::Legacy(types) => (types, &[]),
            Nak::Expanded(entries) => (&[], entries),
        };
        let expanded = expanded.iter().map(|entry| match *entry {
            [254, 0, 0, 0, 0, 0, 0, kind] => EapType(kind),
            _ => EapType::EXPANDED,
        });
        let legacy = legacy.iter().copied().map(EapType);
        legacy
            .chain(expanded)
            .filter(|kind| !matches!(kind.0, 0..=3 | 255))
    }
}

/// Writes a Request or Response. `data` is at most 65,530 octets: methods keep far below.
pub fn write_typed(code: Code, identifier: u8, kind: EapType, data: &[u8]) -> Vec<u8> {
    let [.., high, low] = (HEADER_OCTETS + 1 + data.len()).to_be_bytes();
    let mut packet = Vec::with_capacity(HEADER_OCTETS + 1 + data.len());
    packet.extend_from_slice(&[code as u8, identifier, high, low, kind.0]);
    packet.extend_from_slice(data);
    packet
}

/// The same, where the type octet leads `body` already.
pub(crate) fn write(code: Code, identifier: u8, body: &[u8]) -> Vec<u8> {
    let [.., high, low] = (HEADER_OCTETS + body.len()).to_be_bytes();
    [&[code as u8, identifier, high, low], body].concat()
}

/// Writes a Success or Failure: four octets.
pub fn write_result(code: Code, identifier: u8) -> Vec<u8> {
    vec![code as u8, identifier, 0, 4]
}
