//! EAP conversations for a RADIUS server: no sockets, no clock, no files.
//!
//! # The tour
//! [`Methods`] lists the methods that are offered. Each supplicant has a [`Conversation`]: packets
//! in, [`Step`]s out. One step asks the caller to check a credential ([`Step::Authenticate`]), and
//! the caller's [`Verdict`] goes to [`Conversation::handle_verdict`]. Only an accepting verdict
//! leads to [`Step::Success`].
//!
//! ```
//! use portvakt_eap::{Conversation, EapError, InnerCredential, Limits, Methods, Step, Verdict};
//!
//! /// Leads one conversation to its end; returns whether the device is let in.
//! fn authenticate(
//!     methods: &Methods,
//!     identity_response: &[u8],
//!     mut ask_device: impl FnMut(&[u8]) -> Vec<u8>,
//!     mut check: impl FnMut(&InnerCredential) -> Verdict,
//! ) -> Result<bool, EapError> {
//!     let limits = Limits::USUAL;
//!     let (mut conversation, mut step) = Conversation::start(methods, identity_response)?;
//!     loop {
//!         step = match step {
//!             Step::Request(request) => {
//!                 conversation.handle_response(&ask_device(&request), limits)?
//!             }
//!             Step::Authenticate(credential) => {
//!                 conversation.handle_verdict(check(&credential), limits)?
//!             }
//!             // Without a SessionKeeper there is none to be found.
//!             Step::FindSession(_) => conversation.handle_search(false, limits)?,
//!             Step::Success { .. } => return Ok(true),
//!             Step::Failure { .. } => return Ok(false),
//!         };
//!     }
//! }
//! ```
//!
//! Within IKEv2 a device speaks a method without a tunnel: [`Conversation::start_untunnelled`].
//!
//! A log-on that was remembered ([`Conversation::remember`]) can be resumed from [`Sessions`]; the
//! caller gets the session as a credential like any other. A [`SessionKeeper`] keeps sessions for other
//! nodes; one that is not in memory is asked for by [`Step::FindSession`].
//!
//! Each layer imports the layers below it and none above:
//!
//! ```text
//!   conversation  identifiers, negotiation, budget, the end    RFC 3748 §4, §5.3
//!   method/*      one file per method                          RFC 5216, 5281, 9930 …
//!   method/inner  EAP inside a tunnel                          RFC 5281 §11.2.1, MS-PEAP
//!   tunnel        TLS inside EAP, for all methods over TLS     RFC 5216 §2.1
//!   credential, verdict, acceptance, failure, stage            the words of all methods
//!   tls           rustls driven from buffers, keys, alerts,    RFC 9190, 9427
//!                 sessions, client certificates
//!   fragments     L, M and S flags, reassembly                 RFC 5216 §2.1.5, §3.1
//!   method_name, inner_method, identity_type, …                names and errors
//!   packet, avp   EAP header, types, Nak; AVPs of EAP-TTLS     RFC 3748, 5281
//!   reader        every length that a peer claims
//! ```
//!
//! # Glossary
//! - **AVP**: attribute-value pair, what EAP-TTLS carries through its tunnel.
//! - **EAP**: Extensible Authentication Protocol. The *peer* is the user's device, also called
//!   supplicant; the server is we; the access point only carries.
//! - **EMSK**, **MSK**: (Extended) Master Session Key, the result of a conversation at both ends.
//! - **inner**, **outer**: inside and outside the TLS tunnel.
//! - **GTC**: Generic Token Card; in practice a method that carries a password as such.
//! - **MS-CHAP**: Microsoft's challenge and response over the NT hash of a password; its second
//!   version proves the server too.
//! - **Nak**: "not that method, but these".
//! - **PAP**: Password Authentication Protocol, a name and a password as such.
//! - **TEAP**: Tunnel EAP, which can prove machine and user in one conversation.
//! - **TLV**: type, length, value; what TEAP says everything with, and what PEAP ends with.
//! - **type-data**: what follows the type octet of an EAP packet.

mod acceptance;
pub mod avp;
mod conversation;
mod credential;
mod eap_error;
mod failure;
mod fragments;
mod identity_type;
mod inner_error;
mod inner_method;
mod keys;
mod limits;
mod method;
mod method_name;
mod method_type;
mod ms_chap_v2_error;
pub mod packet;
mod reader;
mod stage;
mod tls;
mod tunnel;
mod untunnelled_method;
mod verdict;
mod wishes;

pub use conversation::{
    Conversation, Leaves, Message, Methods, MethodsError, Progress, Step, Untaken,
};
pub use credential::InnerCredential;
pub use eap_error::EapError;
pub use failure::FailureCause;
pub use fragments::FragmentError;
pub use identity_type::{IdentityType, TeapIdentities};
pub use inner_error::InnerError;
pub use inner_method::InnerMethod;
pub use keys::{InnerKey, InnerPassword, Keys};
pub use limits::Limits;
pub use method::ttls::InnerRequest;
pub use method_name::MethodName;
pub use method_type::MethodType;
pub use ms_chap_v2_error::MsChapV2Error;
pub use stage::Stage;
pub use tls::{
    Alert, Authorization, CertificateIdentity, CertificateProblem, ClientCertificates, KeptSession,
    ServerTls, SessionId, SessionKeeper, Sessions, StaleLists, TicketKeys, TlsAlert,
    TlsConfigError, TlsProblem, TlsVersion, TlsVersions,
};
pub use untunnelled_method::{UntunnelledMethod, UntunnelledOffer};
pub use verdict::Verdict;
pub use wishes::Wishes;
