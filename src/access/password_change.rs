//! A new password that its owner sends through MS-CHAPv2 (RFC 2759 §7): whether it may be, and its
//! way into the directory.

use std::borrow::Cow;
use std::sync::Arc;

use portvakt_auth::mschap::NewPassword;
use portvakt_auth::password::policy::is_new;
use portvakt_auth::password::{ComparedWith, HashMemory, UnfitPassword};
use portvakt_auth::{
    Account, Now, Password, PasswordHash, PasswordKind, Proof, Refusal, Rules, findings,
};
use zeroize::Zeroizing;

use super::exchange::Exchange;
use crate::audit::{Act, AuditEvent};
use portvakt_directory::{DirectoryWriter, WriteError};

/// The log's detail of a log-on that changed the password.
pub(super) const CHANGED: &str =
    "The password had expired, and its owner changed it through MS-CHAPv2.";

/// Why a password was not changed. Nothing of it counts: the present one was proven.
pub(super) struct NotChanged {
    /// The reason the log-on is refused for.
    pub refusal: Refusal,
    /// More about it, for the log.
    pub detail: Option<Cow<'static, str>>,
}

/// Whether the owner of `account`, whose password was proven, may change it here and now: it has
/// expired, nothing else is wrong, and there is a way to write it.
pub(super) fn is_possible(exchange: &Exchange, account: &Account, now: Now) -> bool {
    let Exchange { policy, peer, .. } = exchange;
    let client = &peer.client;
    let Some(source) = policy.sources.of_account(&account.id) else {
        return false;
    };
    let registry = exchange.access.state.registry.of(account);
    let subject = registry.subject(account);
    let found = findings(subject, &client.service, &source.rules, now.utc);
    let mut reasons = found.iter().map(|finding| finding.refusal);
    source.rules.change_by_mschapv2
        && source.directory.writer().is_some()
        && (reasons.next(), reasons.next()) == (Some(Refusal::PasswordExpired), None)
        && policy.check_kind(account, &client.service).is_ok()
        && exchange.asked_for.check(account).is_ok()
}

/// Puts the new password in place of the present one, which `proof` is of. Returns the account as
/// it is then, durable. Hashes and waits for the disk: for a thread of the hash pool.
pub(super) fn apply(
    exchange: &Exchange,
    account: &Account,
    proof: Proof,
    new: &NewPassword,
    scratch: &mut HashMemory,
) -> Result<Arc<Account>, NotChanged> {
    let now = exchange.access.state.clock.now();
    let store = &exchange.access.state.store;
    // The present password was compared, and that is not taken yet: under a lock nothing is changed.
    match store.is_locked_elsewhere(&account.id) {
        Ok(false) => {}
        Ok(true) => {
            return Err(NotChanged {
                refusal: Refusal::LockedOut,
                detail: None,
            });
        }
        Err(error) => return Err(out_of_order(account, &error)),
    }
    let source = exchange.policy.sources.of_account(&account.id);
    let writer = source.and_then(|source| source.directory.writer());
    let Some(writer) = writer.filter(|_| is_possible(exchange, account, now)) else {
        return Err(not_possible(exchange, account, proof, now));
    };
    let rules = exchange.policy.sources.rules(&account.id);
    let text = fit(account, new, rules).map_err(|unfit| not_fit(&unfit))?;
    is_new(account, &text, scratch)
        .map_err(|error| out_of_order(account, &error))?
        .map_err(|unfit| not_fit(&unfit))?;
    let cost = exchange.policy.hash_cost.clone();
    let salt = crate::random::bytes();
    let hash = PasswordHash::hash_new(text.as_bytes(), salt, cost, scratch)
        .map_err(|error| out_of_order(account, &error))?;
    let password = Password {
        hash,
        changed_at: now.utc,
        kind: PasswordKind::Permanent,
    };
    let changed = write(writer, account, &text, password, new)?;
    exchange.access.state.invalidate_everywhere(&account.id);
    tell(exchange, account, now);
    Ok(changed)
}

/// Some device sends a change that nobody offered it, or something happened meanwhile.
fn not_possible(exchange: &Exchange, account: &Account, proof: Proof, now: Now) -> NotChanged {
    let Exchange { policy, peer, .. } = exchange;
    let client = &peer.client;
    let rules = policy.sources.rules(&account.id);
    let registry = exchange.access.state.registry.of(account);
    let subject = registry.subject(account);
    let decision = portvakt_auth::decide(subject, proof, &client.service, rules, now);
    NotChanged {
        refusal: decision.err().unwrap_or(Refusal::MethodNotAllowed),
        detail: Some("The device wanted to change a password that can't be changed here.".into()),
    }
}

/// The new password as text, if the policy lets it be one. The old one is not at hand: MS-CHAPv2
/// sends its NT hash alone.
fn fit(
    account: &Account,
    new: &NewPassword,
    rules: &Rules,
) -> Result<Zeroizing<String>, UnfitPassword> {
    let text = new.text().ok_or(UnfitPassword::NoText)?;
    if account.nt_hash.as_ref() == Some(new.nt_hash()) {
        return Err(UnfitPassword::Same);
    }
    if account.is_previous_nt_hash(new.nt_hash()) {
        return Err(UnfitPassword::Previous);
    }
    let with = ComparedWith {
        account: Some(account),
        old: None,
    };
    rules.password_policy.check(&text, with)
}

fn not_fit(unfit: &UnfitPassword) -> NotChanged {
    NotChanged {
        refusal: Refusal::PasswordExpired,
        detail: Some(unfit.to_string().into()),
    }
}

/// Writes it, unless the account's credential has changed since it was proven.
fn write(
    writer: &dyn DirectoryWriter,
    account: &Account,
    text: &str,
    password: Password,
    new: &NewPassword,
) -> Result<Arc<Account>, NotChanged> {
    let new = portvakt_directory::NewPassword {
        text: Some(text),
        kept: password,
        nt_hash: Some(new.nt_hash().clone()),
        in_place_of: Some(account.credential_version),
    };
    let written = writer.set_password(&account.id, new);
    written
        .map_err(|error| not_written(account, &error))?
        .ok_or(NotChanged {
            refusal: Refusal::PreviousPassword,
            detail: Some("The password was changed by somebody else at the same moment.".into()),
        })
}

/// A password that the directory's own rules forbid is the owner's fault, all else is ours.
fn not_written(account: &Account, error: &WriteError) -> NotChanged {
    match error {
        WriteError::Unfit(_) => NotChanged {
            refusal: Refusal::PasswordExpired,
            detail: Some(error.to_string().into()),
        },
        _ => out_of_order(account, error),
    }
}

fn out_of_order(account: &Account, error: &dyn std::fmt::Display) -> NotChanged {
    tracing::error!(account = %account.id, %error, "a new password can't be written");
    NotChanged {
        refusal: Refusal::DirectoryUnavailable,
        detail: Some("The new password could not be written; the server's log says why.".into()),
    }
}

fn tell(exchange: &Exchange, account: &Account, now: Now) {
    exchange.access.state.audit.record(&AuditEvent::Act(Act {
        time: now.utc,
        who: account.id.as_str(),
        what: "change-password",
        account: Some(account.id.as_str()),
        why: Some("changed by its owner through MS-CHAPv2, because it had expired"),
        result: "done",
    }));
}
