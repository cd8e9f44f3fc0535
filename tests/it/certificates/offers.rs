//! Methods and server certificate by realm, client and service.

use portvakt_testkit::supplicant::{Authority, Profile, Supplicant};

use crate::common::{Daemon, EapolTest, SECRET, Setup};
use crate::nas::{EapSession, Nas, kind};

const USER: (&str, &str) = ("anna", "correct-horse-battery");
const TTLS: u8 = 21;
const PEAP: u8 = 25;

/// The type octet of the first method that a device with this outer name is offered.
fn first_offer(nas: &Nas, daemon: &Daemon, outer: &str) -> Option<u8> {
    let mut profile = daemon.profile(USER.0, USER.1);
    outer.clone_into(&mut profile.outer_identity);
    let mut device = EapSession::new(nas, Supplicant::new(profile), outer);
    device.step().eap().unwrap().get(4).copied()
}

#[test]
fn methods_are_those_of_the_realm_and_of_the_service() {
    let daemon = Setup::new()
        .set(
            "",
            "realms",
            "[\"campus.example\", \"students.campus.example\"]",
        )
        .set("eap", "methods", "[\"ttls\", \"peap\"]")
        .set(
            "realm.\"students.campus.example\"",
            "methods",
            "[\"peap\", \"ttls\"]",
        )
        .set("service.vpn", "eap-methods", "[\"ttls\"]")
        .client("vpn", "127.0.0.2", "service = \"vpn\"")
        .start();
    let (wireless, vpn) = (daemon.nas(), daemon.nas_at("127.0.0.2"));
    for (nas, outer, first) in [
        (&wireless, "anonymous@campus.example", TTLS),
        (&wireless, "anonymous", TTLS),
        (&wireless, "anonymous@Students.Campus.Example", PEAP),
        (&vpn, "anonymous@campus.example", TTLS),
        (&vpn, "anonymous@students.campus.example", TTLS),
    ] {
        assert_eq!(first_offer(nas, &daemon, outer), Some(first), "{outer}");
    }
}

/// A device that asks for what its service does not allow is refused, though its realm offers it.
#[test]
fn peer_service_narrows_what_a_device_may_ask_for() {
    let daemon = Setup::new()
        .set("eap", "methods", "[\"ttls\", \"peap\"]")
        .set("eap", "peap-inner", "[\"eap-gtc\"]")
        .set("service.wired", "eap-methods", "[\"ttls\"]")
        .without_clients()
        .client("switch", "127.0.0.0/8", "service = \"wired\"")
        .start();
    let peap = EapolTest::ttls_pap(USER.0, USER.1)
        .line("eap", "PEAP")
        .line("phase2", "\"auth=GTC\"");
    assert!(peap.run(&daemon).is_reject());
    assert_eq!(daemon.attempt(1)["reason"], "method-not-allowed");
    assert!(EapolTest::ttls_pap(USER.0, USER.1).run(&daemon).is_accept());
}

/// Logs on with this outer name, trusting `authority`; whether it worked.
fn logs_on(daemon: &Daemon, authority: &Authority, outer: &str) -> bool {
    let nas = daemon.nas();
    let identity = format!("{}@campus.example", USER.0);
    let mut profile = Profile::pap(authority, &identity, USER.1.as_bytes());
    outer.clone_into(&mut profile.outer_identity);
    EapSession::new(&nas, Supplicant::new(profile), outer)
        .finish()
        .is_accept()
}

/// Writes a chain of this authority into the folder.
fn write_chain(setup: &Setup, authority: &Authority, name: &str) {
    let identity = authority.issue_server();
    setup.write(&format!("{name}.pem"), &identity.chain_pem);
    setup.write(&format!("{name}.key"), &identity.key_pem);
}

/// A roll-over: devices with the new profile trust the new CA alone, all others the old one.
#[test]
fn outer_name_or_realm_chooses_the_chain_that_a_device_is_shown() {
    let (new, students, none) = (
        Authority::new("New"),
        Authority::new("Students"),
        Authority::new("Other"),
    );
    let setup = Setup::new();
    write_chain(&setup, &new, "new");
    write_chain(&setup, &students, "students");
    let daemon = setup
        .set("", "realms", "[\"campus.example\", \"old.campus.example\"]")
        .set(
            "realm.\"old.campus.example\"",
            "certificate",
            "\"students.pem\"",
        )
        .set("realm.\"old.campus.example\"", "key", "\"students.key\"")
        .more(
            "[[eap.chain]]\nname = \"new-ca\"\ncertificate = \"new.pem\"\nkey = \"new.key\"\n\
             outer-names = [\"new-ca@*\", \"anonymous2026@campus.example\"]\n",
        )
        .start();
    let trusting = |outer: &str| -> Vec<&str> {
        let authorities = [
            ("old", daemon.authority()),
            ("new", &new),
            ("students", &students),
            ("none", &none),
        ];
        let works = authorities
            .iter()
            .filter(|(_, authority)| logs_on(&daemon, authority, outer));
        works.map(|(name, _)| *name).collect()
    };
    assert_eq!(trusting("anonymous@campus.example"), ["old"]);
    assert_eq!(trusting("anonymous"), ["old"]);
    assert_eq!(trusting("Anonymous2026@campus.example"), ["new"]);
    assert_eq!(trusting("new-ca@campus.example"), ["new"]);
    let days =
        |chain: &str| daemon.metric(&format!("portvakt_chain_days_left{{chain=\"{chain}\"}}"));
    for chain in ["default", "new-ca", "old.campus.example"] {
        assert!(days(chain) > 0.0, "{chain}");
    }
    assert_eq!(
        days("default"),
        daemon.metric("portvakt_certificate_days_left")
    );
    assert_eq!(daemon.health().0, 200);
    // The realm's chain, unless the outer name says otherwise. Its users stand in no directory.
    let shown = |outer: &str| {
        let nas = daemon.nas();
        let profile = Profile::pap(&students, outer, b"");
        let seen = profile.seen.clone();
        let _ = EapSession::new(&nas, Supplicant::new(profile), outer).finish();
        seen.certificate().unwrap()
    };
    let file = |name: &str| {
        let pem = std::fs::read(daemon.path(name)).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        pem.contents
    };
    assert_eq!(
        *shown("anonymous@old.campus.example"),
        *file("students.pem")
    );
    assert_eq!(*shown("new-ca@old.campus.example"), *file("new.pem"));
}

fn with_a_federation_peer() -> Daemon {
    Setup::new()
        .set("service.eduroam", "vlan", "\"120\"")
        .client("federation", "127.0.0.2", "federation-peer = true")
        .client(
            "own",
            "127.0.0.3",
            "send-vlan = true\nmethods = [\"eap\", \"pap\"]",
        )
        .start()
}

/// I1: what is no EAP is refused from a peer of the federation, the right password too.
#[test]
fn bare_password_from_a_federation_peer_is_refused() {
    let daemon = with_a_federation_peer();
    let name = format!("{}@campus.example", USER.0);
    for (source, accepted) in [("127.0.0.2", false), ("127.0.0.3", true)] {
        let nas = Nas::at(source, daemon.address(), SECRET);
        let request = nas.access_request().user(&name).password(USER.1.as_bytes());
        assert_eq!(nas.ask(&request).is_accept(), accepted, "{source}");
    }
    assert_eq!(daemon.reasons(2), ["method-not-allowed", "accept"]);
    assert_eq!(daemon.failures(USER.0), 0);
}

/// I1, R13: a peer brings EAP, names with a realm, and hears of no VLAN.
#[test]
fn federation_peer_gets_no_vlan_and_no_name_without_a_realm() {
    let daemon = with_a_federation_peer();
    for (source, vlan) in [("127.0.0.2", false), ("127.0.0.3", true)] {
        let nas = daemon.nas_at(source);
        let reply = daemon.device(&nas, USER.0, USER.1).finish();
        assert!(reply.is_accept());
        let told = reply.value(kind::TUNNEL_PRIVATE_GROUP_ID).is_some();
        assert_eq!(told, vlan, "{source}");
        let mut profile = daemon.profile(USER.0, USER.1);
        "anonymous".clone_into(&mut profile.outer_identity);
        let mut device = EapSession::new(&nas, Supplicant::new(profile), "anonymous");
        assert_eq!(device.step().is_reject(), !vlan, "{source}");
    }
    let refused = |line: &serde_json::Value| line["reason"] == "realm-unknown";
    assert_eq!(daemon.wait_for_audit(1, refused).len(), 1);
}

/// E11: what `check` foretells of a chain that is too long is what a device needs.
#[test]
fn peer_round_trips_are_as_many_as_foretold() {
    let (ttls, peap) = (
        EapolTest::ttls_pap(USER.0, USER.1),
        EapolTest::ttls_pap(USER.0, USER.1)
            .line("eap", "PEAP")
            .line("phase2", "\"auth=GTC\""),
    );
    for (method, profile) in [("ttls", ttls), ("peap", peap)] {
        let setup = Setup::new();
        // A root has no place there; several make the chain long enough.
        let chain = std::fs::read_to_string(setup.path("radius.pem")).unwrap();
        let root = setup.authority().certificate_pem();
        setup.write("radius.pem", &(chain + &root.repeat(3)));
        let daemon = setup
            .set("eap", "methods", &format!("[\"{method}\"]"))
            .set("eap", "peap-inner", "[\"eap-gtc\"]")
            .set("eap", "max-fragment", "256")
            .start();
        let checked = crate::common::text(&daemon.cli(&["check"]));
        let foretold = checked
            .split_once("takes up to ")
            .and_then(|(_, rest)| rest.split_once(" round trips"))
            .unwrap_or_else(|| panic!("{checked}"));
        let foretold: usize = foretold.0.parse().unwrap();
        // eapol_test says how much it takes unless told to leave that out.
        let run = profile.tls13().attribute("12:d:256").run(&daemon);
        assert!(run.is_accept(), "{}", run.output);
        println!("{method}: {foretold} foretold, {} taken", run.round_trips());
        assert!(run.round_trips() <= foretold, "{}", run.round_trips());
        assert!(run.round_trips() + 2 >= foretold, "{}", run.round_trips());
    }
}
