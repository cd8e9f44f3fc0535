//! Where lines wait for the writer: a page for each thread, so that no two wait for each other.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;

/// More threads than this share pages.
const SHARDS: usize = 16;

/// Lines of one day and one thread, as they will stand in the file.
pub(super) struct Page {
    pub day: Date,
    pub octets: Vec<u8>,
    pub lines: usize,
}

/// The lines that are not written yet.
pub(super) struct Pages {
    shards: [Mutex<Vec<Page>>; SHARDS],
    /// Of all shards, and what the writer has taken and not written.
    waiting: AtomicUsize,
    most: usize,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits.
    Waiting,
    /// It waits, and so many do that the writer should not sleep on.
    Urgent,
    /// It is lost: too many wait, or it could not be put into words.
    Lost,
}

impl Pages {
    /// For at most `most` lines.
    pub(super) fn new(most: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            waiting: AtomicUsize::new(0),
            most,
        }
    }

    /// Puts a line at the end of this thread's page; `write` appends it, or says that it can't.
    pub(super) fn put(&self, day: Date, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Put {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        if waiting > self.most || !append(&mut self.shard(), day, write) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Put::Lost;
        }
        match waiting == self.most / 4 {
            true => Put::Urgent,
            false => Put::Waiting,
        }
    }

    /// Takes all pages; they count as waiting until [`Self::written`].
    pub(super) fn take(&self) -> impl Iterator<Item = Page> {
        self.shards
            .iter()
            .flat_map(|shard| std::mem::take(&mut *locked(shard)))
    }

    /// So many of the lines taken are in the file.
    pub(super) fn written(&self, lines: usize) {
        self.waiting.fetch_sub(lines, Ordering::Relaxed);
    }

    /// Lines that are not in the file.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn shard(&self) -> MutexGuard<'_, Vec<Page>> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
        }
        let [first, others @ ..] = &self.shards;
        let number = NUMBER.get() % SHARDS;
        let shard = number.checked_sub(1).and_then(|index| others.get(index));
        locked(shard.unwrap_or(first))
    }
}

fn append(pages: &mut Vec<Page>, day: Date, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    if pages.last().is_none_or(|page| page.day != day) {
        pages.push(Page {
            day,
            octets: Vec::new(),
            lines: 0,
        });
    }
    let Some(page) = pages.last_mut() else {
        return false;
    };
    let length = page.octets.len();
    if write(&mut page.octets) {
        page.octets.push(b'\n');
        page.lines += 1;
        return true;
    }
    page.octets.truncate(length);
    false
}

fn locked(shard: &Mutex<Vec<Page>>) -> MutexGuard<'_, Vec<Page>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(pages: &Pages, day: i8, text: &str) -> Put {
        let day = jiff::civil::date(2026, 11, day);
        pages.put(day, |octets| {
            octets.extend_from_slice(text.as_bytes());
            true
        })
    }

    #[test]
    fn lines_of_a_thread_keep_their_order_day_by_day() {
        let pages = Pages::new(100);
        for (day, text) in [(22, "a"), (22, "b"), (23, "c")] {
            assert_eq!(put(&pages, day, text), Put::Waiting);
        }
        let taken: Vec<_> = pages.take().map(|page| (page.octets, page.lines)).collect();
        assert_eq!(taken, [(b"a\nb\n".to_vec(), 2), (b"c\n".to_vec(), 1)]);
        assert_eq!((pages.take().count(), pages.waiting()), (0, 3));
        pages.written(3);
        assert_eq!(pages.waiting(), 0);
    }

    #[test]
    fn a_line_too_many_is_lost_and_the_writer_is_called_in_time() {
        let pages = Pages::new(8);
        let put: Vec<_> = (0..9).map(|_| put(&pages, 22, "x")).collect();
        assert_eq!(put[1], Put::Urgent);
        assert_eq!((put[7], put[8]), (Put::Waiting, Put::Lost));
    }

    #[test]
    fn what_cannot_be_put_into_words_leaves_no_half_line() {
        let pages = Pages::new(8);
        let day = jiff::civil::date(2026, 11, 22);
        let half = |octets: &mut Vec<u8>| {
            octets.push(b'{');
            false
        };
        assert_eq!(pages.put(day, half), Put::Lost);
        assert_eq!(put(&pages, 22, "x"), Put::Waiting);
        assert_eq!(pages.take().next().unwrap().octets, b"x\n");
        assert_eq!(pages.waiting(), 1);
    }
}
