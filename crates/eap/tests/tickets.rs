//! Tickets under keys that two servers share: what they spare at the other one, and what not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{PASSWORD, USER};
use portvakt_eap::{
    Authorization, CertificateProblem, ClientCertificates, Conversation, FailureCause,
    InnerCredential, Limits, MethodType, Methods, ServerTls, Sessions, StaleLists, TicketKeys,
    TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Authority, ClientCertificate, Device, Ending, Outcome, Profile, Supplicant, converse_within,
};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use std::sync::Arc;
use std::time::Duration;

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
const SERIAL: u8 = 0x2a;
const NOON: u64 = 1_790_000_000;
const HOUR: u64 = 3600;

#[derive(Debug)]
struct StoppedClock(u64);

impl TimeProvider for StoppedClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// A site whose servers know nothing of each other but their keys.
struct Site {
    authority: Authority,
    versions: TlsVersions,
}

/// How one server of a site differs from the next.
struct Node {
    keys: Vec<[u8; 32]>,
    now: u64,
    revoked: Vec<u8>,
    verdict: Verdict,
    sessions: Sessions,
}

impl Node {
    fn new() -> Self {
        Node {
            keys: vec![[1; 32]],
            now: NOON,
            revoked: Vec::new(),
            verdict: Verdict::Accepted,
            sessions: Sessions::new(100, Duration::from_secs(8 * HOUR)),
        }
    }
}

impl Site {
    fn new(versions: TlsVersions) -> Self {
        let authority = Authority::new("Campus");
        Site {
            authority,
            versions,
        }
    }

    fn methods(&self, node: &Node) -> Methods {
        let server = self.authority.issue_server();
        let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
        let lists = self.authority.revocation_lists(&node.revoked, 2090);
        let certificates = ClientCertificates::new(
            self.authority.certificate_pem().as_bytes(),
            &[lists.as_bytes()],
            StaleLists::Refuse,
        );
        let tls = ServerTls::from_pem(chain, key, self.versions)
            .unwrap()
            .with_client_certificates(certificates.unwrap())
            .unwrap()
            .with_time_provider(Arc::new(StoppedClock(node.now)))
            .with_sessions(node.sessions.clone())
            .with_ticket_keys(TicketKeys::new(&node.keys).unwrap());
        Methods::new(tls, &[MethodType::Ttls, MethodType::Tls]).unwrap()
    }

    fn profile(&self, serial: u8) -> Profile {
        let certificate = ClientCertificate::of(USER, serial);
        Profile::tls(&self.authority, self.authority.issue_client(&certificate))
    }

    /// A device that has logged on at a first server.
    fn known_device(&self) -> Device {
        let device = Device::new(self.profile(SERIAL));
        let first = Node::new();
        let (log_on, ending) = self.converse(&first, &mut device.supplicant());
        assert_eq!(log_on, ["certificate"]);
        assert!(ending.result.expect("an end").is_ok());
        assert!(first.sessions.is_empty(), "a ticket needs no room");
        device
    }

    /// The credentials asked about, with `resumed` where the device came with a session.
    fn converse(&self, node: &Node, device: &mut Supplicant) -> (Vec<&'static str>, Ending) {
        let mut asked = Vec::new();
        let answer = |conversation: &mut Conversation, credential: &InnerCredential| {
            conversation.remember(Authorization {
                account: "s123456".into(),
                device: Vec::new(),
                identity: USER.into(),
                context: Vec::new(),
            });
            asked.extend(conversation.is_resumed().then_some("resumed"));
            asked.push(credential.label());
            node.verdict.clone()
        };
        let methods = self.methods(node);
        let ending = converse_within(&methods, device, Limits::USUAL, answer).unwrap();
        (asked, ending)
    }

    /// A log-on that must succeed with equal keys at both ends.
    fn log_on(&self, node: &Node, device: &Device) -> (Vec<&'static str>, usize) {
        let mut supplicant = device.supplicant();
        let (asked, ending) = self.converse(node, &mut supplicant);
        let keys = ending.result.expect("an end").expect("success");
        assert_eq!(Some(keys.msk), supplicant.msk());
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        (asked, ending.round_trips)
    }
}

/// E4, E7, E8: none of the signatures. Round trips are spared where the ticket, which carries the
/// chain, is shorter than what it spares. The caller is asked as at a full log-on.
#[test]
fn a_device_resumes_at_another_server_and_its_certificate_is_asked_about() {
    for (versions, round_trips) in [(TlsVersions::Tls12Only, 5), (TlsVersions::Tls13Only, 6)] {
        let site = Site::new(versions);
        let device = site.known_device();
        for _ in 0..3 {
            let came = site.log_on(&Node::new(), &device);
            assert_eq!(came, (vec!["resumed", "certificate"], round_trips));
        }
    }
}

/// E7: what the caller says now counts, and nothing of the earlier log-on does.
#[test]
fn accounts_refuse_a_resumed_certificate() {
    for versions in BOTH {
        let site = Site::new(versions);
        let device = site.known_device();
        let node = Node {
            verdict: Verdict::Refused,
            ..Node::new()
        };
        let (asked, ending) = site.converse(&node, &mut device.supplicant());
        assert_eq!(asked, ["resumed", "certificate"]);
        assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
    }
}

/// E7: a refused log-on leaves the device no ticket.
#[test]
fn a_refused_log_on_leaves_nothing_to_come_back_with() {
    for versions in BOTH {
        let site = Site::new(versions);
        let device = Device::new(site.profile(SERIAL));
        let refusing = Node {
            verdict: Verdict::Refused,
            ..Node::new()
        };
        for _ in 0..2 {
            let (asked, _) = site.converse(&refusing, &mut device.supplicant());
            assert_eq!(asked, ["certificate"], "{versions:?}");
        }
    }
}

#[test]
fn a_rotated_key_opens_and_a_foreign_one_makes_it_a_full_log_on() {
    for versions in BOTH {
        let site = Site::new(versions);
        let with = |keys: &[u8]| Node {
            keys: keys.iter().map(|octet| [*octet; 32]).collect(),
            ..Node::new()
        };
        let device = site.known_device();
        let came = |keys| site.log_on(&with(keys), &device).0;
        assert_eq!(came(&[2, 1]), ["resumed", "certificate"]);
        // It has got a ticket under the second key meanwhile.
        assert_eq!(came(&[2]), ["resumed", "certificate"]);
        assert_eq!(came(&[3, 1]), ["certificate"]);
    }
}

#[test]
fn a_ticket_ends_with_its_time_however_often_it_was_renewed() {
    for versions in BOTH {
        let site = Site::new(versions);
        let device = site.known_device();
        let came = |hours: u64, seconds: u64| {
            let now = NOON + hours * HOUR - seconds;
            site.log_on(&Node { now, ..Node::new() }, &device).0
        };
        assert_eq!(came(4, 0), ["resumed", "certificate"]);
        assert_eq!(came(8, 1), ["resumed", "certificate"]);
        assert_eq!(came(8, 0), ["certificate"]);
    }
}

/// E8: revoked since, at another server; the full handshake that follows tells the device why.
#[test]
fn a_certificate_revoked_since_is_refused_and_told() {
    for versions in BOTH {
        let site = Site::new(versions);
        let device = site.known_device();
        let node = Node {
            revoked: vec![SERIAL],
            ..Node::new()
        };
        let mut supplicant = device.supplicant();
        let (asked, ending) = site.converse(&node, &mut supplicant);
        assert!(asked.is_empty());
        let revoked = FailureCause::ClientCertificate(CertificateProblem::Revoked);
        assert_eq!(ending.result.unwrap().unwrap_err(), revoked);
        let told = supplicant.tls_error();
        assert!(matches!(told, Some(rustls::Error::AlertReceived(_))));
    }
}

/// E7: who knows a password opens nothing with the ticket of a tunnel at a server that has not
/// seen the password accepted.
#[test]
fn a_tunnel_is_resumed_only_where_it_is_known() {
    for versions in BOTH {
        let site = Site::new(versions);
        let profile = Profile::pap(&site.authority, USER, PASSWORD);
        let device = Device::new(profile);
        let (here, there) = (Node::new(), Node::new());
        let came = |node| site.log_on(node, &device).0;
        assert_eq!(came(&here), ["password"]);
        assert_eq!(came(&here), ["resumed", "resumed"]);
        assert_eq!(came(&there), ["password"]);
    }
}
