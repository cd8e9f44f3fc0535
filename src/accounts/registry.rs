//! The student registry's feed: import, approval, undo, and what is known of a person.
//!
//! ```text
//! file ── read ──> judged upon the version in force ──> within the guard ──> in force, published
//!                        ^                          └─> beyond it ──> held ──> approved by two ──┐
//!                        └── another import came first: once more <────────────────────────────┘
//! ```

mod approval;
mod judge;
mod listing;
#[cfg(test)]
mod tests;

use std::io::{BufReader, Read};
use std::sync::PoisonError;

use jiff::Timestamp;
use portvakt_registry::{
    APPROVALS, Effect, Exceeded, Feed, FeedErrors, FileFault, Persons, ReadOptions, Statement,
    Told, day_before, effect, read,
};
use portvakt_store::{Applying, ImportId, ImportState, NewImport, RegistryVersion};
use serde::{Deserialize, Serialize};

use super::{Accounts, ActError, Actor};
use crate::audit::{Act, AuditEvent};
use judge::AccountJudge;
pub use listing::{ExemptionDetails, ImportSummary, KnownPerson};

/// Rows of a file of changes up to which persons are read one by one rather than all.
const READ_SINGLY: usize = 500;
/// How often an import is judged anew because another one came first.
const TRIES: u32 = 5;

/// A file of the student registry, which follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryFile {
    /// Octets of the file.
    pub octets: u64,
    /// Its name, for the list of imports.
    pub file: String,
    /// Whether only its effect is asked for.
    pub dry_run: bool,
    /// Whether a file without the trailer of a full one is refused.
    pub must_be_full: bool,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryImport {
    /// Whether it is in force.
    pub outcome: ImportOutcome,
    /// SHA-256 of the file, hexadecimal.
    pub digest: String,
    /// Rows of the file.
    pub rows: u64,
    /// Whether persons who are not in it are not in the registry.
    pub is_full: bool,
    /// Its effect.
    pub effect: Effect,
    /// Limits of the guard that it exceeds.
    pub exceeded: Vec<Exceeded>,
}

/// Whether a file is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ImportOutcome {
    /// Nothing was changed: only the effect was asked for.
    DryRun,
    /// It is in force.
    Applied {
        /// Number of the import.
        import: i64,
    },
    /// It waits for approvals.
    Held {
        /// Number of the import.
        import: i64,
        /// Operators who approved it.
        approved_by: Vec<String>,
        /// Number of different operators who must.
        needed: usize,
    },
}

/// A file, judged upon a version.
struct Judged {
    upon: RegistryVersion,
    known: Persons,
    changing: Vec<(String, Statement)>,
    effect: Effect,
    exceeded: Vec<Exceeded>,
}

impl Accounts {
    /// Reads a file of the student registry and puts it in force, or holds it back. Blocks for the
    /// disk; statuses follow before it returns.
    ///
    /// # Errors
    /// [`ActError::RegistryFile`] with every mistake, [`ActError::RegistryBusy`] or
    /// [`ActError::Store`]; nothing of the file is in force then.
    pub fn import_registry(
        &self,
        actor: &Actor,
        request: &RegistryFile,
        body: &mut dyn Read,
    ) -> Result<RegistryImport, ActError> {
        let read = self.read_registry_file(request, body);
        let imported = read.and_then(|feed| match request.dry_run {
            true => self.preview(feed),
            false => self.import_feed(actor, &request.file, feed),
        });
        if !request.dry_run {
            self.audit_file(actor, &request.file, &imported);
        }
        imported
    }

    fn read_registry_file(
        &self,
        request: &RegistryFile,
        body: &mut dyn Read,
    ) -> Result<Feed, ActError> {
        let policy = self.state.policy.load();
        let options = ReadOptions {
            columns: &policy.registry.columns,
            terms: &policy.sources.primary().rules.terms,
            now: self.state.clock.now().utc,
            must_be_full: request.must_be_full,
        };
        let feed = read(BufReader::new(body), options)?;
        self.check_order(&feed)?;
        Ok(feed)
    }

    /// Refuses a file that is older than the last of its kind.
    fn check_order(&self, feed: &Feed) -> Result<(), ActError> {
        let last = self.state.store.last_produced(feed.is_full)?;
        match (feed.produced, last) {
            (Some(produced), Some(last)) if produced < last => {
                let fault = FileFault::Older {
                    produced: produced.to_string(),
                    last: last.to_string(),
                };
                Err(FeedErrors::from(fault).into())
            }
            _ => Ok(()),
        }
    }

    fn preview(&self, feed: Feed) -> Result<RegistryImport, ActError> {
        let now = self.state.clock.now().utc;
        let told = told(&feed, now);
        let (digest, rows, is_full) = (feed.digest.clone(), feed.rows, feed.is_full);
        let judged = self.judge(&feed.statements, feed.is_full, told)?;
        Ok(RegistryImport {
            outcome: ImportOutcome::DryRun,
            digest,
            rows,
            is_full,
            effect: judged.effect,
            exceeded: judged.exceeded,
        })
    }

    fn import_feed(
        &self,
        actor: &Actor,
        file: &str,
        feed: Feed,
    ) -> Result<RegistryImport, ActError> {
        let imports = self.state.registry_imports.lock();
        let _one_at_a_time = imports.unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = self.held_already(&feed)? {
            return Ok(held);
        }
        for _ in 0..TRIES {
            let now = self.state.clock.now().utc;
            let told = told(&feed, now);
            let judged = self.judge(&feed.statements, feed.is_full, told)?;
            let import = NewImport {
                digest: feed.digest.clone(),
                file: file.to_owned(),
                is_full: feed.is_full,
                rows: feed.rows,
                produced_at: told.produced_at,
                has_trailer: feed.produced.is_some(),
                taken_at: now,
                taken_by: actor.who.clone(),
                counts: judged.effect.counts(),
            };
            let id = self.state.store.stage_import(&import, &judged.changing)?;
            let outcome = match judged.exceeded.is_empty() {
                true => self.put_in_force(id, &judged, told, false)?,
                false => Some(self.hold(id)?),
            };
            if let Some(outcome) = outcome {
                return Ok(RegistryImport {
                    outcome,
                    digest: feed.digest,
                    rows: feed.rows,
                    is_full: feed.is_full,
                    effect: judged.effect,
                    exceeded: judged.exceeded,
                });
            }
            self.state.store.drop_import(id)?;
        }
        Err(ActError::RegistryBusy)
    }

    fn hold(&self, id: ImportId) -> Result<ImportOutcome, ActError> {
        self.state.store.hold_import(id)?;
        Ok(ImportOutcome::Held {
            import: id.0,
            approved_by: Vec::new(),
            needed: APPROVALS,
        })
    }

    /// The same file, if it waits for approvals already.
    fn held_already(&self, feed: &Feed) -> Result<Option<RegistryImport>, ActError> {
        let Some(held) = self.held_import(&feed.digest)? else {
            return Ok(None);
        };
        let judged = self.judge_held(&held)?;
        Ok(Some(RegistryImport {
            outcome: ImportOutcome::Held {
                import: held.id.0,
                approved_by: held.approved_by,
                needed: APPROVALS,
            },
            digest: feed.digest.clone(),
            rows: feed.rows,
            is_full: feed.is_full,
            effect: judged.effect,
            exceeded: judged.exceeded,
        }))
    }

    /// The effect of statements upon what is in force, and the limits that they exceed.
    fn judge(
        &self,
        statements: &[(String, Statement)],
        is_full: bool,
        told: Told,
    ) -> Result<Judged, ActError> {
        let state = &self.state;
        let policy = state.policy.load();
        let judge = AccountJudge::new(state, &policy, told);
        let ends_silence = judge.ends_silence();
        let singly = !is_full && !ends_silence && statements.len() <= READ_SINGLY;
        let (upon, known) = match singly {
            true => self.persons_of(statements)?,
            false => self.all_persons()?,
        };
        let (changing, effect) = effect(&known, statements, is_full, told, ends_silence, &judge);
        let day = state.store.registry_day(day_before(told.taken_at))?;
        let persons = state.registry.len().max(known.len()).max(changing.len());
        let persons = u64::try_from(persons).unwrap_or(u64::MAX);
        let exceeded = policy.registry.guard.check(effect.counts(), day, persons);
        Ok(Judged {
            upon,
            known,
            changing,
            effect,
            exceeded,
        })
    }

    fn all_persons(&self) -> Result<(RegistryVersion, Persons), ActError> {
        let mut known = Persons::default();
        let store = &self.state.store;
        let version = store.registry_persons(&mut |key, person| {
            known.insert(key, person);
        })?;
        Ok((version, known))
    }

    fn persons_of(
        &self,
        statements: &[(String, Statement)],
    ) -> Result<(RegistryVersion, Persons), ActError> {
        let store = &self.state.store;
        let version = store.registry_version()?;
        let mut known = Persons::default();
        for (key, _) in statements {
            if let Some(person) = store.registry_person(key)? {
                known.insert(key.clone(), person);
            }
        }
        Ok((version, known))
    }

    /// Puts an import in force and its persons in memory; `None` if another import came first.
    fn put_in_force(
        &self,
        id: ImportId,
        judged: &Judged,
        told: Told,
        by_approval: bool,
    ) -> Result<Option<ImportOutcome>, ActError> {
        let applying = Applying {
            upon: judged.upon,
            at: told.taken_at,
            counts: judged.effect.counts(),
            by_approval,
        };
        if !self.state.store.apply_import(id, applying)? {
            return Ok(None);
        }
        let changing = judged.changing.iter();
        let folded: Vec<_> = changing
            .filter_map(|(key, statement)| {
                let before = judged.known.get(key);
                Some((
                    key,
                    portvakt_registry::Person::fold(before, statement, told)?,
                ))
            })
            .collect();
        let folded = folded.iter();
        self.state
            .publish_persons(folded.map(|(key, person)| (key.as_str(), Some(person))));
        self.state.own_registry_change(judged.upon.next());
        self.state.renew_silence()?;
        Ok(Some(ImportOutcome::Applied { import: id.0 }))
    }

    fn audit_file(&self, actor: &Actor, file: &str, imported: &Result<RegistryImport, ActError>) {
        let result = match imported {
            Ok(imported) => result_of(imported),
            Err(error) => format!("refused: {error}"),
        };
        let digest = imported.as_ref().map(|imported| imported.digest.as_str());
        let why = format!("{file} {}", digest.unwrap_or_default());
        self.audit_registry(actor, "registry-import", why.trim_end(), &result);
    }

    fn audit_registry(&self, actor: &Actor, act: &'static str, why: &str, result: &str) {
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: &actor.who,
            what: act,
            account: None,
            why: Some(why),
            result,
        }));
    }
}

/// The result of an import, for the audit log.
fn result_of(imported: &RegistryImport) -> String {
    let counts = imported.effect.counts();
    let (word, import) = match &imported.outcome {
        ImportOutcome::DryRun => ("dry run", 0),
        ImportOutcome::Applied { import } => (ImportState::Applied.word(), *import),
        ImportOutcome::Held { import, .. } => (ImportState::Held.word(), *import),
    };
    format!(
        "{word}: import {import}, {} rows, {} changed, {} locked, {} let in, {} vanished, \
         {} mobile numbers changed",
        imported.rows,
        imported.effect.changed,
        counts.locks,
        counts.unlocks,
        counts.vanished,
        counts.mobiles
    )
}

/// The moments of a file's statements.
fn told(feed: &Feed, now: Timestamp) -> Told {
    Told {
        produced_at: feed.produced.unwrap_or(now),
        taken_at: now,
    }
}
