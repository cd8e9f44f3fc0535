//! What MS-CHAPv2 tells a peer that is not let in: `E=691 R=0 C=… V=3 M=…` (RFC 2759 §6).

/// Why a peer is not let in, as RFC 2759 §6 numbers it. All but the last two are for peers that have
/// proven their password (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MsChapV2Error {
    /// The account may not be used at this hour.
    RestrictedLogOnHours,
    /// The account is closed.
    AccountDisabled,
    /// The password has expired, and can be changed now.
    PasswordExpired,
    /// The account may not be used on this way in.
    NoDialInPermission,
    /// Whatever else there is, and the one answer to who has proven nothing.
    AuthenticationFailure,
    /// The new password was not taken.
    ChangingPassword,
}

impl MsChapV2Error {
    /// The number after `E=`.
    pub fn code(self) -> u16 {
        match self {
            MsChapV2Error::RestrictedLogOnHours => 646,
            MsChapV2Error::AccountDisabled => 647,
            MsChapV2Error::PasswordExpired => 648,
            MsChapV2Error::NoDialInPermission => 649,
            MsChapV2Error::AuthenticationFailure => 691,
            MsChapV2Error::ChangingPassword => 709,
        }
    }

    /// The words after `M=`: what a device may show its user.
    pub fn message(self) -> &'static str {
        match self {
            MsChapV2Error::RestrictedLogOnHours => "Not at this hour",
            MsChapV2Error::AccountDisabled => "Account closed",
            MsChapV2Error::PasswordExpired => "Password expired",
            MsChapV2Error::NoDialInPermission => "Not allowed here",
            MsChapV2Error::AuthenticationFailure => "Authentication failed",
            MsChapV2Error::ChangingPassword => "The new password was not taken",
        }
    }
}

/// A failure message before it is written.
#[derive(Clone, Copy)]
pub(crate) struct Failure<'a> {
    error: MsChapV2Error,
    retry: bool,
    challenge: &'a [u8; 16],
}

impl<'a> Failure<'a> {
    /// No more tries; RFC 2759 §6 wants a challenge all the same.
    pub(crate) fn last(error: MsChapV2Error, challenge: &'a [u8; 16]) -> Self {
        Failure {
            error,
            retry: false,
            challenge,
        }
    }

    /// One more try, by an answer to this challenge.
    pub(super) fn retry(challenge: &'a [u8; 16]) -> Self {
        Failure {
            retry: true,
            ..Failure::last(MsChapV2Error::AuthenticationFailure, challenge)
        }
    }
}

/// The message as it is sent. `V=3` says which change of passwords is spoken, and is always there.
pub(crate) fn message(failure: Failure<'_>) -> Vec<u8> {
    let (code, text) = (failure.error.code(), failure.error.message());
    let retry = u8::from(failure.retry);
    let digits = failure.challenge.iter();
    let digits: String = digits.map(|octet| format!("{octet:02X}")).collect();
    format!("E={code} R={retry} C={digits} V=3 M={text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{Failure, MsChapV2Error, message};

    const CHALLENGE: [u8; 16] = [0xab; 16];

    #[test]
    fn the_failure_message_is_that_of_rfc_2759() {
        let last = |error| message(Failure::last(error, &CHALLENGE));
        let expected = "E=691 R=0 C=ABABABABABABABABABABABABABABABAB V=3 M=Authentication failed";
        assert_eq!(
            last(MsChapV2Error::AuthenticationFailure),
            expected.as_bytes()
        );
        let again = expected.replace("R=0", "R=1");
        assert_eq!(message(Failure::retry(&CHALLENGE)), again.as_bytes());
        let expired = "E=648 R=0 C=ABABABABABABABABABABABABABABABAB V=3 M=Password expired";
        assert_eq!(last(MsChapV2Error::PasswordExpired), expired.as_bytes());
    }
}
