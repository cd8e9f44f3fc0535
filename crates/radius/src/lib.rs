//! RADIUS on the wire: packets, attributes, authenticators and key wrapping over borrowed bytes.
//! No IO, no clock, no randomness; RFC 2865, 2866, 2868, 2869, 2548, 3579, 3580, 5176, 5997.
//!
//! The way of a request through this crate, each step a type that only the step before can make:
//!
//! ```text
//! datagram -> Packet::parse -> VerifiedRequest::verify -> reply_context -> Reply … finish -> bytes
//! ```
//!
//! ```
//! use portvakt_radius::MessageAuthenticatorPolicy::Required;
//! use portvakt_radius::{
//!     AttributeType, Packet, Reply, RequestWriter, SharedSecret, VerifiedRequest, verify_reply,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = SharedSecret::new(b"a secret of this client")?;
//! let (mut request, mut answer) = ([0; 4096], [0; 4096]);
//! // The NAS; its sixteen octets are to be random.
//! let mut writer = RequestWriter::access_request(1, [7; 16], &mut request)?;
//! writer.push(AttributeType::USER_NAME, b"anna")?;
//! writer.push_user_password(b"let me in", &secret)?;
//! let datagram = writer.finish(&secret)?;
//! // The server.
//! let verified = VerifiedRequest::verify(Packet::parse(datagram)?, &secret, Required)?;
//! assert_eq!(verified.first(AttributeType::USER_NAME), Some(&b"anna"[..]));
//! let context = verified.reply_context();
//! let reply = Reply::accept(&context, &mut answer)?.finish(&secret)?;
//! // The NAS again.
//! verify_reply(&Packet::parse(reply)?, &[7; 16], &secret)?;
//! # Ok(())
//! # }
//! ```
//!
//! The other side, for proxying and the tests, is [`RequestWriter`], [`verify_reply`] and
//! [`mppe::reveal`]. [`dictionary`] gives names to numbers, [`describe`] makes text of a packet.
//!
//! # Abbreviations
//! EAP: Extensible Authentication Protocol. NAS: network access server, the switch or access
//! point that asks. MSK: master session key, what an EAP conversation leaves to encrypt with.
//! MPPE: Microsoft's name for link keys, in whose attributes the MSK travels.

pub mod accounting;
pub mod attribute;
pub mod challenge;
mod code;
pub mod deciding;
mod describe;
pub mod dictionary;
pub mod dynamic_authorization;
mod eap_message;
mod error_cause;
pub mod mppe;
pub mod packet;
pub mod password;
mod reader;
pub mod reply;
pub mod request_writer;
mod secret;
pub mod verify;
mod writer;

pub use accounting::AccountingStatus;
pub use attribute::{Attribute, AttributeType, Attributes};
pub use challenge::{ChallengeCredential, ChallengeError, EncryptedPassword};
pub use code::Code;
pub use describe::describe;
pub use dynamic_authorization::{DynamicAnswer, DynamicAnswerError};
pub use eap_message::EapMessage;
pub use error_cause::ErrorCause;
pub use packet::{Packet, ParseError};
pub use password::{Password, PasswordError, hide_password};
pub use reply::{MppePolicy, MsChapFailure, Reply, ReplyContext};
pub use request_writer::RequestWriter;
pub use secret::{EmptySecret, SharedSecret};
pub use verify::{
    MessageAuthenticatorPolicy, VerifiedRequest, VerifyError, verify_reply, verify_reply_with,
};
pub use writer::{NoRoom, PushError};
