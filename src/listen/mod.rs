//! Bytes in, signed bytes out: sockets, clients, duplicates and delayed rejects.
//!
//! One thread per socket reads, checks and hands over what is a verified Access-Request; it knows
//! nothing of accounts. [`RequestHandler`] is the only thing it knows of the rest of the house.

mod answer;
pub mod clients;
mod delay;
pub mod duplicates;
mod many;
mod outgoing;
mod receiver;
mod socket;
mod udp;

pub use answer::Answer;
pub use clients::{Client, Clients};
pub use socket::LARGEST_PACKET;
pub use udp::{DropReason, ListenError, Listeners, Options, RequestHandler};
