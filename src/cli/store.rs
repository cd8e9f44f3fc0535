//! `portvakt store …`: the database of accounts, locks, attempts and sessions.

use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use portvakt_store::{CopyProgress, CopyTo, DataFolder, Inspection, StoreError};

use super::{ConfigFile, Ending, complain, fail, say};
use crate::config::Config;
use crate::shown::Outside;
use crate::state::sealing_key;

/// Seconds without a sign of a server that runs: it gives one every ten.
const RUNS_S: i64 = 30;

#[derive(Subcommand)]
pub(super) enum StoreCommand {
    /// Copy everything from the data folder to PostgreSQL or back, all or nothing; no server may run
    Copy(Copy),
    /// Bring the schema of the database of `store.url` up to date, as a start does
    Migrate(ConfigFile),
    /// Say whether the database can be used, and which servers use it; changes nothing
    Check(ConfigFile),
}

#[derive(Args)]
pub(super) struct Copy {
    /// The database to copy to
    #[arg(long, value_enum)]
    to: Destination,
    /// Remove what the destination has
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(Clone, Copy, ValueEnum)]
enum Destination {
    /// The database of `store.url`
    Postgres,
    /// The file in the data folder
    Sqlite,
}

pub(super) fn run(command: &StoreCommand) -> Ending {
    let file = match command {
        StoreCommand::Copy(copy) => &copy.file,
        StoreCommand::Migrate(file) | StoreCommand::Check(file) => file,
    };
    let config = match file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    let Some(settings) = config.store.clone() else {
        complain(
            &"portvakt: no `store.url` is configured: the database is a file in the data folder",
        );
        return Ending::Mistaken;
    };
    let done = match command {
        StoreCommand::Copy(copy) => copy_all(copy, &config).map(|rows| {
            say(format_args!("copied {rows} rows"));
            Ending::Done
        }),
        StoreCommand::Migrate(_) => portvakt_store::migrate(settings).map(say_migrated),
        StoreCommand::Check(_) => portvakt_store::inspect(settings).map(|found| say_found(&found)),
    };
    done.unwrap_or_else(fail)
}

fn say_migrated((before, now): (u32, u32)) -> Ending {
    match before {
        _ if before == now => say(format_args!("schema {now} is up to date")),
        _ => say(format_args!("schema {before} is now schema {now}")),
    }
    Ending::Done
}

/// Says what was found; not `Done` where a server would not start.
fn say_found(found: &Inspection) -> Ending {
    say(format_args!(
        "PostgreSQL {}",
        Outside::from(found.server.clone())
    ));
    let schema = match (found.is_writable, found.schema) {
        (false, _) => "newer: this version reads it, and does not write",
        (_, 0) => "none yet: the first start makes it",
        (_, schema) if schema < found.known => "older: the next start brings it up to date",
        (_, schema) if schema > found.known => "newer: this version goes on beside it",
        _ => "up to date",
    };
    say(format_args!("schema {} ({schema})", found.schema));
    match found.synchronous_standbys.as_str() {
        "" => say(
            "no synchronous standby: with the machine of the database its last failures are lost",
        ),
        names => say(format_args!(
            "commits wait for {}",
            Outside::from(names.to_owned())
        )),
    }
    let offset = found.clock_offset_ms;
    match found.clock_is_off() {
        true => say(format_args!(
            "clock {} s off: have both machines set by NTP",
            offset / 1000
        )),
        false => say("clock as here"),
    }
    for node in &found.nodes {
        let (name, version) = (
            Outside::from(node.name.clone()),
            Outside::from(node.version.clone()),
        );
        let seen = match node.seen_ago_s {
            ..=RUNS_S => "runs".to_owned(),
            ago => format!("not seen for {ago} s"),
        };
        say(format_args!(
            "node {name}: version {version}, schema {}, {seen}",
            node.schema
        ));
    }
    match found.is_writable {
        true => Ending::Done,
        false => Ending::Failed,
    }
}

/// The number of rows that were copied.
fn copy_all(copy: &Copy, config: &Config) -> Result<u64, StoreError> {
    let Some(settings) = config.store.clone() else {
        return Ok(0);
    };
    let to = match copy.to {
        Destination::Postgres => CopyTo::Postgres,
        Destination::Sqlite => CopyTo::Sqlite,
    };
    let folder = DataFolder::take(&config.data)?;
    let key = sealing_key(config)?;
    // Shown on a terminal alone.
    let bar = ProgressBar::new(0);
    let (mut before, mut table) = (0, "");
    let mut copied = 0;
    let mut progress = |now: CopyProgress| {
        if now.table != table {
            (before, table) = (copied, now.table);
        }
        copied = before + now.copied;
        bar.set_length(now.of);
        bar.set_position(now.copied);
    };
    let done = portvakt_store::copy(&folder, key, settings, to, copy.replace, &mut progress);
    bar.finish_and_clear();
    done.map(|()| copied)
}
