//! MS-CHAP-Error (RFC 2759 §6): the error code of a refusal, and whether the device may try again. The
//! same inside a tunnel and outside EAP.
//!
//! A device that has not proven the password learns nothing (I6): an unknown user, a wrong or an earlier
//! password, a lock and an account without NT hash all look alike, further retries included.

use portvakt_auth::Refusal;
use portvakt_eap::{InnerCredential, MsChapV2Error, Verdict};

/// The error code that may be told of a refusal.
///
/// The reasons of RFC 2759 §6 are for those that are found only after the password was proven. An
/// expired password that can't be changed here is an authentication failure: with E=648 devices
/// would offer to change it. 646 (restricted logon hours) is not used; 709 is for [`of_change`].
pub(super) fn of(refusal: Refusal, can_change: bool) -> MsChapV2Error {
    match refusal {
        Refusal::PasswordExpired if can_change => MsChapV2Error::PasswordExpired,
        Refusal::NotRegistered
        | Refusal::NotActive
        | Refusal::Left
        | Refusal::Deactivated
        | Refusal::Suspended => MsChapV2Error::AccountDisabled,
        Refusal::ServiceNotAllowed => MsChapV2Error::NoDialInPermission,
        _ => MsChapV2Error::AuthenticationFailure,
    }
}

/// The same where a new password was offered: by whom, its Encrypted-Hash has proven, so the reason
/// may be that it was not taken.
pub(super) fn of_change(refusal: Refusal) -> MsChapV2Error {
    match refusal {
        Refusal::PasswordExpired => MsChapV2Error::ChangingPassword,
        refusal => of(refusal, false),
    }
}

/// Whether another password may help, as far as its user may know: of every reason that is found
/// before the password is proven, our own faults included, and of no other.
pub(super) fn looks_like_a_wrong_password(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::UnknownUser
            | Refusal::WrongCredential
            | Refusal::PreviousPassword
            | Refusal::LockedOut
            | Refusal::Barred
            | Refusal::MethodNotAllowed
            | Refusal::DirectoryUnavailable
            | Refusal::Overloaded
    )
}

/// Of one EAP conversation: how often it may still ask again, and what it was offered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    left: u8,
    changing: bool,
}

impl Retries {
    /// So many further retries.
    pub(super) fn new(left: u8) -> Self {
        Self {
            left,
            changing: false,
        }
    }

    /// Takes note of what is offered now.
    pub(super) fn offer(&mut self, credential: &InnerCredential) {
        self.changing = matches!(credential, InnerCredential::MsChapV2Change { .. });
    }

    /// The verdict that a refusal leads to. `challenge` is fresh.
    pub(super) fn verdict(
        &mut self,
        refusal: Refusal,
        can_change: bool,
        challenge: [u8; 16],
    ) -> Verdict {
        if self.changing {
            return Verdict::RefusedBecause(of_change(refusal));
        }
        if self.left > 0 && looks_like_a_wrong_password(refusal) {
            self.left -= 1;
            return Verdict::Retry { challenge };
        }
        match of(refusal, can_change) {
            MsChapV2Error::PasswordExpired => Verdict::ChangePassword { challenge },
            error => Verdict::RefusedBecause(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: [u8; 16] = [7; 16];
    const FAILURE: Verdict = Verdict::RefusedBecause(MsChapV2Error::AuthenticationFailure);

    /// Reasons that are found before, or without, the proof of the password.
    const UNPROVEN: [Refusal; 8] = [
        Refusal::UnknownUser,
        Refusal::WrongCredential,
        Refusal::PreviousPassword,
        Refusal::LockedOut,
        Refusal::Barred,
        Refusal::MethodNotAllowed,
        Refusal::DirectoryUnavailable,
        Refusal::Overloaded,
    ];

    fn change() -> InnerCredential {
        InnerCredential::MsChapV2Change {
            identity: Vec::new(),
            name: Vec::new(),
            authenticator_challenge: [0; 16],
            peer_challenge: [0; 16],
            nt_response: [0; 24],
            encrypted_password: Box::new([0; 516]),
            encrypted_hash: [0; 16],
        }
    }

    /// I6.
    #[test]
    fn who_has_proven_nothing_sees_no_difference() {
        for count in 0..=2 {
            for refusal in UNPROVEN {
                let mut retries = Retries::new(count);
                for _ in 0..count {
                    let verdict = retries.verdict(refusal, false, CHALLENGE);
                    let challenge = CHALLENGE;
                    assert_eq!(verdict, Verdict::Retry { challenge }, "{refusal}");
                }
                assert_eq!(retries.verdict(refusal, false, CHALLENGE), FAILURE);
            }
        }
    }

    #[test]
    fn nothing_but_a_wrong_password_is_asked_for_again() {
        for refusal in Refusal::ALL {
            let verdict = Retries::new(1).verdict(refusal, false, CHALLENGE);
            let again = matches!(verdict, Verdict::Retry { .. });
            assert_eq!(again, UNPROVEN.contains(&refusal), "{refusal}");
        }
    }

    #[test]
    fn expired_password_is_told_only_where_it_can_be_changed() {
        let mut retries = Retries::new(0);
        let challenge = CHALLENGE;
        assert_eq!(
            retries.verdict(Refusal::PasswordExpired, true, challenge),
            Verdict::ChangePassword { challenge }
        );
        assert_eq!(
            retries.verdict(Refusal::PasswordExpired, false, challenge),
            FAILURE
        );
    }

    #[test]
    fn change_that_failed_is_not_asked_for_again() {
        let mut retries = Retries::new(2);
        retries.offer(&change());
        let because = Verdict::RefusedBecause;
        for (refusal, expected) in [
            (Refusal::WrongCredential, FAILURE),
            (Refusal::LockedOut, FAILURE),
            (
                Refusal::PasswordExpired,
                because(MsChapV2Error::ChangingPassword),
            ),
            (Refusal::Suspended, because(MsChapV2Error::AccountDisabled)),
        ] {
            assert_eq!(retries.verdict(refusal, true, CHALLENGE), expected);
        }
    }
}
