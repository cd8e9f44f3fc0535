//! Reads one table of the file, key by key.
//!
//! A key that is asked for is taken out, checked and given back, or its default if it is absent or
//! wrong; what is left in the end is unknown. So a key, its type, its bound and its default stand
//! in one line of code, and one pass finds everything. A wrong value lands in the [`Report`],
//! and with anything there no configuration comes out.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::report::{Located, Place, Report};
use super::value::{duration, shown_duration, shown_size, size};

/// A table that is being read.
pub(super) struct Section<'s> {
    table: DeTable<'s>,
    place: Place,
    asked: Vec<&'static str>,
    report: &'s Report<'s>,
}

impl<'s> Section<'s> {
    pub(super) fn root(table: Spanned<DeTable<'s>>, report: &'s Report<'s>) -> Self {
        let place = Place {
            key: String::new(),
            offset: None,
            shown: None,
        };
        Self {
            table: table.into_inner(),
            place,
            asked: Vec::new(),
            report,
        }
    }

    /// The place where the table begins.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn report(&self) -> &'s Report<'s> {
        self.report
    }

    fn path_of(&self, key: &str) -> String {
        match &*self.place.key {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Located<DeValue<'s>>> {
        self.asked.push(key);
        let value = self.table.remove(key)?;
        Some(given(self.path_of(key), value.span(), value.into_inner()))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The place of a key's value; that of the table when the key is absent.
    pub(super) fn key_place(&self, key: &str) -> Place {
        let span = self.table.get(key).map(Spanned::span);
        let offset = span.map(|span| span.start).or(self.place.offset);
        Place {
            key: self.path_of(key),
            offset,
            shown: None,
        }
    }

    /// Says that a key is needed; stands at the head of the table.
    pub(super) fn missing(&self, key: &str, advice: &str) {
        self.report
            .problem(&self.key_place(key), Problem::Missing, advice);
    }

    fn wrong_type(&self, given: &Located<DeValue<'s>>, expected: &'static str) {
        let found = type_name(&given.value);
        self.report
            .problem(&given.place, Problem::WrongType { expected, found }, "");
    }

    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> Located<bool> {
        let absent = Located {
            value: default,
            place: self.place.clone(),
        };
        let Some(given) = self.take(key) else {
            return absent;
        };
        match given.value {
            DeValue::Boolean(value) => Located {
                value,
                place: given.place,
            },
            _ => {
                self.wrong_type(&given, "true or false, without quotes");
                absent
            }
        }
    }

    pub(super) fn integer<T>(
        &mut self,
        key: &'static str,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> T
    where
        T: Copy + Into<i64> + TryFrom<i64> + PartialOrd + Display,
    {
        let Some(given) = self.take(key) else {
            return default;
        };
        let DeValue::Integer(digits) = &given.value else {
            self.wrong_type(&given, "a whole number, without quotes");
            return default;
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        let value = number.and_then(|number| T::try_from(number).ok());
        self.bounded(&given.place, value, default, bounds, T::to_string)
    }

    /// A whole number, or `"none"`.
    pub(super) fn integer_or_none(
        &mut self,
        key: &'static str,
        default: Option<u16>,
        bounds: RangeInclusive<u16>,
    ) -> Option<u16> {
        const EXPECTED: &str = "a whole number without quotes, or \"none\"";
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Integer(_)) => {
                let default = default.unwrap_or(365).clamp(*bounds.start(), *bounds.end());
                Some(self.integer(key, default, bounds))
            }
            Some(_) => {
                let none = |text: &str| (text == "none").then_some(());
                self.parsed(key, EXPECTED, none);
                None
            }
            None => {
                self.asked.push(key);
                default
            }
        }
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        const EXPECTED: &str = "a number with its unit, like \"30m\", \"1s\" or \"250ms\"";
        let Some(given) = self.parsed(key, EXPECTED, duration) else {
            return default;
        };
        self.bounded(
            &given.place,
            Some(given.value),
            default,
            bounds,
            shown_duration,
        )
    }

    /// A size in octets.
    pub(super) fn size(
        &mut self,
        key: &'static str,
        default: u64,
        bounds: RangeInclusive<u64>,
    ) -> u64 {
        const EXPECTED: &str = "a number with its unit, like \"64KiB\" or \"19MiB\"";
        let Some(given) = self.parsed(key, EXPECTED, size) else {
            return default;
        };
        self.bounded(&given.place, Some(given.value), default, bounds, shown_size)
    }

    /// The value if it is within its bounds; `None` stands for a number too large for its type.
    fn bounded<T: PartialOrd>(
        &self,
        place: &Place,
        value: Option<T>,
        default: T,
        bounds: RangeInclusive<T>,
        show: impl Fn(&T) -> String,
    ) -> T {
        match value {
            Some(value) if bounds.contains(&value) => value,
            _ => {
                let (least, most) = (show(bounds.start()), show(bounds.end()));
                let advice = format!("leave the line out for the default, {}", show(&default));
                self.report
                    .problem(place, Problem::OutOfBounds { least, most }, advice);
                default
            }
        }
    }

    /// A string that `parse` understands; `expected` says what that is.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Located<T>> {
        let given = self.take(key)?;
        self.parse_given(given, expected, parse)
    }

    /// The same, with advice on what to write instead.
    pub(super) fn advised<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        advise: impl Fn(&str) -> String,
    ) -> Option<Located<T>> {
        let given = self.take(key)?;
        self.parse_advised(given, expected, parse, advise)
    }

    fn parse_given<T>(
        &self,
        given: Located<DeValue<'s>>,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Located<T>> {
        self.parse_advised(given, expected, parse, |_| String::new())
    }

    fn parse_advised<T>(
        &self,
        given: Located<DeValue<'s>>,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        advise: impl Fn(&str) -> String,
    ) -> Option<Located<T>> {
        let DeValue::String(text) = &given.value else {
            self.wrong_type(&given, expected);
            return None;
        };
        let Some(value) = parse(text) else {
            self.report
                .problem(&given.place, Problem::Malformed(expected), advise(text));
            return None;
        };
        Some(Located {
            value,
            place: given.place,
        })
    }

    /// A string that is shown in no message, whatever is wrong with it.
    pub(super) fn hidden_text(&mut self, key: &'static str) -> Option<Located<String>> {
        let mut given = self.take(key)?;
        given.place.shown = None;
        self.parse_given(given, "a string in double quotes", |text| {
            Some(text.to_owned())
        })
    }

    /// Drops a value in which a key was pasted where its file should be named, so that no
    /// message shows it.
    pub(super) fn refuse_pasted_key(&mut self, key: &'static str) {
        let pasted = |value: &Spanned<DeValue<'_>>| {
            value
                .get_ref()
                .as_str()
                .is_some_and(|text| text.contains("-----BEGIN"))
        };
        if !self.table.get(key).is_some_and(pasted) {
            return;
        }
        if let Some(given) = self.take(key) {
            let place = Place {
                shown: None,
                ..given.place
            };
            let problem = Problem::Malformed("the path of a file, not what is in it");
            self.report.problem(
                &place,
                problem,
                "write it to a file that only the server reads",
            );
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        default: T,
    ) -> T {
        let expected = "one word in double quotes";
        let given = self.parsed(key, expected, |text| Some(text.to_owned()));
        given
            .and_then(|given| self.chosen(given, words))
            .map_or(default, |given| given.value)
    }

    /// A list of such words; `None` when the key is absent.
    pub(super) fn words<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<Vec<Located<T>>> {
        let expected = "a list of words, like [\"a\", \"b\"]";
        let items = self.list(key, expected, |text| Some(text.to_owned()))?;
        Some(
            items
                .into_iter()
                .filter_map(|item| self.chosen(item, words))
                .collect(),
        )
    }

    fn chosen<T: Copy>(
        &self,
        given: Located<String>,
        words: &[(&'static str, T)],
    ) -> Option<Located<T>> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == given.value) {
            return Some(Located {
                value: *value,
                place: given.place,
            });
        }
        let known = words.iter().map(|(word, _)| *word);
        let advice = did_you_mean(&given.value, known.clone()).unwrap_or_default();
        let words = known
            .map(|word| format!("\"{word}\""))
            .collect::<Vec<_>>()
            .join(", ");
        self.report
            .problem(&given.place, Problem::NotOneOf(words), advice);
        None
    }

    /// A table of anything, whose keys are somebody else's to name; dates become their text.
    pub(super) fn any(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Option<Located<serde_json::Value>> {
        let given = self.take(key)?;
        match json(&given.value) {
            Some(value @ serde_json::Value::Object(_)) => Some(Located {
                value,
                place: given.place,
            }),
            _ => {
                self.wrong_type(&given, expected);
                None
            }
        }
    }

    /// A list of strings that `parse` understands, without those that it does not; an empty list
    /// is a problem. `None` when the key is absent.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<Located<T>>> {
        self.advised_list(key, expected, parse, |_| String::new())
    }

    /// The same, where an empty list means none of them.
    pub(super) fn list_or_none<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<Located<T>>> {
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(items)) if items.is_empty() => {
                self.take(key);
                Some(Vec::new())
            }
            _ => self.list(key, expected, parse),
        }
    }

    /// The same, with advice on what to write instead of an item.
    pub(super) fn advised_list<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        advise: impl Fn(&str) -> String,
    ) -> Option<Vec<Located<T>>> {
        let given = self.take(key)?;
        let DeValue::Array(items) = given.value else {
            self.wrong_type(&given, expected);
            return None;
        };
        if items.is_empty() {
            self.report
                .problem(&given.place, Problem::Empty, "leave the line out instead");
        }
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let key = format!("{}[{}]", given.place.key, index + 1);
            let item = self::given(key, item.span(), item.into_inner());
            read.extend(self.parse_advised(item, expected, &parse, &advise));
        }
        Some(read)
    }

    /// A table beneath this one; an empty one when it is absent.
    pub(super) fn table(&mut self, key: &'static str) -> Section<'s> {
        match self.take(key) {
            Some(given) => self.section(given),
            None => {
                let place = Place {
                    key: self.path_of(key),
                    offset: None,
                    shown: None,
                };
                Section {
                    table: DeTable::new(),
                    place,
                    asked: Vec::new(),
                    report: self.report,
                }
            }
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Section<'s>> {
        let Some(given) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = given.value else {
            self.wrong_type(&given, "an array of tables; its header has double brackets");
            return Vec::new();
        };
        let path = |index: usize| format!("{}[{}]", given.place.key, index + 1);
        let items = items.into_iter().enumerate();
        items
            .map(|(i, item)| self.section(self::given(path(i), item.span(), item.into_inner())))
            .collect()
    }

    /// All entries of this table as tables of their own, for names that the operator chooses.
    pub(super) fn named_tables(&mut self) -> Vec<(String, Section<'s>)> {
        let entries = std::mem::take(&mut self.table).into_iter();
        let named = entries.map(|(name, value)| {
            let name = name.into_inner().into_owned();
            let given = given(self.path_of(&name), value.span(), value.into_inner());
            (name, self.section(given))
        });
        named.collect()
    }

    /// All entries of this table as words, for names that the operator chooses.
    pub(super) fn named_words<T: Copy>(
        &mut self,
        words: &[(&'static str, T)],
    ) -> Vec<(String, Located<T>)> {
        let mut named = Vec::new();
        for (name, value) in std::mem::take(&mut self.table) {
            let name = name.into_inner().into_owned();
            let given = given(self.path_of(&name), value.span(), value.into_inner());
            let text = self.parse_given(given, "one word in double quotes", |t| Some(t.to_owned()));
            let word = text.and_then(|text| self.chosen(text, words));
            named.extend(word.map(|word| (name, word)));
        }
        named
    }

    fn section(&self, given: Located<DeValue<'s>>) -> Section<'s> {
        let table = match given.value {
            DeValue::Table(table) => table,
            _ => {
                self.wrong_type(&given, "a table, like [name]");
                DeTable::new()
            }
        };
        let place = Place {
            shown: None,
            ..given.place
        };
        Section {
            table,
            place,
            asked: Vec::new(),
            report: self.report,
        }
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref();
            let place = Place {
                key: self.path_of(name),
                offset: Some(key.span().start),
                shown: None,
            };
            let known = || self.asked.iter().copied();
            let advice = did_you_mean(name, known()).unwrap_or_else(|| {
                format!("known here: {}", known().collect::<Vec<_>>().join(", "))
            });
            self.report.problem(&place, Problem::UnknownKey, advice);
        }
    }
}

fn given(key: String, span: Range<usize>, value: DeValue<'_>) -> Located<DeValue<'_>> {
    let place = Place {
        key,
        offset: Some(span.start),
        shown: shown(&value),
    };
    Located { value, place }
}

/// A value as JSON; the parser bounds how deep it is.
fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    use serde_json::Value;
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .ok()?
            .into(),
        DeValue::Float(text) => text.as_str().parse::<f64>().ok()?.into(),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| json(item.get_ref()));
            Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let fields = table.iter();
            let fields = fields
                .map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
    })
}

pub(super) fn did_you_mean<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<String> {
    let word = word.to_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&word, known);
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) > 0.8).then(|| format!("did you mean \"{nearest}\"?"))
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The value as it may stand in a message; none for lists and tables.
fn shown(value: &DeValue<'_>) -> Option<String> {
    const MOST: usize = 60;
    let text = match value {
        DeValue::String(text) if text.chars().count() > MOST => {
            format!("{:?}…", text.chars().take(MOST).collect::<String>())
        }
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(value) => value.to_string(),
        DeValue::Array(_) | DeValue::Table(_) => return None,
    };
    Some(text)
}
