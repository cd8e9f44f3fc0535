//! The command line, one file per subcommand.
//!
//! Standard output is for what was asked, standard error for what went wrong. Exit codes: 0 done,
//! 1 refused or failed, 2 the configuration or the command line has a mistake.

mod account;
mod admin_client;
mod attempts;
mod check;
mod demo;
#[cfg(test)]
mod documented;
mod explain;
mod hash;
mod messages;
mod phrases;
mod registry;
mod reset;
mod serve;
mod sessions;
mod store;
mod terms;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use crate::config::{Config, Warning};
use crate::shown::{line, lines, pretty_json};

/// The default path of the configuration.
const USUAL_CONFIG: &str = "/etc/portvakt/portvakt.toml";

/// Campus authentication server: RADIUS and eduroam in, a university's account rules, an answer
/// out.
#[derive(Parser)]
#[command(name = "portvakt", version, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until SIGTERM; SIGHUP reads the configuration again
    Serve(ConfigFile),
    /// Find every mistake in the configuration, and say what the server would do
    Check(ConfigFile),
    /// Make a folder to try everything with, and run the server in it
    Demo(demo::Demo),
    /// Hash a password for a directory or an LDIF file
    Hash(hash::Hash),
    /// Moved to a program of its own, portvakt-load
    #[command(hide = true)]
    Load {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Look at accounts and change them
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Say whether somebody may come in, why not, and what to do
    Explain(explain::Explain),
    /// Who tried to log on, from the audit log
    Attempts(attempts::Attempts),
    /// Who is or was on the network, with which device and address
    Sessions(sessions::Sessions),
    /// Files of the student registry: take them, approve them, undo them
    #[command(subcommand)]
    Registry(registry::RegistryCommand),
    /// What the calendar of terms will do
    #[command(subcommand)]
    Terms(terms::TermsCommand),
    /// Text messages: whether they go out, and which did
    #[command(subcommand)]
    Messages(messages::MessagesCommand),
    /// Move everything between the data folder and PostgreSQL
    #[command(subcommand)]
    Store(store::StoreCommand),
}

/// The configuration file.
#[derive(Args, Clone)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "PORTVAKT_CONFIG", default_value = USUAL_CONFIG)]
    config: PathBuf,
}

/// How a command ended.
enum Ending {
    /// As asked.
    Done,
    /// It can't be done; the reason was printed.
    Failed,
    /// The configuration or the command line has a mistake; it was printed.
    Mistaken,
}

/// Runs the command that this process was started with.
#[must_use]
pub fn run() -> ExitCode {
    // Commands read secrets, too: before any is in memory.
    if let Err(error) = crate::process::forbid_core_dumps() {
        complain(&format_args!(
            "warning: core dumps can't be switched off: {error}"
        ));
    }
    let ending = match CommandLine::parse().command {
        Command::Serve(file) => serve::run(&file),
        Command::Check(file) => check::run(&file),
        Command::Demo(demo) => demo::run(&demo),
        Command::Hash(hash) => hash::run(&hash),
        Command::Load { options } => {
            let command = ["portvakt-load".to_owned()].into_iter().chain(options);
            let command = command.collect::<Vec<_>>().join(" ");
            complain(&line(&format!("portvakt: run `{command}`")));
            Ending::Mistaken
        }
        Command::Account(command) => account::run(&command),
        Command::Explain(explain) => explain::run(&explain),
        Command::Attempts(attempts) => attempts::run(&attempts),
        Command::Sessions(sessions) => sessions::run(&sessions),
        Command::Registry(command) => registry::run(&command),
        Command::Terms(command) => terms::run(&command),
        Command::Messages(command) => messages::run(&command),
        Command::Store(command) => store::run(&command),
    };
    match ending {
        Ending::Done => ExitCode::SUCCESS,
        Ending::Failed => ExitCode::from(1),
        Ending::Mistaken => ExitCode::from(2),
    }
}

impl ConfigFile {
    /// Reads the configuration; mistakes are printed.
    fn load(&self) -> Result<(Config, Vec<Warning>), Ending> {
        Config::load_file(&self.config, Timestamp::now()).map_err(|problems| {
            complain(&problems);
            Ending::Mistaken
        })
    }

    /// As [`Self::load`]; warnings are printed too, for whoever runs or checks the server.
    fn load_aloud(&self) -> Result<Config, Ending> {
        let (config, warnings) = self.load()?;
        warnings.iter().for_each(complain);
        Ok(config)
    }
}

/// Prints `text` on standard output. A reader that has gone away is no reason to fail.
///
/// Nothing but lines gets out here, whatever is in them: a field that others wrote goes through
/// [`Shown`](crate::shown::Shown) before, so that it ends no line.
fn say(text: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{}", lines(&text.to_string()));
}

/// Prints `text` on standard error.
fn complain(text: &impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{}", lines(&text.to_string()));
}

/// Prints a value as JSON on standard output.
fn say_json(value: &impl serde::Serialize) {
    say(pretty_json(value));
}

/// Prints why a command failed.
fn fail(why: impl std::fmt::Display) -> Ending {
    complain(&line(&format!("portvakt: {why}")));
    Ending::Failed
}
