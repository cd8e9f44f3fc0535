//! The interface of transports to the rest of the daemon.

use std::net::SocketAddr;
use std::sync::Arc;

use portvakt_radius::{Code, VerifiedRequest};

use super::{DropReason, Peer, Responder};
use crate::policy::Client;

/// Handles the requests that transports receive. Called on receiving threads, which it must not block.
pub trait RequestHandler: Send + Sync + 'static {
    /// The client that may send from `address`.
    fn client(&self, address: SocketAddr) -> Option<Arc<Client>>;
    /// Whether requests of this code are served; others are dropped unverified. Status-Server, which
    /// transports answer themselves, is not asked for.
    fn serves(&self, code: Code) -> bool;
    /// A verified, new request of a served code came in.
    fn request(&self, request: &VerifiedRequest<'_>, peer: Peer, responder: Responder);
    /// A Status-Server was answered (R5).
    fn status_server(&self, client: &Client);
    /// A copy of an earlier request came in.
    fn duplicate(&self, client: &Client);
    /// A datagram was discarded in silence (R1).
    fn dropped(&self, address: SocketAddr, client: Option<&Client>, why: DropReason);
}
