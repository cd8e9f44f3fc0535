//! The text of a failed bind to Active Directory: a Windows error code after `data`.

use portvakt_auth::{Barred, Refusal};

/// Meaning of the answer to a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The password is right.
    Right,
    /// The password is wrong, or one of the last two.
    Wrong,
    /// Told of whoever gave the right password.
    Proven(Refusal, &'static str),
    /// Told whatever the password.
    Unproven(Barred, &'static str),
}

/// Meaning of the text of an invalidCredentials answer; `None` where it has no known code.
pub(crate) fn meaning(text: &str) -> Option<Meaning> {
    use Meaning::{Proven, Unproven, Wrong};
    use Refusal as R;

    Some(match code(text)? {
        0x525 | 0x52e => Wrong,
        0x52f => Proven(
            R::ServiceNotAllowed,
            "Active Directory: account restrictions (52f)",
        ),
        0x530 => Proven(
            R::ServiceNotAllowed,
            "Active Directory: not at this time (530)",
        ),
        0x531 => Proven(
            R::ServiceNotAllowed,
            "Active Directory: not from here (531)",
        ),
        0x532 => Proven(
            R::PasswordExpired,
            "Active Directory: the password expired (532)",
        ),
        0x533 => Proven(
            R::Deactivated,
            "Active Directory: the account is disabled (533)",
        ),
        0x701 => Proven(R::Left, "Active Directory: the account expired (701)"),
        0x773 => Proven(
            R::TemporaryNotAllowed,
            "Active Directory: the password must be changed first (773)",
        ),
        0x775 => Unproven(
            Barred::LockedThere,
            "Active Directory: the account is locked there (775)",
        ),
        _ => return None,
    })
}

/// The hexadecimal digits after `data `, as in
/// `80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, v4563`.
fn code(text: &str) -> Option<u32> {
    let (_, after) = text.split_once(", data ")?;
    let digits = after.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(code: &str) -> String {
        format!(
            "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {code}, \
             v4563\0"
        )
    }

    #[test]
    fn each_code_has_its_reason_and_says_whether_the_password_was_right() {
        let cases = [
            ("530", true, Refusal::ServiceNotAllowed),
            ("531", true, Refusal::ServiceNotAllowed),
            ("532", true, Refusal::PasswordExpired),
            ("533", true, Refusal::Deactivated),
            ("701", true, Refusal::Left),
            ("773", true, Refusal::TemporaryNotAllowed),
            ("775", false, Refusal::LockedOut),
        ];
        for (code, is_proven, expected) in cases {
            let found = match meaning(&text(code)).unwrap() {
                Meaning::Proven(refusal, _) => (true, refusal),
                Meaning::Unproven(barred, _) => (false, barred.refusal()),
                Meaning::Right | Meaning::Wrong => panic!("{code}"),
            };
            assert_eq!(found, (is_proven, expected), "{code}");
        }
        assert_eq!(meaning(&text("52e")), Some(Meaning::Wrong));
    }

    #[test]
    fn text_of_another_server_means_nothing() {
        for text in [
            "",
            "invalid credentials",
            "error, data , v1",
            &text("zz"),
            &text("999"),
        ] {
            assert_eq!(meaning(text), None, "{text}");
        }
    }
}
