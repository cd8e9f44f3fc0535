//! Assembly of the daemon: start, reload, housekeeping, and an orderly stop.
//!
//! Start: data folder, accounts, locks, policy, then sockets: nothing is answered before what was
//! counted earlier is known. Stop: sockets first, then what is being worked on, then the disk.

mod certificate_reload;
mod database_watch;
mod housekeeping;
mod registry_follower;
mod reset_sender;
mod restart_required;

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use crate::access::{Access, AccessError};
use crate::accounting::Judge;
use crate::accounts::Accounts;
use crate::admin::AdminServer;
use crate::audit::{Act, AuditEvent};
use crate::config::{Config, Problems, Warning};
use crate::dispatch::Dispatcher;
use crate::handover::{FdStore, Handover, Inherited};
use crate::policy::PolicyError;
use crate::state::{State, StateError};
use crate::transport::{Listen, ListenError, Listeners, Options, Purpose};
use crate::web::WebServer;
use certificate_reload::{CertificateReloader, RunningConfig};
use database_watch::DatabaseWatch;
use housekeeping::Housekeeper;
use registry_follower::RegistryFollower;
use reset_sender::ResetSender;
use restart_required::restart_required;

/// Why the server can't start. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The workers of log-ons.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A listening address.
    #[error("{0}; is another server running, or is `listen` wrong?")]
    Listen(#[from] ListenError),
    /// The metrics address.
    #[error(
        "can't serve metrics on {0}: {1}; is another server running, or is `metrics.address` wrong?"
    )]
    MetricsAddress(SocketAddr, std::io::Error),
    /// The control socket.
    #[error("can't make the control socket {0}: {1}")]
    Control(PathBuf, std::io::Error),
    /// The signals that end it could not be waited for.
    #[error("can't listen for signals: {0}")]
    Signals(std::io::Error),
    /// No descriptors left.
    #[error("can't have another handle of a socket: {0}; see LimitNOFILE")]
    Descriptors(std::io::Error),
    /// The program could not be executed anew.
    #[error("can't execute the program anew: {0}")]
    Execute(std::io::Error),
    /// No threads left.
    #[error("can't start a thread: {0}")]
    Thread(std::io::Error),
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The new configuration has mistakes; they are told apart from this.
    #[error("mistakes in it: {}", .0.problems.len())]
    Config(#[from] Problems),
    /// It can't be put to work.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

fn or_cores(threads: u16) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads.into(),
    }
}

/// The addresses of authentication, then those of accounting.
fn listens(config: &Config) -> Vec<Listen> {
    let of = |addresses: &[SocketAddr], purpose| {
        let addresses = addresses.iter();
        let listens = addresses.map(|&address| Listen { address, purpose });
        listens.collect::<Vec<_>>()
    };
    let mut all = of(&config.listen, Purpose::Authentication);
    all.extend(of(&config.accounting.listen, Purpose::Accounting));
    all
}

fn days(days: u16) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 60 * 60)
}

/// A running server.
pub struct Server {
    access: Arc<Access>,
    /// As it was at the start.
    started: Config,
    running: RunningConfig,
    path: PathBuf,
    listeners: Listeners,
    /// Other handles of the listeners' sockets.
    sockets: Vec<(Purpose, UdpSocket)>,
    fd_store: Option<FdStore>,
    admin: AdminServer,
    web: Option<WebServer>,
    stop_tidying: Sender<()>,
    tidying: JoinHandle<()>,
    judge: Judge,
    registry: RegistryFollower,
    reset_sender: ResetSender,
}

impl Server {
    /// Starts everything that `config`, read from `path`, describes.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then.
    pub fn start(config: Config, path: PathBuf) -> Result<Self, StartError> {
        Self::take_over(config, path, Inherited::default())
    }

    /// As [`Self::start`], with what the process before has left.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn take_over(
        config: Config,
        path: PathBuf,
        inherited: Inherited,
    ) -> Result<Self, StartError> {
        let Inherited { sockets, proofs } = inherited;
        let state = State::open_with(&config, proofs)?;
        let access = Access::start(Arc::clone(&state), &config)?;
        let options = Options {
            sockets_per_address: or_cores(config.radius.workers),
            receive_buffer: usize::try_from(config.radius.receive_buffer).unwrap_or(usize::MAX),
            duplicate_lifetime: config.radius.duplicate_lifetime,
        };
        let web = config
            .metrics
            .map(|address| {
                let metrics = Arc::clone(&state.metrics);
                WebServer::start(address, metrics, Arc::clone(&access) as _)
                    .map_err(|error| StartError::MetricsAddress(address, error))
            })
            .transpose()?;
        let accounts = Accounts::new(Arc::clone(&state));
        let admin = AdminServer::start(&config.control, accounts.clone())
            .map_err(|error| StartError::Control(config.control.clone(), error))?;
        let handler = Arc::new(Dispatcher(Arc::clone(&access)));
        let listeners = Listeners::take_over(&listens(&config), sockets, options, &handler)?;
        let sockets = listeners.handles().map_err(StartError::Descriptors)?;
        let fd_store = FdStore::of_service_manager();
        if let Some(fd_store) = &fd_store {
            fd_store.keep_sockets(&sockets);
        }
        let (stop_tidying, stopped) = channel();
        let (keep_attempts, keep_sessions) = (
            days(config.audit.keep_days),
            days(config.accounting.keep_days),
        );
        let running = RunningConfig::new(config.clone());
        let housekeeper = Housekeeper {
            certificates: CertificateReloader::new(state, running.clone()),
            database: DatabaseWatch::default(),
            access: Arc::clone(&access),
            sweep_duplicates: Box::new(listeners.sweeper()),
            keep_attempts,
            keep_sessions,
            since: Timestamp::now(),
        };
        let reset_sender =
            ResetSender::start(&access.state, accounts).map_err(StartError::Thread)?;
        let judge = Judge::start(Arc::clone(&access.state)).map_err(StartError::Thread)?;
        let registry = RegistryFollower::start(Arc::clone(&access.state));
        let registry = registry.map_err(StartError::Thread)?;
        let tidying = std::thread::Builder::new()
            .name("housekeeping".to_owned())
            .spawn(move || housekeeper.run(&stopped))
            .map_err(StartError::Thread)?;
        Ok(Self {
            access,
            started: config,
            running,
            path,
            listeners,
            sockets,
            fd_store,
            admin,
            web,
            stop_tidying,
            tidying,
            judge,
            registry,
            reset_sender,
        })
    }

    /// The addresses that RADIUS is served on, those for authentication first.
    #[must_use]
    pub fn addresses(&self) -> &[Listen] {
        self.listeners.addresses()
    }

    /// The address that metrics are served on.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.web.as_ref().map(WebServer::address)
    }

    /// The workers of log-ons, and the shared state.
    #[must_use]
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Reads the configuration again and puts clients, certificate, rules and services in place.
    /// Conversations under way go on, as far as their methods are still offered. Returns the keys that
    /// take effect after a restart: those that differ from the configuration of the start.
    ///
    /// # Errors
    /// [`ReloadError`]; then everything stays as it was.
    pub fn reload(&mut self) -> Result<(Vec<&'static str>, Vec<Warning>), ReloadError> {
        let outcome = self.replace_policy();
        let result = match &outcome {
            Ok(_) => "done".to_owned(),
            Err(error) => format!("refused: {error}"),
        };
        self.access.state.audit.record(&AuditEvent::Act(Act {
            time: self.access.state.clock.now().utc,
            who: "SIGHUP",
            what: "reload",
            account: None,
            why: None,
            result: &result,
        }));
        outcome
    }

    fn replace_policy(&mut self) -> Result<(Vec<&'static str>, Vec<Warning>), ReloadError> {
        let mut running = self.running.lock();
        let (config, warnings) = Config::load_file(&self.path, Timestamp::now())?;
        self.access.state.apply(&config)?;
        if self.access.state.reopen_audit(&config).is_err() {
            tracing::warn!("the audit log is behind; it goes on in the old file");
        }
        let waits_for_restart = restart_required(&self.started, &config);
        *running = config;
        Ok((waits_for_restart, warnings))
    }

    /// Stops in order: no new requests, what is under way gets its answer, the disk has it all. Returns
    /// what the next process can use; the service manager gets it, if there is one.
    pub fn stop(mut self) -> Handover {
        self.listeners.stop_receiving();
        drop(self.admin);
        drop(self.web);
        let _ = self.stop_tidying.send(());
        if self.tidying.join().is_err() {
            tracing::error!("the housekeeping thread had panicked");
        }
        self.judge.stop();
        self.registry.stop();
        self.reset_sender.stop();
        // The hash pool and the store's writer hand out the last answers: sockets close after them.
        self.access.close();
        self.access.state.close();
        self.listeners.close();
        let proofs = self.access.state.proof_image();
        if let Some(fd_store) = &self.fd_store {
            fd_store.keep_proofs(&proofs);
        }
        Handover {
            sockets: self.sockets,
            proofs,
        }
    }
}
