//! A log-on, from credential to decision, in the order that the rules ask for:
//!
//! ```text
//! account -> active lock? (refused unchecked) -> one attempt reserved -> remembered proof?
//!         -> hash pool, or the directory -> status -> settled -> durable -> the caller goes on
//! ```
//!
//! The reservation is held while the credential waits for its check, so a thousand guesses sent at
//! once get six checks: the others wait behind them, and find the lock. So a guess at our door never
//! spends more of the directory's own patience with an account than of ours.

use std::sync::Arc;

use portvakt_auth::mschap::NewPassword;
use portvakt_auth::password::Scratch;
use portvakt_auth::{
    Account, AccountId, Admission, AttemptOutcome, Denied, LockChange, Now, Proof, Refusal,
};

use zeroize::Zeroizing;

use super::change;
use super::credential::{Checked, Credential, Evidence, Granted, Offered};
use super::exchange::Exchange;
use super::hashing::{Standing, Turn};
use super::lines::Place;
use super::record;
use crate::directory::{Answer, FindError, Found};
use crate::store::Entry;

/// Said of who is let in while the directory is away.
const WITHOUT_DIRECTORY: &str = "the directory is away: by what it last said of the account";

/// What was decided.
pub(super) type Decision = Result<Granted, Refusal>;

/// A log-on on its way; `then` gets its decision, on whatever thread that falls.
struct LogOn<F> {
    exchange: Exchange,
    credential: Credential,
    /// Who it is, by the word of a directory that had to be asked.
    asked: Option<Arc<Account>>,
    /// The moment at which it last went on: the steps between two waits take microseconds.
    now: Now,
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
        now: exchange.facts.arrived,
        exchange,
        credential,
        asked: None,
        then,
    };
    match log_on.find_account() {
        Found::Account(account) => log_on.admit(&account),
        Found::Unknown => log_on.queue_stranger(),
        Found::Ask(ask) => {
            let arrived = log_on.exchange.arrived();
            ask.start(arrived, move |answer| log_on.take_answer(answer));
        }
    }
}

impl<F> LogOn<F>
where
    F: FnOnce(Exchange, Decision) + Send + 'static,
{
    fn find_account(&mut self) -> Found {
        let name = &self.credential.name;
        let homes = &self.exchange.policy.homes;
        let found = homes.find(&name.user, name.realm.as_ref());
        if let Found::Account(account) = &found {
            self.exchange.facts.account = Some(account.id.clone());
        }
        found
    }

    /// The directory has answered, on a thread of its own that must not be kept.
    fn take_answer(mut self, answer: Answer) {
        self.resume();
        match answer {
            Ok(Some(account)) => {
                self.exchange.facts.account = Some(account.id.clone());
                self.asked = Some(Arc::clone(&account));
                self.admit(&account);
            }
            Ok(None) => self.queue_stranger(),
            Err(error @ FindError::Unavailable(_)) => self.go_on_without(&error),
            Err(error) => self.refuse_unanswered(&error),
        }
    }

    /// The directory is away. Who has proven who they are, and was there lately, may go on; nothing
    /// is counted for anybody else, for nothing can be checked.
    fn go_on_without(mut self, error: &FindError) {
        let name = &self.credential.name;
        let homes = &self.exchange.policy.homes;
        let Some(account) = homes.recall(&name.user, name.realm.as_ref()) else {
            return self.refuse_unanswered(error);
        };
        self.exchange.facts.account = Some(account.id.clone());
        let reservation = match self.reserve(&account) {
            Ok(reservation) => reservation,
            Err(Denied::Busy) => return self.refuse_unanswered(error),
            Err(denied) => return self.refuse(refusal_of(&denied)),
        };
        let access = &self.exchange.access;
        let offered = &self.credential.offered;
        let checked = match offered.recall(access, &account, self.now) {
            Some(proof) => {
                self.exchange.facts.detail = Some(WITHOUT_DIRECTORY.into());
                Checked::Proven(proof, Evidence::None)
            }
            None => Checked::Unanswered(error.clone()),
        };
        self.settle_checked(&account, reservation, checked);
    }

    fn refuse_unanswered(mut self, error: &FindError) {
        tracing::debug!(%error, "the directory could not be asked");
        self.exchange.facts.detail = Some(error.to_string().into());
        self.refuse(Refusal::DirectoryUnavailable);
    }

    /// The account as it is now; where the directory has to be asked, as it was when this began.
    fn find_again(&mut self) -> Option<Arc<Account>> {
        match self.find_account() {
            Found::Account(account) => Some(account),
            Found::Unknown => None,
            Found::Ask(_) => self.asked.clone(),
        }
    }

    /// Goes on after a wait.
    fn resume(&mut self) {
        self.now = self.exchange.access.clock.now();
    }

    /// Looks for a lock and reserves an attempt. What can't be told at a glance waits in the
    /// account's own line, and so does what finds all attempts reserved.
    fn admit(self, account: &Arc<Account>) {
        match self.reserve(account) {
            Ok(reservation) => {
                let access = &self.exchange.access;
                let offered = &self.credential.offered;
                match offered.check_at_a_glance(access, account, self.now) {
                    Some(checked) => self.settle_checked(account, reservation, checked),
                    None => self.wait(account, Some(reservation)),
                }
            }
            Err(Denied::Busy) => self.wait(account, None),
            Err(denied) => self.refuse(refusal_of(&denied)),
        }
    }

    /// Waits for the account's turn, in the line of those who check its password.
    fn wait(self, account: &Arc<Account>, reservation: Option<Reservation>) {
        match self.credential.offered.for_directory(account) {
            Some(_) => self.line_up(account, reservation),
            None => self.queue(Arc::from(account.id.as_str()), reservation),
        }
    }

    fn reserve(&self, account: &Account) -> Result<Reservation, Denied> {
        if !account.kind.is_counted() {
            return Ok(Reservation::Exempt);
        }
        let lockout = &self.exchange.policy.homes.rules(&account.id).lockout;
        let locks = &self.exchange.access.locks;
        if !self.credential.offered.is_guessable() {
            let lock = locks.locked_until(&account.id, self.now.tick);
            return lock.map_or(Ok(Reservation::Exempt), |until| {
                Err(Denied::Locked { until })
            });
        }
        let admission = locks.admit(&account.id, lockout, self.now.tick)?;
        Ok(Reservation::Held(account.id.clone(), admission))
    }

    fn queue(self, key: Arc<str>, reservation: Option<Reservation>) {
        let access = Arc::clone(&self.exchange.access);
        let standing = self.standing();
        access
            .hashing
            .submit(key, standing, move |turn| match turn {
                Turn::Hash(scratch) => self.take_turn(reservation, scratch),
                Turn::Shed => self.refuse(Refusal::Overloaded),
            });
    }

    /// How the account stands whenever that is asked; a name that is nobody's stands doubtful.
    fn standing(&self) -> impl Fn() -> Standing + use<F> {
        let locks = self.exchange.access.locks.clone();
        let account = self.exchange.facts.account.clone();
        move || match &account {
            Some(account) if locks.lock_record(account).is_none() => Standing::Good,
            _ => Standing::Doubtful,
        }
    }

    /// The account's turn in the pool. It may have changed while this waited, so it is read anew.
    fn take_turn(mut self, reservation: Option<Reservation>, scratch: &mut Scratch) {
        self.resume();
        let Some(account) = self.find_again() else {
            return self.refuse_stranger(scratch);
        };
        match self.reserve_again(&account, reservation) {
            Ok(reservation) => self.check(&account, reservation, scratch),
            Err(Denied::Busy) => self.wait(&account, None),
            Err(denied) => self.refuse(refusal_of(&denied)),
        }
    }

    fn reserve_again(
        &self,
        account: &Account,
        reservation: Option<Reservation>,
    ) -> Result<Reservation, Denied> {
        // A name that was given to another account meanwhile: the attempt counts there.
        let reservation = reservation.filter(|reservation| reservation.is_for(&account.id));
        reservation.map_or_else(|| self.reserve(account), Ok)
    }

    fn line_up(self, account: &Arc<Account>, reservation: Option<Reservation>) {
        let lines = Arc::clone(&self.exchange.access.lines);
        lines.enter(Arc::from(account.id.as_str()), move |place| match place {
            Some(place) => self.have_checked(reservation, place),
            None => self.refuse(Refusal::Overloaded),
        });
    }

    /// The account's turn with the directory. The place in the line is kept until it has answered.
    fn have_checked(mut self, reservation: Option<Reservation>, place: Place) {
        self.resume();
        let Some(account) = self.find_again() else {
            return self.queue_stranger();
        };
        let reservation = match self.reserve_again(&account, reservation) {
            Ok(reservation) => reservation,
            Err(Denied::Busy) => return self.wait(&account, None),
            Err(denied) => return self.refuse(refusal_of(&denied)),
        };
        let Exchange { access, policy, .. } = &self.exchange;
        let offered = &self.credential.offered;
        // The one before in the line may have proven this very password.
        if let Some(checked) = offered.check_at_a_glance(access, &account, self.now) {
            return self.settle_checked(&account, reservation, checked);
        }
        let Some(password) = offered.for_directory(&account) else {
            return self.queue(Arc::from(account.id.as_str()), Some(reservation));
        };
        let Some(home) = policy.homes.of_account(&account.id) else {
            return self.queue_stranger();
        };
        let password = Zeroizing::new(password.to_vec());
        let verify = home.directory.verify(&account, password);
        verify.start(self.exchange.arrived(), move |verdict| {
            self.resume();
            let access = Arc::clone(&self.exchange.access);
            let checked = self.credential.offered.judge(&access, &account, verdict);
            self.settle_checked(&account, reservation, checked);
            drop(place);
        });
    }

    /// Nobody has this name: work for the pool all the same.
    fn queue_stranger(self) {
        let key = Arc::from(self.credential.name.user.as_str());
        self.queue(key, None);
    }

    /// Somebody we do not know: the same work, the same answer, at the same time (P5).
    fn refuse_stranger(self, scratch: &mut Scratch) {
        let access = &self.exchange.access;
        self.credential.offered.check_nobody(access, scratch);
        self.refuse(Refusal::UnknownUser);
    }

    fn check(mut self, account: &Account, reservation: Reservation, scratch: &mut Scratch) {
        if let Offered::MsChapV2Change(offered) = &self.credential.offered
            && let Some((proof, new)) = offered.open(account)
        {
            return self.change_password(account, reservation, proof, &new, scratch);
        }
        let access = &self.exchange.access;
        let checked = self
            .credential
            .offered
            .check(access, account, self.now, scratch);
        // The hash took its time.
        self.resume();
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
        self.resume();
        self.exchange.facts.detail = Some(change::CHANGED.into());
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
                self.exchange.facts.detail = Some(missing.for_helpdesk().into());
                (AttemptOutcome::NotCounted, missing.refusal())
            }
            Checked::Unusable(error) => {
                tracing::error!(account = %account.id, %error, "the stored hash can't be used");
                (AttemptOutcome::NotCounted, Refusal::DirectoryUnavailable)
            }
            Checked::Closed { refusal, detail } => {
                self.exchange.facts.detail = Some(detail.into());
                (AttemptOutcome::NotCounted, refusal)
            }
            Checked::Unanswered(error) => {
                self.exchange.facts.detail = Some(error.to_string().into());
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
        let rules = policy.homes.rules(&account.id);
        let decision = portvakt_auth::decide(account, proof, service, rules, self.now);
        let decision =
            decision.and_then(|grant| self.exchange.check_account(account).map(|()| grant));
        let outcome = match decision {
            Ok(_) => AttemptOutcome::Accepted,
            Err(_) => AttemptOutcome::NotCounted,
        };
        if decision == Err(Refusal::PasswordExpired) {
            let now = self.now;
            self.exchange.can_change_password = change::is_possible(&self.exchange, account, now);
        }
        if let (Ok(_), Some(password)) = (&decision, self.credential.offered.password()) {
            let Exchange { access, policy, .. } = &self.exchange;
            access.upgrades.offer(access, policy, account, password);
        }
        let decision = decision.map(|grant| Granted { grant, evidence });
        self.settle(reservation, outcome, decision);
    }

    fn settle(self, reservation: Reservation, outcome: AttemptOutcome, decision: Decision) {
        let Reservation::Held(account, admission) = reservation else {
            return self.end(decision, None);
        };
        let Exchange { access, policy, .. } = &self.exchange;
        let lockout = &policy.homes.rules(&account).lockout;
        let locks = &access.locks;
        let settled = locks.settle(admission, outcome, lockout, self.now.tick);
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
        let Self {
            exchange,
            then,
            now,
            ..
        } = self;
        let access = Arc::clone(&exchange.access);
        let note = record::note(&exchange, decision.as_ref().err().copied(), now.utc);
        if let Some(note) = note {
            access.store.note(&note);
        }
        let Some(change) = change else {
            return then(exchange, decision);
        };
        let lock = Some(change.stored(access.clock.now()));
        let done = Box::new(move |_| then(exchange, decision));
        let entry = Entry {
            lock,
            attempt: None,
        };
        access.store.record(entry, Some(done));
    }
}

fn refusal_of(denied: &Denied) -> Refusal {
    match denied {
        Denied::Locked { .. } => Refusal::LockedOut,
        Denied::Busy | Denied::Full => Refusal::Overloaded,
    }
}
