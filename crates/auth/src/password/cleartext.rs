//! Rules for a password in clear text that an import brings from another system.
//!
//! Its length is not looked at: the account had the password before the rules of
//! [`PasswordPolicy`](super::PasswordPolicy) were.

use crate::name::is_invisible;
use thiserror::Error;

/// Fault of a value in clear text that is no password. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnfitCleartext {
    /// The sign of a closed account or of a missing password, as `LOCKED` or `-`.
    #[error(
        "the value is no password but a mark that other systems put in its place: write `*` to lock \
         the password, or leave the line out"
    )]
    Mark,
    /// A character that cannot be typed or seen.
    #[error(
        "the password has a control or invisible character in it: correct it, or leave the line out \
         and set a new password"
    )]
    Invisible,
}

/// Words of closed accounts and missing passwords, in lower case, without what is between words.
const WORDS: [&str; 27] = [
    "accountdisabled",
    "accountlocked",
    "blocked",
    "closed",
    "deactivated",
    "deleted",
    "disable",
    "disabled",
    "empty",
    "expired",
    "inactive",
    "invalid",
    "lock",
    "locked",
    "na",
    "nil",
    "nologin",
    "none",
    "nopass",
    "nopasswd",
    "nopassword",
    "notset",
    "null",
    "passwordlocked",
    "suspended",
    "undefined",
    "unset",
];
/// Characters of the longest run of signs that is taken for a mark.
const MOST_SIGNS: usize = 7;

/// Checks that a value in clear text can be somebody's password. Octets that are not UTF-8 are
/// looked at for control characters of ASCII only.
///
/// # Errors
/// [`UnfitCleartext`].
pub fn check_cleartext(octets: &[u8]) -> Result<(), UnfitCleartext> {
    let Ok(text) = std::str::from_utf8(octets) else {
        let has_control = octets.iter().any(u8::is_ascii_control);
        return if has_control {
            Err(UnfitCleartext::Invisible)
        } else {
            Ok(())
        };
    };
    if is_mark(text) {
        return Err(UnfitCleartext::Mark);
    }
    if text.contains(is_invisible) {
        return Err(UnfitCleartext::Invisible);
    }
    Ok(())
}

fn is_mark(text: &str) -> bool {
    let is_between = |c: char| c.is_ascii_punctuation() || c.is_whitespace() || is_invisible(c);
    let word: String = text.chars().filter(|c| !is_between(*c)).collect();
    match word.as_str() {
        "" => text.trim().chars().count() <= MOST_SIGNS,
        word => WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_closed_accounts_are_no_passwords() {
        for mark in [
            "LOCKED",
            "disabled",
            "NOPASSWORD",
            "no password",
            "*No-Password*",
            "<account locked>",
            "-",
            "--",
            "?",
            "*",
            "!",
            "",
            "            ",
            "\u{200b}",
            "locked\0",
        ] {
            assert_eq!(
                check_cleartext(mark.as_bytes()),
                Err(UnfitCleartext::Mark),
                "{mark:?}"
            );
        }
    }

    #[test]
    fn control_and_invisible_characters_are_refused() {
        for octets in [
            &b"hunter2\t"[..],
            b"hun\0ter2",
            "hunter2\u{200b}".as_bytes(),
            "\u{feff}hunter2".as_bytes(),
            b"bl\xe5b\xe6r\n",
        ] {
            let expected = Err(UnfitCleartext::Invisible);
            assert_eq!(
                check_cleartext(octets),
                expected,
                "{}",
                octets.escape_ascii()
            );
        }
    }

    #[test]
    fn passwords_that_somebody_may_have_are_taken() {
        for octets in [
            &b"hunter2"[..],
            b"unlocked",
            b"locked out again",
            b"pass word",
            b"!$%&/()=?",
            "låst".as_bytes(),
            "blåbær på fjellet".as_bytes(),
            b"bl\xe5b\xe6r",
        ] {
            assert_eq!(check_cleartext(octets), Ok(()), "{}", octets.escape_ascii());
        }
    }
}
