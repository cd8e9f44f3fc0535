//! The failure message of MS-CHAPv2: `E=691 R=0 C=… V=3 M=…` (RFC 2759 §6).

use crate::ms_chap_v2_error::MsChapV2Error;

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
    use super::{Failure, message};
    use crate::ms_chap_v2_error::MsChapV2Error;

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
