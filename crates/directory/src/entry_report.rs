//! How an entry of a directory was understood, for the helpdesk.

use std::fmt;

use portvakt_auth::Account;
use thiserror::Error;

use crate::NamingError;
use crate::entry_reader::{AttributeError, AttributeFault};

/// An entry, and what was made of it.
#[derive(Debug)]
pub struct EntryReport {
    /// The entry's distinguished name.
    pub dn: String,
    /// The attributes read, and how each was understood.
    pub attributes: Vec<AttributeReport>,
    /// The account, or every fault that kept it from being one.
    pub account: Result<Account, EntryFault>,
}

/// Why an entry of a directory is no account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EntryFault {
    /// None of the attributes that may have the user name is there.
    #[error("it has no user name ({})", .0.join(", "))]
    NoUserName(Vec<String>),
    /// Values that can't be read; every one of them.
    #[error("{}", with_advice(.0))]
    Attributes(Vec<AttributeError>),
    /// The account can't have the name that it has.
    #[error(transparent)]
    Naming(#[from] NamingError),
}

/// The faults in words, with advice that fits a directory.
fn with_advice(errors: &[AttributeError]) -> String {
    let faults = errors.iter().map(|AttributeError { attribute, fault, .. }| match fault {
        AttributeFault::Cleartext => {
            format!("{attribute}: the password is in clear text; set verify = \"bind\"")
        }
        AttributeFault::NoKind => format!(
            "{attribute}: neither an affiliation nor a group says what kind of account it is; set \
             default-kind"
        ),
        fault => format!("{attribute}: {fault}"),
    });
    faults.collect::<Vec<_>>().join("; ")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn error(attribute: &str, fault: AttributeFault) -> AttributeError {
        AttributeError {
            attribute: attribute.to_owned(),
            line: None,
            fault,
        }
    }

    #[test]
    fn every_fault_of_an_entry_is_told_with_advice_for_a_directory() {
        let faults = EntryFault::Attributes(vec![
            error("userPassword", AttributeFault::Cleartext),
            error("eduPersonAffiliation", AttributeFault::NoKind),
            error("mail", AttributeFault::Empty),
        ]);
        assert_eq!(
            faults.to_string(),
            "userPassword: the password is in clear text; set verify = \"bind\"; \
             eduPersonAffiliation: neither an affiliation nor a group says what kind of account it \
             is; set default-kind; mail: the value is empty; leave the line out instead"
        );
        let names = vec!["uid".to_owned(), "sAMAccountName".to_owned()];
        assert_eq!(
            EntryFault::NoUserName(names).to_string(),
            "it has no user name (uid, sAMAccountName)"
        );
    }
}
