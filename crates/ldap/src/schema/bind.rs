//! Meaning of the answer to a bind: the password's proof, a wrong password, or a state of the
//! account that the directory knows and we may not.

use ldap3::result::LdapResult;
use portvakt_auth::{Barred, BindAttempt, Refusal};

use crate::connection::failure::Failure;
use crate::schema::active_directory::{self, Meaning};
use crate::schema::password_policy::{self, PolicyError};
use portvakt_directory::Verdict;

/// Result codes of RFC 4511 §4.1.9.
const SUCCESS: u32 = 0;
const CONSTRAINT_VIOLATION: u32 = 19;
const NO_SUCH_OBJECT: u32 = 32;
const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
const INVALID_CREDENTIALS: u32 = 49;
const UNWILLING_TO_PERFORM: u32 = 53;

/// Meaning of `result` for the password that `attempt` sent.
///
/// # Errors
/// [`Failure`]: the directory has not checked it.
pub(crate) fn judge(attempt: BindAttempt<'_>, result: &LdapResult) -> Result<Verdict, Failure> {
    match meaning(result)? {
        Meaning::Right => Ok(attempt
            .answered(result.rc)
            .map_or(Verdict::Wrong, Verdict::Right)),
        Meaning::Wrong => Ok(Verdict::Wrong),
        Meaning::Proven(refusal, detail) => Ok(Verdict::Closed {
            refusal: attempt.closed(refusal),
            detail,
        }),
        Meaning::Unproven(barred, detail) => Ok(Verdict::Barred { barred, detail }),
    }
}

fn meaning(result: &LdapResult) -> Result<Meaning, Failure> {
    let policy = password_policy::error(&result.ctrls);
    Ok(match result.rc {
        SUCCESS => policy
            .and_then(closed_after_success)
            .unwrap_or(Meaning::Right),
        INVALID_CREDENTIALS => of_invalid(policy, &result.text),
        // The entry has no password: none is right.
        INAPPROPRIATE_AUTHENTICATION => Meaning::Wrong,
        CONSTRAINT_VIOLATION => locked("the directory locked the account after failed binds"),
        UNWILLING_TO_PERFORM => {
            unwilling(&result.text).ok_or_else(|| Failure::of_result(result))?
        }
        _ => return Err(Failure::of_result(result)),
    })
}

/// Whether the entry may have another name by now: directories say of a name that is nobody's the
/// same as of a wrong password, or that there is no such object.
pub(crate) fn may_be_elsewhere(result: &LdapResult) -> bool {
    result.rc == NO_SUCH_OBJECT
        || result.rc == INVALID_CREDENTIALS && matches!(meaning(result), Ok(Meaning::Wrong))
}

/// The entry is not beneath the base any more.
pub(crate) fn gone() -> Verdict {
    Verdict::Barred {
        barred: Barred::Gone,
        detail: "the entry is gone from the directory, or from beneath the base",
    }
}

/// A bind may succeed and yet be good for nothing but a change of password.
fn closed_after_success(error: PolicyError) -> Option<Meaning> {
    Some(match error {
        PolicyError::PasswordExpired => expired(),
        PolicyError::ChangeAfterReset => Meaning::Proven(
            Refusal::TemporaryNotAllowed,
            "the directory wants the password changed first",
        ),
        PolicyError::AccountLocked => locked("the account is locked in the directory"),
        PolicyError::NotTaken(_) => return None,
    })
}

fn of_invalid(policy: Option<PolicyError>, text: &str) -> Meaning {
    match policy {
        // Both OpenLDAP and 389ds look at the password first, and say this of a right one only.
        Some(PolicyError::PasswordExpired) => expired(),
        Some(PolicyError::AccountLocked) => locked("the account is locked in the directory"),
        _ => active_directory::meaning(text).unwrap_or(Meaning::Wrong),
    }
}

/// Meaning of the texts by which 389ds, and FreeIPA on top of it, refuse before the password is checked.
fn unwilling(text: &str) -> Option<Meaning> {
    const CLOSED: [(&str, &str); 2] = [
        (
            "account inactivated",
            "the account is inactivated in the directory",
        ),
        (
            "principal) is expired",
            "the account has expired in the directory",
        ),
    ];
    let text = text.to_ascii_lowercase();
    if text.contains("too many failed logins") {
        return Some(locked("the account is locked in the directory"));
    }
    let said = CLOSED.into_iter().find(|(words, _)| text.contains(words));
    said.map(|(_, detail)| Meaning::Unproven(Barred::ClosedThere, detail))
}

fn expired() -> Meaning {
    Meaning::Proven(
        Refusal::PasswordExpired,
        "the password has expired by the directory's own policy",
    )
}

fn locked(detail: &'static str) -> Meaning {
    Meaning::Unproven(Barred::LockedThere, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ldap3::controls::{Control, RawControl};
    use portvakt_auth::{Account, AccountId, BindName, Kind, PasswordKind, Verification};

    fn judged(rc: u32, text: &str, policy: Option<u8>) -> Result<Verdict, Failure> {
        let mut account = Account::new(AccountId::new("anna").unwrap(), Kind::Employee);
        account.verification = Verification::Bind(BindName {
            entry: "uid=anna,dc=campus,dc=example".to_owned(),
            changed_at: None,
            kind: PasswordKind::Permanent,
            sure_from: None,
            lasting_id: None,
            locked_since: None,
        });
        let control = |error| RawControl {
            ctype: password_policy::CONTROL.to_owned(),
            crit: false,
            val: Some(vec![0x30, 3, 0x81, 1, error]),
        };
        let result = LdapResult {
            rc,
            matched: String::new(),
            text: text.to_owned(),
            refs: Vec::new(),
            ctrls: policy
                .map(control)
                .map(|raw| Control(None, raw))
                .into_iter()
                .collect(),
        };
        judge(BindAttempt::new(&account, b"password").unwrap(), &result)
    }

    fn closed(rc: u32, text: &str, policy: Option<u8>) -> (Refusal, bool) {
        match judged(rc, text, policy) {
            Ok(Verdict::Closed { refusal, .. }) => (refusal.refusal(), true),
            Ok(Verdict::Barred { barred, .. }) => (barred.refusal(), false),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn success_is_right_and_invalid_credentials_are_wrong() {
        assert!(matches!(judged(0, "", None), Ok(Verdict::Right(_))));
        assert!(matches!(judged(49, "", None), Ok(Verdict::Wrong)));
        assert!(matches!(judged(48, "", None), Ok(Verdict::Wrong)));
    }

    #[test]
    fn state_that_the_policy_control_tells_closes_whatever_the_code() {
        assert_eq!(closed(49, "", Some(0)), (Refusal::PasswordExpired, true));
        assert_eq!(closed(49, "", Some(1)), (Refusal::LockedOut, false));
        assert_eq!(closed(0, "", Some(2)), (Refusal::TemporaryNotAllowed, true));
        assert_eq!(closed(0, "", Some(0)), (Refusal::PasswordExpired, true));
    }

    #[test]
    fn state_that_389ds_tells_by_code_closes() {
        assert_eq!(
            closed(19, "Exceed password retry limit", None),
            (Refusal::LockedOut, false)
        );
        for (text, expected) in [
            (
                "Account inactivated. Contact system administrator.",
                Refusal::Barred,
            ),
            ("Account (Kerberos principal) is expired", Refusal::Barred),
            ("Too many failed logins.\n", Refusal::LockedOut),
        ] {
            assert_eq!(closed(53, text, None), (expected, false), "{text}");
        }
    }

    #[test]
    fn answer_that_checks_nothing_is_a_failure_and_neither_right_nor_wrong() {
        for rc in [1, 2, 8, 10, 13, 14, 32, 34, 50, 51, 52, 53, 80, 123] {
            assert!(judged(rc, "", None).is_err(), "{rc}");
        }
    }
}
