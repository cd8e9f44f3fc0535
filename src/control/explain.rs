//! Why somebody can or can't come in, in one value: state, reasons, lock, last attempts, next step.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portvakt_auth::{Account, Kind, Refusal, Verification};
use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::shown::Outside;
use crate::state::State;
use crate::store::{AttemptRow, StoreError};
use crate::times::{for_people, iso, iso_if_any};

/// How many of the last attempts are shown.
const ATTEMPTS_SHOWN: usize = 10;

/// The state of one account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The account's name.
    pub account: String,
    /// Whose it is.
    pub kind: Kind,
    /// The person's name.
    pub display_name: Option<Outside>,
    /// The service it was asked for, else the one that was tried last.
    pub service: String,
    /// The reason that it would refuse the right password for now; `None` is let in.
    pub refusal: Option<Refusal>,
    /// The same for each service that was asked for, or that clients have.
    pub services: Vec<ServiceVerdict>,
    /// Every rule of status that does not hold for `service`.
    pub findings: Vec<StatusFinding>,
    /// Failed log-ons and lock.
    pub lock: LockState,
    /// Whether MS-CHAP can let it in.
    pub nt_hash: NtHashState,
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
    /// Why, and by whom, where somebody closed the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Outside>,
}

/// Failed log-ons and lock.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct LockState {
    /// Failures counted.
    pub failures: u8,
    /// Of so many that lock the account.
    pub of: u8,
    /// When the lock ends.
    #[serde(with = "iso_if_any")]
    pub locked_until: Option<Timestamp>,
    /// Since when the directory's own lock lets nobody in; it does not say until when.
    #[serde(default, with = "iso_if_any", skip_serializing_if = "Option::is_none")]
    pub locked_in_directory_since: Option<Timestamp>,
}

/// Whether an account has the NT hash that MS-CHAP needs, and so PEAP with a password.
#[derive(Debug, Serialize, Deserialize)]
pub struct NtHashState {
    /// Whether it has one.
    pub present: bool,
    /// How to mend that it has none.
    pub next_step: Option<String>,
}

/// One of the last attempts.
#[derive(Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    #[serde(with = "iso")]
    pub time: Timestamp,
    /// `accept`, or the reason.
    pub outcome: String,
    /// More about a refusal, where its reason does not say it all.
    pub detail: Option<Outside>,
    /// The RADIUS client it came through.
    pub client: Outside,
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// The device.
    pub device: Option<Outside>,
    /// The visited site.
    pub place: Option<Outside>,
}

impl Explanation {
    /// Explains `account` as it stands now: for `service`, or for those of the clients, first the
    /// one that was tried last.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn of(
        access: &State,
        account: &Account,
        service: Option<&str>,
    ) -> Result<Self, StoreError> {
        let now = access.clock.now().utc;
        let policy = access.policy.load();
        let lock = lock_state(access, account);
        let attempts = access.store.last_attempts(&account.id, ATTEMPTS_SHOWN)?;
        let services = match service {
            Some(service) => vec![service.to_owned()],
            None => tried_first(&policy.offered_services, attempts.first()),
        };
        let locked = lock.locked_until.map(|_| Refusal::LockedOut);
        let verdict = |service: &String| ServiceVerdict {
            service: service.clone(),
            refusal: locked.or(first_of(&findings(&policy, account, service, now))),
        };
        let verdicts: Vec<_> = services.iter().map(verdict).collect();
        let service = services.into_iter().next().unwrap_or_default();
        Ok(Self {
            account: account.id.to_string(),
            kind: account.kind,
            display_name: account.display_name.clone().map(Outside::from),
            refusal: verdicts.first().and_then(|verdict| verdict.refusal),
            findings: findings(&policy, account, &service, now),
            service,
            services: verdicts,
            lock,
            nt_hash: NtHashState::of(account, &policy),
            attempts: attempts.into_iter().map(Attempt::from).collect(),
        })
    }

    /// The same for people, with times in their `zone`.
    #[must_use]
    pub fn in_words<'a>(&'a self, zone: &'a TimeZone) -> impl fmt::Display + 'a {
        InWords {
            explanation: self,
            zone,
        }
    }
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
    account: &Account,
    service: &str,
    now: Timestamp,
) -> Vec<StatusFinding> {
    let rules = policy.sources.rules(&account.id);
    let found = portvakt_auth::findings(account, service, rules, now);
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

impl NtHashState {
    fn of(account: &Account, policy: &Policy) -> Self {
        let present = account.nt_hash.is_some();
        let next_step = (!present).then(|| how_to_mend(policy));
        Self { present, next_step }
    }
}

fn how_to_mend(policy: &Policy) -> String {
    let attribute = &policy.attributes.nt_hash;
    match (policy.write_nt_hashes, attribute.is_empty()) {
        (true, _) => "set its password anew; better, set the device up with TTLS/PAP or a \
                      certificate"
            .to_owned(),
        (false, false) => format!(
            "import it with its {attribute}; better, set the device up with TTLS/PAP or a \
             certificate"
        ),
        (false, true) => "set the device up with TTLS/PAP or a certificate; this server keeps no \
                          NT hashes (docs/methods.md says what they cost)"
            .to_owned(),
    }
}

/// Failed log-ons and lock of an account, as they count at this moment.
pub(super) fn lock_state(access: &State, account: &Account) -> LockState {
    let now = access.clock.now();
    let policy = access.policy.load();
    let lockout = &policy.sources.rules(&account.id).lockout;
    let locked_until = access.locks.locked_until(&account.id, now.tick);
    let failures = access
        .locks
        .lock_record(&account.id)
        .filter(|record| now.tick.since(record.last_failure) < lockout.forget_after)
        .map_or(0, |record| record.failures);
    LockState {
        failures,
        of: lockout.attempts,
        locked_until: locked_until.map(|tick| now.utc_at(tick)),
        locked_in_directory_since: match &account.verification {
            Verification::Bind(bind) => bind.locked_since,
            _ => None,
        },
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
        }
    }
}

struct InWords<'a> {
    explanation: &'a Explanation,
    zone: &'a TimeZone,
}

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_verdicts(f)?;
        self.write_findings(f)?;
        self.write_lock(f)?;
        self.write_nt_hash(f)?;
        self.write_attempts(f)
    }
}

impl InWords<'_> {
    fn time(&self, time: Timestamp) -> String {
        for_people(time, self.zone)
    }

    /// One line for each way to be judged, with the services that share it.
    fn write_verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation {
            account,
            display_name,
            services,
            lock,
            ..
        } = self.explanation;
        let name = display_name.as_ref().map(|name| format!(" ({name})"));
        let name = name.unwrap_or_default();
        let besides = match lock.locked_in_directory_since {
            Some(_) => " and once the directory's own lock is over",
            None => "",
        };
        let mut told = Vec::new();
        for ServiceVerdict { refusal, .. } in services {
            if told.contains(refusal) {
                continue;
            }
            told.push(*refusal);
            let alike = services.iter().filter(|other| other.refusal == *refusal);
            let alike: Vec<_> = alike.map(|other| other.service.as_str()).collect();
            let by = alike.join(", ");
            match refusal {
                None => writeln!(
                    f,
                    "{account}{name} may come in by {by}, with the right password{besides}."
                )?,
                Some(refusal) => {
                    writeln!(f, "{account}{name} is refused by {by}: {refusal}.")?;
                    writeln!(f, "  why        {}", refusal.for_helpdesk())?;
                    writeln!(f, "  next step  {}", refusal.next_step())?;
                }
            }
        }
        Ok(())
    }

    fn write_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.explanation.findings {
            let since = finding.since.map(|since| self.time(since));
            let since = since.map(|since| format!(", since {since}"));
            let since = since.unwrap_or_default();
            let note = finding.note.as_ref();
            let note = note.map(|note| format!(": {note}")).unwrap_or_default();
            writeln!(f, "  status     {}{since}{note}", finding.refusal)?;
        }
        Ok(())
    }

    fn write_lock(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lock = &self.explanation.lock;
        if let Some(since) = lock.locked_in_directory_since {
            let since = self.time(since);
            writeln!(
                f,
                "  directory  locked there since {since}, until its lockout duration is over"
            )?;
        }
        match (lock.locked_until, lock.failures) {
            (Some(until), _) => {
                let until = self.time(until);
                writeln!(f, "  lock       after failed log-ons, until {until}")
            }
            (None, 0) => writeln!(f, "  lock       none, no failed log-ons counted"),
            (None, failures) => {
                writeln!(
                    f,
                    "  lock       none, {failures} of {} failed log-ons",
                    lock.of
                )
            }
        }
    }

    fn write_nt_hash(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(next_step) = &self.explanation.nt_hash.next_step else {
            return writeln!(f, "  nt hash    kept, for MS-CHAP and PEAP with a password");
        };
        writeln!(
            f,
            "  nt hash    none: MS-CHAP, and PEAP with MSCHAPv2, refuse this account"
        )?;
        writeln!(f, "             to mend it, {next_step}")
    }

    fn write_attempts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.explanation.attempts.is_empty() {
            return writeln!(f, "  attempts   none known");
        }
        writeln!(f, "  last attempts, newest first:")?;
        for attempt in &self.explanation.attempts {
            let device = attempt.device.as_ref();
            let device = device.map_or("unknown device".to_owned(), Outside::to_string);
            let place = attempt.place.as_ref().unwrap_or(&attempt.client);
            writeln!(
                f,
                "    {}  {:<20} {} {} from {device} at {place}",
                self.time(attempt.time),
                attempt.outcome,
                attempt.service,
                attempt.method
            )?;
            if let Some(detail) = &attempt.detail {
                writeln!(f, "      {detail}")?;
            }
        }
        Ok(())
    }
}

/// Who closed the account, and why, if that is what it is refused for.
fn note_of(account: &Account, refusal: Refusal) -> Option<Outside> {
    let note = match refusal {
        Refusal::Deactivated => account.deactivated.as_ref(),
        Refusal::Suspended => account.suspended.as_ref(),
        _ => None,
    };
    note.map(|note| Outside::from(format!("{} ({})", note.reason, note.by)))
}

/// The code that lists show for an account: `open` where one of the clients' services would let it
/// in, else the reason that the first would give.
pub(super) fn state_code(access: &State, account: &Account) -> &'static str {
    let now = access.clock.now();
    if access.locks.locked_until(&account.id, now.tick).is_some() {
        return Refusal::LockedOut.code();
    }
    let policy = access.policy.load();
    let services = policy.offered_services.iter();
    let mut refusals = services.map(|service| {
        let rules = policy.sources.rules(&account.id);
        let standing = portvakt_auth::standing(account, service, rules, now.utc);
        let standing = standing.and_then(|_| policy.check_kind(account, service));
        standing.err()
    });
    let first = refusals.next().flatten();
    match first.filter(|_| refusals.all(|refusal| refusal.is_some())) {
        Some(refusal) => refusal.code(),
        None => "open",
    }
}
