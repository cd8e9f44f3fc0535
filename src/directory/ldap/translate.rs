//! An entry in the directory's words, said again in ours: one rule for each fact.
//!
//! What comes out is read by the same [reader](crate::directory::account_facts) as an LDIF file. What grants
//! nothing (a name to show, a telephone number) is passed over where it can't be read; all else that
//! can't be read is a fault, and somebody whose entry has one is not let in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portvakt_auth::account::MOST_BESIDES;
use portvakt_auth::password::StoredPassword;
use portvakt_auth::{AccountId, Kind, PasswordHash, Realm};
use zeroize::Zeroizing;

use super::ldap_time::{self, Form, LdapTime};
use super::lock_attributes::{LOCK_ATTRIBUTES, LockState, never_expires};
use super::mapping::{AttributeReport, Mapping};
use super::template::AttributeRole;
use crate::config::Verify;
use crate::directory::account_facts::PRECEDENCE;
use crate::directory::dn::DistinguishedName;
use crate::directory::entry::{Attribute, Entry};

/// The groups of a person; also where those that were looked for are put.
pub(super) const MEMBER_OF: &str = "memberOf";

/// Says an entry again.
pub(super) struct Translator<'a> {
    entry: &'a Entry,
    mapping: &'a Mapping,
    said: Vec<Attribute>,
    /// The attribute that each fact came from.
    pub(super) sources: BTreeMap<AttributeRole, String>,
    pub(super) remarks: Vec<AttributeReport>,
    pub(super) faults: Vec<String>,
    /// Whether the directory has a password for the account that we may see.
    pub(super) has_password: bool,
    /// Passwords beside the first.
    pub(super) besides: Vec<PasswordHash>,
    /// When the account is open again by itself, where it is closed.
    pub(super) locked_until: Option<Timestamp>,
    /// Whether the directory lets the password grow as old as it may.
    pub(super) never_expires: bool,
    /// Places in the list of configured groups.
    pub(super) groups: Vec<usize>,
    now: Timestamp,
}

impl<'a> Translator<'a> {
    pub(super) fn new(entry: &'a Entry, mapping: &'a Mapping, now: Timestamp) -> Self {
        Self {
            entry,
            mapping,
            said: Vec::new(),
            sources: BTreeMap::new(),
            remarks: Vec::new(),
            faults: Vec::new(),
            has_password: false,
            besides: Vec::new(),
            locked_until: None,
            never_expires: false,
            now,
            groups: mapping.groups_of(entry),
        }
    }

    /// The entry in our words.
    pub(super) fn translate(&mut self) -> Entry {
        self.names();
        self.aliases();
        for fact in [
            AttributeRole::DisplayName,
            AttributeRole::Mail,
            AttributeRole::Mobile,
        ] {
            self.text_to_show(fact);
        }
        self.password();
        self.password_changed();
        self.expires();
        self.kind();
        for fact in [
            AttributeRole::NtHash,
            AttributeRole::Vlan,
            AttributeRole::Service,
            AttributeRole::Suspended,
        ] {
            self.as_it_is(fact);
        }
        for fact in [
            AttributeRole::RegisteredTerm,
            AttributeRole::FeePaidTerm,
            AttributeRole::InRegistry,
            AttributeRole::EndedOn,
        ] {
            self.as_it_is(fact);
        }
        self.deactivated();
        Entry {
            dn: self.entry.dn.clone(),
            line: None,
            attributes: std::mem::take(&mut self.said),
        }
    }

    fn names(&mut self) {
        let principals = self.principals();
        if let Some((source, names)) = self.first(AttributeRole::UserName) {
            let chosen = self.user_name(&source, &names, &principals);
            for name in names {
                let is_chosen = chosen.as_ref().is_none_or(|chosen| *chosen == name);
                match (is_chosen, self.bare(&name)) {
                    (true, Some(bare)) => {
                        self.say(AttributeRole::UserName, &source, &bare, "user name");
                    }
                    (true, None) => {
                        let meaning = "user name of another realm: nobody can log on with it";
                        self.say(AttributeRole::UserName, &source, &name, meaning);
                    }
                    (false, Some(bare)) => self.alias(&source, &bare),
                    (false, None) => {
                        self.remark(&source, &name, "a name of another realm: not read");
                    }
                }
            }
        } else if let Some((source, user)) = principals.first() {
            self.say(AttributeRole::UserName, source, user, "user name");
        }
        for (source, user) in principals {
            self.alias(&source, &user);
        }
    }

    /// Which of several names is the account's: the one that the entry is called by.
    fn user_name(
        &self,
        source: &str,
        names: &[String],
        principals: &[(String, String)],
    ) -> Option<String> {
        let dn = DistinguishedName::parse(&self.entry.dn).ok();
        let first = dn
            .as_ref()
            .map(DistinguishedName::first)
            .unwrap_or_default();
        let is_first = |name: &&String| {
            let mut of_source = first.iter().filter(|assertion| assertion.is_of(source));
            of_source.any(|assertion| name.to_lowercase() == assertion.value.to_lowercase())
        };
        let in_dn = names.iter().find(is_first);
        let in_principal = || {
            let is_one = |name: &&String| principals.iter().any(|(_, user)| user == *name);
            names.iter().find(is_one)
        };
        in_dn.or_else(in_principal).cloned()
    }

    /// User parts of names with a realm of ours, each with the attribute that it is in.
    fn principals(&mut self) -> Vec<(String, String)> {
        let mut ours = Vec::new();
        for (source, name) in self.each(AttributeRole::PrincipalName) {
            let parts = name.rsplit_once('@');
            let is_ours = parts.is_some_and(|(_, realm)| self.mapping.is_ours(realm));
            match parts.filter(|_| is_ours) {
                Some((user, _)) => ours.push((source, user.to_owned())),
                None => self.remark(&source, &name, "a name of another realm: not read"),
            }
        }
        ours
    }

    fn aliases(&mut self) {
        for (source, name) in self.each(AttributeRole::Alias) {
            match self.bare(&name) {
                Some(bare) => self.alias(&source, &bare),
                None => self.remark(&source, &name, "a name of another realm: not read"),
            }
        }
    }

    /// A name without the realm of ours that it may have; `None` if it is of another.
    fn bare(&self, name: &str) -> Option<String> {
        match name.rsplit_once('@') {
            Some((user, realm)) => self.mapping.is_ours(realm).then(|| user.to_owned()),
            None => Some(name.to_owned()),
        }
    }

    /// Another name, unless it is the account's own. One that could never log on is passed over.
    fn alias(&mut self, source: &str, name: &str) {
        let Ok(alias) = AccountId::new(name) else {
            return self.remark(source, name, "no name to log on with: not read");
        };
        let is_known = self.said.iter().any(|said| {
            let is_name = [AttributeRole::UserName, AttributeRole::Alias]
                .map(AttributeRole::key)
                .contains(&&*said.name);
            let text = std::str::from_utf8(&said.value).ok();
            let said = text.and_then(|text| AccountId::new(text).ok());
            is_name && said.as_ref() == Some(&alias)
        });
        if !is_known {
            self.say(AttributeRole::Alias, source, alias.as_str(), "another name");
        }
    }

    /// The first value that can be shown.
    fn text_to_show(&mut self, fact: AttributeRole) {
        const MAX: usize = 1024;
        let found = self.each(fact).into_iter().find(|(_, text)| {
            let length = text.trim().len();
            (1..=MAX).contains(&length)
        });
        if let Some((source, text)) = found {
            self.say(fact, &source, &text, fact.key());
        }
    }

    /// The hash, where we check it; which of several counts, the reader decides.
    fn password(&mut self) {
        if self.mapping.verify != Verify::Hash {
            return;
        }
        let Some((source, hashes)) = self.first_octets(AttributeRole::PasswordHash) else {
            return;
        };
        self.has_password = true;
        self.sources
            .insert(AttributeRole::PasswordHash, source.clone());
        let mut usable: Vec<PasswordHash> = Vec::new();
        for value in hashes {
            let (what, meaning) = told(&value);
            self.remark(&source, &what, meaning);
            match StoredPassword::read(&value) {
                Ok(StoredPassword::Hash(hash)) if usable.contains(&hash) => continue,
                Ok(StoredPassword::Hash(hash)) => usable.push(hash),
                _ => {}
            }
            // Any of several opens, as at the directory's own door; of too many, which is a fault, none.
            if (2..=1 + MOST_BESIDES).contains(&usable.len()) {
                self.besides = usable.get(1..).unwrap_or_default().to_vec();
            } else {
                self.push(AttributeRole::PasswordHash, &value);
            }
        }
    }

    fn password_changed(&mut self) {
        let temporary = self.first(AttributeRole::TemporaryPassword);
        if let Some((source, moments)) = self.first(AttributeRole::PasswordChanged) {
            for text in moments {
                match Form::of(&source).read(&text) {
                    Ok(LdapTime::At(at)) => {
                        self.say_moment(
                            AttributeRole::PasswordChanged,
                            &source,
                            &text,
                            at,
                            "password set",
                        );
                    }
                    Ok(LdapTime::NotYet) => {
                        let (fact, means) =
                            (AttributeRole::TemporaryPassword, "to be changed first");
                        self.remark_fact(fact, &source, &text, means);
                        if temporary.is_none() {
                            self.push(fact, b"TRUE");
                        }
                    }
                    Ok(LdapTime::Never) => self.remark(&source, &text, "not known"),
                    Err(fault) => self.faults.push(format!("{source}: {fault}")),
                }
            }
        }
        if let Some((source, values)) = temporary {
            for value in values {
                self.say(
                    AttributeRole::TemporaryPassword,
                    &source,
                    &value,
                    "to be changed first",
                );
            }
        }
    }

    /// The earliest of all.
    fn expires(&mut self) {
        let mut earliest: Option<(String, String, Timestamp)> = None;
        for (source, text) in self.each(AttributeRole::Expires) {
            // To Active Directory and Samba zero is never; elsewhere it is the first day of 1970.
            let is_never = ["accountExpires", "sambaKickoffTime"]
                .iter()
                .any(|name| source.eq_ignore_ascii_case(name));
            let at = match Form::of(&source).read(&text) {
                Ok(LdapTime::At(at)) => at,
                Ok(LdapTime::NotYet) if !is_never => Timestamp::UNIX_EPOCH,
                Ok(LdapTime::NotYet | LdapTime::Never) => {
                    self.remark(&source, &text, "does not end");
                    continue;
                }
                Err(fault) => return self.faults.push(format!("{source}: {fault}")),
            };
            if earliest
                .as_ref()
                .is_none_or(|(_, _, earlier)| at < *earlier)
            {
                earliest = Some((source, text, at));
            }
        }
        if let Some((source, text, at)) = earliest {
            self.say_moment(AttributeRole::Expires, &source, &text, at, "ends");
        }
    }

    /// By a group, else by affiliation.
    fn kind(&mut self) {
        let kind_of = |group: &usize| Some((*group, self.mapping.kind_of(*group)?));
        if let Some((group, kind)) = self.groups.iter().find_map(kind_of) {
            let group = self.mapping.dn_of(group);
            self.remark_fact(AttributeRole::Kind, MEMBER_OF, group, "kind, by a group");
            return self.push(AttributeRole::Kind, Mapping::word_of(kind).as_bytes());
        }
        let given = self.each(AttributeRole::Kind);
        let known = |wanted: &Kind| {
            given
                .iter()
                .find(|(_, word)| self.mapping.kind(word) == Some(*wanted))
                .cloned()
        };
        if let Some((source, word)) = PRECEDENCE.iter().find_map(known) {
            return self.say(AttributeRole::Kind, &source, &word, "kind");
        }
        for (source, word) in given {
            match self.mapping.has_default_kind() {
                true => self.remark(&source, &word, "no kind that is known: the default counts"),
                false => {
                    return self.say(AttributeRole::Kind, &source, &word, "no kind that is known");
                }
            }
        }
    }

    /// A reason closes by being there, unless it is the word for "no".
    fn deactivated(&mut self) {
        let means_no = |text: &str| {
            ["false", "no", "0"]
                .iter()
                .any(|no| text.eq_ignore_ascii_case(no))
        };
        let given = self.each(AttributeRole::Deactivated).into_iter();
        let mut reasons = given.filter(|(_, reason)| !means_no(reason));
        if let Some((source, reason)) = reasons.next() {
            self.say(AttributeRole::Deactivated, &source, &reason, "deactivated");
            return;
        }
        self.closed_by_the_server();
    }

    /// What the directory's own server closes an account by; what holds longest counts.
    fn closed_by_the_server(&mut self) {
        let mut longest: Option<(&str, LockState)> = None;
        for closer in LOCK_ATTRIBUTES {
            for value in self.texts(closer) {
                self.never_expires |= never_expires(closer, &value);
                let closing = match self.mapping.closers.read(closer, &value) {
                    Ok(closing) => closing,
                    Err(fault) => {
                        self.faults.push(format!("{closer}: {fault}"));
                        continue;
                    }
                };
                if !closing.is_in_force(self.now) {
                    continue;
                }
                self.remark(closer, &value, "deactivated");
                let ends = |closing: LockState| closing.end().unwrap_or(Timestamp::MAX);
                if longest.is_none_or(|(_, other)| ends(other) < ends(closing)) {
                    longest = Some((closer, closing));
                }
            }
        }
        if let Some((closer, closing)) = longest {
            self.locked_until = closing.end();
            self.sources
                .insert(AttributeRole::Deactivated, closer.to_owned());
            let reason = format!("closed in the directory ({closer})");
            self.push(AttributeRole::Deactivated, reason.as_bytes());
        }
    }

    fn as_it_is(&mut self, fact: AttributeRole) {
        if let Some((source, values)) = self.first(fact) {
            for value in values {
                self.say(fact, &source, &value, fact.key());
            }
        }
    }

    /// The values of the first attribute that the entry has, of those that hold a fact.
    fn first(&mut self, fact: AttributeRole) -> Option<(String, Vec<String>)> {
        let names = self.mapping.attributes.of_role(fact);
        names.iter().find_map(|name| {
            let texts = self.texts(name);
            (!texts.is_empty()).then(|| (name.clone(), texts))
        })
    }

    fn first_octets(&self, fact: AttributeRole) -> Option<(String, Vec<Zeroizing<Vec<u8>>>)> {
        let names = self.mapping.attributes.of_role(fact);
        names.iter().find_map(|name| {
            let values: Vec<_> = self.entry.values(name).map(|a| a.value.clone()).collect();
            (!values.is_empty()).then(|| (name.clone(), values))
        })
    }

    /// Every value of every attribute that holds a fact.
    fn each(&mut self, fact: AttributeRole) -> Vec<(String, String)> {
        let mapping = self.mapping;
        let names = mapping.attributes.of_role(fact).iter();
        let of = |name: &String| {
            let texts = self.texts(name).into_iter();
            texts.map(|text| (name.clone(), text)).collect::<Vec<_>>()
        };
        names.flat_map(of).collect()
    }

    /// The values of an attribute; one that is no text is a fault.
    fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for attribute in self.entry.values(name) {
            match std::str::from_utf8(&attribute.value) {
                Ok(text) => texts.push(text.to_owned()),
                Err(_) => self.faults.push(format!("{name}: the value is not UTF-8")),
            }
        }
        texts
    }

    fn say(&mut self, fact: AttributeRole, source: &str, value: &str, meaning: &str) {
        self.remark_fact(fact, source, value, meaning);
        self.push(fact, value.as_bytes());
    }

    fn say_moment(
        &mut self,
        fact: AttributeRole,
        source: &str,
        given: &str,
        at: Timestamp,
        means: &str,
    ) {
        self.remark_fact(fact, source, given, &format!("{means} {at}"));
        self.push(fact, ldap_time::write(at).as_bytes());
    }

    fn remark_fact(&mut self, fact: AttributeRole, source: &str, value: &str, meaning: &str) {
        self.sources
            .entry(fact)
            .or_insert_with(|| source.to_owned());
        match fact {
            AttributeRole::NtHash => self.remark(source, "(an NT hash)", meaning),
            _ => self.remark(source, value, meaning),
        }
    }

    fn remark(&mut self, source: &str, value: &str, meaning: &str) {
        self.remarks
            .push(AttributeReport::new(source, value, meaning));
    }

    fn push(&mut self, fact: AttributeRole, value: &[u8]) {
        self.said.push(Attribute {
            name: fact.key().to_owned(),
            value: Zeroizing::new(value.to_vec()),
            line: None,
        });
    }
}

/// What may be told of a stored password, and what it means.
fn told(stored: &[u8]) -> (String, &'static str) {
    match StoredPassword::read(stored) {
        Ok(StoredPassword::Hash(hash)) => (format!("({})", hash.scheme()), "password hash"),
        Ok(StoredPassword::Locked) => ("(a lock mark)".to_owned(), "password locked"),
        Ok(StoredPassword::Cleartext(_)) => ("(in clear text)".to_owned(), "not read"),
        Err(error) => (format!("({error})"), "not read"),
    }
}

impl Mapping {
    fn is_ours(&self, realm: &str) -> bool {
        Realm::parse(realm).is_ok_and(|realm| self.realms.contains(&realm))
    }
}
