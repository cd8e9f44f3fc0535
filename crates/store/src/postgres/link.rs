//! The link to the server: one session at a time, connected anew in the background when it broke.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use tokio::runtime::{Builder, Runtime};
use tracing::{info, warn};

use super::error::PostgresError;
use super::session::{Events, Role, Session};
use super::settings::PostgresSettings;
use crate::sql::SqlError;

/// Longest wait for a connection, its checks included.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// The first pause between two tries, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The thread that drives the connections.
pub(super) struct Io(Option<Runtime>);

impl Drop for Io {
    /// Without waiting: the last owner may be a task of another runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts the thread.
pub(super) fn runtime() -> io::Result<Arc<Io>> {
    let mut builder = Builder::new_multi_thread();
    let builder = builder.worker_threads(1).thread_name("database");
    Ok(Arc::new(Io(Some(builder.enable_all().build()?))))
}

impl Io {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(task);
        }
    }

    /// Waits for `work` on the calling thread; `None` after `deadline`.
    fn wait<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = bounded(1);
        self.spawn(async move {
            if let Ok(done) = tokio::time::timeout(deadline, work).await {
                let _ = sender.send(done);
            }
        });
        receiver.recv().ok()
    }
}

enum State {
    Open(Arc<Session>),
    /// Being connected anew; the reason that it is not open.
    Away(String),
}

/// A link of one role.
pub(super) struct Link {
    io: Arc<Io>,
    settings: Arc<PostgresSettings>,
    role: Role,
    /// Where it is told that there are changes to read.
    heard: Option<Sender<()>>,
    state: Mutex<State>,
}

/// What a session tells its link.
struct Told(Weak<Link>);

impl Events for Told {
    fn heard(&self) {
        let link = self.0.upgrade();
        if let Some(heard) = link.as_ref().and_then(|link| link.heard.as_ref()) {
            // Where one word waits already, all will be read.
            let _ = heard.try_send(());
        }
    }

    fn ended(&self) {
        if let Some(link) = self.0.upgrade() {
            link.lose("the server closed the connection");
        }
    }
}

impl Link {
    /// Connects, and fails where that fails.
    pub(super) fn open(
        io: &Arc<Io>,
        settings: &Arc<PostgresSettings>,
        role: Role,
        heard: Option<Sender<()>>,
    ) -> Result<Arc<Self>, PostgresError> {
        let link = Arc::new(Self {
            io: Arc::clone(io),
            settings: Arc::clone(settings),
            role,
            heard,
            state: Mutex::new(State::Away("not connected yet".to_owned())),
        });
        let weak = Arc::downgrade(&link);
        let (settings, at) = (Arc::clone(settings), settings.at());
        let connected = io.wait(CONNECT_DEADLINE, async move {
            Session::connect(&settings, role, Told(weak)).await
        });
        let session = connected.ok_or(PostgresError::Silent { at })??;
        link.set(State::Open(Arc::new(session)));
        Ok(link)
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// The session, if there is one now.
    pub(super) fn session(&self) -> Result<Arc<Session>, SqlError> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Open(session) => Ok(Arc::clone(session)),
            State::Away(cause) => Err(SqlError::refused(cause.clone())),
        }
    }

    /// Runs `work` on the session. An error other than a statement's own ends the session.
    pub(super) fn run<T, W, F>(self: &Arc<Self>, deadline: Duration, work: W) -> Result<T, SqlError>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Session>) -> F,
        F: Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static,
    {
        let session = self.session()?;
        let error = match self.io.wait(deadline, work(session)) {
            Some(Ok(done)) => return Ok(done),
            Some(Err(error)) => PostgresError::of(&error, &self.settings.at()),
            None => PostgresError::Silent {
                at: self.settings.at(),
            },
        };
        self.lose(&error.to_string());
        Err(SqlError::refused(error))
    }

    /// Drops the session and connects anew in the background, unless that is under way.
    fn lose(self: &Arc<Self>, cause: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Away(_)) {
            return;
        }
        *state = State::Away(cause.to_owned());
        drop(state);
        warn!(cause, role = ?self.role, "the connection to the database is lost");
        let (weak, settings) = (Arc::downgrade(self), Arc::clone(&self.settings));
        let role = self.role;
        self.io.spawn(reconnect(weak, settings, role));
    }
}

/// Tries until it succeeds or the link is dropped.
async fn reconnect(weak: Weak<Link>, settings: Arc<PostgresSettings>, role: Role) {
    let mut pause = FIRST_PAUSE;
    while weak.strong_count() > 0 {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let connecting = Session::connect(&settings, role, Told(Weak::clone(&weak)));
        let connected = tokio::time::timeout(CONNECT_DEADLINE, connecting).await;
        let at = settings.at();
        let connected = connected.unwrap_or(Err(PostgresError::Silent { at }));
        let Some(link) = weak.upgrade() else { return };
        match connected {
            Ok(session) => {
                link.set(State::Open(Arc::new(session)));
                info!(?role, "connected to the database again");
                return;
            }
            Err(error) => link.set(State::Away(error.to_string())),
        }
    }
}
