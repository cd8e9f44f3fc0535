//! The import of accounts from LDIF, as the operator asks for it.

use std::io::{BufReader, Read};

use super::desk::Desk;
use super::protocol::{Imported, Response};
use crate::audit::{Act, AuditEvent};
use crate::config::EMBEDDED;
use crate::directory::import::{
    self, ImportErrors, ImportOptions, ImportReport, ProblemList, Progress,
};
use crate::directory::{Directory, account_facts};

/// How an import is to go about it.
pub(super) struct Wish<'a> {
    /// Who asked.
    pub who: &'a str,
    /// What messages call the text.
    pub file: &'a str,
    /// Octets of the text.
    pub octets: u64,
    /// Whether to leave out what is wrong and import the rest.
    pub keep_going: bool,
    /// Whether passwords in clear text are hashed rather than refused.
    pub hash_cleartext: bool,
}

impl Desk {
    /// Imports the LDIF of `body`, all or nothing unless told to keep going.
    pub(super) fn import(
        &self,
        wish: &Wish<'_>,
        body: &mut dyn Read,
        tell: &mut dyn FnMut(Response),
    ) -> Response {
        let access = self.access();
        let policy = access.policy.load();
        let hash = account_facts::argon2id(policy.hash_cost.clone(), crate::random::bytes::<16>);
        let options = ImportOptions {
            source: wish.file,
            keep_going: wish.keep_going,
            hash_cleartext: match wish.hash_cleartext {
                true => Some(&hash),
                false => None,
            },
            write_nt_hashes: policy.write_nt_hashes,
            now: access.clock.now().utc,
        };
        let mut progress = |progress| tell(told(progress, wish.octets));
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
        self.audit_import(wish, &outcome);
        match outcome {
            Ok(report) => {
                access.resize_locks();
                Response::Imported(imported(&report))
            }
            Err(errors) => Response::Refused {
                message: errors.to_string(),
            },
        }
    }

    /// This server's own database, where it is in use: nobody is imported into another directory.
    fn own_accounts(&self) -> Option<&dyn Directory> {
        let mut directories = self.access().directories.iter();
        let own = directories.find(|open| open.name == EMBEDDED)?;
        Some(own.directory.as_ref())
    }

    fn audit_import(&self, wish: &Wish<'_>, outcome: &Result<ImportReport, ImportErrors>) {
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
        self.access().audit.record(&AuditEvent::Act(Act {
            time: self.access().clock.now().utc,
            who: wish.who,
            what: "import",
            account: None,
            why: Some(wish.file),
            result: &result,
        }));
    }
}

fn told(progress: Progress, octets_in_all: u64) -> Response {
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (done, of, step) = match progress {
        Progress::Reading { octets, .. } => (octets, octets_in_all, "reading"),
        Progress::Hashing { done, total } => (wide(done), wide(total), "hashing"),
        Progress::Writing { done, total } => (wide(done), wide(total), "writing"),
    };
    Response::Progress {
        done,
        of,
        step: step.to_owned(),
    }
}

fn imported(report: &ImportReport) -> Imported {
    Imported {
        added: report.created,
        changed: report.changed,
        unchanged: report.unchanged,
        problems: sentences(&report.problems),
        problems_in_all: report.problems.total,
        older_passwords: sentences(&report.older_passwords),
        older_passwords_in_all: report.older_passwords.total,
        as_they_were: sentences(&report.as_they_were),
        as_they_were_in_all: report.as_they_were.total,
        foreign_names: sentences(&report.foreign_names),
        foreign_names_in_all: report.foreign_names.total,
        passwords_locked: report.passwords_locked,
        passwords_kept: report.passwords_kept,
        not_accounts: report.not_accounts,
    }
}

fn sentences(problems: &ProblemList) -> Vec<String> {
    problems.listed.iter().map(ToString::to_string).collect()
}
