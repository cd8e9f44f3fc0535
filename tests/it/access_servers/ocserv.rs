//! ocserv, asked by openconnect. It sends no Message-Authenticator.

use std::process::Command;

use super::{KARI, RADCLI, answers_everybody, session, start_in, vpn};
use crate::common::{Daemon, Namespace, Program, SECRET, run_with, text};
use nix::sys::signal::Signal;

const URL: &str = "https://vpn.campus.example:4443";

/// An ocserv in a namespace of its own, beside its RADIUS server.
struct Ocserv {
    program: Program,
    daemon: Daemon,
    own: Namespace,
}

impl Ocserv {
    fn start() -> Self {
        let own = Namespace::new();
        let client = "methods = [\"pap\"]\nlegacy-message-authenticator-optional = true";
        let group = "[service.vpn.reply.employee]\nclass = \"OU=staff\"\n";
        let daemon = start_in(&own, vpn(client).more(group));
        let certificate = daemon.authority().issue_server_called("vpn.campus.example");
        daemon.write("vpn.pem", &certificate.chain_pem);
        daemon.write("vpn.key", &certificate.key_pem);
        daemon.write("servers", &format!("127.0.0.1 {SECRET}\n"));
        let folder = daemon.folder().display().to_string();
        daemon.write(
            "radcli.conf",
            &format!(
                "authserver {address}\nacctserver {accounting}\nservers {folder}/servers\n\
                 nas-identifier vpn.campus.example\nbindaddr *\n{RADCLI}",
                address = daemon.address(),
                accounting = daemon.accounting_address(),
            ),
        );
        let configuration = daemon.write(
            "ocserv.conf",
            &format!(
                "auth = \"radius[config={folder}/radcli.conf,groupconfig=true]\"\n\
                 acct = \"radius[config={folder}/radcli.conf]\"\n\
                 tcp-port = 4443\nrun-as-user = root\nrun-as-group = root\n\
                 socket-file = {folder}/ocserv.sock\npid-file = {folder}/ocserv.pid\n\
                 server-cert = {folder}/vpn.pem\nserver-key = {folder}/vpn.key\n\
                 isolate-workers = false\nmax-ban-score = 0\ndevice = vpns\n\
                 ipv4-network = 10.99.0.0/24\nuse-occtl = false\n"
            ),
        );
        let mut command = own.command("ocserv");
        command
            .args(["--foreground", "--debug", "3", "--config"])
            .arg(configuration);
        let program = Program::start(&mut command, &daemon.path("ocserv.log"));
        program.wait_for_log("initialized ocserv");
        Self {
            own,
            daemon,
            program,
        }
    }

    /// Logs on, without a tunnel; what openconnect said.
    fn log_on(&self, user: &str, password: &str) -> String {
        let mut command = self.client(user);
        command.args(["--authenticate", "--passwd-on-stdin"]);
        text(&run_with(&mut command, &format!("{password}\n")))
    }

    fn client(&self, user: &str) -> Command {
        let authority = self.daemon.path("ca.pem");
        let mut command = self.own.command("openconnect");
        command
            .arg("--non-inter")
            .args(["--resolve", "vpn.campus.example:127.0.0.1"])
            .args(["--user", user, "--cafile"])
            .arg(authority)
            .arg(URL);
        command
    }

    /// Logs on and sets up the tunnel, whose interface stays without an address.
    fn connect(&self, user: &str, password: &str) -> Program {
        let mut command = self.client(user);
        let password = format!("password={password}");
        command.args([
            "--script",
            "true",
            "--form-entry",
            &format!("main:{password}"),
        ]);
        Program::start(&mut command, &self.daemon.path("openconnect.log"))
    }
}

#[test]
fn peer_ocserv_gets_every_answer() {
    let ocserv = Ocserv::start();
    answers_everybody(&ocserv.daemon, |user, password| {
        let said = ocserv.log_on(user, password);
        let accepted = said.contains("COOKIE=");
        if accepted {
            // Class is the group that ocserv looks up `config-per-group` by.
            ocserv.program.wait_for_log("of group: 'staff'");
        }
        // It asks for the password again, and shows the reason where there is one to tell.
        assert!(accepted || said.contains("User input required"), "{said}");
        if user == "ola" {
            assert!(said.contains("the registry has no paid fee"), "{said}");
        }
        accepted
    });
}

#[test]
fn peer_ocserv_tells_of_its_session() {
    let ocserv = Ocserv::start();
    let client = ocserv.connect("kari", KARI);
    client.wait_for_log("Configured as 10.99.0.");
    let begun = session(&ocserv.daemon, "kari", "begin");
    client.signal(Signal::SIGINT);
    let ended = session(&ocserv.daemon, "kari", "end");
    assert_eq!(ended["session_id"], begun["session_id"], "{ended}");
    // Its Start comes before it has given an address.
    let address = ended["addresses"][0].as_str().unwrap();
    assert!(address.starts_with("10.99.0."), "{ended}");
}
