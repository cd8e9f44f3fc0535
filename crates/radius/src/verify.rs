//! Verification that a packet's sender knows the shared secret: Message-Authenticator
//! (RFC 3579 §3.2), Request and Response Authenticators (RFC 2865 §3, 2866 §3, 5176 §3.5).

use std::ops::Deref;

use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::packet::HEADER;
use crate::password::{self, Password, PasswordError};
use crate::{AttributeType, Code, Packet, ReplyContext, SharedSecret};

/// Why a packet is not believed. It is dropped and counted, never answered (R2).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum VerifyError {
    /// The code is none that this side answers, or none that answers a request.
    #[error("the code does not belong here")]
    UnexpectedCode,
    /// There is no Message-Authenticator where one is required.
    #[error("Message-Authenticator is missing")]
    MessageAuthenticatorMissing,
    /// There is a Proxy-State and no Message-Authenticator, whatever the policy: in an answer to
    /// such a request Proxy-State is the room that a forger of Accepts needs (CVE-2024-3596).
    #[error("Proxy-State without Message-Authenticator")]
    ProxyStateUnsigned,
    /// There is more than one Message-Authenticator.
    #[error("Message-Authenticator is there twice")]
    MessageAuthenticatorRepeated,
    /// The Message-Authenticator is not 16 octets long.
    #[error("Message-Authenticator has not 16 octets")]
    MessageAuthenticatorLength,
    /// The Message-Authenticator is another one: wrong secret, or altered on the way.
    #[error("Message-Authenticator is wrong")]
    MessageAuthenticatorWrong,
    /// The authenticator in the header is another one: wrong secret, or altered on the way.
    #[error("the authenticator in the header is wrong")]
    AuthenticatorWrong,
}

impl VerifyError {
    /// Every variant, for counters that start at zero.
    pub const ALL: [VerifyError; 7] = [
        VerifyError::UnexpectedCode,
        VerifyError::MessageAuthenticatorMissing,
        VerifyError::ProxyStateUnsigned,
        VerifyError::MessageAuthenticatorRepeated,
        VerifyError::MessageAuthenticatorLength,
        VerifyError::MessageAuthenticatorWrong,
        VerifyError::AuthenticatorWrong,
    ];

    /// A stable word for counters and the corpus.
    pub const fn label(&self) -> &'static str {
        match self {
            VerifyError::UnexpectedCode => "unexpected-code",
            VerifyError::MessageAuthenticatorMissing => "message-authenticator-missing",
            VerifyError::ProxyStateUnsigned => "proxy-state-unsigned",
            VerifyError::MessageAuthenticatorRepeated => "message-authenticator-repeated",
            VerifyError::MessageAuthenticatorLength => "message-authenticator-length",
            VerifyError::MessageAuthenticatorWrong => "message-authenticator-wrong",
            VerifyError::AuthenticatorWrong => "authenticator-wrong",
        }
    }
}

/// Requirements on Access-Requests, and on the replies to them, of one client or home server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageAuthenticatorPolicy {
    /// It must be there and be right.
    Required,
    /// It may be missing, except beside EAP-Message or Proxy-State and in Status-Server; never
    /// wrong. Anybody on the path can then forge an answer (CVE-2024-3596).
    LegacyOptional,
}

/// A request whose sender knew the shared secret; only [`VerifiedRequest::verify`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedRequest<'a> {
    packet: Packet<'a>,
}

impl<'a> Deref for VerifiedRequest<'a> {
    type Target = Packet<'a>;

    fn deref(&self) -> &Packet<'a> {
        &self.packet
    }
}

impl<'a> VerifiedRequest<'a> {
    /// Checks what authenticates this code: Message-Authenticator in Access-Request (R2) and in
    /// Status-Server, whatever the policy (R5); the Request Authenticator in Accounting-Request,
    /// CoA-Request and Disconnect-Request (R10, R11), whose Message-Authenticator may be missing.
    ///
    /// Constant-time compare, no allocation.
    ///
    /// # Errors
    /// [`VerifyError`]; the caller drops the packet.
    pub fn verify(
        packet: Packet<'a>,
        secret: &SharedSecret,
        policy: MessageAuthenticatorPolicy,
    ) -> Result<Self, VerifyError> {
        match packet.code() {
            Code::AccessRequest => verify_access_request(&packet, secret, policy)?,
            Code::StatusServer => {
                verify_access_request(&packet, secret, MessageAuthenticatorPolicy::Required)?;
            }
            Code::AccountingRequest | Code::CoaRequest | Code::DisconnectRequest => {
                verify_accounting_request(&packet, secret)?;
            }
            _ => return Err(VerifyError::UnexpectedCode),
        }
        Ok(VerifiedRequest { packet })
    }

    /// Whether Message-Authenticator proves that the sender knew the secret. Without it, an
    /// Access-Request of a `legacy` client may be anybody's who can send from its address.
    pub fn is_signed(&self) -> bool {
        is_signed(&self.packet)
    }

    /// The password that User-Password hides (RFC 2865 §5.2).
    ///
    /// # Errors
    /// [`PasswordError`] when there is none, more than one, or one of an impossible length.
    pub fn user_password(&self, secret: &SharedSecret) -> Result<Password, PasswordError> {
        let mut hidden = self.all(AttributeType::USER_PASSWORD);
        let first = hidden.next().ok_or(PasswordError::Missing)?;
        match hidden.next() {
            Some(_) => Err(PasswordError::Repeated),
            None => password::reveal_password(first, self.authenticator(), secret),
        }
    }

    /// All that a reply needs of this request once its bytes are gone.
    pub fn reply_context(&self) -> ReplyContext {
        ReplyContext::of(&self.packet)
    }
}

/// Checks a reply to the request that had `request_authenticator`: the Response Authenticator,
/// and the Message-Authenticator, which must be there in Accept, Reject and Challenge.
///
/// That the identifier is the request's is for the caller to see.
///
/// # Errors
/// [`VerifyError`]; the caller drops the packet and goes on waiting.
pub fn verify_reply(
    reply: &Packet<'_>,
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
) -> Result<(), VerifyError> {
    let policy = MessageAuthenticatorPolicy::Required;
    verify_reply_with(reply, request_authenticator, secret, policy)
}

/// [`verify_reply`] for a home server that may leave Message-Authenticator out.
///
/// # Errors
/// [`VerifyError`]; the caller drops the packet and goes on waiting.
pub fn verify_reply_with(
    reply: &Packet<'_>,
    request_authenticator: &[u8; 16],
    secret: &SharedSecret,
    policy: MessageAuthenticatorPolicy,
) -> Result<(), VerifyError> {
    let required = match reply.code() {
        Code::AccessAccept | Code::AccessReject | Code::AccessChallenge => {
            requires_message_authenticator(reply, policy)
        }
        Code::AccountingResponse | Code::ProtocolError => false,
        Code::CoaAck | Code::CoaNak | Code::DisconnectAck | Code::DisconnectNak => false,
        _ => return Err(VerifyError::UnexpectedCode),
    };
    check_authenticator(reply, request_authenticator, secret)?;
    check_message_authenticator(reply, request_authenticator, secret, required)
}

fn verify_access_request(
    packet: &Packet<'_>,
    secret: &SharedSecret,
    policy: MessageAuthenticatorPolicy,
) -> Result<(), VerifyError> {
    let required = requires_message_authenticator(packet, policy);
    check_message_authenticator(packet, packet.authenticator(), secret, required)?;
    match !is_signed(packet) && packet.first(AttributeType::PROXY_STATE).is_some() {
        true => Err(VerifyError::ProxyStateUnsigned),
        false => Ok(()),
    }
}

fn is_signed(packet: &Packet<'_>) -> bool {
    packet.first(AttributeType::MESSAGE_AUTHENTICATOR).is_some()
}

fn verify_accounting_request(
    packet: &Packet<'_>,
    secret: &SharedSecret,
) -> Result<(), VerifyError> {
    check_authenticator(packet, &[0; 16], secret)?;
    check_message_authenticator(packet, &[0; 16], secret, false)
}

fn requires_message_authenticator(packet: &Packet<'_>, policy: MessageAuthenticatorPolicy) -> bool {
    policy == MessageAuthenticatorPolicy::Required
        || packet.first(AttributeType::EAP_MESSAGE).is_some()
}

/// MD5 over the packet with `authenticator` in its header, followed by the secret.
fn check_authenticator(
    packet: &Packet<'_>,
    authenticator: &[u8; 16],
    secret: &SharedSecret,
) -> Result<(), VerifyError> {
    let (head, attributes) = around_authenticator(packet);
    let right = secret.digest_before_secret(&[head, authenticator, attributes]);
    match bool::from(right.ct_eq(packet.authenticator())) {
        true => Ok(()),
        false => Err(VerifyError::AuthenticatorWrong),
    }
}

/// HMAC-MD5 over the packet with `authenticator` in its header and its own value zeroed.
fn check_message_authenticator(
    packet: &Packet<'_>,
    authenticator: &[u8; 16],
    secret: &SharedSecret,
    required: bool,
) -> Result<(), VerifyError> {
    let Some(signature) = find_signature(packet)? else {
        return match required {
            true => Err(VerifyError::MessageAuthenticatorMissing),
            false => Ok(()),
        };
    };
    let (head, _) = around_authenticator(packet);
    let (before, after) = (signature.before, signature.after);
    let right = secret.hmac(&[head, authenticator, before, &[0; 16], after]);
    match bool::from(right.ct_eq(signature.value)) {
        true => Ok(()),
        false => Err(VerifyError::MessageAuthenticatorWrong),
    }
}

/// The four octets before the header's authenticator, and the attributes after it.
fn around_authenticator<'a>(packet: &Packet<'a>) -> (&'a [u8], &'a [u8]) {
    let bytes = packet.bytes();
    let head = bytes.get(..4).unwrap_or_default();
    (head, bytes.get(HEADER..).unwrap_or_default())
}

/// A Message-Authenticator and the attributes' octets on both sides of its value.
struct Signature<'a> {
    before: &'a [u8],
    value: &'a [u8; 16],
    after: &'a [u8],
}

/// Finds the only Message-Authenticator.
fn find_signature<'a>(packet: &Packet<'a>) -> Result<Option<Signature<'a>>, VerifyError> {
    let mut found = None;
    let mut walk = packet.attributes();
    while let Some(attribute) = walk.next() {
        if attribute.kind != AttributeType::MESSAGE_AUTHENTICATOR {
            continue;
        }
        if found.is_some() {
            return Err(VerifyError::MessageAuthenticatorRepeated);
        }
        found = Some((attribute.value, walk.remaining()));
    }
    found
        .map(|(value, after)| split_around(packet, value, after))
        .transpose()
}

fn split_around<'a>(
    packet: &Packet<'a>,
    value: &'a [u8],
    after: usize,
) -> Result<Signature<'a>, VerifyError> {
    let wrong_length = VerifyError::MessageAuthenticatorLength;
    let value: &[u8; 16] = value.try_into().map_err(|_| wrong_length)?;
    let (_, attributes) = around_authenticator(packet);
    let start = attributes.len().saturating_sub(after + value.len());
    let (before, rest) = attributes.split_at_checked(start).ok_or(wrong_length)?;
    let after = rest.get(value.len()..).ok_or(wrong_length)?;
    Ok(Signature {
        before,
        value,
        after,
    })
}

#[cfg(test)]
mod tests;
