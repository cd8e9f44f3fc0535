//! The thread that keeps a mirror: it connects, follows the directory in the way that it offers, and
//! begins again when that ends, each time after a longer pause.

mod dirsync;
mod poll;
mod syncrepl;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::applier::Upkeep;
use super::config::{Plan, Source, Way};
use super::connection::{Link, Trouble, offers};
use super::journal::{Journal, Position, Restored};
use super::{Mirror, lock, wire};
use crate::store::Store;

/// The first pause after a failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A mirror being kept. Dropping it ends that, with everything on disk.
pub struct MirrorKeeper {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl MirrorKeeper {
    /// Reads the journal, puts what is in it to use, and begins to follow the directory. Waits for
    /// the disk, never for the directory.
    ///
    /// # Errors
    /// No thread is to be had. A journal that can't be read is told of and written anew.
    pub fn start(
        mirror: Arc<Mirror>,
        source: Arc<dyn Source>,
        plan: Plan,
    ) -> io::Result<MirrorKeeper> {
        let (journal, restored) = opened(&plan, source.store());
        let upkeep = Upkeep::new(Arc::clone(&mirror), Arc::clone(&source), journal, restored);
        let keeping = Keeping {
            mirror,
            source,
            plan: Arc::new(plan),
            upkeep: Arc::new(Mutex::new(upkeep)),
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

impl Drop for MirrorKeeper {
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

fn opened(plan: &Plan, store: Option<Store>) -> (Option<Journal>, Option<Restored>) {
    let Some(path) = &plan.journal else {
        return (None, None);
    };
    match Journal::open(path.clone(), plan.fingerprint.clone(), store) {
        Ok((journal, restored)) => (Some(journal), restored),
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "the mirror on disk can't be read");
            (None, None)
        }
    }
}

/// Why following the directory has come to an end that is no failure.
enum Again {
    /// All is to be read anew.
    Reconcile,
}

/// What all ways share.
#[derive(Clone)]
struct Keeping {
    mirror: Arc<Mirror>,
    source: Arc<dyn Source>,
    plan: Arc<Plan>,
    upkeep: Arc<Mutex<Upkeep>>,
}

impl Keeping {
    async fn supervise(self, mut stopped: watch::Receiver<bool>) {
        let mut pause = FIRST_PAUSE;
        let mut fresh = false;
        loop {
            let loads = self.mirror.reading().loads;
            // In a task of its own: should it panic, that ends the task and not the mirror.
            let mut task = tokio::spawn(self.clone().keep(fresh));
            let ended = tokio::select! {
                ended = &mut task => ended,
                _ = stopped.changed() => { task.abort(); break }
            };
            self.upkeep().give_up();
            fresh = matches!(ended, Ok(Ok(Again::Reconcile)));
            let why = match ended {
                Ok(Ok(Again::Reconcile)) => None,
                Ok(Err(trouble)) => Some(trouble.to_string()),
                Err(_) => Some("the directory sent what we could not read".to_owned()),
            };
            let had_linked = self
                .mirror
                .linked
                .load(std::sync::atomic::Ordering::Relaxed);
            if had_linked || loads != self.mirror.reading().loads {
                pause = FIRST_PAUSE;
            }
            let Some(why) = why else {
                self.mirror.unlink(None);
                continue;
            };
            self.complain(&why);
            self.mirror.unlink(Some(why));
            tokio::select! {
                () = sleep(jittered(pause)) => {}
                _ = stopped.changed() => break,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.mirror.unlink(None);
        self.upkeep().write_down();
    }

    fn upkeep(&self) -> MutexGuard<'_, Upkeep> {
        lock(&self.upkeep)
    }

    /// Follows the directory for as long as it lets us. `fresh` begins with a whole load.
    async fn keep(self, fresh: bool) -> Result<Again, Trouble> {
        let known = self.mirror.reading().accounts;
        let dialled = self.source.dial().await.map_err(Trouble::Connect)?;
        let mut link = Link::new(dialled, Arc::clone(&self.plan), known);
        let kept = self.keep_by(&mut link, fresh).await;
        kept.map_err(|trouble| link.explain(trouble))
    }

    async fn keep_by(&self, link: &mut Link, fresh: bool) -> Result<Again, Trouble> {
        let root = link.root(&["supportedControl"]).await?;
        let has_sync = offers(&root, wire::SYNC_REQUEST);
        let has_dirsync = offers(&root, wire::DIRSYNC);
        match self.plan.way {
            Way::Sync if !has_sync => Err(Trouble::NotOffered("content synchronisation (sync)")),
            Way::DirSync if !has_dirsync => Err(Trouble::NotOffered("DirSync")),
            Way::Sync => syncrepl::keep(self, link, fresh).await,
            Way::DirSync => dirsync::keep(self, link, fresh).await,
            Way::Poll => poll::keep(self, link, fresh).await,
            Way::Auto if has_sync => syncrepl::keep(self, link, fresh).await,
            Way::Auto if has_dirsync => self.dirsync_or_poll(link, fresh).await,
            Way::Auto => poll::keep(self, link, fresh).await,
        }
    }

    /// DirSync asks for a right that not everybody is given.
    async fn dirsync_or_poll(&self, link: &mut Link, fresh: bool) -> Result<Again, Trouble> {
        match dirsync::keep(self, link, fresh).await {
            Err(Trouble::Refused(code, text)) => {
                tracing::info!(
                    code,
                    text,
                    "no DirSync for bind-dn: the directory is polled"
                );
                poll::keep(self, link, fresh).await
            }
            other => other,
        }
    }

    /// Once for each cause: it may last for hours.
    fn complain(&self, why: &str) {
        if lock(&self.mirror.failure).as_deref() != Some(why) {
            let directory = &self.plan.name;
            tracing::warn!(directory, why, "the mirror is not told of changes");
        }
    }

    /// Everything up to this position has been taken in.
    fn arrive(&self, position: Position) {
        let mut upkeep = self.upkeep();
        upkeep.remember(position);
        upkeep.hear();
    }

    /// Waits until it is time to ask again; whether all is to be read anew instead.
    async fn pause(&self, reconcile: Instant) -> bool {
        tokio::select! {
            () = sleep(self.plan.poll_every) => Instant::now() >= reconcile,
            () = self.mirror.wished() => true,
        }
    }

    /// When all is to be read anew, if it was read just now.
    fn next_reconcile(&self) -> Instant {
        Instant::now() + self.plan.reconcile_every
    }
}

/// Between half of it and all: servers that come back are not met by everybody at once.
fn jittered(pause: Duration) -> Duration {
    let [random] = crate::random::bytes();
    pause / 2 + (pause / 2).mul_f64(f64::from(random) / 255.0)
}
