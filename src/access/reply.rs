//! Writes the reply of an outcome.

use std::time::Duration;

use portvakt_auth::{Grant, Refusal};
use portvakt_eap::MsChapV2Error;
use portvakt_radius::attribute::MAX_VALUE;
use portvakt_radius::reply::MsChapFailure;
use portvakt_radius::{AttributeType, PushError, Reply, ReplyContext};

use super::exchange::{AcceptedBy, Exchange, MsChapVersion, Outcome, RefusedBy};
use super::{joining, reply_profiles, session_times};
use crate::policy::Policy;

/// Error-Cause: "Invalid EAP Packet (Ignored)" (RFC 3579 §2.2, RFC 5176 §3.6).
const INVALID_EAP_PACKET: u32 = 202;

/// Writes the answer.
///
/// # Errors
/// The answer would not fit into 4096 octets.
pub(super) fn write<'b>(
    exchange: &Exchange,
    context: &'b ReplyContext,
    outcome: &Outcome,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], PushError> {
    let security = exchange.peer.security();
    let reply = match outcome {
        Outcome::Accept { grant, with } => {
            let mut reply = Reply::accept(context, buffer)?;
            match with {
                AcceptedBy::Pap | AcceptedBy::Chap => {}
                AcceptedBy::Eap(packet, keys) => {
                    reply.push_eap_message(packet)?;
                    if let Some(keys) = keys {
                        security.push_msk(&mut reply, &keys.msk)?;
                    }
                }
                AcceptedBy::MsChap(success) => {
                    security.push_ms_chap_key(&mut reply, &success.nt_key)?;
                }
                AcceptedBy::MsChapV2 {
                    identifier,
                    success,
                } => {
                    let (response, keys) = (&success.authenticator_response, &success.keys);
                    reply.push_ms_chap2_success(*identifier, response)?;
                    let (send, receive) = (&keys.send, &keys.receive);
                    security.push_ms_chap_v2_keys(&mut reply, send, receive)?;
                }
            }
            push_grant(&mut reply, exchange, grant)?;
            reply
        }
        Outcome::Challenge {
            state,
            eap,
            is_invalid,
            refusal: _,
        } => {
            let mut reply = Reply::challenge(context, buffer)?;
            reply.push_eap_message(eap)?;
            reply.push(AttributeType::STATE, state)?;
            if *is_invalid {
                reply.push_integer(AttributeType::ERROR_CAUSE, INVALID_EAP_PACKET)?;
            }
            reply
        }
        Outcome::AskIdentity { eap } => {
            let mut reply = Reply::challenge(context, buffer)?;
            reply.push_eap_message(eap)?;
            reply
        }
        Outcome::Reject { refusal, with, .. } => {
            let mut reply = Reply::reject(context, buffer)?;
            match with {
                RefusedBy::Eap(packet) => reply.push_eap_message(packet)?,
                RefusedBy::MsChap {
                    version,
                    identifier,
                    error,
                    retry,
                } => push_ms_chap_error(&mut reply, *version, *identifier, *error, *retry)?,
                RefusedBy::Bare => {}
            }
            if !matches!(with, RefusedBy::Eap(_)) && is_told_to_its_owner(*refusal) {
                reply.push(AttributeType::REPLY_MESSAGE, refusal.for_owner().as_bytes())?;
            }
            reply
        }
    };
    Ok(security.finish(reply)?)
}

/// RFC 2759 §6 wants a challenge even where no second try is offered. It is remembered by the NAS,
/// which makes the challenges outside EAP: the response to it comes in a request of its own, and
/// is judged as any other.
fn push_ms_chap_error(
    reply: &mut Reply<'_>,
    version: MsChapVersion,
    identifier: u8,
    error: MsChapV2Error,
    retry: bool,
) -> Result<(), PushError> {
    let challenge: [u8; 16] = crate::random::bytes();
    let (refused, challenge) = match version {
        MsChapVersion::One => {
            let challenge = challenge.first_chunk::<8>().filter(|_| retry);
            (
                MsChapFailure::REFUSED_V1,
                challenge.map(<[u8; 8]>::as_slice),
            )
        }
        MsChapVersion::Two => (MsChapFailure::REFUSED_V2, Some(challenge.as_slice())),
    };
    let failure = MsChapFailure {
        code: error.code(),
        retry,
        challenge,
        ..refused
    };
    reply.push_ms_chap_error(identifier, &failure)
}

/// Writes the attributes of an Accept besides keys. VLANs are for our own equipment only (R13).
fn push_grant(reply: &mut Reply<'_>, exchange: &Exchange, grant: &Grant) -> Result<(), PushError> {
    let of_service = exchange.policy.services.get(&exchange.peer.client.service);
    let vlan = grant
        .vlan()
        .or(of_service.and_then(|service| service.vlan.as_deref()));
    if let (Some(vlan), true) = (vlan, exchange.peer.client.send_vlan) {
        reply.push_vlan(vlan)?;
    }
    if let Some(cui) = &exchange.cui {
        reply.push(AttributeType::CHARGEABLE_USER_IDENTITY, cui.as_bytes())?;
    }
    if let Some(name) = user_name(exchange, grant) {
        reply.push(AttributeType::USER_NAME, name.as_bytes())?;
    }
    reply_profiles::push(reply, exchange, grant)?;
    session_times::push(reply, exchange, grant)?;
    // Last, so that what it has no room for is not missed.
    joining::push_class(reply, exchange, grant);
    Ok(())
}

/// The account's name with its realm, for equipment of our own that is to tell it in accounting
/// (RFC 2865 §5.1); `None` for all others, and where it does not fit.
fn user_name(exchange: &Exchange, grant: &Grant) -> Option<String> {
    if !exchange.peer.client.send_user_name {
        return None;
    }
    let account = grant.account();
    let name = match account.as_str().contains('@') {
        true => account.to_string(),
        false => {
            let source = exchange.policy.sources.of_account(account)?;
            format!("{account}@{}", source.realm)
        }
    };
    (name.len() <= MAX_VALUE).then_some(name)
}

/// Whether a bare (VPN) log-on may show the reason: only those that are met after the password
/// was proven (I6, P6). EAP never carries one (R7).
fn is_told_to_its_owner(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::NotRegistered
            | Refusal::NotActive
            | Refusal::Left
            | Refusal::Deactivated
            | Refusal::Suspended
            | Refusal::PasswordExpired
            | Refusal::TemporaryExpired
            | Refusal::TemporaryNotAllowed
            | Refusal::ServiceNotAllowed
    )
}

/// The delay of a client, varied by its jitter (R6); or where those whom nobody knows wait longer
/// than that to be refused, what they wait: it must not tell who is known (P5).
pub(super) fn reject_delay(usual: Duration, policy: &Policy, suspect_wait: Duration) -> Duration {
    let jitter = policy.reject_jitter_percent.min(100);
    let [roll] = crate::random::bytes();
    varied(usual, jitter, roll, suspect_wait)
}

/// The longest that [`reject_delay`] can be.
pub(super) fn longest_delay(usual: Duration, policy: &Policy, suspect_wait: Duration) -> Duration {
    let jitter = policy.reject_jitter_percent.min(100);
    varied(usual, jitter, u8::MAX, suspect_wait)
}

/// Zero if no delay is configured.
fn varied(usual: Duration, jitter_percent: u32, roll: u8, at_least: Duration) -> Duration {
    if usual.is_zero() {
        return Duration::ZERO;
    }
    // From -jitter to +jitter percent, in 255 steps.
    let step = (2 * jitter_percent * u32::from(roll)) / 255;
    let usual = usual * (100 + step - jitter_percent) / 100;
    usual.max(at_least * (100 + step) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// P6: what is refused whatever the password looks like a wrong one.
    #[test]
    fn nothing_that_is_refused_unproven_is_told() {
        for barred in portvakt_auth::Barred::ALL {
            let refusal = barred.refusal();
            assert!(!is_told_to_its_owner(refusal), "{refusal}");
            let error = super::super::ms_chap_error::of(refusal, true);
            assert_eq!(error, MsChapV2Error::AuthenticationFailure, "{refusal}");
        }
    }

    #[test]
    fn refusals_vary_by_their_jitter() {
        let least = varied(1000 * MS, 20, 0, Duration::ZERO);
        let most = varied(1000 * MS, 20, 255, Duration::ZERO);
        assert_eq!([least, most], [800 * MS, 1200 * MS]);
    }

    /// P5.
    #[test]
    fn refusals_leave_no_sooner_than_those_who_queue_for_one() {
        for roll in [0, 128, 255] {
            assert!(varied(1000 * MS, 20, roll, 2500 * MS) >= 2500 * MS);
            let longest = varied(1000 * MS, 20, u8::MAX, 2500 * MS);
            assert!(varied(1000 * MS, 20, roll, 2500 * MS) <= longest);
        }
        assert_eq!(varied(Duration::ZERO, 20, 7, 2500 * MS), Duration::ZERO);
    }
}
