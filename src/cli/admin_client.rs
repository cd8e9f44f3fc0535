//! Requests of a command: to the running server, or on the data folder itself while none runs.

use std::io::{self, BufRead as _, IsTerminal as _, Read};

use zeroize::Zeroizing;

use super::{Ending, fail};
use crate::accounts::{Accounts, Actor, Channel, Role};
use crate::admin::{self, Client, ConnectError, Request, Response};
use crate::config::Config;
use crate::state::State;

/// Sends `request`, followed by `body`, and returns the answer; an error is printed.
pub(super) fn request(
    config: &Config,
    request: Request,
    body: &mut (dyn Read + Send),
    mut progress: impl FnMut(&Response),
) -> Result<Response, Ending> {
    match Client::connect(&config.control) {
        Ok(mut client) => client.request(&request, body, progress).map_err(fail),
        Err(ConnectError::NoServer(_)) => {
            // The lock of the data folder tells whether a server runs after all.
            let state = State::open(config).map_err(fail)?;
            let actor = Actor {
                who: admin::operator("self", nix::unistd::getuid().as_raw()),
                role: Role::Administrator,
                channel: Channel::Offline,
            };
            let accounts = Accounts::new(state.clone());
            let response = admin::handle(&accounts, &actor, request, body, &mut |told| {
                progress(&told);
            });
            state.close();
            Ok(response)
        }
        Err(error) => Err(fail(error)),
    }
}

/// Has a running server write its attempts to the audit log.
pub(super) fn flush(config: &Config) {
    if let Ok(mut client) = Client::connect(&config.control) {
        // A server of another version may not know the request: the last lines come later then.
        let _ = client.request(&Request::Flush, &mut io::empty(), |_| {});
    }
}

/// A password: asked for twice at a terminal, else the first line of standard input.
pub(super) fn read_password(prompt: &str) -> io::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        let mut line = Zeroizing::new(String::new());
        io::stdin().lock().read_line(&mut line)?;
        return Ok(Zeroizing::new(
            line.trim_end_matches(['\r', '\n']).to_owned(),
        ));
    }
    let first = Zeroizing::new(rpassword::prompt_password(format!("{prompt}: "))?);
    let again = Zeroizing::new(rpassword::prompt_password("Once more: ")?);
    if first == again {
        Ok(first)
    } else {
        Err(io::Error::other(
            "the two are not the same; nothing was changed",
        ))
    }
}
