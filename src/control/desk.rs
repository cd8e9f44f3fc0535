//! Does what the operator asks: looks up, explains, unlocks, closes, opens, imports.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use portvakt_auth::mschap::NtHash;
use portvakt_auth::{
    Account, Closure, LockChange, NetworkAccessIdentifier, Password, PasswordHash, PasswordKind,
};
use thiserror::Error;

use super::explain::{Explanation, state_code};
use super::import::Wish;
use super::protocol::{
    ClearPassword, Filter, PasswordFacts, RawEntry, RawValue, Request, Response, Summary,
};
use crate::audit::{Act, AuditEvent};
use crate::directory::ldap::{AttributeReport, EntryReport};
use crate::directory::{self, DirectoryWriter, FindError, OpenDirectory, WriteError};
use crate::policy::{AccountSource, AccountSources};
use crate::shown::Shown;
use crate::state::State;
use crate::store::Durability;

/// How long the audit log may take to be written.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// The operator's desk.
pub struct Desk {
    access: Arc<State>,
}

/// What went wrong, as a sentence with advice.
type Complaint = String;

/// Why no account was found by a name.
#[derive(Debug, Error)]
enum LookUpError {
    #[error("there is no account {0}; `portvakt account list` shows the ones there are")]
    Unknown(String),
    #[error("several people are called {name}: say which, {}", .full_names.join(" or "))]
    Shared {
        name: String,
        full_names: Vec<String>,
    },
    #[error(transparent)]
    Directory(#[from] FindError),
}

/// A password as it comes from the command line.
struct NewPassword {
    /// In clear text, where the directory wants it so.
    text: Option<ClearPassword>,
    hash: PasswordHash,
    /// Kept only if the configuration of the server says so.
    nt_hash: Option<NtHash>,
    kind: PasswordKind,
}

impl NewPassword {
    fn act(&self) -> &'static str {
        match self.kind {
            PasswordKind::Permanent => "set-password",
            PasswordKind::Temporary => "set-temporary-password",
        }
    }
}

impl Desk {
    /// A desk over a running or an otherwise idle house.
    #[must_use]
    pub fn new(access: Arc<State>) -> Self {
        Self { access }
    }

    pub(super) fn access(&self) -> &State {
        &self.access
    }

    /// Does what `request` asks on behalf of `who`. `body` holds what follows an import.
    pub fn handle(
        &self,
        who: &str,
        request: Request,
        body: &mut dyn Read,
        progress: &mut dyn FnMut(Response),
    ) -> Response {
        let done = match request {
            Request::List { filter, limit } => self.list(filter, limit),
            Request::Show { user } => self.find(&user).map(|account| shown(&account)),
            Request::Raw { user } => self.raw(&user),
            Request::Explain { user, service } => self.explain(&user, service.as_deref()),
            Request::Flush => self.flush(),
            Request::Unlock { user, why } => self.unlock(who, &user, &why),
            Request::Suspend { user, why } => {
                self.change(who, "suspend", &user, &why, |account, note| {
                    account.suspended = Some(note);
                })
            }
            Request::Deactivate { user, why } => {
                self.change(who, "deactivate", &user, &why, |account, note| {
                    account.deactivated = Some(note);
                })
            }
            Request::Restore { user, why } => {
                self.change(who, "restore", &user, &why, |account, _| {
                    account.suspended = None;
                    account.deactivated = None;
                })
            }
            Request::SetPassword {
                user,
                hash,
                nt_hash,
                text,
                temporary,
                why,
            } => {
                let kind = match temporary {
                    true => PasswordKind::Temporary,
                    false => PasswordKind::Permanent,
                };
                let new = NewPassword {
                    text,
                    hash,
                    nt_hash,
                    kind,
                };
                self.set_password(who, &user, new, &why)
            }
            Request::Delete { user, why } => self.delete(who, &user, &why),
            Request::Import {
                octets,
                file,
                keep_going,
                hash_cleartext,
            } => {
                let wish = Wish {
                    who,
                    file: &file,
                    octets,
                    keep_going,
                    hash_cleartext,
                };
                Ok(self.import(&wish, body, progress))
            }
        };
        done.unwrap_or_else(|message| Response::Refused { message })
    }

    fn raw(&self, user: &str) -> Result<Response, Complaint> {
        let name = self.name(user)?;
        let policy = self.access.policy.load();
        let home = policy.sources.of_realm(name.realm());
        let question = home.and_then(|home| home.directory.read(name.user(), name.realm()));
        let question = question.ok_or(
            "accounts are kept here, and no directory is asked: `portvakt account show` has all",
        )?;
        let readings = question.wait().map_err(|error| error.to_string())?;
        let entries = readings.into_iter().map(RawEntry::from).collect();
        Ok(Response::Entries { entries })
    }

    /// A name of one of our realms.
    fn name(&self, user: &str) -> Result<NetworkAccessIdentifier, Complaint> {
        let policy = self.access.policy.load();
        let name = policy.realms.read(user.as_bytes());
        let name = name.map_err(|error| {
            let user = Shown(user);
            format!(
                "\"{user}\" can't be a user name: {error}; log-ons under it are in the audit log \
                 only"
            )
        })?;
        if let Some(realm) = name.realm()
            && !policy.realms.ours.contains(realm)
        {
            return Err(format!(
                "{realm} is not one of our realms; it is asked at its own home"
            ));
        }
        Ok(name)
    }

    fn find(&self, user: &str) -> Result<Arc<Account>, Complaint> {
        let name = self.name(user)?;
        self.look_up(&name).map_err(|error| error.to_string())
    }

    fn look_up(&self, name: &NetworkAccessIdentifier) -> Result<Arc<Account>, LookUpError> {
        let policy = self.access.policy.load();
        let Some(realm) = name.realm() else {
            return find_in_any(&policy.sources, name.user());
        };
        let found = policy.sources.find(name.user(), Some(realm)).wait()?;
        found.ok_or_else(|| LookUpError::Unknown(name.to_string()))
    }

    /// Has the directory of an account change it.
    fn write<T>(
        &self,
        account: &Account,
        write: impl FnOnce(&dyn DirectoryWriter) -> Result<T, WriteError>,
    ) -> Result<T, Complaint> {
        let policy = self.access.policy.load();
        let home = policy.sources.of_account(&account.id);
        let writer = home
            .and_then(|home| home.directory.writer())
            .ok_or("this directory is read-only here: change the account where it is kept")?;
        write(writer).map_err(|error| error.to_string())
    }

    fn list(&self, filter: Option<Filter>, limit: usize) -> Result<Response, Complaint> {
        let (all, unlisted) = self.everybody()?;
        let now = self.access.clock.now();
        let summarise = |account: &Arc<Account>| Summary {
            name: account.id.to_string(),
            kind: account.kind,
            display_name: account.display_name.clone(),
            state: state_code(&self.access, account).to_owned(),
            locked_until: self
                .access
                .locks
                .locked_until(&account.id, now.tick)
                .map(|tick| now.utc_at(tick)),
        };
        let wanted = |summary: &Summary| match filter {
            None => true,
            Some(Filter::Locked) => summary.locked_until.is_some(),
            Some(Filter::Closed) => summary.locked_until.is_none() && summary.state != "open",
        };
        let mut accounts: Vec<_> = all.iter().map(summarise).filter(wanted).collect();
        let more = accounts.len().saturating_sub(limit);
        accounts.truncate(limit);
        Ok(Response::Accounts {
            accounts,
            more,
            unlisted,
        })
    }

    /// All accounts, ordered by name, and the names of the directories that can't list theirs.
    fn everybody(&self) -> Result<(Vec<Arc<Account>>, Vec<String>), Complaint> {
        let (mut all, mut unlisted) = (Vec::new(), Vec::new());
        let directories = &self.access.directories;
        for OpenDirectory { name, directory } in directories {
            match directory.list() {
                Some(accounts) => all.extend(accounts),
                None => unlisted.push(name.clone()),
            }
        }
        if unlisted.len() == directories.len() {
            return Err("this directory can't list its accounts".to_owned());
        }
        all.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok((all, unlisted))
    }

    fn explain(&self, user: &str, service: Option<&str>) -> Result<Response, Complaint> {
        if let Some(service) = service {
            self.know_service(service)?;
        }
        let account = match self.find_or_recall(user) {
            Ok(account) => account,
            Err(message) => return Ok(Response::Nobody { message }),
        };
        let explanation =
            Explanation::of(&self.access, &account, service).map_err(|error| error.to_string())?;
        Ok(Response::Explanation(Box::new(explanation)))
    }

    fn know_service(&self, service: &str) -> Result<(), Complaint> {
        let policy = self.access.policy.load();
        let offered = &policy.offered_services;
        if policy.services.contains_key(service) || offered.iter().any(|known| known == service) {
            return Ok(());
        }
        Err(format!(
            "no client has the service {service}; there are: {}",
            offered.join(", ")
        ))
    }

    fn flush(&self) -> Result<Response, Complaint> {
        let flushed = self.access.audit.flush(FLUSH_PATIENCE);
        flushed.map_err(|error| error.to_string())?;
        let message = "every attempt so far is in the audit log".to_owned();
        Ok(Response::Done { message })
    }

    /// The account; where its directory does not answer, as the directory described it last: a lock
    /// is kept here, and can be shown and opened all the same.
    fn find_or_recall(&self, user: &str) -> Result<Arc<Account>, Complaint> {
        let name = self.name(user)?;
        let error = match self.look_up(&name) {
            Ok(account) => return Ok(account),
            Err(error) => error,
        };
        let recalled = match error {
            LookUpError::Directory(FindError::Unavailable(_)) => {
                let policy = self.access.policy.load();
                policy.sources.recall(name.user(), name.realm())
            }
            _ => None,
        };
        recalled.ok_or_else(|| error.to_string())
    }

    fn unlock(&self, who: &str, user: &str, why: &str) -> Result<Response, Complaint> {
        let account = self.find_or_recall(user)?;
        let change = self.access.locks.unlock(&account.id);
        let was_locked = change.is_some();
        let lasting = change.is_none_or(|change| self.write_lock(&change));
        self.audit(who, "unlock", &account, why);
        let message = match (was_locked, lasting) {
            (false, _) => format!("{} was not locked and had no failed log-ons", account.id),
            (true, true) => format!(
                "{} is unlocked, its failed log-ons are forgotten",
                account.id
            ),
            (true, false) => format!(
                "{} is unlocked, but the disk refuses: if the server ends before it recovers, the \
                 lock comes back",
                account.id
            ),
        };
        Ok(Response::Done { message })
    }

    /// Waits until a lock change is on disk; `false` if the disk refuses.
    fn write_lock(&self, change: &LockChange) -> bool {
        let (sender, receiver) = std::sync::mpsc::channel();
        let done = Box::new(move |durability| {
            let _ = sender.send(durability);
        });
        let lock = change.stored(self.access.clock.now());
        self.access.store.record_lock(lock, Some(done));
        receiver.recv() == Ok(Durability::OnDisk)
    }

    fn change(
        &self,
        who: &str,
        act: &'static str,
        user: &str,
        why: &str,
        change: impl FnOnce(&mut Account, Closure),
    ) -> Result<Response, Complaint> {
        let account = self.find(user)?;
        let since = self.access.clock.now().utc;
        let note = Closure {
            reason: why.to_owned(),
            until: None,
            since,
            by: who.to_owned(),
        };
        let changed = self.write(&account, |writer| {
            writer.update(&account.id, |account| change(account, note))
        })?;
        self.forget(&account);
        self.audit(who, act, &account, why);
        let state = state_code(&self.access, &changed);
        Ok(Response::Done {
            message: format!("{act}: done; {} is now {state}", account.id),
        })
    }

    fn set_password(
        &self,
        who: &str,
        user: &str,
        new: NewPassword,
        why: &str,
    ) -> Result<Response, Complaint> {
        let account = self.find(user)?;
        let had_nt_hash = account.nt_hash.is_some();
        let act = new.act();
        let nt_hash = new
            .nt_hash
            .filter(|_| self.access.policy.load().write_nt_hashes);
        let kept = Password {
            hash: new.hash,
            changed_at: self.access.clock.now().utc,
            kind: new.kind,
        };
        let new = directory::NewPassword {
            text: new.text.as_ref().map(|text| text.0.as_str()),
            kept,
            nt_hash,
            in_place_of: None,
        };
        let changed = self.write(&account, |writer| writer.set_password(&account.id, new));
        self.forget(&account);
        let changed = changed?.ok_or("the account was changed by somebody else meanwhile")?;
        self.audit(who, act, &account, why);
        let consequence = match (had_nt_hash, changed.nt_hash.is_some()) {
            (_, true) => ", with an NT hash for MS-CHAP beside it",
            (true, false) => {
                "; the NT hash of the old one is gone, so MS-CHAP and PEAP with a password will \
                 refuse it (`portvakt explain` says how to mend that)"
            }
            (false, false) => "",
        };
        Ok(Response::Done {
            message: format!("{} has a new password{consequence}", account.id),
        })
    }

    fn delete(&self, who: &str, user: &str, why: &str) -> Result<Response, Complaint> {
        let account = self.find(user)?;
        self.write(&account, |writer| writer.remove(&account.id))?;
        self.forget(&account);
        self.audit(who, "delete", &account, why);
        Ok(Response::Done {
            message: format!("{} is deleted", account.id),
        })
    }

    /// What was proven of an account before it was changed counts no more.
    fn forget(&self, account: &Account) {
        self.access.invalidate(&account.id);
    }

    fn audit(&self, who: &str, act: &'static str, account: &Account, why: &str) {
        self.access.audit.record(&AuditEvent::Act(Act {
            time: self.access.clock.now().utc,
            who,
            what: act,
            account: Some(account.id.as_str()),
            why: Some(why),
            result: "done",
        }));
    }
}

/// The account of this name in any directory, if there is exactly one. While a directory does not
/// answer, a bare name is the primary realm's, as everywhere.
fn find_in_any(homes: &AccountSources, name: &str) -> Result<Arc<Account>, LookUpError> {
    let (mut found, mut full_names, mut unanswered) = (Vec::new(), Vec::new(), None);
    for (index, home) in homes.all().enumerate() {
        match home.directory.find(name, None).wait() {
            Ok(Some(account)) => {
                full_names.push(full_name(home, &account));
                found.push(account);
            }
            Ok(None) => {}
            Err(error) if index == 0 => return Err(error.into()),
            Err(error) => unanswered = Some(error),
        }
    }
    let mut found = found.into_iter();
    match (found.next(), found.next(), unanswered) {
        (Some(one), None, _) => Ok(one),
        (None, _, None) => Err(LookUpError::Unknown(name.to_owned())),
        (None, _, Some(error)) => Err(error.into()),
        (Some(_), Some(_), _) => Err(LookUpError::Shared {
            name: name.to_owned(),
            full_names,
        }),
    }
}

/// A name by which an account is found and no other.
fn full_name(home: &AccountSource, account: &Account) -> String {
    let plain = home.directory.naming().plain(&account.id);
    format!("{plain}@{}", home.realm)
}

/// An account without its hashes.
fn shown(account: &Account) -> Response {
    let scheme = account
        .password
        .as_ref()
        .map(|password| password.hash.scheme());
    let password = account
        .password_age()
        .map(|(kind, changed_at)| PasswordFacts {
            scheme: scheme.map(|scheme| scheme.to_string()),
            changed_at,
            kind,
        });
    Response::Account {
        account: Box::new(account.without_secrets()),
        password,
        nt_hash: account.nt_hash.is_some(),
        legacy_chap_secret: account.legacy_chap_secret.is_some(),
    }
}

impl From<EntryReport> for RawEntry {
    fn from(reading: EntryReport) -> Self {
        let value = |remark: AttributeReport| RawValue {
            attribute: remark.attribute,
            value: remark.value,
            meaning: remark.meaning,
        };
        Self {
            dn: reading.dn,
            values: reading.remarks.into_iter().map(value).collect(),
            fault: reading.account.err(),
        }
    }
}
