//! Import of accounts from LDIF: read everything, check everything, then write.
//!
//! An import brings accounts up to date by their user name; accounts that the file does not name
//! stay as they are. Nothing is written unless the whole file is right, or the caller asked to keep
//! going without the records that are wrong. It is written in batches, so that log-ons get their
//! turn at the disk; after a crash halfway, the same import run again completes it.

mod hashing;
mod report;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use portvakt_auth::account::Account;
use portvakt_auth::name::AccountId;

use super::account_facts::{AccountFacts, HashCleartext};
use super::attributes::{AttributeMap, AttributeRole};
use super::entry_reader::AttributeError;
use super::ldif::{LdifError, LdifFault, LdifReader};
use super::{Change, Directory, FindError, LookupResult};

pub use report::{ImportError, ImportErrors, ImportFault, ImportReport, NotAccounts, ProblemList};

/// Accounts in one transaction.
const BATCH: usize = 1_000;
/// Records between two reports of progress.
const PROGRESS_STEP: usize = 256;

/// How to import.
pub struct ImportOptions<'a> {
    /// The file's name in messages.
    pub source: &'a str,
    /// Leave out records that are wrong and import the others.
    pub keep_going: bool,
    /// Hashes passwords that are in clear text; without it they are refused.
    pub hash_cleartext: Option<HashCleartext<'a>>,
    /// Whether hashing a password that is in clear text makes its NT hash too.
    pub write_nt_hashes: bool,
    /// The time of the import: when a password was set, if the file does not say.
    pub now: Timestamp,
    /// Tells the moment: each question to the directory has its own deadline.
    pub clock: &'a dyn Fn() -> Instant,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Reading the file.
    Reading {
        /// Octets so far.
        octets: u64,
        /// Records so far.
        records: u64,
    },
    /// Hashing passwords that were in clear text.
    Hashing {
        /// Accounts so far.
        done: usize,
        /// Accounts in all.
        total: usize,
    },
    /// Writing.
    Writing {
        /// Accounts so far.
        done: usize,
        /// Accounts in all.
        total: usize,
    },
}

/// Imports the records of `reader` into `directory`.
///
/// Keeps all accounts of the file in memory until they are written. Waits for the disk, and for the
/// hash of each password that is in clear text: not for a thread that must not wait.
///
/// # Errors
/// [`ImportErrors`].
pub fn import(
    directory: &dyn Directory,
    reader: impl BufRead,
    map: &AttributeMap,
    options: ImportOptions<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, ImportErrors> {
    let source: Arc<str> = options.source.into();
    let options_source = Arc::clone(&source);
    let report = ImportReport::default();
    let existing = Existing {
        directory,
        clock: options.clock,
    };
    let mut import = Import {
        existing,
        options,
        source,
        progress,
        drafts: Vec::new(),
        left_out: Vec::new(),
        strangers: NotAccounts::of(options_source, map),
        report,
    };
    import.read(LdifReader::new(reader).only(map.lower_case_names()), map)?;
    import.check_names()?;
    import.hash_cleartext()?;
    import.tell_of_those_left_out()?;
    import.write()?;
    Ok(import.report)
}

struct Import<'a, 'o> {
    existing: Existing<'a>,
    options: ImportOptions<'o>,
    source: Arc<str>,
    progress: &'a mut dyn FnMut(Progress),
    drafts: Vec<Placed>,
    /// The accounts of records that were wrong, and where these begin.
    left_out: Vec<(u64, AccountId)>,
    strangers: NotAccounts,
    report: ImportReport,
}

/// A draft and where its record begins.
struct Placed {
    line: u64,
    draft: AccountFacts,
}

impl Import<'_, '_> {
    fn read(
        &mut self,
        mut reader: LdifReader<impl BufRead>,
        map: &AttributeMap,
    ) -> Result<(), ImportErrors> {
        let mut records = 0;
        while let Some(entry) = reader.next() {
            records += 1;
            if records % PROGRESS_STEP as u64 == 1 {
                (self.progress)(Progress::Reading {
                    octets: reader.octets(),
                    records,
                });
            }
            match entry {
                Ok(entry) => self.take(&entry, map),
                Err(error) => self.refuse_text(error)?,
            }
        }
        (self.progress)(Progress::Reading {
            octets: reader.octets(),
            records,
        });
        self.stop_unless_right()
    }

    fn take(&mut self, entry: &super::entry::Entry, map: &AttributeMap) {
        let allow_cleartext = self.options.hash_cleartext.is_some();
        match AccountFacts::read(entry, map, allow_cleartext, self.options.now) {
            Ok(Some(draft)) => self.place(entry.line.unwrap_or(0), draft),
            Ok(None) => {
                self.report.not_accounts += 1;
                self.strangers.add(entry);
            }
            Err(errors) => {
                let name = AccountFacts::name_of(entry, map, self.options.now);
                let name = name.map(|name| (entry.line.unwrap_or(0), name));
                self.left_out.extend(name);
                errors
                    .into_iter()
                    .for_each(|error| self.refuse_attribute(error));
            }
        }
    }

    fn place(&mut self, line: u64, mut draft: AccountFacts) {
        match draft.name_by(self.existing.directory.naming()) {
            Ok(()) => {
                if draft.has_foreign_name {
                    let source = Arc::clone(&self.source);
                    self.report.foreign_names.add(ImportError {
                        source,
                        line,
                        attribute: None,
                        fault: ImportFault::ForeignName(draft.id().clone()),
                    });
                }
                self.drafts.push(Placed { line, draft });
            }
            Err(error) => self.refuse(line, None, error.into()),
        }
    }

    /// A file that cannot be read to its end is never imported in part.
    fn refuse_text(&mut self, error: LdifError) -> Result<(), ImportErrors> {
        let LdifError {
            line,
            attribute,
            fault,
        } = error;
        self.refuse(line, attribute, fault.into());
        match fault {
            LdifFault::Io(_) => Err(self.rejected()),
            _ => Ok(()),
        }
    }

    fn refuse_attribute(&mut self, error: AttributeError) {
        self.refuse(
            error.line.unwrap_or(0),
            Some(error.attribute),
            error.fault.into(),
        );
    }

    fn refuse(&mut self, line: u64, attribute: Option<String>, fault: ImportFault) {
        let source = Arc::clone(&self.source);
        self.report.problems.add(ImportError {
            source,
            line,
            attribute,
            fault,
        });
    }

    fn stop_unless_right(&mut self) -> Result<(), ImportErrors> {
        match self.options.keep_going || self.report.problems.total == 0 {
            true => Ok(()),
            false => Err(self.rejected()),
        }
    }

    fn rejected(&mut self) -> ImportErrors {
        ImportErrors::Rejected(std::mem::take(&mut self.report.problems))
    }

    /// No name may lead to two accounts (P2). Leaving records out may leave a name with an account
    /// that the file would have taken it from, so this repeats until nothing is left out.
    fn check_names(&mut self) -> Result<(), ImportErrors> {
        loop {
            let conflicts = conflicts(self.existing, &self.drafts)?;
            if conflicts.is_empty() {
                return Ok(());
            }
            let refused: HashSet<usize> = conflicts
                .iter()
                .flat_map(|conflict| conflict.records())
                .collect();
            for Conflict { index, fault, .. } in conflicts {
                let line = self.drafts.get(index).map_or(0, |placed| placed.line);
                self.refuse(line, None, fault);
            }
            self.stop_unless_right()?;
            self.leave_out(&refused);
        }
    }

    fn leave_out(&mut self, refused: &HashSet<usize>) {
        let drafts = std::mem::take(&mut self.drafts).into_iter().enumerate();
        for (index, placed) in drafts {
            match refused.contains(&index) {
                true => self.left_out.push((placed.line, placed.draft.id().clone())),
                false => self.drafts.push(placed),
            }
        }
    }

    /// Says of each account whose record was left out how it stands: its source may have meant to
    /// close it. And refuses a file without any account.
    fn tell_of_those_left_out(&mut self) -> Result<(), ImportErrors> {
        if self.drafts.is_empty() && self.report.problems.total == 0 {
            return Err(ImportErrors::NoAccounts(std::mem::take(
                &mut self.strangers,
            )));
        }
        for (line, name) in std::mem::take(&mut self.left_out) {
            let name = self.existing.directory.naming().full(&name).unwrap_or(name);
            let Some(account) = self.existing.account(&name)? else {
                continue;
            };
            let state = match account.deactivated.is_some() || account.suspended.is_some() {
                true => "closed",
                false => "open",
            };
            let source = Arc::clone(&self.source);
            self.report.as_they_were.add(ImportError {
                source,
                line,
                attribute: None,
                fault: ImportFault::AsItWas { name, state },
            });
        }
        Ok(())
    }

    fn hash_cleartext(&mut self) -> Result<(), ImportErrors> {
        let Some(hash) = self.options.hash_cleartext else {
            return Ok(());
        };
        if self.options.write_nt_hashes {
            let drafts = self.drafts.iter_mut();
            drafts.for_each(|placed| placed.draft.make_nt_hash());
        }
        let drafts = &mut self.drafts;
        let wrong = hashing::hash_all(drafts, self.existing, hash, self.progress)?;
        let refused = wrong.iter().map(|(index, _)| *index).collect();
        for (index, error) in wrong {
            let line = self.drafts.get(index).map_or(0, |placed| placed.line);
            self.refuse(line, None, error.into());
        }
        self.leave_out(&refused);
        self.stop_unless_right()
    }

    fn write(&mut self) -> Result<(), ImportErrors> {
        let writer = self
            .existing
            .directory
            .writer()
            .ok_or(ImportErrors::ReadOnly)?;
        let (total, now) = (self.drafts.len(), self.options.now);
        let tally = Tally::default();
        let mut drafts = std::mem::take(&mut self.drafts).into_iter().peekable();
        let mut written = 0;
        while drafts.peek().is_some() {
            let batch = drafts.by_ref().take(BATCH);
            let changes: Vec<_> = batch.map(|placed| tally.change(placed, now)).collect();
            let count = changes.len();
            writer
                .apply(changes)
                .map_err(|cause| ImportErrors::Write { written, cause })?;
            written += count;
            (self.progress)(Progress::Writing {
                done: written,
                total,
            });
        }
        for line in tally.report(&mut self.report) {
            let source = Arc::clone(&self.source);
            self.report.older_passwords.add(ImportError {
                source,
                line,
                attribute: None,
                fault: ImportFault::OlderPassword,
            });
        }
        Ok(())
    }
}

/// Attributes that have user names in directories of one kind or another, and an export's own names.
const USER_NAMES: [&str; 6] = [
    "samaccountname",
    "uid",
    "userprincipalname",
    "user_id",
    "userid",
    "cn",
];

impl NotAccounts {
    fn of(source: Arc<str>, map: &AttributeMap) -> Self {
        Self {
            count: 0,
            source,
            user_name: map.names.of(AttributeRole::UserName).join(", "),
            instead: None,
        }
    }

    /// One more, of which the best guess at a user name counts; an option makes another name.
    fn add(&mut self, entry: &super::entry::Entry) {
        self.count += 1;
        let names = || entry.attributes.iter().map(|attribute| &attribute.name);
        let bare = |name: &&String, wanted: &str| name.split(';').next() == Some(wanted);
        let rank = |name: Option<&String>| {
            let name = name.and_then(|name| name.split(';').next());
            USER_NAMES.iter().position(|known| Some(*known) == name)
        };
        let best = USER_NAMES
            .iter()
            .find_map(|wanted| names().find(|name| bare(name, wanted)));
        let present = rank(self.instead.as_ref()).unwrap_or(usize::MAX);
        if rank(best).is_some_and(|rank| rank < present) {
            self.instead = best.cloned();
        }
    }
}

/// Two accounts with one name.
struct Conflict {
    index: usize,
    /// The other record, if it is one of the file.
    other: Option<usize>,
    fault: ImportFault,
}

impl Conflict {
    fn records(&self) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(self.index).chain(self.other)
    }
}

fn conflicts(existing: Existing<'_>, drafts: &[Placed]) -> Result<Vec<Conflict>, FindError> {
    let named: HashSet<&AccountId, ahash::RandomState> =
        drafts.iter().map(|placed| placed.draft.id()).collect();
    let mut claimed: HashMap<&str, (usize, u64), ahash::RandomState> = HashMap::default();
    let mut conflicts = Vec::new();
    for (index, Placed { line, draft }) in drafts.iter().enumerate() {
        for name in draft.names() {
            let (first, other) = *claimed.entry(name).or_insert((index, *line));
            if first != index {
                let fault = ImportFault::NameTwice {
                    name: name.to_owned(),
                    other,
                };
                conflicts.push(Conflict {
                    index,
                    other: Some(first),
                    fault,
                });
            }
            let owner = existing.called(name)?.map(|account| account.id.clone());
            if let Some(owner) = owner.filter(|owner| !named.contains(owner)) {
                let fault = ImportFault::NameTaken {
                    name: name.to_owned(),
                    owner,
                };
                conflicts.push(Conflict {
                    index,
                    other: None,
                    fault,
                });
            }
        }
    }
    Ok(conflicts)
}

/// The accounts that there are already.
#[derive(Clone, Copy)]
struct Existing<'a> {
    directory: &'a dyn Directory,
    clock: &'a dyn Fn() -> Instant,
}

impl Existing<'_> {
    /// The one that goes by this name.
    fn called(self, name: &str) -> LookupResult {
        self.directory.find(name, None).wait((self.clock)())
    }

    fn account(self, id: &AccountId) -> LookupResult {
        let found = self.called(id.as_str())?;
        Ok(found.filter(|account| account.id == *id))
    }
}

/// Counts what the changes do, from inside them.
#[derive(Default)]
struct Tally {
    created: Cell<usize>,
    changed: Cell<usize>,
    unchanged: Cell<usize>,
    passwords_changed: Cell<usize>,
    passwords_locked: Cell<usize>,
    passwords_kept: Cell<usize>,
    /// Lines of the records whose password is older than the account's.
    older_passwords: RefCell<Vec<u64>>,
}

impl Tally {
    fn change(&self, placed: Placed, now: Timestamp) -> (AccountId, Change<'_>) {
        let Placed { line, draft } = placed;
        let id = draft.id().clone();
        let change = move |existing: Option<&Account>| {
            self.count_password(&draft, existing);
            let joined = draft.join(existing, now);
            if joined.older_password {
                self.older_passwords.borrow_mut().push(line);
            }
            let merged = joined.account;
            self.count(existing, &merged);
            (existing != Some(&merged)).then_some(merged)
        };
        (id, Box::new(change))
    }

    fn count_password(&self, draft: &AccountFacts, existing: Option<&Account>) {
        let keeps = || existing.is_some_and(|account| account.password.is_some());
        if draft.is_locked() {
            self.passwords_locked.update(|count| count + 1);
        } else if draft.password.is_none() && keeps() {
            self.passwords_kept.update(|count| count + 1);
        }
    }

    fn count(&self, existing: Option<&Account>, merged: &Account) {
        let counter = match existing {
            None => &self.created,
            Some(existing) if existing == merged => &self.unchanged,
            Some(existing) => {
                let new_password = existing.credential_version != merged.credential_version;
                self.passwords_changed
                    .update(|count| count + usize::from(new_password));
                &self.changed
            }
        };
        counter.update(|count| count + 1);
    }

    fn report(self, report: &mut ImportReport) -> Vec<u64> {
        report.created = self.created.get();
        report.changed = self.changed.get();
        report.unchanged = self.unchanged.get();
        report.passwords_changed = self.passwords_changed.get();
        report.passwords_locked = self.passwords_locked.get();
        report.passwords_kept = self.passwords_kept.get();
        self.older_passwords.into_inner()
    }
}
