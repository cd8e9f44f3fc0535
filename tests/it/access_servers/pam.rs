//! libpam-radius-auth, by pamtester. Version 2, of Debian 12, sends no Message-Authenticator.

use std::fs;

use super::{answers_everybody, vpn};
use crate::common::{Namespace, SECRET, run_with, text};

#[test]
fn peer_pam_radius_gets_every_answer() {
    let daemon = vpn("methods = [\"pap\"]\nlegacy-message-authenticator-optional = true").start();
    let server = format!("{} {SECRET} 20\n", daemon.address());
    let server = daemon.write("pam_radius_auth.conf", &server);
    let services = daemon.path("pam.d");
    fs::create_dir(&services).unwrap();
    let stack = format!(
        "auth required pam_radius_auth.so conf={}\naccount required pam_permit.so\n",
        server.display()
    );
    fs::write(services.join("portal"), stack).unwrap();
    // PAM reads /etc/pam.d and nothing else; the network stays that of the server.
    let own = Namespace::with_mounts();
    own.mount(&services, "/etc/pam.d");
    answers_everybody(&daemon, |user, password| {
        let mut command = own.command("pamtester");
        command.args(["portal", user, "authenticate"]);
        let output = run_with(&mut command, &format!("{password}\n"));
        let said = text(&output);
        assert!(
            output.status.success() || said.contains("Authentication failure"),
            "{said}"
        );
        output.status.success()
    });
}
