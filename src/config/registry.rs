//! The student registry's feed: `[registry]`.

use portvakt_registry::{Column, Columns, Guard, Join, Limit};

use super::section::Section;

/// The feed of the student registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Columns of its files.
    pub columns: Columns,
    /// What one day may change.
    pub guard: Guard,
    /// Days without news after which nobody is newly locked by the calendar; `None` is never.
    pub news_days: Option<u16>,
}

/// Reads the table; without it, files with the columns' own words are taken.
pub(super) fn registry(root: &mut Section<'_>) -> Registry {
    let joins = &[
        ("username", Join::Username),
        ("eppn", Join::Eppn),
        ("student-number", Join::StudentNumber),
    ];
    let mut section = root.table("registry");
    let registry = Registry {
        news_days: section.integer_or_none("news-days", Some(7), 1..=365),
        columns: Columns {
            join: section.word("join", joins, Join::default()),
            ignored: ignored(&mut section),
            empty_clears: empty_clears(&mut section),
            headers: headers(&mut section),
        },
        guard: guard(&mut section),
    };
    section.finish();
    registry
}

fn ignored(section: &mut Section<'_>) -> Vec<String> {
    const EXPECTED: &str = "a list of headers, like [\"Remark\"]";
    let given = section.list_or_none("ignored-columns", EXPECTED, header);
    let given = given.into_iter().flatten();
    given.map(|header| header.value).collect()
}

fn header(text: &str) -> Option<String> {
    let is_header = !text.trim().is_empty() && text.len() <= 256;
    is_header.then(|| text.trim().to_lowercase())
}

fn words() -> Vec<(&'static str, Column)> {
    let columns = Column::ALL.iter();
    columns.map(|column| (column.word(), *column)).collect()
}

fn empty_clears(section: &mut Section<'_>) -> Vec<Column> {
    const EXPECTED: &str = "a list of columns of docs/registry.md, like [\"ended-on\"]";
    let columns = section.list_or_none("empty-clears", EXPECTED, Column::of_word);
    let columns = columns.into_iter().flatten();
    columns.map(|column| column.value).collect()
}

/// The table `columns`: headers of an installation.
fn headers(
    section: &mut Section<'_>,
) -> std::collections::HashMap<String, Column, ahash::RandomState> {
    let mut columns = section.table("columns");
    let named = columns.named_words(&words());
    columns.finish();
    let named = named.into_iter();
    named
        .map(|(header, column)| (header.trim().to_lowercase(), column.value))
        .collect()
}

fn guard(section: &mut Section<'_>) -> Guard {
    let usual = Guard::default();
    let mut guard = section.table("guard");
    let limits = Guard {
        locks: limit(&mut guard, "locks", usual.locks),
        unlocks: limit(&mut guard, "unlocks", usual.unlocks),
        vanished: limit(&mut guard, "vanished", usual.vanished),
        mobiles: limit(&mut guard, "mobiles", usual.mobiles),
    };
    guard.finish();
    limits
}

fn limit(guard: &mut Section<'_>, key: &'static str, usual: Limit) -> Limit {
    const HUNDREDTHS: u16 = 100;
    let mut section = guard.table(key);
    let percent = section.integer("percent", usual.share / HUNDREDTHS, 0..=100);
    let count = u32::try_from(usual.count).unwrap_or(u32::MAX);
    let count = section.integer("count", count, 0..=1_000_000);
    section.finish();
    Limit {
        share: percent.saturating_mul(HUNDREDTHS),
        count: count.into(),
    }
}
