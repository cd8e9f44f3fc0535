//! The thread that writes the audit log: files by day, removal of old ones, a full disk.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use jiff::ToSpan;
use jiff::civil::Date;

use super::line_buffer::DayLines;
use super::{Destination, State};

/// Pause between two writes.
const LOOK: Duration = Duration::from_millis(100);

/// Requests of the handles to the thread.
pub(super) enum Message {
    /// Many lines wait.
    Write,
    /// Answered with whether all lines before it are on disk.
    Flush(Sender<bool>),
    /// Answered when lines go to the new place.
    Reopen(Destination, Sender<()>),
}

pub(super) struct Writer {
    destination: Destination,
    receiver: Receiver<Message>,
    state: Arc<State>,
    /// Lines taken and not yet written; empty unless the disk refuses.
    backlog: VecDeque<DayLines>,
    retry: Duration,
    /// While the disk refuses: when to try again, so that not every look does.
    try_again_at: Option<Instant>,
    file: Option<DayFile>,
}

impl Writer {
    pub(super) fn new(
        destination: Destination,
        receiver: Receiver<Message>,
        state: Arc<State>,
        retry: Duration,
    ) -> Self {
        Self {
            destination,
            receiver,
            state,
            backlog: VecDeque::new(),
            retry,
            try_again_at: None,
            file: None,
        }
    }

    /// Until all handles are gone.
    pub(super) fn run(mut self) {
        loop {
            match self.receiver.recv_timeout(LOOK) {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break self.write_all(),
            }
            if self.try_again_at.is_none_or(|at| at <= Instant::now()) {
                self.write_all();
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Write => {}
            Message::Flush(done) => {
                self.write_all();
                let synced = self
                    .file
                    .as_ref()
                    .is_none_or(|file| file.file.sync_data().is_ok());
                // The caller may have stopped waiting.
                let _ = done.send(synced && self.backlog.is_empty());
            }
            Message::Reopen(destination, done) => {
                self.write_all();
                self.file = None;
                self.destination = destination;
                let _ = done.send(());
            }
        }
    }

    fn write_all(&mut self) {
        self.backlog.extend(self.state.lines.take());
        if self.backlog.is_empty() {
            return;
        }
        let written = self.write_backlog();
        if written.is_err() {
            self.file = None;
        }
        self.try_again_at = written.is_err().then(|| Instant::now() + self.retry);
        self.state
            .set_failure(written.err().map(|error| error.to_string()));
    }

    fn write_backlog(&mut self) -> io::Result<()> {
        while let Some(day) = self.backlog.pop_front() {
            if let Err(error) = self.write(&day) {
                self.backlog.push_front(day);
                return Err(error);
            }
            self.state.lines.written(day.lines);
        }
        Ok(())
    }

    fn write(&mut self, day: &DayLines) -> io::Result<()> {
        self.file_of(day.day)?.append(&day.octets)
    }

    fn file_of(&mut self, day: Date) -> io::Result<&mut DayFile> {
        if self.file.as_ref().is_some_and(|file| file.day != day) {
            self.file = None;
        }
        match self.file {
            Some(ref mut file) => Ok(file),
            None => {
                let file = DayFile::open(&self.destination.folder, day)?;
                remove_old(&self.destination, day);
                Ok(self.file.insert(file))
            }
        }
    }
}

/// The file of one day.
struct DayFile {
    day: Date,
    file: File,
}

impl DayFile {
    fn open(folder: &Path, day: Date) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let path = folder.join(format!("audit-{day}.jsonl"));
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        end_torn_line(&mut file)?;
        Ok(Self { day, file })
    }

    /// All of it or nothing: after a full disk no half line stays behind.
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        self.file.write_all(octets).inspect_err(|_| {
            // If this fails too, `end_torn_line` mends it at the next opening.
            let _ = self.file.set_len(length);
        })
    }
}

/// Ends a line that a power cut left without its end, so that only that one is lost.
fn end_torn_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        Ok(())
    } else {
        file.write_all(b"\n")
    }
}

/// Removes the files of days that are too old, seen from `day`. What cannot be removed stays.
fn remove_old(destination: &Destination, day: Date) {
    let Ok(oldest) = day.checked_sub(i64::from(destination.keep_days).days()) else {
        return;
    };
    let Ok(entries) = fs::read_dir(&destination.folder) else {
        return;
    };
    for entry in entries.flatten() {
        let written_on = entry.file_name().to_str().and_then(day_of);
        if written_on.is_some_and(|written_on| written_on < oldest) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The day in a file's name, if it is one of ours.
pub(super) fn day_of(name: &str) -> Option<Date> {
    name.strip_prefix("audit-")?
        .strip_suffix(".jsonl")?
        .parse()
        .ok()
}
