//! Rules for a new password, wherever its owner chooses it.

use std::fmt;
use std::ops::RangeInclusive;

/// How many characters a new password has: eight as NIST SP 800-63B §5.1.1.2 asks for, and no more
/// than User-Password carries where each is one octet (RFC 2865 §5.2).
pub const NEW_PASSWORD_CHARACTERS: RangeInclusive<usize> = 8..=128;

/// Why a new password is not taken. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfitPassword {
    /// Fewer than eight characters.
    TooShort,
    /// More than 128 characters.
    TooLong,
    /// Control characters: nobody can type it again on another device.
    Control,
    /// It is the present one: nothing would have changed.
    Same,
    /// No text at all.
    NoText,
}

impl UnfitPassword {
    /// The fault, as a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            UnfitPassword::TooShort => "The new password has fewer than 8 characters.",
            UnfitPassword::TooLong => "The new password has more than 128 characters.",
            UnfitPassword::Control => "The new password has control characters.",
            UnfitPassword::Same => "The new password is the old one.",
            UnfitPassword::NoText => "The new password is no text.",
        }
    }
}

impl fmt::Display for UnfitPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for UnfitPassword {}

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
