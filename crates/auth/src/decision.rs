//! The decision: a proven credential and an account in good standing make a grant.

use crate::account::Kind;
use crate::account_reply::AccountReply;
use crate::name::{AccountId, ShortText};
use crate::proof::Proof;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::status::{Subject, standing};
use crate::time::Now;
use jiff::Timestamp;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Leave to write an accept; only [`decide`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Grant {
    account: AccountId,
    credential_version: u64,
    service: ShortText,
    kind: Kind,
    vlan: Option<ShortText>,
    reply: Option<Box<AccountReply>>,
    is_sure: bool,
    ends: Option<Timestamp>,
}

impl Grant {
    /// The account that is let in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The service the account logs on to (`eduroam`, `vpn`).
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Data of this log-on to keep with a session that the device may resume, for
    /// [`Proof::of_session`]. To be kept where nobody else can write. `None` if there may be no
    /// such session: the password may be an earlier one by now.
    pub fn session_context(&self) -> Option<Vec<u8>> {
        let mut context = self.credential_version.to_be_bytes().to_vec();
        context.extend_from_slice(self.account.as_str().as_bytes());
        self.is_sure.then_some(context)
    }

    /// The VLAN of the account, if not the service's usual one.
    pub fn vlan(&self) -> Option<&str> {
        self.vlan.as_deref()
    }

    /// The kind of the account.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Reply attributes of the account's own.
    pub fn reply(&self) -> Option<&AccountReply> {
        self.reply.as_deref()
    }

    /// When a rule will stop to hold: account or password expire, or an unpaid term is due.
    pub fn ends(&self) -> Option<Timestamp> {
        self.ends
    }

    /// How long from `utc` on the session may last by the rules, for Session-Timeout.
    pub fn session_limit(&self, utc: Timestamp) -> Option<Duration> {
        let left = self.ends?.duration_since(utc);
        Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
    }
}

/// Decides about an account whose credential is proven and which is not locked.
///
/// # Errors
/// The first rule that does not hold. A proof of another account's credential proves nothing:
/// [`Refusal::WrongCredential`]. One of this account's older credential, because the password was
/// changed while it was checked, is [`Refusal::PreviousPassword`].
pub fn decide(
    subject: Subject<'_>,
    proof: Proof,
    service: &str,
    rules: &Rules,
    now: Now,
) -> Result<Grant, Refusal> {
    let account = subject.account;
    if proof.account() != &account.id {
        return Err(Refusal::WrongCredential);
    }
    if proof.credential_version() != account.credential_version {
        return Err(Refusal::PreviousPassword);
    }
    let standing = standing(subject, service, rules, now.utc)?;
    Ok(Grant {
        account: account.id.clone(),
        credential_version: account.credential_version,
        service: service.into(),
        is_sure: account.is_sure_of_password(now.utc),
        kind: account.kind,
        reply: account.reply.clone(),
        vlan: account.vlan.as_deref().map(ShortText::from),
        ends: standing.ends(),
    })
}
