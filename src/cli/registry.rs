//! `portvakt registry …`: files of the student registry, taken, approved, undone, and listed.

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use portvakt_registry::{Affected, EndFacts, Exceeded, Guarded, Person};

use super::account::{failed, open};
use super::admin_client::request;
use super::{ConfigFile, Ending, complain, fail, phrases, say, say_json};
use crate::accounts::{
    ActError, ImportOutcome, ImportSummary, KnownPerson, RegistryFile, RegistryImport,
};
use crate::admin::{Request, Response};
use crate::shown::{Shown, line};
use crate::times::for_people;

/// Names that a list prints; all of them are in the JSON.
const MOST_PRINTED: usize = 20;

#[derive(Subcommand)]
pub(super) enum RegistryCommand {
    /// Take a file of the student registry: all of it or nothing
    Import(Import),
    /// Approve a file that is held back, by its digest; two different operators must
    Approve(Approve),
    /// Take an import out of force, within seven days
    Undo(Undo),
    /// List imports, newest first
    List(List),
    /// Show what the registry has of a person
    Show(Show),
}

#[derive(Args)]
pub(super) struct Import {
    /// The file, CSV or one JSON object a line; `-` is standard input
    path: PathBuf,
    /// Only say who would be locked, let in, vanish or get another mobile number
    #[arg(long)]
    dry_run: bool,
    /// Refuse a file without the trailer of a full one
    #[arg(long)]
    full: bool,
    /// Print JSON, with all names
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Approve {
    /// The SHA-256 of the file, all 64 digits
    digest: String,
    /// Print JSON, with all names
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Undo {
    /// The number of the import
    import: i64,
    /// The reason, for the audit log
    #[arg(long, default_value = "no reason given")]
    why: String,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct List {
    /// At most so many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Show {
    /// User name, or the person's key in the registry
    person: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(command: &RegistryCommand) -> Ending {
    match command {
        RegistryCommand::Import(import) => take(import),
        RegistryCommand::Approve(approve) => {
            let digest = approve.digest.clone();
            let asked = Request::ApproveRegistry { digest };
            ask(&approve.file, asked, approve.json)
        }
        RegistryCommand::Undo(undo) => {
            let asked = Request::UndoRegistry {
                import: undo.import,
                why: undo.why.clone(),
            };
            ask(&undo.file, asked, false)
        }
        RegistryCommand::List(list) => {
            let asked = Request::RegistryImports { limit: list.limit };
            ask(&list.file, asked, list.json)
        }
        RegistryCommand::Show(show) => {
            let name = show.person.clone();
            ask(&show.file, Request::KnownPerson { name }, show.json)
        }
    }
}

fn take(import: &Import) -> Ending {
    let (mut body, octets) = match open(&import.path) {
        Ok(opened) => opened,
        Err(error) => return fail(format_args!("{}: {error}", import.path.display())),
    };
    let asked = Request::ImportRegistry(RegistryFile {
        octets,
        file: import.path.display().to_string(),
        dry_run: import.dry_run,
        must_be_full: import.full,
    });
    let (config, _) = match import.file.load() {
        Ok(loaded) => loaded,
        Err(ending) => return ending,
    };
    let response = request(&config, asked, &mut body, |_| {});
    print(response, import.json, config.rules.terms.zone())
}

fn ask(file: &ConfigFile, asked: Request, json: bool) -> Ending {
    let (config, _) = match file.load() {
        Ok(loaded) => loaded,
        Err(ending) => return ending,
    };
    let response = request(&config, asked, &mut io::empty(), |_| {});
    print(response, json, config.rules.terms.zone())
}

fn print(response: Result<Response, Ending>, json: bool, zone: &TimeZone) -> Ending {
    match response {
        Err(ending) => ending,
        Ok(Response::RegistryImported(imported)) => print_import(&imported, json),
        Ok(Response::RegistryUndone { import }) => {
            say(format_args!("import {import} is undone"));
            Ending::Done
        }
        Ok(Response::RegistryImports { imports }) => {
            match json {
                true => say_json(&imports),
                false => imports
                    .iter()
                    .for_each(|import| print_summary(import, zone)),
            }
            Ending::Done
        }
        Ok(Response::KnownPerson(known)) => {
            match json {
                true => say_json(&known),
                false => print_person(&known, zone),
            }
            Ending::Done
        }
        Ok(Response::Failed(ActError::RegistryFile { mistakes })) => {
            let told = phrases::registry_mistakes(&mistakes);
            told.iter().for_each(|mistake| complain(&line(mistake)));
            fail("nothing of the file is in force")
        }
        Ok(other) => failed(other),
    }
}

/// A file that is held back ends as failed: a script must notice.
fn print_import(imported: &RegistryImport, json: bool) -> Ending {
    if json {
        say_json(imported);
    } else {
        print_effect(imported);
    }
    match &imported.outcome {
        ImportOutcome::Held { .. } => Ending::Failed,
        ImportOutcome::DryRun | ImportOutcome::Applied { .. } => Ending::Done,
    }
}

fn print_effect(imported: &RegistryImport) {
    let effect = &imported.effect;
    let kind = if imported.is_full { "full" } else { "changes" };
    say(format_args!(
        "{} rows ({kind}): {} added, {} changed, {} unchanged, {} older than what is known",
        imported.rows, effect.added, effect.changed, effect.unchanged, effect.older
    ));
    for (affected, what) in [
        (&effect.locks, "locked"),
        (&effect.unlocks, "let in again"),
        (&effect.vanished, "no longer in the registry"),
        (&effect.mobiles, "with another mobile number"),
        (
            &effect.disagreements,
            "whose flag \"active\" says otherwise than fee and registration; the flag is believed",
        ),
    ] {
        print_affected(affected, what);
    }
    imported.exceeded.iter().for_each(print_exceeded);
    match &imported.outcome {
        ImportOutcome::DryRun => say(format_args!(
            "nothing was changed; digest {}",
            imported.digest
        )),
        ImportOutcome::Applied { import } => say(format_args!(
            "import {import} is in force; portvakt registry undo {import} takes it back within 7 days"
        )),
        ImportOutcome::Held {
            import,
            approved_by,
            needed,
        } => {
            let so_far = match approved_by.is_empty() {
                true => String::new(),
                false => format!(" ({} did)", approved_by.join(", ")),
            };
            say(line(&format!(
                "import {import} is held back, and nothing of it is in force until {needed} \
                 different operators approve it{so_far}: portvakt registry approve {}",
                imported.digest
            )));
        }
    }
}

fn print_affected(affected: &Affected, what: &str) {
    if affected.count == 0 {
        return;
    }
    say(format_args!("{} {what}:", affected.count));
    for person in affected.named.iter().take(MOST_PRINTED) {
        let name = person.name.as_deref().unwrap_or_default();
        let refusal = person.refusal.map(|refusal| refusal.code());
        say(format_args!(
            "  {:<24} {:<16} {}",
            Shown(&person.key),
            refusal.unwrap_or_default(),
            Shown(name)
        ));
    }
    let printed = affected.named.len().min(MOST_PRINTED) as u64;
    if affected.count > printed {
        say(format_args!(
            "  and {} more; --json has their names",
            affected.count - printed
        ));
    }
}

fn print_exceeded(exceeded: &Exceeded) {
    let what = match exceeded.of {
        Guarded::Locks => "locks",
        Guarded::Unlocks => "accounts let in again",
        Guarded::Vanished => "vanished persons",
        Guarded::Mobiles => "changed mobile numbers",
    };
    complain(&format_args!(
        "{what}: {} in this file and {} in the 24 hours before it; {} may be in a day",
        exceeded.file, exceeded.day, exceeded.allowed
    ));
}

fn print_summary(import: &ImportSummary, zone: &TimeZone) {
    let kind = if import.is_full { "full" } else { "changes" };
    let counts = import.counts;
    say(format_args!(
        "{:>6} {:<8} {:<7} {} {:>7} rows, {} locked, {} let in, {} vanished, {} mobiles  {} ({})",
        import.import,
        import.state,
        kind,
        for_people(import.taken_at, zone),
        import.rows,
        counts.locks,
        counts.unlocks,
        counts.vanished,
        counts.mobiles,
        Shown(&import.file),
        Shown(&import.taken_by),
    ));
    if import.state == "held" {
        say(format_args!("       digest {}", import.digest));
    }
}

fn row(key: &str, value: Option<String>) {
    if let Some(value) = value {
        say(format_args!("{key:<16} {}", Shown(&value)));
    }
}

fn print_person(known: &KnownPerson, zone: &TimeZone) {
    let time = |at| for_people(at, zone).to_string();
    let person = &known.person;
    row("key", Some(known.key.clone()));
    row(
        "account",
        Some(known.account.clone().unwrap_or_else(|| "none".to_owned())),
    );
    print_facts(person, zone);
    let verdict = match (known.refusal, known.since) {
        (None, _) => "let in by the rules on students".to_owned(),
        (Some(refusal), None) => format!("refused as {}", refusal.code()),
        (Some(refusal), Some(since)) => {
            format!("refused as {} since {}", refusal.code(), time(since))
        }
    };
    row("status", known.account.as_ref().map(|_| verdict));
    row(
        "exempt until",
        known.exemption.as_ref().map(|exemption| {
            let until = time(exemption.until);
            format!("{until}, {} ({})", exemption.reason, exemption.by)
        }),
    );
    for stage in &known.leaving {
        row(
            &format!("{} closes", stage.stage),
            Some(time(stage.closes_at)),
        );
    }
    if known.is_silent {
        complain(&"no news of the registry for too long: nobody is newly locked by the calendar");
    }
}

fn print_facts(person: &Person, zone: &TimeZone) {
    let time = |at| for_people(at, zone).to_string();
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    row("as of", Some(time(person.as_of)));
    row("name", person.name.clone());
    row("student number", person.student_number.clone());
    row("in registry", Some(yes_no(person.in_registry)));
    row("vanished", person.vanished_at.map(time));
    row("active", person.active.map(yes_no));
    for term in &person.terms {
        let active = term
            .active
            .map(|active| format!("active {}", yes_no(active)));
        let fee = term.fee.map(|fee| format!("fee {fee:?}").to_lowercase());
        let registered = term
            .registered_at
            .map(|at| format!("registered {}", time(at)));
        let facts = [active, fee, registered].into_iter().flatten();
        let facts = facts.collect::<Vec<_>>().join(", ");
        row(&format!("term {}", term.term), Some(facts));
    }
    row(
        "studies ended",
        match &person.end {
            EndFacts::Unstated => None,
            EndFacts::NotEnded => Some("no".to_owned()),
            EndFacts::Ended(end) => Some(format!("{}, told {}", end.on, time(end.learned_at))),
        },
    );
    row("programme", person.programme.clone());
    row("faculty", person.faculty.clone());
    row("campus", person.campus.clone());
    row("mobile", person.mobile.clone());
    row("private mail", person.private_mail.clone());
}
