//! eapol_test, which is wpa_supplicant without a radio: every method, full and resumed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

#[path = "common/authenticator.rs"]
mod authenticator;

use authenticator::{Authenticator, Heard, SECRET};
use portvakt_eap::{
    Authorization, ClientCertificates, Conversation, InnerCredential, InnerMethod, MethodType,
    Methods, ServerTls, Sessions, StaleLists, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{Authority, ClientCertificate, User};
use std::path::Path;
use std::process::Command;

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
const SERIAL: u8 = 7;

/// A server, and a folder with what a device needs.
struct Site {
    authority: Authority,
    tls: ServerTls,
    folder: tempfile::TempDir,
}

impl Site {
    fn new(versions: TlsVersions) -> Self {
        let authority = Authority::new("Campus");
        let server = authority.issue_server();
        let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
        let tls = ServerTls::from_pem(chain, key, versions).unwrap();
        let tls = tls.with_sessions(Sessions::new(100, Sessions::USUAL_TIME_TO_LIVE));
        let folder = tempfile::tempdir().unwrap();
        let device = authority.issue_client(&ClientCertificate::of("a@campus.example", SERIAL));
        for (name, contents) in [
            ("ca.pem", authority.certificate_pem()),
            ("device.pem", device.chain_pem),
            ("device.key", device.key_pem),
        ] {
            std::fs::write(folder.path().join(name), contents).unwrap();
        }
        Site {
            authority,
            tls,
            folder,
        }
    }

    fn methods(&self, lists: &str) -> Methods {
        let authority = self.authority.certificate_pem();
        let lists = [lists.as_bytes()];
        let certificates =
            ClientCertificates::new(authority.as_bytes(), &lists, StaleLists::Refuse).unwrap();
        let tls = self
            .tls
            .clone()
            .with_client_certificates(certificates)
            .unwrap();
        let offered = [MethodType::Ttls, MethodType::Peap, MethodType::Tls];
        let inner = [
            InnerMethod::Pap,
            InnerMethod::Chap,
            InnerMethod::MsChap,
            InnerMethod::MsChapV2,
            InnerMethod::EapMsChapV2,
            InnerMethod::EapGtc,
        ];
        let methods = Methods::new(tls, &offered).unwrap();
        methods.with_inner(MethodType::Ttls, &inner).unwrap()
    }

    /// Lets eapol_test log on twice; returns what the server heard, and whether eapol_test is
    /// content, with the keys too.
    fn run(&self, methods: Methods, how: &str) -> (Vec<Heard>, bool) {
        let folder = self.folder.path();
        let profile = folder.join("profile.conf");
        std::fs::write(&profile, write_profile(folder, how)).unwrap();
        let server = Authenticator::start(methods, answer);
        let port = server.address.port().to_string();
        let output = Command::new("eapol_test")
            .args([
                "-a",
                "127.0.0.1",
                "-p",
                &port,
                "-s",
                SECRET,
                "-r",
                "1",
                "-t",
                "10",
                "-c",
            ])
            .arg(&profile)
            .output()
            .expect("eapol_test, of the package eapoltest");
        let said = String::from_utf8_lossy(&output.stdout);
        let content = output.status.success() && said.contains("MPPE keys OK: 2  mismatch: 0");
        let heard = server.stop();
        if !content {
            eprintln!(
                "{}",
                said.lines().rev().take(25).collect::<Vec<_>>().join("\n")
            );
        }
        (heard, content)
    }
}

fn write_profile(folder: &Path, how: &str) -> String {
    let folder = folder.display();
    format!(
        "network={{\nssid=\"eduroam\"\nkey_mgmt=WPA-EAP\nca_cert=\"{folder}/ca.pem\"\n\
         domain_suffix_match=\"radius.campus.example\"\n\
         phase1=\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_3=0\"\n\
         anonymous_identity=\"anonymous@campus.example\"\n\
         identity=\"a@campus.example\"\npassword=\"secret\"\n{}\n}}\n",
        how.replace("{folder}", &folder.to_string())
    )
}

/// How eapol_test logs on, and what the caller is asked for it.
const LOG_ONS: [(&str, &str); 9] = [
    ("eap=TTLS\nphase2=\"auth=PAP\"", "password"),
    ("eap=TTLS\nphase2=\"auth=CHAP\"", "chap"),
    ("eap=TTLS\nphase2=\"auth=MSCHAP\"", "mschap"),
    ("eap=TTLS\nphase2=\"auth=MSCHAPV2\"", "mschapv2"),
    ("eap=TTLS\nphase2=\"autheap=MSCHAPV2\"", "mschapv2"),
    ("eap=TTLS\nphase2=\"autheap=GTC\"", "password"),
    ("eap=PEAP\nphase2=\"auth=MSCHAPV2\"", "mschapv2"),
    ("eap=PEAP\nphase2=\"auth=GTC\"", "password"),
    (TLS, "certificate"),
];
const TLS: &str = "eap=TLS\nclient_cert=\"{folder}/device.pem\"\n\
                   private_key=\"{folder}/device.key\"";

fn answer(
    conversation: &mut Conversation,
    credential: &InnerCredential,
) -> (&'static str, Verdict) {
    conversation.remember(Authorization {
        account: "a".into(),
        device: Vec::new(),
        identity: b"a@campus.example".to_vec(),
        context: Vec::new(),
    });
    let user = User {
        identity: "a@campus.example".into(),
        password: "secret".into(),
    };
    let verdict = match credential {
        InnerCredential::Certificate { .. } | InnerCredential::Resumed { .. } => Verdict::Accepted,
        other => user.judge(other),
    };
    (credential.label(), verdict)
}

fn questions(heard: &[Heard]) -> Vec<&'static str> {
    heard
        .iter()
        .flat_map(|heard| heard.questions.clone())
        .collect()
}

/// E4, E5, E6, E7: eapol_test compares the keys of both log-ons.
#[test]
fn peer_eapol_test_logs_on_and_resumes() {
    for (versions, label) in BOTH.into_iter().zip(["1.2", "1.3"]) {
        let site = Site::new(versions);
        let methods = site.methods(&site.authority.revocation_lists(&[], 2090));
        for (how, first) in LOG_ONS {
            let (heard, content) = site.run(methods.clone(), how);
            assert_eq!(questions(&heard), [first, "resumed"], "TLS {label}, {how}");
            for heard in &heard {
                assert!(heard.success, "TLS {label}, {how}: {heard:?}");
                assert_eq!(heard.tls_version, Some(label), "{how}");
            }
            assert!(content, "TLS {label}, {how}");
        }
    }
}

/// E8: a revoked certificate ends in an alert that eapol_test acknowledges.
#[test]
fn peer_eapol_test_is_refused_with_a_revoked_certificate() {
    for versions in BOTH {
        let site = Site::new(versions);
        let methods = site.methods(&site.authority.revocation_lists(&[SERIAL], 2090));
        let (heard, content) = site.run(methods, TLS);
        assert!(!content);
        assert!(questions(&heard).is_empty());
        assert_eq!(
            heard[0].cause.as_deref(),
            Some("certificate-revoked"),
            "{versions:?}"
        );
    }
}
