//! Times that an Accept gives a session: its end, and how often its equipment reports.

use std::time::Duration;

use portvakt_auth::Grant;
use portvakt_radius::{AttributeType, PushError, Reply};

use super::exchange::Exchange;

/// The least Session-Timeout: some equipment refuses less, and asking anew costs.
const LEAST_SESSION: Duration = Duration::from_secs(60);

/// The least Acct-Interim-Interval (RFC 2869 §2.1).
const LEAST_INTERVAL: Duration = Duration::from_secs(60);

/// By how many percent at most a time is shortened at random, so that people who were let in together
/// are not asked for anew together.
const JITTER_PERCENT: u64 = 10;

/// Termination-Action: ask again when the session's time is up (RFC 2865 §5.29).
const RADIUS_REQUEST: u32 = 1;

/// Writes Session-Timeout with Termination-Action, and for equipment of our own whose accounting is
/// taken Acct-Interim-Interval (AC6).
///
/// # Errors
/// [`PushError`]: no room in the reply.
pub(super) fn push(
    reply: &mut Reply<'_>,
    exchange: &Exchange,
    grant: &Grant,
) -> Result<(), PushError> {
    let (policy, client) = (&exchange.policy, &exchange.peer.client);
    let right = grant.session_limit(exchange.context.arrived.utc);
    let service = policy.services.get(&client.service);
    let service = service.and_then(|service| service.session_timeout);
    let [roll, other_roll] = crate::random::bytes();
    if let Some(longest) = right.into_iter().chain(service).min() {
        let seconds = shortened(longest, LEAST_SESSION, roll);
        reply.push_integer(AttributeType::SESSION_TIMEOUT, seconds)?;
        reply.push_integer(AttributeType::TERMINATION_ACTION, RADIUS_REQUEST)?;
    }
    let interval = policy.interim_interval.filter(|_| !client.federation_peer);
    if let Some(interval) = interval {
        let seconds = shortened(interval, LEAST_INTERVAL, other_roll);
        reply.push_integer(AttributeType::ACCT_INTERIM_INTERVAL, seconds)?;
    }
    Ok(())
}

/// Seconds of `time`, less up to a tenth by `roll`, but no fewer than those of `least`.
fn shortened(time: Duration, least: Duration, roll: u8) -> u32 {
    let seconds = time.as_secs().min(u32::MAX.into());
    let less = seconds * JITTER_PERCENT * u64::from(roll) / (100 * u64::from(u8::MAX));
    let seconds = (seconds - less).max(least.as_secs());
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shortened_and_no_shorter_than_the_least() {
        const HOUR: Duration = Duration::from_secs(3600);
        let minute = Duration::from_secs(60);
        assert_eq!(shortened(HOUR, minute, 0), 3600);
        assert_eq!(shortened(HOUR, minute, 255), 3240);
        assert_eq!(shortened(Duration::ZERO, minute, 255), 60);
        assert_eq!(shortened(Duration::MAX, minute, 0), u32::MAX);
    }
}
