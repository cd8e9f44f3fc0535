//! The order of a log-on at a known account, without threads, sockets, disk or clock: what the shell
//! ([`super`]) has to do next, and what is settled in the end.
//!
//! ```text
//!                ┌── Busy: six are being checked ──┐
//!                v                                 │
//!   proceed ── leave to compare ── without hashing ── wait ──> proceed … ── hash | ask the directory
//!     │ Locked, Full                 │                                       │ shed, unanswered
//!     └──> Refuse                    └──────────────> settle <───────────────┘
//! ```
//!
//! Whatever was compared on the way is in the leave (an [`Admission`]), so it is counted at the end
//! though the check itself never came about.

use portvakt_auth::mschap::NewPassword;
use portvakt_auth::{
    Account, AccountId, Admission, BeforeBind, BindLeave, Denied, Guess, HashMemory, Kind,
    LockTable, Lockout, Now, Proof, Refusal, Tick,
};
use portvakt_store::Untold;

use super::super::credential::{
    Candidates, Checked, Credential, Memory, Offered, QuickCheck, answer_of, check_ms_chap_v2,
    open_change,
};
use portvakt_directory::{FindError, Verdict};

/// Of one request: its client, and its times.
#[derive(Clone, Copy, Debug)]
pub(in crate::access) struct Sent {
    /// A hash of the RADIUS client.
    pub source: u64,
    /// When the message arrived that brought the credential.
    pub arrived: Tick,
    /// When its refusal would leave.
    pub refusal_leaves: Tick,
}

/// A log-on at a known account, with the leave to compare that it holds.
pub(in crate::access) struct Attempt {
    /// The name and the proof offered.
    pub credential: Credential,
    sent: Sent,
    leave: Leave,
}

/// The leave to compare a credential.
enum Leave {
    /// None yet, or none any more.
    None,
    /// One of the attempts that the account has left.
    Held(Admission),
    /// None is needed: the credential is no guess.
    Unguessable(AccountId),
}

/// The next step.
pub(in crate::access) enum Next {
    /// All is known: [`Attempt::settle`].
    Settle(Checked),
    /// The password must be hashed: [`Attempt::hash`], on a hashing thread.
    Hash(Candidates),
    /// A new password must be hashed: [`Attempt::open_change`], on a hashing thread.
    Change,
    /// The directory must be asked: [`Attempt::begin_bind`], at the head of the account's line.
    Bind,
    /// All attempts that are left are being checked: wait behind them, and [`Attempt::proceed`].
    Wait,
    /// Refused, and nothing was compared.
    Refuse(Refusal),
}

impl Attempt {
    pub(in crate::access) fn new(credential: Credential, sent: Sent) -> Self {
        Self {
            credential,
            sent,
            leave: Leave::None,
        }
    }

    /// Goes on with the account as it is now: at first, and after every wait.
    pub(in crate::access) fn proceed(
        &mut self,
        memory: Memory<'_>,
        account: &Account,
        rules: &Lockout,
        now: Now,
    ) -> Next {
        let offered = &self.credential.offered;
        if let Some(checked) = offered.check_unguessable(account) {
            return match memory.locks.locked_until(&account.id, now.tick) {
                Some(_) => Next::Refuse(Refusal::LockedOut),
                None => {
                    self.leave = Leave::Unguessable(account.id.clone());
                    Next::Settle(checked)
                }
            };
        }
        if let Err(denied) = self.reserve(memory.locks, memory, account, rules, now) {
            return match denied {
                Denied::Busy => Next::Wait,
                Denied::Locked { .. } => Next::Refuse(Refusal::LockedOut),
                Denied::Full => Next::Refuse(Refusal::Overloaded),
            };
        }
        let Leave::Held(admission) = &mut self.leave else {
            return Next::Refuse(Refusal::Overloaded);
        };
        match (self.credential.offered).check_without_hashing(memory, account, now, admission) {
            QuickCheck::Checked(checked) => Next::Settle(checked),
            QuickCheck::Hash(candidates) => Next::Hash(candidates),
            QuickCheck::Change => Next::Change,
            QuickCheck::Bind => Next::Bind,
        }
    }

    /// Goes on with an unknown name. It is worked on as often as an account is, and refused at
    /// once then: how many are refused how soon must not tell who exists.
    pub(in crate::access) fn proceed_as_unknown(
        &mut self,
        memory: Memory<'_>,
        name: &AccountId,
        rules: &Lockout,
        now: Now,
    ) -> Next {
        if !self.credential.offered.is_guessable() {
            return Next::Refuse(Refusal::UnknownUser);
        }
        let nobody = Account::new(name.clone(), Kind::Guest);
        match self.reserve(memory.unknown_names, memory, &nobody, rules, now) {
            // Beyond the table's room names are not told apart any more.
            Ok(()) | Err(Denied::Full) => Next::Hash(Candidates::All),
            Err(Denied::Busy) => Next::Wait,
            Err(Denied::Locked { .. }) => Next::Refuse(Refusal::UnknownUser),
        }
    }

    /// Settles the attempt at an unknown name, whose work is done.
    pub(in crate::access) fn settle_as_unknown(&mut self, now: Now) {
        if let Leave::Held(admission) = std::mem::replace(&mut self.leave, Leave::None) {
            // Failures of unknown names are in memory alone.
            let _ = admission.settle_as_nobody(now.tick);
        }
    }

    /// Goes on while the directory is away, with what it last said of the account. Who has proven
    /// who they are, and was there lately, may come in. A password that is known to be wrong counts
    /// as ever; of any other nothing is known, and nothing is counted.
    pub(in crate::access) fn proceed_without_directory(
        &mut self,
        memory: Memory<'_>,
        account: &Account,
        rules: &Lockout,
        now: Now,
        error: FindError,
    ) -> Next {
        if !self.credential.offered.is_guessable() {
            return self.proceed(memory, account, rules, now);
        }
        if let Err(denied) = self.reserve(memory.locks, memory, account, rules, now) {
            return match denied {
                Denied::Busy => Next::Settle(Checked::Unanswered(error)),
                Denied::Locked { .. } => Next::Refuse(Refusal::LockedOut),
                Denied::Full => Next::Refuse(Refusal::Overloaded),
            };
        }
        let Leave::Held(admission) = &mut self.leave else {
            return Next::Settle(Checked::Unanswered(error));
        };
        let offered = &self.credential.offered;
        Next::Settle(match offered.recall(memory, account, now, admission) {
            Some(proof) => Checked::Proven(proof.into()),
            None => {
                let unchecked = Checked::Unanswered(error);
                offered.without_check(memory, &account.id, admission, unchecked)
            }
        })
    }

    /// Reserves one attempt, unless one is reserved already at this very account.
    fn reserve(
        &mut self,
        table: &LockTable,
        memory: Memory<'_>,
        account: &Account,
        rules: &Lockout,
        now: Now,
    ) -> Result<(), Denied> {
        // A name may have been given to another account meanwhile: the attempt counts there.
        if matches!(&self.leave, Leave::Held(admission) if admission.is_for(&account.id)) {
            return Ok(());
        }
        self.leave = Leave::None;
        let offered = &self.credential.offered;
        let guess = Guess {
            tag: offered.tag(memory, account),
            source: self.sent.source,
            arrived: self.sent.arrived,
            refusal_leaves: self.sent.refusal_leaves,
        };
        let admitted = match table.admit(account, guess, rules, now.tick) {
            Err(Denied::Full)
                if offered.password().is_some() && memory.proofs.is_fresh(account, now) =>
            {
                table.admit_beyond_capacity(account, guess, rules, now.tick)
            }
            admitted => admitted,
        };
        self.leave = Leave::Held(admitted?);
        Ok(())
    }

    /// Hashes the password, as [`Next::Hash`] said.
    pub(in crate::access) fn hash(
        &mut self,
        memory: Memory<'_>,
        account: &Account,
        now: Now,
        candidates: Candidates,
        scratch: &mut HashMemory,
    ) -> Checked {
        let offered = &self.credential.offered;
        match &mut self.leave {
            Leave::Held(admission) => {
                offered.hash(memory, account, now, candidates, scratch, admission)
            }
            _ => Checked::Shed,
        }
    }

    /// The new password of [`Next::Change`], or why it is not to be had.
    pub(in crate::access) fn open_change(
        &mut self,
        account: &Account,
    ) -> Result<(Proof, NewPassword), Checked> {
        match (&self.credential.offered, &mut self.leave) {
            (Offered::MsChapV2Change(offered), Leave::Held(admission)) => {
                open_change(account, offered, admission)
            }
            _ => Err(Checked::Shed),
        }
    }

    /// Checks the response to a change against the account as it is after the change.
    pub(in crate::access) fn check_changed(&mut self, changed: &Account) -> Checked {
        match (&self.credential.offered, &mut self.leave) {
            (Offered::MsChapV2Change(offered), Leave::Held(admission)) => {
                check_ms_chap_v2(changed, &offered.exchange, admission)
            }
            _ => Checked::Previous,
        }
    }

    /// Begins the bind of [`Next::Bind`]: from here on the attempt is a failure until
    /// [`Attempt::judge`] hears otherwise. `None` without leave to compare.
    pub(in crate::access) fn begin_bind(&mut self) -> Option<(BindLeave, BeforeBind)> {
        match &mut self.leave {
            Leave::Held(admission) => Some(admission.begin_bind()),
            _ => None,
        }
    }

    /// The result of a check by the directory.
    pub(in crate::access) fn judge(
        &mut self,
        memory: Memory<'_>,
        account: &Account,
        now: Now,
        before: BeforeBind,
        verdict: Result<Verdict, FindError>,
    ) -> Checked {
        let Leave::Held(admission) = &mut self.leave else {
            return Checked::Shed;
        };
        admission.note_bind(before, answer_of(&verdict));
        let offered = &self.credential.offered;
        offered.judge(memory, account, now, verdict, admission)
    }

    /// The result without a check: the turn in the pool never came.
    pub(in crate::access) fn without_turn(&mut self, memory: Memory<'_>) -> Checked {
        match &mut self.leave {
            Leave::Held(admission) => {
                let account = admission.account().clone();
                let offered = &self.credential.offered;
                offered.without_check(memory, &account, admission, Checked::Shed)
            }
            _ => Checked::Shed,
        }
    }

    /// Ends the attempt with what was decided. A lock that came while this was checked is a lock: the
    /// right credential is refused too.
    pub(in crate::access) fn settle<T>(
        self,
        decision: Result<T, Refusal>,
        memory: Memory<'_>,
        now: Now,
    ) -> Untold<T> {
        match self.leave {
            Leave::Held(admission) => Untold::new(decision, Some(admission)),
            Leave::Unguessable(account) => {
                let lock = memory.locks.locked_until(&account, now.tick);
                let decision = match lock {
                    Some(_) => decision.and(Err(Refusal::LockedOut)),
                    None => decision,
                };
                Untold::new(decision, None)
            }
            Leave::None => Untold::new(decision, None),
        }
    }
}
