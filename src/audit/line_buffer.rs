//! Lines that wait for the writer, in one buffer that it takes as a whole.
//!
//! A line is formatted in a buffer of its thread and copied under the lock, so that the lock is held
//! for some ten nanoseconds; the lines stand in the order in which they were copied.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;

/// Octets that the buffer has room for from the start, some 250 lines.
const ROOM: usize = 128 * 1024;
/// Octets that a thread sets aside for a line; lines of some 500 octets vary by a few.
const LINE_ROOM: usize = 4096;

/// Lines of one day, as they will stand in the file.
pub(super) struct DayLines {
    pub day: Date,
    pub octets: Vec<u8>,
    pub lines: usize,
}

/// The lines that are not written yet.
pub(super) struct LineBuffer {
    /// By day, the last one growing; more than one at midnight alone.
    days: Mutex<Vec<DayLines>>,
    /// Lines in the buffer, and those that the writer has taken and not written.
    waiting: AtomicUsize,
    capacity: usize,
}

/// Outcome of a pushed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits.
    Waiting,
    /// It waits, and so many do that the writer should be woken.
    Urgent,
    /// It is lost: too many wait, or it could not be formatted.
    Lost,
}

impl LineBuffer {
    /// For at most `capacity` lines.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            days: Mutex::new(vec![DayLines::empty(ROOM)]),
            waiting: AtomicUsize::new(0),
            capacity,
        }
    }

    /// Appends a line; `format` writes it without its end, or returns false.
    pub(super) fn push(&self, day: Date, format: impl FnOnce(&mut Vec<u8>) -> bool) -> Pushed {
        thread_local! {
            static LINE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(LINE_ROOM));
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        let is_pushed = waiting <= self.capacity
            && LINE.with_borrow_mut(|line| {
                line.clear();
                let is_formatted = format(line);
                line.push(b'\n');
                if is_formatted {
                    self.append(day, line);
                }
                is_formatted
            });
        if !is_pushed {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Pushed::Lost;
        }
        match waiting == self.capacity / 4 {
            true => Pushed::Urgent,
            false => Pushed::Waiting,
        }
    }

    fn append(&self, day: Date, line: &[u8]) {
        let mut days = self.locked();
        let current = days
            .last()
            .filter(|last| last.day == day || last.lines == 0);
        if current.is_none() {
            days.push(DayLines::empty(ROOM));
        }
        if let Some(current) = days.last_mut() {
            current.day = day;
            current.octets.extend_from_slice(line);
            current.lines += 1;
        }
    }

    /// Takes all lines; they count as waiting until [`Self::written`].
    pub(super) fn take(&self) -> Vec<DayLines> {
        // Allocated by the writer, before it locks: a recording thread never waits for memory.
        let mut taken = vec![DayLines::empty(ROOM)];
        std::mem::swap(&mut *self.locked(), &mut taken);
        taken.retain(|day| day.lines > 0);
        taken
    }

    /// Records that so many of the lines taken are in the file.
    pub(super) fn written(&self, lines: usize) {
        self.waiting.fetch_sub(lines, Ordering::Relaxed);
    }

    /// The number of lines that are not in the file.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn locked(&self) -> MutexGuard<'_, Vec<DayLines>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DayLines {
    fn empty(room: usize) -> Self {
        Self {
            day: Date::default(),
            octets: Vec::with_capacity(room),
            lines: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(buffer: &LineBuffer, day: i8, text: &str) -> Pushed {
        let day = jiff::civil::date(2026, 11, day);
        buffer.push(day, |octets| {
            octets.extend_from_slice(text.as_bytes());
            true
        })
    }

    #[test]
    fn lines_of_a_thread_keep_their_order_day_by_day() {
        let buffer = LineBuffer::new(100);
        for (day, text) in [(22, "a"), (22, "b"), (23, "c")] {
            assert_eq!(push(&buffer, day, text), Pushed::Waiting);
        }
        let taken: Vec<_> = buffer
            .take()
            .into_iter()
            .map(|day| (day.octets, day.lines))
            .collect();
        assert_eq!(taken, [(b"a\nb\n".to_vec(), 2), (b"c\n".to_vec(), 1)]);
        assert_eq!((buffer.take().len(), buffer.waiting()), (0, 3));
        buffer.written(3);
        assert_eq!(buffer.waiting(), 0);
    }

    #[test]
    fn lines_of_several_threads_stand_in_the_order_in_which_they_came() {
        let buffer = LineBuffer::new(100);
        for number in 0..20 {
            std::thread::scope(|scope| {
                scope.spawn(|| push(&buffer, 22, &number.to_string()));
            });
        }
        let taken = buffer.take();
        let expected: String = (0..20).map(|number| format!("{number}\n")).collect();
        assert_eq!((taken.len(), taken[0].lines), (1, 20));
        assert_eq!(taken[0].octets, expected.as_bytes());
    }

    #[test]
    fn a_line_too_many_is_lost_and_the_writer_is_called_in_time() {
        let buffer = LineBuffer::new(8);
        let pushed: Vec<_> = (0..9).map(|_| push(&buffer, 22, "x")).collect();
        assert_eq!(pushed[1], Pushed::Urgent);
        assert_eq!((pushed[7], pushed[8]), (Pushed::Waiting, Pushed::Lost));
    }

    #[test]
    fn line_that_cannot_be_formatted_leaves_no_half() {
        let buffer = LineBuffer::new(8);
        let day = jiff::civil::date(2026, 11, 22);
        let half = |octets: &mut Vec<u8>| {
            octets.push(b'{');
            false
        };
        assert_eq!(buffer.push(day, half), Pushed::Lost);
        assert_eq!(push(&buffer, 22, "x"), Pushed::Waiting);
        assert_eq!(buffer.take()[0].octets, b"x\n");
        assert_eq!(buffer.waiting(), 1);
    }
}
