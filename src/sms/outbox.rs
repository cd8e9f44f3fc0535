//! Messages as files, for trying out: the default gateway. Nothing is sent.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use portvakt_resets::{DeliveryFault, Outcome};

use super::{Gateway, TextMessage};

/// Files that the folder holds; beyond it messages are refused.
const MOST_FILES: usize = 1_000;
/// How long a file stays: a day longer than the longest code is good.
const KEPT: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// A folder that messages are written to, a file each, which only the server's user can read.
#[derive(Debug)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// The name of this gateway in the configuration.
    pub const NAME: &str = "outbox";

    /// Messages go to `folder`, which is made with the first of them.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn write(&self, message: &TextMessage) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        if self.tidy()? >= MOST_FILES {
            return Err(io::Error::other("the outbox is full"));
        }
        let path = self.folder.join(format!("{}.txt", message.reference));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        writeln!(
            file,
            "A text message of Portvakt. It was not sent: sms.send-by is \"outbox\".\nTo: {}\n\n{}",
            message.number.e164(),
            *message.text
        )
    }

    /// Removes files that are too old; the number of those that stay.
    fn tidy(&self) -> io::Result<usize> {
        let mut stay = 0;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            match is_old(&entry.path()) {
                true => fs::remove_file(entry.path())?,
                false => stay += 1,
            }
        }
        Ok(stay)
    }
}

fn is_old(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    let age = written
        .ok()
        .and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_some_and(|age| age > KEPT)
}

impl Gateway for Outbox {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn send(&self, message: &TextMessage) -> Outcome {
        match self.write(message) {
            Ok(()) => Outcome::HandedOver(None),
            Err(error) => {
                tracing::error!(%error, folder = %self.folder.display(), "the outbox can't be written");
                Outcome::Refused(DeliveryFault::Transient)
            }
        }
    }
}
