//! Bytes in, signed bytes out: sockets, clients, duplicates and delayed rejects.
//!
//! One thread per socket reads, checks and hands over what is a verified Access-Request; it knows
//! nothing of accounts. [`RequestHandler`] is the only thing it knows of the rest of the house.

pub mod drop_log;
mod drop_reason;
pub mod duplicates;
mod peer;
mod request_handler;
mod responder;
mod udp;

pub use drop_log::DropLog;
pub use drop_reason::DropReason;
pub use peer::{Endpoints, Peer, Security, Via};
pub use request_handler::RequestHandler;
#[cfg(test)]
pub(crate) use responder::Collected;
pub use responder::Responder;
pub use udp::socket::LARGEST_PACKET;
pub use udp::{ListenError, Listeners, Options};
