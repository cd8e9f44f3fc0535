//! The state of one account: verdict per service, findings, lock, last attempts.

use jiff::Timestamp;
use portvakt_auth::{Account, Kind, Refusal, Subject, Verification};
use portvakt_store::{AttemptRow, SharedLock};
use serde::{Deserialize, Serialize};

use super::{Accounts, ActError, SessionDetails};
use crate::policy::Policy;
use crate::shown::Outside;
use crate::state::State;
use crate::times::{iso, iso_if_any};
use portvakt_directory::attributes::AttributeRole;

/// How many of the last attempts are told.
const LAST_ATTEMPTS: usize = 10;

/// How many live sessions are told.
const LIVE_SESSIONS: usize = 10;

/// The state of one account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The account's name.
    pub account: String,
    /// Student, employee, guest, service or test.
    pub kind: Kind,
    /// The person's name.
    pub display_name: Option<Outside>,
    /// The service it was asked for, else the one that was tried last.
    pub service: String,
    /// The reason that `service` would refuse the right password for now; `None` is let in.
    pub refusal: Option<Refusal>,
    /// The same for each service that was asked for, or that clients have.
    pub services: Vec<ServiceVerdict>,
    /// Every rule of status that does not hold for `service`.
    pub findings: Vec<StatusFinding>,
    /// Failed log-ons and lock.
    pub lock: LockState,
    /// Whether MS-CHAP can let it in.
    pub nt_hash: NtHashState,
    /// The newest live sessions.
    #[serde(default)]
    pub sessions: Vec<SessionDetails>,
    /// The last attempts, newest first.
    pub attempts: Vec<Attempt>,
}

/// Whether a service lets an account in.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServiceVerdict {
    /// The service.
    pub service: String,
    /// Why not.
    pub refusal: Option<Refusal>,
}

/// A rule that does not hold.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusFinding {
    /// The reason.
    pub refusal: Refusal,
    /// Since when.
    #[serde(with = "iso_if_any")]
    pub since: Option<Timestamp>,
    /// The reason and the actor, of an account that was closed: `reason (actor)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Outside>,
}

/// Failed log-ons and lock.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct LockState {
    /// Failures counted.
    pub failures: u8,
    /// The number of failures that lock the account.
    pub of: u8,
    /// When the lock ends.
    #[serde(with = "iso_if_any")]
    pub locked_until: Option<Timestamp>,
    /// Since when the directory's own lock refuses everybody; it does not say until when.
    #[serde(default, with = "iso_if_any", skip_serializing_if = "Option::is_none")]
    pub locked_in_directory_since: Option<Timestamp>,
}

/// Whether an account has the NT hash that MS-CHAP needs, and so PEAP with a password.
#[derive(Debug, Serialize, Deserialize)]
pub struct NtHashState {
    /// Whether it has one.
    pub present: bool,
    /// The way to an NT hash, if it has none.
    pub remedy: Option<NtHashRemedy>,
}

/// Ways to let an account without NT hash log on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum NtHashRemedy {
    /// This server makes NT hashes: set the password anew.
    SetPassword,
    /// Import the account with its NT hash.
    Import {
        /// The attribute that holds it.
        attribute: String,
    },
    /// This server keeps none: use another method.
    OtherMethod,
}

/// One of the last attempts.
#[derive(Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was answered.
    #[serde(with = "iso")]
    pub time: Timestamp,
    /// `accept`, or the code of the refusal.
    pub outcome: String,
    /// More about a refusal.
    pub detail: Option<Outside>,
    /// The RADIUS client it came through.
    pub client: Outside,
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// The device (Calling-Station-Id).
    pub device: Option<Outside>,
    /// The visited site (Operator-Name).
    pub place: Option<Outside>,
    /// The server it was made at, where several share a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Outside>,
}

impl Accounts {
    /// The state of an account now: for `service`, or for those that clients have, the one that was
    /// tried last first. While its directory is silent, as the directory described it last.
    ///
    /// # Errors
    /// Those of a name, [`ActError::UnknownService`] or [`ActError::Store`].
    pub fn explain(&self, user: &str, service: Option<&str>) -> Result<Explanation, ActError> {
        let policy = self.state.policy.load();
        if let Some(service) = service {
            check_service(&policy, service)?;
        }
        let account = self.find_or_recall(user)?;
        let attempts = self.state.store.last_attempts(&account.id, LAST_ATTEMPTS)?;
        let services = match service {
            Some(service) => vec![service.to_owned()],
            None => tried_first(&policy.offered_services, attempts.first()),
        };
        let lock = self.lock_state(&policy, &account);
        let now = self.state.clock.now().utc;
        let registry = self.state.registry.of(&account);
        let subject = registry.subject(&account);
        let locked = lock.locked_until.map(|_| Refusal::LockedOut);
        let verdict = |service: &String| ServiceVerdict {
            service: service.clone(),
            refusal: locked.or(first_of(&findings(&policy, subject, service, now))),
        };
        let verdicts: Vec<_> = services.iter().map(verdict).collect();
        let service = services.into_iter().next().unwrap_or_default();
        Ok(Explanation {
            account: account.id.to_string(),
            kind: account.kind,
            display_name: account.display_name.clone().map(Outside::from),
            refusal: verdicts.first().and_then(|verdict| verdict.refusal),
            findings: findings(&policy, subject, &service, now),
            service,
            services: verdicts,
            lock,
            nt_hash: NtHashState::of(&account, &policy),
            sessions: self.live_sessions(&account.id, LIVE_SESSIONS),
            attempts: attempts.into_iter().map(Attempt::from).collect(),
        })
    }

    /// Failed log-ons and lock of an account, as they count now.
    fn lock_state(&self, policy: &Policy, account: &Account) -> LockState {
        let (locks, now) = (&self.state.locks, self.state.clock.now());
        let lockout = &policy.sources.rules(&account.id).lockout;
        let record = match self.state.store.shared_lock(&account.id, now) {
            Ok(SharedLock::Record(record)) => Some(record),
            Ok(SharedLock::NoRecord) => None,
            // Without the database this server counts by itself.
            Ok(SharedLock::OwnMemory) | Err(_) => locks.lock_record(&account.id),
        };
        let locked_until = record
            .as_ref()
            .and_then(|record| record.locked_until)
            .filter(|&until| until > now.tick);
        let counted =
            record.filter(|record| now.tick.since(record.last_failure) < lockout.forget_after);
        LockState {
            failures: counted.map_or(0, |record| record.failures),
            of: lockout.attempts,
            locked_until: locked_until.map(|tick| now.utc_at(tick)),
            locked_in_directory_since: match &account.verification {
                Verification::Bind(bind) => bind.locked_since,
                _ => None,
            },
        }
    }
}

fn check_service(policy: &Policy, service: &str) -> Result<(), ActError> {
    let offered = &policy.offered_services;
    if policy.services.contains_key(service) || offered.iter().any(|known| known == service) {
        return Ok(());
    }
    Err(ActError::UnknownService {
        service: service.to_owned(),
        offered: offered.clone(),
    })
}

/// The services, the one of the last attempt first.
fn tried_first(offered: &[String], last: Option<&AttemptRow>) -> Vec<String> {
    let mut services = offered.to_vec();
    if let Some(last) = last
        && let Some(place) = services.iter().position(|each| *each == last.service)
        && let Some(start) = services.get_mut(..=place)
    {
        start.rotate_right(1);
    }
    services
}

/// Every rule of status that does not hold for `service`.
fn findings(
    policy: &Policy,
    subject: Subject<'_>,
    service: &str,
    now: Timestamp,
) -> Vec<StatusFinding> {
    let account = subject.account;
    let rules = policy.sources.rules(&account.id);
    let found = portvakt_auth::findings(subject, service, rules, now);
    let found = found.into_iter().map(|found| StatusFinding {
        refusal: found.refusal,
        since: found.since,
        note: note_of(account, found.refusal),
    });
    let kind = policy.check_kind(account, service).err();
    let kind = kind.map(|refusal| StatusFinding {
        refusal,
        since: None,
        note: None,
    });
    found.chain(kind).collect()
}

fn first_of(findings: &[StatusFinding]) -> Option<Refusal> {
    findings.first().map(|finding| finding.refusal)
}

/// The reason and the actor of a closure, if that is the reason of `refusal`.
fn note_of(account: &Account, refusal: Refusal) -> Option<Outside> {
    let closure = match refusal {
        Refusal::Deactivated => account.deactivated.as_ref(),
        Refusal::Suspended => account.suspended.as_ref(),
        _ => None,
    };
    closure.map(|closure| Outside::from(format!("{} ({})", closure.reason, closure.by)))
}

impl NtHashState {
    fn of(account: &Account, policy: &Policy) -> Self {
        let present = account.nt_hash.is_some();
        let names = policy.attributes.names.of(AttributeRole::NtHash);
        let remedy = match (policy.write_nt_hashes, names.first()) {
            (true, _) => NtHashRemedy::SetPassword,
            (false, Some(attribute)) => NtHashRemedy::Import {
                attribute: attribute.clone(),
            },
            (false, None) => NtHashRemedy::OtherMethod,
        };
        Self {
            present,
            remedy: (!present).then_some(remedy),
        }
    }
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            time: row.time,
            outcome: row.outcome.code().to_owned(),
            detail: row.detail.map(Outside::from),
            client: row.client.into(),
            service: row.service,
            method: row.method,
            device: row.calling_station.map(Outside::from),
            place: row.operator_name.map(Outside::from),
            node: row.node.map(Outside::from),
        }
    }
}

/// The refusal that a list shows for an account: `None` where one of the clients' services would
/// let it in, else the reason that the first would give.
pub(super) fn refusal_of(state: &State, account: &Account) -> Option<Refusal> {
    let now = state.clock.now();
    if state.locks.locked_until(&account.id, now.tick).is_some() {
        return Some(Refusal::LockedOut);
    }
    let policy = state.policy.load();
    let registry = state.registry.of(account);
    let services = policy.offered_services.iter();
    let mut refusals = services.map(|service| {
        let rules = policy.sources.rules(&account.id);
        let standing = portvakt_auth::standing(registry.subject(account), service, rules, now.utc);
        let standing = standing.and_then(|_| policy.check_kind(account, service));
        standing.err()
    });
    let first = refusals.next().flatten();
    first.filter(|_| refusals.all(|refusal| refusal.is_some()))
}
