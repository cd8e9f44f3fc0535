//! The operator's way in: acts on accounts and locks, over a local socket that only its owner can
//! open, and straight on the data folder while no server runs. Either way the same [`Desk`] does
//! them, and every act that changes something is audited.

mod client;
mod desk;
mod explain;
mod import;
mod protocol;
mod server;

pub use client::{Client, ConnectError};
pub use desk::Desk;
pub use explain::{Attempt, Explanation, LockState, StatusFinding};
pub use protocol::{
    ClearPassword, Filter, Imported, PasswordFacts, RawEntry, RawValue, Request, Response, Summary,
};
pub use server::{ControlServer, user_name};
