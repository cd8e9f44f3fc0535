//! Accounts closed, opened again, and deleted.

use portvakt_auth::{Account, Closure, Refusal};
use serde::{Deserialize, Serialize};

use super::explain::refusal_of;
use super::{Accounts, ActError, Actor, Target};

/// Acts that close an account or open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosureAct {
    /// Closed after an abuse report.
    Suspend,
    /// Closed for other reasons.
    Deactivate,
    /// Opened again.
    Restore,
}

/// An account after such an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The act.
    pub act: ClosureAct,
    /// The account's name.
    pub account: String,
    /// The reason for which every service refuses the right password now; `None` is open.
    pub refusal: Option<Refusal>,
}

/// An account that is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The name it had.
    pub account: String,
}

impl ClosureAct {
    /// The word of the audit log and the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Deactivate => "deactivate",
            Self::Restore => "restore",
        }
    }
}

impl Accounts {
    /// Closes an account after an abuse report, until it is restored.
    ///
    /// # Errors
    /// Those of a name, or of its directory.
    pub fn suspend(&self, actor: &Actor, target: &Target) -> Result<Changed, ActError> {
        self.change(actor, ClosureAct::Suspend, target, |account, closure| {
            account.suspended = Some(closure);
        })
    }

    /// Closes an account for other reasons, until it is restored.
    ///
    /// # Errors
    /// As [`suspend`](Self::suspend).
    pub fn deactivate(&self, actor: &Actor, target: &Target) -> Result<Changed, ActError> {
        self.change(actor, ClosureAct::Deactivate, target, |account, closure| {
            account.deactivated = Some(closure);
        })
    }

    /// Lifts suspension and deactivation.
    ///
    /// # Errors
    /// As [`suspend`](Self::suspend).
    pub fn restore(&self, actor: &Actor, target: &Target) -> Result<Changed, ActError> {
        self.change(actor, ClosureAct::Restore, target, |account, _| {
            account.suspended = None;
            account.deactivated = None;
        })
    }

    /// Removes an account for good.
    ///
    /// # Errors
    /// As [`suspend`](Self::suspend).
    pub fn delete(&self, actor: &Actor, target: &Target) -> Result<Deleted, ActError> {
        let account = self.find(&target.user)?;
        self.write(&account, |writer| writer.remove(&account.id))?;
        self.forget(&account);
        self.audit(actor, "delete", &account, &target.why);
        let account = account.id.to_string();
        Ok(Deleted { account })
    }

    fn change(
        &self,
        actor: &Actor,
        act: ClosureAct,
        target: &Target,
        change: impl FnOnce(&mut Account, Closure),
    ) -> Result<Changed, ActError> {
        let account = self.find(&target.user)?;
        let closure = Closure {
            reason: target.why.clone(),
            until: None,
            since: self.state.clock.now().utc,
            by: actor.who.clone(),
        };
        let changed = self.write(&account, |writer| {
            writer.update(&account.id, |account| change(account, closure))
        })?;
        self.forget(&account);
        self.audit(actor, act.word(), &account, &target.why);
        Ok(Changed {
            act,
            account: account.id.to_string(),
            refusal: refusal_of(&self.state, &changed),
        })
    }
}
