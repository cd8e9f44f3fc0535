//! One server of a directory: the connections that are kept to it, and how it fares.
//!
//! ```text
//! connecting ── stands ──> up ── silent: asked whether it lives ── lives ──> up
//!     ^  └─ fails: waits, twice as long each time ─┐   │
//!     └────────────────────────────────────────────┴── no, or it ended
//! ```
//!
//! Connections are made and kept by tasks of their own, so no log-on pays for it, and one to a
//! server that is back is there as soon as it is back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use ldap3::Ldap;
use ldap3::exop::WhoAmI;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::connection::bind_pool::BindPool;
use crate::connection::connector::{Connection, Connector};
use crate::connection::failure::Failure;
use crate::connection::framing::Fault;
use crate::connection::screen::Faults;
use crate::observer::ServerObserver;
use crate::settings::{LdapServer, Settings};

/// The first wait after a failure; each further one is twice as long, up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// The wait after the directory refused our own password: its administrator has to do something,
/// and more guesses would lock our account.
const WAIT_AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// One server.
pub(crate) struct Server {
    /// As the operator wrote it.
    pub(crate) name: String,
    pub(crate) connector: Connector,
    pub(crate) binds: BindPool,
    pub(crate) observer: Box<dyn ServerObserver>,
    slots: Vec<ArcSwapOption<Live>>,
    next: AtomicUsize,
    keep_alive: Duration,
    state: Mutex<State>,
    /// Told whenever a connection stands, to any server of the directory.
    came_up: Arc<Notify>,
}

struct State {
    /// Since when there is no connection.
    down_since: Option<Instant>,
    last_failure: Option<Failure>,
}

/// A connection that questions go over, many at once.
pub(crate) struct Live {
    pub(crate) ldap: Ldap,
    pub(crate) faults: Faults,
    suspect: AtomicBool,
    suspected: Notify,
}

impl Live {
    /// It did not answer in time: others are asked first, until it has shown that it lives.
    pub(crate) fn suspect(&self) {
        if !self.suspect.swap(true, Ordering::Relaxed) {
            self.suspected.notify_one();
        }
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }
}

impl Server {
    pub(crate) fn new(
        settings: &Settings,
        server: &LdapServer,
        connector: Connector,
        observer: Box<dyn ServerObserver>,
        came_up: Arc<Notify>,
    ) -> Self {
        Self {
            name: server.to_string(),
            connector,
            binds: BindPool::new(settings.bind_connections.into(), settings.keep_alive),
            observer,
            slots: (0..settings.connections)
                .map(|_| ArcSwapOption::empty())
                .collect(),
            next: AtomicUsize::new(0),
            keep_alive: settings.keep_alive,
            state: Mutex::new(State {
                down_since: Some(Instant::now()),
                last_failure: None,
            }),
            came_up,
        }
    }

    /// Keeps all connections, for as long as somebody else holds the server.
    pub(crate) fn keep_connected(self: &Arc<Self>) {
        for slot in 0..self.slots.len() {
            let server = Arc::downgrade(self);
            tokio::spawn(async move {
                let mut failures = 0;
                while let Some(server) = server.upgrade() {
                    sleep(server.connect_and_serve(slot, &mut failures).await).await;
                }
            });
        }
    }

    /// Serves one connection to its end, if one can be made. How long to wait before the next.
    async fn connect_and_serve(self: &Arc<Self>, slot: usize, failures: &mut u32) -> Duration {
        let server = Arc::clone(self);
        // In a task of its own, for the library panics at what it can't read.
        let made = tokio::spawn(async move { server.connector.connect().await });
        match made.await.unwrap_or(Err(Failure::Garbled)) {
            // A server that sends what is not read does so again: it is no better than one that is away.
            Ok(connection) => match self.serve(slot, connection).await {
                Some(_) => *failures += 1,
                None => *failures = 0,
            },
            Err(failure @ Failure::ServiceAccount(_)) => {
                self.note_failure(failure);
                return WAIT_AFTER_REFUSAL;
            }
            Err(failure) => {
                self.note_failure(failure);
                *failures += 1;
            }
        }
        wait_after(*failures)
    }

    /// A connection that stands, one after the other; one that is suspect only if there is no
    /// other.
    pub(crate) fn connection(&self) -> Option<Arc<Live>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.slots.len();
        let live = || {
            let slots = (0..count).filter_map(|step| self.slots.get((first + step) % count));
            slots.filter_map(ArcSwapOption::load_full)
        };
        live()
            .find(|live| !live.is_suspect())
            .or_else(|| live().next())
    }

    /// How long there has been no connection, and why not; `None` if there is one.
    pub(crate) fn down(&self) -> Option<(Duration, Option<Failure>)> {
        let state = self.state();
        Some((state.down_since?.elapsed(), state.last_failure.clone()))
    }

    /// Something failed that says how the server fares.
    pub(crate) fn note_failure(&self, failure: Failure) {
        self.observer.failed(failure.label());
        let mut state = self.state();
        if state.last_failure.as_ref() != Some(&failure) {
            tracing::warn!(server = %self.name, %failure, "the directory fails");
        }
        state.last_failure = Some(failure);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers the connection to questions until it ends. What the server sent, where it is for that.
    async fn serve(&self, slot: usize, connection: Connection) -> Option<Fault> {
        let live = Arc::new(Live {
            ldap: connection.ldap,
            faults: connection.faults,
            suspect: AtomicBool::new(false),
            suspected: Notify::new(),
        });
        let slot = self.slots.get(slot)?;
        slot.store(Some(Arc::clone(&live)));
        self.note_up();
        let mut driver = connection.driver;
        loop {
            tokio::select! {
                _ = &mut driver => break,
                () = live.suspected.notified() => {}
                () = sleep(self.keep_alive) => {}
            }
            if let Err(failure) = self.probe(&live).await {
                self.note_failure(live.faults.explain(failure));
                break;
            }
        }
        slot.store(None);
        driver.abort();
        self.note_down();
        live.faults.seen()
    }

    /// Whether the server still answers here.
    async fn probe(&self, live: &Live) -> Result<(), Failure> {
        let mut ldap = live.ldap.clone();
        let asked = tokio::spawn(async move { ldap.extended(WhoAmI).await });
        let answer = timeout(self.connector.patience(), asked).await;
        answer
            .map_err(|_| Failure::Timeout)?
            .map_err(|_| Failure::Garbled)??;
        live.suspect.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn note_up(&self) {
        let mut state = self.state();
        if state.down_since.take().is_some() {
            tracing::info!(server = %self.name, "the directory can be asked");
        }
        state.last_failure = None;
        self.observer.up(true);
        drop(state);
        self.came_up.notify_waiters();
    }

    fn note_down(&self) {
        if self.slots.iter().all(|slot| slot.load().is_none()) {
            self.state().down_since.get_or_insert_with(Instant::now);
            self.observer.up(false);
            tracing::warn!(server = %self.name, "no connection to the directory is left");
        }
    }
}

/// How long to wait after so many failures in a row; half of it is chance, so that not all come
/// back at the same moment.
fn wait_after(failures: u32) -> Duration {
    let longest = FIRST_WAIT
        .saturating_mul(2u32.saturating_pow(failures))
        .min(LAST_WAIT);
    let chance = u32::from(crate::random_octet());
    longest / 2 + longest / 512 * chance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_vary() {
        for (failures, least, most) in [(0, 50, 100), (1, 100, 200), (40, 2500, 5000)] {
            let waits: Vec<_> = (0..50).map(|_| wait_after(failures).as_millis()).collect();
            assert!(
                waits.iter().all(|wait| (least..=most).contains(wait)),
                "{waits:?}"
            );
            assert!(waits.iter().any(|wait| *wait != waits[0]));
        }
    }
}
