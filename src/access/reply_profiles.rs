//! Attributes of Accepts that the operator configured: reply profiles of the service, and the
//! account's own addresses.
//!
//! Of the profiles that an account is in (its own, its groups', that of its kind, the usual one) the
//! first that has a key counts for it.

use portvakt_auth::{AccountReply, Grant};
use portvakt_radius::{AttributeType, PushError, Reply};

use super::exchange::Exchange;
use crate::config::{ReplyType, USUAL};

/// Writes them, for equipment of our own: no other site is to learn them.
///
/// # Errors
/// [`PushError`]: no room in the reply.
pub(super) fn push(
    reply: &mut Reply<'_>,
    exchange: &Exchange,
    grant: &Grant,
) -> Result<(), PushError> {
    let client = &exchange.peer.client;
    let service = exchange.policy.services.get(&client.service);
    let Some(service) = service.filter(|_| !client.federation_peer) else {
        return Ok(());
    };
    if let (Some(own), true) = (grant.reply(), service.framed_addresses) {
        push_addresses(reply, own)?;
    }
    let own = grant.reply().map_or(&[][..], |reply| &reply.profiles);
    let names = own.iter().map(String::as_str);
    let names = names.chain([grant.kind().as_str(), USUAL]);
    let mut given = 0_u32;
    for profile in names.filter_map(|name| service.reply.get(name)) {
        let mut these = 0;
        for attribute in profile {
            let bit = 1_u32.checked_shl(attribute.key.into()).unwrap_or(0);
            these |= bit;
            if given & bit == 0 {
                push_values(reply, &attribute.values)?;
            }
        }
        given |= these;
    }
    Ok(())
}

fn push_values(reply: &mut Reply<'_>, values: &[(ReplyType, Vec<u8>)]) -> Result<(), PushError> {
    for (kind, value) in values {
        match *kind {
            ReplyType::Standard(kind) => reply.push(kind, value)?,
            ReplyType::Vendor { vendor, kind } => reply.push_vendor(vendor, kind, value)?,
        }
    }
    Ok(())
}

fn push_addresses(reply: &mut Reply<'_>, own: &AccountReply) -> Result<(), PushError> {
    if let Some(address) = own.framed_ip_address {
        reply.push(AttributeType::FRAMED_IP_ADDRESS, &address.octets())?;
    }
    if let Some(prefix) = own.framed_ipv6_prefix {
        // Reserved, length, and the octets of the prefix (RFC 3162 §2.3).
        let mut value = [0; 18];
        if let Some((head, octets)) = value.split_first_chunk_mut::<2>() {
            *head = [0, prefix.prefix_len()];
            octets.copy_from_slice(&prefix.network().octets());
        }
        reply.push(AttributeType::FRAMED_IPV6_PREFIX, &value)?;
    }
    Ok(())
}
