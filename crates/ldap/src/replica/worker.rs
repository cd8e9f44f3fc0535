//! The thread that keeps a mirror: it connects, follows the directory in the way that it offers, and
//! begins again when that ends, each time after a longer pause.

mod dirsync;
mod poll;
mod syncrepl;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use portvakt_directory::AccountReplica as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::applier::Applier;
use super::config::{EntrySource, ReplicaConfig, SyncMethod};
use super::connection::{SyncConnection, SyncError, offers};
use super::journal::{Journal, Restored, SyncCursor};
use super::{Replica, lock, wire};
use portvakt_sealing::SealingKey;

/// The first pause after a failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A mirror being kept. Dropping it ends that, with everything on disk.
pub struct ReplicaWorker {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl ReplicaWorker {
    /// Reads the journal, puts what is in it to use, and begins to follow the directory. Waits for
    /// the disk, never for the directory.
    ///
    /// # Errors
    /// No thread is to be had. A journal that can't be read is told of and written anew.
    pub fn start(
        replica: Arc<Replica>,
        source: Arc<dyn EntrySource>,
        config: ReplicaConfig,
    ) -> io::Result<ReplicaWorker> {
        let (journal, restored) = opened(&config, source.sealing_key());
        let applier = Applier::new(Arc::clone(&replica), Arc::clone(&source), journal, restored);
        let keeping = Worker {
            replica,
            source,
            config: Arc::new(config),
            applier: Arc::new(Mutex::new(applier)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("mirror".to_owned())
            .spawn(move || {
                runtime.block_on(keeping.supervise(stopped));
                // A look-up of a server's name may hang for long.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for ReplicaWorker {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread that kept the mirror had panicked");
        }
    }
}

fn opened(config: &ReplicaConfig, key: Option<SealingKey>) -> (Option<Journal>, Option<Restored>) {
    let Some(path) = &config.journal else {
        return (None, None);
    };
    match Journal::open(path.clone(), config.fingerprint.clone(), key) {
        Ok((journal, restored)) => (Some(journal), restored),
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "the mirror on disk can't be read");
            (None, None)
        }
    }
}

/// Why following the directory has come to an end that is no failure.
enum Next {
    /// All is to be read anew.
    Reconcile,
}

/// State that all synchronisation methods share.
#[derive(Clone)]
struct Worker {
    replica: Arc<Replica>,
    source: Arc<dyn EntrySource>,
    config: Arc<ReplicaConfig>,
    applier: Arc<Mutex<Applier>>,
}

impl Worker {
    async fn supervise(self, mut stopped: watch::Receiver<bool>) {
        let mut pause = FIRST_PAUSE;
        let mut fresh = false;
        loop {
            let loads = self.replica.status().loads;
            // In a task of its own: should it panic, that ends the task and not the mirror.
            let mut task = tokio::spawn(self.clone().keep(fresh));
            let ended = tokio::select! {
                ended = &mut task => ended,
                _ = stopped.changed() => { task.abort(); break }
            };
            self.applier().discard_load();
            fresh = matches!(ended, Ok(Ok(Next::Reconcile)));
            let why = match ended {
                Ok(Ok(Next::Reconcile)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the directory sent what we could not read".to_owned()),
            };
            let had_connected = self
                .replica
                .connected
                .load(std::sync::atomic::Ordering::Relaxed);
            if had_connected || loads != self.replica.status().loads {
                pause = FIRST_PAUSE;
            }
            let Some(why) = why else {
                self.replica.disconnected(None);
                continue;
            };
            self.log_failure(&why);
            self.replica.disconnected(Some(why));
            tokio::select! {
                () = sleep(jittered(pause)) => {}
                _ = stopped.changed() => break,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.replica.disconnected(None);
        self.applier().write_down();
    }

    fn applier(&self) -> MutexGuard<'_, Applier> {
        lock(&self.applier)
    }

    /// Follows the directory for as long as it lets us. `fresh` begins with a whole load.
    async fn keep(self, fresh: bool) -> Result<Next, SyncError> {
        let known = self.replica.status().accounts;
        let connection = self.source.connect().await?;
        let mut connection = SyncConnection::new(connection, Arc::clone(&self.config), known);
        let kept = self.sync_by(&mut connection, fresh).await;
        kept.map_err(|error| connection.explain(error))
    }

    async fn sync_by(
        &self,
        connection: &mut SyncConnection,
        fresh: bool,
    ) -> Result<Next, SyncError> {
        let root = connection.root(&["supportedControl"]).await?;
        let has_sync = offers(&root, wire::SYNC_REQUEST);
        let has_dirsync = offers(&root, wire::DIRSYNC);
        match self.config.method {
            SyncMethod::Sync if !has_sync => {
                Err(SyncError::NotOffered("content synchronisation (sync)"))
            }
            SyncMethod::DirSync if !has_dirsync => Err(SyncError::NotOffered("DirSync")),
            SyncMethod::Sync => syncrepl::keep(self, connection, fresh).await,
            SyncMethod::DirSync => dirsync::keep(self, connection, fresh).await,
            SyncMethod::Poll => poll::keep(self, connection, fresh).await,
            SyncMethod::Auto if has_sync => syncrepl::keep(self, connection, fresh).await,
            SyncMethod::Auto if has_dirsync => self.dirsync_or_poll(connection, fresh).await,
            SyncMethod::Auto => poll::keep(self, connection, fresh).await,
        }
    }

    /// DirSync asks for a right that not everybody is given.
    async fn dirsync_or_poll(
        &self,
        connection: &mut SyncConnection,
        fresh: bool,
    ) -> Result<Next, SyncError> {
        match dirsync::keep(self, connection, fresh).await {
            Err(SyncError::Refused(code, text)) => {
                tracing::info!(
                    code,
                    text,
                    "no DirSync for bind-dn: the directory is polled"
                );
                poll::keep(self, connection, fresh).await
            }
            other => other,
        }
    }

    /// Once for each cause: it may last for hours.
    fn log_failure(&self, why: &str) {
        if lock(&self.replica.failure).as_deref() != Some(why) {
            let directory = &self.config.name;
            tracing::warn!(directory, why, "the mirror is not told of changes");
        }
    }

    /// Everything up to this position has been taken in.
    fn commit(&self, cursor: SyncCursor) {
        let mut applier = self.applier();
        applier.remember(cursor);
        applier.touch();
    }

    /// Waits until it is time to ask again; whether all is to be read anew instead.
    async fn pause(&self, reconcile: Instant) -> bool {
        tokio::select! {
            () = sleep(self.config.poll_every) => Instant::now() >= reconcile,
            () = self.replica.reconcile_requested() => true,
        }
    }

    /// When all is to be read anew, if it was read just now.
    fn next_reconcile(&self) -> Instant {
        Instant::now() + self.config.reconcile_every
    }
}

/// Between half of it and all: servers that come back are not met by everybody at once.
fn jittered(pause: Duration) -> Duration {
    let random = crate::random_octet();
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / 255.0)
}
