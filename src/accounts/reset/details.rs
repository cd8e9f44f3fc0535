//! An account's codes, windows and messages, as IT support sees them.

use std::time::Duration;

use jiff::Timestamp;
use portvakt_resets::{MessageState, NumberSeen, Opening, OpeningKind, OpeningState, recipient};
use serde::{Deserialize, Serialize};

use super::super::{Accounts, ActError};

/// Messages of an account that are shown, of this long.
const SHOWN: Duration = Duration::from_secs(8 * 24 * 60 * 60);
const MOST_MESSAGES: u32 = 50_000;

/// Codes, windows and messages of an account; no code and no whole number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetDetails {
    /// The account's name.
    pub account: String,
    /// The registered number, masked, if it is a mobile number.
    pub number: Option<String>,
    /// Since when, if it took another one's place.
    pub number_since: Option<Timestamp>,
    /// Why no message would be sent at the moment; `None` if one would, as far as the account goes.
    pub no_message: Option<String>,
    /// Openings.
    pub openings: Vec<OpeningDetails>,
    /// Messages of the last eight days, newest first.
    pub messages: Vec<MessageDetails>,
}

/// An opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningDetails {
    /// Its purpose.
    pub kind: OpeningKind,
    /// Its state.
    pub state: OpeningState,
    /// Whether a code may be offered now.
    pub is_open: bool,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// From when on it opens nothing.
    pub ends: Timestamp,
    /// Tries that are left.
    pub tries_left: u8,
    /// The person or program that began it.
    pub by: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDetails {
    /// When it was stored.
    pub at: Timestamp,
    /// The account that it was for.
    pub account: String,
    /// Its number, masked.
    pub number: String,
    /// The gateway.
    pub gateway: String,
    /// Its state.
    pub state: MessageState,
    /// Since when.
    pub state_at: Timestamp,
    /// The word for a fault.
    pub fault: Option<String>,
}

impl Accounts {
    /// Codes, windows and messages of an account.
    ///
    /// # Errors
    /// Those of a name, or [`ActError::Store`].
    pub fn reset_details(&self, user: &str) -> Result<ResetDetails, ActError> {
        let account = self.find(user)?;
        let now = self.state.clock.now().utc;
        let policy = self.state.policy.load();
        let rules = policy.sources.rules(&account.id);
        let registry = self.state.registry.of(&account);
        let seen = self.state.store.number_seen(&account.id)?;
        let found = recipient(
            registry.subject(&account),
            rules,
            &policy.messaging.sms.rules,
            seen.as_ref(),
            now,
        );
        let number = account
            .mobile
            .as_deref()
            .and_then(|text| portvakt_resets::Mobile::parse(text).ok());
        let mut openings = Vec::new();
        for kind in OpeningKind::ALL {
            let opening = self.opening(&account.id, kind)?;
            openings.extend(opening.map(|opening| OpeningDetails {
                is_open: opening.is_open(&account, now).is_ok(),
                ..OpeningDetails::of(&opening)
            }));
        }
        let messages = self.messages(SHOWN, MOST_MESSAGES)?;
        Ok(ResetDetails {
            account: account.id.to_string(),
            number: number.map(|number| number.masked()),
            number_since: seen.and_then(|seen: NumberSeen| seen.since),
            no_message: found.err().map(|why| why.to_string()),
            openings,
            messages: messages
                .into_iter()
                .filter(|row| row.account == account.id.as_str())
                .collect(),
        })
    }

    /// Messages of so long, newest first.
    pub(super) fn messages(
        &self,
        of: Duration,
        limit: u32,
    ) -> Result<Vec<MessageDetails>, ActError> {
        let now = self.state.clock.now().utc;
        let rows = self
            .state
            .store
            .messages(now.checked_sub(of).unwrap_or(now), limit)?;
        let details = rows.into_iter().map(|row| MessageDetails {
            at: row.sent.at,
            account: row.sent.account.to_string(),
            number: row.sent.number.masked(),
            gateway: row.gateway,
            state: row.state,
            state_at: row.state_at,
            fault: row.fault,
        });
        Ok(details.collect())
    }
}

impl OpeningDetails {
    fn of(opening: &Opening) -> Self {
        Self {
            kind: opening.kind,
            state: opening.state,
            is_open: false,
            begun: opening.begun.first().copied(),
            ends: opening.ends,
            tries_left: opening.tries_left,
            by: opening.by.clone(),
        }
    }
}
