//! Portvakt as a site runs it: audit, metrics, lock and durability on.

use super::cases::{Case, Proof, Whose};
use super::ground::Ground;
use crate::common::{Daemon, Setup, Slapd, eventually};

/// Starts it for one case.
pub(crate) fn start(case: &Case, ground: &Ground) -> Daemon {
    let setup = Setup::new()
        .without_clients()
        .client(
            "all",
            "127.0.0.0/8",
            "methods = [\"eap\", \"pap\", \"mschapv2\"]",
        )
        .set("radius", "workers", "0")
        .set("radius", "duplicate-lifetime", "\"5s\"")
        .set("lockout", "attempts", attempts(case))
        // Else it would hash everybody's password anew, in the background of all that is measured.
        .set("passwords", "upgrade-hashes", "false");
    setup.write("ca.pem", &ground.read("ca.pem"));
    setup.write("radius.pem", &ground.read("server.pem"));
    setup.write("radius.key", &ground.read("server.key"));
    let setup = with_eap(case, ground, setup);
    let setup = match &ground.slapd {
        Some(slapd) => with_directory(case, slapd, setup),
        None => setup.people(&ground.people.ldif()),
    };
    let daemon = setup.start();
    if case.ldap.is_some_and(|ldap| ldap.mirror) {
        wait_for_mirror(&daemon);
    }
    daemon
}

/// One failure locks whoever is to be locked; nobody else errs a hundred times between two right
/// log-ons.
fn attempts(case: &Case) -> &'static str {
    match case.proof {
        Proof::Locked => "1",
        _ => "100",
    }
}

fn with_eap(case: &Case, ground: &Ground, setup: Setup) -> Setup {
    let setup = match case.is_ms_chap() {
        true => setup.set("accounts.attributes", "nt-hash", "\"sambaNTPassword\""),
        false => setup,
    };
    match case.method {
        "peap-mschapv2" => setup.set("eap", "methods", "[\"peap\"]"),
        "eap-tls" => {
            setup.write("client-ca.pem", &ground.read("client-ca.pem"));
            setup.write("client.crl", &ground.read("client.crl"));
            setup
                .set("eap", "methods", "[\"tls\"]")
                .set("eap", "client-ca", "\"client-ca.pem\"")
                .set("eap", "client-crl", "\"client.crl\"")
                .set("eap", "client-names", "[\"email\"]")
        }
        _ => setup,
    }
}

fn with_directory(case: &Case, slapd: &Slapd, setup: Setup) -> Setup {
    let Some(ldap) = case.ldap else {
        return setup;
    };
    let mirror = if ldap.mirror { "sync" } else { "off" };
    let lines = format!(
        "verify = \"{}\"\nmirror = \"{mirror}\"\nstart-tls = false\ndanger-plain-text = true",
        ldap.ours
    );
    let table = slapd.table_for(&[&slapd.ldap()], &lines);
    let setup = match ldap.whose {
        Whose::Forgotten => setup.set("passwords", "remember-proofs", "\"0s\""),
        _ => setup,
    };
    setup.people("").more(&table)
}

fn wait_for_mirror(daemon: &Daemon) {
    let current = |line: &str| {
        line.starts_with("portvakt_mirror_state{")
            && line.contains("state=\"current\"")
            && line.ends_with(" 1")
    };
    let is_current = eventually(|| daemon.metrics().lines().any(current).then_some(()));
    assert!(is_current.is_some(), "no mirror:\n{}", daemon.log());
}

/// Whether refusals were what the row says: of the password, or of the lock.
pub(crate) fn refused_rightly(case: &Case, ground: &Ground, daemon: &Daemon) -> Result<(), String> {
    let refused = |why| daemon.metric(&format!("portvakt_refusals_total{{reason=\"{why}\"}}"));
    let (of_password, of_lock) = (refused("wrong-credential"), refused("locked-out"));
    let rightly = match case.proof {
        Proof::Right => of_password + of_lock == 0.0,
        Proof::Wrong => of_lock == 0.0,
        Proof::Locked => of_password <= ground.people.count as f64,
    };
    match rightly {
        true => Ok(()),
        false => Err(format!(
            "{}: {of_password} were refused for their password, {of_lock} by the lock",
            case.id
        )),
    }
}
