//! Sessions that a keeper keeps: resumed at any server that has the keys and the record, and by no
//! other way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{PASSWORD, USER, user};
use portvakt_eap::{
    Authorization, ClientCertificates, Conversation, InnerCredential, KeptSession, Limits,
    MethodType, Methods, ServerTls, SessionId, SessionKeeper, Sessions, StaleLists, TicketKeys,
    TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Authority, ClientCertificate, Device, Inner, Outcome, Outer, Profile, TeapDevice,
    converse_searching,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
const HOUR: Duration = Duration::from_secs(3600);

/// A store that all servers of a site share.
#[derive(Default)]
struct Shelf(Mutex<HashMap<SessionId, KeptSession>>);

impl SessionKeeper for Shelf {
    fn keep(&self, session: KeptSession) {
        self.0.lock().unwrap().insert(session.id, session);
    }

    fn end(&self, id: SessionId, account: &str) {
        let ended = self.0.lock().unwrap().remove(&id);
        assert!(ended.is_none_or(|ended| ended.account == account));
    }

    fn forget(&self, account: &str) {
        let mut shelf = self.0.lock().unwrap();
        shelf.retain(|_, session| session.account != account);
    }
}

impl Shelf {
    fn sealed(&self, id: &SessionId) -> Option<Vec<u8>> {
        let shelf = self.0.lock().unwrap();
        shelf.get(id).map(|session| session.sealed.clone())
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

struct Site {
    authority: Authority,
    versions: TlsVersions,
    shelf: Arc<Shelf>,
}

/// One server of a site, or the same one after a restart.
struct Node<'s> {
    site: &'s Site,
    sessions: Sessions,
    methods: Methods,
}

/// How a log-on went.
#[derive(Debug, PartialEq, Eq)]
struct LogOn {
    asked: Vec<&'static str>,
    /// How often the store was asked.
    searches: usize,
    is_success: bool,
}

impl LogOn {
    fn resumed() -> Self {
        Self {
            asked: vec!["resumed"],
            searches: 0,
            is_success: true,
        }
    }

    fn after_search(self) -> Self {
        Self {
            searches: 1,
            ..self
        }
    }

    /// Success by password. The session id of a device that offers TLS 1.3 may be noise, which is
    /// looked for under TLS 1.2.
    fn is_full(&self) -> bool {
        self.is_success && self.asked == ["password"]
    }
}

impl Site {
    fn new(versions: TlsVersions) -> Self {
        Site {
            authority: Authority::new("Campus"),
            versions,
            shelf: Arc::default(),
        }
    }

    fn node(&self, keys: &[[u8; 32]]) -> Node<'_> {
        let server = self.authority.issue_server();
        let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
        let sessions = Sessions::new(100, HOUR * 8);
        sessions.set_keeper(Arc::clone(&self.shelf) as _);
        sessions.set_ticket_keys(TicketKeys::new(keys).unwrap());
        sessions.advance(HOUR * 24);
        let pem = self.authority.certificate_pem();
        let certificates = ClientCertificates::new(pem.as_bytes(), &[], StaleLists::Allow);
        let tls = ServerTls::from_pem(chain, key, self.versions)
            .unwrap()
            .with_client_certificates(certificates.unwrap())
            .unwrap()
            .with_sessions(sessions.clone());
        let all = [
            MethodType::Ttls,
            MethodType::Peap,
            MethodType::Teap,
            MethodType::Tls,
        ];
        Node {
            site: self,
            sessions,
            methods: Methods::new(tls, &all).unwrap(),
        }
    }

    fn profile(&self) -> Profile {
        Profile::pap(&self.authority, USER, PASSWORD)
    }
}

/// Tries it with devices that hold their session in a ticket, and under TLS 1.2 by its id.
fn with_each_device(mut case: impl FnMut(&Site, &Device)) {
    for versions in BOTH {
        let site = Site::new(versions);
        case(&site, &Device::new(site.profile()));
    }
    let site = Site::new(TlsVersions::Tls12Only);
    let device = Device::open_without_tickets(site.profile());
    case(&site, &device.unwrap());
}

impl Node<'_> {
    fn log_on(&self, device: &Device, verdict: &Verdict) -> LogOn {
        let (mut asked, mut searches) = (Vec::new(), 0);
        let mut supplicant = device.supplicant();
        let accounts = |conversation: &mut Conversation, credential: &InnerCredential| {
            asked.push(credential.label());
            conversation.remember(Authorization {
                account: "s123456".into(),
                device: b"02-00-00-00-00-01".to_vec(),
                identity: USER.into(),
                context: b"version 1".to_vec(),
            });
            match (credential, verdict) {
                (InnerCredential::MsChapV2 { .. }, Verdict::Accepted) => user().judge(credential),
                _ => verdict.clone(),
            }
        };
        let search = |id| {
            searches += 1;
            let sealed = self.site.shelf.sealed(&id);
            sealed.is_some_and(|sealed| self.sessions.adopt(id, &sealed))
        };
        let limits = Limits::USUAL;
        let ending = converse_searching(&self.methods, &mut supplicant, limits, accounts, search);
        let is_success =
            matches!(ending.unwrap().result, Some(Ok(keys)) if Some(keys.msk) == supplicant.msk());
        assert_eq!(is_success, supplicant.outcome() == Some(Outcome::Success));
        LogOn {
            asked,
            searches,
            is_success,
        }
    }

    fn lets_in(&self, device: &Device) -> LogOn {
        self.log_on(device, &Verdict::Accepted)
    }
}

/// E7.
#[test]
fn device_comes_back_to_any_node_and_after_a_restart() {
    with_each_device(|site, device| {
        let (one, other) = (site.node(&[[1; 32]]), site.node(&[[1; 32]]));
        assert!(one.lets_in(device).is_full());
        assert_eq!(other.lets_in(device), LogOn::resumed().after_search());
        assert_eq!(other.lets_in(device), LogOn::resumed());
        assert_eq!(one.lets_in(device), LogOn::resumed());
        drop(one);
        let restarted = site.node(&[[1; 32]]);
        assert_eq!(restarted.lets_in(device), LogOn::resumed().after_search());
        // However often it came back, it is one session.
        assert_eq!(site.shelf.len(), 1);
    });
}

/// E7: PEAP, TEAP and EAP-TLS.
#[test]
fn every_method_comes_back_at_another_node() {
    for versions in BOTH {
        let site = Site::new(versions);
        let (one, other) = (site.node(&[[1; 32]]), site.node(&[[1; 32]]));
        let authority = &site.authority;
        let certificate = ClientCertificate::of(USER, 7);
        for profile in [
            Profile::new(authority, Outer::Peap, Inner::eap_ms_chap_v2(user())),
            Profile::new(authority, Outer::Teap, Inner::Teap(TeapDevice::new(user()))),
            Profile::tls(authority, authority.issue_client(&certificate)),
        ] {
            let device = Device::new(profile);
            assert!(one.lets_in(&device).is_success);
            assert_eq!(other.lets_in(&device), LogOn::resumed().after_search());
            assert!(one.lets_in(&device).is_success);
            // Where the session was for one use, its next one is elsewhere.
            assert_eq!(one.lets_in(&device).asked, ["resumed"]);
            one.sessions.forget("s123456");
            other.sessions.forget("s123456");
        }
    }
}

#[test]
fn device_of_foreign_keys_logs_on_in_full() {
    with_each_device(|site, device| {
        assert!(site.node(&[[1; 32]]).lets_in(device).is_full());
        let foreign = site.node(&[[2; 32]]);
        let log_on = foreign.lets_in(device);
        assert_eq!(log_on.asked, ["password"]);
        // A ticket that does not open is not looked for; a session id is but a name.
        let is_ticket = site.versions == TlsVersions::Tls13Only;
        assert!(!is_ticket || log_on.searches == 0);
    });
}

#[test]
fn rotated_keys_open_what_they_sealed() {
    with_each_device(|site, device| {
        assert!(site.node(&[[1; 32]]).lets_in(device).is_full());
        let rotated = site.node(&[[2; 32], [1; 32]]);
        assert_eq!(rotated.lets_in(device), LogOn::resumed().after_search());
        rotated
            .sessions
            .set_ticket_keys(TicketKeys::new(&[[3; 32], [2; 32]]).unwrap());
        // The session is in memory; under TLS 1.3 its ticket is of the second key by now.
        assert_eq!(rotated.lets_in(device), LogOn::resumed());
    });
}

/// CVE-2017-9148, RFC 5281 §7.5: a ticket alone opens nothing.
#[test]
fn ticket_without_its_record_opens_nothing() {
    with_each_device(|site, device| {
        let node = site.node(&[[1; 32]]);
        assert!(!node.log_on(device, &Verdict::Refused).is_success);
        assert_eq!(site.shelf.len(), 0);
        let again = node.lets_in(device);
        assert_eq!(again.asked, ["password"]);
        assert_eq!(site.shelf.len(), 1);
        node.sessions.forget("s123456");
        assert_eq!(site.shelf.len(), 0);
        assert!(node.lets_in(device).is_full());
    });
}

#[test]
fn refused_session_ends_everywhere() {
    with_each_device(|site, device| {
        let (one, other) = (site.node(&[[1; 32]]), site.node(&[[1; 32]]));
        assert!(one.lets_in(device).is_full());
        let refused = other.log_on(device, &Verdict::Refused);
        assert_eq!(
            (refused.asked, refused.is_success),
            (vec!["resumed"], false)
        );
        assert_eq!(site.shelf.len(), 0);
    });
}

#[test]
fn record_is_taken_only_as_it_was_sealed_and_while_it_is_young() {
    let site = Site::new(TlsVersions::Tls12Only);
    let node = site.node(&[[1; 32]]);
    node.lets_in(&Device::new(site.profile()));
    let (id, sealed) = {
        let shelf = site.shelf.0.lock().unwrap();
        let session = shelf.values().next().unwrap();
        (session.id, session.sealed.clone())
    };
    let fresh = || site.node(&[[1; 32]]);
    assert!(fresh().sessions.adopt(id, &sealed));
    for index in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[index] ^= 1;
        assert!(!fresh().sessions.adopt(id, &altered), "{index}");
    }
    assert!(!fresh().sessions.adopt([0; 32], &sealed), "another's name");
    let old = fresh();
    old.sessions.advance(HOUR * 32);
    assert!(!old.sessions.adopt(id, &sealed));
    let behind = Sessions::new(100, HOUR * 8);
    behind.set_ticket_keys(TicketKeys::new(&[[1; 32]]).unwrap());
    behind.advance(HOUR * 23);
    assert!(!behind.adopt(id, &sealed), "it would live too long");
}
