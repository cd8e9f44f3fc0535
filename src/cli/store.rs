//! `portvakt store …`: the database of accounts, locks, attempts and sessions.

use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use portvakt_store::{CopyProgress, CopyTo, DataFolder, StoreError};

use super::{ConfigFile, Ending, complain, fail, say};
use crate::config::Config;
use crate::state::sealing_key;

#[derive(Subcommand)]
pub(super) enum StoreCommand {
    /// Copy everything from the data folder to PostgreSQL or back, all or nothing; no server may run
    Copy(Copy),
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
    let StoreCommand::Copy(copy) = command;
    let config = match copy.file.load() {
        Ok((config, _)) => config,
        Err(ending) => return ending,
    };
    if config.store.is_none() {
        complain(&"portvakt: no `store.url` is configured: there is nothing to copy to or from");
        return Ending::Mistaken;
    }
    match copy_all(copy, &config) {
        Ok(rows) => {
            say(format_args!("copied {rows} rows"));
            Ending::Done
        }
        Err(error) => fail(error),
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
