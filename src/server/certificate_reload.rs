//! Puts certificates, keys and revocation lists to work when they are exchanged on disk, without a
//! signal.
//!
//! The files are looked at every few seconds. Notifications of the kernel (inotify) would come
//! sooner, but not from network file systems, and for the symbolic links that Kubernetes and
//! certbot swap every folder on the way would have to be watched; asking for the state of a dozen
//! files costs microseconds.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;

use super::ReloadError;
use crate::audit::{Act, AuditEvent};
use crate::config::{Config, Warning, read_file};
use crate::metrics::Renewal;
use crate::state::State;

/// The configuration that is at work: a signal and the housekeeping may both replace it.
#[derive(Clone)]
pub(super) struct RunningConfig(Arc<Mutex<Config>>);

impl RunningConfig {
    pub(super) fn new(config: Config) -> Self {
        Self(Arc::new(Mutex::new(config)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Config> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Metadata that differ when a file was exchanged, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    device: u64,
    inode: u64,
}

/// All files with their stamps; `None` for one that is not there.
type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// Looks after the files.
pub(super) struct CertificateReloader {
    state: Arc<State>,
    running: RunningConfig,
    /// As last seen: what changes between two looks is still being written.
    seen: Stamps,
    /// As when their contents were last looked at.
    examined: Stamps,
    /// The expiry that was handled last, so that each is handled once.
    expired: Option<Timestamp>,
}

impl CertificateReloader {
    pub(super) fn new(state: Arc<State>, running: RunningConfig) -> Self {
        Self {
            state,
            running,
            seen: Stamps::new(),
            examined: Stamps::new(),
            expired: None,
        }
    }

    /// Looks once; what was exchanged, and has not changed since the look before, is put to work.
    pub(super) fn look(&mut self) {
        let running = self.running.clone();
        let mut config = running.lock();
        let now = Timestamp::now();
        let expired = config.next_expiry.filter(|then| *then <= now);
        let stamps = stamps(config.input_files.renewable());
        let is_stable = std::mem::replace(&mut self.seen, stamps.clone()) == stamps;
        if !is_stable || (stamps == self.examined && expired == self.expired) {
            return;
        }
        (self.examined, self.expired) = (stamps, expired);
        match self.renew(&config, now) {
            Ok(None) => {}
            Ok(Some((renewed, warnings))) => {
                *config = renewed;
                self.tell_done(&warnings);
            }
            Err(error) => self.tell_refused(&error),
        }
    }

    fn renew(
        &self,
        config: &Config,
        now: Timestamp,
    ) -> Result<Option<(Config, Vec<Warning>)>, ReloadError> {
        let env = |name: &str| std::env::var(name).ok();
        let Some((read, warnings)) = config.renewed(&env, &read_file, now)? else {
            return Ok(None);
        };
        // Nothing but this: the rest may have been set by the command line.
        let renewed = Config {
            eap: read.eap,
            realm_rules: read.realm_rules,
            input_files: read.input_files,
            next_expiry: read.next_expiry,
            ..config.clone()
        };
        self.state.apply(&renewed)?;
        Ok(Some((renewed, warnings)))
    }

    fn tell_done(&self, warnings: &[Warning]) {
        for warning in warnings {
            tracing::warn!("{}", on_one_line(&warning.to_string()));
        }
        tracing::info!("exchanged certificates and lists are at work");
        self.state.metrics.renewed(Renewal::Done);
        self.record("done");
    }

    fn tell_refused(&self, error: &ReloadError) {
        let why = match error {
            ReloadError::Config(problems) => problems.to_string(),
            ReloadError::Policy(error) => error.to_string(),
        };
        let why = on_one_line(&why);
        tracing::warn!("exchanged certificates are refused, the old ones go on: {why}");
        self.state.metrics.renewed(Renewal::Refused);
        self.record(&format!("refused: {why}"));
    }

    fn record(&self, result: &str) {
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: "portvakt",
            what: "renew-certificates",
            account: None,
            why: None,
            result,
        }));
    }
}

fn stamps<'p>(paths: impl Iterator<Item = &'p Path>) -> Stamps {
    paths.map(|path| (path.to_owned(), stamp(path))).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

/// A finding and its help, for a log.
fn on_one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.join("; ")
}
