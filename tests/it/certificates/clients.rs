//! The account that a client certificate opens.

use portvakt_testkit::supplicant::{
    ClientCertificate, ExtendedKeyUsagePurpose, Profile, Supplicant,
};

use crate::common::{Daemon, Setup};
use crate::nas::EapSession;

fn server(names: &str) -> Daemon {
    let setup = Setup::new();
    setup.write("client-ca.pem", &setup.authority().certificate_pem());
    setup
        .set("eap", "methods", "[\"tls\"]")
        .set("eap", "client-ca", "\"client-ca.pem\"")
        .set("eap", "client-names", names)
        .start()
}

/// A certificate without any name.
fn nameless() -> ClientCertificate {
    ClientCertificate {
        email: None,
        upn: None,
        dns: None,
        common_name: "A device".to_owned(),
        serial: 7,
        begins: 2020,
        ends: 2090,
        purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
    }
}

/// Account, or reason of the refusal.
fn opened(daemon: &Daemon, certificate: &ClientCertificate) -> String {
    let before = daemon.audit_lines().len();
    let client = daemon.authority().issue_client(certificate);
    let profile = Profile::tls(daemon.authority(), client);
    let nas = daemon.nas();
    let outer = "anonymous@campus.example";
    let reply = EapSession::new(&nas, Supplicant::new(profile), outer).finish();
    let line = daemon.wait_for_audit(before + 1, |_| true).remove(before);
    let said = match reply.is_accept() {
        true => &line["account"],
        false => &line["reason"],
    };
    said.as_str().unwrap().to_owned()
}

/// E8: each kind of name that can be configured, with its realm and, in a common name, without.
#[test]
fn account_is_named_where_the_configuration_looks() {
    let name = || Some("anna@campus.example".to_owned());
    let by_email = ClientCertificate {
        email: name(),
        ..nameless()
    };
    let by_upn = ClientCertificate {
        upn: name(),
        ..nameless()
    };
    let common = |common_name: &str| ClientCertificate {
        common_name: common_name.to_owned(),
        ..nameless()
    };
    for (names, certificate) in [
        ("[\"email\"]", &by_email),
        ("[\"upn\"]", &by_upn),
        ("[\"common-name\"]", &common("Anna@campus.example")),
        ("[\"common-name\"]", &common("anna")),
    ] {
        let daemon = server(names);
        assert_eq!(opened(&daemon, certificate), "anna", "{names}");
        // A name that stands elsewhere does not count.
        let elsewhere = match names {
            "[\"email\"]" => &by_upn,
            _ => &by_email,
        };
        let expected = match names {
            // "A device" is a common name, too, and can be nobody's.
            "[\"common-name\"]" => ["certificate-invalid", "unknown-user"],
            _ => ["certificate-invalid"; 2],
        };
        let said = opened(&daemon, elsewhere);
        assert!(expected.contains(&said.as_str()), "{names}: {said}");
        if said == "certificate-invalid" {
            let last = daemon.attempt(2);
            let detail = last["detail"].as_str().unwrap_or_default();
            assert!(detail.contains("names nobody"), "{last}");
        }
    }
}

/// The first name, in the configured order, that is in one of our realms.
#[test]
fn names_of_others_are_passed_over() {
    let daemon = server("[\"email\", \"upn\", \"common-name\"]");
    let both = ClientCertificate {
        email: Some("anna@elsewhere.example".to_owned()),
        upn: Some("anna@campus.example".to_owned()),
        ..nameless()
    };
    assert_eq!(opened(&daemon, &both), "anna");
    let another = ClientCertificate {
        email: Some("nobody@campus.example".to_owned()),
        upn: Some("anna@campus.example".to_owned()),
        ..nameless()
    };
    assert_eq!(opened(&daemon, &another), "unknown-user");
}
