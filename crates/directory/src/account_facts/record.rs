//! Account facts of an LDIF record.

use jiff::Timestamp;
use portvakt_auth::account::{Account, Kind, PasswordKind};
use portvakt_auth::name::{AccountId, NameError};

use super::{AccountFacts, ChapSecretFact, PASSWORD_LOCKED, PasswordFact};
use crate::attributes::{AttributeMap, AttributeRole};
use crate::dn::DistinguishedName;
use crate::entry::Entry;
use crate::entry_reader::{AttributeFault, EntryReader, KIND_PRECEDENCE, closure};
use crate::generalized_time::{self, GeneralizedTime};

/// Reads one record.
pub(super) struct RecordReader<'a> {
    pub(super) values: EntryReader<'a>,
    entry: &'a Entry,
    map: &'a AttributeMap,
    now: Timestamp,
    allow_cleartext: bool,
    /// Values of the user name that are not the one that was chosen.
    other_names: Vec<String>,
    /// The user name has a realm that is not ours.
    has_foreign_name: bool,
}

impl<'a> RecordReader<'a> {
    pub(super) fn new(
        entry: &'a Entry,
        map: &'a AttributeMap,
        allow_cleartext: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            values: EntryReader::new(entry, &map.names, now),
            entry,
            map,
            now,
            allow_cleartext,
            other_names: Vec::new(),
            has_foreign_name: false,
        }
    }

    pub(super) fn facts(&mut self, id: AccountId) -> AccountFacts {
        let changed_at = self.values.parsed(AttributeRole::PasswordChanged, stamp);
        let temporary = self.values.boolean(AttributeRole::TemporaryPassword);
        let hashes = self.values.values(AttributeRole::PasswordHash);
        let password = self.values.password(hashes, self.allow_cleartext);
        let nt_hash = self.values.nt_hash(password.as_ref());
        let kind = self.kind();
        let legacy_chap_secret = self.legacy_chap_secret(kind);
        // Without a kind there is an error already; reading on tells the others too.
        let kind = kind.unwrap_or(Kind::Guest);
        let aliases = self.aliases();
        let values = &mut self.values;
        let show = |role| values.text_to_show(role).map(|(_, text)| text);
        let mut account = Account {
            display_name: show(AttributeRole::DisplayName),
            mail: show(AttributeRole::Mail),
            mobile: show(AttributeRole::Mobile),
            student: (kind == Kind::Student).then(|| values.student()),
            deactivated: values.closure(AttributeRole::Deactivated),
            suspended: values.closure(AttributeRole::Suspended),
            expires: values.parsed(AttributeRole::Expires, end).flatten(),
            services: values.services(),
            vlan: values.vlan(),
            reply: values.reply(),
            aliases,
            ..Account::new(id, kind)
        };
        if let Some(PasswordFact::Locked) = password {
            let locked = || closure(PASSWORD_LOCKED.to_owned(), self.now);
            account.deactivated.get_or_insert_with(locked);
        }
        AccountFacts {
            account,
            password,
            password_kind: match temporary {
                Some(true) => PasswordKind::Temporary,
                _ => PasswordKind::Permanent,
            },
            nt_hash,
            legacy_chap_secret,
            password_changed_at: changed_at,
            has_foreign_name: self.has_foreign_name,
        }
    }

    pub(super) fn user_name(&mut self) -> Option<AccountId> {
        if let Some(name) = self.chosen_name() {
            let (bare, is_foreign) = self.map.without_realm(&name);
            self.has_foreign_name |= is_foreign;
            let id = AccountId::new(bare);
            return self.values.checked(AttributeRole::UserName, id);
        }
        if let Some(name) = self.values.text(AttributeRole::PrincipalName) {
            let user = name.split_once('@').map_or(name.as_str(), |(user, _)| user);
            let id = AccountId::new(user);
            return self.values.checked(AttributeRole::PrincipalName, id);
        }
        let has_affiliation = self.values.present(AttributeRole::Kind).is_some();
        if self.values.is_faultless() && has_affiliation {
            let fault = AttributeFault::Name(NameError::Empty);
            self.values.error(AttributeRole::UserName, None, fault);
        }
        None
    }

    /// The user name; of several the one that the entry is called by, and the others are aliases.
    fn chosen_name(&mut self) -> Option<String> {
        let second = self.values.values(AttributeRole::UserName).nth(1);
        let Some(second) = second else {
            return self.values.text(AttributeRole::UserName);
        };
        let attribute = self.values.present(AttributeRole::UserName)?;
        let dn = DistinguishedName::parse(&self.entry.dn).ok();
        let first = dn.as_ref().map(DistinguishedName::first);
        let mut first = first.unwrap_or_default().iter();
        let of_name = first.find(|assertion| assertion.is_of(attribute));
        let called = of_name.map(|assertion| assertion.value.to_lowercase());
        let names = self.values.texts(AttributeRole::UserName);
        let is_called = |name: &&String| Some(name.to_lowercase()) == called;
        let Some(chosen) = names.iter().find(is_called).cloned() else {
            let fault = AttributeFault::Several;
            self.values
                .error(AttributeRole::UserName, second.line, fault);
            return None;
        };
        self.other_names = names.into_iter().filter(|name| *name != chosen).collect();
        Some(chosen)
    }

    /// The kind by the affiliation that counts before the others.
    fn kind(&mut self) -> Option<Kind> {
        let map = self.map;
        let words = self.values.texts(AttributeRole::Kind);
        let Some(first) = words.first() else {
            if map.default_kind.is_none() {
                let fault = AttributeFault::NoKind;
                self.values.error(AttributeRole::Kind, None, fault);
            }
            return map.default_kind;
        };
        let of_word = |word: &String| map.kinds.get(&word.to_lowercase());
        let known: Vec<_> = words.iter().filter_map(of_word).collect();
        let mut kinds = KIND_PRECEDENCE.into_iter();
        let kind = kinds.find(|kind| known.contains(&kind));
        let kind = kind.ok_or_else(|| AttributeFault::UnknownKind(first.clone()));
        self.values.checked(AttributeRole::Kind, kind)
    }

    fn legacy_chap_secret(&mut self, kind: Option<Kind>) -> ChapSecretFact {
        match self.map.names.of(AttributeRole::LegacyChapSecret) {
            [] => ChapSecretFact::Unasked,
            _ => ChapSecretFact::Is(self.values.chap_secret(kind)),
        }
    }

    /// Other names to log on with; one of another realm is passed over.
    fn aliases(&mut self) -> Vec<String> {
        let mut texts = self.values.texts(AttributeRole::Alias);
        texts.append(&mut self.other_names);
        let mut aliases = Vec::new();
        for text in texts {
            let (bare, is_foreign) = self.map.without_realm(&text);
            if !is_foreign {
                let alias = AccountId::new(bare).map(String::from);
                aliases.extend(self.values.checked(AttributeRole::Alias, alias));
            }
        }
        aliases.sort_unstable();
        aliases.dedup();
        aliases
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
