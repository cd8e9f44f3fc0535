//! `portvakt demo`, as a newcomer meets it: what it prints works when it is typed in.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use crate::common::{eventually, text};
use crate::nas::{EapSession, Nas};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portvakt_testkit::supplicant::{
    Authority, Inner, Outer, Profile, Supplicant, TeapDevice, User,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// The last line of the greeting begins so.
const LAST_LINE: &str = "Ctrl-C stops the server";
const PROGRAM: &str = env!("CARGO_BIN_EXE_portvakt");

/// A running demo and what it printed.
struct Demo {
    child: Child,
    greeting: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let child = command(folder, 0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut demo = Self {
            child,
            greeting: String::new(),
        };
        demo.read_greeting();
        demo
    }

    fn read_greeting(&mut self) {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        for line in lines.by_ref().map_while(Result::ok) {
            self.greeting.push_str(&line);
            self.greeting.push('\n');
            if line.starts_with(LAST_LINE) {
                std::thread::spawn(move || lines.for_each(drop));
                return;
            }
        }
        let mut errors = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        panic!("no demo: {}{errors}", self.greeting);
    }

    /// The printed commands that begin with, or pipe into, this program.
    fn commands(&self, program: &str) -> Vec<&str> {
        let lines = self.greeting.lines().map(str::trim);
        let is_meant = |line: &&str| {
            let piped = line.split("| ").last().unwrap_or_default();
            piped.starts_with(&format!("{program} "))
        };
        lines.filter(is_meant).collect()
    }

    /// Its RADIUS address.
    fn address(&self) -> SocketAddr {
        let words = "listening on ";
        let listening = self.greeting.split_once(words).expect(words).1;
        let end = listening.find(|sign: char| sign != ':' && sign != '.' && !sign.is_ascii_digit());
        listening[..end.unwrap()].parse().unwrap()
    }

    /// SIGINT, as Ctrl-C sends it.
    fn interrupt(mut self) -> ExitStatus {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGINT).unwrap();
        eventually(|| self.child.try_wait().unwrap()).expect("the demo ends")
    }
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("demo").arg("--dir").arg(folder);
    command.args(["--port", &port.to_string()]);
    command.stdin(Stdio::null());
    command
}

/// Types a line into a shell, as it was printed.
fn shell(line: &str) -> Output {
    Command::new("sh").args(["-c", line]).output().unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::TempDir::with_prefix("portvakt").unwrap()
}

/// The one sentence of a demo that can't start.
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut lines = said.lines().filter(|line| line.starts_with("portvakt: "));
    let sentence = lines
        .next()
        .unwrap_or_else(|| panic!("no sentence: {said}"));
    assert_eq!(lines.next(), None, "{said}");
    sentence.to_owned()
}

#[test]
fn greeting_says_what_listens_and_who_can_log_on() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    for words in [
        "listening on 127.0.0.1:",
        "metrics on http://127.0.0.1:",
        "anna     correct-horse-battery",
        "ola      forgot-to-pay-again",
        "fee unpaid: refused",
        "radclient -x 127.0.0.1:",
        "eapol_test -c ",
    ] {
        assert!(demo.greeting.contains(words), "{words}:\n{}", demo.greeting);
    }
    assert!(demo.interrupt().success());
}

#[test]
fn printed_explain_command_works() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    let commands = demo.commands(PROGRAM);
    assert_eq!(commands.len(), 1, "{}", demo.greeting);
    let explained = shell(commands[0]);
    assert!(explained.status.success(), "{}", text(&explained));
    assert!(
        text(&explained).contains("not-active"),
        "{}",
        text(&explained)
    );
}

#[test]
fn peer_printed_radclient_command_works() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    let commands = demo.commands("radclient");
    assert_eq!(commands.len(), 1, "{}", demo.greeting);
    let answer = text(&shell(commands[0]));
    assert!(answer.contains("Received Access-Accept"), "{answer}");
}

#[test]
fn peer_printed_eapol_test_commands_work() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    let commands = demo.commands("eapol_test");
    assert_eq!(commands.len(), 4, "{}", demo.greeting);
    for command in commands {
        let said = text(&shell(command));
        if command.contains("/ola.conf") || command.contains("/astrid-peap.conf") {
            assert!(said.trim_end().ends_with("FAILURE"), "{said}");
        } else {
            assert_let_in(&said);
        }
    }
}

fn assert_let_in(said: &str) {
    assert!(said.contains("MPPE keys OK: 1  mismatch: 0"), "{said}");
    assert!(said.trim_end().ends_with("SUCCESS"), "{said}");
}

/// Every profile in the folder is one of a person or one of a printed method.
#[test]
fn peer_profile_of_every_printed_method_logs_in_as_it_stands() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    let methods = demo
        .greeting
        .lines()
        .find_map(|line| line.trim().strip_prefix("methods: "));
    let methods: Vec<_> = methods.expect("the list of methods").split(' ').collect();
    for name in [
        "ttls-pap",
        "ttls-eap-md5",
        "ttls-eap-tls",
        "peap-eap-tls",
        "tls",
    ] {
        assert!(methods.contains(&name), "{name}: {methods:?}");
    }
    let command = demo.commands("eapol_test")[0];
    for method in &methods {
        for version in ["1.2", "1.3"] {
            let profile = format!("/{method}-tls{version}.conf");
            let said = text(&shell(&command.replace("/anna.conf", &profile)));
            assert_let_in(&said);
            let spoken = format!("SSL: Using TLS version TLSv{version}");
            assert!(said.contains(&spoken), "{profile}: {said}");
        }
    }
    let files = std::fs::read_dir(folder.path().join("eapol_test")).unwrap();
    let files = files.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_str().unwrap().contains("-tls1.")
    });
    assert_eq!(files.count(), 2 * methods.len());
}

/// The greeting names a profile of TEAP, and why it is not among the others. A supplicant of our own
/// logs on with what stands in it.
#[test]
fn profile_of_teap_holds_what_logs_in() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    assert!(demo.greeting.contains("Debian's eapol_test does not speak"));
    let mut lines = demo.greeting.lines().map(str::trim);
    let path = lines.find(|line| line.ends_with("teap.conf")).unwrap();
    let written = std::fs::read_to_string(path).unwrap();
    let value = |key: &str| {
        let line = written.split_once(&format!(" {key}=\"")).expect(key).1;
        line.split('"').next().unwrap().to_owned()
    };
    assert!(written.contains("eap=TEAP"), "{written}");
    let user = User {
        identity: value("identity"),
        password: value("password"),
    };
    let inner = Inner::Teap(TeapDevice::new(user));
    let device = Profile {
        trusted: CertificateDer::from_pem_file(value("ca_cert")).unwrap(),
        server_name: value("domain_suffix_match"),
        ..Profile::new(&Authority::new("Unused"), Outer::Teap, inner)
    };
    let nas = Nas::new(demo.address(), "portvakt-demo-secret");
    let anonymous = value("anonymous_identity");
    let mut session = EapSession::new(&nas, Supplicant::new(device), &anonymous);
    assert!(session.finish().is_accept());
}

/// Once Debian's does, the profile belongs among those that it logs in with.
#[test]
fn peer_debians_eapol_test_does_not_speak_teap_yet() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    let command = demo.commands("eapol_test")[0];
    let said = text(&shell(
        &command.replace("eapol_test/anna.conf", "wpa_supplicant/teap.conf"),
    ));
    assert!(said.contains("unknown EAP method 'TEAP'"), "{said}");
    assert!(!said.trim_end().ends_with("SUCCESS"), "{said}");
}

/// People are let in or not as the greeting says.
#[test]
fn peer_profile_of_every_printed_person_does_what_the_greeting_says() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    let command = demo.commands("eapol_test")[0];
    let lines = demo.greeting.lines().map(str::trim);
    let people = lines.filter(|line| line.ends_with("refused") || line.contains("gets in"));
    let mut seen = 0;
    for person in people {
        let name = person.split(' ').next().unwrap();
        let said = text(&shell(
            &command.replace("/anna.conf", &format!("/{name}.conf")),
        ));
        match person.ends_with("refused") {
            true => assert!(said.trim_end().ends_with("FAILURE"), "{said}"),
            false => assert_let_in(&said),
        }
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn peer_account_without_nt_hash_is_explained() {
    let folder = folder();
    let demo = Demo::start(folder.path());
    let commands = demo.commands("eapol_test");
    let refused = commands
        .iter()
        .find(|command| command.contains("/astrid-peap.conf"));
    assert!(
        text(&shell(refused.unwrap()))
            .trim_end()
            .ends_with("FAILURE")
    );
    let explain = demo.commands(PROGRAM)[0].replace("explain ola", "explain astrid");
    let told = || {
        let said = text(&shell(&explain));
        said.contains("has no NT hash").then_some(said)
    };
    let said = eventually(told).expect("the sentence");
    assert!(
        said.contains("import it with its sambaNTPassword"),
        "{said}"
    );
}

#[test]
fn peer_second_start_goes_on_with_the_same_data() {
    let folder = folder();
    let first = Demo::start(folder.path());
    let config = folder.path().join("portvakt.toml");
    let mut set = Command::new(PROGRAM);
    set.args(["account", "set-password", "anna", "--config"]);
    let set = crate::common::run_with(set.arg(&config), "chosen-in-between\n");
    assert!(set.status.success(), "{}", text(&set));
    let ca = std::fs::read(folder.path().join("tls/ca.pem")).unwrap();
    assert!(first.interrupt().success());

    let second = Demo::start(folder.path());
    assert!(
        second.greeting.contains("Going on with what is in"),
        "{}",
        second.greeting
    );
    assert_eq!(std::fs::read(folder.path().join("tls/ca.pem")).unwrap(), ca);
    let printed = second.commands("radclient")[0];
    let old = text(&shell(printed));
    assert!(old.contains("Received Access-Reject"), "{old}");
    let new = text(&shell(
        &printed.replace("correct-horse-battery", "chosen-in-between"),
    ));
    assert!(new.contains("Received Access-Accept"), "{new}");
}

#[test]
fn secrets_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let _demo = Demo::start(folder.path());
    for file in [
        "portvakt.toml",
        "tls/radius.key",
        "tls/anna.key",
        "eapol_test/anna.conf",
        "wpa_supplicant/teap.conf",
        "data/portvakt.db",
        "data/sealing.key",
    ] {
        let mode = std::fs::metadata(folder.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{file} is {mode:o}");
    }
}

#[test]
fn taken_port_is_one_sentence() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = folder();
    let complaint = complaint(&command(folder.path(), port).output().unwrap());
    assert!(
        complaint.contains(&format!("127.0.0.1:{port}")),
        "{complaint}"
    );
    assert!(complaint.contains("--port"), "{complaint}");
    // What it advises works, in the folder that the first try left behind.
    assert!(Demo::start(folder.path()).interrupt().success());
}

#[test]
fn second_demo_in_the_same_folder_is_one_sentence() {
    let folder = folder();
    let _demo = Demo::start(folder.path());
    let complaint = complaint(&command(folder.path(), 0).output().unwrap());
    assert!(complaint.contains("in use"), "{complaint}");
}

#[test]
fn folder_that_can_not_be_made_is_one_sentence() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = file.path().join("demo");
    let complaint = complaint(&command(&folder, 0).output().unwrap());
    assert!(
        complaint.contains(&folder.display().to_string()),
        "{complaint}"
    );
    assert!(complaint.contains("--dir"), "{complaint}");
}

/// Keys go there: whoever could write there could have them go elsewhere.
#[test]
fn folder_that_others_can_write_and_links_within_are_refused() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = folder();
    let mode = std::fs::Permissions::from_mode;
    std::fs::set_permissions(folder.path(), mode(0o777)).unwrap();
    let output = command(folder.path(), 0).output().unwrap();
    let complaint = complaint(&output);
    assert!(complaint.contains("others can write in"), "{complaint}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());

    std::fs::set_permissions(folder.path(), mode(0o700)).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    std::fs::create_dir(folder.path().join("tls")).unwrap();
    symlink(&target, folder.path().join("tls/radius.key")).unwrap();
    let output = command(folder.path(), 0).output().unwrap();
    let complaint = self::complaint(&output);
    assert!(complaint.contains("radius.key"), "{complaint}");
    assert!(!target.exists());
}

#[test]
fn file_in_place_of_the_folder_is_one_sentence() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let complaint = complaint(&command(file.path(), 0).output().unwrap());
    assert!(complaint.contains("--dir"), "{complaint}");
}
