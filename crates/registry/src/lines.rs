//! Records of a text: one line each, or several where a CSV cell holds line breaks. Bounded, and
//! with the digest of all octets so far.

use std::io::BufRead;

use sha2::{Digest as _, Sha256};

use crate::fault::FileFault;

/// Octets of the longest record.
pub const LONGEST_RECORD: usize = 64 * 1024;
/// Octets of the longest file: 100,000 rows of 600 octets each.
pub const LONGEST_FILE: u64 = 64 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The records of a text, one by one.
pub(crate) struct Lines<R> {
    source: R,
    record: Vec<u8>,
    /// Line at which the record begins, and lines read.
    line: u64,
    lines: u64,
    octets: u64,
    /// Of everything before the record.
    before: Sha256,
    /// Whether a double quote keeps a record open over a line break.
    quotes: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            record: Vec::new(),
            line: 0,
            lines: 0,
            octets: 0,
            before: Sha256::new(),
            quotes: false,
        }
    }

    /// From now on a cell in double quotes may hold line breaks (RFC 4180 section 2.6).
    pub(crate) fn mind_quotes(&mut self) {
        self.quotes = true;
    }

    /// The line at which the record begins.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The record without its line break and the mark at the beginning of a file.
    pub(crate) fn record(&self) -> &[u8] {
        let record = self.record.strip_suffix(b"\n").unwrap_or(&self.record);
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        let is_first = self.line == 1;
        let marked = record.strip_prefix(BYTE_ORDER_MARK);
        marked.filter(|_| is_first).unwrap_or(record)
    }

    /// SHA-256 of everything before the record.
    pub(crate) fn digest_before(&self) -> [u8; 32] {
        self.before.clone().finalize().into()
    }

    /// SHA-256 of everything that was read.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut all = self.before.clone();
        all.update(&self.record);
        all.finalize().into()
    }

    /// Reads the next record; false at the end.
    ///
    /// # Errors
    /// [`FileFault::LineTooLong`], [`FileFault::TooLong`] or [`FileFault::Unreadable`].
    pub(crate) fn advance(&mut self) -> Result<bool, FileFault> {
        self.before.update(&self.record);
        self.record.clear();
        self.line = self.lines.saturating_add(1);
        let mut is_open = false;
        loop {
            let from = self.record.len();
            if !self.read_line()? {
                return Ok(!self.record.is_empty());
            }
            let read = self.record.get(from..).unwrap_or_default();
            let quotes = match self.quotes {
                true => memchr::memchr_iter(b'"', read).count(),
                false => 0,
            };
            is_open ^= quotes % 2 == 1;
            if !is_open {
                return Ok(true);
            }
        }
    }

    /// Appends a line to the record; false at the end of the text.
    fn read_line(&mut self) -> Result<bool, FileFault> {
        let from = self.record.len();
        loop {
            let read = self.source.fill_buf();
            let read = read.map_err(|error| FileFault::Unreadable {
                cause: error.to_string(),
            })?;
            let end = memchr::memchr(b'\n', read);
            let taken = end.map_or(read.len(), |end| end.saturating_add(1));
            self.record
                .extend_from_slice(read.get(..taken).unwrap_or_default());
            self.source.consume(taken);
            self.count(taken)?;
            if end.is_some() || taken == 0 {
                let is_line = self.record.len() > from;
                self.lines = self.lines.saturating_add(u64::from(is_line));
                return Ok(is_line);
            }
        }
    }

    fn count(&mut self, taken: usize) -> Result<(), FileFault> {
        self.octets = self.octets.saturating_add(taken as u64);
        if self.octets > LONGEST_FILE {
            let octets = LONGEST_FILE;
            return Err(FileFault::TooLong { octets });
        }
        if self.record.len() > LONGEST_RECORD {
            let octets = LONGEST_RECORD;
            let line = self.line;
            return Err(FileFault::LineTooLong { line, octets });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8], quotes: bool) -> Vec<(u64, String)> {
        let mut lines = Lines::new(text);
        if quotes {
            lines.mind_quotes();
        }
        let mut found = Vec::new();
        while lines.advance().unwrap() {
            let record = String::from_utf8(lines.record().to_vec()).unwrap();
            found.push((lines.line(), record));
        }
        found
    }

    #[test]
    fn records_have_their_first_line_and_no_line_break() {
        let text = b"\xef\xbb\xbfa;b\r\n\"1\n2\";3\n\nlast";
        let owned = |(line, text): (u64, &str)| (line, text.to_owned());
        let expected = [(1, "a;b"), (2, "\"1\n2\";3"), (4, ""), (5, "last")];
        assert_eq!(records(text, true), expected.map(owned));
        let expected = [(1, "a;b"), (2, "\"1"), (3, "2\";3"), (4, ""), (5, "last")];
        assert_eq!(records(text, false), expected.map(owned));
    }

    #[test]
    fn unclosed_quote_is_told_with_its_line_and_takes_no_more_than_a_record() {
        let text = [b"a\n\"".as_slice(), &vec![b'\n'; 2 * LONGEST_RECORD]].concat();
        let mut lines = Lines::new(text.as_slice());
        lines.mind_quotes();
        assert_eq!(lines.advance(), Ok(true));
        let fault = FileFault::LineTooLong {
            line: 2,
            octets: LONGEST_RECORD,
        };
        assert_eq!(lines.advance(), Err(fault));
        assert!(lines.record.capacity() <= 4 * LONGEST_RECORD);
    }

    /// A line of 32 KiB, again and again.
    struct Endless([u8; LONGEST_RECORD / 2]);

    impl std::io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            into.copy_from_slice(&self.0);
            Ok(into.len())
        }
    }

    #[test]
    fn file_without_end_is_given_up() {
        let mut line = [b'a'; LONGEST_RECORD / 2];
        *line.last_mut().unwrap() = b'\n';
        let endless = std::io::BufReader::with_capacity(line.len(), Endless(line));
        let mut lines = Lines::new(endless);
        let fault = loop {
            if let Err(fault) = lines.advance() {
                break fault;
            }
        };
        let octets = LONGEST_FILE;
        assert_eq!(fault, FileFault::TooLong { octets });
    }

    #[test]
    fn digests_are_of_what_lies_before_and_of_all() {
        let mut lines = Lines::new(b"a\nb\n".as_slice());
        while lines.advance().unwrap() {}
        let all: [u8; 32] = Sha256::digest(b"a\nb\n").into();
        assert_eq!(lines.digest(), all);
        let mut lines = Lines::new(b"a\nb\n".as_slice());
        lines.advance().unwrap();
        lines.advance().unwrap();
        let first: [u8; 32] = Sha256::digest(b"a\n").into();
        assert_eq!(lines.digest_before(), first);
    }
}
