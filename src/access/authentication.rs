//! A log-on, from credential to decision, in the order that the rules ask for:
//!
//! ```text
//! account -> active lock? (refused unchecked) -> one attempt reserved -> remembered proof?
//!         -> hash pool, or the directory -> status -> settled -> durable -> the caller goes on
//! ```
//!
//! [`order`] has the order; this file has the waiting: for the directory, for a turn in the hash pool,
//! for the disk. The reservation is held while the credential waits for its check, so a thousand
//! guesses sent at once get six comparisons: the others wait behind them, and find the lock. So a
//! guess at our door never spends more of the directory's own patience with an account than of ours.

mod order;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use portvakt_auth::mschap::NewPassword;
use portvakt_auth::password::{HashMemory, PasswordOddity};
use portvakt_auth::{Account, AccountId, Lockout, Now, Proof, Refusal, Rules, Verification};

use zeroize::Zeroizing;

use super::credential::{Candidates, Checked, Credential, Granted, Proven, ProvenPassword};
use super::exchange::Exchange;
use super::password_change;
use super::report;
use super::request_context::RequestContext;
use super::workers::hash_pool::{Priority, Turn};
use super::workers::hash_upgrade::HashUpgrade;
use super::workers::per_account_queue::AccountTurn;
use order::{Attempt, Next, Sent};
use portvakt_directory::{FindError, Found, LookupResult};
use portvakt_store::Verdict;

/// Said of a log-on that was let in while the directory is away.
const WITHOUT_DIRECTORY: &str = "the directory is away: by what it last said of the account";
/// Said of a wrong password that nobody could check anew.
const DIFFERENT: &str =
    "it is not the password that was right lately, and could not be checked anew";

/// The decision about a log-on.
pub(super) type Decision = Result<Granted, Refusal>;

/// A log-on on its way; `then` gets its decision, on whatever thread that falls.
struct Authentication<F> {
    exchange: Exchange,
    attempt: Attempt,
    /// The account, by the word of a directory that had to be asked.
    asked: Option<Arc<Account>>,
    /// The moment at which it last went on: the steps between two waits take microseconds.
    now: Now,
    then: F,
}

/// Decides about `credential` and hands exchange and decision to `then`, once.
///
/// `then` gets the store's verdict: a refusal that counts, and a success that forgets failures, are
/// durable before it runs.
pub(super) fn authenticate<F>(exchange: Exchange, credential: Credential, then: F)
where
    F: FnOnce(Exchange, Decision) + Send + 'static,
{
    let now = exchange.context.arrived;
    let sent = Sent {
        source: exchange
            .access
            .tags
            .tag(exchange.peer.client.name.as_bytes()),
        arrived: now.tick,
        refusal_leaves: now.tick.plus(exchange.peer.client.reject_delay),
    };
    let mut authentication = Authentication {
        now,
        exchange,
        attempt: Attempt::new(credential, sent),
        asked: None,
        then,
    };
    match authentication.find_account() {
        Found::Account(account) => authentication.proceed(&account),
        Found::Unknown => authentication.queue_unknown(),
        Found::Pending(ask) => {
            let arrived = authentication.exchange.arrived();
            ask.start(arrived, move |answer| authentication.take_answer(answer));
        }
    }
}

impl<F> Authentication<F>
where
    F: FnOnce(Exchange, Decision) + Send + 'static,
{
    fn find_account(&mut self) -> Found {
        let name = &self.attempt.credential.name;
        let sources = &self.exchange.policy.sources;
        let found = sources.find(&name.user, name.realm.as_ref());
        if let Found::Account(account) = &found {
            self.exchange.context.account = Some(account.id.clone());
        }
        found
    }

    /// The directory has answered, on a thread of its own that must not be kept.
    fn take_answer(mut self, answer: LookupResult) {
        self.resume();
        match answer {
            Ok(Some(account)) => {
                self.exchange.context.account = Some(account.id.clone());
                self.asked = Some(Arc::clone(&account));
                self.proceed(&account);
            }
            Ok(None) => self.queue_unknown(),
            Err(error @ FindError::Unavailable(_)) => self.go_on_without(error),
            Err(error) => self.refuse_unanswered(&error),
        }
    }

    /// The directory is away.
    fn go_on_without(mut self, error: FindError) {
        let name = &self.attempt.credential.name;
        let sources = &self.exchange.policy.sources;
        let Some(account) = sources.recall(&name.user, name.realm.as_ref()) else {
            return self.refuse_unanswered(&error);
        };
        self.exchange.context.account = Some(account.id.clone());
        let lockout = &self.exchange.policy.sources.rules(&account.id).lockout;
        let memory = self.exchange.access.memory();
        let attempt = &mut self.attempt;
        match attempt.proceed_without_directory(memory, &account, lockout, self.now, error) {
            Next::Settle(checked) => {
                if matches!(checked, Checked::Proven(..)) {
                    self.exchange.context.detail = Some(WITHOUT_DIRECTORY.into());
                }
                self.settle_checked(&account, checked);
            }
            Next::Refuse(refusal) => self.refuse(refusal),
            // Nothing can wait for a directory that is away.
            _ => self.settle_checked(&account, Checked::Shed),
        }
    }

    fn refuse_unanswered(mut self, error: &FindError) {
        tracing::debug!(%error, "the directory could not be asked");
        self.exchange.context.detail = Some(error.to_string().into());
        self.refuse(Refusal::DirectoryUnavailable);
    }

    /// The account as it is now; where the directory has to be asked, as it was when this began.
    fn find_again(&mut self) -> Option<Arc<Account>> {
        match self.find_account() {
            Found::Account(account) => Some(account),
            Found::Unknown => None,
            Found::Pending(_) => self.asked.clone(),
        }
    }

    /// Goes on after a wait.
    fn resume(&mut self) {
        self.now = self.exchange.access.state.clock.now();
    }

    fn next(&mut self, account: &Account) -> Next {
        let lockout: &Lockout = &self.exchange.policy.sources.rules(&account.id).lockout;
        let memory = self.exchange.access.memory();
        (self.attempt).proceed(memory, account, lockout, self.now)
    }

    /// Goes on with the account. A credential that can't be judged at a glance waits in the account's
    /// own line, and so does one that finds all attempts reserved.
    fn proceed(mut self, account: &Arc<Account>) {
        match self.next(account) {
            Next::Settle(checked) => self.settle_checked(account, checked),
            Next::Refuse(refusal) => self.refuse(refusal),
            Next::Hash(_) | Next::Change | Next::Bind | Next::Wait => self.wait(account),
        }
    }

    /// Waits for the account's turn. Each account has one line, whatever the credential: that of the
    /// directory or that of the hash pool.
    fn wait(self, account: &Arc<Account>) {
        match account.verification {
            Verification::Bind(_) => self.line_up(account),
            _ => self.queue(Arc::from(account.id.as_str()), None),
        }
    }

    /// Waits for a hashing thread. A place in the directory's line is kept until that is done, so that
    /// nobody behind it turns in circles while this has an attempt reserved.
    fn queue(self, key: Arc<str>, place: Option<AccountTurn>) {
        let access = Arc::clone(&self.exchange.access);
        let priority = self.priority();
        access.hash_pool.submit(key, priority, move |turn| {
            match turn {
                Turn::Hash(scratch) => self.take_turn(scratch),
                Turn::Shed => self.give_up(),
            }
            drop(place);
        });
    }

    /// The priority of the account at the moment it is asked; an unknown name is suspect. A
    /// device that its owner came in with lately keeps its place whatever unknown_names do.
    fn priority(&self) -> impl Fn() -> Priority + use<F> {
        let locks = self.exchange.access.state.locks.clone();
        let account = self.exchange.context.account.clone();
        let is_recent_device = account
            .as_ref()
            .is_some_and(|account| self.exchange.is_recent_device(account));
        move || match &account {
            Some(account) if is_recent_device || locks.lock_record(account).is_none() => {
                Priority::Normal
            }
            _ => Priority::Suspect,
        }
    }

    /// The account's turn in the pool. It may have changed while this waited, so it is read anew.
    fn take_turn(mut self, scratch: &mut HashMemory) {
        self.resume();
        let Some(account) = self.find_again() else {
            return self.refuse_unknown(scratch);
        };
        match self.next(&account) {
            Next::Settle(checked) => self.settle_checked(&account, checked),
            Next::Refuse(refusal) => self.refuse(refusal),
            Next::Hash(candidates) => self.hash(&account, candidates, scratch),
            Next::Change => self.change_password(&account, scratch),
            Next::Bind | Next::Wait => self.wait(&account),
        }
    }

    /// No turn came: too much to do, or the server ends.
    fn give_up(mut self) {
        self.resume();
        let checked = self.attempt.without_turn(self.exchange.access.memory());
        match self.exchange.context.account.clone() {
            Some(account) => self.settle_refused(&account, checked),
            None => self.refuse(Refusal::Overloaded),
        }
    }

    fn line_up(self, account: &Arc<Account>) {
        let lines = Arc::clone(&self.exchange.access.account_queue);
        lines.enter(Arc::from(account.id.as_str()), move |place| match place {
            Some(place) => self.have_checked(place),
            None => self.give_up(),
        });
    }

    /// The account's turn with the directory. The place in the line is kept until it has answered.
    fn have_checked(mut self, place: AccountTurn) {
        self.resume();
        let Some(account) = self.find_again() else {
            return self.queue_unknown();
        };
        match self.next(&account) {
            Next::Settle(checked) => self.settle_checked(&account, checked),
            Next::Refuse(refusal) => self.refuse(refusal),
            Next::Hash(_) | Next::Change => {
                self.queue(Arc::from(account.id.as_str()), Some(place));
            }
            Next::Wait => self.wait(&account),
            Next::Bind => self.bind(account, place),
        }
    }

    fn bind(mut self, account: Arc<Account>, place: AccountTurn) {
        let policy = Arc::clone(&self.exchange.policy);
        let password = self.attempt.credential.offered.password();
        let password = password.map(|password| Zeroizing::new(password.canonical().to_vec()));
        let source = policy.sources.of_account(&account.id);
        let (Some(source), Some(password)) = (source, password) else {
            return self.queue_unknown();
        };
        let Some((leave, before)) = self.attempt.begin_bind() else {
            return self.refuse(Refusal::Overloaded);
        };
        let verify = source.directory.verify(&account, password, leave);
        verify.start(self.exchange.arrived(), move |verdict| {
            self.resume();
            let memory = self.exchange.access.memory();
            let attempt = &mut self.attempt;
            let checked = attempt.judge(memory, &account, self.now, before, verdict);
            self.settle_checked(&account, checked);
            drop(place);
        });
    }

    /// Has an unknown name wait for the pool all the same.
    fn queue_unknown(mut self) {
        match self.next_of_unknown() {
            Next::Refuse(refusal) => self.refuse(refusal),
            _ => self.wait_as_unknown(),
        }
    }

    fn wait_as_unknown(self) {
        let key = Arc::from(self.attempt.credential.name.user.as_str());
        self.queue(key, None);
    }

    fn next_of_unknown(&mut self) -> Next {
        let Ok(name) = AccountId::new(&self.attempt.credential.name.user) else {
            return Next::Hash(Candidates::All);
        };
        let lockout = &self.exchange.policy.sources.rules(&name).lockout;
        let memory = self.exchange.access.memory();
        (self.attempt).proceed_as_unknown(memory, &name, lockout, self.now)
    }

    /// Refuses an unknown name: the same work, as often as for an account, the same answer, at the
    /// same time (P5).
    fn refuse_unknown(mut self, scratch: &mut HashMemory) {
        match self.next_of_unknown() {
            Next::Refuse(refusal) => return self.refuse(refusal),
            Next::Wait => return self.wait_as_unknown(),
            _ => {}
        }
        let decoy_hash = &self.exchange.access.decoy_hash;
        (self.attempt.credential.offered).check_unknown(decoy_hash, scratch);
        self.resume();
        self.attempt.settle_as_unknown(self.now);
        self.refuse(Refusal::UnknownUser);
    }

    fn hash(mut self, account: &Account, candidates: Candidates, scratch: &mut HashMemory) {
        let memory = self.exchange.access.memory();
        let checked = (self.attempt).hash(memory, account, self.now, candidates, scratch);
        // The hash took its time.
        self.resume();
        self.settle_checked(account, checked);
    }

    /// The present password is proven, and a new one offered: taken, the log-on goes on with it.
    fn change_password(mut self, account: &Account, scratch: &mut HashMemory) {
        let (proof, new) = match self.attempt.open_change(account) {
            Ok(opened) => opened,
            Err(checked) => return self.settle_checked(account, checked),
        };
        match self.take_new_password(account, proof, &new, scratch) {
            Ok(changed) => {
                self.resume();
                self.exchange.context.detail = Some(password_change::CHANGED.into());
                let checked = self.attempt.check_changed(&changed);
                self.settle_checked(&changed, checked);
            }
            Err(refusal) => self.settle(Err(refusal)),
        }
    }

    fn take_new_password(
        &mut self,
        account: &Account,
        proof: Proof,
        new: &NewPassword,
        scratch: &mut HashMemory,
    ) -> Result<Arc<Account>, Refusal> {
        password_change::apply(&self.exchange, account, proof, new, scratch).map_err(
            |not_changed| {
                self.exchange.context.detail = not_changed.detail;
                not_changed.refusal
            },
        )
    }

    fn settle_checked(self, account: &Account, checked: Checked) {
        match checked {
            Checked::Proven(proven) => self.settle_proven(account, proven),
            refused => self.settle_refused(&account.id, refused),
        }
    }

    fn settle_refused(mut self, account: &AccountId, checked: Checked) {
        let RequestContext {
            detail, symptom, ..
        } = &mut self.exchange.context;
        let refusal = match checked {
            Checked::Wrong => {
                let oddity = self.attempt.credential.offered.oddity();
                *detail = oddity.map(|oddity| oddity.sentence().into());
                *symptom = oddity.map(PasswordOddity::symptom);
                Refusal::WrongCredential
            }
            Checked::KnownWrong => {
                *detail = Some(DIFFERENT.into());
                Refusal::WrongCredential
            }
            // Only a grant needs the proof.
            Checked::Previous | Checked::Proven(..) => Refusal::PreviousPassword,
            Checked::Missing(missing) => {
                *detail = Some(missing.for_helpdesk().into());
                *symptom = Some(missing.symptom());
                missing.refusal()
            }
            Checked::Unusable(error) => {
                tracing::error!(%account, %error, "the stored hash can't be used");
                Refusal::DirectoryUnavailable
            }
            Checked::Closed {
                refusal,
                detail: said,
            } => {
                *detail = Some(said.into());
                refusal.refusal()
            }
            Checked::Barred {
                barred,
                detail: said,
            } => {
                *detail = Some(said.into());
                barred.refusal()
            }
            Checked::Unanswered(error) => {
                *detail = Some(error.to_string().into());
                Refusal::DirectoryUnavailable
            }
            Checked::Shed => Refusal::Overloaded,
        };
        self.settle(Err(refusal));
    }

    /// The credential is right: now, and only now, the account's state matters (P6).
    fn settle_proven(mut self, account: &Account, proven: Proven) {
        let Proven {
            proof,
            mutual_proof,
            password,
        } = proven;
        let Exchange { policy, peer, .. } = &self.exchange;
        let client = &peer.client;
        let service = &client.service;
        let rules = policy.sources.rules(&account.id);
        let registry = self.exchange.access.state.registry.of(account);
        let subject = registry.subject(account);
        let decision = portvakt_auth::decide(subject, proof, service, rules, self.now);
        let decision =
            decision.and_then(|grant| self.exchange.check_account(account).map(|()| grant));
        if decision == Err(Refusal::PasswordExpired) {
            let now = self.now;
            let rule = password_age(self.exchange.policy.sources.rules(&account.id), account);
            self.exchange.context.detail = self.exchange.context.detail.take().or(rule);
            self.exchange.can_change_password =
                password_change::is_possible(&self.exchange, account, now);
        }
        let upgrade = match (&decision, self.attempt.credential.offered.password()) {
            (Ok(_), Some(password)) => {
                let Exchange { access, policy, .. } = &self.exchange;
                HashUpgrade::wanted(access, policy, account, password)
            }
            _ => None,
        };
        let decision = decision.map(|grant| Granted {
            grant,
            mutual_proof,
        });
        self.settle_with(decision, Learned { password, upgrade });
    }

    fn settle(self, decision: Decision) {
        self.settle_with(decision, Learned::default());
    }

    /// Settles the attempt. All that follows from its outcome comes after the store's verdict.
    fn settle_with(self, decision: Decision, learned: Learned) {
        let Self {
            exchange,
            attempt,
            now,
            then,
            ..
        } = self;
        let access = Arc::clone(&exchange.access);
        let untold = attempt.settle(decision, access.memory(), now);
        untold.tell(&*access.state.store, now, move |verdict| {
            conclude(&exchange, &verdict, learned, now);
            then(exchange, verdict.decision);
        });
    }

    /// Refuses, and settles as failed whatever has been shown to be wrong.
    fn refuse(self, refusal: Refusal) {
        self.settle(Err(refusal));
    }
}

/// What a right password leaves behind, if its log-on may be told.
#[derive(Default)]
struct Learned {
    password: Option<Box<ProvenPassword>>,
    upgrade: Option<HashUpgrade>,
}

/// Draws the conclusions from a verdict.
fn conclude(exchange: &Exchange, verdict: &Verdict<Granted>, learned: Learned, now: Now) {
    let access = &exchange.access;
    let refusal = verdict.decision.as_ref().err().copied();
    if let (true, Some(account)) = (verdict.newly_locked, &exchange.context.account) {
        access.state.sessions.forget(account.as_str());
    }
    if let (Some(password), true) = (learned.password, refusal != Some(Refusal::LockedOut)) {
        password.remember(access.memory());
    }
    if refusal.is_none() {
        exchange.remember_device();
        if let Some(upgrade) = learned.upgrade {
            access.hash_upgrades.submit(upgrade);
        }
    }
    if let Some(note) = report::note(exchange, refusal, now.utc) {
        access.state.store.record_attempt(&note);
    }
}

/// By which rule a password is too old.
fn password_age(rules: &Rules, account: &Account) -> Option<Cow<'static, str>> {
    let days = rules.password_validity.days_of(account)?;
    let (_, set_at) = account.password_age()?;
    let since = set_at
        .map(|at| format!(", and was set {at}"))
        .unwrap_or_default();
    Some(format!("a password is valid for {days} days here (valid-days){since}").into())
}
