//! A file of the feed, read record by record into statements: all of it, or every mistake.

use std::collections::HashMap;
use std::io::BufRead;

use jiff::{Timestamp, ToSpan};
use portvakt_auth::Terms;

use crate::column::Column;
use crate::fault::{FeedErrors, FileFault, MOST_FAULTS, RowError, RowFault};
use crate::identity_number::holds_identity_number;
use crate::lines::Lines;
use crate::record::{Csv, members};
use crate::statement::{EndKind, Said, Statement};
use crate::trailer::{Trailer, hexadecimal};
use crate::value::{Calendar, Cell, set};

#[cfg(test)]
mod tests;

/// Most rows of a file: about half a kilobyte of memory each while it is judged.
pub const MOST_ROWS: u64 = 250_000;
/// How far the clock of the registry may be ahead.
const CLOCK_HOURS: i64 = 1;

/// The column by which a person is joined with an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// `username` is the account's name.
    #[default]
    Username,
    /// `eppn` is the account's name with its realm.
    Eppn,
    /// `student-number` is another name of the account.
    StudentNumber,
}

impl Join {
    /// The column.
    #[must_use]
    pub const fn column(self) -> Column {
        match self {
            Join::Username => Column::Username,
            Join::Eppn => Column::Eppn,
            Join::StudentNumber => Column::StudentNumber,
        }
    }
}

/// The columns of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The column that names a person.
    pub join: Join,
    /// Headers that are not the column's own word, in lower case.
    pub headers: HashMap<String, Column, ahash::RandomState>,
    /// Headers that are passed over, in lower case.
    pub ignored: Vec<String>,
    /// Columns whose empty cell in a CSV file withdraws what was known.
    pub empty_clears: Vec<Column>,
}

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions<'a> {
    /// The columns.
    pub columns: &'a Columns,
    /// The terms that there are, and the zone of dates.
    pub terms: &'a Terms,
    /// The present.
    pub now: Timestamp,
    /// Whether the file must be full.
    pub must_be_full: bool,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// SHA-256 of the whole file, hexadecimal: what operators approve.
    pub digest: String,
    /// Number of rows.
    pub rows: u64,
    /// Whether persons who are not in it are not in the registry.
    pub is_full: bool,
    /// Time of the facts, by the trailer.
    pub produced: Option<Timestamp>,
    /// Each person's key and statement, in the order of the file.
    pub statements: Vec<(String, Statement)>,
}

/// Reads a whole file.
///
/// CSV if it does not begin with `{`; one JSON object a line otherwise. At most 64 MiB, 64 KiB a
/// row, [`MOST_ROWS`] rows. Blocks as `source` does.
///
/// # Errors
/// [`FeedErrors`]: every mistake; nothing of the file is to be used.
pub fn read(source: impl BufRead, options: ReadOptions<'_>) -> Result<Feed, FeedErrors> {
    let mut reader = Reader::new(source, options);
    match reader.read_all() {
        Ok(()) => reader.finish(),
        Err(fault) => Err(FeedErrors {
            file: Some(fault),
            rows: reader.faults,
            rows_in_all: reader.faults_in_all,
        }),
    }
}

/// What a header or a member's name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Column(Column),
    Ignored,
}

struct Reader<'a, R> {
    lines: Lines<R>,
    options: ReadOptions<'a>,
    trailer: Option<Trailer>,
    rows: u64,
    statements: Vec<(String, Statement)>,
    persons: Persons,
    faults: Vec<RowError>,
    faults_in_all: u64,
}

/// The persons so far, by each identity that a row may give.
#[derive(Default)]
struct Persons {
    seen: [HashMap<String, u64, ahash::RandomState>; 3],
}

impl Persons {
    /// The first identity of the row that an earlier row has.
    fn repeated(&mut self, statement: &Statement, line: u64) -> Option<(Column, String)> {
        let [usernames, eppns, numbers] = &mut self.seen;
        let identities = [
            (Column::Username, &statement.username, usernames),
            (Column::Eppn, &statement.eppn, eppns),
            (Column::StudentNumber, &statement.student_number, numbers),
        ];
        let mut repeated = None;
        for (column, said, seen) in identities {
            let Some(identity) = said.value() else {
                continue;
            };
            if seen.insert(identity.clone(), line).is_some() {
                repeated.get_or_insert((column, identity.clone()));
            }
        }
        repeated
    }
}

impl<'a, R: BufRead> Reader<'a, R> {
    fn new(source: R, options: ReadOptions<'a>) -> Self {
        Self {
            lines: Lines::new(source),
            options,
            trailer: None,
            rows: 0,
            statements: Vec::new(),
            persons: Persons::default(),
            faults: Vec::new(),
            faults_in_all: 0,
        }
    }

    fn read_all(&mut self) -> Result<(), FileFault> {
        if !self.advance()? {
            return Err(FileFault::Empty);
        }
        if Trailer::begins(self.lines.record()) || self.lines.record().starts_with(b"{") {
            return self.read_objects();
        }
        self.lines.mind_quotes();
        let mut csv = Csv::for_header(self.lines.record());
        let header = csv.cells(self.lines.record());
        let header = header.map_err(|_| FileFault::UnknownHeader {
            header: "(not UTF-8, or too many columns)".to_owned(),
        })?;
        let header: Vec<String> = header.into_iter().map(str::to_owned).collect();
        let meanings = self.meanings(&header)?;
        while self.advance_to_row()? {
            self.read_cells(&mut csv, &header, &meanings);
        }
        Ok(())
    }

    fn read_objects(&mut self) -> Result<(), FileFault> {
        loop {
            if !self.is_trailer()? {
                self.count_row()?;
                self.read_object();
            }
            loop {
                if !self.advance()? {
                    return Ok(());
                }
                if !self.lines.record().is_empty() {
                    break;
                }
            }
        }
    }

    /// The next record, whatever it is.
    fn advance(&mut self) -> Result<bool, FileFault> {
        self.lines.advance()
    }

    /// The next row: neither blank nor the trailer, which is kept.
    fn advance_to_row(&mut self) -> Result<bool, FileFault> {
        while self.advance()? {
            if self.lines.record().is_empty() || self.is_trailer()? {
                continue;
            }
            self.count_row()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Keeps the record as the trailer if it is one.
    fn is_trailer(&mut self) -> Result<bool, FileFault> {
        let line = self.lines.line();
        if self.trailer.is_some() {
            return Err(FileFault::AfterTrailer { line });
        }
        if !Trailer::begins(self.lines.record()) {
            return Ok(false);
        }
        let text = std::str::from_utf8(self.lines.record()).ok();
        let trailer = text.and_then(Trailer::parse);
        let trailer = trailer.ok_or(FileFault::Trailer { line })?;
        if trailer
            .sha256
            .is_some_and(|said| said != self.lines.digest_before())
        {
            return Err(FileFault::Digest);
        }
        self.trailer = Some(trailer);
        Ok(true)
    }

    fn count_row(&mut self) -> Result<(), FileFault> {
        self.rows = self.rows.saturating_add(1);
        match self.rows > MOST_ROWS {
            true => Err(FileFault::TooManyRows { rows: MOST_ROWS }),
            false => Ok(()),
        }
    }

    fn meanings(&self, header: &[String]) -> Result<Vec<Meaning>, FileFault> {
        let mut meanings = Vec::with_capacity(header.len());
        for name in header {
            let meaning = self.meaning(name);
            let meaning = meaning.ok_or_else(|| FileFault::UnknownHeader {
                header: name.chars().take(64).collect(),
            })?;
            if let (Meaning::Column(column), true) = (meaning, meanings.contains(&meaning)) {
                let column = column.word().to_owned();
                return Err(FileFault::ColumnTwice { column });
            }
            meanings.push(meaning);
        }
        let join = self.options.columns.join.column();
        match meanings.contains(&Meaning::Column(join)) {
            true => Ok(meanings),
            false => Err(FileFault::NoJoinColumn {
                column: join.word().to_owned(),
            }),
        }
    }

    fn meaning(&self, name: &str) -> Option<Meaning> {
        let name = name.to_lowercase();
        let columns = self.options.columns;
        if columns.ignored.contains(&name) {
            return Some(Meaning::Ignored);
        }
        let mapped = columns.headers.get(&name).copied();
        mapped
            .or_else(|| Column::of_word(&name))
            .map(Meaning::Column)
    }

    fn read_cells(&mut self, csv: &mut Csv, header: &[String], meanings: &[Meaning]) {
        let line = self.lines.line();
        let cells = match csv.cells(self.lines.record()) {
            Ok(cells) => cells,
            Err(fault) => return self.fault(RowError::new(line, fault)),
        };
        if cells.len() > header.len() {
            return self.fault(RowError::new(line, RowFault::Cells));
        }
        let mut statement = Statement::default();
        let mut is_sound = true;
        for ((name, meaning), text) in header.iter().zip(meanings).zip(cells) {
            is_sound &= self.take_cell(&mut statement, name, *meaning, text);
        }
        if is_sound {
            self.take(statement);
        }
    }

    fn take_cell(
        &mut self,
        statement: &mut Statement,
        name: &str,
        meaning: Meaning,
        text: &str,
    ) -> bool {
        let clears = &self.options.columns.empty_clears;
        let cell = match (text, meaning) {
            ("", Meaning::Column(column)) if clears.contains(&column) => Cell::Cleared,
            ("", _) => Cell::Nothing,
            ("-", _) => Cell::Cleared,
            (text, _) => Cell::Text(text),
        };
        self.take_value(statement, name, meaning, cell)
    }

    fn take_value(
        &mut self,
        statement: &mut Statement,
        name: &str,
        meaning: Meaning,
        cell: Cell<'_>,
    ) -> bool {
        let text = match cell {
            Cell::Text(text) => text,
            Cell::Nothing | Cell::Cleared => "",
        };
        let result = match meaning {
            _ if holds_identity_number(text) => Err(RowFault::IdentityNumber),
            Meaning::Ignored => Ok(()),
            Meaning::Column(column) => {
                let calendar = Calendar {
                    terms: self.options.terms,
                    now: self.options.now,
                };
                set(statement, column, cell, calendar)
            }
        };
        if let Err(fault) = result {
            let error = RowError::at(self.lines.line(), name, text, fault);
            self.fault(error);
        }
        result.is_ok()
    }

    fn read_object(&mut self) {
        let line = self.lines.line();
        let members = match members(self.lines.record()) {
            Ok(members) => members,
            Err((name, fault)) => return self.fault(RowError::at(line, &name, "", fault)),
        };
        let mut statement = Statement::default();
        let mut is_sound = true;
        for (name, value) in members {
            let Some(meaning) = self.meaning(&name) else {
                self.fault(RowError::at(line, &name, "", RowFault::UnknownColumn));
                is_sound = false;
                continue;
            };
            let cell = match value.as_deref() {
                None => Cell::Cleared,
                Some("") => Cell::Nothing,
                Some(text) => Cell::Text(text),
            };
            is_sound &= self.take_value(&mut statement, &name, meaning, cell);
        }
        if is_sound {
            self.take(statement);
        }
    }

    /// Keeps a row whose cells are sound, if they go together.
    fn take(&mut self, mut statement: Statement) {
        let line = self.lines.line();
        let join = self.options.columns.join;
        let key = match join {
            Join::Username => &statement.username,
            Join::Eppn => &statement.eppn,
            Join::StudentNumber => &statement.student_number,
        };
        let Some(key) = key.value().cloned() else {
            let column = join.column().word();
            return self.fault(RowError::at(line, column, "", RowFault::NoKey));
        };
        if let Some((column, value)) = self.persons.repeated(&statement, line) {
            let fault = RowFault::PersonTwice;
            return self.fault(RowError::at(line, column.word(), &value, fault));
        }
        let of_term = [
            (Column::Fee, statement.fee.is_nothing()),
            (Column::FeeAt, statement.fee_at.is_nothing()),
            (Column::RegisteredAt, statement.registered_at.is_nothing()),
        ];
        let lone = of_term.iter().find(|(_, is_nothing)| !is_nothing);
        if let (Some((column, _)), None) = (lone, statement.term.value()) {
            return self.fault(RowError::at(line, column.word(), "", RowFault::NoTerm));
        }
        if statement.end_kind == Said::Is(EndKind::Deceased) && statement.ended_on.is_nothing() {
            let today = self.options.terms.local_date(self.options.now);
            statement.ended_on = Said::Is(today);
        }
        self.statements.push((key, statement));
    }

    fn fault(&mut self, error: RowError) {
        self.faults_in_all = self.faults_in_all.saturating_add(1);
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(error);
        }
    }

    fn finish(self) -> Result<Feed, FeedErrors> {
        let file = self.check_whole().err();
        if file.is_some() || self.faults_in_all > 0 {
            return Err(FeedErrors {
                file,
                rows: self.faults,
                rows_in_all: self.faults_in_all,
            });
        }
        let trailer = self.trailer.unwrap_or_default();
        Ok(Feed {
            digest: hexadecimal(&self.lines.digest()),
            rows: self.rows,
            is_full: trailer.is_full,
            produced: trailer.produced,
            statements: self.statements,
        })
    }

    fn check_whole(&self) -> Result<(), FileFault> {
        let Some(trailer) = &self.trailer else {
            return match (self.options.must_be_full, self.rows) {
                (true, _) => Err(FileFault::NoTrailer),
                (false, 0) => Err(FileFault::Empty),
                (false, _) => Ok(()),
            };
        };
        if self.options.must_be_full && !trailer.is_full {
            return Err(FileFault::NoTrailer);
        }
        if trailer.rows != self.rows {
            let (said, found) = (trailer.rows, self.rows);
            return Err(FileFault::Rows { said, found });
        }
        let latest = self.options.now.checked_add(CLOCK_HOURS.hours());
        match (trailer.produced, latest) {
            (Some(produced), Ok(latest)) if produced > latest => Err(FileFault::Future {
                produced: produced.to_string(),
            }),
            _ => Ok(()),
        }
    }
}
