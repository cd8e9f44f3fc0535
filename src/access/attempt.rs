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

use portvakt_auth::mschap::NewPassword;
use portvakt_auth::password::Scratch;
use portvakt_auth::{
    Account, AccountId, Admission, AttemptOutcome, Denied, LockChange, Now, Proof, Refusal,
};

use super::change;
use super::credential::{Checked, Credential, Evidence, Granted, Offered};
use super::exchange::Exchange;
use super::hashing::Turn;
use super::record;
use crate::directory::Found;
use crate::store::Entry;

/// What was decided.
pub(super) type Decision = Result<Granted, Refusal>;

/// A log-on on its way; `then` gets its decision, on whatever thread that falls.
struct LogOn<F> {
    exchange: Exchange,
    credential: Credential,
    then: F,
}

/// The right to have one credential checked.
enum Reservation {
    /// One of the attempts that this account has left.
    Held(AccountId, Admission),
    /// Nothing is counted: the federation's test account (I5), or no guess.
    Exempt,
}

impl Reservation {
    fn is_for(&self, account: &AccountId) -> bool {
        matches!(self, Self::Held(id, _) if id == account)
    }
}

/// Decides about `credential` and hands exchange and decision to `then`, once.
///
/// A refusal that counts, and a success that forgets failures, are on disk before `then` runs.
pub(super) fn log_on<F>(exchange: Exchange, credential: Credential, then: F)
where
    F: FnOnce(Exchange, Decision) + Send + 'static,
{
    let mut log_on = LogOn {
        exchange,
        credential,
        then,
    };
    match log_on.find_account() {
        Found::Account(account) => log_on.admit(&account),
        // Nobody of that name, or a directory that must be asked: work for the pool either way.
        Found::Unknown | Found::Ask(_) => {
            let key = Arc::from(log_on.credential.name.user.as_str());
            log_on.queue(key, None);
        }
    }
}

impl<F> LogOn<F>
where
    F: FnOnce(Exchange, Decision) + Send + 'static,
{
    fn find_account(&mut self) -> Found {
        let name = &self.credential.name;
        let found = self
            .exchange
            .access
            .directory
            .find(&name.user, name.realm.as_ref());
        if let Found::Account(account) = &found {
            self.exchange.facts.account = Some(account.id.clone());
        }
        found
    }

    fn now(&self) -> Now {
        self.exchange.access.clock.now()
    }

    /// Looks for a lock and reserves an attempt. What can't be told at a glance waits in the
    /// account's own line, and so does what finds all attempts reserved.
    fn admit(self, account: &Account) {
        let key = || Arc::from(account.id.as_str());
        match self.reserve(account) {
            Ok(reservation) => {
                let access = &self.exchange.access;
                let offered = &self.credential.offered;
                match offered.check_at_a_glance(access, account, self.now()) {
                    Some(checked) => self.settle_checked(account, reservation, checked),
                    None => self.queue(key(), Some(reservation)),
                }
            }
            Err(Denied::Busy) => self.queue(key(), None),
            Err(denied) => self.refuse(refusal_of(&denied)),
        }
    }

    fn reserve(&self, account: &Account) -> Result<Reservation, Denied> {
        if !account.kind.is_counted() {
            return Ok(Reservation::Exempt);
        }
        let lockout = &self.exchange.policy.rules.lockout;
        let locks = &self.exchange.access.locks;
        if !self.credential.offered.is_guessable() {
            let lock = locks.locked_until(&account.id, self.now().tick);
            return lock.map_or(Ok(Reservation::Exempt), |until| {
                Err(Denied::Locked { until })
            });
        }
        let admission = locks.admit(&account.id, lockout, self.now().tick)?;
        Ok(Reservation::Held(account.id.clone(), admission))
    }

    fn queue(self, key: Arc<str>, reservation: Option<Reservation>) {
        let access = Arc::clone(&self.exchange.access);
        access.hashing.submit(key, move |turn| match turn {
            Turn::Hash(scratch) => self.take_turn(reservation, scratch),
            Turn::Shed => self.refuse(Refusal::Overloaded),
        });
    }

    /// The account's turn in the pool. It may have changed while this waited, so it is read anew.
    fn take_turn(mut self, reservation: Option<Reservation>, scratch: &mut Scratch) {
        let account = match self.find_account().wait() {
            Ok(Some(account)) => account,
            Ok(None) => return self.refuse_stranger(scratch),
            Err(error) => {
                tracing::warn!(%error, "the directory could not be asked");
                return self.refuse(Refusal::DirectoryUnavailable);
            }
        };
        self.exchange.facts.account = Some(account.id.clone());
        // A name that was given to another account meanwhile: the attempt counts there.
        let reservation = reservation.filter(|reservation| reservation.is_for(&account.id));
        match reservation.map_or_else(|| self.reserve(&account), Ok) {
            Ok(reservation) => self.check(&account, reservation, scratch),
            Err(Denied::Busy) => self.queue(Arc::from(account.id.as_str()), None),
            Err(denied) => self.refuse(refusal_of(&denied)),
        }
    }

    /// Somebody we do not know: the same work, the same answer, at the same time (P5).
    fn refuse_stranger(self, scratch: &mut Scratch) {
        let access = &self.exchange.access;
        self.credential.offered.check_nobody(access, scratch);
        self.refuse(Refusal::UnknownUser);
    }

    fn check(self, account: &Account, reservation: Reservation, scratch: &mut Scratch) {
        if let Offered::MsChapV2Change(offered) = &self.credential.offered
            && let Some((proof, new)) = offered.open(account)
        {
            return self.change_password(account, reservation, proof, &new, scratch);
        }
        let access = &self.exchange.access;
        let checked = self
            .credential
            .offered
            .check(access, account, self.now(), scratch);
        self.settle_checked(account, reservation, checked);
    }

    /// The present password is proven, and a new one offered: taken, the log-on goes on with it.
    fn change_password(
        mut self,
        account: &Account,
        reservation: Reservation,
        proof: Proof,
        new: &NewPassword,
        scratch: &mut Scratch,
    ) {
        let changed = match change::apply(&self.exchange, account, proof, new, scratch) {
            Ok(changed) => changed,
            Err(not_changed) => {
                self.exchange.facts.detail = not_changed.detail;
                let refusal = Err(not_changed.refusal);
                return self.settle(reservation, AttemptOutcome::NotCounted, refusal);
            }
        };
        self.exchange.facts.detail = Some(change::CHANGED);
        let checked = match &self.credential.offered {
            Offered::MsChapV2Change(offered) => {
                offered.exchange.check(&self.exchange.access, &changed)
            }
            _ => Checked::Previous,
        };
        self.settle_checked(&changed, reservation, checked);
    }

    fn settle_checked(mut self, account: &Account, reservation: Reservation, checked: Checked) {
        let (outcome, refusal) = match checked {
            Checked::Proven(proof, evidence) => {
                return self.settle_proven(account, reservation, proof, evidence);
            }
            Checked::Wrong { tag } => (AttemptOutcome::Failed { tag }, Refusal::WrongCredential),
            Checked::Previous => (AttemptOutcome::NotCounted, Refusal::PreviousPassword),
            Checked::Missing(missing) => {
                self.exchange.facts.detail = Some(missing.for_helpdesk());
                (AttemptOutcome::NotCounted, missing.refusal())
            }
            Checked::Unusable(error) => {
                tracing::error!(account = %account.id, %error, "the stored hash can't be used");
                (AttemptOutcome::NotCounted, Refusal::DirectoryUnavailable)
            }
        };
        self.settle(reservation, outcome, Err(refusal));
    }

    /// The credential is right: now, and only now, the account's state matters (P6).
    fn settle_proven(
        mut self,
        account: &Account,
        reservation: Reservation,
        proof: Proof,
        evidence: Evidence,
    ) {
        let Exchange { policy, client, .. } = &self.exchange;
        let service = &client.service;
        let decision = portvakt_auth::decide(account, proof, service, &policy.rules, self.now())
            .and_then(|grant| policy.check_kind(account, service).map(|()| grant));
        let outcome = match decision {
            Ok(_) => AttemptOutcome::Accepted,
            Err(_) => AttemptOutcome::NotCounted,
        };
        if decision == Err(Refusal::PasswordExpired) {
            let now = self.now();
            self.exchange.can_change_password = change::is_possible(&self.exchange, account, now);
        }
        let decision = decision.map(|grant| Granted { grant, evidence });
        self.settle(reservation, outcome, decision);
    }

    fn settle(self, reservation: Reservation, outcome: AttemptOutcome, decision: Decision) {
        let Reservation::Held(account, admission) = reservation else {
            return self.end(decision, None);
        };
        let Exchange { access, policy, .. } = &self.exchange;
        let settled =
            access
                .locks
                .settle(admission, outcome, &policy.rules.lockout, self.now().tick);
        // A lock that came while this was checked is a lock: the right password is refused too.
        let decision = match settled.locked_until {
            Some(_) => decision.and(Err(Refusal::LockedOut)),
            None => decision,
        };
        if settled.newly_locked {
            access.sessions.forget(account.as_str());
        }
        self.end(decision, settled.change);
    }

    fn refuse(self, refusal: Refusal) {
        self.end(Err(refusal), None);
    }

    /// Writes down what must be durable, waits for it, and hands the decision on.
    fn end(self, decision: Decision, change: Option<LockChange>) {
        let Self { exchange, then, .. } = self;
        let access = Arc::clone(&exchange.access);
        let note = record::note(&exchange, decision.as_ref().err().copied());
        let Some(change) = change else {
            if let Some(note) = note {
                access.store.note(&note);
            }
            return then(exchange, decision);
        };
        let attempt = note.map(|note| note.to_row());
        let lock = Some(change.stored(access.clock.now()));
        let done = Box::new(move |_| then(exchange, decision));
        access.store.record(Entry { lock, attempt }, Some(done));
    }
}

fn refusal_of(denied: &Denied) -> Refusal {
    match denied {
        Denied::Locked { .. } => Refusal::LockedOut,
        Denied::Busy | Denied::Full => Refusal::Overloaded,
    }
}
