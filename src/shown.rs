//! Escapes untrusted text for terminals, logs and pages; the only place that does.
//!
//! Octets of an attribute, a directory entry or an LDIF file could else move the cursor of the
//! operator's terminal, forge a line, or make a name look like another. Characters without a shape
//! of their own are written as their number: controls, format and bidirectional marks, separators,
//! spaces other than the plain one, invisible and unassigned characters; and combining marks without
//! a letter before them or stacked higher than four marks, which would cover other lines.
//!
//! ```text
//!  attribute ── as_given ──> audit log, notes          a field of a line: Shown, Outside
//!  any text ─── Escaper ───> a line of the log         a whole answer:    lines
//!  any value ── JSON ──────> write_json, pretty_json, json
//! ```

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Characters of one field that are shown: as many as an attribute holds octets.
pub const MOST: usize = 253;

/// Combining marks shown on one letter. Hebrew, Thai and decomposed Vietnamese need up to three.
const MAX_MARKS: u8 = 4;

/// Looks like a space, and is none.
const BLANK_BRAILLE: char = '\u{2800}';

/// A field of a line, escaped and cut after [`MOST`] characters. No line ends in it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

/// Untrusted text, which can only be displayed escaped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outside(String);

/// Number of combining marks that the character before may still bear.
#[derive(Default)]
struct Marks(u8);

impl Marks {
    /// Whether the next character is shown as it is.
    fn allow(&mut self, character: char) -> bool {
        if is_combining(character) {
            let is_allowed = self.0 > 0;
            self.0 = self.0.saturating_sub(1);
            return is_allowed;
        }
        let is_fit = is_fit(character);
        let is_base = is_fit && !matches!(character, ' ' | '"');
        self.0 = if is_base { MAX_MARKS } else { 0 };
        is_fit
    }
}

/// Whether a character is drawn over the one before it.
fn is_combining(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            CodePointMapData::<GeneralCategory>::new().get(character),
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark
        )
        && is_fit(character)
}

/// Whether a character has a shape of its own, or is a combining mark.
fn is_fit(character: char) -> bool {
    if character.is_ascii() {
        return character == ' ' || character.is_ascii_graphic();
    }
    let is_shapeless = matches!(
        CodePointMapData::<GeneralCategory>::new().get(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
    );
    let invisible = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    !is_shapeless && !invisible.contains(character) && character != BLANK_BRAILLE
}

/// Whether all of it is plain ASCII, which nearly everything is.
fn is_plain(octets: &[u8]) -> bool {
    octets.iter().all(|octet| (b' '..=b'~').contains(octet))
}

/// `\n`, `\x1b`, `\u{202e}`: below 0x80 as an octet, beyond as a character.
fn write_escaped(to: &mut impl fmt::Write, character: char) -> fmt::Result {
    match character {
        '\n' => to.write_str("\\n"),
        '\r' => to.write_str("\\r"),
        '\t' => to.write_str("\\t"),
        _ if character.is_ascii() => write!(to, "\\x{:02x}", u32::from(character)),
        _ => write!(to, "\\u{{{:x}}}", u32::from(character)),
    }
}

/// Escapes what is written through it.
pub struct Escaper<W> {
    to: W,
    keeps_layout: bool,
    marks: Marks,
}

impl<W: fmt::Write> Escaper<W> {
    /// For one line: line ends and tabulators are escaped too.
    pub fn of_line(to: W) -> Self {
        Self {
            to,
            keeps_layout: false,
            marks: Marks::default(),
        }
    }
}

impl<W: fmt::Write> fmt::Write for Escaper<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if is_plain(text.as_bytes()) {
            if let Some(last) = text.chars().next_back() {
                self.marks.allow(last);
            }
            return self.to.write_str(text);
        }
        text.chars().try_for_each(|each| self.write_char(each))
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        let is_layout = self.keeps_layout && matches!(character, '\n' | '\t');
        let is_allowed = self.marks.allow(character);
        match is_layout || is_allowed {
            true => self.to.write_char(character),
            false => write_escaped(&mut self.to, character),
        }
    }
}

/// One line, escaped as a whole and not cut.
pub fn line(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut escaper = Escaper::of_line(String::with_capacity(text.len()));
    // A String takes everything.
    let _ = escaper.write_str(text);
    Cow::Owned(escaper.to)
}

/// Output of a command: line ends and tabulators stay, everything else is escaped. Fields must have
/// been escaped before by [`Shown`], since their line ends cannot be told from others here.
pub fn lines(text: &str) -> Cow<'_, str> {
    if text
        .split(['\n', '\t'])
        .all(|part| is_plain(part.as_bytes()))
    {
        return Cow::Borrowed(text);
    }
    let mut escaper = Escaper {
        to: String::with_capacity(text.len()),
        keeps_layout: true,
        marks: Marks::default(),
    };
    // A String takes everything.
    let _ = escaper.write_str(text);
    Cow::Owned(escaper.to)
}

/// Octets from the network as text: escaped, what is no UTF-8 as `\xNN`, and after [`MOST`]
/// characters, the most an attribute holds, comes `…`.
pub fn as_given(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) if octets.len() <= MOST && is_plain(octets) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(octets)),
    }
}

fn escaped(octets: &[u8]) -> String {
    let mut escaper = Escaper::of_line(String::new());
    for chunk in octets.utf8_chunks() {
        let _ = escaper.write_str(chunk.valid());
        for octet in chunk.invalid() {
            let _ = write!(escaper.to, "\\x{octet:02x}");
        }
    }
    let mut text = escaper.to;
    if let Some((cut, _)) = text.char_indices().nth(MOST) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = as_given(self.0.as_bytes());
        match f.width() {
            Some(width) => write!(f, "{text:<width$}"),
            None => f.write_str(&text),
        }
    }
}

impl Outside {
    /// The text unescaped, for uses other than display.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Outside {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Shown(&self.0), f)
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Appends a value as one line of JSON, in which escapes stand for what has no shape. `false`, and
/// nothing appended, for a value that JSON can't hold.
pub fn write_json(to: &mut Vec<u8>, value: &impl Serialize) -> bool {
    let start = to.len();
    if serde_json::to_writer(&mut *to, value).is_err() {
        to.truncate(start);
        return false;
    }
    let written = to.get(start..).unwrap_or_default();
    if !is_plain(written) {
        let mended = json(std::str::from_utf8(written).unwrap_or_default()).into_owned();
        to.truncate(start);
        to.extend_from_slice(mended.as_bytes());
    }
    true
}

/// A value as JSON for people and scripts.
pub fn pretty_json(value: &impl Serialize) -> String {
    json(&serde_json::to_string_pretty(value).unwrap_or_default()).into_owned()
}

/// JSON whose strings have `\uNNNN` in the place of characters that are not shown. Outside of strings
/// only line ends can be such.
pub fn json(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut marks = Marks::default();
    let mut mended = String::with_capacity(text.len());
    for character in text.chars() {
        let is_allowed = marks.allow(character);
        if is_allowed || character == '\n' {
            mended.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(mended, "\\u{unit:04x}");
        }
    }
    Cow::Owned(mended)
}
