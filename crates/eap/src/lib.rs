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

mod conversation;
mod fragments;
mod keys;
mod method;
pub mod packet;
mod reader;
mod tls;
mod tunnel;

pub use conversation::{
    Conversation, EapError, FailureCause, InnerCredential, Leaves, Limits, Message, Methods,
    MethodsError, Progress, Stage, Step, Untaken, Verdict, Wishes,
};
pub use fragments::FragmentError;
pub use keys::{InnerKey, InnerPassword, Keys};
pub use method::inner::{InnerError, InnerMethod, MsChapV2Error};
pub use method::{IdentityType, MethodName, MethodType, TeapIdentities, ttls};
pub use tls::{
    Alert, Authorization, CertificateIdentity, CertificateProblem, ClientCertificates, ServerTls,
    Sessions, StaleLists, TicketKeys, TlsAlert, TlsConfigError, TlsProblem, TlsVersion,
    TlsVersions,
};
