//! What somebody offers to prove who they are, and how each kind is checked.

use portvakt_auth::mschap::{
    ENCRYPTED_PASSWORD_OCTETS, MsChapExchange, MsChapSuccess, MsChapV2Exchange, MsChapV2Success,
    NewPassword, PasswordChange,
};
use portvakt_auth::password::{self, CheckedMsChap, MissingSecret, Scratch};
use portvakt_auth::{Account, ChapExchange, Grant, HashError, Now, Proof, Refusal, Verification};

use super::Access;
use super::held::HeldPassword;
use super::route::LocalName;
use crate::directory::{FindError, Verdict};

/// Said of an account whose hash the directory does not show.
const HASH_WITHHELD: &str = "the directory shows no password of this account: let the service \
                             account read it, or set verify = \"bind\"";

/// Said of an account whose source has a mark in the place of the hash.
const PASSWORD_LOCKED: &str = "the password is locked by the source: none is right";

/// Said of what sshd sends in the place of a password.
const STAND_IN: &str =
    "sshd sent this in the place of the password: the user is unknown on that host";

/// Somebody's name and what they offer as proof.
pub(super) struct Credential {
    /// The name, routed to us.
    pub name: LocalName,
    /// The proof offered.
    pub offered: Offered,
}

/// What is offered as proof.
pub(super) enum Offered {
    /// The password itself, as it came.
    Password(HeldPassword),
    /// An answer to a CHAP challenge.
    Chap(Chap),
    /// An answer to an MS-CHAP challenge.
    MsChap(MsChap),
    /// An answer to an MS-CHAPv2 challenge.
    MsChapV2(MsChapV2),
    /// A new password, and the answer to an MS-CHAPv2 challenge by it.
    MsChapV2Change(MsChapV2Change),
    /// A TLS session of an earlier log-on, by the ticket that it remembers.
    Session(Vec<u8>),
    /// A client certificate that was verified and names this account.
    Certificate,
}

/// A CHAP exchange, owned; see [`ChapExchange`].
pub(super) struct Chap {
    pub identifier: u8,
    pub challenge: Vec<u8>,
    pub response: [u8; 16],
}

/// An MS-CHAP exchange, owned; see [`MsChapExchange`].
pub(super) struct MsChap {
    pub challenge: [u8; 8],
    pub nt_response: [u8; 24],
}

/// An MS-CHAPv2 exchange, owned; see [`MsChapV2Exchange`].
pub(super) struct MsChapV2 {
    pub name: Vec<u8>,
    pub authenticator_challenge: [u8; 16],
    pub peer_challenge: [u8; 16],
    pub nt_response: [u8; 24],
}

/// A password change, owned; see [`PasswordChange`].
pub(super) struct MsChapV2Change {
    pub exchange: MsChapV2,
    pub encrypted_password: Box<[u8; ENCRYPTED_PASSWORD_OCTETS]>,
    pub encrypted_hash: [u8; 16],
}

/// What a right answer earns besides the grant.
pub(super) enum Evidence {
    /// Nothing.
    None,
    /// Keys.
    MsChap(MsChapSuccess),
    /// What proves to the device that we know its password too, and keys.
    MsChapV2(MsChapV2Success),
}

/// What was granted, and what goes with it.
pub(super) struct Granted {
    /// Only [`portvakt_auth::decide`] makes one.
    pub grant: Grant,
    /// For the method that asked.
    pub evidence: Evidence,
}

/// What came of a check.
pub(super) enum Checked {
    /// It is right.
    Proven(Proof, Evidence),
    /// It is that of an earlier password.
    Previous,
    /// It is wrong; the tag tells the same wrong one from another.
    Wrong { tag: u64 },
    /// It could not be checked, for want of what the account would have to have.
    Missing(MissingSecret),
    /// It could not be checked: the stored hash is unusable. Our fault.
    Unusable(HashError),
    /// It was for the directory to check, which lets nobody in by it.
    Closed {
        refusal: Refusal,
        detail: &'static str,
    },
    /// It was for the directory to check, which does not answer.
    Unanswered(FindError),
}

impl Offered {
    /// Why what came as a password can be none, and is not even looked at.
    pub(super) fn why_no_password(&self) -> Option<&'static str> {
        let password = self.password()?;
        password::is_stand_in(password).then_some(STAND_IN)
    }

    /// Whether it could be a guess: what is none is neither counted nor holds up those that are.
    pub(super) fn is_guessable(&self) -> bool {
        !matches!(self, Self::Session(_) | Self::Certificate)
    }

    /// What can be told in microseconds; `None` where a password must be hashed: to check it, or
    /// to keep a new one.
    pub(super) fn check_at_a_glance(
        &self,
        access: &Access,
        account: &Account,
        now: Now,
    ) -> Option<Checked> {
        match self {
            Self::Password(_) | Self::MsChap(_) | Self::MsChapV2(_) | Self::MsChapV2Change(_)
                if account.verification == Verification::PasswordLocked =>
            {
                Some(Checked::Closed {
                    refusal: Refusal::Deactivated,
                    detail: PASSWORD_LOCKED,
                })
            }
            Self::Password(_) if account.verification == Verification::Impossible => {
                Some(Checked::Closed {
                    refusal: Refusal::DirectoryUnavailable,
                    detail: HASH_WITHHELD,
                })
            }
            Self::Password(password) => {
                if let Some(proof) = access.proofs.recall(account, password, now) {
                    return Some(Checked::Proven(proof, Evidence::None));
                }
                let ours = account.verification == Verification::StoredHash;
                let checked = ours.then(|| password::check_quickly(account, password))??;
                Some(of_password(access, account, password, now, checked))
            }
            Self::Chap(offered) => Some(offered.check(access, account)),
            Self::MsChap(offered) => {
                let checked = password::check_ms_chap(account, &offered.exchange());
                Some(of_ms_chap(
                    access,
                    account,
                    &offered.nt_response,
                    checked,
                    Evidence::MsChap,
                ))
            }
            Self::MsChapV2(offered) => Some(offered.check(access, account)),
            Self::MsChapV2Change(offered) => offered.check_at_a_glance(access, account),
            Self::Session(ticket) => Some(match Proof::of_session(account, ticket) {
                Some(proof) => Checked::Proven(proof, Evidence::None),
                None => Checked::Previous,
            }),
            Self::Certificate => Some(Checked::Proven(
                Proof::of_certificate(account),
                Evidence::None,
            )),
        }
    }

    /// What was proven before, where nobody can be asked now: a remembered password, a session. A
    /// certificate proves itself.
    pub(super) fn recall(&self, access: &Access, account: &Account, now: Now) -> Option<Proof> {
        match self {
            Self::Password(password) => access.proofs.recall(account, password, now),
            Self::Session(ticket) => Proof::of_session(account, ticket),
            Self::Certificate => Some(Proof::of_certificate(account)),
            Self::Chap(_) | Self::MsChap(_) | Self::MsChapV2(_) | Self::MsChapV2Change(_) => None,
        }
    }

    /// Checks it, with a hashing thread's memory.
    pub(super) fn check(
        &self,
        access: &Access,
        account: &Account,
        now: Now,
        scratch: &mut Scratch,
    ) -> Checked {
        // The one before in the account's line may have proven this very password.
        if let Some(checked) = self.check_at_a_glance(access, account, now) {
            return checked;
        }
        let Self::Password(password) = self else {
            return Checked::Missing(MissingSecret::NtHash);
        };
        let checked = password::check(account, password, scratch);
        of_password(access, account, password, now, checked)
    }

    /// The password, if that is what was offered.
    pub(super) fn password(&self) -> Option<&HeldPassword> {
        match self {
            Self::Password(password) => Some(password),
            _ => None,
        }
    }

    /// The password, if it is for the directory to check it.
    pub(super) fn for_directory(&self, account: &Account) -> Option<&HeldPassword> {
        match (self, &account.verification) {
            (Self::Password(password), Verification::Bind(_)) => Some(password),
            _ => None,
        }
    }

    /// What a directory's verdict means here. A password that is right is remembered.
    pub(super) fn judge(
        &self,
        access: &Access,
        account: &Account,
        verdict: Result<Verdict, FindError>,
    ) -> Checked {
        let Self::Password(password) = self else {
            return Checked::Missing(MissingSecret::NtHash);
        };
        match verdict {
            Ok(Verdict::Right(proof)) => {
                let now = access.clock.now();
                access.proofs.remember(account, password, &proof, now);
                access.earlier.note(password, &proof);
                Checked::Proven(proof, Evidence::None)
            }
            Ok(Verdict::Wrong) if access.earlier.knows(&account.id, password) => Checked::Previous,
            Ok(Verdict::Wrong) => Checked::Wrong {
                tag: access.wrong_tag.tag(account, password),
            },
            Ok(Verdict::Closed {
                refusal, detail, ..
            }) => Checked::Closed { refusal, detail },
            Err(error) => Checked::Unanswered(error),
        }
    }

    /// Does the same work for somebody we do not know (P5).
    pub(super) fn check_nobody(&self, access: &Access, scratch: &mut Scratch) {
        match self {
            Self::Password(password) => {
                let _ = access.nobodys_hash.verify(password, scratch);
            }
            Self::Chap(offered) => password::check_chap_of_nobody(&offered.exchange()),
            Self::MsChap(offered) => password::check_ms_chap_of_nobody(&offered.exchange()),
            Self::MsChapV2(offered) => password::check_ms_chap_v2_of_nobody(&offered.exchange()),
            Self::MsChapV2Change(offered) => {
                password::check_ms_chap_v2_change_of_nobody(&offered.change());
            }
            Self::Session(_) | Self::Certificate => {}
        }
    }
}

impl Chap {
    fn exchange(&self) -> ChapExchange<'_> {
        ChapExchange {
            identifier: self.identifier,
            challenge: &self.challenge,
            response: &self.response,
        }
    }

    fn check(&self, access: &Access, account: &Account) -> Checked {
        match password::check_chap(account, &self.exchange()) {
            Ok(password::Checked::Proven(proof)) => Checked::Proven(proof, Evidence::None),
            Ok(password::Checked::Previous) => Checked::Previous,
            // A response is another one each time: each counts.
            Ok(password::Checked::Wrong) => Checked::Wrong {
                tag: access.wrong_tag.tag(account, &self.response),
            },
            Err(missing) => Checked::Missing(missing),
        }
    }
}

impl MsChap {
    fn exchange(&self) -> MsChapExchange<'_> {
        MsChapExchange {
            challenge: &self.challenge,
            nt_response: &self.nt_response,
        }
    }
}

impl MsChapV2 {
    fn exchange(&self) -> MsChapV2Exchange<'_> {
        MsChapV2Exchange {
            name: &self.name,
            authenticator_challenge: &self.authenticator_challenge,
            peer_challenge: &self.peer_challenge,
            nt_response: &self.nt_response,
        }
    }

    /// Checks it against the account's NT hash, which may be that of the moment before.
    pub(super) fn check(&self, access: &Access, account: &Account) -> Checked {
        let checked = password::check_ms_chap_v2(account, &self.exchange());
        let evidence = Evidence::MsChapV2;
        of_ms_chap(access, account, &self.nt_response, checked, evidence)
    }
}

impl MsChapV2Change {
    fn change(&self) -> PasswordChange<'_> {
        PasswordChange {
            encrypted_password: &self.encrypted_password,
            encrypted_hash: &self.encrypted_hash,
            exchange: self.exchange.exchange(),
        }
    }

    /// The new password, from somebody who has proven the present one.
    pub(super) fn open(&self, account: &Account) -> Option<(Proof, NewPassword)> {
        match password::check_ms_chap_v2_change(account, &self.change()) {
            Ok(CheckedMsChap::Proven { proof, success }) => Some((proof, success)),
            _ => None,
        }
    }

    /// Why it does not open; `None` where it does.
    fn check_at_a_glance(&self, access: &Access, account: &Account) -> Option<Checked> {
        match password::check_ms_chap_v2_change(account, &self.change()) {
            Ok(CheckedMsChap::Proven { .. }) => None,
            Ok(CheckedMsChap::Previous) => Some(Checked::Previous),
            Ok(CheckedMsChap::Wrong) => Some(Checked::Wrong {
                tag: access.wrong_tag.tag(account, &self.exchange.nt_response),
            }),
            Err(missing) => Some(Checked::Missing(missing)),
        }
    }
}

/// A password that is right is remembered.
fn of_password(
    access: &Access,
    account: &Account,
    password: &[u8],
    now: Now,
    checked: Result<password::Checked, HashError>,
) -> Checked {
    match checked {
        Ok(password::Checked::Proven(proof)) => {
            access.proofs.remember(account, password, &proof, now);
            Checked::Proven(proof, Evidence::None)
        }
        Ok(password::Checked::Previous) => Checked::Previous,
        Ok(password::Checked::Wrong) => Checked::Wrong {
            tag: access.wrong_tag.tag(account, password),
        },
        Err(error) => Checked::Unusable(error),
    }
}

fn of_ms_chap<S>(
    access: &Access,
    account: &Account,
    nt_response: &[u8],
    checked: Result<CheckedMsChap<S>, MissingSecret>,
    evidence: impl FnOnce(S) -> Evidence,
) -> Checked {
    match checked {
        Ok(CheckedMsChap::Proven { proof, success }) => Checked::Proven(proof, evidence(success)),
        Ok(CheckedMsChap::Previous) => Checked::Previous,
        // A response is another one each time: each counts.
        Ok(CheckedMsChap::Wrong) => Checked::Wrong {
            tag: access.wrong_tag.tag(account, nt_response),
        },
        Err(missing) => Checked::Missing(missing),
    }
}
