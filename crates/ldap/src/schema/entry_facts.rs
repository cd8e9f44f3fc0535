//! Account facts of an LDAP entry, one rule for each role of an attribute.
//!
//! An attribute that grants nothing (display name, telephone number) is passed over where it can't be
//! read; any other that can't be read is a fault, and an entry with a fault makes no account.

use jiff::Timestamp;
use portvakt_auth::account::MOST_BESIDES;
use portvakt_auth::name::NameError;
use portvakt_auth::password::StoredPassword;
use portvakt_auth::{Account, AccountId, Closure, Kind, PasswordHash, PasswordKind, Realm};

use crate::schema::ldap_time::{Form, LdapTime};
use crate::schema::lock_attributes::{LOCK_ATTRIBUTES, LockState, never_expires};
use crate::schema::mapping::Mapping;
use crate::settings::Verify;
use portvakt_directory::AttributeReport;
use portvakt_directory::account_facts::{
    AccountFacts, ChapSecretFact, PASSWORD_LOCKED, PasswordFact,
};
use portvakt_directory::attributes::AttributeRole;
use portvakt_directory::dn::DistinguishedName;
use portvakt_directory::entry::{Attribute, Entry};
use portvakt_directory::entry_reader::{
    AttributeError, AttributeFault, EntryReader, KIND_PRECEDENCE, closure, trimmed,
};

/// The groups of a person; also where those that were looked for are put.
pub(crate) const MEMBER_OF: &str = "memberOf";

/// Roles that are read by the same rules as in LDIF.
const COMMON: [AttributeRole; 11] = [
    AttributeRole::NtHash,
    AttributeRole::Vlan,
    AttributeRole::ReplyProfile,
    AttributeRole::FramedIpAddress,
    AttributeRole::FramedIpv6Prefix,
    AttributeRole::Service,
    AttributeRole::Suspended,
    AttributeRole::RegisteredTerm,
    AttributeRole::FeePaidTerm,
    AttributeRole::InRegistry,
    AttributeRole::EndedOn,
];

/// Content of an LDAP entry beyond the account's facts.
#[derive(Default)]
pub(crate) struct Extras {
    /// Whether the directory has a password for the account that we may see.
    pub(crate) has_password: bool,
    /// Passwords beside the first.
    pub(crate) besides: Vec<PasswordHash>,
    /// Whether the directory lets the password grow as old as it may.
    pub(crate) never_expires: bool,
    /// Places in the list of configured groups.
    pub(crate) groups: Vec<usize>,
    /// The values that the credentials were read from, in the order of [`AttributeRole`].
    pub(crate) credentials: Vec<Vec<u8>>,
}

/// Reads one entry.
pub(crate) struct FactsReader<'a> {
    values: EntryReader<'a>,
    entry: &'a Entry,
    mapping: &'a Mapping,
    now: Timestamp,
    pub(crate) reports: Vec<AttributeReport>,
    extras: Extras,
}

impl<'a> FactsReader<'a> {
    pub(crate) fn new(entry: &'a Entry, mapping: &'a Mapping, now: Timestamp) -> Self {
        Self {
            values: EntryReader::new(entry, &mapping.attributes, now),
            entry,
            mapping,
            now,
            reports: Vec::new(),
            extras: Extras {
                groups: mapping.groups_of(entry),
                ..Extras::default()
            },
        }
    }

    /// The facts, `None` where the entry has no user name; and the reports of what was read.
    ///
    /// # Errors
    /// Every fault of the entry.
    #[expect(clippy::type_complexity, reason = "three results of one reading")]
    pub(crate) fn read(
        mut self,
    ) -> (
        Vec<AttributeReport>,
        Result<Option<(AccountFacts, Extras)>, Vec<AttributeError>>,
    ) {
        let facts = self.facts();
        let facts = facts.map(|facts| (facts, self.extras));
        (self.reports, self.values.finish(facts))
    }

    fn facts(&mut self) -> Option<AccountFacts> {
        let (id, aliases) = self.names();
        let mut show = |role: AttributeRole| {
            let (name, text) = self.values.text_to_show(role)?;
            let report = AttributeReport::new(name, &text, role.key());
            self.reports.push(report);
            Some(text)
        };
        let shown = [
            AttributeRole::DisplayName,
            AttributeRole::Mail,
            AttributeRole::Mobile,
        ];
        let [display_name, mail, mobile] = shown.map(&mut show);
        let password = self.password();
        let (password_changed_at, password_kind) = self.password_changed();
        let expires = self.expires();
        let kind = self.kind();
        for role in COMMON {
            self.report_all(role);
        }
        let nt_hash = self.values.nt_hash(password.as_ref());
        let nt_hashes = self.values.values(AttributeRole::NtHash);
        let nt_hashes = nt_hashes.map(|value| value.value.to_vec());
        self.extras.credentials.extend(nt_hashes);
        let deactivated = self.deactivated();
        let student = (kind == Some(Kind::Student)).then(|| self.values.student());
        // Without a kind there is a fault already.
        let mut account = Account {
            aliases,
            display_name,
            mail,
            mobile,
            student,
            deactivated,
            suspended: self.values.closure(AttributeRole::Suspended),
            expires,
            services: self.values.services(),
            vlan: self.values.vlan(),
            reply: self.values.reply(),
            ..Account::new(id?, kind.unwrap_or(Kind::Guest))
        };
        if let Some(PasswordFact::Locked) = password {
            let locked = || closure(PASSWORD_LOCKED.to_owned(), self.now);
            account.deactivated.get_or_insert_with(locked);
        }
        Some(AccountFacts {
            account,
            password,
            password_kind,
            password_changed_at,
            nt_hash,
            // A clear-text secret has no place in a directory that others read.
            legacy_chap_secret: ChapSecretFact::Unasked,
            has_foreign_name: false,
        })
    }

    /// The user name, and the other names.
    fn names(&mut self) -> (Option<AccountId>, Vec<String>) {
        let principals = self.principals();
        let mut names = Names::default();
        if let Some((source, values)) = self.first(AttributeRole::UserName) {
            let chosen = self.user_name(source, &values, &principals);
            for name in values {
                let is_chosen = chosen.as_ref().is_none_or(|chosen| *chosen == name);
                match (is_chosen, self.bare(&name)) {
                    (true, Some(bare)) => names.user_names.push((bare, "user name")),
                    (true, None) => {
                        let meaning = "user name of another realm: nobody can log on with it";
                        names.user_names.push((name, meaning));
                    }
                    (false, Some(bare)) => names.others.push((source, bare)),
                    (false, None) => self.report_foreign(source, &name),
                }
            }
            for (name, meaning) in &names.user_names {
                self.report(source, name, meaning);
            }
        } else if let Some((source, user)) = principals.first() {
            self.report(source, user, "user name");
            names.user_names.push((user.clone(), "user name"));
        }
        names.others.extend(principals);
        for (source, name) in self.each(AttributeRole::Alias) {
            match self.bare(&name) {
                Some(bare) => names.others.push((source, bare)),
                None => self.report_foreign(source, &name),
            }
        }
        let id = self.only_name(&names.user_names);
        let aliases = self.aliases(id.as_ref(), names.others);
        (id, aliases)
    }

    /// The account's id, if there is one user name and it is one to log on with.
    fn only_name(&mut self, names: &[(String, &str)]) -> Option<AccountId> {
        let role = AttributeRole::UserName;
        match names {
            [] => {
                let has_affiliation = self.values.present(AttributeRole::Kind).is_some();
                if has_affiliation && self.values.is_faultless() {
                    let fault = AttributeFault::Name(NameError::Empty);
                    self.values.error(role, None, fault);
                }
                None
            }
            [(name, _)] => {
                let name = self.values.checked(role, trimmed(name))?;
                self.values.checked(role, AccountId::new(&name))
            }
            [_, ..] => {
                self.values.error(role, None, AttributeFault::Several);
                None
            }
        }
    }

    /// Which of several names is the account's: the one that the entry is called by.
    fn user_name(
        &self,
        source: &str,
        names: &[String],
        principals: &[(&str, String)],
    ) -> Option<String> {
        let dn = DistinguishedName::parse(&self.entry.dn).ok();
        let first = dn.as_ref().map(DistinguishedName::first);
        let first = first.unwrap_or_default();
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
    fn principals(&mut self) -> Vec<(&'a str, String)> {
        let mut ours = Vec::new();
        for (source, name) in self.each(AttributeRole::PrincipalName) {
            match name.rsplit_once('@') {
                Some((user, realm)) if self.is_ours(realm) => ours.push((source, user.to_owned())),
                _ => self.report_foreign(source, &name),
            }
        }
        ours
    }

    /// A name without the realm of ours that it may have; `None` if it is of another.
    fn bare(&self, name: &str) -> Option<String> {
        match name.rsplit_once('@') {
            Some((user, realm)) => self.is_ours(realm).then(|| user.to_owned()),
            None => Some(name.to_owned()),
        }
    }

    fn is_ours(&self, realm: &str) -> bool {
        Realm::parse(realm).is_ok_and(|realm| self.mapping.realms.contains(&realm))
    }

    /// The other names, each once. One that could never log on is passed over.
    fn aliases(&mut self, id: Option<&AccountId>, names: Vec<(&str, String)>) -> Vec<String> {
        let mut aliases = Vec::new();
        for (source, name) in names {
            match AccountId::new(&name) {
                Ok(alias) if Some(&alias) == id || aliases.contains(&alias) => {}
                Ok(alias) => {
                    self.report(source, alias.as_str(), "another name");
                    aliases.push(alias);
                }
                Err(_) => self.report(source, &name, "no name to log on with: not read"),
            }
        }
        let mut aliases: Vec<_> = aliases.into_iter().map(String::from).collect();
        aliases.sort_unstable();
        aliases
    }

    /// The hash, where hashes are compared here.
    fn password(&mut self) -> Option<PasswordFact> {
        if self.mapping.verify != Verify::Hash {
            return None;
        }
        let source = self.values.present(AttributeRole::PasswordHash)?;
        self.extras.has_password = true;
        let (mut usable, mut counting) = (Vec::<PasswordHash>::new(), Vec::<&'a Attribute>::new());
        for value in self.values.values(AttributeRole::PasswordHash) {
            let stored = StoredPassword::read(&value.value);
            let (what, meaning) = match &stored {
                Ok(StoredPassword::Hash(hash)) => (format!("({})", hash.scheme()), "password hash"),
                Ok(StoredPassword::Locked) => ("(a lock mark)".to_owned(), "password locked"),
                Ok(StoredPassword::Cleartext(_)) => ("(in clear text)".to_owned(), "not read"),
                Err(error) => (format!("({error})"), "not read"),
            };
            self.report(source, &what, meaning);
            match stored {
                Ok(StoredPassword::Hash(hash)) if usable.contains(&hash) => continue,
                Ok(StoredPassword::Hash(hash)) => usable.push(hash),
                _ => {}
            }
            // Any of several opens, as at the directory's own door; of too many, which is a fault,
            // none.
            if (2..=1 + MOST_BESIDES).contains(&usable.len()) {
                self.extras.besides = usable.get(1..).unwrap_or_default().to_vec();
            } else {
                counting.push(value);
            }
        }
        let octets = counting.iter().map(|value| value.value.to_vec());
        self.extras.credentials.extend(octets);
        let password = self.values.password(counting.into_iter(), false);
        if matches!(password, Some(PasswordFact::Locked)) {
            self.extras.besides.clear();
        }
        password
    }

    /// When the password was set, and whether it has to be changed first.
    fn password_changed(&mut self) -> (Option<Timestamp>, PasswordKind) {
        const TO_BE_CHANGED: &str = "to be changed first";
        let mut changed_at = None;
        let mut is_temporary = false;
        if let Some((source, values)) = self.first(AttributeRole::PasswordChanged) {
            for text in values {
                match Form::of(source).read(&text) {
                    Ok(LdapTime::At(at)) => {
                        self.report(source, &text, &format!("password set {at}"));
                        if changed_at.replace(at).is_some() {
                            self.values.error_of(source, AttributeFault::Several);
                        }
                    }
                    Ok(LdapTime::NotYet) => {
                        self.report(source, &text, TO_BE_CHANGED);
                        is_temporary = true;
                    }
                    Ok(LdapTime::Never) => self.report(source, &text, "not known"),
                    Err(fault) => self.values.error_of(source, AttributeFault::Value(fault)),
                }
            }
        }
        if let Some((source, values)) = self.first(AttributeRole::TemporaryPassword) {
            for value in &values {
                self.report(source, value, TO_BE_CHANGED);
            }
            let said = self.values.boolean(AttributeRole::TemporaryPassword);
            is_temporary = said.unwrap_or(false);
        }
        let kind = match is_temporary {
            true => PasswordKind::Temporary,
            false => PasswordKind::Permanent,
        };
        (changed_at, kind)
    }

    /// The earliest of all.
    fn expires(&mut self) -> Option<Timestamp> {
        let mut earliest: Option<(&str, String, Timestamp)> = None;
        for (source, text) in self.each(AttributeRole::Expires) {
            // To Active Directory and Samba zero is never; elsewhere it is the first day of 1970.
            let is_never = ["accountExpires", "sambaKickoffTime"]
                .iter()
                .any(|name| source.eq_ignore_ascii_case(name));
            let at = match Form::of(source).read(&text) {
                Ok(LdapTime::At(at)) => at,
                Ok(LdapTime::NotYet) if !is_never => Timestamp::UNIX_EPOCH,
                Ok(LdapTime::NotYet | LdapTime::Never) => {
                    self.report(source, &text, "does not end");
                    continue;
                }
                Err(fault) => {
                    self.values.error_of(source, AttributeFault::Value(fault));
                    return None;
                }
            };
            if earliest
                .as_ref()
                .is_none_or(|(_, _, earlier)| at < *earlier)
            {
                earliest = Some((source, text, at));
            }
        }
        let (source, text, at) = earliest?;
        self.report(source, &text, &format!("ends {at}"));
        Some(at)
    }

    /// By a group, else by affiliation.
    fn kind(&mut self) -> Option<Kind> {
        let kind_of = |group: &usize| Some((*group, self.mapping.kind_of(*group)?));
        if let Some((group, kind)) = self.extras.groups.iter().find_map(kind_of) {
            let group = self.mapping.dn_of(group);
            self.report(MEMBER_OF, group, "kind, by a group");
            return Some(kind);
        }
        let given = self.each(AttributeRole::Kind);
        let known = |wanted: Kind| {
            let mut given = given.iter();
            let found = given.find(|(_, word)| self.mapping.kind(word) == Some(wanted));
            found.map(|(source, word)| (*source, word, wanted))
        };
        if let Some((source, word, kind)) = KIND_PRECEDENCE.into_iter().find_map(known) {
            self.report(source, word, "kind");
            return Some(kind);
        }
        let default = self.mapping.default_kind;
        let meaning = match default {
            Some(_) => "no kind that is known: the default counts",
            None => "no kind that is known",
        };
        for (source, word) in &given {
            self.report(source, word, meaning);
        }
        if default.is_none() {
            let fault = match given.first() {
                Some((_, word)) => AttributeFault::UnknownKind(word.trim().to_owned()),
                None => AttributeFault::NoKind,
            };
            self.values.error(AttributeRole::Kind, None, fault);
        }
        default
    }

    /// A reason closes by being there, unless it is the word for "no".
    fn deactivated(&mut self) -> Option<Closure> {
        let means_no = |text: &str| {
            ["false", "no", "0"]
                .iter()
                .any(|no| text.eq_ignore_ascii_case(no))
        };
        let given = self.each(AttributeRole::Deactivated).into_iter();
        let mut reasons = given.filter(|(_, reason)| !means_no(reason));
        let Some((source, reason)) = reasons.next() else {
            return self.closed_by_the_server();
        };
        self.report(source, &reason, "deactivated");
        match trimmed(&reason) {
            Ok(reason) => Some(closure(reason, self.now)),
            Err(fault) => {
                self.values.error_of(source, fault);
                None
            }
        }
    }

    /// The closure of an account by its directory's own lock attributes; the longest counts.
    fn closed_by_the_server(&mut self) -> Option<Closure> {
        let mut longest: Option<(&str, LockState)> = None;
        for attribute in LOCK_ATTRIBUTES {
            for value in self.texts(attribute) {
                self.extras.never_expires |= never_expires(attribute, &value);
                let state = match self.mapping.lock_rules.read(attribute, &value) {
                    Ok(state) => state,
                    Err(fault) => {
                        let fault = AttributeFault::Value(fault);
                        self.values.error_of(attribute, fault);
                        continue;
                    }
                };
                if !state.is_in_force(self.now) {
                    continue;
                }
                self.report(attribute, &value, "deactivated");
                let ends = |state: LockState| state.end().unwrap_or(Timestamp::MAX);
                if longest.is_none_or(|(_, other)| ends(other) < ends(state)) {
                    longest = Some((attribute, state));
                }
            }
        }
        let (attribute, state) = longest?;
        let reason = format!("closed in the directory ({attribute})");
        Some(Closure {
            until: state.end(),
            ..closure(reason, self.now)
        })
    }

    /// The texts of a role's first attribute that the entry has.
    fn first(&mut self, role: AttributeRole) -> Option<(&'a str, Vec<String>)> {
        let source = self.values.present(role)?;
        Some((source, self.texts(source)))
    }

    /// Every text of every attribute of a role.
    fn each(&mut self, role: AttributeRole) -> Vec<(&'a str, String)> {
        let mapping = self.mapping;
        let names = mapping.attributes.of(role).iter();
        let mut each = Vec::new();
        for name in names.map(String::as_str) {
            each.extend(self.texts(name).into_iter().map(|text| (name, text)));
        }
        each
    }

    /// The values of an attribute; one that is no text is a fault.
    fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for attribute in self.entry.values(name) {
            match std::str::from_utf8(&attribute.value) {
                Ok(text) => texts.push(text.to_owned()),
                Err(_) => self.values.error_of(name, AttributeFault::NotText),
            }
        }
        texts
    }

    fn report_all(&mut self, role: AttributeRole) {
        let source = self.values.present(role).unwrap_or_default();
        for value in self.values.values(role) {
            let text = String::from_utf8_lossy(&value.value);
            match role {
                AttributeRole::NtHash => self.report(source, "(an NT hash)", role.key()),
                _ => self.report(source, &text, role.key()),
            }
        }
    }

    fn report_foreign(&mut self, source: &str, name: &str) {
        self.report(source, name, "a name of another realm: not read");
    }

    fn report(&mut self, source: &str, value: &str, meaning: &str) {
        self.reports
            .push(AttributeReport::new(source, value, meaning));
    }
}

/// The names of an entry as they are read.
#[derive(Default)]
struct Names<'a> {
    /// Values of the user name that may be the account's, with their meaning.
    user_names: Vec<(String, &'static str)>,
    /// Other names, each with its attribute.
    others: Vec<(&'a str, String)>,
}
