//! One row of the feed, read: what the registry states of one person at one moment.
//!
//! A statement is kept as it was made, and a person's facts are folded from statements in their
//! order, so that one import can be taken back and those after it still count.

use jiff::Timestamp;
use jiff::civil::Date;
use portvakt_auth::Term;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A cell: nothing said, a value withdrawn, or a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Said<T> {
    /// Nothing: what was known stays.
    #[default]
    Nothing,
    /// Not so any more.
    Cleared,
    /// So from now on.
    Is(T),
}

impl<T> Said<T> {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Said::Nothing)
    }

    /// The value that is stated.
    pub fn value(&self) -> Option<&T> {
        match self {
            Said::Is(value) => Some(value),
            Said::Nothing | Said::Cleared => None,
        }
    }

    /// Puts the statement into force on what was known.
    pub(crate) fn apply(&self, known: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Said::Nothing => {}
            Said::Cleared => *known = None,
            Said::Is(value) => *known = Some(value.clone()),
        }
    }
}

impl<T: Serialize> Serialize for Said<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Said<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<T>::deserialize(deserializer)?;
        Ok(value.map_or(Said::Cleared, Said::Is))
    }
}

/// The fee of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fee {
    /// Paid here.
    Paid,
    /// Not to be paid.
    Exempt,
    /// Paid at another institution.
    External,
    /// Not paid.
    Open,
}

impl Fee {
    /// Whether nothing is owed.
    #[must_use]
    pub fn is_covered(self) -> bool {
        self != Fee::Open
    }
}

/// Why someone's studies ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndKind {
    /// With a degree, or all courses.
    Completed,
    /// Without.
    Dropped,
    /// By death.
    Deceased,
}

/// What the registry states of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Statement {
    /// The person is not in the registry any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_gone: bool,
    /// When the registry changed the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_changed_at: Option<Timestamp>,
    /// See [`Column`](crate::Column) for all that follow.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub student_number: Said<String>,
    /// The user name.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub username: Said<String>,
    /// eduPersonPrincipalName.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub eppn: Said<String>,
    /// The person's name.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub name: Said<String>,
    /// Whether the registry has the person.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub in_registry: Said<bool>,
    /// The registry's own verdict.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub active: Said<bool>,
    /// The term that the row tells of.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub term: Said<Term>,
    /// The fee of the term.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub fee: Said<Fee>,
    /// When it was paid.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub fee_at: Said<Timestamp>,
    /// When the student registered for the term.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub registered_at: Said<Timestamp>,
    /// The day on which the studies end.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub ended_on: Said<Date>,
    /// Why.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub end_kind: Said<EndKind>,
    /// When the registry learned of it.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub end_registered_at: Said<Timestamp>,
    /// The study programme.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub programme: Said<String>,
    /// The faculty.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub faculty: Said<String>,
    /// The campus.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub campus: Said<String>,
    /// Mobile number, `+4791234567`.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub mobile: Said<String>,
    /// When it was changed.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub mobile_changed_at: Said<Timestamp>,
    /// Private mail address.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub private_mail: Said<String>,
    /// Whether the mobile number may be shown.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub show_mobile: Said<bool>,
    /// Whether the picture may be shown.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub show_picture: Said<bool>,
    /// When either was chosen.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub visibility_changed_at: Said<Timestamp>,
    /// The language to write in.
    #[serde(skip_serializing_if = "Said::is_nothing")]
    pub language: Said<String>,
}

impl Statement {
    /// That the person is not in the registry any more.
    #[must_use]
    pub fn gone() -> Self {
        Self {
            is_gone: true,
            ..Self::default()
        }
    }
}
