//! From an entry of the directory to an account, and the words that explain it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use portvakt_auth::{Account, BindName, Kind, Realm, Verification};
use sha2::{Digest, Sha256};

use crate::RealmScope;
use crate::replica::EntryId;
use crate::schema::entry_facts::{Extras, FactsReader, MEMBER_OF};
use crate::schema::ldap_time::{Form, LdapTime};
use crate::schema::lock_attributes::{LOCK_ATTRIBUTES, LockRules};
use crate::schema::template::{attribute_names, id_attribute};
use crate::settings::{Group, Membership, PasswordAge, Settings, Verify};
use portvakt_directory::account_facts::AccountFacts;
use portvakt_directory::attributes::{AttributeNames, AttributeRole};
use portvakt_directory::dn::ComparedName;
use portvakt_directory::entry::Entry;
use portvakt_directory::{AttributeReport, EntryFault, EntryReport, Naming};

/// Attributes that change when an entry does, the finest first.
const CHANGE_STAMPS: [&str; 3] = ["entryCSN", "uSNChanged", "modifyTimestamp"];

/// When Active Directory locked an account after failed binds; zero, or nothing, once it is open.
const LOCKOUT_TIME: &str = "lockoutTime";

/// Meaning of attributes in one directory.
pub(crate) struct Mapping {
    pub(crate) attributes: AttributeNames,
    pub(crate) verify: Verify,
    pub(crate) lock_rules: LockRules,
    /// Whether the directory judges the age of its passwords.
    judges_age: bool,
    /// Realms whose names are ours.
    pub(crate) realms: Vec<Realm>,
    pub(crate) naming: Naming,
    kinds: BTreeMap<String, Kind>,
    pub(crate) default_kind: Option<Kind>,
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

impl Mapping {
    pub(crate) fn new(settings: &Settings, people: &RealmScope) -> Self {
        Self {
            kinds: settings.kinds.clone(),
            default_kind: settings.default_kind,
            attributes: attribute_names(settings),
            verify: settings.verify,
            judges_age: settings.password_age == PasswordAge::Directory,
            lock_rules: LockRules {
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
    pub(crate) fn wanted(&self) -> Vec<String> {
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
    pub(crate) fn group_search(&self) -> Option<Membership> {
        let is_needed = !self.groups.is_empty() && self.membership != Membership::MemberOf;
        is_needed.then_some(self.membership)
    }

    /// The account of an entry.
    pub(crate) fn understand(&self, entry: &Entry, now: Timestamp) -> EntryReport {
        let (mut reports, facts) = FactsReader::new(entry, self, now).read();
        let account = match facts {
            Ok(Some((facts, extras))) => self.account(entry, facts, extras, now),
            Ok(None) => {
                let names = self.attributes.of(AttributeRole::UserName);
                Err(EntryFault::NoUserName(names.to_vec()))
            }
            Err(errors) => Err(EntryFault::Attributes(errors)),
        };
        if let Some(since) = locked_since(entry) {
            let meaning = format!("locked there since {since}, until its lockout duration is over");
            reports.push(AttributeReport::new(LOCKOUT_TIME, "", &meaning));
        }
        let left = unreported(entry, &reports);
        reports.extend(left);
        if let Ok(account) = &account
            && is_never_sure(account)
        {
            reports.push(self.undated(&entry.dn));
        }
        EntryReport {
            dn: entry.dn.clone(),
            attributes: reports,
            account,
        }
    }

    fn account(
        &self,
        entry: &Entry,
        facts: AccountFacts,
        extras: Extras,
        now: Timestamp,
    ) -> Result<Account, EntryFault> {
        let (changed_at, kind) = (facts.password_changed_at, facts.password_kind);
        let mut account = facts.merge(None, now);
        self.naming.make_full(&mut account)?;
        if account.verification != Verification::PasswordLocked {
            account.verification = match self.verify {
                Verify::Hash if extras.has_password => Verification::StoredHash,
                Verify::Hash => Verification::Impossible,
                Verify::Bind => Verification::Bind(BindName {
                    entry: entry.dn.clone(),
                    changed_at,
                    kind,
                    sure_from: self.sure_from(entry, changed_at),
                    lasting_id: self.lasting_id(entry),
                    locked_since: locked_since(entry),
                }),
            };
        }
        account.password_ages_elsewhere = self.judges_age || extras.never_expires;
        account.credential_version = self.version(entry, &extras, changed_at);
        account.besides = extras.besides;
        self.apply_groups(&mut account, &extras.groups);
        Ok(account)
    }

    /// Told of the first such entry: a directory shows these of all people or of none.
    fn undated(&self, dn: &str) -> AttributeReport {
        const MEANING: &str = "nothing says when the password changes: it is not remembered, and no \
                               session is resumed; let bind-dn read this";
        let dates = self.attributes.of(AttributeRole::PasswordChanged).iter();
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

    /// Another number for another password: a digest of the hashes and of when it was set. Where
    /// neither is known, of what changes with the entry; where nothing is, nothing is built on it
    /// ([`BindName::sure_from`]).
    fn version(&self, entry: &Entry, extras: &Extras, changed_at: Option<Timestamp>) -> u64 {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        extras.credentials.iter().for_each(|value| add(value));
        // As the directory writes it: Active Directory's date is finer than a second.
        let mut dates = self.attributes.of(AttributeRole::PasswordChanged).iter();
        if let Some(name) = dates.find(|name| entry.values(name).next().is_some()) {
            entry.values(name).for_each(|date| add(&date.value));
        }
        for hash in &extras.besides {
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
        let profiles: Vec<_> = mine().filter_map(|group| group.reply.clone()).collect();
        if !profiles.is_empty() {
            let reply = account.reply.get_or_insert_default();
            reply.profiles.extend(profiles);
        }
    }

    /// Which of the groups that matter an entry says that it is in.
    pub(crate) fn groups_of(&self, entry: &Entry) -> Vec<usize> {
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

    pub(crate) fn kind_of(&self, group: usize) -> Option<Kind> {
        self.groups.get(group)?.kind
    }

    pub(crate) fn dn_of(&self, group: usize) -> &str {
        let group = self.groups.get(group);
        group.map_or("", |group| group.dn.as_str())
    }

    pub(crate) fn kind(&self, affiliation: &str) -> Option<Kind> {
        self.kinds.get(&affiliation.to_lowercase()).copied()
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

/// The finest change stamp of an entry: a value that differs after each change.
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

/// Attributes that were read and that no report names.
fn unreported(entry: &Entry, reports: &[AttributeReport]) -> Vec<AttributeReport> {
    let is_reported = |name: &str| {
        let mut names = reports.iter().map(|report| &report.attribute);
        names.any(|reported| reported.eq_ignore_ascii_case(name))
    };
    let left = entry
        .attributes
        .iter()
        .filter(|attribute| !is_reported(&attribute.name));
    left.map(|attribute| {
        let value = String::from_utf8_lossy(&attribute.value);
        AttributeReport::new(&attribute.name, &value, "makes no difference by itself")
    })
    .collect()
}
