//! `portvakt explain`: why somebody can or can't come in.

use clap::Args;

use super::way::ask;
use super::{ConfigFile, Ending, fail, say, say_json};
use crate::control::{Request, Response};

/// Say whether somebody may come in, why not, what happened lately, and what to do
#[derive(Args)]
pub(super) struct Explain {
    /// User name or alias, with or without realm
    user: String,
    /// The service it is about
    #[arg(long, default_value = "eduroam")]
    service: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(explain: &Explain) -> Ending {
    let request = Request::Explain {
        user: explain.user.clone(),
        service: explain.service.clone(),
    };
    match ask(&explain.file, request, &mut std::io::empty(), |_| {}) {
        Ok(Response::Explanation(explanation)) if explain.json => {
            say_json(&explanation);
            Ending::Done
        }
        Ok(Response::Explanation(explanation)) => {
            say(format_args!("{}", explanation.to_string().trim_end()));
            Ending::Done
        }
        Ok(Response::Refused { message }) => fail(message),
        Ok(other) => fail(format_args!(
            "the server answered something else: {other:?}"
        )),
        Err(ending) => ending,
    }
}
