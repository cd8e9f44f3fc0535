//! Reports of delivery, which a gateway sends later: twice, late, out of order, or not at all.

use std::collections::BTreeMap;

use portvakt_resets::MessageState;
use serde_json::Value;

use super::answer::text_at;

/// Longest report that is read, in octets.
const MOST_OCTETS: usize = 64 * 1024;

/// Where a report has its reference and its state: JSON pointers, or names of form fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRules {
    /// Our reference, as it was sent with the message.
    pub reference: String,
    /// The state.
    pub state: String,
    /// Meaning of the gateway's words.
    pub words: BTreeMap<String, MessageState>,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Our reference.
    pub reference: String,
    /// State of the message.
    pub state: MessageState,
}

impl ReportRules {
    /// Reads a report, of JSON or of a form; `None` if it has no reference of ours or a word that is
    /// none of the configured. No more than 64 KiB are looked at.
    pub fn read(&self, body: &[u8]) -> Option<DeliveryReport> {
        let body = (body.len() <= MOST_OCTETS).then_some(body)?;
        let value = |place: &str| match place.starts_with('/') {
            true => text_at(&serde_json::from_slice::<Value>(body).ok()?, place),
            false => form_value(body, place),
        };
        let reference = value(&self.reference)?;
        let is_ours = reference.len() == 32 && reference.bytes().all(|b| b.is_ascii_hexdigit());
        let state = self.words.get(&value(&self.state)?)?;
        is_ours.then_some(DeliveryReport {
            reference,
            state: *state,
        })
    }
}

fn form_value(body: &[u8], name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(body);
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "0123456789abcdef0123456789abcdef";

    fn rules(reference: &str, state: &str) -> ReportRules {
        let words = [
            ("DELIVRD", MessageState::Delivered),
            ("UNDELIV", MessageState::Failed),
            ("EXPIRED", MessageState::Expired),
        ];
        ReportRules {
            reference: reference.to_owned(),
            state: state.to_owned(),
            words: words.map(|(word, state)| (word.to_owned(), state)).into(),
        }
    }

    #[test]
    fn report_is_read_from_json_and_from_a_form() {
        let expected = DeliveryReport {
            reference: OURS.to_owned(),
            state: MessageState::Delivered,
        };
        let json = format!(r#"{{"ref":"{OURS}","delivery":{{"status":"DELIVRD"}}}}"#);
        let read = rules("/ref", "/delivery/status").read(json.as_bytes());
        assert_eq!(read, Some(expected.clone()));
        let form = format!("id=9&ref={OURS}&status=DELIVRD");
        assert_eq!(rules("ref", "status").read(form.as_bytes()), Some(expected));
    }

    #[test]
    fn report_of_nothing_of_ours_says_nothing() {
        let rules = rules("ref", "status");
        for body in [
            "",
            "ref=17&status=DELIVRD",
            &format!("ref={OURS}"),
            &format!("ref={OURS}&status=GONE"),
            &format!("ref={OURS}%00&status=DELIVRD"),
            "\u{0}\u{ff}",
        ] {
            assert_eq!(rules.read(body.as_bytes()), None, "{body:?}");
        }
        let long = format!("ref={OURS}&status=DELIVRD&x={}", "x".repeat(MOST_OCTETS));
        assert_eq!(rules.read(long.as_bytes()), None);
    }
}
