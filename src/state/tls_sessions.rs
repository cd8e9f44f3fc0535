//! TLS sessions in the store, for a restart and for other nodes, and the keys that seal them.
//!
//! Time is cut into slots of eight hours since 1970, each with a key of its own: random, the same at
//! all nodes of a database, sealed there under the sealing key. The key of the present slot seals; a
//! key is removed once nothing that it sealed may be resumed. The key of the next slot is made an
//! hour ahead, so that a node knows it before any other seals with it.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::{AccountId, Tick};
use portvakt_eap::{KeptSession, SessionId, SessionKeeper, Sessions, TicketKeys};
use portvakt_store::{Store, StoreError, TicketKeyRenewal, TicketKeyRow, TlsSessionRow};
use zeroize::Zeroizing;

use super::State;

/// Seconds of a slot.
const SLOT_S: i64 = 8 * 3600;
/// Seconds before a slot in which its key is made.
const AHEAD_S: i64 = 3600;

/// Keeps the sessions of this process in the store.
struct Keeper(Arc<dyn Store>);

impl SessionKeeper for Keeper {
    fn keep(&self, session: KeptSession) {
        let expires_s = i64::try_from(session.expires.as_secs());
        let account = AccountId::new(&session.account);
        if let (Ok(account), Ok(expires_s)) = (account, expires_s) {
            self.0.keep_tls_session(TlsSessionRow {
                id: session.id,
                account,
                device: session.device,
                expires_s,
                sealed: session.sealed,
            });
        }
    }

    fn end(&self, id: SessionId, account: &str) {
        if let Ok(account) = AccountId::new(account) {
            self.0.end_tls_session(id, &account);
        }
    }

    fn forget(&self, account: &str) {
        if let Ok(account) = AccountId::new(account) {
            self.0.forget_tls_sessions(&account);
        }
    }
}

/// Sessions that live `time_to_live`, in memory for so many and in the store; with the ticket keys
/// of the store. Blocks for the database.
pub(super) fn open(
    capacity: usize,
    time_to_live: Duration,
    store: &Arc<dyn Store>,
    now: Timestamp,
) -> Sessions {
    let sessions = Sessions::new(capacity, time_to_live);
    sessions.advance(since_1970(now));
    if time_to_live.is_zero() {
        return sessions;
    }
    sessions.set_keeper(Arc::new(Keeper(Arc::clone(store))));
    let (sender, receiver) = channel();
    let place = sessions.clone();
    let done = move |keys| {
        put_in_place(&place, keys, now);
        // Nobody waits any more only if this thread is gone.
        let _ = sender.send(());
    };
    store.renew_ticket_keys(renewal(now, time_to_live), Box::new(done));
    let _ = receiver.recv();
    sessions
}

impl State {
    /// Tells the sessions the time: that of the start, moved on by the clock that does not jump.
    pub fn advance_sessions(&self, now: Tick) {
        let since_start = now.since(Tick::START);
        self.sessions.advance(self.began + since_start);
    }

    /// Learns of ticket keys that other nodes have made, makes those that are missing, and removes
    /// old ones and sessions that are too old.
    pub fn renew_ticket_keys(&self, now: Timestamp) {
        let time_to_live = self.resume_for;
        if time_to_live.is_zero() {
            return;
        }
        let place = self.sessions.clone();
        let done = move |keys| put_in_place(&place, keys, now);
        let renewal = renewal(now, time_to_live);
        self.store.renew_ticket_keys(renewal, Box::new(done));
        self.store.purge_tls_sessions(now.as_second());
    }
}

/// Time since 1970; none before it.
pub(super) fn since_1970(time: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millisecond()).unwrap_or_default())
}

fn slot(second: i64) -> i64 {
    second.div_euclid(SLOT_S)
}

fn renewal(now: Timestamp, time_to_live: Duration) -> TicketKeyRenewal {
    let now = now.as_second();
    let time_to_live = i64::try_from(time_to_live.as_secs()).unwrap_or(i64::MAX);
    let mut slots = vec![slot(now), slot(now.saturating_add(AHEAD_S))];
    slots.dedup();
    let offered = slots.into_iter().map(|slot| TicketKeyRow {
        slot,
        key: Zeroizing::new(crate::random::bytes()),
    });
    TicketKeyRenewal {
        offered: offered.collect(),
        // One more, for a node whose clock is behind.
        keep_from: slot(now.saturating_sub(time_to_live)) - 1,
    }
}

fn put_in_place(sessions: &Sessions, keys: Result<Vec<TicketKeyRow>, StoreError>, now: Timestamp) {
    match keys {
        Ok(keys) => {
            if let Some(keys) = arrange(&keys, now) {
                sessions.set_ticket_keys(keys);
            }
        }
        Err(error) => tracing::warn!(%error, "the keys of TLS session tickets are not renewed"),
    }
}

/// The keys, that of the present slot first. Without one for it, the newest before it, or else the
/// oldest after it: a node whose clock is wrong goes on all the same.
fn arrange(keys: &[TicketKeyRow], now: Timestamp) -> Option<TicketKeys> {
    let present = slot(now.as_second());
    let seals = keys.iter().filter(|key| key.slot <= present);
    let seals = seals.max_by_key(|key| key.slot);
    let seals = seals.or_else(|| keys.iter().min_by_key(|key| key.slot))?;
    let others = keys.iter().filter(|key| key.slot != seals.slot);
    let arranged = std::iter::once(seals).chain(others);
    let arranged: Zeroizing<Vec<_>> = Zeroizing::new(arranged.map(|key| *key.key).collect());
    TicketKeys::new(&arranged)
}

#[cfg(test)]
mod tests {
    use super::{AHEAD_S, SLOT_S, arrange, renewal};
    use jiff::Timestamp;
    use portvakt_store::TicketKeyRow;
    use std::time::Duration;
    use zeroize::Zeroizing;

    const TIME_TO_LIVE: Duration = Duration::from_secs(8 * 3600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn offered(second: i64) -> Vec<i64> {
        let renewal = renewal(at(second), TIME_TO_LIVE);
        renewal.offered.iter().map(|key| key.slot).collect()
    }

    fn key(slot: i64) -> TicketKeyRow {
        let key = Zeroizing::new([u8::try_from(slot).unwrap(); 32]);
        TicketKeyRow { slot, key }
    }

    #[test]
    fn next_key_is_made_an_hour_ahead_and_no_two_are_alike() {
        assert_eq!(offered(9 * SLOT_S), [9]);
        assert_eq!(offered(10 * SLOT_S - AHEAD_S - 1), [9]);
        assert_eq!(offered(10 * SLOT_S - AHEAD_S), [9, 10]);
        let made = renewal(at(10 * SLOT_S - 1), TIME_TO_LIVE).offered;
        assert_ne!(made[0].key, made[1].key);
    }

    #[test]
    fn key_is_kept_while_what_it_sealed_may_be_resumed() {
        let keep_from = |second| renewal(at(second), TIME_TO_LIVE).keep_from;
        // Sealed in the last second of slot 9, and good to the last second of slot 10.
        assert_eq!(keep_from(11 * SLOT_S - 1), 8);
        assert_eq!(keep_from(12 * SLOT_S), 10);
    }

    /// Debug shows how many keys there are; which is first shows in what they open.
    #[test]
    fn keys_are_arranged_whatever_the_clock_says() {
        let keys = [key(8), key(9), key(10)];
        for second in [0, 9 * SLOT_S, 99 * SLOT_S] {
            let arranged = arrange(&keys, at(second)).unwrap();
            assert_eq!(format!("{arranged:?}"), "TicketKeys(3)");
        }
        assert!(arrange(&[], at(0)).is_none());
    }
}
