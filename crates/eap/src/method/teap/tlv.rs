//! The TLVs of TEAP inside the tunnel (RFC 9930 §4.2): read in one go, each at most once.
//!
//! ```text
//!   M R Type (14 bits) | Length (2) | value | …
//! ```

use crate::identity_type::IdentityType;
use crate::inner_error::InnerError;
use crate::packet;
use crate::reader::{Reader, Short};

const MANDATORY: u16 = 0x8000;
const TYPE: u16 = 0x3fff;

const AUTHORITY_ID: u16 = 1;
const IDENTITY_TYPE: u16 = 2;
const RESULT: u16 = 3;
const NAK: u16 = 4;
const ERROR: u16 = 5;
const CHANNEL_BINDING: u16 = 6;
const VENDOR_SPECIFIC: u16 = 7;
const REQUEST_ACTION: u16 = 8;
pub(super) const EAP_PAYLOAD: u16 = 9;
const INTERMEDIATE_RESULT: u16 = 10;
const PAC: u16 = 11;
const CRYPTO_BINDING: u16 = 12;
pub(super) const PASSWORD_REQUEST: u16 = 13;
const PASSWORD_RESPONSE: u16 = 14;
const PKCS_7: u16 = 15;
const IDENTITY_HINT: u16 = 19;

const SUCCESS: u16 = 1;
const FAILURE: u16 = 2;

/// Error-Codes that go with a failure (RFC 9930, Error TLV). No finer ones are sent: a device
/// learns that it was refused and no more (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorCode {
    InnerMethod = 1001,
    TunnelCompromise = 2001,
    UnexpectedTlvs = 2002,
    BindingInvalid = 2003,
    MskMacMissing = 2004,
    MskMacWrong = 2005,
}

/// The status of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Success,
    Failure,
}

/// A mandatory TLV that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// SMI number, or 0.
    pub(super) vendor: u32,
    pub(super) kind: u16,
}

/// A name and a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PasswordResponse<'a> {
    pub(super) name: &'a [u8],
    pub(super) password: &'a [u8],
}

/// Everything that one message of the peer says.
#[derive(Default)]
pub(super) struct Message<'a> {
    pub(super) binding: Option<&'a [u8]>,
    pub(super) intermediate: Option<Status>,
    pub(super) result: Option<Status>,
    pub(super) identity_type: Option<u16>,
    pub(super) eap: Option<&'a [u8]>,
    pub(super) password: Option<PasswordResponse<'a>>,
    /// Status that a Request-Action TLV asks for, and the peer's if it is not granted.
    pub(super) action: Option<Status>,
    /// The first of several.
    pub(super) error: Option<u32>,
    /// The type of a TLV of ours that the peer does not know.
    pub(super) refused: Option<u16>,
    /// The first of several.
    pub(super) unknown: Option<Unknown>,
}

impl<'a> Message<'a> {
    /// Reads what came through the tunnel.
    ///
    /// # Errors
    /// [`InnerError::TeapTlv`] with the type of a TLV that is cut off, malformed, there twice, or
    /// not for a server.
    pub(super) fn read(plaintext: &'a [u8]) -> Result<Self, InnerError> {
        let mut reader = Reader::new(plaintext);
        let mut message = Message::default();
        while !reader.is_empty() {
            let tlv = Tlv::read(&mut reader).map_err(|Short| InnerError::TeapTlv(0))?;
            message
                .take(&tlv)
                .ok_or(InnerError::TeapTlv(tlv.kind & TYPE))?;
        }
        Ok(message)
    }

    fn take(&mut self, tlv: &Tlv<'a>) -> Option<()> {
        match tlv.kind & TYPE {
            IDENTITY_TYPE => once(&mut self.identity_type, tlv.u16()?),
            RESULT => once(&mut self.result, status(tlv.u16()?)?),
            INTERMEDIATE_RESULT => once(&mut self.intermediate, status(tlv.first_u16()?)?),
            CRYPTO_BINDING => once(&mut self.binding, tlv.whole),
            EAP_PAYLOAD => once(&mut self.eap, tlv.eap_packet()?),
            PASSWORD_RESPONSE => once(&mut self.password, tlv.password()?),
            NAK => self.take_nak(tlv.value),
            ERROR => self.take_error(tlv.value),
            REQUEST_ACTION => self.take_action(tlv.value),
            VENDOR_SPECIFIC => self.take_vendor_specific(tlv),
            PASSWORD_REQUEST | PAC => None,
            // Always optional, whatever the bit says: hints, and services that are not offered.
            AUTHORITY_ID | CHANNEL_BINDING | PKCS_7..=IDENTITY_HINT => Some(()),
            kind => self.take_unknown(tlv, Unknown { vendor: 0, kind }),
        }
    }

    fn take_nak(&mut self, value: &[u8]) -> Option<()> {
        let mut reader = Reader::new(value);
        let (vendor, kind) = (reader.u32().ok()?, reader.u16().ok()?);
        if vendor == 0 {
            self.refused.get_or_insert(kind);
        }
        is_list(reader.rest()).then_some(())
    }

    fn take_error(&mut self, value: &[u8]) -> Option<()> {
        let code = u32::from_be_bytes(value.try_into().ok()?);
        self.error.get_or_insert(code);
        Some(())
    }

    /// Of several the worst counts.
    fn take_action(&mut self, value: &[u8]) -> Option<()> {
        let (status, tlvs) = match value {
            [1, _action, tlvs @ ..] => (Status::Success, tlvs),
            [_fatal, _action, tlvs @ ..] => (Status::Failure, tlvs),
            _ => return None,
        };
        if !is_list(tlvs) {
            return None;
        }
        if self.action != Some(Status::Failure) {
            self.action = Some(status);
        }
        Some(())
    }

    fn take_vendor_specific(&mut self, tlv: &Tlv<'_>) -> Option<()> {
        let vendor = Reader::new(tlv.value).u32().ok()?;
        let kind = VENDOR_SPECIFIC;
        self.take_unknown(tlv, Unknown { vendor, kind })
    }

    fn take_unknown(&mut self, tlv: &Tlv<'_>, unknown: Unknown) -> Option<()> {
        if tlv.kind & MANDATORY != 0 {
            self.unknown.get_or_insert(unknown);
        }
        Some(())
    }

    /// Whether nothing in it asks for, answers or proves anything.
    pub(super) fn is_silent(&self) -> bool {
        self.is_without_results() && !self.has_credential() && self.refused.is_none()
    }

    /// Whether it speaks of no result at all.
    pub(super) fn is_without_results(&self) -> bool {
        let results = self.result.or(self.intermediate).or(self.action);
        results.is_none() && self.binding.is_none()
    }

    /// Whether there is something of an inner method in it.
    pub(super) fn has_credential(&self) -> bool {
        self.eap.is_some() || self.password.is_some()
    }
}

/// Whether `tlvs` is nothing but whole TLVs, whatever they are.
pub(super) fn is_list(tlvs: &[u8]) -> bool {
    let mut reader = Reader::new(tlvs);
    while !reader.is_empty() {
        if Tlv::read(&mut reader).is_err() {
            return false;
        }
    }
    true
}

/// Two of a kind: nobody can say which counts.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    match slot.replace(value) {
        Some(_before) => None,
        None => Some(()),
    }
}

fn status(value: u16) -> Option<Status> {
    match value {
        SUCCESS => Some(Status::Success),
        FAILURE => Some(Status::Failure),
        _ => None,
    }
}

struct Tlv<'a> {
    kind: u16,
    value: &'a [u8],
    /// Header included.
    whole: &'a [u8],
}

impl<'a> Tlv<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Short> {
        let mut ahead = *reader;
        let (kind, length) = (ahead.u16()?, usize::from(ahead.u16()?));
        let value = ahead.take(length)?;
        let whole = reader.take(4 + length)?;
        Ok(Tlv { kind, value, whole })
    }

    /// Of a value that is just that.
    fn u16(&self) -> Option<u16> {
        let octets = <[u8; 2]>::try_from(self.value).ok()?;
        Some(u16::from_be_bytes(octets))
    }

    /// Of a value that may go on with TLVs.
    fn first_u16(&self) -> Option<u16> {
        let mut reader = Reader::new(self.value);
        let value = reader.u16().ok()?;
        is_list(reader.rest()).then_some(value)
    }

    /// An EAP packet, behind which TLVs may stand (RFC 9930, EAP-Payload TLV). One whose own Length
    /// can't be is left as it came: the reader of EAP says what is wrong with it.
    fn eap_packet(&self) -> Option<&'a [u8]> {
        let length = packet::length_of(self.value).map(usize::from);
        match length.and_then(|length| self.value.split_at_checked(length)) {
            Some((packet, tlvs)) => is_list(tlvs).then_some(packet),
            None => Some(self.value),
        }
    }

    /// RFC 9930: neither the name nor the password may be empty.
    fn password(&self) -> Option<PasswordResponse<'a>> {
        let mut reader = Reader::new(self.value);
        let mut counted = || {
            let count = usize::from(reader.u8().ok()?);
            reader.take(count).ok().filter(|octets| !octets.is_empty())
        };
        let (name, password) = (counted()?, counted()?);
        reader
            .is_empty()
            .then_some(PasswordResponse { name, password })
    }
}

/// Writes TLVs, one after the other.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// The one TLV that we say outside of TLS.
    pub(super) fn authority_id(self, id: &[u8]) -> Self {
        self.tlv(AUTHORITY_ID, id)
    }

    pub(super) fn identity_type(self, identity: IdentityType) -> Self {
        self.mandatory(IDENTITY_TYPE, &identity.code().to_be_bytes())
    }

    /// A whole EAP packet.
    pub(super) fn eap_payload(self, packet: &[u8]) -> Self {
        self.mandatory(EAP_PAYLOAD, packet)
    }

    /// Asks for name and password.
    pub(super) fn password_request(self, prompt: &[u8]) -> Self {
        self.mandatory(PASSWORD_REQUEST, prompt)
    }

    pub(super) fn intermediate_result(self, status: Status) -> Self {
        self.mandatory(INTERMEDIATE_RESULT, &status.code().to_be_bytes())
    }

    pub(super) fn result(self, status: Status) -> Self {
        self.mandatory(RESULT, &status.code().to_be_bytes())
    }

    pub(super) fn error(self, code: ErrorCode) -> Self {
        self.mandatory(ERROR, &(code as u32).to_be_bytes())
    }

    pub(super) fn nak(self, unknown: Unknown) -> Self {
        let (vendor, kind) = (unknown.vendor.to_be_bytes(), unknown.kind.to_be_bytes());
        self.mandatory(NAK, &[vendor.as_slice(), &kind].concat())
    }

    /// A TLV with its header.
    pub(super) fn whole(mut self, tlv: &[u8]) -> Self {
        self.0.extend_from_slice(tlv);
        self
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn mandatory(self, kind: u16, value: &[u8]) -> Self {
        self.tlv(MANDATORY | kind, value)
    }

    /// Values of ours are far below 64 kB.
    fn tlv(mut self, kind: u16, value: &[u8]) -> Self {
        let [.., high, low] = value.len().to_be_bytes();
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&[high, low]);
        self.0.extend_from_slice(value);
        self
    }
}

impl Status {
    fn code(self) -> u16 {
        match self {
            Status::Success => SUCCESS,
            Status::Failure => FAILURE,
        }
    }
}

#[cfg(test)]
mod tests;
