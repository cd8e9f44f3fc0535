//! Dispatch of verified requests by code and realm.
//!
//! ```text
//!  Access-Request ── realm of User-Name ── served here ──> access
//!                                        └ of nobody   ──> access, to be refused by its method's rules
//!  Accounting-Request ── whatever its realm ──> accounting
//!  all other codes: dropped by the transport, and counted
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use portvakt_radius::{AttributeType, Code, VerifiedRequest};

use crate::access::{self, Access};
use crate::accounting;
use crate::metrics::RequestResult;
use crate::policy::{Client, route};
use crate::transport::{DropReason, Peer, RequestHandler, Responder};

/// The request handler of all transports.
pub struct Dispatcher(pub Arc<Access>);

impl RequestHandler for Dispatcher {
    fn client(&self, address: SocketAddr) -> Option<Arc<Client>> {
        let policy = self.0.state.policy.load();
        policy.clients.find(address.ip()).cloned()
    }

    fn serves(&self, code: Code) -> bool {
        matches!(code, Code::AccessRequest | Code::AccountingRequest)
    }

    fn request(&self, request: &VerifiedRequest<'_>, peer: Peer, responder: Responder) {
        if request.code() == Code::AccountingRequest {
            return accounting::handle(&self.0.state, request, peer, responder);
        }
        let policy = self.0.state.policy.load_full();
        let name = request.first(AttributeType::USER_NAME);
        let route = route::route(name, &policy.realms);
        access::handle(&self.0, policy, request, peer, responder, route);
    }

    fn status_server(&self, client: &Client) {
        client.counters.count(RequestResult::Status);
    }

    fn duplicate(&self, client: &Client) {
        client.counters.count(RequestResult::Duplicate);
    }

    fn dropped(&self, address: SocketAddr, client: Option<&Client>, why: DropReason) {
        self.0.state.dropped(address, client, why);
    }
}

#[cfg(test)]
mod tests;
