//! The admin socket: the [use cases](crate::accounts) over a Unix socket of the server's own user.
//!
//! The command line connects to a running server; while none runs, it calls the same use cases on
//! the data folder itself. Requests and answers are JSON lines with stable codes.

mod client;
mod protocol;
mod server;

pub use client::{Client, ConnectError, RequestError};
pub use protocol::{Request, Response, handle};
pub use server::{AdminServer, operator};
