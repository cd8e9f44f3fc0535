//! Where lines wait for the writer: a page for each thread, so that no two wait for each other.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;

/// More threads than this share pages.
const SHARDS: usize = 16;

/// Octets that a draft has room for from the start, some 250 lines, and its lines.
const ROOM: usize = 128 * 1024;
const LINES: usize = 256;

/// Drafts of a thread: one that it writes, one with the writer, and one for midnight.
const DRAFTS: usize = 3;

/// Lines of one day, as they will stand in the file.
pub(super) struct Page {
    pub day: Date,
    pub octets: Vec<u8>,
    pub lines: usize,
}

/// What one thread has written, and empty drafts, so that it never waits for memory.
#[derive(Default)]
struct Shard {
    drafts: Vec<Draft>,
    spare: Vec<Draft>,
}

/// Lines of one day and one thread.
struct Draft {
    day: Date,
    octets: Vec<u8>,
    /// Of each line its number among all lines, and where it ends.
    ends: Vec<(u64, usize)>,
}

/// The lines that are not written yet.
pub(super) struct Pages {
    shards: [Mutex<Shard>; SHARDS],
    /// Of the next line.
    number: AtomicU64,
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
            number: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            most,
        }
    }

    /// Puts a line at the end of this thread's page; `write` appends it, or says that it can't.
    pub(super) fn put(&self, day: Date, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Put {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        if waiting > self.most || !self.append(day, write) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Put::Lost;
        }
        match waiting == self.most / 4 {
            true => Put::Urgent,
            false => Put::Waiting,
        }
    }

    /// Takes all lines, in the order in which they came; they count as waiting until
    /// [`Self::written`].
    pub(super) fn take(&self) -> Vec<Page> {
        // Made before a shard is locked, and as long as the one that it stands in for.
        let empty = || Vec::with_capacity(DRAFTS);
        let taken = |shard| std::mem::replace(&mut locked(shard).drafts, empty());
        let mut taken: Vec<Vec<Draft>> = self.shards.iter().map(taken).collect();
        let drafts = taken.iter().flatten();
        let mut lines: Vec<_> = drafts.flat_map(Draft::lines).collect();
        lines.sort_unstable_by_key(|(number, ..)| *number);
        let same_day = |one: &(u64, Date, &[u8]), next: &(u64, Date, &[u8])| one.1 == next.1;
        let pages = lines.chunk_by(same_day).filter_map(page).collect();
        for (shard, drafts) in self.shards.iter().zip(&mut taken) {
            locked(shard).take_back(drafts);
        }
        pages
    }

    /// So many of the lines taken are in the file.
    pub(super) fn written(&self, lines: usize) {
        self.waiting.fetch_sub(lines, Ordering::Relaxed);
    }

    /// Lines that are not in the file.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn append(&self, day: Date, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let mut shard = self.shard();
        let Some(draft) = shard.draft(day) else {
            return false;
        };
        let length = draft.octets.len();
        if !write(&mut draft.octets) {
            draft.octets.truncate(length);
            return false;
        }
        draft.octets.push(b'\n');
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        draft.ends.push((number, draft.octets.len()));
        true
    }

    fn shard(&self) -> MutexGuard<'_, Shard> {
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

impl Shard {
    /// The draft of this day, begun if need be.
    fn draft(&mut self, day: Date) -> Option<&mut Draft> {
        if self.drafts.last().is_none_or(|draft| draft.day != day) {
            if self.drafts.capacity() == 0 {
                // The first line of a thread: what it will ever need, if lines are written in time.
                self.drafts.reserve(DRAFTS);
                self.spare.extend((0..DRAFTS).map(|_| Draft::new()));
            }
            let draft = self.spare.pop().unwrap_or_else(Draft::new);
            self.drafts.push(Draft { day, ..draft });
        }
        self.drafts.last_mut()
    }

    /// Takes back drafts whose lines are written elsewhere.
    fn take_back(&mut self, drafts: &mut Vec<Draft>) {
        for mut draft in drafts.drain(..) {
            draft.octets.clear();
            draft.ends.clear();
            if self.spare.len() < DRAFTS {
                self.spare.push(draft);
            }
        }
    }
}

impl Draft {
    fn new() -> Self {
        Self {
            day: Date::default(),
            octets: Vec::with_capacity(ROOM),
            ends: Vec::with_capacity(LINES),
        }
    }

    /// Its lines, each with its number and day.
    fn lines(&self) -> impl Iterator<Item = (u64, Date, &[u8])> {
        let mut begin = 0;
        self.ends.iter().map(move |&(number, end)| {
            let line = self.octets.get(begin..end).unwrap_or_default();
            begin = end;
            (number, self.day, line)
        })
    }
}

fn page(lines: &[(u64, Date, &[u8])]) -> Option<Page> {
    let (_, day, _) = lines.first()?;
    let length = lines.iter().map(|(.., line)| line.len()).sum();
    let mut octets = Vec::with_capacity(length);
    for (.., line) in lines {
        octets.extend_from_slice(line);
    }
    Some(Page {
        day: *day,
        octets,
        lines: lines.len(),
    })
}

fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
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
        let taken: Vec<_> = pages
            .take()
            .into_iter()
            .map(|page| (page.octets, page.lines))
            .collect();
        assert_eq!(taken, [(b"a\nb\n".to_vec(), 2), (b"c\n".to_vec(), 1)]);
        assert_eq!((pages.take().len(), pages.waiting()), (0, 3));
        pages.written(3);
        assert_eq!(pages.waiting(), 0);
    }

    #[test]
    fn lines_of_several_threads_stand_in_the_order_in_which_they_came() {
        let pages = Pages::new(100);
        for number in 0..20 {
            std::thread::scope(|scope| {
                scope.spawn(|| put(&pages, 22, &number.to_string()));
            });
        }
        let taken = pages.take();
        let expected: String = (0..20).map(|number| format!("{number}\n")).collect();
        assert_eq!((taken.len(), taken[0].lines), (1, 20));
        assert_eq!(taken[0].octets, expected.as_bytes());
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
        assert_eq!(pages.take()[0].octets, b"x\n");
        assert_eq!(pages.waiting(), 1);
    }
}
