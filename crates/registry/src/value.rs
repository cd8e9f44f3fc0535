//! Cells into values: words, dates, names, numbers, with the bound of each.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use portvakt_auth::{AccountId, Term, Terms};

use crate::column::Column;
use crate::fault::RowFault;
use crate::statement::{EndKind, Fee, Said, Statement};

/// Characters of the longest cell.
const LONGEST_CELL: usize = 256;
/// No fact of a student is older.
const FIRST_YEAR: i16 = 1900;
/// Years until the latest end of studies.
const YEARS_AHEAD: i32 = 10;
/// How far the registry's clock may be ahead.
const CLOCK_HOURS: i64 = 24;

/// What dates are judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) now: Timestamp,
}

impl Calendar<'_> {
    fn zone(&self) -> &TimeZone {
        self.terms.zone()
    }
}

/// A cell as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// Empty, or not there.
    Nothing,
    /// Withdrawn.
    Cleared,
    Text(&'a str),
}

/// Puts a cell into the statement.
///
/// # Errors
/// The first rule of the column that it breaks.
pub(crate) fn set(
    statement: &mut Statement,
    column: Column,
    cell: Cell<'_>,
    calendar: Calendar<'_>,
) -> Result<(), RowFault> {
    if let Cell::Text(text) = cell {
        check_text(text)?;
    }
    if let (Cell::Cleared, false) = (cell, is_clearable(column)) {
        return Err(RowFault::NotClearable);
    }
    let past = |text: &str| past(text, calendar);
    let s = statement;
    match column {
        Column::Op => s.is_gone = said(cell, op)?.value() == Some(&true),
        Column::Kind => {
            said(cell, kind)?;
        }
        Column::SourceChangedAt => s.source_changed_at = said(cell, past)?.value().copied(),
        Column::StudentNumber => s.student_number = said(cell, label)?,
        Column::Username => s.username = said(cell, user_name)?,
        Column::Eppn => s.eppn = said(cell, eppn)?,
        Column::Name => s.name = said(cell, text)?,
        Column::InRegistry => s.in_registry = said(cell, yes_or_no)?,
        Column::Active => s.active = said(cell, yes_or_no)?,
        Column::Term => s.term = said(cell, |text| term(text, calendar.terms))?,
        Column::Fee => s.fee = said(cell, fee)?,
        Column::FeeAt => s.fee_at = said(cell, past)?,
        Column::RegisteredAt => s.registered_at = said(cell, past)?,
        Column::EndedOn => s.ended_on = said(cell, |text| end_day(text, calendar))?,
        Column::EndKind => s.end_kind = said(cell, end_kind)?,
        Column::EndRegisteredAt => s.end_registered_at = said(cell, past)?,
        Column::Programme => s.programme = said(cell, label)?,
        Column::Faculty => s.faculty = said(cell, label)?,
        Column::Campus => s.campus = said(cell, label)?,
        Column::Mobile => s.mobile = said(cell, mobile)?,
        Column::MobileChangedAt => s.mobile_changed_at = said(cell, past)?,
        Column::PrivateMail => s.private_mail = said(cell, mail)?,
        Column::ShowMobile => s.show_mobile = said(cell, yes_or_no)?,
        Column::ShowPicture => s.show_picture = said(cell, yes_or_no)?,
        Column::VisibilityChangedAt => s.visibility_changed_at = said(cell, past)?,
        Column::Language => s.language = said(cell, language)?,
    }
    Ok(())
}

fn said<T>(
    cell: Cell<'_>,
    read: impl FnOnce(&str) -> Result<T, RowFault>,
) -> Result<Said<T>, RowFault> {
    Ok(match cell {
        Cell::Nothing => Said::Nothing,
        Cell::Cleared => Said::Cleared,
        Cell::Text(text) => Said::Is(read(text)?),
    })
}

fn is_clearable(column: Column) -> bool {
    !matches!(
        column,
        Column::Op
            | Column::Kind
            | Column::SourceChangedAt
            | Column::StudentNumber
            | Column::Username
            | Column::Eppn
            | Column::InRegistry
            | Column::Term
    )
}

fn check_text(text: &str) -> Result<(), RowFault> {
    if text.chars().count() > LONGEST_CELL {
        return Err(RowFault::TooLong);
    }
    match text.chars().any(char::is_control) {
        true => Err(RowFault::Control),
        false => Ok(()),
    }
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, RowFault> {
    let mut words = words.iter();
    let found = words.find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or(RowFault::Word)
}

fn op(text: &str) -> Result<bool, RowFault> {
    word(text, &[("put", false), ("delete", true)])
}

fn kind(text: &str) -> Result<(), RowFault> {
    word(text, &[("student", ())]).map_err(|_| RowFault::NotStudent)
}

fn yes_or_no(text: &str) -> Result<bool, RowFault> {
    const WORDS: [(&str, bool); 10] = [
        ("yes", true),
        ("no", false),
        ("true", true),
        ("false", false),
        ("1", true),
        ("0", false),
        ("j", true),
        ("n", false),
        ("ja", true),
        ("nei", false),
    ];
    word(text, &WORDS)
}

fn fee(text: &str) -> Result<Fee, RowFault> {
    const WORDS: [(&str, Fee); 4] = [
        ("paid", Fee::Paid),
        ("exempt", Fee::Exempt),
        ("external", Fee::External),
        ("open", Fee::Open),
    ];
    word(text, &WORDS)
}

fn end_kind(text: &str) -> Result<EndKind, RowFault> {
    const WORDS: [(&str, EndKind); 3] = [
        ("completed", EndKind::Completed),
        ("dropped", EndKind::Dropped),
        ("deceased", EndKind::Deceased),
    ];
    word(text, &WORDS)
}

fn language(text: &str) -> Result<String, RowFault> {
    const WORDS: [(&str, &str); 3] = [("nb", "nb"), ("nn", "nn"), ("en", "en")];
    word(text, &WORDS).map(str::to_owned)
}

fn text(text: &str) -> Result<String, RowFault> {
    Ok(text.to_owned())
}

/// A short text: a number, a code, a name of a faculty.
fn label(text: &str) -> Result<String, RowFault> {
    match text.chars().count() <= 64 {
        true => Ok(text.to_owned()),
        false => Err(RowFault::TooLong),
    }
}

fn user_name(text: &str) -> Result<String, RowFault> {
    let id = AccountId::new(text).map_err(|_| RowFault::UserName)?;
    Ok(id.to_string())
}

fn eppn(text: &str) -> Result<String, RowFault> {
    match text.split_once('@') {
        Some((user, realm)) if !user.is_empty() && realm.contains('.') => user_name(text),
        _ => Err(RowFault::UserName),
    }
}

/// A term of the configured names.
fn term(text: &str, terms: &Terms) -> Result<Term, RowFault> {
    let term: Term = text.parse().map_err(|_| RowFault::Term)?;
    let mut deadlines = terms.deadlines().iter();
    match deadlines.any(|deadline| deadline.name() == term.name) {
        true => Ok(term),
        false => Err(RowFault::Term),
    }
}

/// A moment that is over: with offset, or a local day.
fn past(text: &str, calendar: Calendar<'_>) -> Result<Timestamp, RowFault> {
    let at = moment(text, calendar)?;
    let latest = calendar.now.checked_add(CLOCK_HOURS.hours());
    let is_over = latest.map_or(true, |latest| at <= latest);
    match is_over && calendar.terms.local_date(at).year() >= FIRST_YEAR {
        true => Ok(at),
        false => Err(RowFault::ImpossibleDate),
    }
}

fn moment(text: &str, calendar: Calendar<'_>) -> Result<Timestamp, RowFault> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let at = day(text)?.to_zoned(calendar.zone().clone());
    Ok(at.map_err(|_| RowFault::Date)?.timestamp())
}

/// `2026-11-27`, and nothing after it.
fn day(text: &str) -> Result<Date, RowFault> {
    let is_day = text.len() == 10 && text.bytes().all(|c| c.is_ascii_digit() || c == b'-');
    match is_day {
        true => text.parse().map_err(|_| RowFault::Date),
        false => Err(RowFault::Date),
    }
}

fn end_day(text: &str, calendar: Calendar<'_>) -> Result<Date, RowFault> {
    let day = day(text)?;
    let today = calendar.terms.local_date(calendar.now);
    let latest = today.checked_add(YEARS_AHEAD.years()).unwrap_or(Date::MAX);
    match day.year() >= FIRST_YEAR && day <= latest {
        true => Ok(day),
        false => Err(RowFault::ImpossibleDate),
    }
}

/// E.164 with its plus; eight digits are a Norwegian mobile number.
fn mobile(text: &str) -> Result<String, RowFault> {
    let is_filler = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '\u{a0}');
    let plain: String = text.chars().filter(|c| !is_filler(*c)).collect();
    let international = match plain.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => plain,
    };
    let with_country = match international.strip_prefix('+') {
        Some(_) => international,
        None if international.len() == 8 && international.starts_with(['4', '9']) => {
            format!("+47{international}")
        }
        None => return Err(RowFault::Mobile),
    };
    let digits = with_country.strip_prefix('+').unwrap_or_default();
    let is_number = (8..=15).contains(&digits.len())
        && digits.bytes().all(|c| c.is_ascii_digit())
        && !digits.starts_with('0');
    match is_number {
        true => Ok(with_country),
        false => Err(RowFault::Mobile),
    }
}

fn mail(text: &str) -> Result<String, RowFault> {
    let is_fit = |part: &str| !part.is_empty() && !part.contains([' ', ',', ';', '<', '>', '@']);
    match text.split_once('@') {
        Some((user, host)) if is_fit(user) && is_fit(host) && host.contains('.') => {
            Ok(text.to_owned())
        }
        _ => Err(RowFault::Mail),
    }
}
