//! check_radius of the monitoring plugins. It sends no Message-Authenticator.

use std::process::Command;

use super::{RADCLI, answers_everybody, vpn};
use crate::common::{Daemon, SECRET, run_with, text};

const PROGRAM: &str = "/usr/lib/nagios/plugins/check_radius";

fn ask(daemon: &Daemon, user: &str, password: &str) -> String {
    let address = daemon.address();
    let configuration = format!(
        "authserver {address}:{SECRET}\nacctserver {address}:{SECRET}\n{RADCLI}mapfile /dev/null\n\
         seqfile {}\nlogin_tries 1\nlogin_timeout 60\nnologin /etc/nologin\n",
        daemon.path("radcli.seq").display()
    );
    let configuration = daemon.write("radcli.conf", &configuration);
    let mut command = Command::new(PROGRAM);
    command
        .args(["-H", "127.0.0.1", "-P", &address.port().to_string()])
        .args(["-u", user, "-p", password, "-t", "60", "-F"])
        .arg(configuration);
    text(&run_with(&mut command, ""))
}

/// The plugin calls a refusal "Unexpected result code 2" and ends with 3, UNKNOWN.
#[test]
fn peer_check_radius_gets_every_answer() {
    let daemon = vpn("methods = [\"pap\"]\nlegacy-message-authenticator-optional = true").start();
    answers_everybody(&daemon, |user, password| {
        let said = ask(&daemon, user, password);
        let accepted = said.contains("Auth OK");
        assert!(accepted || said.contains("result code 2"), "{said}");
        accepted
    });
}
