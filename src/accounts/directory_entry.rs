//! The entry of a directory, and how each of its values is understood.

use serde::{Deserialize, Serialize};

use super::{Accounts, ActError};
use portvakt_directory::{AttributeReport, EntryReport};

/// An entry of the directory, and the account that it makes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// Its distinguished name.
    pub dn: String,
    /// The values that were read.
    pub values: Vec<AttributeValue>,
    /// Why the entry makes no account; `None` if it makes one.
    pub fault: Option<String>,
}

/// A value of an attribute, and how it is understood.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttributeValue {
    /// The attribute.
    pub attribute: String,
    /// Its value; of a hash only the scheme.
    pub value: String,
    /// Its meaning for the account.
    pub meaning: String,
}

impl Accounts {
    /// The entries that the directory has under a name: one, if all is well.
    ///
    /// # Errors
    /// Those of a name, or [`ActError::NoDirectory`].
    pub fn directory_entries(&self, user: &str) -> Result<Vec<DirectoryEntry>, ActError> {
        let name = self.name(user)?;
        let policy = self.state.policy.load();
        let source = policy.sources.of_realm(name.realm());
        let question = source.and_then(|source| source.directory.read(name.user(), name.realm()));
        let readings = question.ok_or(ActError::NoDirectory)?;
        let readings = readings.wait(self.state.clock.instant())?;
        Ok(readings.into_iter().map(DirectoryEntry::from).collect())
    }
}

impl From<EntryReport> for DirectoryEntry {
    fn from(reading: EntryReport) -> Self {
        let value = |remark: AttributeReport| AttributeValue {
            attribute: remark.attribute,
            value: remark.value,
            meaning: remark.meaning,
        };
        Self {
            dn: reading.dn,
            values: reading.attributes.into_iter().map(value).collect(),
            fault: reading.account.err().map(|fault| fault.to_string()),
        }
    }
}
