//! `portvakt account reset …`: codes and windows that lead to a new password.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use super::account::{Act, do_and_print};
use super::{ConfigFile, Ending, fail, say};
use crate::accounts::{
    ClearPassword, CodeKind, CodeSent, MessageDetails, OpenWindow, Redemption, ResetDetails,
    Target, WindowOpened,
};
use crate::admin::Request;
use crate::shown::Shown;
use crate::times::for_people;

#[derive(Subcommand)]
pub(in crate::cli) enum ResetCommand {
    /// Send a temporary password to the registered mobile number
    Send(Send),
    /// Open a window: print an activation code that leads to choosing a password
    Open(Open),
    /// Close what is open: windows, and codes that were sent
    Close(Act),
    /// Show windows, codes and messages of an account, without codes
    Show(Show),
    /// Set a new password with a code: code and password are read, a line each
    Redeem(Redeem),
}

#[derive(Args)]
struct Named {
    /// User name or alias, with or without realm
    user: String,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(in crate::cli) struct Send {
    /// A code that shows why the account is closed, rather than a temporary password
    #[arg(long)]
    proof: bool,
    #[command(flatten)]
    act: Act,
}

#[derive(Args)]
pub(in crate::cli) struct Open {
    /// How long the window is open, in minutes: 10 to 4320
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u64>,
    /// Read a four-digit PIN that opens it too, where `resets.pin` allows it
    #[arg(long)]
    pin: bool,
    /// Open it although the account had as many windows as it may have in a month
    #[arg(long)]
    beyond_limit: bool,
    #[command(flatten)]
    act: Act,
}

#[derive(Args)]
pub(in crate::cli) struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    named: Named,
}

#[derive(Args)]
pub(in crate::cli) struct Redeem {
    /// The code is of a window of IT support, rather than of a message
    #[arg(long)]
    window: bool,
    #[command(flatten)]
    named: Named,
}

pub(in crate::cli) fn run(command: &ResetCommand) -> Ending {
    match command {
        ResetCommand::Send(send) => {
            let kind = match send.proof {
                true => CodeKind::Proof,
                false => CodeKind::TemporaryPassword,
            };
            ask(&send.act, |target| Request::SendCode { target, kind })
        }
        ResetCommand::Open(open) => run_open(open),
        ResetCommand::Close(act) => ask(act, Request::CloseWindows),
        ResetCommand::Show(show) => {
            let request = Request::ShowResets {
                user: show.named.user.clone(),
            };
            do_and_print(
                &show.named.file,
                request,
                &mut io::empty(),
                |_| {},
                show.json,
            )
        }
        ResetCommand::Redeem(redeem) => run_redeem(redeem),
    }
}

fn ask(act: &Act, request: impl FnOnce(Target) -> Request) -> Ending {
    let request = request(act.target());
    do_and_print(&act.file, request, &mut io::empty(), |_| {}, false)
}

fn run_open(open: &Open) -> Ending {
    let pin = match open.pin.then(|| read_secret("PIN")).transpose() {
        Ok(pin) => pin.map(ClearPassword),
        Err(error) => return fail(error),
    };
    let window = OpenWindow {
        valid: open
            .minutes
            .map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
        pin,
        beyond_limit: open.beyond_limit,
    };
    ask(&open.act, |target| Request::OpenWindow { target, window })
}

fn run_redeem(redeem: &Redeem) -> Ending {
    let read = read_secret("Code").and_then(|code| Ok((code, read_secret("New password")?)));
    let (code, new_password) = match read {
        Ok(read) => read,
        Err(error) => return fail(error),
    };
    let redemption = Redemption {
        name: redeem.named.user.clone(),
        code: ClearPassword(code),
        new_password: ClearPassword(new_password),
        by_support: redeem.window,
    };
    let request = Request::Redeem(redemption);
    do_and_print(&redeem.named.file, request, &mut io::empty(), |_| {}, false)
}

/// A line that is not echoed at a terminal, else the next line of standard input.
fn read_secret(prompt: &str) -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("{prompt}: ")).map(Zeroizing::new);
    }
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line)?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

pub(in crate::cli) fn print_sent(sent: &CodeSent) {
    let fault = sent
        .fault
        .as_ref()
        .map(|fault| format!(", {fault}"))
        .unwrap_or_default();
    say(format_args!(
        "{}: message to {}: {}{fault}",
        sent.account,
        sent.number,
        sent.state.as_str()
    ));
}

pub(in crate::cli) fn print_window(opened: &WindowOpened, zone: &TimeZone) {
    let pin = if opened.takes_pin { ", or the PIN" } else { "" };
    say(format_args!(
        "{}: activation code {}{pin}, until {}; it is shown this once",
        opened.account,
        *opened.code.0,
        for_people(opened.until, zone)
    ));
}

pub(in crate::cli) fn print_details(details: &ResetDetails, zone: &TimeZone) {
    let number = details.number.as_deref().unwrap_or("none");
    let since = details
        .number_since
        .map(|since| format!(" since {}", for_people(since, zone)));
    say(format_args!(
        "{:<10} {number}{}",
        "number",
        since.unwrap_or_default()
    ));
    let would = details
        .no_message
        .as_deref()
        .unwrap_or("a message would be sent");
    say(format_args!("{:<10} {would}", "messages"));
    for opening in &details.openings {
        let state = if opening.is_open { "open" } else { "not open" };
        say(format_args!(
            "{:<10} {state}, until {}, {} tries left, by {}",
            opening.kind.as_str(),
            for_people(opening.ends, zone),
            opening.tries_left,
            Shown(&opening.by)
        ));
    }
    details
        .messages
        .iter()
        .for_each(|message| print_message(message, zone));
}

/// A line of a message.
pub(in crate::cli) fn print_message(message: &MessageDetails, zone: &TimeZone) {
    let fault = message
        .fault
        .as_ref()
        .map(|fault| format!(" ({fault})"))
        .unwrap_or_default();
    say(format_args!(
        "{}  {:<20} {}  {} {}{fault} {}",
        for_people(message.at, zone),
        Shown(&message.account),
        message.number,
        Shown(&message.gateway),
        message.state.as_str(),
        for_people(message.state_at, zone)
    ));
}
