//! New passwords: the policy, the hash, and their way into the directory.

use std::fmt;
use std::sync::{Arc, PoisonError};

use portvakt_auth::mschap::NtHash;
use portvakt_auth::password::policy::is_new;
use portvakt_auth::password::{ComparedWith, HashError};
use portvakt_auth::{Account, Password, PasswordHash, PasswordKind};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Accounts, ActError, Actor, Target};

/// A new password as it was typed.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewPassword {
    /// The password.
    pub text: ClearPassword,
    /// Whether it is a temporary one, valid for hours.
    pub temporary: bool,
}

/// A password in clear text. Wiped when it is dropped, and never shown.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClearPassword(pub Zeroizing<String>);

impl fmt::Debug for ClearPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClearPassword([redacted])")
    }
}

/// An account with a new password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {
    /// The account's name.
    pub account: String,
    /// Whether the old password had an NT hash.
    pub had_nt_hash: bool,
    /// Whether the new one has.
    pub has_nt_hash: bool,
}

/// A password that the policy takes, and its hashes.
pub(super) struct FitPassword {
    text: Zeroizing<String>,
    hash: PasswordHash,
    nt_hash: Option<NtHash>,
}

impl NewPassword {
    fn act(&self) -> (&'static str, PasswordKind) {
        match self.temporary {
            true => ("set-temporary-password", PasswordKind::Temporary),
            false => ("set-password", PasswordKind::Permanent),
        }
    }
}

impl Accounts {
    /// Replaces the password of an account, whatever the old one was.
    ///
    /// # Errors
    /// Those of a name or of its directory, [`ActError::UnfitPassword`], or
    /// [`ActError::ChangedMeanwhile`].
    pub fn set_password(
        &self,
        actor: &Actor,
        target: &Target,
        new: &NewPassword,
    ) -> Result<PasswordSet, ActError> {
        let account = self.find(&target.user)?;
        let (act, kind) = new.act();
        let fit = self.fit_password(&account, &new.text.0)?;
        let changed = self.replace_password(&account, fit, kind, None)?;
        self.audit(actor, act, &account, &target.why);
        Ok(PasswordSet {
            account: account.id.to_string(),
            had_nt_hash: account.nt_hash.is_some(),
            has_nt_hash: changed.nt_hash.is_some(),
        })
    }

    /// Checks a new password against the policy and the account's earlier passwords, and hashes it:
    /// four hashes at most, one account at a time.
    ///
    /// # Errors
    /// [`ActError::UnfitPassword`] or [`ActError::OutOfMemory`].
    pub(super) fn fit_password(
        &self,
        account: &Account,
        text: &str,
    ) -> Result<FitPassword, ActError> {
        let policy = self.state.policy.load();
        let with = ComparedWith {
            account: Some(account),
            old: None,
        };
        let rules = policy.sources.rules(&account.id);
        let text = rules.password_policy.check(text, with)?;
        let mut memory = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
        is_new(account, &text, &mut memory)??;
        let (salt, cost) = (crate::random::bytes(), policy.hash_cost.clone());
        let hash = PasswordHash::hash_new(text.as_bytes(), salt, cost, &mut memory)?;
        let nt_hash = policy.write_nt_hashes.then(|| NtHash::of_password(&text));
        Ok(FitPassword {
            text,
            hash,
            nt_hash,
        })
    }

    /// Puts a password in place, durably, and forgets what was proven by the old one. With
    /// `in_place_of` only while the credential has this version.
    ///
    /// # Errors
    /// Those of the directory, or [`ActError::ChangedMeanwhile`].
    pub(super) fn replace_password(
        &self,
        account: &Account,
        fit: FitPassword,
        kind: PasswordKind,
        in_place_of: Option<u64>,
    ) -> Result<Arc<Account>, ActError> {
        let password = portvakt_directory::NewPassword {
            text: Some(&fit.text),
            kept: Password {
                hash: fit.hash,
                changed_at: self.state.clock.now().utc,
                kind,
            },
            nt_hash: fit.nt_hash,
            in_place_of,
        };
        let changed = self.write(account, |writer| writer.set_password(&account.id, password));
        self.forget(account);
        changed?.ok_or(ActError::ChangedMeanwhile)
    }
}

impl From<HashError> for ActError {
    /// The policy bounds the length, so that nothing but memory can be wanting.
    fn from(_: HashError) -> Self {
        Self::OutOfMemory
    }
}
