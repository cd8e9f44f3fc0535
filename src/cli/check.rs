//! `portvakt check`: every mistake at once, or what the server would do.

use std::sync::Arc;
use std::time::Duration;

use portvakt_auth::Realm;
use portvakt_eap::Sessions;

use super::{ConfigFile, Ending, fail, say};
use crate::config::{self, Config};
use crate::policy::{AccountSources, Policy};
use crate::state;
use portvakt_directory::{Directory, Found, Naming, OpenDirectory};

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
fn try_out(config: &Config) -> Result<(), String> {
    let metrics = state::metrics().map_err(|error| error.to_string())?;
    let sessions = Sessions::new(0, Duration::ZERO);
    let policy = AccountSources::new(config, &unopened(config), None)
        .and_then(|sources| Policy::new(config, &metrics, &sessions, sources));
    policy.map(drop).map_err(|error| error.to_string())
}

/// Stands for a directory that is not asked.
#[derive(Default)]
struct Unopened(Naming);

impl Directory for Unopened {
    fn find(&self, _name: &str, _realm: Option<&Realm>) -> Found {
        Found::Unknown
    }

    fn naming(&self) -> &Naming {
        &self.0
    }
}

fn unopened(config: &Config) -> Vec<OpenDirectory> {
    let stand_in = |source: &config::AccountSource| OpenDirectory {
        name: source.name().to_owned(),
        directory: Arc::new(Unopened::default()),
    };
    config.account_sources.iter().map(stand_in).collect()
}
