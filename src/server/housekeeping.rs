//! Periodic work: expiry, reports, gauges, certificate reload.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::certificate_reload::CertificateReloader;
use super::database_watch::DatabaseWatch;
use crate::access::Access;
use crate::accounting;

/// How often the house is tidied.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// How often the audit log is synced to disk: a power cut loses no more of it.
const FLUSH_EVERY: Duration = Duration::from_secs(3);
/// How often TLS sessions that are too old to be resumed are freed, and their keys renewed.
const SWEEP_SESSIONS_EVERY: Duration = Duration::from_secs(60);
/// How often certificates, keys and lists are looked at: what was exchanged is at work after two
/// looks.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How often sessions without news are looked for.
const CLOSE_SESSIONS_EVERY: Duration = Duration::from_secs(10);
/// How long text messages and codes stay in the store: a window of IT support counts for 31 days.
const KEEP_RESETS: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// How often old attempts and sessions are removed from the store.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Throws away what has had its time, tells of conversations that were given up, and keeps the
/// gauges current.
pub(super) struct Housekeeper {
    pub(super) access: Arc<Access>,
    pub(super) certificates: CertificateReloader,
    pub(super) database: DatabaseWatch,
    pub(super) sweep_duplicates: Box<dyn Fn(Instant) + Send>,
    pub(super) keep_attempts: Duration,
    pub(super) keep_sessions: Duration,
    /// When the server began to listen.
    pub(super) since: Timestamp,
}

impl Housekeeper {
    /// Until told to stop.
    pub(super) fn run(mut self, stopped: &Receiver<()>) {
        let mut pruned: Option<Instant> = None;
        let mut flushed = Instant::now();
        let mut swept = Instant::now();
        let mut looked = Instant::now();
        let mut closed = Instant::now();
        while stopped.recv_timeout(TIDY_EVERY) == Err(RecvTimeoutError::Timeout) {
            let now = Instant::now();
            (self.sweep_duplicates)(now);
            self.access.abandon_expired(now);
            self.access.state.log_drops(now);
            self.forget();
            self.database.look(&self.access.state);
            if now - looked >= RENEW_EVERY {
                looked = now;
                self.certificates.look();
            }
            if now - swept >= SWEEP_SESSIONS_EVERY {
                swept = now;
                let state = &self.access.state;
                state.sessions.sweep();
                state.renew_ticket_keys(state.clock.now().utc);
            }
            if now - closed >= CLOSE_SESSIONS_EVERY {
                closed = now;
                self.close_stale_sessions();
            }
            if now - flushed >= FLUSH_EVERY {
                flushed = now;
                // What does not get to disk shows on the health page.
                let _ = self.access.state.audit.flush(TIDY_EVERY);
            }
            if pruned.is_none_or(|pruned| now - pruned >= PRUNE_EVERY) {
                pruned = Some(now);
                let store = &self.access.state.store;
                store.prune_attempts(ago(self.keep_attempts));
                store.purge_sessions(ago(self.keep_sessions));
                if let Err(error) = store.purge_resets(ago(KEEP_RESETS)) {
                    tracing::error!(%error, "old text messages can't be removed");
                }
            }
        }
        self.access.state.log_drops(Instant::now());
        // Nobody comes back to what is still open: it is told as given up, too.
        self.access
            .abandon_expired(Instant::now() + Duration::from_secs(24 * 60 * 60));
    }

    fn close_stale_sessions(&self) {
        let state = Arc::clone(&self.access.state);
        let rule = state.policy.load().stale_after;
        let (store, now) = (Arc::clone(&state.store), state.clock.now().utc);
        let done = Box::new(move |recorded| accounting::report_stale(&state, &recorded));
        store.close_stale_sessions(rule, self.since, now, done);
    }

    fn forget(&self) {
        let state = &self.access.state;
        let now = state.clock.now();
        state.proofs.sweep(now);
        state.advance_sessions(now.tick);
        let policy = state.policy.load();
        let lockout = |id: &_| &policy.sources.rules(id).lockout;
        self.access.forget_unknown_names(now.tick);
        let is_dirty = |id: &_| state.store.is_dirty(id);
        let removed = state.locks.forget_expired(lockout, now.tick, is_dirty);
        state.store.forget_locks(&removed, now);
    }
}

/// The moment so long ago.
fn ago(time: Duration) -> Timestamp {
    let ago = Timestamp::now().checked_sub(time);
    ago.unwrap_or(Timestamp::MIN)
}
