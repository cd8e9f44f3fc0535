//! Passwords set by an administrator.

use std::fmt;

use portvakt_auth::mschap::NtHash;
use portvakt_auth::{Password, PasswordHash, PasswordKind};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Accounts, ActError, Actor, Target};

/// A new password, hashed by its caller.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewPassword {
    /// Its hash.
    pub hash: PasswordHash,
    /// Its NT hash; kept only where `accounts.write-nt-hashes-danger` is set.
    #[serde(default)]
    pub nt_hash: Option<NtHash>,
    /// The password itself, where the directory hashes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<ClearPassword>,
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
    /// Those of a name or of its directory, or [`ActError::ChangedMeanwhile`].
    pub fn set_password(
        &self,
        actor: &Actor,
        target: &Target,
        new: NewPassword,
    ) -> Result<PasswordSet, ActError> {
        let account = self.find(&target.user)?;
        let (act, kind) = new.act();
        let writes_nt_hashes = self.state.policy.load().write_nt_hashes;
        let password = portvakt_directory::NewPassword {
            text: new.text.as_ref().map(|text| text.0.as_str()),
            kept: Password {
                hash: new.hash,
                changed_at: self.state.clock.now().utc,
                kind,
            },
            nt_hash: new.nt_hash.filter(|_| writes_nt_hashes),
            in_place_of: None,
        };
        let changed = self.write(&account, |writer| {
            writer.set_password(&account.id, password)
        });
        self.forget(&account);
        let changed = changed?.ok_or(ActError::ChangedMeanwhile)?;
        self.audit(actor, act, &account, &target.why);
        Ok(PasswordSet {
            account: account.id.to_string(),
            had_nt_hash: account.nt_hash.is_some(),
            has_nt_hash: changed.nt_hash.is_some(),
        })
    }
}
