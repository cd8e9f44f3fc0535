//! The way to the accounts: through the running server, or straight to the data folder while none
//! runs.

use std::io::{self, BufRead as _, IsTerminal as _, Read};

use zeroize::Zeroizing;

use super::{Ending, fail};
use crate::config::Config;
use crate::control::{Client, ConnectError, Desk, Request, Response};
use crate::state::State;

/// Has `request` done and returns the answer; `body` follows an import.
pub(super) fn ask(
    config: &Config,
    request: Request,
    body: &mut (dyn Read + Send),
    mut progress: impl FnMut(&Response),
) -> Result<Response, Ending> {
    match Client::connect(&config.control) {
        Ok(mut client) => client.ask(&request, body, progress).map_err(fail),
        Err(ConnectError::NoServer(_)) => {
            // The data folder's lock tells whether a server runs after all.
            let state = State::open(config).map_err(fail)?;
            let who = crate::control::user_name(nix::unistd::getuid().as_raw());
            let desk = Desk::new(state.clone());
            let response = desk.handle(&who, request, body, &mut |told| progress(&told));
            state.close();
            Ok(response)
        }
        Err(error) => Err(fail(error)),
    }
}

/// Has a running server write down the attempts that it has in hand; without one there are none.
pub(super) fn flush(config: &Config) {
    if let Ok(mut client) = Client::connect(&config.control) {
        // What a server of another version does not know, it says: then the last lines come later.
        let _ = client.ask(&Request::Flush, &mut io::empty(), |_| {});
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
