//! `portvakt explain`: why somebody can or can't come in.

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::attempts::{look, print_attempt};
use super::way::ask;
use super::{ConfigFile, Ending, complain, fail, say, say_json};
use crate::audit::{Pattern, Query};
use crate::config::Config;
use crate::control::{Explanation, Request, Response};

/// Attempts under a name that nobody has are looked for so far back.
const DAYS_BACK: i64 = 7;
/// So many of them are shown.
const ATTEMPTS_SHOWN: usize = 10;

/// Say whether somebody may come in, why not, what happened lately, and what to do
#[derive(Args)]
pub(super) struct Explain {
    /// User name or alias, with or without realm
    user: String,
    /// The service it is about; all that clients have, unless given
    #[arg(long)]
    service: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(explain: &Explain) -> Ending {
    let config = match explain.file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    let request = Request::Explain {
        user: explain.user.clone(),
        service: explain.service.clone(),
    };
    match ask(&config, request, &mut std::io::empty(), |_| {}) {
        Ok(Response::Explanation(explanation)) => print(explain, &config, &explanation),
        Ok(Response::Nobody { message }) => tell_of_nobody(explain, &config, &message),
        Ok(Response::Refused { message }) => fail(message),
        Ok(other) => fail(format_args!(
            "the server answered something else: {other:?}"
        )),
        Err(ending) => ending,
    }
}

fn print(explain: &Explain, config: &Config, explanation: &Explanation) -> Ending {
    let zone = config.rules.terms.zone();
    match explain.json {
        true => say_json(explanation),
        false => say(explanation.in_words(zone).to_string().trim_end()),
    }
    Ending::Done
}

/// The name is nobody's, or can be nobody's: what came under it is in the audit log alone.
fn tell_of_nobody(explain: &Explain, config: &Config, message: &str) -> Ending {
    let back = SignedDuration::from_hours(24 * DAYS_BACK);
    let since = Timestamp::now().checked_sub(back);
    let query = Query {
        name: Some(Pattern::new(&explain.user)),
        device: None,
        place: None,
        client: None,
        outcome: None,
        since: since.unwrap_or(Timestamp::MIN),
        until: Timestamp::MAX,
        limit: ATTEMPTS_SHOWN,
    };
    let attempts = match look(config, &query) {
        Ok(found) => found.attempts,
        Err(error) => {
            complain(&error);
            Vec::new()
        }
    };
    if explain.json {
        say_json(&serde_json::json!({
            "account": null,
            "message": message,
            "attempts": attempts,
        }));
        return fail(message);
    }
    let ending = fail(message);
    match attempts.is_empty() {
        true => say(format_args!(
            "no attempts under this name in the audit log of the last {DAYS_BACK} days"
        )),
        false => say("attempts under this name, newest first (`portvakt attempts` has more):"),
    }
    for attempt in &attempts {
        print_attempt(attempt, config.rules.terms.zone(), "  ");
    }
    ending
}
