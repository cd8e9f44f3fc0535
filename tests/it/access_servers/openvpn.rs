//! OpenVPN with openvpn-auth-radius. Version 2.1-8, of Debian 12, sends no Message-Authenticator; it
//! refuses people whose accounting nobody answers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{KARI, answers_everybody, session, start_in, vpn};
use crate::common::{Daemon, Namespace, Program, SECRET, eventually};

/// A server with its RADIUS server, and a client, each on a machine of its own.
struct OpenVpn {
    server: Program,
    daemon: Daemon,
    #[expect(dead_code, reason = "the machine that the other two run on")]
    at_server: Namespace,
    at_client: Namespace,
}

impl OpenVpn {
    fn start() -> Self {
        let at_server = Namespace::new();
        let at_client = Namespace::new();
        let (inside, outside) = (("vpn0", "10.77.0.1/24"), ("cl0", "10.77.0.2/24"));
        at_server.connect(inside, &at_client, outside);
        // The plugin takes no port above 32767.
        at_server.run("echo 2000 9000 > /proc/sys/net/ipv4/ip_local_port_range");
        let client = "methods = [\"pap\"]\nlegacy-message-authenticator-optional = true";
        let daemon = start_in(&at_server, vpn(client));
        let certificate = daemon.authority().issue_server_called("vpn.campus.example");
        daemon.write("vpn.pem", &certificate.chain_pem);
        daemon.write("vpn.key", &certificate.key_pem);
        let folder = daemon.folder().display().to_string();
        fs::create_dir(daemon.path("ccd")).unwrap();
        daemon.write("radiusplugin.cnf", &plugin(&daemon));
        let configuration = daemon.write(
            "server.conf",
            &format!(
                "local 10.77.0.1\ndev tun\ntopology subnet\nserver 10.99.0.0 255.255.255.0\n\
                 ca {folder}/ca.pem\ncert {folder}/vpn.pem\nkey {folder}/vpn.key\ndh none\n\
                 verify-client-cert none\nusername-as-common-name\n\
                 client-config-dir {folder}/ccd\nstatus {folder}/status.log 1\nstatus-version 1\n\
                 plugin /usr/lib/openvpn/radiusplugin.so {folder}/radiusplugin.cnf\n"
            ),
        );
        let mut command = at_server.command("openvpn");
        command.arg("--config").arg(configuration);
        let server = Program::start(&mut command, &daemon.path("openvpn.log"));
        server.wait_for_log("Initialization Sequence Completed");
        Self {
            server,
            daemon,
            at_server,
            at_client,
        }
    }

    /// The client, once it knows whether it is let in, and whether it is.
    fn connect(&self, user: &str, password: &str) -> (Program, bool) {
        let secret = self.daemon.write("user", &format!("{user}\n{password}\n"));
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = self.at_client.command("openvpn");
        command
            .args(["--client", "--dev", "tun", "--proto", "udp"])
            .args(["--remote", "10.77.0.1", "--auth-retry", "none", "--ca"])
            .arg(self.daemon.path("ca.pem"))
            .args(["--verify-x509-name", "vpn.campus.example", "name"])
            .arg("--auth-user-pass")
            .arg(&secret);
        let client = Program::start(&mut command, &self.daemon.path("client.log"));
        let verdict = eventually(|| {
            let log = client.log();
            let accepted = log.contains("Initialization Sequence Completed");
            (accepted || log.contains("AUTH_FAILED")).then_some(accepted)
        });
        let accepted = verdict.unwrap_or_else(|| panic!("no verdict:\n{}", client.log()));
        (client, accepted)
    }
}

/// The plugin's configuration.
fn plugin(daemon: &Daemon) -> String {
    format!(
        "NAS-Identifier=vpn.campus.example\nService-Type=5\nFramed-Protocol=1\nNAS-Port-Type=5\n\
         NAS-IP-Address=127.0.0.1\nOpenVPNConfig={}\nsubnet=255.255.255.0\n\
         overwriteccfiles=true\nserver\n{{\n\tacctport={}\n\tauthport={}\n\tname=127.0.0.1\n\
         \tretry=1\n\twait=30\n\tsharedsecret={SECRET}\n}}\n",
        daemon.path("server.conf").display(),
        daemon.accounting_address().port(),
        daemon.address().port(),
    )
}

#[test]
fn peer_openvpn_gets_every_answer() {
    let openvpn = OpenVpn::start();
    answers_everybody(&openvpn.daemon, |user, password| {
        openvpn.connect(user, password).1
    });
}

#[test]
fn peer_openvpn_carries_packets_and_tells_of_its_session() {
    let openvpn = OpenVpn::start();
    let (client, accepted) = openvpn.connect("kari", KARI);
    assert!(accepted, "{}", openvpn.server.log());
    openvpn.at_client.run("ping -c 1 -w 20 10.99.0.1");
    let begun = session(&openvpn.daemon, "kari", "begin");
    assert_eq!(begun["addresses"][0], "10.99.0.2/32", "{begun}");
    assert_eq!(begun["calling_station_id"], "10.77.0.2", "{begun}");
    drop(client);
    drop(openvpn.server);
    let ended = session(&openvpn.daemon, "kari", "end");
    assert_eq!(ended["session_id"], begun["session_id"], "{ended}");
}
