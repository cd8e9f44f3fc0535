//! `[realm."campus.example"]`: what is special about one of our own realms.

use std::collections::BTreeMap;

use super::eap::{self, Above, Eap, EapProfile, Reading};
use super::home::Wish;
use super::problem::Complaint;
use super::report::Place;
use super::rules::{self, AccountRules};
use super::section::Section;
use super::value;

/// What is special about a realm.
#[derive(Debug, Clone)]
pub struct RealmRules {
    /// How EAP conversations are led; none where no client speaks EAP.
    pub eap: Option<EapProfile>,
}

/// What is as usual where a realm's table does not say otherwise.
#[derive(Clone, Copy)]
pub(super) struct Usual<'u> {
    pub(super) eap: Option<&'u Eap>,
    pub(super) rules: &'u AccountRules,
}

/// Reads all tables, by realm in lower case. Each must belong to one of `ours`.
pub(super) fn realms(
    root: &mut Section<'_>,
    reading: Reading<'_>,
    ours: &[String],
    usual: Usual<'_>,
) -> (BTreeMap<String, RealmRules>, BTreeMap<String, Wish>) {
    let (mut rules, mut wishes) = (BTreeMap::new(), BTreeMap::new());
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for (name, mut section) in root.table("realm").named_tables() {
        let Some(name) = known(&section, &name, ours) else {
            continue;
        };
        let place = section.place().clone();
        if let Some(first) = places.get(&name) {
            let advice = "put all of it into one table";
            section.report().duplicate(&place, first, advice);
        }
        let wish = wish(&mut section, usual.rules);
        let read = realm(&mut section, reading, &name, usual.eap);
        section.finish();
        places.insert(name.clone(), place);
        wishes.insert(name.clone(), wish);
        rules.insert(name, read);
    }
    (rules, wishes)
}

/// The table's realm, if it is one of ours; where those are not known, that is said elsewhere.
fn known(section: &Section<'_>, name: &str, ours: &[String]) -> Option<String> {
    let (complaint, advice) = match value::realm(name) {
        Some(name) if ours.is_empty() || ours.contains(&name) => return Some(name),
        Some(_) => (
            Complaint::NotOneOf("your realms".to_owned()),
            "add it to realms at the top of this file, or remove this table",
        ),
        None => (
            Complaint::Malformed("a realm in quotes, like [realm.\"campus.example\"]"),
            "without quotes TOML takes each dot for a table of its own",
        ),
    };
    section.report().problem(section.place(), complaint, advice);
    None
}

fn wish(section: &mut Section<'_>, usual: &AccountRules) -> Wish {
    const DIRECTORY: &str = "the NAME of a [directory.NAME], or \"embedded\"";
    let has_directory = section.has("directory");
    let directory = section.parsed("directory", DIRECTORY, value::label);
    let place = rules::place(section);
    let rules = rules::of_realm(section, usual);
    Wish {
        directory,
        has_directory,
        rules: place.zip(rules),
    }
}

fn realm(
    section: &mut Section<'_>,
    reading: Reading<'_>,
    name: &str,
    usual: Option<&Eap>,
) -> RealmRules {
    let above = Above::Usual(usual.map(|eap| &eap.usual));
    let profile = eap::profile(section, reading, above, name);
    RealmRules {
        eap: profile.filter(|_| usual.is_some()),
    }
}
