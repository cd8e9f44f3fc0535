//! The files of a configuration, kept so that exchanged certificates and lists can be put to
//! work while everything else stays as it was, the text of the configuration file included.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Config;
use super::external::{Environment, FileContent, ReadFile};
use super::problem::{Problems, Warning};

/// The files of a configuration with what was in them.
#[derive(Clone)]
pub struct InputFiles {
    pub(super) path: PathBuf,
    pub(super) files: BTreeMap<PathBuf, FileContent>,
    /// Those that take effect as soon as they change.
    pub(super) renewable: BTreeSet<PathBuf>,
}

impl InputFiles {
    /// The files that take effect as soon as they change: chains, keys, authorities, lists.
    pub fn renewable(&self) -> impl Iterator<Item = &Path> {
        self.renewable.iter().map(PathBuf::as_path)
    }

    /// Whether any of them holds something else by now. One that can't be read does.
    fn differs(&self, read: ReadFile<'_>) -> bool {
        let is_same = |path: &PathBuf| match (read(path), self.files.get(path)) {
            (Ok(now), Some(then)) => now.octets.as_bytes() == then.octets.as_bytes(),
            _ => false,
        };
        !self.renewable.iter().all(is_same)
    }
}

impl fmt::Debug for InputFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InputFiles(…)")
    }
}

impl Config {
    /// The same configuration with its certificates, keys and lists as they are now; `None` where
    /// they are as they were and none of them has run out since (`Config::next_expiry`).
    ///
    /// # Errors
    /// All problems, as with [`Config::load`].
    pub fn renewed(
        &self,
        env: Environment<'_>,
        read: ReadFile<'_>,
        now: Timestamp,
    ) -> Result<Option<(Self, Vec<Warning>)>, Problems> {
        let has_run_out = self.next_expiry.is_some_and(|then| then <= now);
        if !has_run_out && !self.input_files.differs(read) {
            return Ok(None);
        }
        let kept_or_new = |path: &Path| match self.input_files.files.get(path) {
            Some(kept) if !self.input_files.renewable.contains(path) => Ok(kept.clone()),
            None if !self.input_files.renewable.contains(path) => {
                Err(io::ErrorKind::NotFound.into())
            }
            _ => read(path),
        };
        Self::load(&self.input_files.path, env, &kept_or_new, now).map(Some)
    }
}
