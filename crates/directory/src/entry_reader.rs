//! Values of an entry by their role, each read by its own rule; every fault is collected.
//!
//! LDIF records and LDAP entries are read by the same rules, into [`AccountFacts`].
//!
//! [`AccountFacts`]: super::account_facts::AccountFacts

use jiff::Timestamp;
use jiff::civil::Date;
use portvakt_auth::AccountReply;
use portvakt_auth::account::{Closure, Kind, StudentFacts};
use portvakt_auth::chap::{ChapSecret, ChapSecretError};
use portvakt_auth::mschap::{NtHash, NtHashError};
use portvakt_auth::name::NameError;
use portvakt_auth::password::{
    HashError, PasswordHash, StoredPassword, UnfitCleartext, check_cleartext,
};
use portvakt_auth::term::TermError;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::account_facts::{NtHashFact, PasswordFact, SOURCE};
use crate::attributes::{AttributeNames, AttributeRole};
use crate::entry::{Attribute, Entry};

/// Most octets of a text value; names and numbers are far below.
const MAX_TEXT: usize = 1024;
/// Most octets of a VLAN name: what fits a tagged RADIUS attribute (RFC 2868 §3.6).
const MAX_VLAN: usize = 249;

/// Kinds in the order in which one counts before another, where an entry has several: a student who
/// works here is not locked out for a fee, and no person is taken for a machine.
pub const KIND_PRECEDENCE: [Kind; 6] = [
    Kind::Employee,
    Kind::Student,
    Kind::Guest,
    Kind::Service,
    Kind::Machine,
    Kind::Test,
];

/// A fault of an attribute of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeError {
    /// The attribute's name as it is configured.
    pub attribute: String,
    /// Its line, if the entry came from a file.
    pub line: Option<u64>,
    /// The fault.
    pub fault: AttributeFault,
}

/// Faults of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttributeFault {
    /// Not text.
    #[error("the value is not UTF-8")]
    NotText,
    /// Nothing after the colon.
    #[error("the value is empty; leave the line out instead")]
    Empty,
    /// More than a name or number needs.
    #[error("the value is longer than {0} octets")]
    TooLong(usize),
    /// Two values where there can be one.
    #[error("there are several values; one account has one")]
    Several,
    /// A name that could never log on.
    #[error("{0}")]
    Name(#[from] NameError),
    /// Neither student nor employee nor anything else known.
    #[error("the affiliation {0:?} is not in the map of kinds")]
    UnknownKind(String),
    /// No affiliation.
    #[error("it is missing, so the kind of account is not known; add it or set a default kind")]
    NoKind,
    /// No term.
    #[error("{0}")]
    Term(#[from] TermError),
    /// No moment.
    #[error("this is no generalized time; write it as 20260831120000Z")]
    Time,
    /// Too far off to have happened.
    #[error("nothing can have been done in the last hours of the year 9999")]
    BeyondCalendar,
    /// No day.
    #[error("this is no date; write it as 2026-06-30")]
    Date,
    /// No IPv4 address.
    #[error("this is no IPv4 address; write it as 10.99.0.7")]
    Ipv4Address,
    /// No IPv6 prefix.
    #[error("this is no IPv6 prefix; write it as 2001:db8:99:7::/64")]
    Ipv6Prefix,
    /// No truth value.
    #[error("the value must be TRUE or FALSE")]
    Boolean,
    /// A hash that cannot be used.
    #[error("{0}")]
    Hash(#[from] HashError),
    /// No NT hash that can be used.
    #[error("{0}")]
    NtHash(#[from] NtHashError),
    /// It would let another password in than the one beside it.
    #[error("this is not the NT hash of the clear-text password beside it")]
    NtHashOfAnother,
    /// A CHAP secret of a person.
    #[error(
        "only a service account can have a CHAP secret, which is kept so that it can be read; of a \
         person's password a hash is kept and nothing else"
    )]
    ChapSecretOfPerson,
    /// A hash where the secret itself is needed.
    #[error("this is a hash; CHAP can only be checked with the secret itself")]
    ChapSecretHashed,
    /// No CHAP secret that can be used.
    #[error("{0}")]
    ChapSecret(#[from] ChapSecretError),
    /// A value that its schema does not allow; why not.
    #[error("{0}")]
    Value(&'static str),
    /// A password in the clear.
    #[error(
        "the password is in clear text; give a hash such as {{ARGON2}}…, {{SSHA}}… or {{CRYPT}}… \
         (`portvakt hash` makes one), or import with --hash-cleartext"
    )]
    Cleartext,
    /// A value in clear text that is no password.
    #[error("{0}")]
    UnfitCleartext(#[from] UnfitCleartext),
}

/// Reads one entry and collects what is wrong with it.
pub struct EntryReader<'a> {
    entry: &'a Entry,
    names: &'a AttributeNames,
    now: Timestamp,
    errors: Vec<AttributeError>,
}

impl<'a> EntryReader<'a> {
    /// Of an entry as it is `now`, which dates what has no date.
    pub fn new(entry: &'a Entry, names: &'a AttributeNames, now: Timestamp) -> Self {
        Self {
            entry,
            names,
            now,
            errors: Vec::new(),
        }
    }

    /// The value read.
    ///
    /// # Errors
    /// Every fault that was found on the way.
    pub fn finish<T>(self, read: T) -> Result<T, Vec<AttributeError>> {
        match self.errors.is_empty() {
            true => Ok(read),
            false => Err(self.errors),
        }
    }

    /// Whether no fault was found so far.
    pub fn is_faultless(&self) -> bool {
        self.errors.is_empty()
    }

    /// The attribute of a role: the first choice that the entry has.
    pub fn present(&self, role: AttributeRole) -> Option<&'a str> {
        let mut names = self.names.of(role).iter().map(String::as_str);
        names.find(|name| self.entry.values(name).next().is_some())
    }

    /// The values of a role, all of one attribute.
    pub fn values(&self, role: AttributeRole) -> impl Iterator<Item = &'a Attribute> + use<'a> {
        let entry = self.entry;
        let name = self.present(role).into_iter();
        name.flat_map(move |name| entry.values(name))
    }

    /// The text of the value, where there can be one: trimmed, not empty.
    pub fn text(&mut self, role: AttributeRole) -> Option<String> {
        let value = self.only(role)?;
        self.checked_at(role, value.line, text(value))
    }

    /// The texts of all values.
    pub fn texts(&mut self, role: AttributeRole) -> Vec<String> {
        self.values(role)
            .filter_map(|value| self.checked_at(role, value.line, text(value)))
            .collect()
    }

    /// The first value of all attributes of the role that can be shown, and its attribute. It grants
    /// nothing, so one that can't is passed over.
    pub fn text_to_show(&self, role: AttributeRole) -> Option<(&'a str, String)> {
        let entry = self.entry;
        let names = self.names.of(role).iter().map(String::as_str);
        let mut values = names.flat_map(|name| entry.values(name).map(move |value| (name, value)));
        values.find_map(|(name, value)| Some((name, text(value).ok()?)))
    }

    /// The text of the value as `parse` reads it.
    pub fn parsed<T>(
        &mut self,
        role: AttributeRole,
        parse: impl FnOnce(&str) -> Result<T, AttributeFault>,
    ) -> Option<T> {
        let text = self.text(role)?;
        self.checked(role, parse(&text))
    }

    /// A truth value.
    pub fn boolean(&mut self, role: AttributeRole) -> Option<bool> {
        self.parsed(role, boolean)
    }

    /// The reason for which the source closes the account, dated now.
    pub fn closure(&mut self, role: AttributeRole) -> Option<Closure> {
        let reason = self.text(role)?;
        Some(closure(reason, self.now))
    }

    /// The VLAN of the account.
    pub fn vlan(&mut self) -> Option<String> {
        self.parsed(AttributeRole::Vlan, |vlan| match vlan.len() {
            ..=MAX_VLAN => Ok(vlan.to_owned()),
            _ => Err(AttributeFault::TooLong(MAX_VLAN)),
        })
    }

    /// Reply attributes of the account's own.
    pub fn reply(&mut self) -> Option<Box<AccountReply>> {
        let reply = AccountReply {
            profiles: self.texts(AttributeRole::ReplyProfile),
            framed_ip_address: self.parsed(AttributeRole::FramedIpAddress, |text| {
                text.parse().map_err(|_| AttributeFault::Ipv4Address)
            }),
            framed_ipv6_prefix: self.parsed(AttributeRole::FramedIpv6Prefix, |text| {
                text.parse().map_err(|_| AttributeFault::Ipv6Prefix)
            }),
        };
        reply.boxed()
    }

    /// The services that the account may use.
    pub fn services(&mut self) -> Option<Vec<String>> {
        let services = self.texts(AttributeRole::Service);
        (!services.is_empty()).then_some(services)
    }

    /// Facts of the student registry; a fact without an attribute does not count.
    pub fn student(&mut self) -> StudentFacts {
        StudentFacts {
            registered_for: self.parsed(AttributeRole::RegisteredTerm, |text| Ok(text.parse()?)),
            fee_paid_for: self.parsed(AttributeRole::FeePaidTerm, |text| Ok(text.parse()?)),
            in_registry: self.boolean(AttributeRole::InRegistry).unwrap_or(false),
            ended_on: self.parsed(AttributeRole::EndedOn, date),
            kept_elsewhere: self.names.of(AttributeRole::InRegistry).is_empty(),
        }
    }

    /// The one password value that counts. A lock mark counts before every other: only a lock can be
    /// meant by it, and where that is a mistake its owner complains. Directories themselves pass over
    /// a mark beside a hash, since slapd and 389ds try every value. Then those that can be used count
    /// before what can't.
    pub fn password(
        &mut self,
        values: impl Iterator<Item = &'a Attribute>,
        allow_cleartext: bool,
    ) -> Option<PasswordFact> {
        let read = |value: &'a Attribute| (value.line, password(&value.value, allow_cleartext));
        let (mut counting, unusable): (Vec<_>, Vec<_>) =
            values.map(read).partition(|(_, read)| read.is_ok());
        let is_mark = |(_, read): &_| matches!(read, Ok(PasswordFact::Locked));
        if counting.iter().any(is_mark) {
            return Some(PasswordFact::Locked);
        }
        if counting.is_empty() {
            counting = unusable;
        }
        counting.dedup_by(|(_, second), (_, first)| is_same(first, second));
        if let Some((line, _)) = counting.get(1) {
            self.error(AttributeRole::PasswordHash, *line, AttributeFault::Several);
        }
        let (line, first) = counting.into_iter().next()?;
        self.checked_at(AttributeRole::PasswordHash, line, first)
    }

    /// The NT hash, which must be that of a clear-text password beside it.
    pub fn nt_hash(&mut self, password: Option<&PasswordFact>) -> NtHashFact {
        let Some(nt_hash) = self.parsed(AttributeRole::NtHash, nt_hash) else {
            return NtHashFact::Unsaid;
        };
        if let (NtHashFact::Is(hash), Some(PasswordFact::Cleartext(password))) =
            (&nt_hash, password)
            && !is_of(hash, password)
        {
            let fault = Err::<(), _>(AttributeFault::NtHashOfAnother);
            self.checked(AttributeRole::NtHash, fault);
        }
        nt_hash
    }

    /// The CHAP secret of an account of this kind.
    pub fn chap_secret(&mut self, kind: Option<Kind>) -> Option<ChapSecret> {
        let value = self.only(AttributeRole::LegacyChapSecret)?;
        let read = chap_secret(&value.value, kind);
        self.checked_at(AttributeRole::LegacyChapSecret, value.line, read)
    }

    /// The value of an attribute that can have one.
    fn only(&mut self, role: AttributeRole) -> Option<&'a Attribute> {
        let mut values = self.values(role);
        let first = values.next()?;
        if let Some(second) = values.next() {
            self.error(role, second.line, AttributeFault::Several);
        }
        Some(first)
    }

    /// Takes down the fault of a role's first value, if there is one.
    pub fn checked<T>(
        &mut self,
        role: AttributeRole,
        checked: Result<T, impl Into<AttributeFault>>,
    ) -> Option<T> {
        let line = self.values(role).next().and_then(|value| value.line);
        self.checked_at(role, line, checked)
    }

    fn checked_at<T>(
        &mut self,
        role: AttributeRole,
        line: Option<u64>,
        checked: Result<T, impl Into<AttributeFault>>,
    ) -> Option<T> {
        checked
            .map_err(|fault| self.error(role, line, fault.into()))
            .ok()
    }

    /// Takes down a fault of a role's value in this line, or of the whole entry.
    pub fn error(&mut self, role: AttributeRole, line: Option<u64>, fault: AttributeFault) {
        let first = || self.names.of(role).first().map(String::as_str);
        let name = self.present(role).or_else(first).unwrap_or(role.key());
        self.errors.push(AttributeError {
            attribute: name.to_owned(),
            line: line.or(self.entry.line),
            fault,
        });
    }

    /// Takes down the fault of an attribute, whatever its role.
    pub fn error_of(&mut self, attribute: &str, fault: AttributeFault) {
        self.errors.push(AttributeError {
            attribute: attribute.to_owned(),
            line: self.entry.line,
            fault,
        });
    }
}

fn text(attribute: &Attribute) -> Result<String, AttributeFault> {
    let text = std::str::from_utf8(&attribute.value).map_err(|_| AttributeFault::NotText)?;
    trimmed(text)
}

/// A text without the spaces around it: not empty, at most 1024 octets.
///
/// # Errors
/// [`AttributeFault::Empty`], [`AttributeFault::TooLong`].
pub fn trimmed(text: &str) -> Result<String, AttributeFault> {
    match text.trim() {
        "" => Err(AttributeFault::Empty),
        text if text.len() > MAX_TEXT => Err(AttributeFault::TooLong(MAX_TEXT)),
        text => Ok(text.to_owned()),
    }
}

fn date(text: &str) -> Result<Date, AttributeFault> {
    text.parse().map_err(|_| AttributeFault::Date)
}

fn boolean(text: &str) -> Result<bool, AttributeFault> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(AttributeFault::Boolean),
    }
}

/// A closure that the source is the author of.
pub fn closure(reason: String, since: Timestamp) -> Closure {
    Closure {
        reason,
        since,
        until: None,
        by: SOURCE.to_owned(),
    }
}

/// A stored password, as far as it may be taken from this source.
fn password(value: &[u8], allow_cleartext: bool) -> Result<PasswordFact, AttributeFault> {
    match StoredPassword::read(value) {
        Ok(StoredPassword::Hash(hash)) => Ok(PasswordFact::Hash(hash)),
        Ok(StoredPassword::Locked) => Ok(PasswordFact::Locked),
        Ok(StoredPassword::Cleartext(_)) if !allow_cleartext => Err(AttributeFault::Cleartext),
        Ok(StoredPassword::Cleartext(text)) => {
            check_cleartext(text)?;
            Ok(PasswordFact::Cleartext(Zeroizing::new(text.to_vec())))
        }
        Err(HashError::EmptyPassword) => Err(AttributeFault::Empty),
        Err(error) => Err(error.into()),
    }
}

/// Whether the same was said twice. Of two in clear text, that is left open.
fn is_same(
    first: &Result<PasswordFact, AttributeFault>,
    second: &Result<PasswordFact, AttributeFault>,
) -> bool {
    match (first, second) {
        (Ok(PasswordFact::Hash(first)), Ok(PasswordFact::Hash(second))) => first == second,
        _ => false,
    }
}

/// 32 hexadecimal digits, or what Samba writes for an account that has none: `NO PASSWORD` filled
/// up with `X`, or nothing but `X`.
fn nt_hash(text: &str) -> Result<NtHashFact, AttributeFault> {
    let filling = text.strip_prefix("NO PASSWORD").unwrap_or(text);
    if filling.bytes().all(|octet| octet == b'X') {
        return Ok(NtHashFact::None);
    }
    Ok(NtHashFact::Is(NtHash::parse(text)?))
}

fn is_of(hash: &NtHash, password: &[u8]) -> bool {
    std::str::from_utf8(password).is_ok_and(|password| NtHash::of_password(password) == *hash)
}

fn chap_secret(value: &[u8], kind: Option<Kind>) -> Result<ChapSecret, AttributeFault> {
    if kind.is_some_and(|kind| kind != Kind::Service) {
        return Err(AttributeFault::ChapSecretOfPerson);
    }
    let is_hash = |text| PasswordHash::parse(text).is_ok();
    if std::str::from_utf8(value).is_ok_and(is_hash) {
        return Err(AttributeFault::ChapSecretHashed);
    }
    Ok(ChapSecret::new(value)?)
}
