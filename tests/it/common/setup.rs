//! A folder with all that a server needs: configuration, certificates, people.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use command_fds::{CommandFdExt as _, FdMapping};
use portvakt::embedded::Embedded;
use portvakt_auth::{Account, AccountId, ChapSecret};
use portvakt_directory::Directory as _;
use portvakt_store::{DataFolder, SqliteStore};
use portvakt_testkit::supplicant::{Authority, ServerIdentity};
use tempfile::TempDir;

use super::{Daemon, text};

/// The shared secret of the client `test`.
pub const SECRET: &str = "a-secret-between-tests";
/// The people of the demo, whom every server has unless told otherwise.
pub const DEMO_PEOPLE: &str = include_str!("../../../config/demo.ldif");

/// The files a server is started with. Refusals leave at once, and hashes are cheap.
pub struct Setup {
    folder: TempDir,
    authority: Authority,
    keys: BTreeMap<(String, String), String>,
    clients: Vec<String>,
    more: String,
    people: Option<String>,
    environment: Vec<(String, String)>,
    descriptors: Vec<(String, OwnedFd)>,
    server: Vec<OsString>,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// The demo's people, and one client: all of 127.0.0.0/8, by EAP and by PAP.
    pub fn new() -> Self {
        let setup = Self {
            folder: TempDir::with_prefix("portvakt").unwrap(),
            authority: Authority::new("Test"),
            keys: BTreeMap::new(),
            clients: Vec::new(),
            more: String::new(),
            people: Some(DEMO_PEOPLE.to_owned()),
            environment: Vec::new(),
            descriptors: Vec::new(),
            server: vec![env!("CARGO_BIN_EXE_portvakt").into()],
        };
        setup.write_certificates(&setup.authority.issue_server());
        setup
            .set("", "data", "\"data\"")
            .set("", "realms", "[\"campus.example\"]")
            .set("radius", "reject-delay", "\"0s\"")
            .set("radius", "workers", "2")
            .set("eap", "certificate", "\"radius.pem\"")
            .set("eap", "key", "\"radius.key\"")
            .set("passwords", "argon2-memory", "\"7MiB\"")
            .set("passwords", "argon2-iterations", "1")
            // Nobody is shed because the machine is slow.
            .set("passwords", "hash-deadline", "\"10s\"")
            .set("metrics", "address", "\"127.0.0.1:0\"")
            .client("test", "127.0.0.0/8", "methods = [\"eap\", \"pap\"]")
    }

    /// Sets a key of a table (`""` is the top) to a TOML value, strings with their quotes.
    #[must_use]
    pub fn set(mut self, table: &str, key: &str, value: &str) -> Self {
        self.change(table, key, value);
        self
    }

    /// As [`set`](Self::set), on a setup that a server runs with: call `write_config` after it.
    pub fn change(&mut self, table: &str, key: &str, value: &str) {
        let name = (table.to_owned(), key.to_owned());
        self.keys.insert(name, value.to_owned());
    }

    /// Takes a key away: call `write_config` after it.
    pub fn unset(&mut self, table: &str, key: &str) {
        self.keys.remove(&(table.to_owned(), key.to_owned()));
    }

    /// Adds a client with [`SECRET`]; `more` is further lines of its table.
    #[must_use]
    pub fn client(mut self, name: &str, net: &str, more: &str) -> Self {
        self.add_client(name, net, more);
        self
    }

    /// As [`client`](Self::client), on a setup that a server runs with.
    pub fn add_client(&mut self, name: &str, net: &str, more: &str) {
        self.clients.push(format!(
            "[[client]]\nname = \"{name}\"\nnet = \"{net}\"\nsecret = \"{SECRET}\"\n{more}\n"
        ));
    }

    /// Leaves out the clients so far.
    #[must_use]
    pub fn without_clients(mut self) -> Self {
        self.clients.clear();
        self
    }

    /// Appends TOML as it is.
    #[must_use]
    pub fn more(mut self, toml: &str) -> Self {
        self.more.push_str(toml);
        self
    }

    /// Imports these people instead of the demo's; `""` is nobody.
    #[must_use]
    pub fn people(mut self, ldif: &str) -> Self {
        self.people = (!ldif.is_empty()).then(|| ldif.to_owned());
        self
    }

    /// Has the server run by another program, under a tool: its command line up to `serve`.
    #[must_use]
    pub fn server(mut self, words: Vec<OsString>) -> Self {
        self.server = words;
        self
    }

    /// Sets a variable of the server's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Passes descriptors on to the server at its next starts, as a service manager does.
    pub fn pass(&mut self, descriptors: Vec<(String, OwnedFd)>) {
        self.descriptors = descriptors;
    }

    /// The command that runs the server, up to `serve`.
    pub fn server_command(&self) -> Command {
        let mut command = Command::new(&self.server[0]);
        command.args(&self.server[1..]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if !self.descriptors.is_empty() {
            let names: Vec<_> = self.descriptors.iter().map(|(name, _)| &**name).collect();
            command.env("LISTEN_FDS", names.len().to_string());
            command.env("LISTEN_FDNAMES", names.join(":"));
            let numbered = self.descriptors.iter().zip(3..);
            let mappings = numbered.map(|((_, descriptor), child_fd)| FdMapping {
                parent_fd: descriptor.try_clone().unwrap(),
                child_fd,
            });
            command.fd_mappings(mappings.collect()).unwrap();
        }
        command
    }

    /// The folder that all is in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("portvakt.toml")
    }

    /// The authority of the server's certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Puts another certificate and key in place; `ca.pem` stays.
    pub fn write_certificates(&self, identity: &ServerIdentity) {
        self.write("ca.pem", &self.authority.certificate_pem());
        self.write("radius.pem", &identity.chain_pem);
        let key = self.write("radius.key", &identity.key_pem);
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Writes the configuration file.
    pub fn write_config(&self) {
        self.write("portvakt.toml", &self.config_text());
    }

    /// The configuration as TOML.
    pub fn config_text(&self) -> String {
        let mut text = String::new();
        let mut current = "";
        for ((table, key), value) in &self.keys {
            if table != current {
                writeln!(text, "\n[{table}]").unwrap();
                current = table;
            }
            writeln!(text, "{key} = {value}").unwrap();
        }
        format!(
            "{text}\n[[listen]]\naddress = \"127.0.0.1:0\"\n\n{}\n{}",
            self.clients.join("\n"),
            self.more
        )
    }

    /// Runs `portvakt` with these words and `--config` on this folder.
    pub fn cli(&self, words: &[&str]) -> Output {
        self.cli_with(words, "")
    }

    /// As [`cli`](Self::cli), with something to read on standard input.
    pub fn cli_with(&self, words: &[&str], input: &str) -> Output {
        // The program itself comes last of what runs the server.
        let mut command = Command::new(self.server.last().unwrap());
        command.args(words).arg("--config").arg(self.config());
        run_with(&mut command, input)
    }

    /// Writes configuration and people, without a server.
    pub fn prepare(&mut self) {
        self.write_config();
        let Some(people) = self.people.take() else {
            return;
        };
        let ldif = self.write("people.ldif", &people);
        let words = [
            "account",
            "import",
            "--hash-cleartext",
            ldif.to_str().unwrap(),
        ];
        let imported = self.cli(&words);
        assert!(imported.status.success(), "{}", text(&imported));
    }

    /// Prepares all, and gives an account a CHAP secret.
    pub fn give_chap_secret(&mut self, user: &str, secret: &str) {
        self.prepare();
        let folder = DataFolder::take(&self.path("data")).unwrap();
        let store = Arc::new(SqliteStore::open(folder, None).unwrap());
        let directory = Embedded::open(store).unwrap();
        let secret = ChapSecret::new(secret.as_bytes()).unwrap();
        let writer = directory.writer().unwrap();
        let id = AccountId::new(user).unwrap();
        let change = |account: &mut Account| account.set_legacy_chap_secret(Some(secret));
        writer.update(&id, change).unwrap();
    }

    /// Prepares all and starts the server.
    pub fn start(mut self) -> Daemon {
        self.prepare();
        Daemon::start(self)
    }
}

/// Runs a program to its end, with something to read on standard input.
pub fn run_with(command: &mut Command, input: &str) -> Output {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
    // A program that does not read its input is free not to.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
