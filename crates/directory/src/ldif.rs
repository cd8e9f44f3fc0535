//! Reader of LDIF content records (RFC 2849), streaming and bounded.
//!
//! Change records are refused, for an import says what is, not what to do, but for those that add an
//! entry. So are values by reference (`:<`), which would let a file pull in other files of the machine
//! that reads it. Of attributes that nobody reads only the name is kept, whatever their value.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::{self, BufRead};

use base64ct::{Base64Unpadded, Encoding};
use thiserror::Error;
use zeroize::Zeroizing;

use super::dn;
use super::entry::{Attribute, Entry};

/// Most octets in one line after unfolding; a portrait in base64 fits.
pub const MAX_LINE: usize = 4 * 1024 * 1024;
/// Most octets in one record, all its lines together.
pub const MAX_RECORD: usize = 16 * 1024 * 1024;

/// Why a record could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct LdifError {
    /// The first line is 1.
    pub line: u64,
    /// The attribute in question, in lower case, where there is one.
    pub attribute: Option<String>,
    /// The problem.
    pub fault: LdifFault,
}

/// Problems of a line of LDIF, each with advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LdifFault {
    /// The file could not be read further. The reader ends here.
    #[error("the file cannot be read further: {0}")]
    Io(io::ErrorKind),
    /// Longer than [`MAX_LINE`].
    #[error("the line is longer than {MAX_LINE} octets")]
    LineTooLong,
    /// Longer than [`MAX_RECORD`].
    #[error("the record is longer than {MAX_RECORD} octets; is a blank line missing?")]
    RecordTooLong,
    /// A NUL octet, as in UTF-16.
    #[error("the line holds a NUL octet; if the file is UTF-16, save it as UTF-8")]
    Nul,
    /// A line starts with a space but continues nothing.
    #[error("the line starts with a space but there is no line before it to continue")]
    NothingToContinue,
    /// No colon.
    #[error("the line is not `attribute: value`")]
    NoColon,
    /// The attribute description has characters that none may have.
    #[error("this is no attribute name; letters, digits, `-`, `_` and `;option` are allowed")]
    BadName,
    /// The value after `::` is not base64.
    #[error("the value after `::` is not base64 (RFC 4648)")]
    BadBase64,
    /// `attribute:< URL`.
    #[error(
        "values by reference (`:<`) are not followed; write the value here, in base64 with `::`"
    )]
    ByReference,
    /// A change record.
    #[error(
        "change records (`changetype`, `control`) are not imported, but for `changetype: add`; export the \
         entries themselves, \
         for instance with `ldapsearch -LLL` or `slapcat`"
    )]
    ChangeRecord,
    /// A record that does not begin with its name.
    #[error("a record begins with `dn:`; if this came from ldapsearch, ask it with `-LLL`")]
    NoName,
    /// A second `dn:` within a record.
    #[error("a second `dn:` in one record; is a blank line missing before it?")]
    SecondName,
    /// The distinguished name is not UTF-8.
    #[error("the name is not UTF-8")]
    NameNotText,
    /// Another version than 1.
    #[error("only LDIF version 1 is known")]
    Version,
}

/// Reads one record after the other. After an error it goes on with the next record.
pub struct LdifReader<R> {
    input: R,
    /// Attributes that are read, in lower case; `None` is all.
    only: Option<HashSet<String>>,
    /// Physical lines consumed so far.
    line: u64,
    octets: u64,
    text: Zeroizing<Vec<u8>>,
    /// The line in `text` is longer than is kept.
    is_cut: bool,
    /// The rest of the present record is to be skipped.
    broken: bool,
    ended: bool,
}

/// `name: value` of one unfolded line.
struct Field {
    name: String,
    value: Zeroizing<Vec<u8>>,
    line: u64,
    octets: usize,
}

impl<R: BufRead> LdifReader<R> {
    /// Reads from `input`, which should be buffered generously.
    pub fn new(input: R) -> Self {
        let text = Zeroizing::new(Vec::new());
        Self {
            input,
            only: None,
            line: 0,
            octets: 0,
            text,
            is_cut: false,
            broken: false,
            ended: false,
        }
    }

    /// Reads the values of these attributes alone, by their names in lower case. Of others the name
    /// is kept and the value passed over, however large or odd it is.
    #[must_use]
    pub fn only(self, names: HashSet<String>) -> Self {
        Self {
            only: Some(names),
            ..self
        }
    }

    /// Octets consumed so far, for a progress bar.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    fn record(&mut self) -> Result<Option<Entry>, LdifError> {
        let Some(first) = self.first_field()? else {
            return Ok(None);
        };
        if first.name != "dn" {
            return Err(first.fault(change_or(&first.name, LdifFault::NoName)));
        }
        let line = Some(first.line);
        let dn = first.text()?;
        Ok(Some(Entry {
            dn,
            line,
            attributes: self.attributes()?,
        }))
    }

    fn attributes(&mut self) -> Result<Vec<Attribute>, LdifError> {
        let mut attributes = Vec::new();
        let mut octets = 0;
        while let Some(number) = self.content_line(false)? {
            let field = self.field(number)?;
            octets += field.octets;
            if octets > MAX_RECORD {
                return Err(field.fault(LdifFault::RecordTooLong));
            }
            match field.name.as_str() {
                "dn" => return Err(field.fault(LdifFault::SecondName)),
                "changetype" if attributes.is_empty() && field.adds() => {}
                "changetype" | "control" => return Err(field.fault(LdifFault::ChangeRecord)),
                _ => attributes.push(field.into_attribute()),
            }
        }
        Ok(attributes)
    }

    /// The first line of the next record, past blank lines and the `version:` line.
    fn first_field(&mut self) -> Result<Option<Field>, LdifError> {
        let Some(number) = self.content_line(true)? else {
            return Ok(None);
        };
        let field = self.field(number)?;
        // Files that were joined have one in the middle.
        if field.name != "version" {
            return Ok(Some(field));
        }
        if field.value.trim_ascii() != b"1" {
            return Err(field.fault(LdifFault::Version));
        }
        self.first_field()
    }

    /// Reads the next line that is no comment into `self.text`; its number, or `None` at the end
    /// of the record or of the file. With `skip_blank` blank lines are passed over.
    fn content_line(&mut self, skip_blank: bool) -> Result<Option<u64>, LdifError> {
        while let Some(number) = self.unfolded()? {
            match self.text.first() {
                Some(b'#') => {}
                None if skip_blank => {}
                None => return Ok(None),
                Some(_) => return Ok(Some(number)),
            }
        }
        Ok(None)
    }

    /// Reads one line and its continuations into `self.text`; the number of its first.
    fn unfolded(&mut self) -> Result<Option<u64>, LdifError> {
        self.text.clear();
        let number = self.line + 1;
        let fits = match self.append_line().map_err(|error| self.io_fault(&error))? {
            Appended::Nothing => return Ok(None),
            Appended::All => true,
            Appended::Cut => false,
        };
        if number == 1 && self.text.starts_with(b"\xEF\xBB\xBF") {
            self.text.drain(..3);
        }
        // A blank line separates; what follows it continues nothing.
        let fits = if self.text.is_empty() {
            fits
        } else {
            self.continuations(fits)?
        };
        self.is_cut = !fits;
        self.check_line(number)
    }

    fn continuations(&mut self, mut fits: bool) -> Result<bool, LdifError> {
        while self.continues().map_err(|error| self.io_fault(&error))? {
            self.consume(1);
            let appended = self.append_line().map_err(|error| self.io_fault(&error))?;
            fits &= !matches!(appended, Appended::Cut);
        }
        Ok(fits)
    }

    fn check_line(&mut self, number: u64) -> Result<Option<u64>, LdifError> {
        let fault = match self.text.first() {
            Some(b' ') => LdifFault::NothingToContinue,
            Some(b'#') | None => return Ok(Some(number)),
            Some(_) if self.text.contains(&0) => LdifFault::Nul,
            Some(_) => return Ok(Some(number)),
        };
        Err(LdifError {
            line: number,
            attribute: None,
            fault,
        })
    }

    fn continues(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.first() == Some(&b' '))
    }

    /// Appends one physical line without its line end; beyond [`MAX_LINE`] it is read but not kept.
    fn append_line(&mut self) -> io::Result<Appended> {
        let mut appended = Appended::Nothing;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let end = buffer.iter().position(|&octet| octet == b'\n');
            let taken = buffer
                .get(..end.unwrap_or(buffer.len()))
                .unwrap_or_default();
            appended = appended.and(keep(&mut self.text, taken));
            let consumed = taken.len() + usize::from(end.is_some());
            self.consume(consumed);
            if end.is_some() {
                break;
            }
        }
        if !matches!(appended, Appended::Nothing) {
            self.line += 1;
            self.text.pop_if(|last| *last == b'\r');
        }
        Ok(appended)
    }

    fn consume(&mut self, octets: usize) {
        self.input.consume(octets);
        self.octets += octets as u64;
    }

    fn field(&self, line: u64) -> Result<Field, LdifError> {
        let fault = |attribute, fault| LdifError {
            line,
            attribute,
            fault,
        };
        let colon = self.text.iter().position(|&octet| octet == b':');
        let (name, rest) = colon
            .and_then(|colon| self.text.split_at_checked(colon))
            .ok_or_else(|| fault(None, LdifFault::NoColon))?;
        let name = attribute_name(name).ok_or_else(|| fault(None, LdifFault::BadName))?;
        if !self.is_read(&name) {
            return Ok(Field {
                name,
                value: Zeroizing::new(Vec::new()),
                line,
                octets: 0,
            });
        }
        if self.is_cut {
            return Err(fault(Some(name), LdifFault::LineTooLong));
        }
        let value = value(rest.get(1..).unwrap_or_default());
        let value = value.map_err(|cause| fault(Some(name.clone()), cause))?;
        Ok(Field {
            name,
            value,
            line,
            octets: self.text.len(),
        })
    }

    /// Whether the value of an attribute, or of a line of LDIF's own, is wanted.
    fn is_read(&self, name: &str) -> bool {
        const OWN: [&str; 4] = ["dn", "version", "changetype", "control"];
        let only = self.only.as_ref();
        OWN.contains(&name) || only.is_none_or(|only| only.contains(name))
    }

    fn io_fault(&mut self, error: &io::Error) -> LdifError {
        self.ended = true;
        LdifError {
            line: self.line + 1,
            attribute: None,
            fault: LdifFault::Io(error.kind()),
        }
    }

    /// Skips what is left of a record that had an error.
    fn skip_record(&mut self) -> Result<(), LdifError> {
        while self.broken {
            match self.unfolded() {
                Ok(Some(_)) if !self.text.is_empty() => {}
                Ok(_) => self.broken = false,
                Err(error) if self.ended => return Err(error),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for LdifReader<R> {
    type Item = Result<Entry, LdifError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.skip_record().and_then(|()| self.record());
        self.broken = read.is_err();
        read.transpose()
    }
}

impl Field {
    fn fault(&self, fault: LdifFault) -> LdifError {
        LdifError {
            line: self.line,
            attribute: Some(self.name.clone()),
            fault,
        }
    }

    /// `changetype: add` is an entry (RFC 2849, note 8).
    fn adds(&self) -> bool {
        self.value.trim_ascii().eq_ignore_ascii_case(b"add")
    }

    fn text(&self) -> Result<String, LdifError> {
        let text = std::str::from_utf8(&self.value);
        text.map(str::to_owned)
            .map_err(|_| self.fault(LdifFault::NameNotText))
    }

    fn into_attribute(self) -> Attribute {
        Attribute {
            name: self.name,
            value: self.value,
            line: Some(self.line),
        }
    }
}

enum Appended {
    Nothing,
    All,
    Cut,
}

impl Appended {
    fn and(self, fits: bool) -> Self {
        if fits && !matches!(self, Self::Cut) {
            Self::All
        } else {
            Self::Cut
        }
    }
}

/// Appends what stays within the bound of a line; whether that was all.
fn keep(text: &mut Vec<u8>, more: &[u8]) -> bool {
    let fits = more.len().min(MAX_LINE.saturating_sub(text.len()));
    text.extend_from_slice(more.get(..fits).unwrap_or_default());
    fits == more.len()
}

fn change_or(name: &str, fault: LdifFault) -> LdifFault {
    match name {
        "changetype" | "control" => LdifFault::ChangeRecord,
        _ => fault,
    }
}

/// An attribute description in lower case; a numeric one that is known by its name. Underscores are
/// not of the standard, and lldap, 389ds and Active Directory have them.
fn attribute_name(octets: &[u8]) -> Option<String> {
    let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_;.=".contains(octet);
    let starts_well = octets.first().is_some_and(u8::is_ascii_alphanumeric);
    let name = std::str::from_utf8(octets).ok()?;
    let is_named = starts_well && octets.iter().all(allowed);
    is_named.then(|| match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => dn::short_name(name),
        false => name.to_ascii_lowercase(),
    })
}

/// The value after the first colon: ` text`, `: base64` or `< URL`.
fn value(rest: &[u8]) -> Result<Zeroizing<Vec<u8>>, LdifFault> {
    match rest.split_first() {
        Some((b'<', _)) => Err(LdifFault::ByReference),
        Some((b':', encoded)) => {
            let encoded = std::str::from_utf8(encoded.trim_ascii()).ok();
            let bare = encoded.map(|text| text.trim_end_matches('='));
            let is_padded =
                |text: &str| encoded.is_some_and(|padded| padded.len() - text.len() <= 2);
            let bare = bare.filter(|text| is_padded(text));
            let decoded = bare.and_then(|text| Base64Unpadded::decode_vec(text).ok());
            decoded.map(Zeroizing::new).ok_or(LdifFault::BadBase64)
        }
        _ => {
            let spaces = rest.iter().take_while(|&&octet| octet == b' ').count();
            Ok(Zeroizing::new(
                rest.get(spaces..).unwrap_or_default().to_vec(),
            ))
        }
    }
}
