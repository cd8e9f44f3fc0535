//! Attempts that reached no account: a name that is nobody's, a handshake that broke off.

use jiff::Timestamp;
use portvakt_auth::Symptom;

use crate::AttemptOutcome;

/// Attempts kept at most, about 300 octets each; a newer one displaces the oldest. A flood of them
/// displaces the others sooner, and touches no account's own attempts.
pub const UNATTRIBUTED_AT_MOST: u32 = 100_000;

/// An attempt that reached no account. It is found again by its name, or by its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnattributedAttempt {
    /// When it was answered, or found abandoned; kept to the millisecond.
    pub time: Timestamp,
    /// The key by which names that look alike are found; `None` for an anonymous name.
    pub name_key: Option<String>,
    /// The key of the device.
    pub device_key: Option<String>,
    /// The name as it was sent: the inner one where there was one.
    pub name: String,
    /// Outcome of the attempt.
    pub outcome: AttemptOutcome,
    /// A fact that the reason of the refusal leaves open.
    pub symptom: Option<Symptom>,
    /// The name of the RADIUS client it came through.
    pub client: String,
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// Calling-Station-Id: the device.
    pub calling_station: Option<String>,
    /// NAS-Identifier: the access point or switch.
    pub nas_identifier: Option<String>,
    /// Operator-Name: the visited site.
    pub operator_name: Option<String>,
    /// More about a refusal.
    pub detail: Option<String>,
}

impl UnattributedAttempt {
    /// Whether `other` differs in its time alone.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        let at_once = Self {
            time: self.time,
            ..other.clone()
        };
        *self == at_once
    }
}
