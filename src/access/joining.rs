//! Marks of a log-on by which its sessions are recognised in accounting: the Class of its Accept, and
//! its device.

use portvakt_accounting::LogOn;
use portvakt_auth::Grant;
use portvakt_radius::{AttributeType, Reply};

use super::exchange::Exchange;

/// Whether sessions of this client are kept: those of our own equipment, where accounting is on.
fn has_sessions(exchange: &Exchange) -> bool {
    !exchange.peer.client.federation_peer && exchange.policy.has_accounting
}

/// Writes the Class of a log-on (AC8), where it fits: an Accept is not refused for want of it.
pub(super) fn push_class(reply: &mut Reply<'_>, exchange: &Exchange, grant: &Grant) {
    if !has_sessions(exchange) {
        return;
    }
    let key = &exchange.access.state.class_key;
    let logged_on = exchange.context.arrived.utc;
    let class = key.seal(grant.account(), logged_on, crate::random::bytes());
    if let Some(class) = class {
        let _ = reply.push(AttributeType::CLASS, class.as_bytes());
    }
}

/// Keeps an accepted log-on in mind, for a NAS that returns no Class.
pub(super) fn note_log_on(exchange: &Exchange, grant: &Grant) {
    let context = &exchange.context;
    let Some(device) = context.calling_station.as_deref() else {
        return;
    };
    if has_sessions(exchange) {
        let log_on = LogOn {
            client: &exchange.peer.client.name,
            device,
            user_name: &context.outer_identity,
        };
        let log_ons = &exchange.access.state.log_ons;
        log_ons.note(log_on, grant.account(), context.arrived.utc);
    }
}
