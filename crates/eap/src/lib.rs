//! EAP conversations for a RADIUS server: no sockets, no clock, no files.
//!
//! # The tour
//! [`Methods`] says what is offered. Each supplicant has a [`Conversation`]: packets in, [`Step`]s
//! out, and in between one question to the accounts ([`Step::Authenticate`], answered by
//! [`Conversation::handle_verdict`]). Only an accepting [`Verdict`] ever leads to
//! [`Step::Success`].
//!
//! A log-on that was remembered ([`Conversation::remember`]) can be resumed from [`Sessions`], which
//! the accounts are asked about like about any other proof.
//!
//! ```text
//!   packet        EAP header, types, Nak                       RFC 3748
//!   conversation  identifiers, negotiation, budget, the end    RFC 3748 §4, §5.3
//!   method/*      one file per method                          RFC 5216, 5281, 9930 …
//!   method/inner  EAP inside a tunnel                          RFC 5281 §11.2.1, MS-PEAP
//!   tunnel        TLS inside EAP, for all methods over TLS     RFC 5216 §2.1
//!   fragments     L, M and S flags, reassembly                 RFC 5216 §2.1.5, §3.1
//!   tls           rustls driven from buffers, keys, alerts,    RFC 9190, 9427
//!                 sessions, client certificates
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
    Alert, Authorization, CertificateIdentity, CertificateProblem, ClientCertificates, ServerTls,
    Sessions, StaleLists, TicketKeys, TlsAlert, TlsConfigError, TlsProblem, TlsVersion,
    TlsVersions,
};
pub use verdict::Verdict;
pub use wishes::Wishes;
