//! Text messages and the gateways that take them.
//!
//! A [`Gateway`] hands one message on and says what became of it: [`Outcome`]. It blocks for its
//! deadline at most, and belongs on a thread that nothing else waits for. Neither text nor number is
//! logged, and no answer of a gateway is: several repeat the text.
//!
//! ```text
//!  template   fields of the configuration filled by value, then written as JSON or a form
//!  answer     status and body of the answer -> Outcome
//!  http       the request: deadlines, bounds, TLS
//!  outbox     files instead, for trying out: the default
//!  report     a gateway's later report of delivery
//! ```

mod answer;
mod http;
mod outbox;
mod report;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use portvakt_resets::{Mobile, Outcome};
use zeroize::Zeroizing;

pub use answer::{AnswerRules, Condition, FaultRule, Success};
pub use http::{
    Authentication, Charset, GatewaySecret, HttpGateway, HttpSettings, Method, OpenError,
};
pub use outbox::Outbox;
pub use report::{DeliveryReport, ReportRules};
pub use template::{BodyFormat, Field, Filled, Gap, Template, TemplateError};

/// A message to be sent.
pub struct TextMessage {
    /// The receiver.
    pub number: Mobile,
    /// The text; it may have a code in it.
    pub text: Zeroizing<String>,
    /// Our name for it: 32 random hexadecimal digits.
    pub reference: String,
    /// How long it is of use.
    pub valid: Duration,
}

impl fmt::Debug for TextMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextMessage")
            .field("number", &self.number)
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

/// Takes messages.
pub trait Gateway: Send + Sync {
    /// Its name in the configuration, for log, store and metrics.
    fn name(&self) -> &str;

    /// Hands a message over. Blocks until its deadline at most.
    fn send(&self, message: &TextMessage) -> Outcome;

    /// Whether it drops a second message of the same reference, so that one of unknown outcome may be
    /// sent again.
    fn drops_repeats(&self) -> bool {
        false
    }

    /// How its reports of delivery are read, if it sends any.
    fn report_rules(&self) -> Option<&ReportRules> {
        None
    }
}
