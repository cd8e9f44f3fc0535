//! Windows of IT support: an activation code, or a PIN, that leads to choosing a password and to
//! nothing else. To close an account for good is another act (`deactivate`).

use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::Account;
use portvakt_resets::{NewOpening, Opening, OpeningKind, OpeningState, Pin, ResetCode, closed};
use serde::{Deserialize, Serialize};

use super::super::{Accounts, ActError, Actor, ClearPassword, Target};
use crate::config::{LONGEST_WINDOW, SHORTEST_WINDOW};

/// How a window is to be opened.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OpenWindow {
    /// How long it is open; the configured time, if it is not said.
    #[serde(default)]
    pub valid: Option<Duration>,
    /// A PIN that opens it too, where the configuration allows it.
    #[serde(default)]
    pub pin: Option<ClearPassword>,
    /// Whether it may be one more than an account has in a month.
    #[serde(default)]
    pub beyond_limit: bool,
}

/// An open window.
#[derive(Debug, Serialize, Deserialize)]
pub struct WindowOpened {
    /// The account's name.
    pub account: String,
    /// The activation code, which is shown once: it is kept as a hash alone.
    pub code: ClearPassword,
    /// From when on it opens nothing.
    pub until: Timestamp,
    /// Whether a PIN opens it too.
    pub takes_pin: bool,
}

/// Openings that were closed before their time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowsClosed {
    /// The account's name.
    pub account: String,
    /// How many there were.
    pub closed: usize,
}

impl Accounts {
    /// Opens a window for an account, after IT support has checked who asks. The password stays as it
    /// is until another one is chosen. A window that is open is replaced.
    ///
    /// # Errors
    /// Those of a name; [`ActError::AccountClosed`], [`ActError::TooManyWindows`],
    /// [`ActError::PinsSwitchedOff`], [`ActError::MalformedPin`], [`ActError::WindowLength`],
    /// [`ActError::ReadOnlyDirectory`], [`ActError::ChangedMeanwhile`] or [`ActError::Store`].
    pub fn open_window(
        &self,
        actor: &Actor,
        target: &Target,
        wanted: &OpenWindow,
    ) -> Result<WindowOpened, ActError> {
        let account = self.find(&target.user)?;
        let now = self.state.clock.now();
        let policy = self.state.policy.load();
        let resets = &policy.messaging.resets;
        let rules = policy.sources.rules(&account.id);
        let registry = self.state.registry.of(&account);
        if let Some(refusal) = closed(registry.subject(&account), rules, now.utc) {
            return Err(ActError::AccountClosed { refusal });
        }
        self.write(&account, |_| Ok(()))?;
        let valid = wanted.valid.unwrap_or(resets.window);
        if !(SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&valid) {
            return Err(ActError::WindowLength);
        }
        let before = self.opening(&account.id, OpeningKind::Support)?;
        check_count(before.as_ref(), resets.windows_a_month, wanted, now.utc)?;
        let code = ResetCode::from_random(&crate::random::bytes());
        let pin = wanted
            .pin
            .as_ref()
            .map(|typed| self.peppered(&account, typed));
        let pin = pin
            .transpose()?
            .map(|material| self.hash_code(&material))
            .transpose()?;
        let new = NewOpening {
            account: &account,
            kind: OpeningKind::Support,
            code: Some(self.hash_code(code.as_bytes())?),
            pin,
            valid,
            by: &actor.who,
        };
        let opening = Opening::begin(before.as_ref(), new, now.utc);
        let replaced = before.map_or(0, |before| before.revision);
        if !self.state.store.put_opening(&opening, replaced, None)? {
            return Err(ActError::ChangedMeanwhile);
        }
        self.audit(actor, "open-window", &account, &target.why);
        Ok(WindowOpened {
            account: account.id.to_string(),
            code: ClearPassword(code.grouped()),
            until: opening.ends,
            takes_pin: opening.pin.is_some(),
        })
    }

    fn peppered(
        &self,
        account: &Account,
        typed: &ClearPassword,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, ActError> {
        let policy = self.state.policy.load();
        let pepper = policy.messaging.resets.pepper.as_ref();
        let pepper = pepper.ok_or(ActError::PinsSwitchedOff)?;
        let pin = Pin::parse(&typed.0).ok_or(ActError::MalformedPin)?;
        Ok(pin.peppered(pepper, &account.id))
    }

    /// Closes every opening of an account: windows, and codes that were sent.
    ///
    /// # Errors
    /// Those of a name, [`ActError::ChangedMeanwhile`] or [`ActError::Store`].
    pub fn close_windows(&self, actor: &Actor, target: &Target) -> Result<WindowsClosed, ActError> {
        let account = self.find_or_recall(&target.user)?;
        let mut closed = 0;
        for kind in OpeningKind::ALL {
            let opening = self.opening(&account.id, kind)?;
            let Some(opening) = opening.filter(|opening| opening.state == OpeningState::Open)
            else {
                continue;
            };
            if !self
                .state
                .store
                .put_opening(&opening.closed(), opening.revision, None)?
            {
                return Err(ActError::ChangedMeanwhile);
            }
            closed += 1;
        }
        self.audit(actor, "close-windows", &account, &target.why);
        Ok(WindowsClosed {
            account: account.id.to_string(),
            closed,
        })
    }
}

/// Windows of the last 31 days, which an opening remembers.
fn check_count(
    before: Option<&Opening>,
    most: u8,
    wanted: &OpenWindow,
    now: Timestamp,
) -> Result<(), ActError> {
    const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);
    let from = now.checked_sub(MONTH).unwrap_or(Timestamp::MIN);
    let begun = before
        .map(|before| before.begun.as_slice())
        .unwrap_or_default();
    let count = begun.iter().filter(|begun| **begun > from).count();
    match wanted.beyond_limit || count < usize::from(most) {
        true => Ok(()),
        false => Err(ActError::TooManyWindows { most }),
    }
}
