//! `portvakt explain`: whether an account may log on, and why not.

use std::fmt;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::account::failed;
use super::admin_client::request;
use super::attempts::{look, print_attempt};
use super::{ConfigFile, Ending, complain, fail, phrases, say, say_json};
use crate::accounts::{Explanation, ServiceVerdict};
use crate::admin::{Request, Response};
use crate::audit::{Pattern, Query};
use crate::config::Config;
use crate::shown::Outside;
use crate::times::for_people;

/// How many days back attempts under an unknown name are looked for.
const DAYS_BACK: i64 = 7;
/// How many of them are shown.
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
    let asked = Request::Explain {
        user: explain.user.clone(),
        service: explain.service.clone(),
    };
    match request(&config, asked, &mut std::io::empty(), |_| {}) {
        Ok(Response::Explanation(explanation)) => print(explain, &config, &explanation),
        Ok(Response::Failed(error)) if error.is_of_name() => {
            tell_of_nobody(explain, &config, &phrases::error(&error))
        }
        Ok(other) => failed(other),
        Err(ending) => ending,
    }
}

fn print(explain: &Explain, config: &Config, explanation: &Explanation) -> Ending {
    let zone = config.rules.terms.zone();
    match explain.json {
        true => print_json(explanation),
        false => {
            let words = InWords { explanation, zone };
            say(words.to_string().trim_end());
        }
    }
    Ending::Done
}

fn print_json(explanation: &Explanation) {
    let remedy = explanation.nt_hash.remedy.as_ref();
    let nt_hash = serde_json::json!({
        "present": explanation.nt_hash.present,
        "next_step": remedy.map(phrases::remedy),
    });
    let mut json = serde_json::json!(explanation);
    if let Some(fields) = json.as_object_mut() {
        fields.insert("nt_hash".to_owned(), nt_hash);
    }
    say_json(&json);
}

/// Attempts under a name that leads to no account are in the audit log alone.
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

/// An explanation for people, with times in their zone.
struct InWords<'a> {
    explanation: &'a Explanation,
    zone: &'a TimeZone,
}

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_verdicts(f)?;
        self.write_findings(f)?;
        self.write_lock(f)?;
        self.write_nt_hash(f)?;
        self.write_sessions(f)?;
        self.write_attempts(f)
    }
}

impl InWords<'_> {
    fn time(&self, time: Timestamp) -> String {
        for_people(time, self.zone)
    }

    /// One line for each way to be judged, with the services that share it.
    fn write_verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation {
            account,
            display_name,
            services,
            lock,
            ..
        } = self.explanation;
        let name = display_name.as_ref().map(|name| format!(" ({name})"));
        let name = name.unwrap_or_default();
        let besides = match lock.locked_in_directory_since {
            Some(_) => " and once the directory's own lock is over",
            None => "",
        };
        let mut told = Vec::new();
        for ServiceVerdict { refusal, .. } in services {
            if told.contains(refusal) {
                continue;
            }
            told.push(*refusal);
            let alike = services.iter().filter(|other| other.refusal == *refusal);
            let alike: Vec<_> = alike.map(|other| other.service.as_str()).collect();
            let by = alike.join(", ");
            match refusal {
                None => writeln!(
                    f,
                    "{account}{name} may come in by {by}, with the right password{besides}."
                )?,
                Some(refusal) => {
                    writeln!(f, "{account}{name} is refused by {by}: {refusal}.")?;
                    writeln!(f, "  why        {}", refusal.for_helpdesk())?;
                    writeln!(f, "  next step  {}", refusal.next_step())?;
                }
            }
        }
        Ok(())
    }

    fn write_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.explanation.findings {
            let since = finding.since.map(|since| self.time(since));
            let since = since.map(|since| format!(", since {since}"));
            let since = since.unwrap_or_default();
            let note = finding.note.as_ref();
            let note = note.map(|note| format!(": {note}")).unwrap_or_default();
            writeln!(f, "  status     {}{since}{note}", finding.refusal)?;
        }
        Ok(())
    }

    fn write_lock(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lock = &self.explanation.lock;
        if let Some(since) = lock.locked_in_directory_since {
            let since = self.time(since);
            writeln!(
                f,
                "  directory  locked there since {since}, until its lockout duration is over"
            )?;
        }
        match (lock.locked_until, lock.failures) {
            (Some(until), _) => {
                let until = self.time(until);
                writeln!(f, "  lock       after failed log-ons, until {until}")
            }
            (None, 0) => writeln!(f, "  lock       none, no failed log-ons counted"),
            (None, failures) => {
                writeln!(
                    f,
                    "  lock       none, {failures} of {} failed log-ons",
                    lock.of
                )
            }
        }
    }

    fn write_nt_hash(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(remedy) = &self.explanation.nt_hash.remedy else {
            return writeln!(f, "  nt hash    kept, for MS-CHAP and PEAP with a password");
        };
        writeln!(
            f,
            "  nt hash    none: MS-CHAP, and PEAP with MSCHAPv2, refuse this account"
        )?;
        writeln!(f, "             to mend it, {}", phrases::remedy(remedy))
    }

    /// Live sessions; `portvakt sessions` has those that are over.
    fn write_sessions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for session in &self.explanation.sessions {
            let device = session.device.as_ref();
            let device = device.map_or("unknown device".to_owned(), Outside::to_string);
            writeln!(
                f,
                "  online     since {}, {device} at {}",
                self.time(session.began),
                session.nas
            )?;
            for line in super::sessions::try_lines(session, self.zone) {
                writeln!(f, "             {line}")?;
            }
        }
        Ok(())
    }

    fn write_attempts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.explanation.attempts.is_empty() {
            return writeln!(f, "  attempts   none known");
        }
        writeln!(f, "  last attempts, newest first:")?;
        for attempt in &self.explanation.attempts {
            let device = attempt.device.as_ref();
            let device = device.map_or("unknown device".to_owned(), Outside::to_string);
            let place = attempt.place.as_ref().unwrap_or(&attempt.client);
            let node = attempt.node.as_ref();
            let node = node.map_or(String::new(), |node| format!(", at node {node}"));
            writeln!(
                f,
                "    {}  {:<20} {} {} from {device} at {place}{node}",
                self.time(attempt.time),
                attempt.outcome,
                attempt.service,
                attempt.method
            )?;
            if let Some(detail) = &attempt.detail {
                writeln!(f, "      {detail}")?;
            }
        }
        Ok(())
    }
}
