//! ocserv, asked by openconnect. It sends no Message-Authenticator.

use super::{RADCLI, answers_everybody, start_in, vpn};
use crate::common::{Daemon, Namespace, Program, SECRET, run_with, text};

const URL: &str = "https://127.0.0.1:4443";

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
                "authserver {address}\nacctserver 127.0.0.1:1813\nservers {folder}/servers\n\
                 nas-identifier vpn.campus.example\nbindaddr *\n{RADCLI}",
                address = daemon.address()
            ),
        );
        let configuration = daemon.write(
            "ocserv.conf",
            &format!(
                "auth = \"radius[config={folder}/radcli.conf,groupconfig=true]\"\n\
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
        let authority = self.daemon.path("ca.pem");
        let mut command = self.own.command("openconnect");
        command
            .args(["--authenticate", "--non-inter", "--passwd-on-stdin"])
            .args(["--resolve", "vpn.campus.example:127.0.0.1"])
            .args(["--user", user, "--cafile"])
            .arg(authority)
            .arg(URL.replace("127.0.0.1", "vpn.campus.example"));
        text(&run_with(&mut command, &format!("{password}\n")))
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
