//! `portvakt messages …`: text messages as a whole.

use std::io;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

use super::account::do_and_print;
use super::reset::print_message;
use super::{ConfigFile, Ending, complain, say};
use crate::accounts::{MessageSwitch, Messages};
use crate::admin::Request;
use crate::shown::Shown;

#[derive(Subcommand)]
pub(super) enum MessagesCommand {
    /// Messages of the last day, and whether they go out
    List(List),
    /// Send no more of them, until they are switched on again
    Off(Switch),
    /// Send them again
    On(Switch),
    /// Send a test message, to see whether the gateway takes it
    Test(Test),
}

#[derive(Args)]
pub(super) struct List {
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Switch {
    /// The reason, for the audit log
    #[arg(long, default_value = "no reason given")]
    why: String,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Args)]
pub(super) struct Test {
    /// The mobile number
    number: String,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(command: &MessagesCommand) -> Ending {
    let (file, request, json) = match command {
        MessagesCommand::List(list) => (
            &list.file,
            Request::ListMessages { limit: list.limit },
            list.json,
        ),
        MessagesCommand::Off(switch) => (&switch.file, switch.request(false), false),
        MessagesCommand::On(switch) => (&switch.file, switch.request(true), false),
        MessagesCommand::Test(test) => {
            let number = test.number.clone();
            (&test.file, Request::SendTestMessage { number }, false)
        }
    };
    do_and_print(file, request, &mut io::empty(), |_| {}, json)
}

impl Switch {
    fn request(&self, on: bool) -> Request {
        Request::SwitchMessages(MessageSwitch {
            on,
            why: self.why.clone(),
        })
    }
}

pub(super) fn print(messages: &Messages, zone: &TimeZone) {
    let gateway = Shown(&messages.gateway);
    match (&messages.off_by, messages.enabled, &messages.breaker) {
        (Some(by), _, _) => say(format_args!("messages are switched off by {}", Shown(by))),
        (None, false, _) => say("messages are off in the configuration (sms.enabled)"),
        (None, true, Some(breaker)) => say(format_args!("messages by {gateway} are {breaker}")),
        (None, true, None) => say(format_args!("messages go out by {gateway}")),
    }
    if messages.dropped > 0 {
        complain(&format_args!("{} requests were dropped", messages.dropped));
    }
    messages
        .messages
        .iter()
        .for_each(|message| print_message(message, zone));
}
