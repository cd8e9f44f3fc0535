//! Replies: what is kept of a request until its answer goes out, and the writer of that answer.

use crate::dictionary::microsoft;
use crate::writer::{NoRoom, PushError, Writer};
use crate::{AttributeType, Code, Packet, SharedSecret, mppe};

mod ms_chap;

pub use ms_chap::{MppePolicy, MsChapFailure};

/// All that a reply needs of its request: owned, so that it may wait for a slow directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyContext {
    identifier: u8,
    request_authenticator: [u8; 16],
    /// Whole attributes, type and length included, in the request's order.
    proxy_states: Vec<u8>,
    had_eap: bool,
}

impl ReplyContext {
    pub(crate) fn of(request: &Packet<'_>) -> Self {
        ReplyContext {
            identifier: request.identifier(),
            request_authenticator: *request.authenticator(),
            proxy_states: proxy_states(request),
            had_eap: request.first(AttributeType::EAP_MESSAGE).is_some(),
        }
    }

    /// The request's identifier, and the reply's.
    pub const fn identifier(&self) -> u8 {
        self.identifier
    }

    /// The authenticator in the request's header.
    pub const fn request_authenticator(&self) -> &[u8; 16] {
        &self.request_authenticator
    }

    /// Whether the request had an EAP-Message.
    pub const fn had_eap(&self) -> bool {
        self.had_eap
    }
}

fn proxy_states(request: &Packet<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    for value in request.all(AttributeType::PROXY_STATE) {
        let length = u8::try_from(value.len() + 2).unwrap_or(u8::MAX);
        octets.extend_from_slice(&[AttributeType::PROXY_STATE.0, length]);
        octets.extend_from_slice(value);
    }
    octets
}

/// Writes a reply into a caller's buffer; never more than 4096 octets, no allocation.
///
/// Message-Authenticator stands first (R2), the request's Proxy-State attributes last (R3): the
/// room for both is set aside at once, so that [`Reply::finish`] does not run out of it.
pub struct Reply<'b> {
    context: &'b ReplyContext,
    writer: Writer<'b>,
    code: Code,
}

impl<'b> Reply<'b> {
    /// Begins an Access-Accept.
    ///
    /// # Errors
    /// [`NoRoom`] when not even header, Message-Authenticator and Proxy-State fit.
    pub fn accept(context: &'b ReplyContext, buffer: &'b mut [u8]) -> Result<Self, NoRoom> {
        Self::begin_signed(Code::AccessAccept, context, buffer)
    }

    /// Begins an Access-Reject, which holds only what R7 lets it hold.
    ///
    /// # Errors
    /// As [`Reply::accept`].
    pub fn reject(context: &'b ReplyContext, buffer: &'b mut [u8]) -> Result<Self, NoRoom> {
        Self::begin_signed(Code::AccessReject, context, buffer)
    }

    /// Begins an Access-Challenge.
    ///
    /// # Errors
    /// As [`Reply::accept`].
    pub fn challenge(context: &'b ReplyContext, buffer: &'b mut [u8]) -> Result<Self, NoRoom> {
        Self::begin_signed(Code::AccessChallenge, context, buffer)
    }

    /// Begins an Accounting-Response, which has no Message-Authenticator (RFC 2869 §5.19).
    ///
    /// # Errors
    /// As [`Reply::accept`].
    pub fn accounting_response(
        context: &'b ReplyContext,
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        Self::begin(Code::AccountingResponse, context, buffer)
    }

    fn begin(code: Code, context: &'b ReplyContext, buffer: &'b mut [u8]) -> Result<Self, NoRoom> {
        let authenticator = &context.request_authenticator;
        let mut writer = Writer::new(buffer, code, context.identifier, authenticator)?;
        writer.reserve(context.proxy_states.len())?;
        Ok(Reply {
            context,
            writer,
            code,
        })
    }

    fn begin_signed(
        code: Code,
        context: &'b ReplyContext,
        buffer: &'b mut [u8],
    ) -> Result<Self, NoRoom> {
        let mut reply = Self::begin(code, context, buffer)?;
        reply.writer.message_authenticator()?;
        Ok(reply)
    }

    /// Octets that are left for attributes, their types and lengths included.
    pub fn room(&self) -> usize {
        self.writer.room()
    }

    /// Writes one attribute of at most 253 octets.
    ///
    /// # Errors
    /// [`PushError`], for Message-Authenticator and Proxy-State too, since those are the writer's,
    /// and in an Access-Reject for what R7 forbids. Nothing is written then.
    pub fn push(&mut self, kind: AttributeType, value: &[u8]) -> Result<(), PushError> {
        self.check(kind)?;
        self.writer.attribute(kind, &[value])
    }

    /// Writes an attribute of 4 octets, highest first.
    ///
    /// # Errors
    /// As [`Reply::push`].
    pub fn push_integer(&mut self, kind: AttributeType, value: u32) -> Result<(), PushError> {
        self.push(kind, &value.to_be_bytes())
    }

    /// Writes one vendor attribute of at most 247 octets, in a Vendor-Specific of its own.
    ///
    /// # Errors
    /// As [`Reply::push`]; an Access-Reject takes MS-CHAP-Error only.
    pub fn push_vendor(&mut self, vendor: u32, kind: u8, value: &[u8]) -> Result<(), PushError> {
        if (vendor, kind) != (microsoft::VENDOR, microsoft::MS_CHAP_ERROR) {
            self.check(AttributeType::VENDOR_SPECIFIC)?;
        }
        self.writer.vendor(vendor, kind, value)
    }

    /// Writes a whole EAP packet, in pieces of 253 octets (RFC 3579 §3.1).
    ///
    /// # Errors
    /// [`PushError::NoRoom`].
    pub fn push_eap_message(&mut self, packet: &[u8]) -> Result<(), PushError> {
        self.writer.eap_message(packet)
    }

    /// Writes MS-MPPE-Recv-Key (octets 0 to 31 of the MSK) and MS-MPPE-Send-Key (32 to 63), as
    /// RFC 2548 §2.4 wraps them. `salts` are random; their high bits are set here and equal ones
    /// made distinct (R14). Once in a reply.
    ///
    /// # Errors
    /// As [`Reply::push`].
    pub fn push_mppe_keys(
        &mut self,
        secret: &SharedSecret,
        msk: &[u8; 64],
        salts: [u16; 2],
    ) -> Result<(), PushError> {
        self.check(AttributeType::VENDOR_SPECIFIC)?;
        let authenticator = &self.context.request_authenticator;
        let (receive, send) = mppe::hide_msk(msk, authenticator, secret, salts);
        self.writer.all_or_nothing(|writer| {
            writer.vendor(microsoft::VENDOR, microsoft::MS_MPPE_RECV_KEY, &receive)?;
            writer.vendor(microsoft::VENDOR, microsoft::MS_MPPE_SEND_KEY, &send)
        })
    }

    /// Writes the three attributes that put a port or a station into a VLAN (R13).
    ///
    /// The tag is "unused" in all three, as RFC 3580 §3.31 wants it for a single tunnel: zero in
    /// the integers, left out of the name.
    ///
    /// # Errors
    /// As [`Reply::push`]; [`PushError::VlanName`] for a name that is empty or would be read as a
    /// tag. Only for our own NAS, never for a federation peer: the caller knows which it is.
    pub fn push_vlan(&mut self, vlan: &str) -> Result<(), PushError> {
        const VLAN: [u8; 4] = [0, 0, 0, 13];
        const IEEE_802: [u8; 4] = [0, 0, 0, 6];
        self.check(AttributeType::TUNNEL_TYPE)?;
        if vlan.as_bytes().first().is_none_or(|first| *first <= 0x1f) {
            return Err(PushError::VlanName);
        }
        self.writer.all_or_nothing(|writer| {
            writer.attribute(AttributeType::TUNNEL_TYPE, &[&VLAN])?;
            writer.attribute(AttributeType::TUNNEL_MEDIUM_TYPE, &[&IEEE_802])?;
            writer.attribute(AttributeType::TUNNEL_PRIVATE_GROUP_ID, &[vlan.as_bytes()])
        })
    }

    /// Adds Proxy-State, then Length, Message-Authenticator and Response Authenticator.
    ///
    /// # Errors
    /// [`NoRoom`] cannot come from a buffer that was large enough at the beginning.
    pub fn finish(mut self, secret: &SharedSecret) -> Result<&'b [u8], NoRoom> {
        let proxy_states = &self.context.proxy_states;
        self.writer.release(proxy_states.len());
        self.writer.raw(proxy_states)?;
        self.writer.set_length()?;
        if self.code != Code::AccountingResponse {
            let signature = secret.hmac(&[self.writer.written()]);
            self.writer.set_message_authenticator(&signature)?;
        }
        let authenticator = secret.digest_before_secret(&[self.writer.written()]);
        self.writer.set_authenticator(&authenticator)?;
        self.writer.into_written()
    }

    fn check(&self, kind: AttributeType) -> Result<(), PushError> {
        match kind {
            AttributeType::MESSAGE_AUTHENTICATOR | AttributeType::PROXY_STATE => {
                Err(PushError::Reserved(kind))
            }
            AttributeType::REPLY_MESSAGE if self.context.had_eap => {
                Err(PushError::ReplyMessageBesideEap)
            }
            _ if self.code == Code::AccessReject && !belongs_in_reject(kind) => {
                Err(PushError::NotInReject(kind))
            }
            _ => Ok(()),
        }
    }
}

/// R7, but for MS-CHAP-Error, which is a vendor attribute, and what the writer adds itself.
const fn belongs_in_reject(kind: AttributeType) -> bool {
    matches!(
        kind,
        AttributeType::EAP_MESSAGE
            | AttributeType::STATE
            | AttributeType::ERROR_CAUSE
            | AttributeType::REPLY_MESSAGE
    )
}

#[cfg(test)]
mod tests;
