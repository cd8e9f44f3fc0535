//! Attempts to log on, as they are kept for `explain`. The audit log has every attempt.

use jiff::Timestamp;
use portvakt_auth::name::AccountId;
use portvakt_auth::{Refusal, Symptom};

/// Attempts kept per account; bounds the table however often a device tries.
pub const ATTEMPTS_PER_ACCOUNT: u32 = 50;

/// One attempt on one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// When it was answered; kept to the millisecond.
    pub time: Timestamp,
    /// The account it was made on.
    pub account: AccountId,
    /// Outcome of the attempt.
    pub outcome: AttemptOutcome,
    /// A fact about a refusal that its reason leaves open.
    pub symptom: Option<Symptom>,
    /// The name of the RADIUS client it came through.
    pub client: String,
    /// The service: `eduroam`, `wired`, `vpn`, …
    pub service: String,
    /// The method: `pap`, `ttls/pap`, …
    pub method: String,
    /// Calling-Station-Id: the device.
    pub calling_station: Option<String>,
    /// NAS-Identifier: the access point or switch.
    pub nas_identifier: Option<String>,
    /// Operator-Name: the place, when it came from elsewhere.
    pub operator_name: Option<String>,
    /// The outer identity of an EAP conversation.
    pub outer_identity: Option<String>,
    /// More about a refusal, where its reason does not say it all.
    pub detail: Option<String>,
    /// The server it was made at, where several share a database; filled in by the database.
    pub node: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Let in.
    Accepted,
    /// Not let in, and why.
    Refused(Refusal),
}

impl AttemptOutcome {
    /// `accept`, or the code of the refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Accepted => "accept",
            Self::Refused(refusal) => refusal.code(),
        }
    }

    /// The outcome of this code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "accept" => Some(Self::Accepted),
            _ => Refusal::from_code(code).map(Self::Refused),
        }
    }
}

/// A borrowed [`AttemptRow`].
#[derive(Clone, Copy, Debug)]
pub struct AttemptRef<'a> {
    /// When it was answered.
    pub time: Timestamp,
    /// The account it was made on.
    pub account: &'a AccountId,
    /// Outcome of the attempt.
    pub outcome: AttemptOutcome,
    /// A fact about the refusal.
    pub symptom: Option<Symptom>,
    /// The name of the RADIUS client it came through.
    pub client: &'a str,
    /// The service.
    pub service: &'a str,
    /// The method.
    pub method: &'a str,
    /// Calling-Station-Id.
    pub calling_station: Option<&'a str>,
    /// NAS-Identifier.
    pub nas_identifier: Option<&'a str>,
    /// Operator-Name.
    pub operator_name: Option<&'a str>,
    /// The outer identity.
    pub outer_identity: Option<&'a str>,
    /// More about the refusal.
    pub detail: Option<&'a str>,
}

impl AttemptRef<'_> {
    /// The same, owned.
    #[must_use]
    pub fn to_row(&self) -> AttemptRow {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        AttemptRow {
            time: self.time,
            account: self.account.clone(),
            outcome: self.outcome,
            symptom: self.symptom,
            client: self.client.to_owned(),
            service: self.service.to_owned(),
            method: self.method.to_owned(),
            calling_station: owned(self.calling_station),
            nas_identifier: owned(self.nas_identifier),
            operator_name: owned(self.operator_name),
            outer_identity: owned(self.outer_identity),
            detail: owned(self.detail),
            node: None,
        }
    }

    /// Whether `row` differs in its time alone. A failure that counts repeats no other.
    pub(crate) fn repeats(&self, row: &AttemptRow) -> bool {
        self.outcome != AttemptOutcome::Refused(Refusal::WrongCredential)
            && self.outcome == row.outcome
            && self.symptom == row.symptom
            && self.client == row.client
            && self.service == row.service
            && self.method == row.method
            && self.calling_station == row.calling_station.as_deref()
            && self.nas_identifier == row.nas_identifier.as_deref()
            && self.operator_name == row.operator_name.as_deref()
            && self.outer_identity == row.outer_identity.as_deref()
            && self.detail == row.detail.as_deref()
    }
}
