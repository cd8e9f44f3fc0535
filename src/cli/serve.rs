//! `portvakt serve`: the server, from start to signal.

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2, SIGXFSZ};
use signal_hook::iterator::Signals;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format;

use super::{ConfigFile, Ending, complain, fail, say};
use crate::config::Config;
use crate::handover::Inherited;
use crate::server::{ReloadError, Server, StartError};
use crate::shown::Escaper;
use crate::transport::{Listen, Purpose};

pub(super) fn run(file: &ConfigFile) -> Ending {
    start_logging();
    // Before there is a second thread.
    let inherited = Inherited::take();
    let config = match file.load_aloud() {
        Ok(config) => config,
        Err(ending) => return ending,
    };
    match serve(config, file.config.clone(), inherited, |_| {}) {
        Ok(()) => Ending::Done,
        Err(error) => fail(error),
    }
}

/// Logs to standard error, at the level of `PORTVAKT_LOG` (default `info`).
pub(super) fn start_logging() {
    let wanted = std::env::var("PORTVAKT_LOG").unwrap_or_else(|_| "info".to_owned());
    // The LDAP library has a line for each message that it can't place: a directory may send millions.
    let quiet = format!("ldap3=off,{wanted}");
    let filter = EnvFilter::try_new(quiet).unwrap_or_else(|_| EnvFilter::new("info,ldap3=off"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Told through eprintln!, which panics where standard error takes nothing: a log file on a
        // full disk would end the threads that speak of the full disk.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .fmt_fields(format::debug_fn(write_field).delimited(" "))
        .try_init();
}

/// Every field goes through here, so nothing that a stranger sends reaches a terminal as it is, or
/// ends a line.
fn write_field(
    writer: &mut format::Writer<'_>,
    field: &Field,
    value: &dyn fmt::Debug,
) -> fmt::Result {
    let mut escaper = Escaper::of_line(writer);
    match field.name() {
        "message" => write!(escaper, "{value:?}"),
        // Of the crate `log`; the line has them already.
        name if name.starts_with("log.") => Ok(()),
        name => write!(escaper, "{name}={value:?}"),
    }
}

/// Runs the server until SIGTERM or SIGINT; `greet` is called once it serves. At SIGUSR2 the program
/// executes itself anew, and goes on with sockets and proven passwords.
///
/// # Errors
/// It can't start.
pub(super) fn serve(
    config: Config,
    path: PathBuf,
    inherited: Inherited,
    greet: impl FnOnce(&Server),
) -> Result<(), StartError> {
    if let Some(warning) = crate::process::make_room_for_descriptors() {
        tracing::warn!("{warning}");
    }
    // As it was named at the start: by then another may be in its place.
    let program = std::env::current_exe().map_err(StartError::Execute)?;
    // Before anything can be asked to end: a signal in between must not be lost.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGXFSZ]);
    let mut signals = signals.map_err(StartError::Signals)?;
    let mut server = Server::take_over(config, path.clone(), inherited)?;
    announce(&server);
    greet(&server);
    let mut takes_over = false;
    for signal in signals.forever() {
        match signal {
            SIGHUP => reload(&mut server),
            // A file has met `ulimit -f`. The write failed as on a full disk, and is met as that;
            // unhandled, the signal would end the process.
            SIGXFSZ => {}
            SIGUSR2 if !is_sound(&program, &path) => {}
            SIGUSR2 => {
                takes_over = true;
                break;
            }
            _ => break,
        }
    }
    tracing::info!("stopping: no new requests, what is under way gets its answer");
    let handover = server.stop();
    tracing::info!("stopped");
    match takes_over {
        true => Err(StartError::Execute(handover.execute(&program))),
        false => Ok(()),
    }
}

/// Whether the program can be executed anew under the configuration as it is now; what is wrong is
/// said.
fn is_sound(program: &Path, config: &Path) -> bool {
    if let Err(error) = std::fs::File::open(program) {
        let program = program.display();
        tracing::error!(%error, %program, "no restart: the program is not there, this process goes on");
        return false;
    }
    match Config::load_file(config, Timestamp::now()) {
        Ok(_) => true,
        Err(problems) => {
            complain(&problems);
            tracing::error!("no restart: the configuration has mistakes, this process goes on");
            false
        }
    }
}

fn announce(server: &Server) {
    for Listen { address, purpose } in server.addresses() {
        let purpose = match purpose {
            Purpose::Authentication => "authentication",
            Purpose::Accounting => "accounting",
        };
        say(format_args!(
            "listening on {address} (RADIUS {purpose}, UDP)"
        ));
    }
    if let Some(address) = server.metrics_address() {
        say(format_args!(
            "metrics on http://{address}/metrics, health on http://{address}/health"
        ));
    }
}

fn reload(server: &mut Server) {
    match server.reload() {
        Ok((waiting, warnings)) => {
            for warning in warnings {
                complain(&warning);
            }
            tracing::info!("the new configuration is in place");
            if !waiting.is_empty() {
                tracing::warn!("these take effect after a restart: {}", waiting.join(", "));
            }
        }
        Err(error) => {
            if let ReloadError::Config(problems) = &error {
                complain(problems);
            }
            tracing::error!("the new configuration is refused, the old one goes on: {error}");
        }
    }
}
