//! Credentials, and the check of each kind.

use portvakt_auth::mschap::{
    MsChapExchange, MsChapSuccess, MsChapV2Exchange, MsChapV2Success, NewPassword, PasswordChange,
};
use portvakt_auth::password::{self, CheckedMsChap, HashMemory, MissingSecret, PasswordOddity};
use portvakt_auth::{
    Account, AccountId, Admission, Barred, BindAnswer, ChapExchange, EarlierPasswords, Grant,
    GuessTags, HashError, LockTable, Now, PasswordHash, Proof, ProvenRefusal, Recalled,
    RememberedProofs, ToNote, ToRemember, Verification,
};

use super::received_password::ReceivedPassword;
use crate::policy::route::LocalName;
use portvakt_directory::{FindError, Verdict};

/// Said of an account whose hash the directory does not show.
const HASH_WITHHELD: &str = "the directory shows no password of this account: let the service \
                             account read it, or set verify = \"bind\"";

/// Said of an account whose source has a mark in the place of the hash.
const PASSWORD_LOCKED: &str = "the password is locked by the source: none is right";

/// Said of what sshd sends in the place of a password.
const STAND_IN: &str =
    "sshd sent this in the place of the password: the user is unknown on that host";

/// A name and the proof that is offered for it.
pub(super) struct Credential {
    /// The name, routed to us.
    pub name: LocalName,
    /// The proof offered.
    pub offered: Offered,
}

/// The proof that is offered.
pub(super) enum Offered {
    /// The password itself, as it came.
    Password(ReceivedPassword),
    /// An answer to a CHAP challenge.
    Chap(ChapExchange),
    /// An answer to an MS-CHAP challenge.
    MsChap(MsChapExchange),
    /// An answer to an MS-CHAPv2 challenge.
    MsChapV2(MsChapV2Exchange),
    /// A new password, and the answer to an MS-CHAPv2 challenge by it.
    MsChapV2Change(PasswordChange),
    /// A TLS session of an earlier log-on, by the context that it was remembered with.
    Session(Vec<u8>),
    /// A client certificate that was verified and names this account.
    Certificate,
}

/// Octets for the device that go with a grant.
pub(super) enum MutualProof {
    /// Nothing.
    None,
    /// Keys.
    MsChap(MsChapSuccess),
    /// The proof to the device that the server knows its password too, and keys.
    MsChapV2(MsChapV2Success),
}

/// A grant, and the proof that goes with it.
pub(super) struct Granted {
    /// Only [`portvakt_auth::decide`] makes one.
    pub grant: Grant,
    /// For the method that asked.
    pub mutual_proof: MutualProof,
}

/// A credential that is right.
pub(super) struct Proven {
    /// The proof of it.
    pub proof: Proof,
    /// Octets for the device.
    pub mutual_proof: MutualProof,
    /// A password that was compared anew, to be remembered once the outcome may be told.
    pub password: Option<Box<ProvenPassword>>,
}

impl From<Proof> for Proven {
    fn from(proof: Proof) -> Self {
        Self {
            proof,
            mutual_proof: MutualProof::None,
            password: None,
        }
    }
}

/// A password that was right, as keyed hashes.
pub(super) struct ProvenPassword {
    for_log_ons: Option<ToRemember>,
    for_later: ToNote,
}

impl ProvenPassword {
    fn of(
        memory: Memory<'_>,
        account: &Account,
        password: &ReceivedPassword,
        proof: &Proof,
        now: Now,
    ) -> Box<Self> {
        let digest = password.digest(memory.proofs, account);
        Box::new(Self {
            for_log_ons: memory.proofs.prepare(account, &digest, proof, now),
            for_later: memory.earlier.prepare(password.canonical(), proof),
        })
    }

    /// Remembers it: for the next log-on, and for the time when it is an earlier one.
    pub(super) fn remember(self, memory: Memory<'_>) {
        if let Some(proven) = self.for_log_ons {
            memory.proofs.remember(proven);
        }
        memory.earlier.note(self.for_later);
    }
}

/// The outcome of a check.
pub(super) enum Checked {
    /// It is right.
    Proven(Proven),
    /// It is that of an earlier password.
    Previous,
    /// It is wrong.
    Wrong,
    /// It could not be checked anew, but is not the one that was right lately.
    KnownWrong,
    /// It could not be checked, for want of what the account would have to have.
    Missing(MissingSecret),
    /// It could not be checked: the stored hash is unusable. Our fault.
    Unusable(HashError),
    /// It was for the directory to check, which lets nobody in by it.
    Closed {
        refusal: ProvenRefusal,
        detail: &'static str,
    },
    /// The account lets nobody in, with any credential.
    Barred {
        barred: Barred,
        detail: &'static str,
    },
    /// It was for the directory to check, which does not answer.
    Unanswered(FindError),
    /// Its turn in the hash pool did not come.
    Shed,
}

/// State in memory that all log-ons share. No IO, no clock.
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    /// Failure counts and locks.
    pub locks: &'a LockTable,
    /// The same for names that are nobody's.
    pub unknown_names: &'a LockTable,
    /// Passwords proven lately.
    pub proofs: &'a RememberedProofs,
    /// Passwords that were right before.
    pub earlier: &'a EarlierPasswords,
    /// Tells responses apart, and clients.
    pub tags: &'a GuessTags,
}

/// The outcome of a check that takes microseconds.
pub(super) enum QuickCheck {
    /// Everything.
    Checked(Checked),
    /// The password must be hashed and compared with these.
    Hash(Candidates),
    /// A new password must be hashed: the present one is proven.
    Change,
    /// The directory must be asked.
    Bind,
}

/// The hashes of an account that a password may still match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidates {
    /// The current password's and the previous ones'.
    All,
    /// The previous ones' alone: a remembered proof shows that it is not the current password.
    Previous,
}

impl Offered {
    /// Why what came as a password can be none, and is not even looked at.
    pub(super) fn why_no_password(&self) -> Option<&'static str> {
        let password = self.password()?;
        password::is_stand_in(password.as_sent()).then_some(STAND_IN)
    }

    /// The oddity of a wrong password, if a password was offered.
    pub(super) fn oddity(&self) -> Option<PasswordOddity> {
        password::oddity(self.password()?.as_sent())
    }

    /// Whether it could be a guess: what is none is neither counted nor holds up those that are.
    pub(super) fn is_guessable(&self) -> bool {
        !matches!(self, Self::Session(_) | Self::Certificate)
    }

    /// A tag that tells this guess at an account from another.
    pub(super) fn tag(&self, memory: Memory<'_>, account: &Account) -> u64 {
        match self {
            Self::Password(password) => password.digest(memory.proofs, account).tag(),
            Self::Chap(offered) => memory.tags.tag(&offered.response),
            Self::MsChap(offered) => memory.tags.tag(&offered.nt_response),
            Self::MsChapV2(offered) => memory.tags.tag(&offered.nt_response),
            Self::MsChapV2Change(offered) => memory.tags.tag(&offered.exchange.nt_response),
            Self::Session(_) | Self::Certificate => 0,
        }
    }

    /// Checks a session or a certificate, which need no leave. `None` of a possible guess.
    pub(super) fn check_unguessable(&self, account: &Account) -> Option<Checked> {
        let proof = match self {
            Self::Session(context) => Proof::of_session(account, context),
            Self::Certificate => Some(Proof::of_certificate(account)),
            _ => return None,
        };
        Some(proof.map_or(Checked::Previous, |proof| Checked::Proven(proof.into())))
    }

    /// Checks as far as microseconds allow.
    pub(super) fn check_without_hashing(
        &self,
        memory: Memory<'_>,
        account: &Account,
        now: Now,
        attempt: &mut Admission,
    ) -> QuickCheck {
        QuickCheck::Checked(match self {
            Self::Password(_) | Self::MsChap(_) | Self::MsChapV2(_) | Self::MsChapV2Change(_)
                if account.verification == Verification::PasswordLocked =>
            {
                // Nothing proves who asks, so it is told to the helpdesk alone.
                Checked::Barred {
                    barred: Barred::ClosedThere,
                    detail: PASSWORD_LOCKED,
                }
            }
            Self::Password(password) => {
                return check_password_without_hashing(memory, account, password, now, attempt);
            }
            Self::Chap(offered) => check_chap(account, offered, attempt),
            Self::MsChap(offered) => {
                let checked = password::check_ms_chap(account, offered, attempt);
                of_ms_chap(checked, MutualProof::MsChap)
            }
            Self::MsChapV2(offered) => check_ms_chap_v2(account, offered, attempt),
            Self::MsChapV2Change(offered) => match open_change(account, offered, attempt) {
                Ok(_) => return QuickCheck::Change,
                Err(checked) => checked,
            },
            Self::Session(_) | Self::Certificate => self
                .check_unguessable(account)
                .unwrap_or(Checked::Missing(MissingSecret::NtHash)),
        })
    }

    /// Looks for an earlier proof, where no directory answers now. A certificate proves itself.
    pub(super) fn recall(
        &self,
        memory: Memory<'_>,
        account: &Account,
        now: Now,
        attempt: &mut Admission,
    ) -> Option<Proof> {
        let Self::Password(password) = self else {
            return None;
        };
        let digest = password.digest(memory.proofs, account);
        match memory.proofs.recall(account, &digest, now, attempt) {
            Recalled::Right(proof) => Some(proof),
            Recalled::Different | Recalled::Nothing => None,
        }
    }

    /// The outcome for a credential that could not be checked: that it was right before, that it is
    /// wrong, or else `unchecked`.
    pub(super) fn without_check(
        &self,
        memory: Memory<'_>,
        account: &AccountId,
        attempt: &mut Admission,
        unchecked: Checked,
    ) -> Checked {
        if !attempt.is_known_wrong() {
            return unchecked;
        }
        let password = self.password();
        let earlier =
            password.is_some_and(|sent| (memory.earlier).knows(account, sent.canonical(), attempt));
        match unchecked {
            _ if earlier => Checked::Previous,
            Checked::Wrong => Checked::Wrong,
            _ => Checked::KnownWrong,
        }
    }

    /// Checks a password by its hash, with a hashing thread's memory.
    pub(super) fn hash(
        &self,
        memory: Memory<'_>,
        account: &Account,
        now: Now,
        candidates: Candidates,
        scratch: &mut HashMemory,
        attempt: &mut Admission,
    ) -> Checked {
        let Self::Password(password) = self else {
            return Checked::Missing(MissingSecret::NtHash);
        };
        let checked = match candidates {
            Candidates::All => password::check(account, password.readings(), scratch, attempt),
            Candidates::Previous => Ok(password::check_previous(
                account,
                password.readings(),
                scratch,
                attempt,
            )),
        };
        of_password(memory, account, password, now, checked)
    }

    /// The password, if that is what was offered.
    pub(super) fn password(&self) -> Option<&ReceivedPassword> {
        match self {
            Self::Password(password) => Some(password),
            _ => None,
        }
    }

    /// Turns a directory's verdict into an outcome.
    pub(super) fn judge(
        &self,
        memory: Memory<'_>,
        account: &Account,
        now: Now,
        verdict: Result<Verdict, FindError>,
        attempt: &mut Admission,
    ) -> Checked {
        let Self::Password(password) = self else {
            return Checked::Missing(MissingSecret::NtHash);
        };
        match verdict {
            // Active Directory takes the password before, for a while after it was changed.
            Ok(Verdict::Right(_))
                if account.may_take_earlier_password(now.utc)
                    && memory.earlier.is_superseded(account, password.canonical()) =>
            {
                Checked::Previous
            }
            Ok(Verdict::Right(proof)) => {
                let password = ProvenPassword::of(memory, account, password, &proof, now);
                Checked::Proven(Proven {
                    password: Some(password),
                    ..proof.into()
                })
            }
            Ok(Verdict::Wrong) => self.without_check(memory, &account.id, attempt, Checked::Wrong),
            Ok(Verdict::Closed { refusal, detail }) => Checked::Closed { refusal, detail },
            Ok(Verdict::Barred { barred, detail }) => Checked::Barred { barred, detail },
            Err(error) => {
                self.without_check(memory, &account.id, attempt, Checked::Unanswered(error))
            }
        }
    }

    /// Does the same work for somebody we do not know (P5).
    pub(super) fn check_unknown(&self, decoy_hash: &PasswordHash, scratch: &mut HashMemory) {
        match self {
            Self::Password(password) => decoy_hash.work_for_nobody(password.readings(), scratch),
            Self::Chap(offered) => password::check_chap_of_nobody(offered),
            Self::MsChap(offered) => password::check_ms_chap_of_nobody(offered),
            Self::MsChapV2(offered) => password::check_ms_chap_v2_of_nobody(offered),
            Self::MsChapV2Change(offered) => {
                password::check_ms_chap_v2_change_of_nobody(offered);
            }
            Self::Session(_) | Self::Certificate => {}
        }
    }
}

/// As far as a verdict tells whether the password is right.
pub(super) fn answer_of(verdict: &Result<Verdict, FindError>) -> BindAnswer {
    match verdict {
        Ok(Verdict::Right(_) | Verdict::Closed { .. }) => BindAnswer::Right,
        Ok(Verdict::Wrong) => BindAnswer::Wrong,
        Ok(Verdict::Barred { .. }) | Err(_) => BindAnswer::Unknown,
    }
}

fn check_chap(account: &Account, offered: &ChapExchange, attempt: &mut Admission) -> Checked {
    match password::check_chap(account, offered, attempt) {
        Ok(password::Checked::Proven(proof)) => Checked::Proven(proof.into()),
        Ok(password::Checked::Previous) => Checked::Previous,
        Ok(password::Checked::Wrong) => Checked::Wrong,
        Err(missing) => Checked::Missing(missing),
    }
}

/// Checks an answer against the account's NT hash, which may be that of the moment before.
pub(super) fn check_ms_chap_v2(
    account: &Account,
    offered: &MsChapV2Exchange,
    attempt: &mut Admission,
) -> Checked {
    let checked = password::check_ms_chap_v2(account, offered, attempt);
    of_ms_chap(checked, MutualProof::MsChapV2)
}

/// The new password, from a user who has proven the present one; or why it does not open.
pub(super) fn open_change(
    account: &Account,
    offered: &PasswordChange,
    attempt: &mut Admission,
) -> Result<(Proof, NewPassword), Checked> {
    match password::check_ms_chap_v2_change(account, offered, attempt) {
        Ok(CheckedMsChap::Proven { proof, success }) => Ok((proof, success)),
        Ok(CheckedMsChap::Previous) => Err(Checked::Previous),
        Ok(CheckedMsChap::Wrong) => Err(Checked::Wrong),
        Err(missing) => Err(Checked::Missing(missing)),
    }
}

/// Checks a password as far as microseconds allow.
///
/// One version of a credential has one right password, so one that differs from the password that
/// was proven for this version is wrong at once, and spares the pool a hash. Not so where the
/// directory has the last word: it may know of a newer password than we.
fn check_password_without_hashing(
    memory: Memory<'_>,
    account: &Account,
    password: &ReceivedPassword,
    now: Now,
    attempt: &mut Admission,
) -> QuickCheck {
    if account.verification == Verification::Impossible {
        return QuickCheck::Checked(Checked::Barred {
            barred: Barred::Uncheckable,
            detail: HASH_WITHHELD,
        });
    }
    let digest = password.digest(memory.proofs, account);
    let candidates = match memory.proofs.recall(account, &digest, now, attempt) {
        Recalled::Right(proof) => {
            return QuickCheck::Checked(Checked::Proven(proof.into()));
        }
        Recalled::Different => Candidates::Previous,
        Recalled::Nothing => Candidates::All,
    };
    if matches!(account.verification, Verification::Bind(_)) {
        return QuickCheck::Bind;
    }
    let checked = match candidates {
        Candidates::Previous
            if memory
                .earlier
                .knows(&account.id, password.canonical(), attempt) =>
        {
            Some(Ok(password::Checked::Previous))
        }
        Candidates::Previous => {
            password::check_previous_quickly(account, password.readings(), attempt).map(Ok)
        }
        Candidates::All => password::check_quickly(account, password.readings(), attempt),
    };
    match checked {
        Some(checked) => QuickCheck::Checked(of_password(memory, account, password, now, checked)),
        None => QuickCheck::Hash(candidates),
    }
}

fn of_password(
    memory: Memory<'_>,
    account: &Account,
    password: &ReceivedPassword,
    now: Now,
    checked: Result<password::Checked, HashError>,
) -> Checked {
    match checked {
        Ok(password::Checked::Proven(proof)) => {
            let hash = account.password.as_ref().map(|password| &password.hash);
            // Of a hash that looks at a part of it, another password may be right as well.
            let is_whole = hash.is_some_and(|hash| password.is_looked_at_by(hash));
            let password = || ProvenPassword::of(memory, account, password, &proof, now);
            Checked::Proven(Proven {
                password: is_whole.then(password),
                ..proof.into()
            })
        }
        Ok(password::Checked::Previous) => Checked::Previous,
        Ok(password::Checked::Wrong) => Checked::Wrong,
        Err(error) => Checked::Unusable(error),
    }
}

fn of_ms_chap<S>(
    checked: Result<CheckedMsChap<S>, MissingSecret>,
    mutual_proof: impl FnOnce(S) -> MutualProof,
) -> Checked {
    match checked {
        Ok(CheckedMsChap::Proven { proof, success }) => Checked::Proven(Proven {
            mutual_proof: mutual_proof(success),
            ..proof.into()
        }),
        Ok(CheckedMsChap::Previous) => Checked::Previous,
        Ok(CheckedMsChap::Wrong) => Checked::Wrong,
        Err(missing) => Checked::Missing(missing),
    }
}
