//! `portvakt account …`: look at accounts and change them.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use portvakt_auth::{Kind, PasswordKind};

use super::admin_client::{read_password, request};
use super::{ConfigFile, Ending, complain, fail, messages, phrases, reset, say, say_json};
use crate::accounts::{
    AccountDetails, ClearPassword, DirectoryEntry, Filter, ImportRequest, ImportStep, Imported,
    Listing, NewPassword, PasswordFacts, Target,
};
use crate::admin::{Request, Response};
use crate::shown::{Shown, line};
use crate::times::for_people;

#[derive(Subcommand)]
pub(super) enum AccountCommand {
    /// List accounts with their state
    List(List),
    /// Show what is known of an account, hashes left out
    Show(Show),
    /// Add and change accounts from an LDIF file; all or nothing
    Import(Import),
    /// End a lock after failed log-ons and forget the failures
    Unlock(Act),
    /// Close an account after an abuse report
    Suspend(Act),
    /// Close an account, for other reasons
    Deactivate(Act),
    /// Open a suspended or deactivated account again
    Restore(Act),
    /// Exempt a student from fee and registration until a day
    Exempt(Exempt),
    /// Put a new password in place, read from the terminal or standard input
    SetPassword(SetPassword),
    /// Send a code, or open a window, that leads to a new password
    #[command(subcommand)]
    Reset(super::reset::ResetCommand),
    /// Remove an account for good; what the audit log has of it stays
    Delete(Delete),
}

#[derive(Args)]
pub(super) struct List {
    /// Only these
    #[arg(long, value_enum)]
    only: Option<Filter>,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Show {
    /// User name or alias, with or without realm
    user: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show what the directory has, and how each value is understood
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Act {
    /// User name or alias, with or without realm
    user: String,
    /// The reason, for the audit log and the helpdesk
    #[arg(long, default_value = "no reason given")]
    why: String,
    #[command(flatten)]
    pub(super) file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Exempt {
    /// The last day, 2026-12-01
    #[arg(long, value_name = "DAY", required_unless_present = "end")]
    until: Option<jiff::civil::Date>,
    /// End the exemption now
    #[arg(long, conflicts_with = "until")]
    end: bool,
    #[command(flatten)]
    act: Act,
}

#[derive(Args)]
pub(super) struct SetPassword {
    /// A temporary one: valid for hours, to be changed by its owner
    #[arg(long)]
    temporary: bool,
    #[command(flatten)]
    act: Act,
}

#[derive(Args)]
pub(super) struct Delete {
    /// Do not ask whether it is meant
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    act: Act,
}

#[derive(Args)]
pub(super) struct Import {
    /// The LDIF file; `-` is standard input
    ldif: PathBuf,
    /// Import the records without a mistake when others have one
    #[arg(long)]
    keep_going: bool,
    /// Hash passwords that are in clear text, rather than refuse them
    #[arg(long)]
    hash_cleartext: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(command: &AccountCommand) -> Ending {
    let nothing = &mut io::empty();
    match command {
        AccountCommand::List(list) => {
            let request = Request::List {
                filter: list.only,
                limit: list.limit,
            };
            do_and_print(&list.file, request, nothing, |_| {}, false)
        }
        AccountCommand::Show(show) => {
            let user = show.user.clone();
            let request = match show.raw {
                true => Request::Raw { user },
                false => Request::Show { user },
            };
            do_and_print(&show.file, request, nothing, |_| {}, show.json)
        }
        AccountCommand::Unlock(act) => do_act(act, Request::Unlock),
        AccountCommand::Suspend(act) => do_act(act, Request::Suspend),
        AccountCommand::Deactivate(act) => do_act(act, Request::Deactivate),
        AccountCommand::Restore(act) => do_act(act, Request::Restore),
        AccountCommand::Exempt(exempt) => do_act(&exempt.act, |target| Request::Exempt {
            target,
            until: exempt.until,
        }),
        AccountCommand::SetPassword(set) => set_password(set),
        AccountCommand::Reset(command) => super::reset::run(command),
        AccountCommand::Delete(delete) => run_delete(delete),
        AccountCommand::Import(import) => run_import(import),
    }
}

fn do_act(act: &Act, request: impl FnOnce(Target) -> Request) -> Ending {
    do_and_print(
        &act.file,
        request(act.target()),
        &mut io::empty(),
        |_| {},
        false,
    )
}

impl Act {
    pub(super) fn target(&self) -> Target {
        Target {
            user: self.user.clone(),
            why: self.why.clone(),
        }
    }
}

/// Sends a request and prints the answer, with times in the configured zone.
pub(super) fn do_and_print(
    file: &ConfigFile,
    asked: Request,
    body: &mut (dyn Read + Send),
    progress: impl FnMut(&Response),
    json: bool,
) -> Ending {
    match file.load() {
        Ok((config, _)) => {
            let response = request(&config, asked, body, progress);
            print(response, json, config.rules.terms.zone())
        }
        Err(ending) => ending,
    }
}

fn run_delete(delete: &Delete) -> Ending {
    let user = &delete.act.user;
    if !delete.yes && !is_meant(user) {
        return fail("nothing was deleted");
    }
    do_act(&delete.act, Request::Delete)
}

/// Whether the operator types the name once more.
fn is_meant(user: &str) -> bool {
    complain(&format_args!(
        "{user} will be gone, with password and aliases. Type the name again to go on:"
    ));
    let mut line = String::new();
    io::stdin().read_line(&mut line).is_ok() && line.trim() == user
}

fn set_password(set: &SetPassword) -> Ending {
    let config = match set.act.file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    let password = match read_password("New password") {
        Ok(password) => password,
        Err(error) => return fail(error),
    };
    let password = NewPassword {
        text: ClearPassword(password),
        temporary: set.temporary,
    };
    let target = set.act.target();
    let asked = Request::SetPassword { target, password };
    let response = request(&config, asked, &mut io::empty(), |_| {});
    print(response, false, config.rules.terms.zone())
}

fn run_import(import: &Import) -> Ending {
    let (mut body, octets) = match open(&import.ldif) {
        Ok(opened) => opened,
        Err(error) => return fail(format_args!("{}: {error}", import.ldif.display())),
    };
    let asked = Request::Import(ImportRequest {
        octets,
        file: import.ldif.display().to_string(),
        keep_going: import.keep_going,
        hash_cleartext: import.hash_cleartext,
    });
    let bar = ProgressBar::new(octets);
    let style = ProgressStyle::with_template("{msg:>8} [{bar:40}] {percent:>3} %  {eta}");
    bar.set_style(
        style
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> "),
    );
    let tell = |told: &Response| {
        if let Response::Progress(progress) = told {
            bar.set_message(match progress.step {
                ImportStep::Reading => "reading",
                ImportStep::Hashing => "hashing",
                ImportStep::Writing => "writing",
            });
            bar.set_length(progress.of);
            bar.set_position(progress.done);
        }
    };
    let config = match import.file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    let response = request(&config, asked, &mut body, tell);
    bar.finish_and_clear();
    print(response, false, config.rules.terms.zone())
}

/// A text to import and its length; standard input is read to its end first, for its length must be known.
pub(super) fn open(path: &PathBuf) -> io::Result<(Box<dyn Read + Send>, u64)> {
    if path.as_os_str() == "-" {
        let mut text = Vec::new();
        io::stdin().lock().read_to_end(&mut text)?;
        let octets = u64::try_from(text.len()).map_err(io::Error::other)?;
        return Ok((Box::new(io::Cursor::new(text)), octets));
    }
    let file = File::open(path)?;
    let octets = file.metadata()?.len();
    // A file that grows meanwhile must not run into the next question.
    Ok((Box::new(file.take(octets)), octets))
}

fn print(response: Result<Response, Ending>, json: bool, zone: &TimeZone) -> Ending {
    match response {
        Err(ending) => return ending,
        Ok(Response::Unlocked(unlocked)) => say(line(&phrases::unlocked(&unlocked))),
        Ok(Response::Changed(changed)) => say(line(&phrases::changed(&changed))),
        Ok(Response::Exempted(exempted)) => say(line(&phrases::exempted(&exempted, zone))),
        Ok(Response::PasswordSet(set)) => say(line(&phrases::password_set(&set))),
        Ok(Response::Deleted(deleted)) => {
            say(line(&format!("{} is deleted", deleted.account)));
        }
        Ok(Response::CodeSent(sent)) => reset::print_sent(&sent),
        Ok(Response::WindowOpened(opened)) => reset::print_window(&opened, zone),
        Ok(Response::WindowsClosed(closed)) => {
            say(line(&format!(
                "{}: {} closed",
                closed.account, closed.closed
            )));
        }
        Ok(Response::Resets(details)) if json => say_json(&details),
        Ok(Response::Resets(details)) => reset::print_details(&details, zone),
        Ok(Response::Messages(messages)) if json => say_json(&messages),
        Ok(Response::Messages(listed)) => messages::print(&listed, zone),
        Ok(Response::MessagesSwitched(switch)) => {
            say(format_args!(
                "messages are {}",
                if switch.on { "on" } else { "off" }
            ));
        }
        Ok(Response::TestMessageSent { outcome }) => say(Shown(&outcome)),
        Ok(Response::Accounts(listing)) => print_list(&listing, zone),
        Ok(Response::Account(details)) if json => say_json(&details),
        Ok(Response::Account(details)) => print_account(&details, zone),
        Ok(Response::Entries { entries }) => return print_entries(&entries),
        Ok(Response::Imported(imported)) => return print_import(&imported),
        Ok(other) => return failed(other),
    }
    Ending::Done
}

/// Prints the answer of a request that was not done.
pub(super) fn failed(response: Response) -> Ending {
    match response {
        Response::Failed(error) => fail(phrases::error(&error)),
        Response::NotPermitted => fail("only the server's own user and root may ask here"),
        Response::NotUnderstood { detail } => fail(format_args!(
            "not understood: {detail}; are both of one version?"
        )),
        other => fail(format_args!(
            "the server answered something else: {other:?}"
        )),
    }
}

fn print_list(listing: &Listing, zone: &TimeZone) {
    for account in &listing.accounts {
        let kind = format!("{:?}", account.kind).to_lowercase();
        let name = Shown(account.display_name.as_deref().unwrap_or(""));
        let until = account
            .locked_until
            .map(|until| format!(" until {}", for_people(until, zone)))
            .unwrap_or_default();
        say(format_args!(
            "{:<20} {kind:<9} {:<20} {name}{until}",
            Shown(&account.name),
            phrases::state(account.refusal)
        ));
    }
    if listing.more > 0 {
        say(format_args!(
            "and {} more; --limit shows them",
            listing.more
        ));
    }
    for directory in &listing.unlisted {
        complain(&format_args!(
            "those of {directory} are not here: it can't list its accounts"
        ));
    }
}

/// Ends well if there is one entry, and it is an account.
fn print_entries(entries: &[DirectoryEntry]) -> Ending {
    for entry in entries {
        say(Shown(&entry.dn));
        for value in &entry.values {
            let attribute = Shown(&value.attribute);
            let (value, meaning) = (Shown(&value.value), Shown(&value.meaning));
            say(format_args!("  {attribute:<28} {value:<32} {meaning}"));
        }
        if let Some(fault) = &entry.fault {
            complain(&format_args!("it is no account: {}", Shown(fault)));
        }
    }
    match entries {
        [] => fail("the directory has nobody of this name, or bind-dn may not see them"),
        [one] if one.fault.is_none() => Ending::Done,
        [_] => Ending::Failed,
        _ => fail("several entries have this name; nobody is let in by it"),
    }
}

fn print_account(details: &AccountDetails, zone: &TimeZone) {
    let account = &details.account;
    let row = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            say(format_args!("{key:<14} {}", Shown(&value)));
        }
    };
    row("name", Some(account.id.to_string()));
    row("kind", Some(format!("{:?}", account.kind).to_lowercase()));
    row(
        "aliases",
        (!account.aliases.is_empty()).then(|| account.aliases.join(", ")),
    );
    row("person", account.display_name.clone());
    row("mail", account.mail.clone());
    row("mobile", account.mobile.clone());
    if let Some(student) = &account.student {
        let term = |term: &Option<portvakt_auth::Term>| {
            term.as_ref()
                .map_or("never".to_owned(), ToString::to_string)
        };
        row(
            "in registry",
            Some(if student.in_registry { "yes" } else { "no" }.to_owned()),
        );
        row("registered for", Some(term(&student.registered_for)));
        row("fee paid for", Some(term(&student.fee_paid_for)));
        row("studies ended", student.ended_on.map(|day| day.to_string()));
    }
    row("ends", account.expires.map(|ends| for_people(ends, zone)));
    let note = |note: &portvakt_auth::Closure| {
        let since = for_people(note.since, zone);
        format!("{since}, {} ({})", note.reason, note.by)
    };
    row("deactivated", account.deactivated.as_ref().map(note));
    row("suspended", account.suspended.as_ref().map(note));
    row(
        "services",
        account
            .services
            .as_ref()
            .map(|services| services.join(", ")),
    );
    row("vlan", account.vlan.clone());
    if let Some(reply) = &account.reply {
        let profiles = reply.profiles.join(", ");
        row(
            "reply profiles",
            Some(profiles).filter(|names| !names.is_empty()),
        );
        let address = reply.framed_ip_address.map(|address| address.to_string());
        row("framed address", address);
        let prefix = reply.framed_ipv6_prefix.map(|prefix| prefix.to_string());
        row("framed prefix", prefix);
    }
    let password = details.password.as_ref();
    let password = password.map(|password| shown_password(password, zone));
    row(
        "password",
        Some(password.unwrap_or_else(|| "none".to_owned())),
    );
    let kept = |has: bool| Some(if has { "kept, sealed" } else { "none" }.to_owned());
    row("nt hash", kept(details.nt_hash));
    row(
        "chap secret",
        kept(details.legacy_chap_secret).filter(|_| account.kind == Kind::Service),
    );
}

fn shown_password(password: &PasswordFacts, zone: &TimeZone) -> String {
    let kind = match password.kind {
        PasswordKind::Permanent => "",
        PasswordKind::Temporary => "temporary, ",
    };
    let set = match password.changed_at {
        Some(at) => format!("set {}", for_people(at, zone)),
        None => "set nobody says when".to_owned(),
    };
    match &password.scheme {
        Some(scheme) => format!("{kind}{set}, kept as {scheme}"),
        None => format!("{kind}{set}, checked by the directory"),
    }
}

fn print_import(imported: &Imported) -> Ending {
    print_listed(&imported.problems, imported.problems_in_all, "problems");
    let (older, in_all) = (&imported.older_passwords, imported.older_passwords_in_all);
    print_listed(older, in_all, "older passwords");
    let (left, in_all) = (&imported.as_they_were, imported.as_they_were_in_all);
    print_listed(left, in_all, "accounts that stay as they were");
    let (names, in_all) = (&imported.foreign_names, imported.foreign_names_in_all);
    print_listed(names, in_all, "names of other realms");
    for (count, what) in [
        (
            imported.passwords_locked,
            "with a password locked by the source: closed",
        ),
        (
            imported.passwords_kept,
            "without a password in the file: each keeps its own",
        ),
        (
            imported.not_accounts,
            "passed over: no user name, so nobody's account",
        ),
    ] {
        if count > 0 {
            complain(&format_args!("{count} {what}"));
        }
    }
    say(format_args!(
        "{} new, {} changed, {} unchanged, {} left out",
        imported.added, imported.changed, imported.unchanged, imported.problems_in_all
    ));
    match imported.problems_in_all {
        0 => Ending::Done,
        _ => Ending::Failed,
    }
}

fn print_listed(lines: &[String], in_all: usize, what: &str) {
    for each in lines {
        complain(&line(each));
    }
    match in_all.saturating_sub(lines.len()) {
        0 => {}
        more => complain(&format_args!("and {more} more {what}")),
    }
}
