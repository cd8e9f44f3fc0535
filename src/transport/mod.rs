//! Bytes in, signed bytes out: sockets, duplicates and delayed rejects.
//!
//! A transport verifies requests and hands each to the [`RequestHandler`] with its [`Peer`] and a
//! [`Responder`]. It knows nothing of accounts. UDP has one receiving thread per socket.

mod calling_station;
pub mod drop_log;
mod drop_reason;
pub mod duplicates;
mod peer;
mod purpose;
mod request_handler;
mod responder;
mod udp;

pub use calling_station::without_port;
pub use drop_log::DropLog;
pub use drop_reason::DropReason;
pub use peer::{Endpoints, Peer, Security, Via};
pub use purpose::Purpose;
pub use request_handler::RequestHandler;
#[cfg(test)]
pub(crate) use responder::Collected;
pub use responder::Responder;
pub use udp::socket::LARGEST_PACKET;
pub use udp::{Listen, ListenError, Listeners, Options};
