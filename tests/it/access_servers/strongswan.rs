//! strongSwan at both ends of an IKEv2 tunnel, with ESP in user space (kernel-libipsec). The gateway
//! hands EAP to its RADIUS server; the session's keys authenticate IKE, so a tunnel proves that they fit.

use std::fs;
use std::path::{Path, PathBuf};

use super::{LOG_ONS, answers_everybody, session, start_in, vpn};
use nix::sys::signal::Signal;
use portvakt_testkit::supplicant::ClientCertificate;

use crate::common::{Daemon, Namespace, Program, SECRET, Setup, run_with, text};

/// All plugins that a side needs.
const PLUGINS: &str = "random nonce aes gcm sha1 sha2 hmac kdf pem pkcs1 pkcs8 x509 pubkey openssl md5 \
     md4 constraints revocation vici kernel-libipsec kernel-netlink socket-default updown \
     eap-identity eap-radius eap-mschapv2 eap-gtc eap-tls eap-ttls";

/// Refusals in strongSwan's words: EAP-Failure, and the errors of MS-CHAPv2 (RFC 2759 §6).
const REFUSALS: [&str; 5] = [
    "EAP authentication failed",
    "ERROR_AUTHENTICATION_FAILURE",
    "ERROR_ACCT_DISABLED",
    "ERROR_PASSWD_EXPIRED",
    "ERROR_NO_DIALIN_PERMISSION",
];

/// The port of the gateway for Disconnect-Requests; the machine is its own.
const DISCONNECT_PORT: u16 = 3799;

/// A gateway with its RADIUS server, and a client, each on a machine of its own.
struct Ikev2 {
    gateway: Program,
    daemon: Daemon,
    #[expect(dead_code, reason = "the machine that the other two run on")]
    at_gateway: Namespace,
    at_client: Namespace,
    /// Options of the client's daemon, such as the method inside TTLS.
    client_options: &'static str,
}

impl Ikev2 {
    /// Asks a server of this configuration.
    fn start(setup: Setup, client_options: &'static str) -> Self {
        let at_gateway = Namespace::new();
        let at_client = Namespace::new();
        let (inside, outside) = (("gw0", "10.77.0.1/24"), ("cl0", "10.77.0.2/24"));
        at_gateway.connect(inside, &at_client, outside);
        at_gateway.run("ip addr add 10.88.0.1/24 dev lo");
        let daemon = start_in(&at_gateway, setup);
        let folder = side(&daemon, "gateway");
        let certificate = daemon.authority().issue_server_called("vpn.campus.example");
        fs::write(folder.join("x509/vpn.pem"), &certificate.chain_pem).unwrap();
        fs::write(folder.join("private/vpn.pem"), &certificate.key_pem).unwrap();
        let options = format!(
            "plugins {{\n eap-radius {{\n dae {{\n enable = yes\n listen = 127.0.0.1\n \
             port = {DISCONNECT_PORT}\n secret = {SECRET}\n }}\n accounting = yes\n station_id_with_port = no\n servers {{\n \
             campus {{\n address = 127.0.0.1\n auth_port = {}\n acct_port = {}\n \
             secret = {SECRET}\n }}\n }}\n }}\n }}\n",
            daemon.address().port(),
            daemon.accounting_address().port()
        );
        let connections = "connections {\n vpn {\n version = 2\n local_addrs = 10.77.0.1\n \
             pools = people\n local {\n auth = pubkey\n certs = vpn.pem\n id = vpn.campus.example\n }\n \
             remote {\n auth = eap-radius\n eap_id = %any\n }\n \
             children {\n campus {\n local_ts = 10.88.0.0/24\n }\n }\n }\n}\n\
             pools {\n people {\n addrs = 10.99.0.0/24\n }\n}\n";
        let gateway = charon(&at_gateway, &folder, &options, connections);
        Self {
            gateway,
            daemon,
            at_gateway,
            at_client,
            client_options,
        }
    }

    /// Has the client set up the tunnel with these secrets, and send a packet through it.
    fn connect(&self, user: &str, secrets: &str) -> bool {
        self.connected(user, secrets).1
    }

    /// As [`connect`](Self::connect), with the client, whose tunnel ends when it is dropped.
    fn connected(&self, user: &str, secrets: &str) -> (Program, bool) {
        let folder = side(&self.daemon, "client");
        let connections = format!(
            "connections {{\n campus {{\n version = 2\n remote_addrs = 10.77.0.1\n vips = 0.0.0.0\n \
             local {{\n auth = eap\n eap_id = {user}\n aaa_id = radius.campus.example\n {} }}\n \
             remote {{\n auth = pubkey\n id = vpn.campus.example\n }}\n \
             children {{\n campus {{\n remote_ts = 10.88.0.0/24\n }}\n }}\n }}\n}}\n{secrets}\n",
            if secrets.is_empty() {
                "certs = user.pem\n"
            } else {
                ""
            }
        );
        let client = charon(&self.at_client, &folder, self.client_options, &connections);
        let mut initiate = self.at_client.command("swanctl");
        initiate.args(["--initiate", "--child", "campus", "--timeout", "60"]);
        let initiated = run_with(&mut initiate, "");
        if initiated.status.success() {
            self.at_client.run("ping -c 1 -w 20 10.88.0.1");
        } else {
            // By EAP-Failure, or by the failure message of MS-CHAPv2.
            let said = text(&initiated);
            let is_refusal = REFUSALS.iter().any(|refusal| said.contains(refusal));
            assert!(is_refusal, "{said}");
            // Asked to end, it would wait for an answer of the gateway first.
            client.signal(Signal::SIGKILL);
        }
        (client, initiated.status.success())
    }

    /// As [`connect`](Self::connect), by a password.
    fn log_on(&self, user: &str, password: &str) -> bool {
        self.connect(user, &secrets(user, password))
    }
}

/// The client's password.
fn secrets(user: &str, password: &str) -> String {
    format!("secrets {{\n eap {{\n id = {user}\n secret = \"{password}\"\n }}\n}}")
}

/// A folder for what one side reads, with the authority that both trust.
fn side(daemon: &Daemon, name: &str) -> PathBuf {
    let folder = daemon.path(name);
    for kind in ["x509", "x509ca", "private"] {
        fs::create_dir_all(folder.join(kind)).unwrap();
    }
    let authority = daemon.authority();
    fs::write(folder.join("x509ca/root.pem"), authority.certificate_pem()).unwrap();
    fs::write(
        folder.join("x509ca/issuer.pem"),
        authority.intermediate_pem(),
    )
    .unwrap();
    folder
}

/// Starts IKE in a namespace and loads its connections.
fn charon(own: &Namespace, folder: &Path, options: &str, connections: &str) -> Program {
    let configuration = format!(
        "charon {{\n load = {PLUGINS}\n filelog {{\n stderr {{\n default = 1\n }}\n }}\n{options}}}\n"
    );
    fs::write(folder.join("strongswan.conf"), configuration).unwrap();
    fs::write(folder.join("swanctl.conf"), connections).unwrap();
    let mut command = own.command("/usr/lib/ipsec/charon");
    command.env("STRONGSWAN_CONF", folder.join("strongswan.conf"));
    let program = Program::start(&mut command, &folder.join("charon.log"));
    program.wait_for_log("spawning 16 worker threads");
    let file = folder.join("swanctl.conf").display().to_string();
    let mut load = own.command("swanctl");
    load.args(["--load-all", "--file", &file]);
    let loaded = run_with(&mut load, "");
    assert!(loaded.status.success(), "{}", text(&loaded));
    program
}

/// By a certificate for kari.
#[test]
fn peer_strongswan_logs_on_by_tls() {
    let setup = vpn("methods = [\"eap\"]")
        .set("eap", "methods", "[\"tls\"]")
        .set("eap", "client-ca", "\"ca.pem\"")
        .set("eap", "client-names", "[\"email\"]");
    let ikev2 = Ikev2::start(setup, "");
    let certificate = ClientCertificate::of("kari@campus.example", 7);
    let user = ikev2.daemon.authority().issue_client(&certificate);
    let folder = side(&ikev2.daemon, "client");
    fs::write(folder.join("x509/user.pem"), &user.chain_pem).unwrap();
    fs::write(folder.join("private/user.pem"), &user.key_pem).unwrap();
    assert!(
        ikev2.connect("kari@campus.example", ""),
        "{}",
        ikev2.gateway.log()
    );
    assert_eq!(ikev2.daemon.attempt(1)["method"], "tls");
}

/// As Windows, iOS and macOS do it. That the tunnel stands shows that the keys fit. strongSwan's client
/// hangs up on a refusal, which is told once its conversation is given up.
#[test]
fn peer_strongswan_gets_every_answer_by_ms_chap_without_a_tunnel() {
    let gateway = "methods = [\"eap\"]\nikev2-methods = [\"eap-mschapv2\", \"eap-gtc\"]";
    let setup = vpn(gateway)
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
        .set("radius", "conversation-timeout", "\"5s\"");
    let ikev2 = Ikev2::start(setup, "");
    for (user, password, reason) in LOG_ONS {
        assert_eq!(ikev2.log_on(user, password), reason == "accept", "{user}");
    }
    for guess in ["wrong-1", "wrong-2", "wrong-3"] {
        assert!(!ikev2.log_on("anna", guess));
    }
    assert_eq!(ikev2.daemon.failures("anna"), 3);
    let mut reasons = ikev2.daemon.reasons(LOG_ONS.len() + 3);
    let mut expected: Vec<_> = LOG_ONS.iter().map(|(_, _, reason)| *reason).collect();
    expected.extend(["wrong-credential"; 3]);
    reasons.sort();
    expected.sort_unstable();
    assert_eq!(reasons, expected);
    assert_eq!(ikev2.daemon.attempt(1)["method"], "eap-mschapv2");
}

/// Without a key of the method's own.
#[test]
fn peer_strongswan_gets_every_answer_by_gtc_without_a_tunnel() {
    let ikev2 = Ikev2::start(
        vpn("methods = [\"eap\"]\nikev2-methods = [\"eap-gtc\"]"),
        "",
    );
    answers_everybody(&ikev2.daemon, |user, password| ikev2.log_on(user, password));
    assert_eq!(ikev2.daemon.attempt(1)["method"], "eap-gtc");
}

fn ttls(inner: &str) -> Setup {
    vpn("methods = [\"eap\"]")
        .set("eap", "ttls-inner", inner)
        .set("accounts.attributes", "nt-hash", "\"sambaNTPassword\"")
}

#[test]
fn peer_strongswan_gets_every_answer_by_ttls_and_gtc() {
    let ikev2 = Ikev2::start(ttls("[\"eap-gtc\"]"), "");
    answers_everybody(&ikev2.daemon, |user, password| ikev2.log_on(user, password));
    assert_eq!(ikev2.daemon.attempt(1)["method"], "ttls/eap-gtc");
}

#[test]
fn peer_strongswan_logs_on_by_ttls_and_ms_chap_and_tells_of_its_session() {
    let ikev2 = Ikev2::start(ttls("[\"eap-mschapv2\"]"), "");
    assert!(ikev2.log_on("kari", super::KARI), "{}", ikev2.gateway.log());
    assert!(!ikev2.log_on("kari", "another-password"));
    assert_eq!(ikev2.daemon.reasons(2), ["accept", "wrong-credential"]);
    assert_eq!(ikev2.daemon.attempt(1)["method"], "ttls/eap-mschapv2");
    let begun = session(&ikev2.daemon, "kari", "begin");
    assert_eq!(begun["addresses"][0], "10.99.0.1/32", "{begun}");
    let ended = session(&ikev2.daemon, "kari", "end");
    assert_eq!(ended["session_id"], begun["session_id"], "{ended}");
}

/// DA1: the gateway takes a Disconnect-Request, and tells the client.
#[test]
fn peer_strongswan_ends_the_tunnel_of_a_suspended_person() {
    let setup = vpn("methods = [\"eap\"]\ndisconnect = \"strongswan\"").set(
        "eap",
        "ttls-inner",
        "[\"eap-gtc\"]",
    );
    let ikev2 = Ikev2::start(setup, "");
    let (client, accepted) = ikev2.connected("kari", &secrets("kari", super::KARI));
    assert!(accepted, "{}", ikev2.gateway.log());
    session(&ikev2.daemon, "kari", "begin");
    let words = ["account", "suspend", "kari", "--why", "abuse report 17"];
    let suspended = ikev2.daemon.cli(&words);
    assert!(suspended.status.success(), "{}", text(&suspended));
    client.wait_for_log("received DELETE for IKE_SA");
    session(&ikev2.daemon, "kari", "end");
}
