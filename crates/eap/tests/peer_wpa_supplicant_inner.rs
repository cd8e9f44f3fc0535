//! eapol_test, which is wpa_supplicant without a radio: every inner method, full and resumed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

#[path = "common/authenticator.rs"]
mod authenticator;
mod common;

use authenticator::{Authenticator, Heard, SECRET};
use common::{Campus, PASSWORD, USER, generous_methods, user};
use portvakt_eap::{Authorization, Conversation, InnerCredential, Sessions, TlsVersions, Verdict};
use std::process::Command;

const VERSIONS: [(TlsVersions, &str); 2] = [
    (TlsVersions::Tls12Only, "1.2"),
    (TlsVersions::Tls13Only, "1.3"),
];
const TTLS: [(&str, &str); 7] = [
    ("auth=PAP", "password"),
    ("auth=CHAP", "chap"),
    ("auth=MSCHAP", "mschap"),
    ("auth=MSCHAPV2", "mschapv2"),
    ("autheap=MSCHAPV2", "mschapv2"),
    ("autheap=GTC", "password"),
    ("autheap=MD5", "chap"),
];
const PEAP: [(&str, &str); 2] = [("auth=MSCHAPV2", "mschapv2"), ("auth=GTC", "password")];
/// By certificate, inside a tunnel.
const CERTIFIED: [(&str, &str); 2] = [
    ("TTLS", "autheap=TLS tls_disable_tlsv1_3=0"),
    ("PEAP", "auth=TLS tls_disable_tlsv1_3=0"),
];

fn answer(
    conversation: &mut Conversation,
    credential: &InnerCredential,
) -> (&'static str, Verdict) {
    conversation.remember(Authorization {
        account: "a".into(),
        device: Vec::new(),
        identity: USER.as_bytes().to_vec(),
        context: Vec::new(),
    });
    let verdict = match credential {
        InnerCredential::Resumed { .. } => Verdict::Accepted,
        other => user().judge(other),
    };
    (credential.label(), verdict)
}

/// Logs on `1 + again` times; returns what the server heard, and what eapol_test printed.
fn run(
    versions: TlsVersions,
    how: &str,
    phase1: &str,
    password: &str,
    again: u8,
) -> (Vec<Heard>, String) {
    let campus = Campus::generous(versions);
    let sessions = Sessions::new(100, Sessions::USUAL_TIME_TO_LIVE);
    let tls = campus.tls.clone().with_sessions(sessions);
    let methods = generous_methods(tls);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let holder = if password == self::password() {
        USER
    } else {
        "mallory@home.example"
    };
    let device = campus.certificate(holder);
    let authority = write("ca.pem", &campus.authority.certificate_pem());
    let (chain, key) = (
        write("chain", &device.chain_pem),
        write("key", &device.key_pem),
    );
    let text = format!(
        "network={{\nssid=\"eduroam\"\nkey_mgmt=WPA-EAP\n{how}\nca_cert=\"{authority}\"\n\
         ca_cert2=\"{authority}\"\nclient_cert2=\"{chain}\"\nprivate_key2=\"{key}\"\n\
         phase1=\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_3=0 {phase1}\"\n\
         anonymous_identity=\"anonymous@campus.example\"\nidentity=\"{USER}\"\n\
         password=\"{password}\"\n}}\n"
    );
    let profile = write("profile", &text);
    let server = Authenticator::start(methods, answer);
    let output = Command::new("eapol_test")
        .args(["-a", "127.0.0.1", "-p", &server.address.port().to_string()])
        .args(["-s", SECRET, "-t", "10", "-r", &again.to_string(), "-c"])
        .arg(&profile)
        .output()
        .expect("eapol_test, of the package eapoltest");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (server.stop(), said)
}

fn password() -> &'static str {
    std::str::from_utf8(PASSWORD).unwrap()
}

fn assert_twice(versions: TlsVersions, label: &str, how: &str, phase1: &str, question: &str) {
    let (heard, said) = run(versions, how, phase1, password(), 1);
    let questions: Vec<_> = heard
        .iter()
        .flat_map(|heard| heard.questions.clone())
        .collect();
    assert_eq!(
        questions,
        [question, "resumed"],
        "TLS {label}, {how} {phase1}: {heard:?}"
    );
    assert!(heard.iter().all(|heard| heard.success), "{heard:?}");
    assert!(
        heard.iter().all(|heard| heard.tls_version == Some(label)),
        "{heard:?}"
    );
    assert!(
        said.contains("MPPE keys OK: 2  mismatch: 0"),
        "TLS {label}, {how} {phase1}"
    );
}

/// E4, E6, E7.
#[test]
fn peer_eapol_test_logs_on_and_resumes_by_every_inner_method_of_ttls() {
    for (versions, label) in VERSIONS {
        for (phase2, question) in TTLS {
            let how = format!("eap=TTLS\nphase2=\"{phase2}\"");
            assert_twice(versions, label, &how, "", question);
        }
    }
}

/// E4, E6, E7: crypto-binding off, optional, and required.
#[test]
fn peer_eapol_test_logs_on_and_resumes_by_every_inner_method_of_peap() {
    for (versions, label) in VERSIONS {
        for (phase2, question) in PEAP {
            let how = format!("eap=PEAP\nphase2=\"{phase2}\"");
            let required = (question == "mschapv2").then_some("crypto_binding=2");
            for phase1 in ["", "peapver=0", "crypto_binding=0"]
                .into_iter()
                .chain(required)
            {
                assert_twice(versions, label, &how, phase1, question);
            }
        }
    }
}

/// E4, E8: the handshake inside under either version, the tunnel around it under either, too.
#[test]
fn peer_eapol_test_logs_on_and_resumes_by_certificate_inside_a_tunnel() {
    for (versions, label) in VERSIONS {
        for (eap, phase2) in CERTIFIED {
            let how = format!("eap={eap}\nphase2=\"{phase2}\"");
            assert_twice(versions, label, &how, "", "certificate");
        }
        let how = "eap=PEAP\nphase2=\"auth=TLS tls_disable_tlsv1_3=0\"";
        for binding in ["crypto_binding=0", "crypto_binding=2"] {
            assert_twice(versions, label, how, binding, "certificate");
        }
    }
}

#[test]
fn peer_eapol_test_is_refused_with_a_wrong_password() {
    let ttls = TTLS.map(|(phase2, _)| ("TTLS", phase2));
    let peap = PEAP.map(|(phase2, _)| ("PEAP", phase2));
    for (versions, label) in VERSIONS {
        for (eap, phase2) in ttls.into_iter().chain(peap).chain(CERTIFIED) {
            let how = format!("eap={eap}\nphase2=\"{phase2}\"");
            let (heard, said) = run(versions, &how, "", "guess", 0);
            assert_eq!(heard.len(), 1, "TLS {label}, {how}");
            assert_eq!(heard[0].cause.as_deref(), Some("refused"), "{heard:?}");
            assert!(said.trim_end().ends_with("FAILURE"), "TLS {label}, {how}");
        }
    }
}
