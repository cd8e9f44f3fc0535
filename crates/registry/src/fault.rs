//! Mistakes of a file: where, what was found, and what to do.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Characters of a faulty value that a message shows.
const SHOWN_CHARACTERS: usize = 40;
/// Faults that are told one by one; more are counted.
pub(crate) const MOST_FAULTS: usize = 100;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowFault {
    /// A cell has a national identity number.
    #[error("holds a national identity number")]
    IdentityNumber,
    /// No person is named by the column that accounts are joined by.
    #[error("names nobody")]
    NoKey,
    /// Another row has the same person.
    #[error("is of a person that an earlier row has")]
    PersonTwice,
    /// Not one of the words that the column takes.
    #[error("is not one of the words of this column")]
    Word,
    /// No day, or no moment, of the calendar.
    #[error("is no date of the calendar")]
    Date,
    /// A date that this column cannot have.
    #[error("is a date that cannot be")]
    ImpossibleDate,
    /// No term.
    #[error("is no term")]
    Term,
    /// No user name.
    #[error("is no user name")]
    UserName,
    /// No telephone number.
    #[error("is no mobile number")]
    Mobile,
    /// No mail address.
    #[error("is no mail address")]
    Mail,
    /// Longer than the column takes.
    #[error("is longer than the column takes")]
    TooLong,
    /// A control character.
    #[error("has a control character")]
    Control,
    /// Says something of a term that the row does not name.
    #[error("says nothing without a term")]
    NoTerm,
    /// The column cannot be cleared.
    #[error("cannot be cleared")]
    NotClearable,
    /// The kind of a person who is no student.
    #[error("is not a student")]
    NotStudent,
    /// The row has more cells than the header.
    #[error("has more cells than the header has columns")]
    Cells,
    /// No JSON object on one line.
    #[error("is no JSON object")]
    Json,
    /// A member of the object has a list or an object in it.
    #[error("is neither text, number, yes or no, nor null")]
    Nested,
    /// No such column.
    #[error("is no column of the feed")]
    UnknownColumn,
    /// Octets that are no UTF-8.
    #[error("is not UTF-8")]
    Encoding,
}

impl RowFault {
    /// The next step of the operator, as a sentence.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::IdentityNumber => {
                "take the column out of the export: national identity numbers are not taken, anywhere"
            }
            Self::NoKey => "fill the column that [registry] join names, or leave the row out",
            Self::PersonTwice => "export one row for each person, with the latest term",
            Self::Word => "docs/registry.md has the words of each column",
            Self::Date => "write 2026-11-27, or 2026-11-27T02:10:00+01:00",
            Self::ImpossibleDate => {
                "what has happened lies in the past, and an end within ten years"
            }
            Self::Term => {
                "write year and name, like 2026-autumn; the names are in [[accounts.term]]"
            }
            Self::UserName => "write the name as the account has it, without spaces",
            Self::Mobile => "write +4791234567, or eight digits of a Norwegian number",
            Self::Mail => "write one address, name@host",
            Self::TooLong => "shorten it; docs/registry.md has the lengths",
            Self::Control => "take tabs and line breaks out of the cell",
            Self::NoTerm => "fill the column term in every row with fee, fee-at or registered-at",
            Self::NotClearable => "leave the cell empty, or write the new value",
            Self::NotStudent => "leave rows of others than students out",
            Self::Cells => "put a cell that has the separator in it between double quotes",
            Self::Json => "write one object a line, {\"username\": \"anna\", \"active\": true}",
            Self::Nested => "write one value for each column",
            Self::UnknownColumn => {
                "give it a column of the feed in [registry.columns], or name it in ignored-columns"
            }
            Self::Encoding => "export as UTF-8",
        }
    }
}

/// A mistake of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// The line of the file, from 1.
    pub line: u64,
    /// The header of the column, where it is one column's.
    pub column: Option<String>,
    /// The beginning of the value; never of an identity number.
    pub value: Option<String>,
    /// The mistake.
    pub fault: RowFault,
}

impl RowError {
    pub(crate) fn new(line: u64, fault: RowFault) -> Self {
        Self {
            line,
            column: None,
            value: None,
            fault,
        }
    }

    pub(crate) fn at(line: u64, column: &str, value: &str, fault: RowFault) -> Self {
        let value = (fault != RowFault::IdentityNumber).then(|| beginning(value));
        Self {
            line,
            column: Some(beginning(column)),
            value,
            fault,
        }
    }
}

fn beginning(value: &str) -> String {
    let mut start: String = value.chars().take(SHOWN_CHARACTERS).collect();
    if start.len() < value.len() {
        start.push('…');
    }
    start
}

/// What is wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum FileFault {
    /// It has no rows and no trailer.
    #[error("the file is empty; a file without news has its trailer")]
    Empty,
    /// Longer than any registry's.
    #[error(
        "the file is longer than {octets} octets: export changes instead, or ask for less columns"
    )]
    TooLong {
        /// The bound.
        octets: u64,
    },
    /// More rows than any registry has.
    #[error("the file has more than {rows} rows")]
    TooManyRows {
        /// The bound.
        rows: u64,
    },
    /// A line longer than any row.
    #[error("line {line} is longer than {octets} octets: is a double quote missing?")]
    LineTooLong {
        /// The line at which the row begins.
        line: u64,
        /// The bound.
        octets: usize,
    },
    /// A header that no column has.
    #[error(
        "the header {header:?} is no column of the feed: give it one in [registry.columns], or name it in ignored-columns"
    )]
    UnknownHeader {
        /// As in the file.
        header: String,
    },
    /// Two headers of one column.
    #[error("the column {column} is there twice: name one of its headers in ignored-columns")]
    ColumnTwice {
        /// The column.
        column: String,
    },
    /// The column that accounts are joined by is not there.
    #[error(
        "the column {column}, which [registry] join names, is not there: is the first line the header?"
    )]
    NoJoinColumn {
        /// The column.
        column: String,
    },
    /// A file that is to be full has no trailer.
    #[error(
        "the file has no trailer \"# rows=… full\", so it may have been cut: export it anew, or import it as changes"
    )]
    NoTrailer,
    /// The trailer cannot be read.
    #[error(
        "line {line}: the trailer is not understood: write # rows=48211 sha256=… produced=2026-11-27T02:10:00+01:00 full"
    )]
    Trailer {
        /// Its line.
        line: u64,
    },
    /// Rows after the trailer.
    #[error("line {line}: rows follow the trailer: two files have run into one another")]
    AfterTrailer {
        /// The first of them.
        line: u64,
    },
    /// Another number of rows than the trailer has.
    #[error(
        "the trailer says {said} rows and {found} are there: the file was cut or changed; export it anew"
    )]
    Rows {
        /// By the trailer.
        said: u64,
        /// In the file.
        found: u64,
    },
    /// Other octets than the trailer is of.
    #[error("the SHA-256 of the trailer is of another text: the file was changed; export it anew")]
    Digest,
    /// Made later than now.
    #[error(
        "the file was produced at {produced}, which is to come: is the clock of the registry right?"
    )]
    Future {
        /// By the trailer.
        produced: String,
    },
    /// Made before the last file that was taken.
    #[error("the file was produced at {produced}, the last one at {last}: import the newest")]
    Older {
        /// By the trailer.
        produced: String,
        /// Of the last one.
        last: String,
    },
    /// The file could not be read.
    #[error("the file could not be read: {cause}")]
    Unreadable {
        /// The system's words.
        cause: String,
    },
}

/// All mistakes of a file: nothing of it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedErrors {
    /// Of the file as a whole.
    pub file: Option<FileFault>,
    /// Of rows, at most 100.
    pub rows: Vec<RowError>,
    /// Number of faulty rows' mistakes in all.
    pub rows_in_all: u64,
}

impl From<FileFault> for FeedErrors {
    fn from(fault: FileFault) -> Self {
        Self {
            file: Some(fault),
            rows: Vec::new(),
            rows_in_all: 0,
        }
    }
}
