//! Requests as a NAS or a proxy writes them: for home servers, the load harness and the tests.

use zeroize::Zeroizing;

use crate::password::{MAX_PASSWORD, hide_password};
use crate::writer::{NoRoom, PushError, Writer};
use crate::{AttributeType, Code, SharedSecret};

/// Writes a request into a caller's buffer; never more than 4096 octets, no allocation.
///
/// Message-Authenticator stands first in all but Accounting-Request.
pub struct RequestWriter<'b> {
    writer: Writer<'b>,
    code: Code,
    authenticator: [u8; 16],
}

impl<'b> RequestWriter<'b> {
    /// Begins an Access-Request; `authenticator` must be random and never used before.
    ///
    /// # Errors
    /// [`NoRoom`] when not even header and Message-Authenticator fit.
    pub fn access_request(
        identifier: u8,
        authenticator: [u8; 16],
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        Self::begin_signed(Code::AccessRequest, identifier, authenticator, buffer)
    }

    /// Begins a Status-Server (RFC 5997); `authenticator` as in an Access-Request.
    ///
    /// # Errors
    /// As [`RequestWriter::access_request`].
    pub fn status_server(
        identifier: u8,
        authenticator: [u8; 16],
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        Self::begin_signed(Code::StatusServer, identifier, authenticator, buffer)
    }

    /// Begins an Accounting-Request, whose authenticator [`RequestWriter::finish`] computes.
    ///
    /// # Errors
    /// [`NoRoom`] when the header does not fit.
    pub fn accounting_request(identifier: u8, buffer: &'b mut [u8]) -> Result<Self, NoRoom> {
        Self::begin(Code::AccountingRequest, identifier, [0; 16], buffer)
    }

    /// Begins a CoA-Request (RFC 5176) with Message-Authenticator and Event-Timestamp, `now` in
    /// seconds since 1970, UTC. [`RequestWriter::finish`] computes its authenticator. A
    /// retransmission is the same octets again (RFC 5080 §2.2.1).
    ///
    /// # Errors
    /// [`NoRoom`] when header and the two attributes do not fit.
    pub fn coa_request(identifier: u8, now: u32, buffer: &'b mut [u8]) -> Result<Self, NoRoom> {
        Self::begin_dated(Code::CoaRequest, identifier, now, buffer)
    }

    /// Begins a Disconnect-Request, otherwise as [`RequestWriter::coa_request`].
    ///
    /// # Errors
    /// As [`RequestWriter::coa_request`].
    pub fn disconnect_request(
        identifier: u8,
        now: u32,
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        Self::begin_dated(Code::DisconnectRequest, identifier, now, buffer)
    }

    /// Begins an Access-Request without Message-Authenticator, as old NAS send it: an attacker on
    /// the path can forge the answer (CVE-2024-3596). For tests and tools that play such a NAS.
    ///
    /// # Errors
    /// [`NoRoom`] when the header does not fit.
    pub fn legacy_access_request(
        identifier: u8,
        authenticator: [u8; 16],
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        Self::begin(Code::AccessRequest, identifier, authenticator, buffer)
    }

    fn begin(
        code: Code,
        identifier: u8,
        authenticator: [u8; 16],
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        Ok(RequestWriter {
            writer: Writer::new(buffer, code, identifier, &authenticator)?,
            code,
            authenticator,
        })
    }

    fn begin_signed(
        code: Code,
        identifier: u8,
        authenticator: [u8; 16],
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        let mut request = Self::begin(code, identifier, authenticator, buffer)?;
        request.writer.message_authenticator()?;
        Ok(request)
    }

    fn begin_dated(
        code: Code,
        identifier: u8,
        now: u32,
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        let mut request = Self::begin_signed(code, identifier, [0; 16], buffer)?;
        let stamp = request.push_integer(AttributeType::EVENT_TIMESTAMP, now);
        stamp.map_err(|_| NoRoom)?;
        Ok(request)
    }

    /// Writes one attribute of at most 253 octets. User-Password must be hidden already:
    /// [`RequestWriter::push_user_password`] does it.
    ///
    /// # Errors
    /// [`PushError`]; Message-Authenticator is the writer's. Nothing is written then.
    pub fn push(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), PushError> {
        if kind == AttributeType::MESSAGE_AUTHENTICATOR {
            return Err(PushError::Reserved(kind));
        }
        self.writer.attribute(kind, &[value])
    }

    /// Writes an attribute of 4 octets, highest first.
    ///
    /// # Errors
    /// As [`RequestWriter::push`].
    pub fn push_integer(&mut self, kind: AttributeType, value: u32) -> Result<(), PushError> {
        self.push(kind, &value.to_be_bytes())
    }

    /// Writes one vendor attribute of at most 247 octets, in a Vendor-Specific of its own.
    ///
    /// # Errors
    /// As [`RequestWriter::push`].
    pub fn push_vendor(&mut self, vendor: u32, kind: u8, value: &[u8]) -> Result<(), PushError> {
        self.writer.vendor(vendor, kind, value)
    }

    /// Writes a whole EAP packet, in pieces of 253 octets; an empty one is an EAP-Start.
    ///
    /// # Errors
    /// [`PushError::NoRoom`].
    pub fn push_eap_message(&mut self, packet: &[u8]) -> Result<(), PushError> {
        self.writer.eap_message(packet)
    }

    /// Writes User-Password, hidden under the secret and this request's authenticator.
    ///
    /// # Errors
    /// [`PushError::ValueTooLong`] above 128 octets, [`PushError::NoRoom`].
    pub fn push_user_password(
        &mut self,
        password: &[u8],
        secret: &SharedSecret,
    ) -> Result<(), PushError> {
        let mut out = Zeroizing::new([0; MAX_PASSWORD]);
        let hidden = hide_password(password, &self.authenticator, secret, &mut out)
            .map_err(|_| PushError::ValueTooLong)?;
        self.writer
            .attribute(AttributeType::USER_PASSWORD, &[hidden])
    }

    /// Fills in Length, and Message-Authenticator or Request Authenticator.
    ///
    /// # Errors
    /// [`NoRoom`] cannot come from a buffer that was large enough at the beginning.
    pub fn finish(mut self, secret: &SharedSecret) -> Result<&'b [u8], NoRoom> {
        self.writer.set_length()?;
        if self.is_signed() {
            let signature = secret.hmac(&[self.writer.written()]);
            self.writer.set_message_authenticator(&signature)?;
        }
        // Over the signature, where there is one (RFC 5176 §3.4).
        if let Code::AccountingRequest | Code::CoaRequest | Code::DisconnectRequest = self.code {
            let authenticator = secret.digest_before_secret(&[self.writer.written()]);
            self.writer.set_authenticator(&authenticator)?;
        }
        self.writer.into_written()
    }

    /// Whether the first attribute is Message-Authenticator: nobody else can have written it.
    fn is_signed(&self) -> bool {
        let first = self.writer.written().get(crate::packet::HEADER);
        first == Some(&AttributeType::MESSAGE_AUTHENTICATOR.0)
    }
}
