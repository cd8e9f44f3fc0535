//! The password policy control beside the result of a bind
//! (draft-behera-ldap-password-policy-10 §6.2).

use ldap3::controls::Control;

/// The object identifier of the control, of request and response alike.
pub(crate) const CONTROL: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// State of the account by the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyError {
    PasswordExpired,
    AccountLocked,
    ChangeAfterReset,
    /// A new password is not taken; why, for the operator.
    NotTaken(&'static str),
}

const SEQUENCE: u8 = 0x30;
const WARNING: u8 = 0xA0;
const ERROR: u8 = 0x81;

/// The error among the controls of a response, if there is one that can be read.
pub(crate) fn error(controls: &[Control]) -> Option<PolicyError> {
    let Control(_, control) = controls.iter().find(|control| control.1.ctype == CONTROL)?;
    read(control.val.as_deref()?)
}

/// `SEQUENCE { warning [0] … OPTIONAL, error [1] ENUMERATED OPTIONAL }`
fn read(value: &[u8]) -> Option<PolicyError> {
    let (tag, mut inside, _) = element(value)?;
    if tag != SEQUENCE {
        return None;
    }
    loop {
        let (tag, content, rest) = element(inside)?;
        match (tag, content) {
            (ERROR, [0]) => return Some(PolicyError::PasswordExpired),
            (ERROR, [1]) => return Some(PolicyError::AccountLocked),
            (ERROR, [2]) => return Some(PolicyError::ChangeAfterReset),
            (ERROR, [code]) => return Some(PolicyError::NotTaken(not_taken(*code))),
            (WARNING, _) => inside = rest,
            _ => return None,
        }
    }
}

/// Faults of a new password.
fn not_taken(code: u8) -> &'static str {
    match code {
        3 => "its policy lets nobody change this password",
        4 => "its policy wants the old password beside the new one (pwdSafeModify)",
        5 => "its policy finds it too simple, or can't tell of a hash",
        6 => "its policy finds it too short",
        7 => "its policy finds the present one too young to be changed",
        8 => "its policy remembers it as one that was used before",
        9 => "its policy finds it too long",
        _ => "its password policy says no",
    }
}

/// Tag, content, and what follows. Lengths of one octet: nothing here is longer.
fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = octets.split_first()?;
    let (length, rest) = rest.split_first()?;
    let short = (*length < 0x80).then_some(usize::from(*length))?;
    let (content, rest) = rest.split_at_checked(short)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_read_with_and_without_a_warning_before_it() {
        let cases: [(&[u8], _); 6] = [
            (&[0x30, 3, 0x81, 1, 0], Some(PolicyError::PasswordExpired)),
            (&[0x30, 3, 0x81, 1, 1], Some(PolicyError::AccountLocked)),
            (
                &[0x30, 8, 0xA0, 3, 0x80, 1, 9, 0x81, 1, 2],
                Some(PolicyError::ChangeAfterReset),
            ),
            (
                &[0x30, 3, 0x81, 1, 8],
                Some(PolicyError::NotTaken(not_taken(8))),
            ),
            (&[0x30, 0], None),
            (&[0x30, 5, 0xA0, 3, 0x80, 1, 9], None),
        ];
        for (octets, expected) in cases {
            assert_eq!(read(octets), expected, "{octets:02x?}");
        }
    }

    #[test]
    fn anything_broken_says_nothing() {
        let whole = [0x30, 8, 0xA0, 3, 0x80, 1, 9, 0x81, 1, 2];
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), None);
        }
        for octets in [
            &[0x30, 0x84, 1, 1, 1, 1][..],
            &[0x31, 3, 0x81, 1, 0],
            &[0x30, 2, 0x81, 0],
        ] {
            assert_eq!(read(octets), None, "{octets:02x?}");
        }
    }
}
