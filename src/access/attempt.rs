//! A log-on, from credential to decision, in the order that the rules ask for:
//!
//! ```text
//! account -> active lock? (refused unchecked) -> one attempt reserved -> remembered proof?
//!         -> hash pool -> status -> settled -> durable -> the caller goes on
//! ```
//!
//! The reservation is held while the credential waits for the pool, so a thousand guesses sent at
//! once get six checks: the others wait behind them, and find the lock.

use std::sync::Arc;
use std::time::Instant;

use portvakt_auth::password::{self, Checked, Scratch};
use portvakt_auth::{
    Account, Admission, AttemptOutcome, Denied, Grant, Kind, LockChange, Now, Proof, Refusal,
};
use zeroize::Zeroizing;

use super::exchange::Exchange;
use super::hashing::Turn;
use super::record;
use crate::directory::Found;
use crate::store::Entry;

/// What somebody offers to prove who they are.
pub struct Credential {
    /// The normalised user part of the name.
    pub user: String,
    /// The password as it came.
    pub password: Zeroizing<Vec<u8>>,
}

/// What was decided.
pub type Decision = Result<Grant, Refusal>;

/// A log-on on its way; `then` gets its decision, on whatever thread that falls.
struct LogOn<F> {
    exchange: Exchange,
    credential: Credential,
    then: F,
}

/// Decides about `credential` and hands exchange and decision to `then`, once.
///
/// A refusal that counts, and a success that forgets failures, are on disk before `then` runs.
pub fn log_on<F>(exchange: Exchange, credential: Credential, then: F)
where
    F: FnOnce(Exchange, Decision) + Send + 'static,
{
    let mut log_on = LogOn { exchange, credential, then };
    match log_on.find_account() {
        Found::Account(account) => {
            log_on.exchange.facts.account = Some(account.id.clone());
            log_on.admit(&account);
        }
        Found::Unknown => log_on.refuse_stranger(),
        Found::Unavailable => log_on.end(Err(Refusal::DirectoryUnavailable), None),
    }
}

impl<F> LogOn<F>
where
    F: FnOnce(Exchange, Decision) + Send + 'static,
{
    fn find_account(&self) -> Found {
        self.exchange.access.directory.find(&self.credential.user)
    }

    fn now(&self) -> Now {
        self.exchange.access.clock.now()
    }

    /// Looks for a lock and reserves an attempt; what is still waiting for others' results waits
    /// in the account's own line.
    fn admit(self, account: &Arc<Account>) {
        match self.reserve(account) {
            Ok(admission) => match self.recall(account) {
                Some(proof) => self.settle_proven(account, admission, proof),
                None => self.queue(account, Some(admission)),
            },
            Err(Denied::Locked { .. }) => self.end(Err(Refusal::LockedOut), None),
            Err(Denied::Busy) => self.queue(account, None),
            Err(Denied::Full) => self.end(Err(Refusal::Overloaded), None),
        }
    }

    /// `None` inside where nothing is counted (I5).
    fn reserve(&self, account: &Account) -> Result<Option<Admission>, Denied> {
        if account.kind == Kind::Test {
            return Ok(None);
        }
        let lockout = &self.exchange.policy.rules.lockout;
        self.exchange.access.locks.admit(&account.id, lockout, self.now().tick).map(Some)
    }

    fn recall(&self, account: &Account) -> Option<Proof> {
        let access = &self.exchange.access;
        access.proofs.recall(account, &self.credential.password, self.now().tick)
    }

    fn queue(self, account: &Arc<Account>, admission: Option<Option<Admission>>) {
        let access = Arc::clone(&self.exchange.access);
        let key = Arc::from(account.id.as_str());
        access.hashing.submit(key, move |turn| match turn {
            Turn::Hash(scratch) => self.take_turn(admission, scratch),
            Turn::Shed => self.end(Err(Refusal::Overloaded), None),
        });
    }

    /// The account's turn in the pool. It may have changed while this waited, so it is read anew.
    fn take_turn(self, admission: Option<Option<Admission>>, scratch: &mut Scratch) {
        let account = match self.find_account() {
            Found::Account(account) => account,
            Found::Unknown => return self.end(Err(Refusal::UnknownUser), None),
            Found::Unavailable => return self.end(Err(Refusal::DirectoryUnavailable), None),
        };
        let admission = match admission {
            Some(admission) => admission,
            None => match self.reserve(&account) {
                Ok(admission) => admission,
                Err(Denied::Busy) => return self.queue(&account, None),
                Err(Denied::Locked { .. }) => return self.end(Err(Refusal::LockedOut), None),
                Err(Denied::Full) => return self.end(Err(Refusal::Overloaded), None),
            },
        };
        if let Some(proof) = self.recall(&account) {
            return self.settle_proven(&account, admission, proof);
        }
        match password::check(&account, &self.credential.password, scratch) {
            Ok(Checked::Proven(proof)) => {
                let access = &self.exchange.access;
                access.proofs.remember(
                    &account,
                    &self.credential.password,
                    &proof,
                    self.now().tick,
                );
                self.settle_proven(&account, admission, proof);
            }
            Ok(Checked::Previous) => {
                self.settle(admission, AttemptOutcome::NotCounted, Err(Refusal::PreviousPassword));
            }
            Ok(Checked::Wrong) => {
                let tag = self.exchange.access.proofs.tag(&account, &self.credential.password);
                let outcome = AttemptOutcome::Failed { tag };
                self.settle(admission, outcome, Err(Refusal::WrongCredential));
            }
            Err(error) => {
                tracing::error!(account = %account.id, %error, "the stored hash can't be used");
                let decision = Err(Refusal::DirectoryUnavailable);
                self.settle(admission, AttemptOutcome::NotCounted, decision);
            }
        }
    }

    /// The credential is right: now, and only now, the account's state matters (P6).
    fn settle_proven(self, account: &Account, admission: Option<Admission>, proof: Proof) {
        let Exchange { policy, client, .. } = &self.exchange;
        let decision = policy.check_kind(account, &client.service).and_then(|()| {
            portvakt_auth::decide(account, proof, &client.service, &policy.rules, self.now())
        });
        let outcome = match decision {
            Ok(_) => AttemptOutcome::Accepted,
            Err(_) => AttemptOutcome::NotCounted,
        };
        self.settle(admission, outcome, decision);
    }

    fn settle(self, admission: Option<Admission>, outcome: AttemptOutcome, decision: Decision) {
        let change = admission.and_then(|admission| {
            let Exchange { access, policy, .. } = &self.exchange;
            let lockout = &policy.rules.lockout;
            let settled = access.locks.settle(admission, outcome, lockout, self.now().tick);
            if settled.newly_locked {
                access.metrics.account_locked();
            }
            settled.change
        });
        self.end(decision, change);
    }

    /// Somebody we do not know: the same work, the same answer, at the same time (P5).
    fn refuse_stranger(self) {
        let access = Arc::clone(&self.exchange.access);
        let key = Arc::from(self.credential.user.as_str());
        access.hashing.submit(key, move |turn| {
            if let Turn::Hash(scratch) = turn {
                password::check_nobody(&self.credential.password, scratch);
                self.end(Err(Refusal::UnknownUser), None);
            } else {
                self.end(Err(Refusal::Overloaded), None);
            }
        });
    }

    /// Writes down what must be durable, waits for it, and hands the decision on.
    fn end(self, decision: Decision, change: Option<LockChange>) {
        let Self { exchange, then, .. } = self;
        let access = Arc::clone(&exchange.access);
        let attempt = record::attempt_row(&exchange, decision.as_ref().err().copied());
        match change {
            None => {
                access.store.record(Entry { lock: None, attempt }, None);
                then(exchange, decision);
            }
            Some(change) => {
                let lock = Some(change.stored(access.clock.now()));
                let waiting_since = Instant::now();
                let metrics = Arc::clone(&access.metrics);
                let done = Box::new(move |durability| {
                    metrics.durable(durability, waiting_since.elapsed());
                    then(exchange, decision);
                });
                access.store.record(Entry { lock, attempt }, Some(done));
            }
        }
    }
}
