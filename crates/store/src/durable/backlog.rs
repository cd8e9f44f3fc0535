//! Attempts that the writer has taken and not written yet.

use std::collections::VecDeque;

use super::attempt_buffer::CAPACITY;
use super::pending::Shared;
use super::unattributed_buffer;
use crate::{AttemptRow, UnattributedAttempt};

/// Most attempts of each kind in one commit: bounds how long a failure waits for the others.
const BATCH: usize = 1024;

/// Attempts on accounts and unattributed ones, oldest first; at most as many as their buffers hold.
#[derive(Default)]
pub(super) struct Backlog {
    attempts: VecDeque<AttemptRow>,
    unattributed: VecDeque<UnattributedAttempt>,
}

/// The attempts of one commit.
pub(super) struct Batch<'b> {
    pub(super) attempts: &'b [AttemptRow],
    pub(super) unattributed: &'b [UnattributedAttempt],
}

impl Batch<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.unattributed.is_empty()
    }
}

impl Backlog {
    /// Takes what is buffered. Beyond the bound the oldest are dropped and counted: while the disk
    /// refuses, they would pile up.
    pub(super) fn take(&mut self, shared: &Shared) {
        self.attempts.extend(shared.attempts().take());
        self.unattributed.extend(shared.unattributed().take());
        let excess = self.attempts.len().saturating_sub(CAPACITY);
        self.attempts.drain(..excess);
        let bound = unattributed_buffer::CAPACITY;
        let excess_unattributed = self.unattributed.len().saturating_sub(bound);
        self.unattributed.drain(..excess_unattributed);
        shared.count_dropped((excess + excess_unattributed) as u64);
    }

    /// The attempts for the next commit.
    pub(super) fn batch(&mut self) -> Batch<'_> {
        fn first<T>(queue: &mut VecDeque<T>) -> &[T] {
            let count = BATCH.min(queue.len());
            queue.make_contiguous().split_at(count).0
        }
        Batch {
            attempts: first(&mut self.attempts),
            unattributed: first(&mut self.unattributed),
        }
    }

    /// Removes the batch, which was written.
    pub(super) fn written(&mut self) {
        self.attempts.drain(..BATCH.min(self.attempts.len()));
        let count = BATCH.min(self.unattributed.len());
        self.unattributed.drain(..count);
    }

    /// The number of attempts.
    pub(super) fn len(&self) -> usize {
        self.attempts.len() + self.unattributed.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
