//! Attributes of an answer to MS-CHAP and MS-CHAPv2 (RFC 2548 §2.1.5, §2.3.3, §2.4).

use std::fmt::{self, Write};

use zeroize::Zeroizing;

use super::Reply;
use crate::attribute::MAX_VALUE;
use crate::dictionary::microsoft::{self, VENDOR};
use crate::password::{MAX_PASSWORD, hide_password};
use crate::writer::PushError;
use crate::{AttributeType, SharedSecret, mppe};

/// RC4 with 128 bits and no weaker (RFC 2548 §2.4.5).
const RC4_128: u32 = 0x4;

/// The most octets of a vendor attribute's value.
const MAX_VENDOR_VALUE: usize = MAX_VALUE - 6;

/// Whether the NAS must encrypt the link (RFC 2548 §2.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MppePolicy {
    /// If the peer wants to.
    Allowed,
    /// Or hang up.
    Required,
}

/// Text of MS-CHAP-Error: `E=691 R=0 C=… V=3 M=…` (RFC 2759 §6, RFC 2433 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsChapFailure<'a> {
    /// 691 for a wrong password and an unknown user alike.
    pub code: u16,
    /// Whether the peer may try again in this exchange.
    pub retry: bool,
    /// The challenge for that, 8 or 16 octets.
    pub challenge: Option<&'a [u8]>,
    /// The version of the change-password protocol; 3 in MS-CHAPv2, where it must be there.
    pub version: Option<u8>,
    /// For the user, in plain words; empty to leave it out.
    pub message: &'a str,
}

impl MsChapFailure<'_> {
    /// Authentication failure, no retry; what an MS-CHAPv2 peer is to be told.
    pub const REFUSED_V2: MsChapFailure<'static> = MsChapFailure {
        code: 691,
        retry: false,
        challenge: None,
        version: Some(3),
        message: "",
    };

    /// The same for an MS-CHAP peer.
    pub const REFUSED_V1: MsChapFailure<'static> = MsChapFailure {
        version: None,
        ..MsChapFailure::REFUSED_V2
    };
}

impl fmt::Display for MsChapFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E={} R={}", self.code, u8::from(self.retry))?;
        if let Some(challenge) = self.challenge {
            f.write_str(" C=")?;
            challenge
                .iter()
                .try_for_each(|octet| write!(f, "{octet:02X}"))?;
        }
        if let Some(version) = self.version {
            write!(f, " V={version}")?;
        }
        if !self.message.is_empty() {
            write!(f, " M={}", self.message)?;
        }
        Ok(())
    }
}

impl Reply<'_> {
    /// Writes MS-CHAP2-Success: the peer's identifier, and `S=` with 40 digits, by which the peer
    /// knows us.
    ///
    /// # Errors
    /// As [`Reply::push`].
    pub fn push_ms_chap2_success(
        &mut self,
        identifier: u8,
        authenticator_response: &[u8; 42],
    ) -> Result<(), PushError> {
        let mut value = [0; 43];
        let octets = [identifier].into_iter().chain(*authenticator_response);
        for (to, from) in value.iter_mut().zip(octets) {
            *to = from;
        }
        self.push_vendor(VENDOR, microsoft::MS_CHAP2_SUCCESS, &value)
    }

    /// Writes MS-CHAP-Error, which belongs in an Access-Reject.
    ///
    /// # Errors
    /// As [`Reply::push`]; [`PushError::ValueTooLong`] if the text has more than 246 octets.
    pub fn push_ms_chap_error(
        &mut self,
        identifier: u8,
        failure: &MsChapFailure<'_>,
    ) -> Result<(), PushError> {
        let mut value = Value::default();
        value.append(&[identifier])?;
        write!(value, "{failure}").map_err(|_| PushError::ValueTooLong)?;
        self.push_vendor(VENDOR, microsoft::MS_CHAP_ERROR, value.written())
    }

    /// Writes the keys of MPPE that MS-CHAPv2 gave, seen from the NAS, and that nothing weaker than
    /// 128 bits will do. `salts` as in [`Reply::push_mppe_keys`], beside which this has no place:
    /// MS-CHAPv2 inside EAP has keys of another kind.
    ///
    /// # Errors
    /// As [`Reply::push`].
    pub fn push_mppe_session_keys(
        &mut self,
        secret: &SharedSecret,
        send: &[u8; 16],
        receive: &[u8; 16],
        policy: MppePolicy,
        salts: [u16; 2],
    ) -> Result<(), PushError> {
        self.check(AttributeType::VENDOR_SPECIFIC)?;
        let authenticator = &self.context.request_authenticator;
        let (receive, send) = mppe::hide_session_keys(receive, send, authenticator, secret, salts);
        self.writer.all_or_nothing(|writer| {
            push_policy(writer, policy)?;
            writer.vendor(VENDOR, microsoft::MS_MPPE_RECV_KEY, &receive)?;
            writer.vendor(VENDOR, microsoft::MS_MPPE_SEND_KEY, &send)
        })
    }

    /// Writes MS-CHAP-MPPE-Keys for MS-CHAP: no LM-Key, since we have none, then the NT-Key. Hidden
    /// as User-Password is, which has no salt: legacy.
    ///
    /// # Errors
    /// As [`Reply::push`].
    pub fn push_legacy_ms_chap_mppe_keys(
        &mut self,
        secret: &SharedSecret,
        nt_key: &[u8; 16],
        policy: MppePolicy,
    ) -> Result<(), PushError> {
        self.check(AttributeType::VENDOR_SPECIFIC)?;
        let mut keys = Zeroizing::new([0; 32]);
        for (to, from) in keys.iter_mut().skip(8).zip(nt_key) {
            *to = *from;
        }
        let mut out = Zeroizing::new([0; MAX_PASSWORD]);
        let authenticator = &self.context.request_authenticator;
        let hidden = hide_password(&*keys, authenticator, secret, &mut out)
            .map_err(|_| PushError::ValueTooLong)?;
        self.writer.all_or_nothing(|writer| {
            push_policy(writer, policy)?;
            writer.vendor(VENDOR, microsoft::MS_CHAP_MPPE_KEYS, hidden)
        })
    }
}

fn push_policy(
    writer: &mut crate::writer::Writer<'_>,
    policy: MppePolicy,
) -> Result<(), PushError> {
    let policy: u32 = match policy {
        MppePolicy::Allowed => 1,
        MppePolicy::Required => 2,
    };
    writer.vendor(
        VENDOR,
        microsoft::MS_MPPE_ENCRYPTION_POLICY,
        &policy.to_be_bytes(),
    )?;
    writer.vendor(
        VENDOR,
        microsoft::MS_MPPE_ENCRYPTION_TYPES,
        &RC4_128.to_be_bytes(),
    )
}

/// The value of a vendor attribute as it is put together.
struct Value {
    octets: [u8; MAX_VENDOR_VALUE],
    length: usize,
}

impl Default for Value {
    fn default() -> Self {
        Value {
            octets: [0; MAX_VENDOR_VALUE],
            length: 0,
        }
    }
}

impl Value {
    fn append(&mut self, octets: &[u8]) -> Result<(), PushError> {
        let end = self.length + octets.len();
        let room = self.octets.get_mut(self.length..end);
        room.ok_or(PushError::ValueTooLong)?.copy_from_slice(octets);
        self.length = end;
        Ok(())
    }

    fn written(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl Write for Value {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MessageAuthenticatorPolicy::Required;
    use crate::password::reveal_password;
    use crate::{Packet, ReplyContext, RequestWriter, VerifiedRequest};

    const AUTHENTICATOR: [u8; 16] = *b"0123456789abcdef";

    fn secret() -> SharedSecret {
        SharedSecret::new(b"testing123").unwrap()
    }

    fn context() -> ReplyContext {
        let mut buffer = [0; 64];
        let request = RequestWriter::access_request(7, AUTHENTICATOR, &mut buffer).unwrap();
        let packet = Packet::parse(request.finish(&secret()).unwrap()).unwrap();
        VerifiedRequest::verify(packet, &secret(), Required)
            .unwrap()
            .reply_context()
    }

    /// The values of these Microsoft attributes in the accept that `write` writes.
    fn accepted<const N: usize>(
        kinds: [u8; N],
        write: impl FnOnce(&mut Reply<'_>) -> Result<(), PushError>,
    ) -> [Vec<u8>; N] {
        let (context, mut buffer) = (context(), [0; 4096]);
        let mut reply = Reply::accept(&context, &mut buffer).unwrap();
        write(&mut reply).unwrap();
        let packet = Packet::parse(reply.finish(&secret()).unwrap()).unwrap();
        kinds.map(|kind| packet.vendor(VENDOR, kind).unwrap().to_vec())
    }

    #[test]
    fn success_holds_identifier_and_authenticator_response() {
        let response = b"S=407A5589115FD0D6209F510FE9C04566932CDA56";
        let kinds = [microsoft::MS_CHAP2_SUCCESS];
        let [value] = accepted(kinds, |reply| reply.push_ms_chap2_success(9, response));
        assert_eq!(value, [&[9], &response[..]].concat());
    }

    #[test]
    fn error_is_written_as_the_rfc_has_it_and_only_where_it_fits() {
        let challenge = [0xab; 16];
        let failure = MsChapFailure {
            retry: true,
            challenge: Some(&challenge),
            message: "Authentication failed",
            ..MsChapFailure::REFUSED_V2
        };
        let text = "E=691 R=1 C=ABABABABABABABABABABABABABABABAB V=3 M=Authentication failed";
        let (context, mut buffer) = (context(), [0; 4096]);
        let mut reply = Reply::reject(&context, &mut buffer).unwrap();
        reply.push_ms_chap_error(9, &failure).unwrap();
        let long = "x".repeat(300);
        let too_long = MsChapFailure {
            message: &long,
            ..failure
        };
        let refused = reply.push_ms_chap_error(9, &too_long);
        assert_eq!(refused, Err(PushError::ValueTooLong));
        let packet = Packet::parse(reply.finish(&secret()).unwrap()).unwrap();
        let value = packet.vendor(VENDOR, microsoft::MS_CHAP_ERROR).unwrap();
        assert_eq!(value, [&[9], text.as_bytes()].concat());
        assert_eq!(MsChapFailure::REFUSED_V1.to_string(), "E=691 R=0");
        assert_eq!(MsChapFailure::REFUSED_V2.to_string(), "E=691 R=0 V=3");
    }

    #[test]
    fn session_keys_come_with_policy_and_nothing_under_128_bits() {
        let kinds = [
            microsoft::MS_MPPE_SEND_KEY,
            microsoft::MS_MPPE_RECV_KEY,
            microsoft::MS_MPPE_ENCRYPTION_POLICY,
            microsoft::MS_MPPE_ENCRYPTION_TYPES,
        ];
        let [send, receive, policy, types] = accepted(kinds, |reply| {
            let policy = MppePolicy::Required;
            reply.push_mppe_session_keys(&secret(), &[1; 16], &[2; 16], policy, [3, 4])
        });
        let reveal = |wrapped: &[u8]| mppe::reveal(wrapped, &AUTHENTICATOR, &secret()).unwrap();
        assert_eq!(reveal(&send).as_slice(), [1; 16]);
        assert_eq!(reveal(&receive).as_slice(), [2; 16]);
        assert_eq!((&*policy, &*types), (&[0, 0, 0, 2][..], &[0, 0, 0, 4][..]));
    }

    #[test]
    fn keys_of_the_first_version_are_hidden_like_a_password() {
        let kinds = [microsoft::MS_CHAP_MPPE_KEYS];
        let [hidden] = accepted(kinds, |reply| {
            reply.push_legacy_ms_chap_mppe_keys(&secret(), &[5; 16], MppePolicy::Allowed)
        });
        assert_eq!(hidden.len(), 32);
        let plain = reveal_password(&hidden, &AUTHENTICATOR, &secret()).unwrap();
        assert_eq!(plain.as_bytes(), [[0; 8].as_slice(), &[5; 16]].concat());
    }

    /// R7.
    #[test]
    fn reject_takes_no_keys_and_no_success() {
        let (context, mut buffer) = (context(), [0; 4096]);
        let mut reply = Reply::reject(&context, &mut buffer).unwrap();
        let forbidden = Err(PushError::NotInReject(AttributeType::VENDOR_SPECIFIC));
        let policy = MppePolicy::Allowed;
        let keys = reply.push_mppe_session_keys(&secret(), &[1; 16], &[2; 16], policy, [3, 4]);
        assert_eq!(keys, forbidden);
        let keys = reply.push_legacy_ms_chap_mppe_keys(&secret(), &[1; 16], policy);
        assert_eq!(keys, forbidden);
        assert_eq!(reply.push_ms_chap2_success(1, &[0; 42]), forbidden);
    }
}
