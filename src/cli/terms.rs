//! `portvakt terms …`: what the calendar will do.

use std::io;

use clap::{Args, Subcommand};

use super::account::failed;
use super::admin_client::request;
use super::{ConfigFile, Ending, complain, say, say_json};
use crate::accounts::TermPreview;
use crate::admin::{Request, Response};
use crate::shown::Shown;
use crate::times::for_people;

#[derive(Subcommand)]
pub(super) enum TermsCommand {
    /// Say which students the next deadline will lock, by what is known now
    Preview(Preview),
}

#[derive(Args)]
pub(super) struct Preview {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(command: &TermsCommand) -> Ending {
    let TermsCommand::Preview(preview) = command;
    let (config, _) = match preview.file.load() {
        Ok(loaded) => loaded,
        Err(ending) => return ending,
    };
    match request(&config, Request::PreviewTerms, &mut io::empty(), |_| {}) {
        Err(ending) => ending,
        Ok(Response::TermPreview(found)) if preview.json => {
            say_json(&found);
            Ending::Done
        }
        Ok(Response::TermPreview(found)) => {
            print(&found, config.rules.terms.zone());
            Ending::Done
        }
        Ok(other) => failed(other),
    }
}

fn print(found: &TermPreview, zone: &jiff::tz::TimeZone) {
    for lock in &found.locked {
        let name = lock.name.as_deref().unwrap_or_default();
        say(format_args!(
            "{:<24} {:<16} {}",
            Shown(&lock.account),
            lock.refusal.code(),
            Shown(name)
        ));
    }
    say(format_args!(
        "{} of {} students will be locked from {} on, for {}",
        found.locked.len(),
        found.students,
        for_people(found.due, zone),
        found.term
    ));
    for directory in &found.unlisted {
        complain(&format_args!(
            "of {directory} only those are counted that the registry tells of: it can't list its accounts"
        ));
    }
}
