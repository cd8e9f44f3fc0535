//! From an entry of the directory to an account, and the words that explain it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portvakt_auth::{Account, BindName, Kind, PasswordKind, Realm, Verification};
use sha2::{Digest, Sha256};

use super::RealmScope;
use super::ldap_time::{Form, LdapTime};
use super::lock_attributes::{LOCK_ATTRIBUTES, LockRules};
use super::replica::EntryId;
use super::template::{AttributeRole, Attributes, id_attribute};
use super::translate::{MEMBER_OF, Translator};
use crate::config::{Group, Ldap as Settings, Membership, PasswordAge, Verify};
use crate::directory::Naming;
use crate::directory::account_facts::{AccountFacts, AttributeError, AttributeFault};
use crate::directory::attributes::AttributeMap;
use crate::directory::dn::ComparedName;
use crate::directory::entry::Entry;

/// Attributes that change when an entry does, the finest first.
const CHANGE_STAMPS: [&str; 3] = ["entryCSN", "uSNChanged", "modifyTimestamp"];

/// When Active Directory locked an account after failed binds; zero, or nothing, once it is open.
const LOCKOUT_TIME: &str = "lockoutTime";

/// What attributes mean in one directory.
pub(super) struct Mapping {
    pub(super) attributes: Attributes,
    pub(super) verify: Verify,
    pub(super) closers: LockRules,
    /// Whether the directory judges the age of its passwords.
    judges_age: bool,
    /// Realms whose names are ours.
    pub(super) realms: Vec<Realm>,
    pub(super) naming: Naming,
    map: AttributeMap,
    membership: Membership,
    groups: Vec<Group>,
    id_attribute: &'static str,
    /// The directory's name, for the log.
    directory: String,
    old_password_period: Duration,
    /// Whether it was told that passwords can't be dated.
    has_warned: AtomicBool,
    /// Theirs, in the same order.
    group_names: Vec<ComparedName>,
}

/// An entry, and what was made of it.
#[derive(Debug)]
pub struct EntryReport {
    /// The entry's distinguished name.
    pub dn: String,
    /// What was read, and how it was understood.
    pub remarks: Vec<AttributeReport>,
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
    /// What it means.
    pub meaning: String,
}

impl AttributeReport {
    pub(super) fn new(attribute: &str, value: &str, meaning: &str) -> Self {
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

impl Mapping {
    pub(super) fn new(settings: &Settings, people: &RealmScope) -> Self {
        let attributes = Attributes::of(settings);
        Self {
            map: map(settings, &attributes),
            attributes,
            verify: settings.verify,
            judges_age: settings.password_age == PasswordAge::Directory,
            closers: LockRules {
                verify: settings.verify,
                lock_holds: settings.lock_holds,
            },
            realms: people.realms.clone(),
            naming: people.naming.clone(),
            membership: settings.membership,
            groups: settings.groups.clone(),
            id_attribute: id_attribute(settings.template),
            directory: settings.name.clone(),
            old_password_period: settings.old_password_period,
            has_warned: AtomicBool::new(false),
            group_names: settings
                .groups
                .iter()
                .map(|group| (&*group.dn).into())
                .collect(),
        }
    }

    /// The attributes to ask for.
    pub(super) fn wanted(&self) -> Vec<String> {
        let of_facts = self.attributes.all();
        let facts = of_facts
            .filter(|(fact, _)| self.verify == Verify::Hash || *fact != AttributeRole::PasswordHash)
            .map(|(_, name)| name);
        let groups = (self.reads_member_of()).then_some(MEMBER_OF);
        let lock = (self.id_attribute == "objectGUID").then_some(LOCKOUT_TIME);
        let others = LOCK_ATTRIBUTES.into_iter().chain(CHANGE_STAMPS);
        let others = others.chain(groups).chain(lock);
        let mut wanted: Vec<_> = facts.chain(others).map(str::to_owned).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn reads_member_of(&self) -> bool {
        !self.groups.is_empty() && self.membership == Membership::MemberOf
    }

    /// How groups must be looked for, if they must.
    pub(super) fn group_search(&self) -> Option<Membership> {
        let is_needed = !self.groups.is_empty() && self.membership != Membership::MemberOf;
        is_needed.then_some(self.membership)
    }

    /// What an entry says.
    pub(super) fn understand(&self, entry: &Entry, now: Timestamp) -> EntryReport {
        let mut translator = Translator::new(entry, self, now);
        let said = translator.translate();
        let account = self.account(entry, &said, &translator, now);
        let mut remarks = translator.remarks;
        if let Some(since) = locked_since(entry) {
            let meaning = format!("locked there since {since}, until its lockout duration is over");
            remarks.push(AttributeReport::new(LOCKOUT_TIME, "", &meaning));
        }
        let left = unremarked(entry, &remarks);
        remarks.extend(left);
        if let Ok(account) = &account
            && is_never_sure(account)
        {
            remarks.push(self.undated(&entry.dn));
        }
        EntryReport {
            dn: entry.dn.clone(),
            remarks,
            account,
        }
    }

    fn account(
        &self,
        entry: &Entry,
        said: &Entry,
        translator: &Translator<'_>,
        now: Timestamp,
    ) -> Result<Account, String> {
        let draft = AccountFacts::read(said, &self.map, false, now);
        let mut faults = translator.faults.clone();
        if let Err(errors) = &draft {
            faults.extend(errors.iter().map(|error| fault(error, &translator.sources)));
        }
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        let names = self.attributes.of_role(AttributeRole::UserName).join(", ");
        let draft = draft.ok().flatten();
        let draft = draft.ok_or_else(|| format!("it has no user name ({names})"))?;
        let temporary = said
            .values(AttributeRole::TemporaryPassword.key())
            .next()
            .is_some();
        let changed_at = draft.password_changed_at();
        let mut account = draft.merge(None, now);
        let named = self.naming.make_full(&mut account);
        named.map_err(|error| error.to_string())?;
        if account.verification != Verification::PasswordLocked {
            account.verification = self.verification(entry, translator, changed_at, temporary);
        }
        account.password_ages_elsewhere = self.judges_age || translator.never_expires;
        if let Some(note) = &mut account.deactivated {
            note.until = translator.locked_until;
        }
        account.besides.clone_from(&translator.besides);
        account.credential_version = self.version(entry, said, changed_at, &account.besides);
        self.apply_groups(&mut account, &translator.groups);
        Ok(account)
    }

    /// Told of the first such entry: a directory shows these of all people or of none.
    fn undated(&self, dn: &str) -> AttributeReport {
        const MEANING: &str = "nothing says when the password changes: it is not remembered, and no \
                               session is resumed; let bind-dn read this";
        let dates = self
            .attributes
            .of_role(AttributeRole::PasswordChanged)
            .iter();
        let dates = dates.map(String::as_str).chain(CHANGE_STAMPS);
        let dates = dates.collect::<Vec<_>>().join(", ");
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            let directory = &self.directory;
            tracing::warn!(
                directory,
                dn,
                "nothing says when passwords change: none is remembered, and no session is resumed; \
                 let bind-dn read one of {dates}"
            );
        }
        AttributeReport::new(&dates, "", MEANING)
    }

    /// Of entries that a mirror has: of others it is not asked for, for they are read each time.
    fn lasting_id(&self, entry: &Entry) -> Option<[u8; 16]> {
        let value = entry.values(self.id_attribute).next()?;
        EntryId::from_value(&value.value).map(|id| *id.octets())
    }

    /// See [`BindName::sure_from`].
    fn sure_from(&self, entry: &Entry, changed_at: Option<Timestamp>) -> Option<Timestamp> {
        let takes_old_ones = !self.old_password_period.is_zero();
        match changed_at {
            Some(at) if takes_old_ones => {
                let period = SignedDuration::try_from(self.old_password_period).ok()?;
                Some(at.checked_add(period).unwrap_or(Timestamp::MAX))
            }
            Some(at) if is_exact(at) => None,
            // An entry changes for many reasons: when the password did is not known.
            None if takes_old_ones => Some(Timestamp::MAX),
            _ => stamp(entry).is_none().then_some(Timestamp::MAX),
        }
    }

    fn verification(
        &self,
        entry: &Entry,
        translator: &Translator<'_>,
        changed_at: Option<Timestamp>,
        temporary: bool,
    ) -> Verification {
        match self.verify {
            Verify::Hash if translator.has_password => Verification::StoredHash,
            Verify::Hash => Verification::Impossible,
            Verify::Bind => Verification::Bind(BindName {
                entry: entry.dn.clone(),
                changed_at,
                kind: match temporary {
                    true => PasswordKind::Temporary,
                    false => PasswordKind::Permanent,
                },
                sure_from: self.sure_from(entry, changed_at),
                lasting_id: self.lasting_id(entry),
                locked_since: locked_since(entry),
            }),
        }
    }

    /// Another number for another password: a digest of the hashes and of when it was set. Where
    /// neither is known, of what changes with the entry; where nothing is, nothing is built on it
    /// ([`BindName::sure_from`]).
    fn version(
        &self,
        entry: &Entry,
        said: &Entry,
        changed_at: Option<Timestamp>,
        besides: &[portvakt_auth::PasswordHash],
    ) -> u64 {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        for fact in [AttributeRole::PasswordHash, AttributeRole::NtHash] {
            for value in said.values(fact.key()) {
                add(&value.value);
            }
        }
        // As the directory writes it: Active Directory's date is finer than a second.
        let mut dates = self
            .attributes
            .of_role(AttributeRole::PasswordChanged)
            .iter();
        if let Some(name) = dates.find(|name| entry.values(name).next().is_some()) {
            entry.values(name).for_each(|date| add(&date.value));
        }
        for hash in besides {
            add(hash.reveal().as_bytes());
        }
        let is_known = self.verify == Verify::Hash || changed_at.is_some_and(is_exact);
        if !is_known {
            add(stamp(entry).unwrap_or_default());
        }
        let octets: [u8; 32] = digest.finalize().into();
        octets
            .iter()
            .take(8)
            .fold(0, |version, octet| version << 8 | u64::from(*octet))
    }

    /// As soon as one group has services, an account may use those of its own groups and those
    /// that its entry names.
    fn apply_groups(&self, account: &mut Account, members: &[usize]) {
        let mine = || members.iter().filter_map(|at| self.groups.get(*at));
        if self.groups.iter().any(|group| !group.services.is_empty()) {
            let services = account.services.get_or_insert_default();
            services.extend(mine().flat_map(|group| group.services.iter().cloned()));
        }
        if account.vlan.is_none() {
            account.vlan = mine().find_map(|group| group.vlan.clone());
        }
    }

    /// Which of the groups that matter an entry says that it is in.
    pub(super) fn groups_of(&self, entry: &Entry) -> Vec<usize> {
        let said: Vec<_> = entry
            .values(MEMBER_OF)
            .filter_map(|value| std::str::from_utf8(&value.value).ok())
            .map(ComparedName::from)
            .collect();
        let of = self.group_names.iter().enumerate();
        of.filter(|(_, group)| said.contains(group))
            .map(|(at, _)| at)
            .collect()
    }

    pub(super) fn kind_of(&self, group: usize) -> Option<Kind> {
        self.groups.get(group)?.kind
    }

    pub(super) fn dn_of(&self, group: usize) -> &str {
        let group = self.groups.get(group);
        group.map_or("", |group| group.dn.as_str())
    }

    pub(super) fn kind(&self, affiliation: &str) -> Option<Kind> {
        self.map.kinds.get(&affiliation.to_lowercase()).copied()
    }

    pub(super) fn has_default_kind(&self) -> bool {
        self.map.default_kind.is_some()
    }

    /// A word that stands for a kind whatever words the configuration has.
    pub(super) fn word_of(kind: Kind) -> &'static str {
        match kind {
            Kind::Student => "portvakt:student",
            Kind::Employee => "portvakt:employee",
            Kind::Guest => "portvakt:guest",
            Kind::Service => "portvakt:service",
            Kind::Machine => "portvakt:machine",
            Kind::Test => "portvakt:test",
        }
    }
}

/// Whether it is more than a day (`shadowLastChange`), in which a password may change twice.
fn is_exact(at: Timestamp) -> bool {
    const DAY: i64 = 24 * 60 * 60;
    at.as_second() % DAY != 0
}

/// See [`BindName::locked_since`].
fn locked_since(entry: &Entry) -> Option<Timestamp> {
    let value = entry.values(LOCKOUT_TIME).next()?;
    match Form::of(LOCKOUT_TIME).read(std::str::from_utf8(&value.value).ok()?) {
        Ok(LdapTime::At(since)) => Some(since),
        _ => None,
    }
}

/// What changes with an entry, the finest that it shows.
fn stamp(entry: &Entry) -> Option<&[u8]> {
    let mut stamps = CHANGE_STAMPS
        .iter()
        .filter_map(|name| entry.values(name).next());
    stamps.next().map(|stamp| stamp.value.as_slice())
}

/// Whether a right password is never surely the present one.
fn is_never_sure(account: &Account) -> bool {
    match &account.verification {
        Verification::Bind(bind) => bind.sure_from == Some(Timestamp::MAX),
        _ => false,
    }
}

/// The map of what the translator says: each fact under its own key.
fn map(settings: &Settings, attributes: &Attributes) -> AttributeMap {
    let key = |fact: AttributeRole| fact.key().to_owned();
    let mut kinds: BTreeMap<_, _> = settings
        .kinds
        .iter()
        .map(|(word, kind)| (word.clone(), *kind))
        .collect();
    let all = [
        Kind::Student,
        Kind::Employee,
        Kind::Guest,
        Kind::Service,
        Kind::Machine,
        Kind::Test,
    ];
    kinds.extend(all.map(|kind| (Mapping::word_of(kind).to_owned(), kind)));
    AttributeMap {
        user_name: key(AttributeRole::UserName),
        principal_name: key(AttributeRole::PrincipalName),
        alias: key(AttributeRole::Alias),
        display_name: key(AttributeRole::DisplayName),
        mail: key(AttributeRole::Mail),
        mobile: key(AttributeRole::Mobile),
        affiliation: key(AttributeRole::Kind),
        kinds,
        default_kind: settings.default_kind,
        password: key(AttributeRole::PasswordHash),
        nt_hash: key(AttributeRole::NtHash),
        // A clear-text secret has no place in a directory that others read.
        legacy_chap_secret: String::new(),
        password_changed: key(AttributeRole::PasswordChanged),
        temporary_password: key(AttributeRole::TemporaryPassword),
        expires: key(AttributeRole::Expires),
        registered_term: key(AttributeRole::RegisteredTerm),
        fee_paid_term: key(AttributeRole::FeePaidTerm),
        in_registry: key(AttributeRole::InRegistry),
        registry_elsewhere: attributes.of_role(AttributeRole::InRegistry).is_empty(),
        ended_on: key(AttributeRole::EndedOn),
        deactivated: key(AttributeRole::Deactivated),
        suspended: key(AttributeRole::Suspended),
        vlan: key(AttributeRole::Vlan),
        service: key(AttributeRole::Service),
        // The translator has said names without them already.
        realms: Vec::new(),
    }
}

/// What was read and made no difference.
fn unremarked(entry: &Entry, remarks: &[AttributeReport]) -> Vec<AttributeReport> {
    let is_remarked = |name: &str| {
        let mut names = remarks.iter().map(|remark| &remark.attribute);
        names.any(|remarked| remarked.eq_ignore_ascii_case(name))
    };
    let left = entry
        .attributes
        .iter()
        .filter(|attribute| !is_remarked(&attribute.name));
    left.map(|attribute| {
        let value = String::from_utf8_lossy(&attribute.value);
        AttributeReport::new(&attribute.name, &value, "makes no difference by itself")
    })
    .collect()
}

/// A fault in the directory's words.
fn fault(error: &AttributeError, sources: &BTreeMap<AttributeRole, String>) -> String {
    let fact = AttributeRole::ALL
        .into_iter()
        .find(|fact| fact.key() == error.attribute);
    let source = fact.and_then(|fact| sources.get(&fact));
    let name = source.unwrap_or(&error.attribute);
    match &error.fault {
        AttributeFault::Cleartext => {
            format!("{name}: the password is in clear text; set verify = \"bind\"")
        }
        AttributeFault::NoKind => {
            format!(
                "{name}: neither an affiliation nor a group says what kind of account it is; \
                     set default-kind"
            )
        }
        fault => format!("{name}: {fault}"),
    }
}
