//! Distinguished names (RFC 4514), parsed once and compared parsed.
//!
//! As text two spellings of one name differ by escapes (`\,`, `\2C`), case, spaces, the order within a
//! multi-valued part, and how an attribute is called (`CN`, `commonName`, `2.5.4.3`). Values are
//! compared by caseIgnoreMatch (RFC 4517 §4.2.11), as those are whose attributes name people, groups and
//! places; so two names that differ in case alone are one here.

use std::fmt;

use thiserror::Error;

/// A distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    /// From the entry itself to the root; never an empty one.
    parts: Vec<Vec<Assertion>>,
}

/// `attribute=value`, of which a part has one or, rarely, several.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// The attribute, in lower case, by its short name where it has one.
    pub attribute: String,
    /// The value, without escapes.
    pub value: String,
    /// The part of the value that is compared.
    matched: String,
}

/// A name as it is compared: what can't be read is the same as its own text, whatever its case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ComparedName {
    /// Read.
    Parsed(DistinguishedName),
    /// Not read, in lower case.
    Text(String),
}

impl From<&str> for ComparedName {
    fn from(text: &str) -> Self {
        match DistinguishedName::parse(text) {
            Ok(name) => Self::Parsed(name),
            Err(_) => Self::Text(text.trim().to_lowercase()),
        }
    }
}

/// Why a text is no distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DnError {
    /// A part without `=`.
    #[error("each part is `attribute=value`; a comma within a value is written `\\,`")]
    NoEquals,
    /// A part that begins with `=`, or whose attribute can't be one.
    #[error("an attribute's name has letters, digits and hyphens, or is a numeric OID")]
    BadAttribute,
    /// A character that must be escaped.
    #[error("`{0}` within a value is written `\\{0}`")]
    Unescaped(char),
    /// `\` before nothing, or before what needs none.
    #[error("`\\` stands before a special character or two hexadecimal digits")]
    BadEscape,
    /// The escaped octets are no text.
    #[error("the value is not UTF-8")]
    NotText,
    /// `#` with something that is no BER.
    #[error("`#` stands before hexadecimal digits; as a character it is written `\\#`")]
    BadHex,
}

/// Attributes that occur in names and in LDIF, by their names and numbers; the first is the short one.
const ATTRIBUTES: [&[&str]; 20] = [
    &["cn", "commonname", "2.5.4.3"],
    &["sn", "surname", "2.5.4.4"],
    &["serialnumber", "2.5.4.5"],
    &["c", "countryname", "2.5.4.6"],
    &["l", "localityname", "2.5.4.7"],
    &["st", "stateorprovincename", "s", "2.5.4.8"],
    &["street", "streetaddress", "2.5.4.9"],
    &["o", "organizationname", "2.5.4.10"],
    &["ou", "organizationalunitname", "2.5.4.11"],
    &["givenname", "gn", "2.5.4.42"],
    &["uid", "userid", "0.9.2342.19200300.100.1.1"],
    &["mail", "rfc822mailbox", "0.9.2342.19200300.100.1.3"],
    &["dc", "domaincomponent", "0.9.2342.19200300.100.1.25"],
    &["associateddomain", "0.9.2342.19200300.100.1.37"],
    &["emailaddress", "email", "e", "1.2.840.113549.1.9.1"],
    &["userpassword", "2.5.4.35"],
    &["displayname", "2.16.840.1.113730.3.1.241"],
    &[
        "mobile",
        "mobiletelephonenumber",
        "0.9.2342.19200300.100.1.41",
    ],
    &["edupersonaffiliation", "1.3.6.1.4.1.5923.1.1.1.1"],
    &["edupersonprimaryaffiliation", "1.3.6.1.4.1.5923.1.1.1.5"],
];

impl DistinguishedName {
    /// Reads a name. The empty one is that of the root.
    ///
    /// # Errors
    /// [`DnError`].
    pub fn parse(text: &str) -> Result<Self, DnError> {
        if text.trim().is_empty() {
            return Ok(Self { parts: Vec::new() });
        }
        let parts = split(text, ',').into_iter().map(part);
        let parts = parts.collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// The entry's relative name; empty for the root.
    #[must_use]
    pub fn first(&self) -> &[Assertion] {
        self.parts.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the entry is `base` itself or beneath it.
    #[must_use]
    pub fn is_within(&self, base: &Self) -> bool {
        self.parts.ends_with(&base.parts)
    }

    /// Whether it is that of the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.parts.is_empty()
    }
}

impl Assertion {
    fn new(attribute: String, value: String) -> Self {
        let words: Vec<_> = value.split(' ').filter(|word| !word.is_empty()).collect();
        let matched = words.join(" ").to_lowercase();
        Self {
            attribute,
            value,
            matched,
        }
    }

    /// Whether it is of this attribute, by whichever of its names.
    #[must_use]
    pub fn is_of(&self, attribute: &str) -> bool {
        self.attribute == short_name(attribute)
    }

    fn key(&self) -> (&str, &str) {
        (&self.attribute, &self.matched)
    }
}

impl PartialEq for Assertion {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Assertion {}

impl std::hash::Hash for Assertion {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// As it is compared: for messages and tests, not for the wire.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let assertion = |Assertion {
                             attribute, matched, ..
                         }: &Assertion| {
            let escaped: String = matched.chars().flat_map(escaped).collect();
            format!("{attribute}={escaped}")
        };
        let part = |part: &Vec<Assertion>| part.iter().map(assertion).collect::<Vec<_>>().join("+");
        f.write_str(&self.parts.iter().map(part).collect::<Vec<_>>().join(","))
    }
}

fn escaped(character: char) -> impl Iterator<Item = char> {
    let needs_it = matches!(
        character,
        ',' | '+' | '\\' | '"' | ';' | '<' | '>' | '#' | '='
    );
    needs_it.then_some('\\').into_iter().chain([character])
}

/// The short name of an attribute, in lower case.
#[must_use]
pub fn short_name(attribute: &str) -> String {
    let lower = attribute.trim().to_ascii_lowercase();
    let bare = lower.strip_prefix("oid.").unwrap_or(&lower);
    let known = ATTRIBUTES.iter().find(|names| names.contains(&bare));
    let short = known.and_then(|names| names.first());
    short.map_or_else(|| bare.to_owned(), |short| (*short).to_owned())
}

/// Splits at what is not escaped.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut is_escaped = false;
    text.split(move |character| {
        let splits = character == separator && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        splits
    })
    .collect()
}

/// One part; several assertions are put in order, as theirs means nothing.
fn part(text: &str) -> Result<Vec<Assertion>, DnError> {
    let assertions = split(text, '+').into_iter().map(assertion);
    let mut assertions = assertions.collect::<Result<Vec<_>, _>>()?;
    assertions.sort_by(|one, other| one.key().cmp(&other.key()));
    Ok(assertions)
}

fn assertion(text: &str) -> Result<Assertion, DnError> {
    let (attribute, value) = text.split_once('=').ok_or(DnError::NoEquals)?;
    let attribute = short_name(attribute);
    let is_named = attribute.starts_with(|c: char| c.is_ascii_alphanumeric())
        && attribute
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if !is_named {
        return Err(DnError::BadAttribute);
    }
    let value = without_spaces(value);
    let value = match value.strip_prefix('#') {
        Some(digits) => of_hex(digits)?,
        None => unescaped(value)?,
    };
    Ok(Assertion::new(attribute, value))
}

/// Without the spaces at the ends that are not escaped.
fn without_spaces(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let bare = value.trim_end_matches(' ');
    let backslashes = bare.len() - bare.trim_end_matches('\\').len();
    match backslashes % 2 {
        0 => bare,
        _ => value.get(..=bare.len()).unwrap_or(value),
    }
}

fn unescaped(value: &str) -> Result<String, DnError> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => octets.extend(escape(&mut rest)?),
            '"' | ';' | '<' | '>' | '\0' => return Err(DnError::Unescaped(character)),
            _ => octets.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    String::from_utf8(octets).map_err(|_| DnError::NotText)
}

/// The escape after a `\`: a special character, or an octet in two digits.
fn escape(rest: &mut std::str::Chars<'_>) -> Result<Option<u8>, DnError> {
    let first = rest.next().ok_or(DnError::BadEscape)?;
    if let Some(high) = first.to_digit(16) {
        let low = rest.next().and_then(|low| low.to_digit(16));
        let octet = low.and_then(|low| u8::try_from(high << 4 | low).ok());
        return octet.map(Some).ok_or(DnError::BadEscape);
    }
    match first {
        ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => Ok(u8::try_from(first).ok()),
        _ => Err(DnError::BadEscape),
    }
}

/// `#04024869`: the BER of the value. Of a string type it is the text; of any other the digits are
/// compared as they are.
fn of_hex(digits: &str) -> Result<String, DnError> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        return Err(DnError::BadHex);
    };
    let octet = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    let octets: Option<Vec<u8>> = pairs.iter().map(octet).collect();
    let octets = octets
        .filter(|octets| octets.len() >= 2)
        .ok_or(DnError::BadHex)?;
    let text = match octets.as_slice() {
        // OCTET STRING, UTF8String, PrintableString, IA5String, with a length of one octet.
        [0x04 | 0x0C | 0x13 | 0x16, length, text @ ..] if usize::from(*length) == text.len() => {
            std::str::from_utf8(text).ok()
        }
        _ => None,
    };
    Ok(text.map_or_else(
        || format!("#{}", digits.to_ascii_lowercase()),
        str::to_owned,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CASES: &str = include_str!("../../../tests/corpus/accounts/distinguished-names.txt");

    #[test]
    fn names_are_read_and_compared_as_the_corpus_says() {
        let cases = CASES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("# "));
        for line in cases {
            let (text, expected) = line.split_once('\t').unwrap();
            let told = match DistinguishedName::parse(text) {
                Ok(name) => name.to_string(),
                Err(error) => format!("error: {error}"),
            };
            assert_eq!(told, expected, "{text}");
        }
    }

    #[test]
    fn entry_is_within_its_own_branch_alone() {
        let name = |text| DistinguishedName::parse(text).unwrap();
        let anna = name("CN=Berg\\, Anna,OU=People,DC=campus,DC=example");
        for base in [
            "ou=people, dc=campus,dc=example",
            "DC=Campus,DC=Example",
            "",
        ] {
            assert!(anna.is_within(&name(base)), "{base}");
        }
        for base in [
            "cn=anna,ou=people,dc=campus,dc=example",
            "ou=people,dc=campus",
            "dc=other",
            "anna=x,cn=berg\\, anna,ou=people,dc=campus,dc=example",
        ] {
            assert!(!anna.is_within(&name(base)), "{base}");
        }
    }

    #[test]
    fn first_part_has_its_value_as_it_was_written() {
        let anna = DistinguishedName::parse("UID=Anna+cn=Berg\\2C Anna,dc=example").unwrap();
        let first = anna.first().iter();
        let first: Vec<_> = first.map(|a| (&*a.attribute, &*a.value)).collect();
        assert_eq!(first, [("cn", "Berg, Anna"), ("uid", "Anna")]);
        assert!(anna.first()[1].is_of("0.9.2342.19200300.100.1.1"));
    }

    #[test]
    fn what_is_no_name_is_the_same_as_its_own_text() {
        let same = |one: &str, other: &str| ComparedName::from(one) == ComparedName::from(other);
        assert!(same("portvakt@ad.example", "Portvakt@AD.example "));
        assert!(same("cn=portvakt,o=x", "2.5.4.3=Portvakt, O=X"));
        assert!(!same("portvakt@ad.example", "cn=portvakt"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_shown_reads_back(text in "[a-c=,+\\\\# \"æ0-9]{0,40}") {
            if let Ok(name) = DistinguishedName::parse(&text) {
                let shown = name.to_string();
                prop_assert_eq!(DistinguishedName::parse(&shown), Ok(name), "{}", shown);
            }
        }
    }
}
