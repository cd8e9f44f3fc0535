//! `[realm."campus.example"]`: what is special about one of our own realms.

use std::collections::BTreeMap;

use portvakt_auth::{Realm, Rules};

use super::account_source::RealmOverride;
use super::eap::{self, Context, Eap, EapProfile, Parent};
use super::problem::Problem;
use super::report::{Located, Place};
use super::rules;
use super::section::Section;
use super::value;

/// Settings of one realm.
#[derive(Debug, Clone)]
pub struct RealmRules {
    /// Windows domains whose `DOMAIN\name` is name@ this realm; in lower case.
    pub windows_domains: Vec<String>,
    /// How EAP conversations are led; none where no client speaks EAP.
    pub eap: Option<EapProfile>,
}

/// Settings that a realm's table inherits.
#[derive(Clone, Copy)]
pub(super) struct Defaults<'u> {
    pub(super) eap: Option<&'u Eap>,
    pub(super) rules: &'u Rules,
}

/// Reads all tables, by realm in lower case. Each must belong to one of `ours`.
pub(super) fn realms(
    root: &mut Section<'_>,
    context: Context<'_>,
    ours: &[Realm],
    defaults: Defaults<'_>,
) -> (BTreeMap<Realm, RealmRules>, BTreeMap<Realm, RealmOverride>) {
    let (mut rules, mut overrides) = (BTreeMap::new(), BTreeMap::new());
    let mut places: BTreeMap<Realm, Place> = BTreeMap::new();
    let mut domains: Vec<Located<String>> = Vec::new();
    for (name, mut section) in root.table("realm").named_tables() {
        let Some(name) = known(&section, &name, ours) else {
            continue;
        };
        let place = section.place().clone();
        if let Some(first) = places.get(&name) {
            let advice = "put all of it into one table";
            section.report().duplicate(&place, first, advice);
        }
        let own = own(&mut section, defaults.rules);
        let read = RealmRules {
            windows_domains: windows_domains(&mut section, &mut domains),
            eap: profile(&mut section, context, name.as_str(), defaults.eap),
        };
        section.finish();
        places.insert(name.clone(), place);
        overrides.insert(name.clone(), own);
        rules.insert(name, read);
    }
    (rules, overrides)
}

/// The table's realm, if it is one of ours; where those are not known, that is said elsewhere.
fn known(section: &Section<'_>, name: &str, ours: &[Realm]) -> Option<Realm> {
    let (problem, advice) = match Realm::parse(name) {
        Ok(name) if ours.is_empty() || ours.contains(&name) => return Some(name),
        Ok(_) => (
            Problem::NotOneOf("your realms".to_owned()),
            "add it to realms at the top of this file, or remove this table",
        ),
        Err(_) => (
            Problem::Malformed("a realm in quotes, like [realm.\"campus.example\"]"),
            "without quotes TOML takes each dot for a table of its own",
        ),
    };
    section.report().problem(section.place(), problem, advice);
    None
}

fn own(section: &mut Section<'_>, defaults: &Rules) -> RealmOverride {
    const DIRECTORY: &str = "the NAME of a [directory.NAME], or \"embedded\"";
    let has_directory = section.has("directory");
    let directory = section.parsed("directory", DIRECTORY, value::label);
    let place = rules::place(section);
    let rules = rules::of_realm(section, defaults);
    RealmOverride {
        directory,
        has_directory,
        rules: place.zip(rules),
    }
}

/// The realm's Windows domains; `known` are those of all realms so far.
fn windows_domains(section: &mut Section<'_>, known: &mut Vec<Located<String>>) -> Vec<String> {
    const EXPECTED: &str = "a list of Windows domains, like [\"CAMPUS\"]: the part before \\ of \
                            CAMPUS\\anna";
    let given = section.list("windows-domains", EXPECTED, value::windows_domain);
    let mut domains = Vec::new();
    for domain in given.into_iter().flatten() {
        match known.iter().find(|known| known.value == domain.value) {
            Some(first) => {
                let advice = "a domain's people are of one realm: name it once";
                let place = &domain.place;
                section.report().duplicate(place, &first.place, advice);
            }
            None => {
                domains.push(domain.value.clone());
                known.push(domain);
            }
        }
    }
    domains
}

fn profile(
    section: &mut Section<'_>,
    context: Context<'_>,
    name: &str,
    defaults: Option<&Eap>,
) -> Option<EapProfile> {
    let parent = Parent::Eap(defaults.map(|eap| &eap.defaults));
    let profile = eap::profile(section, context, parent, name);
    profile.filter(|_| defaults.is_some())
}
