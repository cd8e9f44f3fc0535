//! `portvakt demo`: a folder with everything in it, and the server running there.

mod folder;
mod profile;

use std::path::{Path, PathBuf};

use clap::Args;

use super::serve::{self, serve};
use super::{ConfigFile, Ending, fail, phrases, say};
use crate::accounts::{Accounts, Actor, Channel, ImportRequest, Role};
use crate::config::Config;
use crate::handover::Inherited;
use crate::server::{Server, StartError};
use crate::state::State;

use folder::{PEOPLE, SECRET, TEAP_PROFILE, USUAL_PORT};
use profile::METHODS;

/// The people of the demo.
const LDIF: &str = include_str!("../../config/demo.ldif");

/// Make a folder to try everything with, and run the server in it
#[derive(Args)]
pub(super) struct Demo {
    /// The folder; made if it is not there, gone on with if it is
    #[arg(long, value_name = "FOLDER", default_value = "./portvakt-demo")]
    dir: PathBuf,
    /// The UDP port; 0 picks a free one at each start [default: 1812, or what the folder's
    /// configuration says]
    #[arg(long)]
    port: Option<u16>,
}

pub(super) fn run(demo: &Demo) -> Ending {
    serve::start_logging();
    let made = match folder::prepare(&demo.dir, demo.port.unwrap_or(USUAL_PORT)) {
        Ok(made) => made,
        Err(error) => return fail(error),
    };
    let path = demo.dir.join("portvakt.toml");
    let file = ConfigFile {
        config: path.clone(),
    };
    let mut config = match file.load_aloud() {
        Ok(config) => config,
        Err(ending) => return ending,
    };
    if let Some(port) = demo.port {
        move_to(&mut config, port);
    }
    if let Err(why) = fill(&config) {
        return fail(why);
    }
    let dir = demo.dir.clone();
    match serve(config, path, Inherited::default(), move |server| {
        greet(server, &dir, made)
    }) {
        Ok(()) => Ending::Done,
        Err(StartError::Listen(error)) => fail(format_args!(
            "{error}; is another server running? Choose another port with --port"
        )),
        Err(error) => fail(error),
    }
}

/// The folder may be from a start with another port, which was taken.
fn move_to(config: &mut Config, port: u16) {
    for address in &mut config.listen {
        address.set_port(port);
    }
    for address in &mut config.accounting.listen {
        address.set_port(folder::accounting_port(port));
    }
    if let Some(address) = config.metrics.as_mut().filter(|_| port != USUAL_PORT) {
        address.set_port(0);
    }
}

/// Imports the people of the demo, unless there are accounts already.
fn fill(config: &Config) -> Result<(), String> {
    let state = State::open(config).map_err(|error| error.to_string())?;
    let mut lists = state.directories.iter().map(|open| open.directory.list());
    let empty = lists.all(|list| list.is_none_or(|accounts| accounts.is_empty()));
    let mut outcome = Ok(());
    if empty {
        let request = ImportRequest {
            octets: LDIF.len() as u64,
            file: "demo.ldif".to_owned(),
            keep_going: false,
            hash_cleartext: true,
        };
        let actor = Actor {
            who: "demo".to_owned(),
            role: Role::Administrator,
            channel: Channel::Offline,
        };
        let accounts = Accounts::new(state.clone());
        let imported = accounts.import(&actor, &request, &mut LDIF.as_bytes(), &mut |_| {});
        outcome = imported.map(drop).map_err(|error| phrases::error(&error));
    }
    state.close();
    outcome
}

fn greet(server: &Server, dir: &Path, made: bool) {
    // As this very program was called: it may not be installed.
    let program = std::env::args_os()
        .next()
        .unwrap_or_else(|| "portvakt".into());
    let program = program.display();
    let Some(address) = server.addresses().first() else {
        return;
    };
    let (host, port) = (address.address.ip(), address.address.port());
    let shown = dir.display();
    say("");
    say(match made {
        true => {
            format!("Everything is in {shown}: configuration, certificates, accounts, audit log.")
        }
        false => format!("Going on with what is in {shown}."),
    });
    say("Who can log on, and who can't:");
    for person in PEOPLE {
        say(format_args!(
            "  {:<8} {:<24} {}",
            person.name, person.password, person.state
        ));
    }
    say("Try, in another terminal:");
    say("  # a VPN's way, a bare password (Debian: apt install freeradius-utils)");
    say(format_args!(
        "  echo 'User-Name = anna, User-Password = correct-horse-battery, \
         Message-Authenticator = 0x00' | radclient -x {host}:{port} auth {SECRET}"
    ));
    say("  # a device on Wi-Fi, EAP-TTLS or PEAP (Debian: apt install eapoltest)");
    for profile in ["anna", "ola", "peap-mschapv2-tls1.3", "astrid-peap"] {
        say(format_args!(
            "  eapol_test -c {shown}/eapol_test/{profile}.conf -a {host} -p {port} -s {SECRET}"
        ));
    }
    let methods: Vec<_> = METHODS.iter().map(|method| method.name).collect();
    say(
        "  # any other method: each has two profiles, METHOD-tls1.2.conf and METHOD-tls1.3.conf, and",
    );
    say("  # each of them logs in as it stands");
    say(format_args!("  methods: {}", methods.join(" ")));
    say(format_args!(
        "  # TEAP is offered too: Debian's eapol_test does not speak it. For a wpa_supplicant that does:"
    ));
    say(format_args!("  {shown}/{TEAP_PROFILE}"));
    say("  # why somebody can't come in, and what to do");
    say(format_args!(
        "  {program} explain ola --config {shown}/portvakt.toml"
    ));
    say("Ctrl-C stops the server; the same command starts it again with what was there.");
}
