//! Names: the canonical account name, the Network Access Identifier of RFC 7542, and the realm.
//!
//! All are compared normalised: NFC, lower case (E9). What a name may look like is decided here;
//! which realms are ours, or blocked, is configuration.

use crate::symptom::Symptom;
use serde::{Deserialize, Serialize};
use smallstr::SmallString;
use std::fmt;
use std::sync::Arc;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

#[cfg(test)]
mod tests;

/// The most octets of a name: what a RADIUS attribute can carry (RFC 2865 §5, RFC 7542 §2.3).
pub const MAX_NAME_OCTETS: usize = 253;

/// A text that is most often short: up to 32 octets need no allocation.
pub type ShortText = SmallString<[u8; 32]>;

/// Why a name is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameError {
    /// There is nothing in it.
    #[error("the name is empty")]
    Empty,
    /// More than [`MAX_NAME_OCTETS`], as sent or once normalised.
    #[error("the name is longer than 253 octets")]
    TooLong,
    /// Not text.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// A space of any kind in the user part.
    #[error("the user name has a space in it")]
    Space,
    /// A control or an invisible character in the user part.
    #[error("the user name has a control or invisible character in it")]
    ControlCharacter,
    /// `CAMPUS\name`, the form of a Windows domain log-on.
    #[error("the name has the Windows form DOMAIN\\name")]
    DownLevel,
    /// `host/pc.campus.example`, the form of a Windows machine.
    #[error("the name is that of a machine, host/…")]
    Machine,
    /// The part after the last `@` is no realm.
    #[error("the realm is malformed: {0}")]
    Realm(#[from] RealmError),
}

impl NameError {
    /// A stable word for counters and the audit log.
    pub const fn label(self) -> &'static str {
        match self {
            NameError::Empty => "name-empty",
            NameError::TooLong => "name-too-long",
            NameError::NotUtf8 => "name-not-utf8",
            NameError::Space => "name-space",
            NameError::ControlCharacter => "name-control-character",
            NameError::DownLevel => "name-down-level",
            NameError::Machine => "name-machine",
            NameError::Realm(error) => error.label(),
        }
    }

    /// The symptom that is recorded, where the refusal leaves the fault open.
    pub const fn symptom(self) -> Option<Symptom> {
        match self {
            NameError::Space => Some(Symptom::NameSpace),
            NameError::ControlCharacter => Some(Symptom::NameInvisible),
            NameError::NotUtf8 => Some(Symptom::NameNotUtf8),
            NameError::DownLevel => Some(Symptom::NameWindows),
            NameError::Realm(RealmError::Space) => Some(Symptom::RealmSpace),
            NameError::Realm(_) | NameError::Empty | NameError::TooLong | NameError::Machine => {
                None
            }
        }
    }
}

/// Why a realm is none (S2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RealmError {
    /// Nothing after the `@`.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_NAME_OCTETS`].
    #[error("it is longer than 253 octets")]
    TooLong,
    /// A single label cannot be routed.
    #[error("it has no dot")]
    NoDot,
    /// `.campus.example`
    #[error("it begins with a dot")]
    LeadingDot,
    /// `campus.example.`
    #[error("it ends with a dot")]
    TrailingDot,
    /// `campus..example`
    #[error("it has two dots in a row")]
    DoubleDot,
    /// A space of any kind.
    #[error("it has a space in it")]
    Space,
    /// Anything but letters, digits, dots, and hyphens inside a label (RFC 7542 §2.2).
    #[error("it has a character that no realm has")]
    Character,
}

impl RealmError {
    /// A stable word for counters and the audit log.
    pub const fn label(self) -> &'static str {
        match self {
            RealmError::Empty => "realm-empty",
            RealmError::TooLong => "realm-too-long",
            RealmError::NoDot => "realm-no-dot",
            RealmError::LeadingDot => "realm-leading-dot",
            RealmError::TrailingDot => "realm-trailing-dot",
            RealmError::DoubleDot => "realm-double-dot",
            RealmError::Space => "realm-space",
            RealmError::Character => "realm-character",
        }
    }
}

/// The canonical name of an account: what locks, proofs and events count on.
///
/// Normalised, never empty, cheap to clone. One text names an account everywhere. Where several
/// directories are served, accounts of all but the first have their realm in it
/// (`anna@physics.example`), and one of the first whose own name ends so is refused: no two
/// directories have a name in common.
///
/// A pair of source and name was weighed and not taken. It would spare a comparison of suffixes, and
/// that only where there are several directories. But the pair would be written as this text all the
/// same: store, audit log, sessions and commands want one key that people can read and type. And a
/// directory's name in the configuration may change where its realm does not, which would part
/// accounts from their locks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// The account name in this text, normalised.
    ///
    /// # Errors
    /// [`NameError`] by the rules of the user part of a Network Access Identifier; an `@` is a
    /// character like any other here, for directories that name their accounts by address.
    pub fn new(name: &str) -> Result<AccountId, NameError> {
        let name = user_part(name)?;
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        Ok(AccountId(name.as_str().into()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}

impl AsRef<str> for AccountId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = NameError;

    fn try_from(name: String) -> Result<AccountId, NameError> {
        AccountId::new(&name)
    }
}

impl std::str::FromStr for AccountId {
    type Err = NameError;

    fn from_str(name: &str) -> Result<AccountId, NameError> {
        AccountId::new(name)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.0.as_ref().to_owned()
    }
}

/// Network Access Identifier of a device: `user`, `user@realm`, or `@realm` (RFC 7542), normalised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkAccessIdentifier {
    user: ShortText,
    realm: Option<Realm>,
}

impl NetworkAccessIdentifier {
    /// Reads a name as it was sent. The last `@` begins the realm.
    ///
    /// # Errors
    /// [`NameError`]; what is wrong with the realm is told before what is wrong with the user part.
    pub fn parse(name: &[u8]) -> Result<NetworkAccessIdentifier, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > MAX_NAME_OCTETS {
            return Err(NameError::TooLong);
        }
        let name = str::from_utf8(name).map_err(|_| NameError::NotUtf8)?;
        let identifier = match name.rsplit_once('@') {
            Some((user, realm)) => {
                let realm = Realm::parse(realm)?;
                NetworkAccessIdentifier {
                    user: user_part(user)?,
                    realm: Some(realm),
                }
            }
            None => NetworkAccessIdentifier {
                user: user_part(name)?,
                realm: None,
            },
        };
        identifier.within_bounds()
    }

    /// Normalising may lengthen a name: what is passed on must still fit one attribute.
    fn within_bounds(self) -> Result<NetworkAccessIdentifier, NameError> {
        let realm = self
            .realm
            .as_ref()
            .map_or(0, |realm| 1 + realm.as_str().len());
        if self.user.len() + realm > MAX_NAME_OCTETS {
            return Err(NameError::TooLong);
        }
        Ok(self)
    }

    /// The part before the `@`, normalised; may be empty.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The part after the last `@`.
    pub fn realm(&self) -> Option<&Realm> {
        self.realm.as_ref()
    }

    /// Both parts.
    pub fn into_parts(self) -> (ShortText, Option<Realm>) {
        (self.user, self.realm)
    }

    /// Whether the user part hides who it is, as an outer identity should (RFC 7542 §2.4).
    pub fn is_anonymous(&self) -> bool {
        self.user.is_empty() || &*self.user == "anonymous"
    }
}

impl fmt::Display for NetworkAccessIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.user)?;
        match &self.realm {
            Some(realm) => write!(f, "@{realm}"),
            None => Ok(()),
        }
    }
}

/// The institution in a name: at least two labels, normalised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Realm(ShortText);

impl Realm {
    /// Reads a realm by the rules of S2 and RFC 7542 §2.2.
    ///
    /// # Errors
    /// [`RealmError`], the first that applies in the order of its variants.
    pub fn parse(realm: &str) -> Result<Realm, RealmError> {
        if realm.len() > MAX_NAME_OCTETS {
            return Err(RealmError::TooLong);
        }
        let realm = normalise(realm);
        check_length(&realm)?;
        check_dots(&realm)?;
        check_characters(&realm)?;
        Ok(Realm(realm))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `other` or a subdomain of it (E9).
    pub fn is_or_is_below(&self, other: &Realm) -> bool {
        match self.0.strip_suffix(other.as_str()) {
            Some(rest) => rest.is_empty() || rest.ends_with('.'),
            None => false,
        }
    }
}

fn check_length(realm: &str) -> Result<(), RealmError> {
    match realm.len() {
        0 => Err(RealmError::Empty),
        1..=MAX_NAME_OCTETS => Ok(()),
        _ => Err(RealmError::TooLong),
    }
}

fn check_dots(realm: &str) -> Result<(), RealmError> {
    if !realm.contains('.') {
        return Err(RealmError::NoDot);
    }
    if realm.starts_with('.') {
        return Err(RealmError::LeadingDot);
    }
    if realm.ends_with('.') {
        return Err(RealmError::TrailingDot);
    }
    if realm.contains("..") {
        return Err(RealmError::DoubleDot);
    }
    Ok(())
}

fn check_characters(realm: &str) -> Result<(), RealmError> {
    if realm.contains(char::is_whitespace) {
        return Err(RealmError::Space);
    }
    let hyphen_at_edge = |label: &str| label.starts_with('-') || label.ends_with('-');
    if !realm.chars().all(is_realm_character) || realm.split('.').any(hyphen_at_edge) {
        return Err(RealmError::Character);
    }
    Ok(())
}

fn is_realm_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.') || (!c.is_ascii() && !is_invisible(c))
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Realm {
    type Error = RealmError;

    fn try_from(realm: String) -> Result<Realm, RealmError> {
        Realm::parse(&realm)
    }
}

impl std::str::FromStr for Realm {
    type Err = RealmError;

    fn from_str(realm: &str) -> Result<Realm, RealmError> {
        Realm::parse(realm)
    }
}

impl From<Realm> for String {
    fn from(realm: Realm) -> String {
        realm.0.into_string()
    }
}

/// The user part, normalised; may be empty.
fn user_part(user: &str) -> Result<ShortText, NameError> {
    if user.len() > MAX_NAME_OCTETS {
        return Err(NameError::TooLong);
    }
    let user = normalise(user);
    if user.contains('\\') {
        return Err(NameError::DownLevel);
    }
    if user.starts_with("host/") {
        return Err(NameError::Machine);
    }
    if user.contains(char::is_whitespace) {
        return Err(NameError::Space);
    }
    if user.contains(is_invisible) {
        return Err(NameError::ControlCharacter);
    }
    if user.len() > MAX_NAME_OCTETS {
        return Err(NameError::TooLong);
    }
    Ok(user)
}

/// NFC, lower case, and NFC again, since lower case may take composed letters apart.
fn normalise(text: &str) -> ShortText {
    if text.is_ascii() {
        let mut text = ShortText::from(text);
        text.make_ascii_lowercase();
        return text;
    }
    let composed: String = text.nfc().collect();
    composed.to_lowercase().nfc().collect()
}

/// Characters that nobody can see, so that two names would look the same.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}
