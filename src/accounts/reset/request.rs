//! A code is asked for.

use std::net::IpAddr;

use portvakt_resets::{BreakerState, OpeningKind};
use serde::{Deserialize, Serialize};

use super::super::{Accounts, ActError, Actor};
use crate::state::ResetRequest;

/// Purpose of a code by text message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// To choose a password.
    TemporaryPassword,
    /// To read the account's state.
    Proof,
}

impl From<CodeKind> for OpeningKind {
    fn from(kind: CodeKind) -> OpeningKind {
        match kind {
            CodeKind::TemporaryPassword => OpeningKind::Message,
            CodeKind::Proof => OpeningKind::Proof,
        }
    }
}

/// A request of somebody who has proven nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRequest {
    /// The name as it was typed.
    pub name: String,
    /// The purpose.
    pub kind: CodeKind,
    /// The address that asks.
    pub source: Option<IpAddr>,
}

/// The answer, the same for every name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeAsked {
    /// Whether messages go out at all at the moment; if not, other ways are to be named.
    pub available: bool,
}

impl Accounts {
    /// Takes a request into the queue. Looks nobody up, and takes the same time for every name: what
    /// becomes of it stands in the audit log.
    ///
    /// # Errors
    /// None that depends on the name; [`ActError::Store`] if the switch of messages can't be read.
    pub fn request_code(&self, actor: &Actor, request: CodeRequest) -> Result<CodeAsked, ActError> {
        let is_off = self.state.store.messages_switched_off()?.is_some();
        let policy = self.state.policy.load();
        let is_stopped = matches!(policy.messaging.breaker(), BreakerState::Stopped(_));
        let available = policy.messaging.sms.enabled && !is_off && !is_stopped;
        if available {
            self.state.reset_requests.push(ResetRequest {
                name: request.name,
                kind: request.kind.into(),
                source: request.source,
                asked: self.state.clock.now().tick,
                by: actor.who.clone(),
            });
        }
        Ok(CodeAsked { available })
    }
}
