//! Imports and persons, as they are told to the operator.

use jiff::Timestamp;
use portvakt_auth::{LeavingStage, Refusal, StudiesEnd};
use portvakt_registry::{Counts, Join, Person};
use portvakt_store::Import;
use serde::{Deserialize, Serialize};

use crate::accounts::{Accounts, ActError};
use crate::state::account_name;
use crate::times::{iso, iso_if_any};

/// An import, for a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// Its number, for `undo`.
    pub import: i64,
    /// SHA-256 of the file, hexadecimal.
    pub digest: String,
    /// The file's name.
    pub file: String,
    /// `staging`, `held`, `applied`, `undone`, `dropped` or `settled`.
    pub state: String,
    /// Whether the file was full.
    pub is_full: bool,
    /// Rows of the file.
    pub rows: u64,
    /// Time of the facts.
    #[serde(with = "iso")]
    pub produced_at: Timestamp,
    /// When it came, and from whom.
    #[serde(with = "iso")]
    pub taken_at: Timestamp,
    /// The person or program that brought it.
    pub taken_by: String,
    /// Its effect.
    pub counts: Counts,
    /// When it came into force.
    #[serde(with = "iso_if_any")]
    pub applied_at: Option<Timestamp>,
    /// Operators who approved it.
    pub approved_by: Vec<String>,
    /// The operator who undid it.
    pub undone_by: Option<String>,
}

impl From<Import> for ImportSummary {
    fn from(import: Import) -> Self {
        Self {
            import: import.id.0,
            digest: import.new.digest,
            file: import.new.file,
            state: import.state.word().to_owned(),
            is_full: import.new.is_full,
            rows: import.new.rows,
            produced_at: import.new.produced_at,
            taken_at: import.new.taken_at,
            taken_by: import.new.taken_by,
            counts: import.new.counts,
            applied_at: import.applied_at,
            approved_by: import.approved_by,
            undone_by: import.undone.map(|(_, who)| who),
        }
    }
}

/// What the registry has of a person, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPerson {
    /// The person's key in the registry.
    pub key: String,
    /// The account that the key is joined with.
    pub account: Option<String>,
    /// All facts.
    pub person: Box<Person>,
    /// The reason for which the rules on students close the account.
    pub refusal: Option<Refusal>,
    /// Since when.
    #[serde(with = "iso_if_any")]
    pub since: Option<Timestamp>,
    /// Until when the account is exempt from fee and registration, and why.
    pub exemption: Option<ExemptionDetails>,
    /// When each stage of leaving is closed.
    pub leaving: Vec<StageDetails>,
    /// Whether the registry has been silent for so long that nobody is newly locked.
    pub is_silent: bool,
}

/// An exemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionDetails {
    /// When it ends.
    #[serde(with = "iso")]
    pub until: Timestamp,
    /// Why it was made.
    pub reason: String,
    /// By whom.
    pub by: String,
}

/// One stage of leaving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDetails {
    /// `network`, `portal`, `mail` or `card`.
    pub stage: String,
    /// When it is closed.
    #[serde(with = "iso")]
    pub closes_at: Timestamp,
}

impl Accounts {
    /// The newest imports, newest first.
    ///
    /// # Errors
    /// [`ActError::Store`].
    pub fn registry_imports(&self, limit: u32) -> Result<Vec<ImportSummary>, ActError> {
        let imports = self.state.store.imports(limit)?;
        Ok(imports.into_iter().map(ImportSummary::from).collect())
    }

    /// What the registry has of the owner of an account, or of the person with this key.
    ///
    /// # Errors
    /// [`ActError::UnknownPerson`] or [`ActError::Store`].
    pub fn known_person(&self, name: &str) -> Result<KnownPerson, ActError> {
        let (key, person) = self.person_named(name)?;
        let state = &self.state;
        let policy = state.policy.load();
        let join = policy.registry.columns.join;
        let account = account_name(&policy.sources, join, &key);
        let account = account.and_then(|name| self.find_or_recall(&name).ok());
        let now = state.clock.now().utc;
        let facts = person.facts();
        let rules = match &account {
            Some(account) => policy.sources.rules(&account.id),
            None => &policy.sources.primary().rules,
        };
        let finding = account.as_ref().and_then(|account| {
            let registry = state.registry.of(account);
            portvakt_auth::student_finding(registry.subject(account), rules, now)
        });
        let exemption = match &account {
            Some(account) => self.exemption_of(&account.id)?,
            None => None,
        };
        let end = match facts.end {
            StudiesEnd::Ended(end) => Some(end),
            StudiesEnd::Unstated | StudiesEnd::NotEnded => None,
        };
        let stage = |stage: LeavingStage| {
            Some(StageDetails {
                stage: stage.as_str().to_owned(),
                closes_at: rules.leaving.closes_at(stage, &end?, &rules.terms)?,
            })
        };
        Ok(KnownPerson {
            key,
            account: account.map(|account| account.id.to_string()),
            person: Box::new(person),
            refusal: finding.map(|finding| finding.refusal),
            since: finding.and_then(|finding| finding.since),
            exemption,
            leaving: LeavingStage::ALL.into_iter().filter_map(stage).collect(),
            is_silent: state.registry.silent_from().is_some_and(|from| from < now),
        })
    }

    /// The person with this key, or with the key that an account of this name is joined by.
    fn person_named(&self, name: &str) -> Result<(String, Person), ActError> {
        let store = &self.state.store;
        if let Some(person) = store.registry_person(name)? {
            return Ok((name.to_owned(), person));
        }
        let join = self.state.policy.load().registry.columns.join;
        let account = self.find_or_recall(name).ok();
        let names = account.iter().flat_map(|account| {
            let own = std::iter::once(account.id.as_str());
            own.chain(account.aliases.iter().map(String::as_str))
        });
        let realm = self.state.policy.load().sources.primary().realm.to_string();
        for each in names {
            let key = match join {
                Join::Eppn if !each.contains('@') => format!("{each}@{realm}"),
                _ => each.to_owned(),
            };
            if let Some(person) = store.registry_person(&key)? {
                return Ok((key, person));
            }
        }
        Err(ActError::UnknownPerson {
            name: name.to_owned(),
        })
    }
}
