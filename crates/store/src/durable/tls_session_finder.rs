//! The thread that looks for TLS sessions, on a connection of its own: log-ons wait for it, and for
//! nothing that is slow.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing::{info, warn};

use super::pending::Shared;
use super::writer::guarded;
use crate::sql::{Connection, SqlError};
use crate::tables::tls_sessions::{self, FIND_AT_ONCE, FoundRow};
use crate::{TlsSessionFound, TlsSessionId};

/// Questions that may wait; beyond it a device logs on in full.
const QUEUE: usize = 1024;
/// Longest wait for an answer. A device repeats its request after a second or more.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);
/// How long nothing is asked of a database that failed.
const PAUSE: Duration = Duration::from_secs(2);

struct Question {
    id: TlsSessionId,
    until: Instant,
    found: TlsSessionFound,
}

/// The queue of the thread.
pub(crate) struct TlsSessionFinder {
    questions: Mutex<Option<Sender<Question>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl TlsSessionFinder {
    pub(crate) fn start<C: Connection>(
        connection: C,
        shared: Arc<Shared>,
    ) -> std::io::Result<Self> {
        let (questions, queue) = bounded(QUEUE);
        let thread = std::thread::Builder::new()
            .name("tls-sessions".to_owned())
            .spawn(move || run(connection, &shared, &queue))?;
        Ok(Self {
            questions: Mutex::new(Some(questions)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Asks; `found` is called on the thread, or on the caller's own where there is no room. After
    /// the end it is dropped.
    pub(crate) fn ask(&self, id: TlsSessionId, found: TlsSessionFound) {
        let until = Instant::now() + DEADLINE;
        let questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = questions.clone() else {
            return;
        };
        drop(questions);
        if let Err(TrySendError::Full(refused)) = queue.try_send(Question { id, until, found }) {
            (refused.found)(None);
        }
    }

    /// Drops what waits, and ends the thread.
    pub(crate) fn close(&self) {
        let mut questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        drop(questions.take());
        drop(questions);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = thread.take();
        // The last owner may be a callback, and a thread cannot wait for itself.
        let thread = thread.filter(|thread| thread.thread().id() != std::thread::current().id());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn run<C: Connection>(mut connection: C, shared: &Shared, queue: &Receiver<Question>) {
    let mut failed: Option<Instant> = None;
    while let Ok(first) = queue.recv() {
        let more = queue.try_iter().take(FIND_AT_ONCE - 1);
        let questions: Vec<_> = std::iter::once(first).chain(more).collect();
        let now = Instant::now();
        if failed.is_some_and(|failed| now < failed + PAUSE) {
            tell(questions, &[]);
            continue;
        }
        let in_time = questions.iter().filter(|asked| now < asked.until);
        let ids: Vec<_> = in_time.map(|asked| asked.id).collect();
        match tls_sessions::find(&mut connection, &ids) {
            Ok(mut found) => {
                let changes = shared.tls_sessions();
                found.retain(|row| {
                    let id = row.id.as_slice().try_into();
                    id.is_ok_and(|id| !changes.has_ended(id, &row.account))
                });
                if failed.take().is_some() {
                    info!("TLS sessions are found in the database again");
                }
                tell(questions, &found);
            }
            Err(error) => {
                if failed.replace(Instant::now()).is_none() {
                    warn_of(&error);
                }
                tell(questions, &[]);
            }
        }
    }
    connection.close();
}

fn warn_of(error: &SqlError) {
    warn!(%error, "TLS sessions cannot be looked for in the database; devices log on in full");
}

fn tell(questions: Vec<Question>, found: &[FoundRow]) {
    for Question {
        id, found: tell, ..
    } in questions
    {
        let row = found.iter().find(|row| row.id == id);
        let sealed = row.map(|row| row.sealed.clone());
        guarded(Some(|| tell(sealed)));
    }
}
