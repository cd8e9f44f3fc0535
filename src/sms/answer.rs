//! The answer of a gateway: its status and body, read into an [`Outcome`].
//!
//! A gateway is believed to have sent only what it says so of as the configuration expects; anything
//! else after the request went out is [`Outcome::Unknown`].

use portvakt_resets::{DeliveryFault, Outcome};
use serde_json::Value;

/// Longest reference of a gateway that is kept, in characters.
const MOST_REFERENCE: usize = 128;

/// A condition on an answer; all that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// One of these status codes; none means any.
    pub status: Vec<u16>,
    /// The value at this JSON pointer (RFC 6901) is one of [`equals`](Self::equals); without any of
    /// those, that there is one.
    pub pointer: Option<String>,
    /// Values, as text.
    pub equals: Vec<String>,
    /// The body has this text in it.
    pub contains: Option<String>,
}

/// When a message counts as handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Success {
    /// Holds for an answer of success; without status codes those of 200 to 299.
    pub condition: Condition,
    /// Where the gateway's own reference is.
    pub reference: Option<String>,
}

/// An answer of failure, and its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// Holds for such an answer.
    pub condition: Condition,
    /// Its meaning.
    pub fault: DeliveryFault,
}

/// How answers are read: the rules for faults first, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerRules {
    /// Faults.
    pub faults: Vec<FaultRule>,
    /// Success.
    pub success: Success,
}

/// An answer: its status, and as much of its body as was read.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

impl AnswerRules {
    /// Reads an answer to a request that went out whole.
    pub(super) fn read(&self, answer: &Answer<'_>) -> Outcome {
        let json = serde_json::from_slice::<Value>(answer.body).ok();
        let holds = |condition: &Condition| condition.holds(answer, json.as_ref());
        if let Some(rule) = self.faults.iter().find(|rule| holds(&rule.condition)) {
            return Outcome::Refused(rule.fault);
        }
        let condition = &self.success.condition;
        let is_usual = !condition.status.is_empty() || (200..300).contains(&answer.status);
        if is_usual && holds(condition) {
            let reference = self.success.reference.as_deref();
            let reference = reference.and_then(|pointer| text_at(json.as_ref()?, pointer));
            return Outcome::HandedOver(reference.filter(|text| is_reference(text)));
        }
        by_status(answer.status)
    }
}

/// Meaning of a status that no rule names (RFC 9110 §15). A gateway that failed in the middle may have sent it.
fn by_status(status: u16) -> Outcome {
    Outcome::Refused(match status {
        401 | 403 | 407 => DeliveryFault::Credentials,
        402 => DeliveryFault::NoCredit,
        429 => DeliveryFault::Rate,
        503 => DeliveryFault::Transient,
        // A redirection is not followed: text and secret would go elsewhere.
        300..=499 => DeliveryFault::BadRequest,
        _ => return Outcome::Unknown,
    })
}

fn is_reference(text: &str) -> bool {
    let is_short = !text.is_empty() && text.chars().count() <= MOST_REFERENCE;
    is_short && text.chars().all(|c| c.is_ascii_graphic())
}

impl Condition {
    fn holds(&self, answer: &Answer<'_>, json: Option<&Value>) -> bool {
        let has_status = self.status.is_empty() || self.status.contains(&answer.status);
        let has_value = self.pointer.as_deref().is_none_or(|pointer| {
            let found = json.and_then(|json| text_at(json, pointer));
            found.is_some_and(|found| self.equals.is_empty() || self.equals.contains(&found))
        });
        let has_text = self.contains.as_deref().is_none_or(|text| {
            let body = String::from_utf8_lossy(answer.body);
            body.contains(text)
        });
        has_status && has_value && has_text
    }
}

/// The value at a pointer, as text.
pub(super) fn text_at(json: &Value, pointer: &str) -> Option<String> {
    match json.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        value => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> AnswerRules {
        AnswerRules {
            faults: vec![
                FaultRule {
                    condition: Condition {
                        pointer: Some("/code".to_owned()),
                        equals: vec!["21610".to_owned(), "24".to_owned()],
                        ..Condition::default()
                    },
                    fault: DeliveryFault::Blocked,
                },
                FaultRule {
                    condition: Condition {
                        status: vec![400],
                        contains: Some("no such number".to_owned()),
                        ..Condition::default()
                    },
                    fault: DeliveryFault::NumberInvalid,
                },
            ],
            success: Success {
                condition: Condition {
                    pointer: Some("/status".to_owned()),
                    equals: vec!["OK".to_owned(), "queued".to_owned()],
                    ..Condition::default()
                },
                reference: Some("/ids/0".to_owned()),
            },
        }
    }

    fn outcome(status: u16, body: &str) -> Outcome {
        let body = body.as_bytes();
        rules().read(&Answer { status, body })
    }

    #[test]
    fn answer_is_read_by_the_rules_and_then_by_its_status() {
        use DeliveryFault::{
            BadRequest, Blocked, Credentials, NoCredit, NumberInvalid, Rate, Transient,
        };
        let handed_over = |id: &str| Outcome::HandedOver(Some(id.to_owned()));
        for (status, body, expected) in [
            (
                200,
                r#"{"status":"OK","ids":["m-17"]}"#,
                handed_over("m-17"),
            ),
            (202, r#"{"status":"queued","ids":[17]}"#, handed_over("17")),
            (200, r#"{"status":"OK"}"#, Outcome::HandedOver(None)),
            // A fault in an answer that looks well.
            (
                200,
                r#"{"status":"OK","code":24}"#,
                Outcome::Refused(Blocked),
            ),
            (400, "no such number", Outcome::Refused(NumberInvalid)),
            (400, "what?", Outcome::Refused(BadRequest)),
            (401, "", Outcome::Refused(Credentials)),
            (402, "", Outcome::Refused(NoCredit)),
            (429, "", Outcome::Refused(Rate)),
            (503, "", Outcome::Refused(Transient)),
            (302, "", Outcome::Refused(BadRequest)),
            // Garbage and lies: it may have gone out.
            (200, "", Outcome::Unknown),
            (200, r#"{"status":"FAIL"}"#, Outcome::Unknown),
            (200, "<html>Welcome to the gateway</html>", Outcome::Unknown),
            (200, r#"{"status":{"status":"OK"}}"#, Outcome::Unknown),
            (500, r#"{"status":"OK"}"#, Outcome::Unknown),
            (502, "", Outcome::Unknown),
            (199, "", Outcome::Unknown),
        ] {
            assert_eq!(outcome(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn reference_that_is_long_or_has_controls_is_not_kept() {
        for id in [
            "x".repeat(129),
            "a\u{1b}[2J".to_owned(),
            "a\\nb".to_owned() + "\n",
            String::new(),
        ] {
            let body = serde_json::json!({"status": "OK", "ids": [id]}).to_string();
            assert_eq!(outcome(200, &body), Outcome::HandedOver(None), "{body}");
        }
    }

    #[test]
    fn without_rules_two_hundred_is_success() {
        let read = |status| {
            let answer = Answer { status, body: b"" };
            AnswerRules::default().read(&answer)
        };
        assert_eq!(read(204), Outcome::HandedOver(None));
        assert_eq!(read(500), Outcome::Unknown);
    }

    #[test]
    fn deeply_nested_answer_is_no_json() {
        let deep = "[".repeat(10_000);
        assert_eq!(outcome(200, &deep), Outcome::Unknown);
    }
}
