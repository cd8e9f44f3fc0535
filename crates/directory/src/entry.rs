//! An entry as a directory hands it over: a name and attributes, not yet understood.
//!
//! LDIF makes them today; any other source of `attribute: value` pairs can.

use std::fmt;

use zeroize::Zeroizing;

/// One entry: its distinguished name and its attributes in the order they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The distinguished name, as written.
    pub dn: String,
    /// The line of the file on which the entry begins, where it came from a file.
    pub line: Option<u64>,
    /// Its attributes; an attribute with several values appears several times.
    pub attributes: Vec<Attribute>,
}

/// One value of one attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute description in lower case, options included: `displayname;lang-nb`.
    pub name: String,
    /// Its octets. Wiped on drop: it may be a password or its hash.
    pub value: Zeroizing<Vec<u8>>,
    /// The line of the file it came from.
    pub line: Option<u64>,
}

impl fmt::Debug for Attribute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ({} octets)", self.name, self.value.len())
    }
}

impl Entry {
    /// All values of the attribute `name`, compared without regard to case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Attribute> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.name.eq_ignore_ascii_case(name))
    }
}
