//! Accounts imported from LDIF.

use std::io::{BufReader, Read};

use serde::{Deserialize, Serialize};

use super::{Accounts, ActError, Actor};
use crate::audit::{Act, AuditEvent};
use crate::config::EMBEDDED;
use portvakt_directory::import::{
    self, ImportErrors, ImportOptions, ImportReport, ProblemList, Progress,
};
use portvakt_directory::{Directory, account_facts};

/// How an LDIF text is imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// Octets of the text.
    pub octets: u64,
    /// The name of the text in messages.
    pub file: String,
    /// Whether records without a mistake are imported when others have one.
    pub keep_going: bool,
    /// Whether passwords in clear text are hashed rather than refused.
    pub hash_cleartext: bool,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProgress {
    /// Octets read, or accounts hashed or written.
    pub done: u64,
    /// Of so many.
    pub of: u64,
    /// The step under way.
    pub step: ImportStep,
}

/// The steps of an import, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportStep {
    /// Octets of the text are read.
    Reading,
    /// Passwords are hashed.
    Hashing,
    /// Accounts are written.
    Writing,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Accounts that are new.
    pub added: usize,
    /// Accounts that changed.
    pub changed: usize,
    /// Accounts that were as the file has them.
    pub unchanged: usize,
    /// ProblemList, each with file, line, attribute and reason.
    pub problems: Vec<String>,
    /// Number of problems; more than are listed where there are very many.
    pub problems_in_all: usize,
    /// Records whose password was left out, as the account has a later one.
    #[serde(default)]
    pub older_passwords: Vec<String>,
    /// Number of them.
    #[serde(default)]
    pub older_passwords_in_all: usize,
    /// Accounts that stay as they were, as their records were left out, and whether they are open.
    #[serde(default)]
    pub as_they_were: Vec<String>,
    /// Number of them.
    #[serde(default)]
    pub as_they_were_in_all: usize,
    /// Accounts without log-on, as their names are of other realms.
    #[serde(default)]
    pub foreign_names: Vec<String>,
    /// Number of them.
    #[serde(default)]
    pub foreign_names_in_all: usize,
    /// Accounts whose source has locked their password.
    #[serde(default)]
    pub passwords_locked: usize,
    /// Accounts that keep their password, as the file has none for them.
    #[serde(default)]
    pub passwords_kept: usize,
    /// Records that make no account.
    #[serde(default)]
    pub not_accounts: usize,
}

impl Accounts {
    /// Imports the LDIF of `body` into this server's own database: all records or none, unless
    /// told to keep going.
    ///
    /// # Errors
    /// [`ActError::Import`].
    pub fn import(
        &self,
        actor: &Actor,
        request: &ImportRequest,
        body: &mut dyn Read,
        tell: &mut dyn FnMut(ImportProgress),
    ) -> Result<Imported, ActError> {
        let state = &self.state;
        let policy = state.policy.load();
        let hash = account_facts::argon2id(policy.hash_cost.clone(), crate::random::bytes::<16>);
        let options = ImportOptions {
            source: &request.file,
            keep_going: request.keep_going,
            hash_cleartext: match request.hash_cleartext {
                true => Some(&hash),
                false => None,
            },
            write_nt_hashes: policy.write_nt_hashes,
            now: state.clock.now().utc,
            clock: &|| state.clock.instant(),
        };
        let mut progress = |progress| tell(ImportProgress::of(progress, request.octets));
        let outcome = match self.own_accounts() {
            Some(directory) => import::import(
                directory,
                BufReader::new(body),
                &policy.attributes,
                options,
                &mut progress,
            ),
            None => Err(ImportErrors::ReadOnly),
        };
        self.audit_import(actor, request, &outcome);
        let report = outcome?;
        state.resize_locks();
        Ok(Imported::from(&report))
    }

    /// This server's own database, if it is in use: LDAP directories take no import.
    fn own_accounts(&self) -> Option<&dyn Directory> {
        let mut directories = self.state.directories.iter();
        let own = directories.find(|open| open.name == EMBEDDED)?;
        Some(own.directory.as_ref())
    }

    fn audit_import(
        &self,
        actor: &Actor,
        request: &ImportRequest,
        outcome: &Result<ImportReport, ImportErrors>,
    ) {
        let result = match outcome {
            Ok(report) => format!(
                "done: {} new, {} changed, {} unchanged, {} left out, {} older passwords left out, \
                 {} passwords locked by the source",
                report.created,
                report.changed,
                report.unchanged,
                report.problems.total,
                report.older_passwords.total,
                report.passwords_locked
            ),
            Err(ImportErrors::Rejected(problems)) => {
                format!("nothing imported: {} problems", problems.total)
            }
            Err(other) => other.to_string(),
        };
        self.state.audit.record(&AuditEvent::Act(Act {
            time: self.state.clock.now().utc,
            who: &actor.who,
            what: "import",
            account: None,
            why: Some(&request.file),
            result: &result,
        }));
    }
}

impl ImportProgress {
    fn of(progress: Progress, octets_in_all: u64) -> Self {
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (done, of, step) = match progress {
            Progress::Reading { octets, .. } => (octets, octets_in_all, ImportStep::Reading),
            Progress::Hashing { done, total } => (wide(done), wide(total), ImportStep::Hashing),
            Progress::Writing { done, total } => (wide(done), wide(total), ImportStep::Writing),
        };
        Self { done, of, step }
    }
}

impl From<&ImportReport> for Imported {
    fn from(report: &ImportReport) -> Self {
        Self {
            added: report.created,
            changed: report.changed,
            unchanged: report.unchanged,
            problems: lines(&report.problems),
            problems_in_all: report.problems.total,
            older_passwords: lines(&report.older_passwords),
            older_passwords_in_all: report.older_passwords.total,
            as_they_were: lines(&report.as_they_were),
            as_they_were_in_all: report.as_they_were.total,
            foreign_names: lines(&report.foreign_names),
            foreign_names_in_all: report.foreign_names.total,
            passwords_locked: report.passwords_locked,
            passwords_kept: report.passwords_kept,
            not_accounts: report.not_accounts,
        }
    }
}

fn lines(problems: &ProblemList) -> Vec<String> {
    problems.listed.iter().map(ToString::to_string).collect()
}
