//! Why somebody can or can't come in, in one value: state, reasons, lock, last attempts, next step.

use std::fmt;

use jiff::Timestamp;
use portvakt_auth::{Account, Kind, Refusal};
use serde::{Deserialize, Serialize};

use crate::access::{Access, Policy};
use crate::shown::Outside;
use crate::store::{AttemptRow, StoreError};

/// How many of the last attempts are shown.
const ATTEMPTS_SHOWN: usize = 10;

/// The state of one account for one service.
#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The account's name.
    pub account: String,
    /// Whose it is.
    pub kind: Kind,
    /// The person's name.
    pub display_name: Option<Outside>,
    /// The service it was asked for.
    pub service: String,
    /// The reason that the right password would be refused for now; `None` is let in.
    pub refusal: Option<Refusal>,
    /// Every rule of status that does not hold.
    pub findings: Vec<StatusFinding>,
    /// Failed log-ons and lock.
    pub lock: LockState,
    /// Whether MS-CHAP can let it in.
    pub nt_hash: NtHashState,
    /// The last attempts, newest first.
    pub attempts: Vec<Attempt>,
}

/// A rule that does not hold.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusFinding {
    /// The reason.
    pub refusal: Refusal,
    /// Since when.
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
    pub locked_until: Option<Timestamp>,
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
    /// Explains `account` as it stands now.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn of(access: &Access, account: &Account, service: &str) -> Result<Self, StoreError> {
        let now = access.clock.now();
        let policy = access.policy.load();
        let rules = policy.homes.rules(&account.id);
        let lock = lock_state(access, account);
        let mut findings: Vec<_> = portvakt_auth::findings(account, service, rules, now.utc)
            .into_iter()
            .map(|found| StatusFinding {
                refusal: found.refusal,
                since: found.since,
                note: note_of(account, found.refusal),
            })
            .collect();
        if let Err(refusal) = policy.check_kind(account, service) {
            findings.push(StatusFinding {
                refusal,
                since: None,
                note: None,
            });
        }
        let first = findings.first().map(|finding| finding.refusal);
        let attempts = access.store.last_attempts(&account.id, ATTEMPTS_SHOWN)?;
        Ok(Self {
            account: account.id.to_string(),
            kind: account.kind,
            display_name: account.display_name.clone().map(Outside::from),
            service: service.to_owned(),
            refusal: lock.locked_until.map(|_| Refusal::LockedOut).or(first),
            findings,
            lock,
            nt_hash: NtHashState::of(account, &policy),
            attempts: attempts.into_iter().map(Attempt::from).collect(),
        })
    }
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
pub(super) fn lock_state(access: &Access, account: &Account) -> LockState {
    let now = access.clock.now();
    let policy = access.policy.load();
    let lockout = &policy.homes.rules(&account.id).lockout;
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

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.display_name.as_ref().map(|name| format!(" ({name})"));
        let name = name.unwrap_or_default();
        match self.refusal {
            None => writeln!(
                f,
                "{}{name} may come in by {}, with the right password.",
                self.account, self.service
            )?,
            Some(refusal) => {
                writeln!(
                    f,
                    "{}{name} is refused by {}: {refusal}.",
                    self.account, self.service
                )?;
                writeln!(f, "  why        {}", refusal.for_helpdesk())?;
                writeln!(f, "  next step  {}", refusal.next_step())?;
            }
        }
        self.write_findings(f)?;
        self.write_lock(f)?;
        self.write_nt_hash(f)?;
        self.write_attempts(f)
    }
}

impl Explanation {
    fn write_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let since = finding
                .since
                .map(|since| format!(", since {since}"))
                .unwrap_or_default();
            let note = finding.note.as_ref();
            let note = note.map(|note| format!(": {note}")).unwrap_or_default();
            writeln!(f, "  status     {}{since}{note}", finding.refusal)?;
        }
        Ok(())
    }

    fn write_lock(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.lock.locked_until, self.lock.failures) {
            (Some(until), _) => writeln!(f, "  lock       after failed log-ons, until {until}"),
            (None, 0) => writeln!(f, "  lock       none, no failed log-ons counted"),
            (None, failures) => {
                writeln!(
                    f,
                    "  lock       none, {failures} of {} failed log-ons",
                    self.lock.of
                )
            }
        }
    }

    fn write_nt_hash(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(next_step) = &self.nt_hash.next_step else {
            return writeln!(f, "  nt hash    kept, for MS-CHAP and PEAP with a password");
        };
        writeln!(
            f,
            "  nt hash    none: MS-CHAP, and PEAP with MSCHAPv2, refuse this account"
        )?;
        writeln!(f, "             to mend it, {next_step}")
    }

    fn write_attempts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attempts.is_empty() {
            return writeln!(f, "  attempts   none known");
        }
        writeln!(f, "  last attempts, newest first:")?;
        for attempt in &self.attempts {
            let device = attempt.device.as_ref();
            let device = device.map_or("unknown device".to_owned(), Outside::to_string);
            let place = attempt.place.as_ref().unwrap_or(&attempt.client);
            writeln!(
                f,
                "    {}  {:<20} {} {} from {device} at {place}",
                attempt.time, attempt.outcome, attempt.service, attempt.method
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

/// The code that lists show for an account: `open` or a reason.
pub(super) fn state_code(access: &Access, account: &Account, service: &str) -> &'static str {
    let now = access.clock.now();
    if access.locks.locked_until(&account.id, now.tick).is_some() {
        return Refusal::LockedOut.code();
    }
    let policy = access.policy.load();
    let rules = policy.homes.rules(&account.id);
    let standing = portvakt_auth::standing(account, service, rules, now.utc);
    let standing = standing.and_then(|_| policy.check_kind(account, service));
    standing.err().map_or("open", Refusal::code)
}
