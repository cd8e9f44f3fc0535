//! Codes are offered: with a new password, or to read the account's state.
//!
//! A name without an account, without an opening, with a wrong code and with no try left get the same
//! answer, at the same time, after one Argon2id.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use portvakt_auth::{Account, PasswordKind};
use portvakt_resets::{Checked, Offered, OpeningKind, Proven, closed, in_vain};
use portvakt_store::StoreError;
use serde::{Deserialize, Serialize};

use super::super::{Accounts, ActError, Actor, ClearPassword, Explanation, PasswordSet};
use crate::audit::{Act, AuditEvent};

/// How late a refusal is, from the moment the code came; a comparison takes much less.
#[cfg(not(test))]
const REFUSAL_AFTER: Duration = Duration::from_secs(1);
#[cfg(test)]
const REFUSAL_AFTER: Duration = Duration::from_millis(1);
/// Up to so many per cent later, at random.
const JITTER_PERCENT: u32 = 20;
/// Tries to take a try, while others change the opening.
const TRIES_TO_RESERVE: u8 = 5;

/// A code and a new password.
#[derive(Debug, Serialize, Deserialize)]
pub struct Redemption {
    /// The name as it was typed.
    pub name: String,
    /// The code, or the PIN.
    pub code: ClearPassword,
    /// The new password.
    pub new_password: ClearPassword,
    /// Whether it is a window of IT support; else a temporary password that was sent.
    pub by_support: bool,
}

/// A code that shows the account's state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Proof {
    /// The name as it was typed.
    pub name: String,
    /// The code.
    pub code: ClearPassword,
}

impl Accounts {
    /// Puts a new password in place, whose owner has a code: the code is used up first, durably, and
    /// the password takes the place of the credential that it was made for and of no other. Ends the
    /// account's lock. Blocks, a refusal for `REFUSAL_AFTER` in all.
    ///
    /// # Errors
    /// [`ActError::CodeRefused`], whatever is wrong with name and code; [`ActError::TooManyTries`] for
    /// everybody while PINs are guessed; and with the right code those of a new password.
    pub fn redeem(&self, actor: &Actor, redemption: &Redemption) -> Result<PasswordSet, ActError> {
        let kind = match redemption.by_support {
            true => OpeningKind::Support,
            false => OpeningKind::Message,
        };
        late(|| {
            let (account, proven) = self.prove(actor, &redemption.name, &redemption.code, kind)?;
            self.choose(actor, &account, &proven, &redemption.new_password)
        })
    }

    /// The state of an account, to an owner who has a code of [`OpeningKind::Proof`], also while the
    /// account is locked. The code is used up. It shows, and changes nothing.
    ///
    /// # Errors
    /// [`ActError::CodeRefused`], whatever is wrong with name and code; or those of
    /// [`explain`](Self::explain).
    pub fn explain_to_owner(&self, actor: &Actor, proof: &Proof) -> Result<Explanation, ActError> {
        let kind = OpeningKind::Proof;
        let account = late(|| {
            let (account, proven) = self.prove(actor, &proof.name, &proof.code, kind)?;
            let used = proven.used();
            match self
                .state
                .store
                .put_opening(&used, proven.opening().revision, None)?
            {
                true => Ok(account),
                false => Err(ActError::CodeRefused),
            }
        })?;
        self.audit(
            actor,
            "read-state-by-code",
            &account,
            "with a code to the mobile",
        );
        self.explain(account.id.as_str(), None)
    }

    /// Compares a code, one try less: reserved durably before.
    fn prove(
        &self,
        actor: &Actor,
        name: &str,
        typed: &ClearPassword,
        kind: OpeningKind,
    ) -> Result<(Arc<Account>, Proven), ActError> {
        let offered = Offered::parse(&typed.0);
        let is_pin = matches!(offered, Offered::Pin(_));
        if is_pin
            && self
                .state
                .reset_requests
                .is_braked(self.state.clock.now().tick)
        {
            return Err(ActError::TooManyTries);
        }
        let account = self.find(name).ok();
        let checked = match &account {
            Some(account) => self.compare(account, &offered, kind)?,
            None => self.compare_in_vain(),
        };
        match (account, checked) {
            (Some(account), Checked::Right(proven)) => self.still_open(&account, proven),
            (account, _) => {
                self.note_wrong(actor, account.as_deref(), kind, is_pin);
                Err(ActError::CodeRefused)
            }
        }
    }

    fn compare_in_vain(&self) -> Checked {
        in_vain(&mut self.hashing.lock().unwrap_or_else(PoisonError::into_inner));
        Checked::Wrong
    }

    fn compare(
        &self,
        account: &Account,
        offered: &Offered,
        kind: OpeningKind,
    ) -> Result<Checked, ActError> {
        for _ in 0..TRIES_TO_RESERVE {
            let now = self.state.clock.now().utc;
            let Some(opening) = self.opening(&account.id, kind)? else {
                return Ok(self.compare_in_vain());
            };
            if self.is_closed(account) {
                return Ok(self.compare_in_vain());
            }
            let Ok(reservation) = opening.reserve(account, now) else {
                return Ok(self.compare_in_vain());
            };
            let attempt = reservation
                .store(|opening, replaced| self.state.store.put_opening(opening, replaced, None))?;
            if let Some(attempt) = attempt {
                let policy = self.state.policy.load();
                let pepper = policy.messaging.resets.pepper.as_ref();
                let mut memory = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
                return Ok(attempt.check(offered, pepper, &mut memory)?);
            }
        }
        Ok(self.compare_in_vain())
    }

    fn is_closed(&self, account: &Account) -> bool {
        let policy = self.state.policy.load();
        let rules = policy.sources.rules(&account.id);
        let registry = self.state.registry.of(account);
        closed(registry.subject(account), rules, self.state.clock.now().utc).is_some()
    }

    /// The account read anew, for it may have been closed or changed while the code was compared.
    fn still_open(
        &self,
        account: &Account,
        proven: Proven,
    ) -> Result<(Arc<Account>, Proven), ActError> {
        let account = self.find(account.id.as_str())?;
        let made_for = proven.opening().credential_version;
        match account.credential_version == made_for && !self.is_closed(&account) {
            true => Ok((account, proven)),
            false => Err(ActError::CodeRefused),
        }
    }

    fn choose(
        &self,
        actor: &Actor,
        account: &Arc<Account>,
        proven: &Proven,
        new: &ClearPassword,
    ) -> Result<PasswordSet, ActError> {
        let reserved = proven.opening().revision;
        let fit = match self.fit_password(account, &new.0) {
            Ok(fit) => fit,
            Err(unfit) => {
                // The code was right: the try is given back.
                self.state
                    .store
                    .put_opening(&proven.given_back(), reserved, None)?;
                return Err(unfit);
            }
        };
        let used = proven.used();
        if !self.state.store.put_opening(&used, reserved, None)? {
            return Err(ActError::CodeRefused);
        }
        let version = Some(account.credential_version);
        let changed = self.replace_password(account, fit, PasswordKind::Permanent, version);
        let changed = changed.inspect_err(|error| {
            if !matches!(error, ActError::ChangedMeanwhile) {
                self.reopen(proven);
            }
        })?;
        self.end_lock(account);
        let act = match used.kind {
            OpeningKind::Support => "choose-password-by-window",
            _ => "choose-password-by-message",
        };
        self.audit(actor, act, account, "by its owner, with a code");
        Ok(PasswordSet {
            account: account.id.to_string(),
            had_nt_hash: account.nt_hash.is_some(),
            has_nt_hash: changed.nt_hash.is_some(),
        })
    }

    /// The password was not written, by no fault of its owner.
    fn reopen(&self, proven: &Proven) {
        let reopened = proven.reopened();
        let replaced = proven.used().revision;
        let stored: Result<bool, StoreError> =
            self.state.store.put_opening(&reopened, replaced, None);
        if let Err(error) = stored {
            tracing::error!(%error, "a code stays used although no password was set by it");
        }
    }

    /// A password set through a second channel ends the lock: its owner has mended what locked it.
    fn end_lock(&self, account: &Account) {
        let now = self.state.clock.now();
        let unlocked = self.state.store.unlock(&self.state.locks, &account.id, now);
        if let Err(error) = unlocked {
            tracing::warn!(account = %account.id, %error, "the lock stays until it ends by itself");
        }
    }

    fn note_wrong(
        &self,
        actor: &Actor,
        account: Option<&Account>,
        kind: OpeningKind,
        is_pin: bool,
    ) {
        let now = self.state.clock.now();
        if is_pin && self.state.reset_requests.note_wrong_pin(now.tick) {
            tracing::error!("many wrong PINs in all: none is compared for up to a minute");
        }
        let Some(account) = account else { return };
        self.state.audit.record(&AuditEvent::Act(Act {
            time: now.utc,
            who: &actor.who,
            what: match kind {
                OpeningKind::Message => "choose-password-by-message",
                OpeningKind::Support => "choose-password-by-window",
                OpeningKind::Proof => "read-state-by-code",
            },
            account: Some(account.id.as_str()),
            why: None,
            result: "refused: no open code, or a wrong one",
        }));
    }
}

/// Has a refusal of the code come at the same time, whatever it was refused for.
fn late<T>(work: impl FnOnce() -> Result<T, ActError>) -> Result<T, ActError> {
    let began = Instant::now();
    let done = work();
    if matches!(done, Err(ActError::CodeRefused)) {
        let percent = 100 + u32::from(u16::from_be_bytes(crate::random::bytes())) % JITTER_PERCENT;
        let until = began + REFUSAL_AFTER * percent / 100;
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
    done
}
