//! How an entry is understood: each attribute by its own rule, everything wrong told at once.

use jiff::Timestamp;
use jiff::civil::Date;
use portvakt_auth::account::{Account, Closure, Kind, PasswordKind, StudentFacts};
use portvakt_auth::chap::{ChapSecret, ChapSecretError};
use portvakt_auth::mschap::{NtHash, NtHashError};
use portvakt_auth::name::{AccountId, NameError};
use portvakt_auth::password::{HashError, PasswordHash, StoredPassword};
use portvakt_auth::term::TermError;
use thiserror::Error;
use zeroize::Zeroizing;

use super::super::attributes::AttributeMap;
use super::super::dn::DistinguishedName;
use super::super::entry::{Attribute, Entry};
use super::super::generalized_time::{self, GeneralizedTime};
use super::{
    AccountFacts, ChapSecretFact, FactsPassword, NtHashFact, PASSWORD_LOCKED, SOURCE, Secret,
};

/// Most octets of a text value; names and numbers are far below.
const MAX_TEXT: usize = 1024;
/// Most octets of a VLAN name: what fits a tagged RADIUS attribute (RFC 2868 §3.6).
const MAX_VLAN: usize = 249;

/// Kinds in the order in which one counts before another, where somebody has several: a student who
/// works here is not locked out for a fee, and no person is taken for a machine.
pub(crate) const PRECEDENCE: [Kind; 6] = [
    Kind::Employee,
    Kind::Student,
    Kind::Guest,
    Kind::Service,
    Kind::Machine,
    Kind::Test,
];

/// What is wrong with an attribute of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeError {
    /// The attribute's name as in the [`AttributeMap`].
    pub attribute: String,
    /// Where it is, if the entry came from a file.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub fault: AttributeFault,
}

/// What can be wrong with an attribute.
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
    /// A password in the clear.
    #[error(
        "the password is in clear text; give a hash such as {{ARGON2}}…, {{SSHA}}… or {{CRYPT}}… \
         (`portvakt hash` makes one), or import with --hash-cleartext"
    )]
    Cleartext,
}

/// Reads one entry and collects what is wrong with it.
pub(super) struct Reader<'a> {
    entry: &'a Entry,
    map: &'a AttributeMap,
    now: Timestamp,
    allow_cleartext: bool,
    errors: Vec<AttributeError>,
    /// Values of the user name that are not the one that was chosen.
    other_names: Vec<String>,
    /// The user name has a realm that is not ours.
    has_foreign_name: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        entry: &'a Entry,
        map: &'a AttributeMap,
        allow_cleartext: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            entry,
            map,
            now,
            allow_cleartext,
            errors: Vec::new(),
            other_names: Vec::new(),
            has_foreign_name: false,
        }
    }

    pub(super) fn read(mut self) -> Result<Option<AccountFacts>, Vec<AttributeError>> {
        let draft = self.user_name().map(|id| self.draft(id));
        if self.errors.is_empty() {
            Ok(draft)
        } else {
            Err(self.errors)
        }
    }

    fn draft(&mut self, id: AccountId) -> AccountFacts {
        let map = self.map;
        let changed_at = self.parsed(&map.password_changed, stamp);
        let password = self.password();
        let nt_hash = self.nt_hash(password.as_ref());
        let kind = self.kind();
        let legacy_chap_secret = self.legacy_chap_secret(kind);
        // Without a kind there is an error already; reading on tells the others too.
        let kind = kind.unwrap_or(Kind::Guest);
        let mut account = Account::new(id, kind);
        account.display_name = self.text_to_show(&map.display_name);
        account.mail = self.text_to_show(&map.mail);
        account.mobile = self.text_to_show(&map.mobile);
        account.student = (kind == Kind::Student).then(|| self.student());
        account.deactivated = self.note(&map.deactivated);
        if let Some(Secret::Locked) = password.as_ref().map(|password| &password.secret) {
            let note = || note(PASSWORD_LOCKED.to_owned(), self.now);
            account.deactivated.get_or_insert_with(note);
        }
        account.suspended = self.note(&map.suspended);
        account.expires = self.parsed(&map.expires, end).flatten();
        account.services = self.services();
        account.vlan = self.vlan();
        account.aliases = self.aliases();
        AccountFacts {
            account,
            password,
            nt_hash,
            legacy_chap_secret,
            changed_at,
            has_foreign_name: self.has_foreign_name,
        }
    }

    pub(super) fn user_name(&mut self) -> Option<AccountId> {
        let map = self.map;
        if let Some(name) = self.chosen_name() {
            let (bare, is_foreign) = map.without_realm(&name);
            self.has_foreign_name |= is_foreign;
            return self.checked(&map.user_name, AccountId::new(bare));
        }
        if let Some(name) = self.text(&map.principal_name) {
            let user = name.split_once('@').map_or(name.as_str(), |(user, _)| user);
            return self.checked(&map.principal_name, AccountId::new(user));
        }
        let describes_somebody = self.values(&map.affiliation).next().is_some();
        if self.errors.is_empty() && describes_somebody {
            self.error(&map.user_name, AttributeFault::Name(NameError::Empty));
        }
        None
    }

    /// The user name; of several the one that the entry is called by, and the others are aliases.
    fn chosen_name(&mut self) -> Option<String> {
        let name = &self.map.user_name;
        if self.values(name).nth(1).is_none() {
            return self.text(name);
        }
        let dn = DistinguishedName::parse(&self.entry.dn).ok();
        let first = dn
            .as_ref()
            .map(DistinguishedName::first)
            .unwrap_or_default();
        let of_name = first.iter().find(|assertion| assertion.is_of(name));
        let called = of_name.map(|assertion| assertion.value.to_lowercase());
        let names = self.texts(name);
        let is_called = |name: &&String| Some(name.to_lowercase()) == called;
        let Some(chosen) = names.iter().find(is_called).cloned() else {
            let second = self.values(name).nth(1).and_then(|value| value.line);
            self.error_at(name, second, AttributeFault::Several);
            return None;
        };
        self.other_names = names.into_iter().filter(|name| *name != chosen).collect();
        Some(chosen)
    }

    /// The kind by the first affiliation that counts, as a directory's are understood.
    fn kind(&mut self) -> Option<Kind> {
        let map = self.map;
        let words = self.texts(&map.affiliation);
        let Some(first) = words.first() else {
            if map.default_kind.is_none() {
                self.error(&map.affiliation, AttributeFault::NoKind);
            }
            return map.default_kind;
        };
        let known: Vec<_> = words
            .iter()
            .filter_map(|word| map.kinds.get(&word.to_lowercase()))
            .collect();
        let kind = PRECEDENCE.into_iter().find(|kind| known.contains(&kind));
        self.checked(
            &map.affiliation,
            kind.ok_or_else(|| AttributeFault::UnknownKind(first.clone())),
        )
    }

    fn student(&mut self) -> StudentFacts {
        let map = self.map;
        StudentFacts {
            registered_for: self.parsed(&map.registered_term, |text| Ok(text.parse()?)),
            fee_paid_for: self.parsed(&map.fee_paid_term, |text| Ok(text.parse()?)),
            in_registry: self.parsed(&map.in_registry, boolean).unwrap_or(false),
            ended_on: self.parsed(&map.ended_on, date),
            kept_elsewhere: map.registry_elsewhere,
        }
    }

    fn password(&mut self) -> Option<FactsPassword> {
        let map = self.map;
        let temporary = self
            .parsed(&map.temporary_password, boolean)
            .unwrap_or(false);
        let kind = if temporary {
            PasswordKind::Temporary
        } else {
            PasswordKind::Permanent
        };
        let secret = self.secret(&map.password)?;
        Some(FactsPassword { secret, kind })
    }

    /// The one value that counts. Where there are several, those that can be used count before lock
    /// marks and before what can't: a directory with a hash and a mark lets the hash's owner in.
    fn secret(&mut self, name: &'a str) -> Option<Secret> {
        let read = |value: &'a Attribute| (value.line, secret(&value.value, self.allow_cleartext));
        let values: Vec<_> = self.values(name).map(read).collect();
        let is_usable = |secret: &Result<Secret, AttributeFault>| {
            matches!(secret, Ok(Secret::Hash(_) | Secret::Cleartext(_)))
        };
        let (usable, others): (Vec<_>, Vec<_>) = values
            .into_iter()
            .partition(|(_, secret)| is_usable(secret));
        let mut counting = match usable.is_empty() {
            true => others,
            false => usable,
        };
        counting.dedup_by(|(_, second), (_, first)| is_same(first, second));
        if let Some((line, _)) = counting.get(1) {
            self.error_at(name, *line, AttributeFault::Several);
        }
        let (line, first) = counting.into_iter().next()?;
        self.checked_at(name, line, first)
    }

    fn nt_hash(&mut self, password: Option<&FactsPassword>) -> NtHashFact {
        let name = &self.map.nt_hash;
        let Some(nt_hash) = self.parsed(name, nt_hash) else {
            return NtHashFact::Unsaid;
        };
        if let (NtHashFact::Is(hash), Some(password)) = (&nt_hash, password)
            && !hash_fits(hash, &password.secret)
        {
            let fault = Err::<(), _>(AttributeFault::NtHashOfAnother);
            self.checked(name, fault);
        }
        nt_hash
    }

    fn legacy_chap_secret(&mut self, kind: Option<Kind>) -> ChapSecretFact {
        let name = &self.map.legacy_chap_secret;
        if name.is_empty() {
            return ChapSecretFact::Unasked;
        }
        let attribute = self.only(name);
        let read = |attribute: &Attribute| {
            self.checked_at(name, attribute.line, chap_secret(&attribute.value, kind))
        };
        ChapSecretFact::Is(attribute.and_then(read))
    }

    fn note(&mut self, name: &'a str) -> Option<Closure> {
        let reason = self.text(name)?;
        Some(note(reason, self.now))
    }

    fn vlan(&mut self) -> Option<String> {
        let fits = |vlan: &str| match vlan.len() {
            ..=MAX_VLAN => Ok(vlan.to_owned()),
            _ => Err(AttributeFault::TooLong(MAX_VLAN)),
        };
        self.parsed(&self.map.vlan, fits)
    }

    fn services(&mut self) -> Option<Vec<String>> {
        let services = self.texts(&self.map.service);
        (!services.is_empty()).then_some(services)
    }

    /// Other names to log on with; one of another realm is passed over.
    fn aliases(&mut self) -> Vec<String> {
        let map = self.map;
        let mut texts = self.texts(&map.alias);
        texts.append(&mut self.other_names);
        let mut aliases = Vec::new();
        for text in texts {
            let (bare, is_foreign) = map.without_realm(&text);
            if !is_foreign {
                let alias = AccountId::new(bare).map(|alias| alias.to_string());
                aliases.extend(self.checked(&map.alias, alias));
            }
        }
        aliases.sort_unstable();
        aliases.dedup();
        aliases
    }

    fn values(&self, name: &'a str) -> impl Iterator<Item = &'a Attribute> + use<'a> {
        self.entry.values(name)
    }

    /// The value of an attribute that can have one.
    fn only(&mut self, name: &'a str) -> Option<&'a Attribute> {
        let mut values = self.values(name);
        let first = values.next()?;
        if let Some(second) = values.next() {
            self.error_at(name, second.line, AttributeFault::Several);
        }
        Some(first)
    }

    fn text(&mut self, name: &'a str) -> Option<String> {
        let value = self.only(name)?;
        self.checked_at(name, value.line, text(value))
    }

    /// The first value that can be shown. It grants nothing, so what can't is passed over.
    fn text_to_show(&mut self, name: &'a str) -> Option<String> {
        self.values(name).find_map(|value| text(value).ok())
    }

    fn texts(&mut self, name: &'a str) -> Vec<String> {
        self.values(name)
            .filter_map(|value| self.checked_at(name, value.line, text(value)))
            .collect()
    }

    fn parsed<T>(
        &mut self,
        name: &'a str,
        parse: impl FnOnce(&str) -> Result<T, AttributeFault>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.checked(name, parse(&text))
    }

    fn checked<T>(
        &mut self,
        name: &str,
        checked: Result<T, impl Into<AttributeFault>>,
    ) -> Option<T> {
        let line = self.entry.values(name).next().and_then(|value| value.line);
        self.checked_at(name, line, checked)
    }

    fn checked_at<T>(
        &mut self,
        name: &str,
        line: Option<u64>,
        checked: Result<T, impl Into<AttributeFault>>,
    ) -> Option<T> {
        checked
            .map_err(|fault| self.error_at(name, line, fault.into()))
            .ok()
    }

    fn error(&mut self, name: &str, fault: AttributeFault) {
        self.error_at(name, self.entry.line, fault);
    }

    fn error_at(&mut self, name: &str, line: Option<u64>, fault: AttributeFault) {
        let line = line.or(self.entry.line);
        self.errors.push(AttributeError {
            attribute: name.to_owned(),
            line,
            fault,
        });
    }
}

fn text(attribute: &Attribute) -> Result<String, AttributeFault> {
    let text = std::str::from_utf8(&attribute.value).map_err(|_| AttributeFault::NotText)?;
    match text.trim() {
        "" => Err(AttributeFault::Empty),
        text if text.len() > MAX_TEXT => Err(AttributeFault::TooLong(MAX_TEXT)),
        text => Ok(text.to_owned()),
    }
}

/// When something was done.
fn stamp(text: &str) -> Result<Timestamp, AttributeFault> {
    match generalized_time::read(text) {
        Some(GeneralizedTime::At(at)) => Ok(at),
        Some(GeneralizedTime::Beyond) => Err(AttributeFault::BeyondCalendar),
        None => Err(AttributeFault::Time),
    }
}

/// When something ends, if ever.
fn end(text: &str) -> Result<Option<Timestamp>, AttributeFault> {
    match generalized_time::read(text) {
        Some(GeneralizedTime::At(at)) => Ok(Some(at)),
        Some(GeneralizedTime::Beyond) => Ok(None),
        None => Err(AttributeFault::Time),
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

fn note(reason: String, since: Timestamp) -> Closure {
    Closure {
        reason,
        since,
        until: None,
        by: SOURCE.to_owned(),
    }
}

/// What a stored password is, as far as it may be taken from this source.
fn secret(value: &[u8], allow_cleartext: bool) -> Result<Secret, AttributeFault> {
    match StoredPassword::read(value) {
        Ok(StoredPassword::Hash(hash)) => Ok(Secret::Hash(hash)),
        Ok(StoredPassword::Locked) => Ok(Secret::Locked),
        Ok(StoredPassword::Cleartext(_)) if !allow_cleartext => Err(AttributeFault::Cleartext),
        Ok(StoredPassword::Cleartext(text)) => Ok(Secret::Cleartext(Zeroizing::new(text.to_vec()))),
        Err(HashError::EmptyPassword) => Err(AttributeFault::Empty),
        Err(error) => Err(error.into()),
    }
}

/// Whether the same was said twice. Of two in clear text, that is left open.
fn is_same(
    first: &Result<Secret, AttributeFault>,
    second: &Result<Secret, AttributeFault>,
) -> bool {
    match (first, second) {
        (Ok(Secret::Hash(first)), Ok(Secret::Hash(second))) => first == second,
        (Ok(Secret::Locked), Ok(Secret::Locked)) => true,
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

/// Whether `hash` can be of the same password; of one that is hashed already, nobody can tell.
fn hash_fits(hash: &NtHash, secret: &Secret) -> bool {
    match secret {
        Secret::Hash(_) | Secret::Locked => true,
        Secret::Cleartext(password) => std::str::from_utf8(password)
            .is_ok_and(|password| NtHash::of_password(password) == *hash),
    }
}
