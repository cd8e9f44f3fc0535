//! What a new password must be like, wherever its owner chooses it.

use std::ops::RangeInclusive;
use thiserror::Error;

/// How many characters a new password has: eight as NIST SP 800-63B §5.1.1.2 asks for, and no more
/// than User-Password carries where each is one octet (RFC 2865 §5.2).
pub const NEW_PASSWORD_CHARACTERS: RangeInclusive<usize> = 8..=128;

/// Why a new password is not taken. `Display` is a sentence for the log; never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnfitPassword {
    /// Fewer than eight characters.
    #[error("the new password has fewer than 8 characters")]
    TooShort,
    /// More than 128 characters.
    #[error("the new password has more than 128 characters")]
    TooLong,
    /// Nobody can type it again on another device.
    #[error("the new password has control characters")]
    Control,
    /// Nothing would have changed.
    #[error("the new password is the old one")]
    Same,
    /// No text at all.
    #[error("the new password is no text")]
    NoText,
}

/// Checks what can be told of a new password without knowing the old one.
///
/// # Errors
/// [`UnfitPassword::TooShort`], [`UnfitPassword::TooLong`] and [`UnfitPassword::Control`].
pub fn check_new_password(text: &str) -> Result<(), UnfitPassword> {
    let characters = text.chars().count();
    if characters < *NEW_PASSWORD_CHARACTERS.start() {
        return Err(UnfitPassword::TooShort);
    }
    if characters > *NEW_PASSWORD_CHARACTERS.end() {
        return Err(UnfitPassword::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(UnfitPassword::Control);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_password_has_eight_to_128_characters_and_none_of_control() {
        let cases = [
            ("sju-tegn", Ok(())),
            ("sjutegn", Err(UnfitPassword::TooShort)),
            ("", Err(UnfitPassword::TooShort)),
            ("blåbær på fjellet", Ok(())),
            ("tab\tulator", Err(UnfitPassword::Control)),
            ("nul\0inside", Err(UnfitPassword::Control)),
        ];
        for (text, expected) in cases {
            assert_eq!(check_new_password(text), expected, "{text:?}");
        }
        assert_eq!(check_new_password(&"ø".repeat(128)), Ok(()));
        let too_long = check_new_password(&"ø".repeat(129));
        assert_eq!(too_long, Err(UnfitPassword::TooLong));
    }
}
