//! `portvakt check`: every mistake at once, or what the server would do.

use super::{ConfigFile, Ending, fail, say};
use crate::config::{self, Config};
use crate::policy::{Policy, PolicyError};
use crate::state;

pub(super) fn run(file: &ConfigFile) -> Ending {
    let config = match file.load_aloud() {
        Ok(config) => config,
        Err(ending) => return ending,
    };
    match try_out(&config) {
        Err(error) => {
            fail(error);
            Ending::Mistaken
        }
        Ok(()) => {
            for line in config::describe(&config) {
                say(line);
            }
            say(format_args!("{}: no mistakes", file.config.display()));
            Ending::Done
        }
    }
}

/// Compiles the configuration as the server would, which finds keys that do not fit their chains.
fn try_out(config: &Config) -> Result<(), PolicyError> {
    Policy::check(config, &state::metrics()?)
}
