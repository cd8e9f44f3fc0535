//! Which directory has the people of which realm, and the rules that they live by.

use std::collections::BTreeMap;

use portvakt_auth::{Realm, Rules};

use super::problem::Problem;
use super::report::{Located, Place, Report};
use portvakt_ldap::settings::Settings;

/// The accounts of one directory: whose they are, where they are, and their rules.
#[derive(Debug, Clone)]
pub struct AccountSource {
    /// The realms of their owners in the order of `realms`; never empty. The first names the
    /// accounts where those of several directories must be told apart, and has their rules.
    pub realms: Vec<Realm>,
    /// The directory that has them; `None` is this server's own database.
    pub directory: Option<Settings>,
    /// The rules that they live by.
    pub rules: Rules,
}

/// The name of this server's own database in the tables of realms.
pub const EMBEDDED: &str = "embedded";

impl AccountSource {
    /// The name of the directory.
    #[must_use]
    pub fn name(&self) -> &str {
        let directory = self.directory.as_ref();
        directory.map_or(EMBEDDED, |directory| &directory.name)
    }
}

/// The directory and the rules that the table of a realm gives its accounts.
#[derive(Default)]
pub(super) struct RealmOverride {
    /// The directory that has them.
    pub(super) directory: Option<Located<String>>,
    /// Whether it says anything of that, understood or not.
    pub(super) has_directory: bool,
    /// Rules of their own, and where those begin.
    pub(super) rules: Option<(Place, Rules)>,
}

/// A realm of a home, and what its table says.
type Resident<'r> = (&'r Located<Realm>, RealmOverride);

/// Finds the home of each of `ours`; that of the primary realm comes first.
pub(super) fn account_sources(
    ours: &[Located<Realm>],
    directories: Vec<(Settings, Place)>,
    mut overrides: BTreeMap<Realm, RealmOverride>,
    shared: &Rules,
    report: &Report<'_>,
) -> Vec<AccountSource> {
    refuse_own_name(&directories, report);
    let mut named: Vec<(String, Vec<Resident<'_>>)> = Vec::new();
    for realm in ours {
        let own = overrides.remove(&realm.value).unwrap_or_default();
        let Some(name) = directory_of(realm, &own, &directories, report) else {
            continue;
        };
        match named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, realms)) => realms.push((realm, own)),
            None => named.push((name, vec![(realm, own)])),
        }
    }
    for (directory, place) in directories.iter().filter(|_| !ours.is_empty()) {
        if !named.iter().any(|(name, _)| *name == directory.name) {
            let advice = "name it in the table of a realm of yours, or remove it";
            report.warning(place, "no realm has its people here", advice);
        }
    }
    let mut directories: BTreeMap<_, _> = directories
        .into_iter()
        .map(|(directory, _)| (directory.name.clone(), directory))
        .collect();
    let source = |(name, realms): (String, Vec<Resident<'_>>)| AccountSource {
        directory: directories.remove(&name),
        rules: rules(&realms, report).unwrap_or_else(|| shared.clone()),
        realms: realms
            .iter()
            .map(|(realm, _)| realm.value.clone())
            .collect(),
    };
    named.into_iter().map(source).collect()
}

fn refuse_own_name(directories: &[(Settings, Place)], report: &Report<'_>) {
    for (_, place) in directories.iter().filter(|(ldap, _)| ldap.name == EMBEDDED) {
        let problem = Problem::Malformed("another name");
        let advice = "\"embedded\" is what realms call this server's own database";
        report.problem(place, problem, advice);
    }
}

/// The name of the directory that has the people of a realm, if that can be told.
fn directory_of(
    realm: &Located<Realm>,
    own: &RealmOverride,
    directories: &[(Settings, Place)],
    report: &Report<'_>,
) -> Option<String> {
    let names = directories.iter().map(|(ldap, _)| &*ldap.name);
    let names: Vec<_> = names.filter(|name| *name != EMBEDDED).collect();
    let quoted = |names: &[&str]| {
        let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        quoted.join(", ")
    };
    match (&own.directory, &*names) {
        (Some(given), _) if given.value == EMBEDDED => Some(EMBEDDED.to_owned()),
        (Some(given), names) if names.contains(&&*given.value) => Some(given.value.clone()),
        (Some(given), names) => {
            let known = [&[EMBEDDED], names].concat();
            let advice = "this server's own database, or the NAME of a [directory.NAME]";
            report.problem(&given.place, Problem::NotOneOf(quoted(&known)), advice);
            None
        }
        (None, _) if own.has_directory => None,
        (None, []) => Some(EMBEDDED.to_owned()),
        (None, [only]) => Some((*only).to_owned()),
        (None, names) => {
            let key = format!("realm.{}.directory", realm.value);
            let place = Place {
                key,
                shown: None,
                ..realm.place.clone()
            };
            let advice = format!(
                "say which of {}, \"embedded\" has its people: directory = \"…\" in [realm.\"{}\"]",
                quoted(names),
                realm.value
            );
            report.problem(&place, Problem::Missing, advice);
            None
        }
    }
}

/// The rules of the first of a home's realms; the others share its accounts, and so its rules.
fn rules(realms: &[Resident<'_>], report: &Report<'_>) -> Option<Rules> {
    let ((first, own), others) = realms.split_first()?;
    for (place, _) in others.iter().filter_map(|(_, own)| own.rules.as_ref()) {
        let problem = Problem::Conflict(format!("the accounts of {}", first.value));
        let advice = format!(
            "both realms have the same accounts, and an account has one set of rules: put them \
             into [realm.\"{}\"]",
            first.value
        );
        report.problem(place, problem, advice);
    }
    own.rules.as_ref().map(|(_, rules)| rules.clone())
}
