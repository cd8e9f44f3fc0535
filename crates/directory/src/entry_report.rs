//! How an entry of a directory was understood, for the helpdesk.

use std::fmt;

use portvakt_auth::Account;

/// An entry, and what was made of it.
#[derive(Debug)]
pub struct EntryReport {
    /// The entry's distinguished name.
    pub dn: String,
    /// The attributes read, and how each was understood.
    pub attributes: Vec<AttributeReport>,
    /// The account, or every fault that kept it from being one.
    pub account: Result<Account, String>,
}

/// One value, and what it means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeReport {
    /// The attribute, as the mapping names it.
    pub attribute: String,
    /// Its value, cut short; of a secret only what it is.
    pub value: String,
    /// Its meaning.
    pub meaning: String,
}

impl AttributeReport {
    /// Cuts the value to 80 characters and replaces control characters: it may be shown on a terminal.
    pub fn new(attribute: &str, value: &str, meaning: &str) -> Self {
        const MAX: usize = 80;
        // It may be shown on a terminal.
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        Self {
            attribute: attribute.to_owned(),
            value: value.chars().take(MAX).map(shown).collect(),
            meaning: meaning.to_owned(),
        }
    }
}

impl fmt::Display for AttributeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}: {}", self.attribute, self.value, self.meaning)
    }
}
