//! Checking MS-CHAP responses against an account, and why some accounts can't have theirs checked.

use crate::account::{Account, PREVIOUS_PASSWORDS};
use crate::lock::{Admission, Shown};
use crate::mschap::{
    self, MsChapExchange, MsChapSuccess, MsChapV2Exchange, MsChapV2Success, NewPassword, NtHash,
    PasswordChange,
};
use crate::proof::Proof;
use crate::refusal::Refusal;
use crate::symptom::Symptom;
use std::fmt;

/// Result of checking a response; `S` is the result of a right one.
#[derive(Debug)]
#[must_use]
pub enum CheckedMsChap<S> {
    /// That of the current password.
    Proven {
        /// For the decision.
        proof: Proof,
        /// For the peer and the NAS. Not to be sent before the decision is a grant: the
        /// authenticator response tells a peer that its password was right.
        success: S,
    },
    /// That of the password before, or of the one before that: refused, not counted.
    Previous,
    /// Neither. Each counts, also where the same wrong password is to count once: a response is
    /// another one every time, so nobody can tell.
    Wrong,
}

/// A secret that a method needs and that we do not have, so that nothing could be checked.
///
/// On the wire this is a refusal like any other, in the list of reasons it is
/// [`Refusal::MethodNotAllowed`] with this as its detail, and nothing is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MissingSecret {
    /// MS-CHAP needs the NT hash, and the account has none beside its password; an NT hash alone
    /// will not do, for nobody could say when that password expires.
    NtHash,
    /// CHAP needs its secret in clear text (RFC 1994 §2.1), and the account has none. No password
    /// is ever stored like that, so this is so for everybody but some devices.
    ClearText,
}

impl MissingSecret {
    /// The reason it is reported under.
    pub const fn refusal(self) -> Refusal {
        Refusal::MethodNotAllowed
    }

    /// The symptom that is recorded.
    pub const fn symptom(self) -> Symptom {
        match self {
            MissingSecret::NtHash => Symptom::NoNtHash,
            MissingSecret::ClearText => Symptom::NoClearText,
        }
    }

    /// The stable code of the detail.
    pub const fn code(self) -> &'static str {
        match self {
            MissingSecret::NtHash => "no-nt-hash",
            MissingSecret::ClearText => "no-clear-text",
        }
    }

    /// The missing secret as a sentence for the helpdesk.
    pub const fn for_helpdesk(self) -> &'static str {
        match self {
            MissingSecret::NtHash => {
                "The device used MS-CHAP, and the account has no NT hash beside its password to check it with; nothing was counted."
            }
            MissingSecret::ClearText => {
                "The device used CHAP, which needs a secret stored in clear text; the account has none, and no password is ever stored so. Nothing was counted."
            }
        }
    }

    /// The remedy, as a sentence.
    pub const fn next_step(self) -> &'static str {
        match self {
            MissingSecret::NtHash => {
                "Set the device up with TTLS/PAP or a certificate, or have the directory deliver NT hashes and the owner choose a new password."
            }
            MissingSecret::ClearText => {
                "Set the device or the VPN concentrator to PAP, MS-CHAPv2 or EAP."
            }
        }
    }
}

impl fmt::Display for MissingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Checks an MS-CHAPv2 response against the account: the current NT hash, then the previous ones.
///
/// One that does not fit costs the same work whatever the account has, and for an unknown name too
/// ([`check_ms_chap_v2_of_nobody`]); one that fits costs a third of it, which tells nobody more
/// than the answer does. A few microseconds: not for the hash pool.
///
/// # Errors
/// [`MissingSecret::NtHash`]: nothing was checked, nothing is to be counted.
pub fn check_ms_chap_v2(
    account: &Account,
    exchange: &MsChapV2Exchange,
    attempt: &mut Admission,
) -> Result<CheckedMsChap<MsChapV2Success>, MissingSecret> {
    check(account, attempt, |hash| mschap::check_v2(hash, exchange))
}

/// Checks an MS-CHAP response as [`check_ms_chap_v2`] does.
///
/// # Errors
/// As there.
pub fn check_ms_chap(
    account: &Account,
    exchange: &MsChapExchange,
    attempt: &mut Admission,
) -> Result<CheckedMsChap<MsChapSuccess>, MissingSecret> {
    check(account, attempt, |hash| mschap::check_v1(hash, exchange))
}

/// Checks a password change as [`check_ms_chap_v2`] checks a response: what is proven is that the
/// peer has the present NT hash, and the new password is the success. That one is not looked at:
/// [`PasswordPolicy`](super::PasswordPolicy) does.
///
/// # Errors
/// As there.
pub fn check_ms_chap_v2_change(
    account: &Account,
    change: &PasswordChange,
    attempt: &mut Admission,
) -> Result<CheckedMsChap<NewPassword>, MissingSecret> {
    check(account, attempt, |hash| mschap::open_change(hash, change))
}

/// Does the work of [`check_ms_chap_v2_change`] for an unknown name (P5).
pub fn check_ms_chap_v2_change_of_nobody(change: &PasswordChange) {
    fit_nobody(|hash| mschap::open_change(hash, change));
}

/// Does the work of [`check_ms_chap_v2`] for an unknown name (P5).
pub fn check_ms_chap_v2_of_nobody(exchange: &MsChapV2Exchange) {
    fit_nobody(|hash| mschap::check_v2(hash, exchange));
}

/// Does the work of [`check_ms_chap`] for an unknown name (P5).
pub fn check_ms_chap_of_nobody(exchange: &MsChapExchange) {
    fit_nobody(|hash| mschap::check_v1(hash, exchange));
}

fn check<S>(
    account: &Account,
    attempt: &mut Admission,
    check: impl Fn(&NtHash) -> Option<S>,
) -> Result<CheckedMsChap<S>, MissingSecret> {
    attempt.compare(|| compare(account, check), shown)
}

fn shown<S>(checked: &Result<CheckedMsChap<S>, MissingSecret>) -> Option<Shown> {
    match checked {
        Ok(CheckedMsChap::Proven { .. }) => Some(Shown::Right),
        Ok(CheckedMsChap::Previous) => Some(Shown::Previous),
        Ok(CheckedMsChap::Wrong) => Some(Shown::Wrong),
        Err(_) => None,
    }
}

fn compare<S>(
    account: &Account,
    check: impl Fn(&NtHash) -> Option<S>,
) -> Result<CheckedMsChap<S>, MissingSecret> {
    let current = account
        .nt_hash
        .as_ref()
        .filter(|_| account.password.is_some());
    if let Some(success) = fit(current, &check) {
        let proof = Proof::of(account);
        return Ok(CheckedMsChap::Proven { proof, success });
    }
    let mut previous = account.previous_nt_hashes.iter();
    // Both, whether or not the first fits.
    let previous = [(); PREVIOUS_PASSWORDS].map(|()| fit(previous.next(), &check).is_some());
    match current {
        _ if previous.contains(&true) => Ok(CheckedMsChap::Previous),
        Some(_) => Ok(CheckedMsChap::Wrong),
        None => Err(MissingSecret::NtHash),
    }
}

/// Result of a check against a hash; a missing hash costs the same work, and fits nothing.
fn fit<S>(hash: Option<&NtHash>, check: impl Fn(&NtHash) -> Option<S>) -> Option<S> {
    match hash {
        Some(hash) => check(hash),
        None => check(&NtHash::dummy()).filter(|_| false),
    }
}

fn fit_nobody<S>(check: impl Fn(&NtHash) -> Option<S>) {
    for _ in 0..=PREVIOUS_PASSWORDS {
        let _ = fit(None, &check);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Kind, Password, PasswordKind};
    use crate::lock::tests::admitted;
    use crate::name::AccountId;
    use crate::password::PasswordHash;
    use jiff::Timestamp;

    /// The exchange with the response that the owner of this hash owes.
    fn answered_by(hash: &NtHash) -> MsChapV2Exchange {
        let mut exchange = MsChapV2Exchange {
            name: b"s123456".to_vec(),
            authenticator_challenge: [1; 16],
            peer_challenge: [2; 16],
            nt_response: [0; 24],
        };
        exchange.nt_response = mschap::nt_response(hash, &exchange);
        exchange
    }

    fn password() -> Password {
        Password {
            hash: PasswordHash::dummy(),
            changed_at: Timestamp::UNIX_EPOCH,
            kind: PasswordKind::Permanent,
        }
    }

    /// An account whose passwords were these, the last one now.
    fn account(passwords: &[&str]) -> Account {
        let mut account = Account::new(AccountId::new("s123456").unwrap(), Kind::Student);
        for text in passwords {
            account.set_credentials(password(), Some(NtHash::of_password(text)));
        }
        account
    }

    fn outcome(account: &Account, text: &str) -> &'static str {
        let hash = NtHash::of_password(text);
        let exchange = answered_by(&hash);
        let challenge = [3; 8];
        let first_version = MsChapExchange {
            challenge,
            nt_response: mschap::nt_response_v1(&hash, &challenge),
        };
        let second = name(
            account,
            check_ms_chap_v2(account, &exchange, &mut admitted(account)),
        );
        assert_eq!(
            name(
                account,
                check_ms_chap(account, &first_version, &mut admitted(account))
            ),
            second
        );
        check_ms_chap_v2_of_nobody(&exchange);
        check_ms_chap_of_nobody(&first_version);
        second
    }

    fn name<S>(
        account: &Account,
        checked: Result<CheckedMsChap<S>, MissingSecret>,
    ) -> &'static str {
        match checked {
            Ok(CheckedMsChap::Proven { proof, .. }) => {
                assert_eq!(proof, Proof::of(account));
                "proven"
            }
            Ok(CheckedMsChap::Previous) => "previous",
            Ok(CheckedMsChap::Wrong) => "wrong",
            Err(missing) => missing.code(),
        }
    }

    #[test]
    fn current_password_is_proven_earlier_ones_are_previous_and_others_wrong() {
        let account = account(&["first", "second", "third", "fourth"]);
        let outcomes =
            ["fourth", "third", "second", "first", "", "other"].map(|text| outcome(&account, text));
        let expected = ["proven", "previous", "previous", "wrong", "wrong", "wrong"];
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn account_without_an_nt_hash_is_told_apart_from_a_wrong_password() {
        assert_eq!(outcome(&account(&[]), "any"), "no-nt-hash");
        let mut changed = account(&["old"]);
        changed.set_password(password());
        assert_eq!(outcome(&changed, "new"), "no-nt-hash");
        assert_eq!(outcome(&changed, "old"), "previous");
        assert_eq!(MissingSecret::NtHash.refusal(), Refusal::MethodNotAllowed);
    }

    #[test]
    fn nt_hash_without_a_password_beside_it_opens_nothing() {
        let mut account = account(&[]);
        account.set_nt_hash(Some(NtHash::of_password("right")));
        assert_eq!(outcome(&account, "right"), "no-nt-hash");
    }

    /// Every reader of the source knows the dummy hash.
    #[test]
    fn response_of_the_dummy_hash_opens_nothing() {
        let exchange = answered_by(&NtHash::dummy());
        for account in [account(&[]), account(&["right"])] {
            let checked = check_ms_chap_v2(&account, &exchange, &mut admitted(&account));
            assert!(!matches!(checked, Ok(CheckedMsChap::Proven { .. })));
            assert!(!matches!(checked, Ok(CheckedMsChap::Previous)));
        }
    }

    #[test]
    fn change_is_proven_by_the_current_password_and_previous_by_an_earlier_one() {
        let account = account(&["first", "second", "third", "fourth"]);
        let outcome = |account: &Account, old: &str| {
            let (old, new) = (
                NtHash::of_password(old),
                NtHash::of_password("new-password"),
            );
            let sealed = mschap::encrypted_password("new-password", &old, &[7; 512]).unwrap();
            let change = PasswordChange {
                encrypted_password: Box::new(sealed),
                encrypted_hash: mschap::encrypted_hash(&old, &new),
                exchange: answered_by(&new),
            };
            check_ms_chap_v2_change_of_nobody(&change);
            name(
                account,
                check_ms_chap_v2_change(account, &change, &mut admitted(account)),
            )
        };
        let outcomes = ["fourth", "third", "first", "other"].map(|old| outcome(&account, old));
        assert_eq!(outcomes, ["proven", "previous", "wrong", "wrong"]);
        assert_eq!(outcome(&self::account(&[]), "any"), "no-nt-hash");
    }

    #[test]
    fn missing_secrets_have_codes_and_sentences() {
        for missing in [MissingSecret::NtHash, MissingSecret::ClearText] {
            assert!(missing.code().starts_with("no-"));
            assert!(missing.for_helpdesk().ends_with('.') && missing.next_step().ends_with('.'));
            assert_eq!(Refusal::from_code(missing.code()), None);
        }
    }
}
