//! The data folder, locked by one process at a time, and the sealing key in it.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use portvakt_sealing::SealingKey;
use zeroize::Zeroizing;

use crate::StoreError;

/// A data folder that this process has taken; freed on drop, or by the kernel when the process
/// ends in whatever way.
pub struct DataFolder {
    path: PathBuf,
    lock: File,
}

impl Drop for DataFolder {
    /// Frees the folder at once: closing the file alone would leave it taken while a process that
    /// was forked just now still has a copy of the descriptor.
    fn drop(&mut self) {
        // Closing the file follows, and frees the folder as well.
        let _ = self.lock.unlock();
    }
}

impl DataFolder {
    /// Takes the folder, making it if it is missing: for its owner only, it holds password hashes.
    ///
    /// # Errors
    /// [`StoreError::Folder`] or [`StoreError::InUse`].
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let unusable = |cause| StoreError::Folder {
            path: path.to_owned(),
            cause,
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        let mut lock = open_private(&path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut lock)),
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
        sign(&mut lock).map_err(unusable)?;
        let folder = Self {
            path: path.to_owned(),
            lock,
        };
        folder.make_database().map_err(unusable)?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("portvakt.db")
    }

    /// The journal of a server that is without its database.
    pub(crate) fn journal(&self) -> Result<PathBuf, StoreError> {
        let path = self.path.join("journal.db");
        // For its owner only, before SQLite makes it.
        open_private(&path).map_err(|cause| StoreError::Folder {
            path: path.clone(),
            cause,
        })?;
        Ok(path)
    }

    /// The key in `sealing.key`, made if it is missing. `in_use` says that something is sealed
    /// already: a missing key is an error then, for a new one would not open it.
    pub(crate) fn sealing_key(&self, in_use: bool) -> Result<SealingKey, StoreError> {
        let path = self.path.join("sealing.key");
        let unusable = |cause| StoreError::SealingKeyUnusable {
            path: path.clone(),
            cause,
        };
        let text = match std::fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && in_use => {
                return Err(StoreError::SealingKeyMissing { path });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text =
                    SealingKey::generate().map_err(|cause| unusable(io::Error::other(cause)))?;
                self.write_sealing_key(&path, &text).map_err(unusable)?;
                text
            }
            Err(error) => return Err(unusable(error)),
        };
        Ok(SealingKey::parse(&path, &text)?)
    }

    /// Whole or not at all, and on disk before anything is sealed with it.
    fn write_sealing_key(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let new = self.path.join("sealing.key.new");
        let mut file = open_private(&new)?;
        file.set_len(0)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        File::open(&self.path)?.sync_all()
    }

    /// SQLite would make the file readable for all; its WAL inherits the mode from it.
    fn make_database(&self) -> io::Result<()> {
        open_private(&self.database())?.sync_all()?;
        File::open(&self.path)?.sync_all()
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    // An older file may have been copied here with other rights.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

fn sign(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

fn in_use(path: &Path, lock: &mut File) -> StoreError {
    let mut holder = String::new();
    let read = lock.take(20).read_to_string(&mut holder);
    let holder = match (read, holder.trim()) {
        (Ok(_), text) if !text.is_empty() => text.to_owned(),
        _ => "?".to_owned(),
    };
    StoreError::InUse {
        path: path.to_owned(),
        holder,
    }
}
