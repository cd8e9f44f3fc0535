//! Whether an account gets a text message, and at which number.

use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::status::Subject;
use portvakt_auth::{Kind, Refusal, Rules, session_refusal};

use crate::budget::Exceeded;
use crate::mobile::{Mobile, MobileError, NORWAY, NumberSeen};

/// Rules for who gets messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRules {
    /// Country codes of numbers that messages go to.
    pub countries: Vec<String>,
    /// How long a number must have been the account's, if it took another one's place: whoever borrows
    /// a session at the registry could else change the number and ask for a code.
    pub least_age: Duration,
    /// Kinds of accounts that get messages.
    pub kinds: Vec<Kind>,
}

impl Default for MessageRules {
    fn default() -> MessageRules {
        MessageRules {
            countries: vec![NORWAY.to_owned()],
            least_age: Duration::from_secs(7 * 24 * 60 * 60),
            kinds: vec![Kind::Student, Kind::Employee, Kind::Guest],
        }
    }
}

/// Why nothing is sent. For the audit log and IT support; whoever asked gets the same answer as for a
/// message that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMessage {
    /// No account has the name.
    #[error("no such account")]
    UnknownAccount,
    /// The directory did not say.
    #[error("the directory does not answer")]
    NoDirectory,
    /// The account's kind gets none.
    #[error("accounts of this kind get no messages")]
    Kind,
    /// The account is closed for good, or for long.
    #[error("the account is closed: {0}")]
    Closed(Refusal),
    /// A password can't be set in this directory.
    #[error("the directory is read-only")]
    ReadOnly,
    /// No number is known.
    #[error("no mobile number is registered")]
    NoNumber,
    /// The number that is registered is no mobile number.
    #[error("the registered number can't be used: {0}")]
    Number(#[from] MobileError),
    /// It is of a country that messages do not go to.
    #[error("the registered number is of another country")]
    Country,
    /// It was changed a short while ago.
    #[error("the registered number was changed lately")]
    NumberTooYoung,
    /// A budget is used up.
    #[error("used up: {0}")]
    Budget(#[from] Exceeded),
    /// Two requests at once; the other one is served.
    #[error("another request came at the same moment")]
    Overtaken,
    /// The request waited too long; its owner has asked again, or gone.
    #[error("the request waited too long")]
    TooLate,
    /// There was no memory to hash the code in.
    #[error("out of memory")]
    OutOfMemory,
    /// Messages are switched off, or the gateway is out of order.
    #[error("messages are switched off, or the gateway is out of order")]
    OutOfOrder,
    /// The disk refuses: a code that is not durable is not sent.
    #[error("the store refuses")]
    Store,
}

/// The number that a message for an account goes to: the registered one and no other. `seen` is the
/// number as it was seen lately. A lock after failed log-ons is no obstacle, nor is an unpaid fee or an
/// expired password.
///
/// # Errors
/// [`NoMessage`].
pub fn recipient(
    subject: Subject<'_>,
    rules: &Rules,
    message_rules: &MessageRules,
    seen: Option<&NumberSeen>,
    now: Timestamp,
) -> Result<Mobile, NoMessage> {
    let account = subject.account;
    if !message_rules.kinds.contains(&account.kind) {
        return Err(NoMessage::Kind);
    }
    if let Some(refusal) = closed(subject, rules, now) {
        return Err(NoMessage::Closed(refusal));
    }
    let number = Mobile::parse(account.mobile.as_deref().ok_or(NoMessage::NoNumber)?)?;
    if !message_rules
        .countries
        .iter()
        .any(|code| code == number.country())
    {
        return Err(NoMessage::Country);
    }
    let age = NumberSeen::next(seen, number, now);
    match age.is_younger_than(message_rules.least_age, now) {
        true => Err(NoMessage::NumberTooYoung),
        false => Ok(age.number),
    }
}

/// Why the account is closed to its owner, whatever the password, if it is. A fee that is not paid
/// closes the network, not the way to a password.
pub fn closed(subject: Subject<'_>, rules: &Rules, now: Timestamp) -> Option<Refusal> {
    // No service is named so: an account's list of services closes none of this.
    let refusal = session_refusal(subject, "", rules, now)?;
    let is_open = matches!(refusal, Refusal::NotActive | Refusal::ServiceNotAllowed);
    (!is_open).then_some(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portvakt_auth::{Account, AccountId, Closure, StudentFacts};

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + day * 24 * 60 * 60).unwrap()
    }

    fn kari() -> Account {
        let facts = StudentFacts {
            in_registry: true,
            ..StudentFacts::default()
        };
        Account {
            mobile: Some("912 34 567".to_owned()),
            student: Some(facts),
            services: Some(vec!["vpn".to_owned()]),
            ..Account::new(AccountId::new("kari").unwrap(), Kind::Student)
        }
    }

    fn outcome(account: &Account, seen: Option<&NumberSeen>) -> Result<String, NoMessage> {
        let (rules, message_rules) = (Rules::default(), MessageRules::default());
        let number = recipient(
            Subject::without_registry(account),
            &rules,
            &message_rules,
            seen,
            at(0),
        );
        number.map(|number| number.e164())
    }

    fn closure(until: Option<Timestamp>) -> Option<Closure> {
        Some(Closure {
            reason: "abuse".to_owned(),
            since: at(-1),
            until,
            by: "desk".to_owned(),
        })
    }

    #[test]
    fn registered_norwegian_mobile_gets_the_message_although_the_fee_is_unpaid() {
        let kari = kari();
        assert!(matches!(
            portvakt_auth::standing(
                Subject::without_registry(&kari),
                "vpn",
                &Rules::default(),
                at(0)
            ),
            Err(Refusal::NotActive)
        ));
        assert_eq!(outcome(&kari, None), Ok("+4791234567".to_owned()));
    }

    /// Suspended, deactivated and former people get none (PA8).
    #[test]
    fn closed_account_gets_none() {
        let ended = StudentFacts {
            ended_on: Some("2020-06-20".parse().unwrap()),
            in_registry: true,
            ..StudentFacts::default()
        };
        for (account, refusal) in [
            (
                Account {
                    suspended: closure(None),
                    ..kari()
                },
                Refusal::Suspended,
            ),
            (
                Account {
                    deactivated: closure(None),
                    ..kari()
                },
                Refusal::Deactivated,
            ),
            (
                Account {
                    student: Some(ended),
                    ..kari()
                },
                Refusal::Left,
            ),
            (
                Account {
                    student: None,
                    ..kari()
                },
                Refusal::NotRegistered,
            ),
        ] {
            assert_eq!(outcome(&account, None), Err(NoMessage::Closed(refusal)));
        }
        let over = Account {
            suspended: closure(Some(at(0))),
            ..kari()
        };
        assert!(outcome(&over, None).is_ok());
    }

    #[test]
    fn machines_and_numbers_that_are_none_of_a_person_get_none() {
        let with = |mobile: Option<&str>| Account {
            mobile: mobile.map(str::to_owned),
            ..kari()
        };
        for (account, expected) in [
            (
                Account {
                    kind: Kind::Service,
                    ..kari()
                },
                NoMessage::Kind,
            ),
            (with(None), NoMessage::NoNumber),
            (
                with(Some("22852000")),
                NoMessage::Number(MobileError::NotMobile),
            ),
            (
                with(Some("59001234")),
                NoMessage::Number(MobileError::NotMobile),
            ),
            (
                with(Some("call me")),
                NoMessage::Number(MobileError::Malformed),
            ),
            (with(Some("+46 70 123 45 67")), NoMessage::Country),
        ] {
            assert_eq!(outcome(&account, None), Err(expected));
        }
    }

    /// Somebody with a borrowed session changes the number and asks (PA4).
    #[test]
    fn number_that_was_changed_lately_gets_none() {
        let seen = |number: &str, since| NumberSeen {
            number: Mobile::parse(number).unwrap(),
            since,
        };
        for (seen, expected) in [
            (seen("91234567", None), true),
            (seen("91234567", Some(at(-7))), true),
            (seen("91234567", Some(at(-6))), false),
            // Another number until now: it is changed this very moment.
            (seen("41234567", None), false),
        ] {
            let outcome = outcome(&kari(), Some(&seen));
            match expected {
                true => assert!(outcome.is_ok()),
                false => assert_eq!(outcome, Err(NoMessage::NumberTooYoung)),
            }
        }
    }
}
