//! `portvakt check`: every mistake at once, or what the server would do.

use super::{ConfigFile, Ending, fail, say};
use crate::access::{self, Policy};
use crate::config;

pub(super) fn run(file: &ConfigFile) -> Ending {
    let config = match file.load_aloud() {
        Ok(config) => config,
        Err(ending) => return ending,
    };
    // What only the parts themselves can tell: that key and chain fit TLS, that terms fit together.
    let checked = access::metrics()
        .map_err(|error| error.to_string())
        .and_then(|metrics| Policy::new(&config, &metrics).map_err(|error| error.to_string()));
    match checked {
        Err(error) => {
            fail(error);
            Ending::Mistaken
        }
        Ok(_) => {
            for line in config::describe(&config) {
                say(line);
            }
            say(format_args!("{}: no mistakes", file.config.display()));
            Ending::Done
        }
    }
}
