//! EAP-TLS against a real TLS client: whose certificate opens, and whose does not (E8).

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
    Authorization, CertificateIdentity, CertificateProblem, ClientCertificates, Conversation,
    FailureCause, InnerCredential, Limits, MethodName, MethodType, Methods, MethodsError,
    ServerTls, Sessions, Stage, StaleLists, Step, TlsConfigError, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Authority, ClientCertificate, ClientIdentity, Device, Ending, ExtendedKeyUsagePurpose, Inner,
    Outcome, Outer, Profile, Random, Supplicant, converse_within, pap_avps,
};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use std::sync::Arc;
use std::time::Duration;

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
const SERIAL: u8 = 0x2a;

/// A campus that knows its devices by certificate.
struct Registry {
    authority: Authority,
    tls: ServerTls,
    sessions: Sessions,
    methods: Methods,
    verdict: Verdict,
}

impl Registry {
    fn new(versions: TlsVersions) -> Self {
        let authority = Authority::new("Campus");
        let server = authority.issue_server();
        let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
        let sessions = Sessions::new(1000, Sessions::USUAL_TIME_TO_LIVE);
        let tls = ServerTls::from_pem(chain, key, versions).unwrap();
        let tls = tls.with_sessions(sessions.clone());
        let certificates = certificates(&authority, &[], StaleLists::Refuse);
        Registry {
            methods: offer(&tls, certificates),
            authority,
            tls,
            sessions,
            verdict: Verdict::Accepted,
        }
    }

    /// The same campus after a reload with these revocation lists.
    fn with_lists(mut self, lists: &str, stale: StaleLists) -> Self {
        let certificates = certificates(&self.authority, &[lists.as_bytes()], stale);
        self.methods = offer(&self.tls, certificates);
        self
    }

    fn issue(&self) -> ClientIdentity {
        self.authority
            .issue_client(&ClientCertificate::of(USER, SERIAL))
    }

    fn profile(&self) -> Profile {
        Profile::tls(&self.authority, self.issue())
    }

    fn converse(&self, supplicant: &mut Supplicant) -> (Vec<&'static str>, Ending) {
        let mut asked = Vec::new();
        let answer = |conversation: &mut Conversation, credential: &InnerCredential| {
            conversation.remember(authorization());
            asked.push(question(credential));
            self.verdict.clone()
        };
        let ending = converse_within(&self.methods, supplicant, Limits::USUAL, answer).unwrap();
        (asked, ending)
    }

    fn log_on(&self, supplicant: &mut Supplicant) -> Vec<&'static str> {
        let (asked, ending) = self.converse(supplicant);
        let keys = ending.result.expect("an end").expect("success");
        assert_eq!(Some(keys.msk), supplicant.msk());
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        asked
    }

    /// A log-on that fails without the caller being asked.
    fn fail(&self, supplicant: &mut Supplicant) -> FailureCause {
        let (asked, ending) = self.converse(supplicant);
        assert!(asked.is_empty(), "{asked:?}");
        assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
        assert!(self.sessions.is_empty());
        ending.result.expect("an end").unwrap_err()
    }
}

fn certificates(authority: &Authority, lists: &[&[u8]], stale: StaleLists) -> ClientCertificates {
    ClientCertificates::new(authority.certificate_pem().as_bytes(), lists, stale).unwrap()
}

fn offer(tls: &ServerTls, certificates: ClientCertificates) -> Methods {
    let tls = tls.clone().with_client_certificates(certificates).unwrap();
    Methods::new(tls, &[MethodType::Ttls, MethodType::Tls]).unwrap()
}

fn authorization() -> Authorization {
    Authorization {
        account: "s123456".into(),
        device: Vec::new(),
        identity: b"anonymous@campus.example".to_vec(),
        context: b"by certificate".to_vec(),
    }
}

fn question(credential: &InnerCredential) -> &'static str {
    match credential {
        InnerCredential::Password { .. } => "password",
        InnerCredential::Certificate { certificate } => {
            check_identity(certificate);
            "certificate"
        }
        InnerCredential::Resumed {
            context,
            certificate,
            ..
        } => {
            assert_eq!(*context, authorization().context);
            certificate
                .iter()
                .for_each(|certificate| check_identity(certificate));
            certificate
                .as_ref()
                .map_or("resumed", |_| "resumed certificate")
        }
        other => panic!("{other:?}"),
    }
}

fn check_identity(certificate: &CertificateIdentity) {
    assert_eq!(certificate.san_emails, [USER]);
    assert_eq!(certificate.serial, "2a");
}

/// E4, E5: both ends hold the same MSK; with TLS 1.3 the device was told so inside the tunnel.
#[test]
fn a_sound_certificate_opens_and_both_ends_hold_the_same_msk() {
    for (versions, label, round_trips) in [
        (TlsVersions::Tls12Only, "1.2", 6),
        (TlsVersions::Tls13Only, "1.3", 6),
    ] {
        let registry = Registry::new(versions);
        let mut supplicant = Supplicant::new(registry.profile());
        let (asked, ending) = registry.converse(&mut supplicant);
        assert_eq!(asked, ["certificate"]);
        let keys = ending.result.unwrap().unwrap();
        assert_eq!(Some(keys.msk), supplicant.msk(), "TLS {label}");
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        assert_eq!(ending.round_trips, round_trips, "TLS {label}");
        let conversation = ending.conversation;
        assert_eq!(conversation.method(), Some(MethodName::Tls));
        assert_eq!(conversation.tls_version().unwrap().label(), label);
        assert_eq!(conversation.stage(), Stage::Finished);
    }
}

/// E2: chains in both directions, in fragments of any size.
#[test]
fn fragments_of_any_size_lead_to_the_same_end() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        for (server, client) in [(100, 300), (300, 100), (1400, 1400), (4000, 4000)] {
            let mut supplicant = Supplicant::new(Profile {
                eap_octets: client,
                ..registry.profile()
            });
            let limits = Limits { eap_octets: server };
            let accept = |_: &mut Conversation, _: &InnerCredential| Verdict::Accepted;
            let ending =
                converse_within(&registry.methods, &mut supplicant, limits, accept).unwrap();
            let keys = ending.result.unwrap().unwrap();
            assert_eq!(Some(keys.msk), supplicant.msk());
        }
    }
}

#[test]
fn a_certificate_tells_all_its_names() {
    let registry = Registry::new(TlsVersions::Both);
    let certificate = ClientCertificate {
        upn: Some("æsir@campus.example".into()),
        dns: Some("printer-7.campus.example".into()),
        common_name: "Printer 7".into(),
        ends: 2031,
        ..ClientCertificate::of("printer@campus.example", 0x9f)
    };
    let identity = registry.authority.issue_client(&certificate);
    let mut supplicant = Supplicant::new(Profile::tls(&registry.authority, identity));
    let mut seen = None;
    let keep = |_: &mut Conversation, credential: &InnerCredential| {
        if let InnerCredential::Certificate { certificate } = credential {
            seen = Some(certificate.clone());
        }
        Verdict::Refused
    };
    let _ending = converse_within(&registry.methods, &mut supplicant, Limits::USUAL, keep).unwrap();
    let seen = seen.unwrap();
    assert_eq!(seen.san_emails, ["printer@campus.example"]);
    assert_eq!(seen.san_upns, ["æsir@campus.example"]);
    assert_eq!(seen.san_dns, ["printer-7.campus.example"]);
    assert_eq!(seen.common_name.as_deref(), Some("Printer 7"));
    assert_eq!(seen.subject, "CN=Printer 7");
    assert_eq!(
        seen.issuer,
        "CN=Campus Issuing CA, O=Campus Example University"
    );
    assert_eq!(
        seen.serial, "009f",
        "as in the certificate, sign octet included"
    );
    assert_eq!(seen.not_after, 1_924_992_000, "2031-01-01");
}

/// E8: each with its own cause, told to the device by an alert, and never asked of the caller.
#[test]
fn an_unsound_certificate_is_refused_with_its_cause() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        let sound = ClientCertificate::of(USER, SERIAL);
        let expired = ClientCertificate {
            ends: 2024,
            ..sound.clone()
        };
        let for_servers = ClientCertificate {
            purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
            ..sound.clone()
        };
        let early = ClientCertificate {
            begins: 2080,
            ..sound.clone()
        };
        let stranger = Authority::new("Stranger").issue_client(&sound);
        let ours = |certificate| registry.authority.issue_client(certificate);
        for (identity, problem) in [
            (Some(ours(&expired)), CertificateProblem::Expired),
            (Some(ours(&early)), CertificateProblem::NotYetValid),
            (Some(ours(&for_servers)), CertificateProblem::WrongPurpose),
            (Some(stranger), CertificateProblem::UnknownAuthority),
            (None, CertificateProblem::Missing),
        ] {
            let mut supplicant = Supplicant::new(Profile {
                certificate: identity,
                ..registry.profile()
            });
            let cause = registry.fail(&mut supplicant);
            assert_eq!(
                cause,
                FailureCause::ClientCertificate(problem),
                "{versions:?}"
            );
            let error = supplicant.tls_error();
            assert!(
                matches!(error, Some(rustls::Error::AlertReceived(_))),
                "{error:?}"
            );
        }
    }
}

/// E8: the whole chain but the authority, and lists that are missing or out of date.
#[test]
fn revocation_is_checked_as_configured() {
    use CertificateProblem as P;
    use StaleLists::{Allow, Refuse};
    let outcome = |lists: fn(&Authority) -> String, stale, versions| {
        let registry = Registry::new(versions);
        let lists = lists(&registry.authority);
        let registry = registry.with_lists(&lists, stale);
        let (_, ending) = registry.converse(&mut Supplicant::new(registry.profile()));
        ending.result.unwrap().err()
    };
    let fresh = |authority: &Authority| authority.revocation_lists(&[7], 2090);
    let revoked = |authority: &Authority| authority.revocation_lists(&[7, SERIAL], 2090);
    let stale = |authority: &Authority| authority.revocation_lists(&[7], 2024);
    let stale_and_revoked = |authority: &Authority| authority.revocation_lists(&[SERIAL], 2024);
    let no_intermediate = |authority: &Authority| authority.revocation_lists_without_intermediate();
    let of_a_stranger = |_: &Authority| Authority::new("Stranger").revocation_lists(&[], 2090);
    for versions in BOTH {
        for (lists, policy, problem) in [
            (fresh as fn(&Authority) -> String, Refuse, None),
            (revoked, Refuse, Some(P::Revoked)),
            (no_intermediate, Refuse, Some(P::Revoked)),
            (stale, Refuse, Some(P::RevocationListStale)),
            (stale, Allow, None),
            (stale_and_revoked, Allow, Some(P::Revoked)),
            (of_a_stranger, Refuse, Some(P::RevocationUnknown)),
            (of_a_stranger, Allow, Some(P::RevocationUnknown)),
        ] {
            let expected = problem.map(FailureCause::ClientCertificate);
            assert_eq!(
                outcome(lists, policy, versions),
                expected,
                "{policy:?} {versions:?}"
            );
        }
    }
}

/// I2: a sound certificate of a locked account; the device is promised nothing.
#[test]
fn accounts_have_the_last_word() {
    for versions in BOTH {
        let mut registry = Registry::new(versions);
        registry.verdict = Verdict::Refused;
        let mut supplicant = Supplicant::new(registry.profile());
        let (asked, ending) = registry.converse(&mut supplicant);
        assert_eq!(asked, ["certificate"]);
        assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
        assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
        assert!(registry.sessions.is_empty());
    }
}

/// E7, E8: the certificate comes along, and the caller is asked again.
#[test]
fn a_certificate_resumes() {
    for (versions, round_trips) in [(TlsVersions::Tls12Only, 4), (TlsVersions::Tls13Only, 5)] {
        let mut registry = Registry::new(versions);
        let device = Device::new(registry.profile());
        assert_eq!(registry.log_on(&mut device.supplicant()), ["certificate"]);
        let mut supplicant = device.supplicant();
        let (asked, ending) = registry.converse(&mut supplicant);
        assert_eq!(asked, ["resumed certificate"]);
        assert_eq!(ending.round_trips, round_trips, "{versions:?}");
        assert_eq!(Some(ending.result.unwrap().unwrap().msk), supplicant.msk());
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        registry.verdict = Verdict::Refused;
        let (asked, ending) = registry.converse(&mut device.supplicant());
        assert_eq!(asked, ["resumed certificate"]);
        assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
        assert!(registry.sessions.is_empty());
    }
}

/// E8: a certificate that was revoked since is not let in by its session; it is told why.
#[test]
fn a_session_of_a_certificate_revoked_since_is_none() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        let fresh = registry.authority.revocation_lists(&[], 2090);
        let registry = registry.with_lists(&fresh, StaleLists::Refuse);
        let device = Device::new(registry.profile());
        registry.log_on(&mut device.supplicant());
        assert_eq!(
            registry.log_on(&mut device.supplicant()),
            ["resumed certificate"]
        );
        let revoked = registry.authority.revocation_lists(&[SERIAL], 2090);
        let registry = registry.with_lists(&revoked, StaleLists::Refuse);
        let mut supplicant = device.supplicant();
        let cause = registry.fail(&mut supplicant);
        assert_eq!(
            cause,
            FailureCause::ClientCertificate(CertificateProblem::Revoked)
        );
    }
}

#[derive(Debug)]
struct Frozen(u64);

impl TimeProvider for Frozen {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// E8: nor one that has expired since.
#[test]
fn a_session_of_a_certificate_expired_since_is_none() {
    for versions in BOTH {
        let mut registry = Registry::new(versions);
        let at = |registry: &Registry, seconds| {
            let certificates = certificates(&registry.authority, &[], StaleLists::Refuse);
            let tls = registry
                .tls
                .clone()
                .with_client_certificates(certificates)
                .unwrap();
            let tls = tls.with_time_provider(Arc::new(Frozen(seconds)));
            Methods::new(tls, &[MethodType::Tls]).unwrap()
        };
        // The beginning of 2090 is 3,786,912,000.
        registry.methods = at(&registry, 3_786_911_990);
        let device = Device::new(registry.profile());
        registry.log_on(&mut device.supplicant());
        assert_eq!(
            registry.log_on(&mut device.supplicant()),
            ["resumed certificate"]
        );
        registry.methods = at(&registry, 3_786_912_010);
        let cause = registry.fail(&mut device.supplicant());
        assert_eq!(
            cause,
            FailureCause::ClientCertificate(CertificateProblem::Expired)
        );
    }
}

/// A session counts only against the authorities that it was checked against.
#[test]
fn other_authorities_end_the_sessions() {
    for versions in BOTH {
        let mut registry = Registry::new(versions);
        let device = Device::new(registry.profile());
        registry.log_on(&mut device.supplicant());
        let both = registry.authority.certificate_pem() + &Authority::new("New").certificate_pem();
        let both = ClientCertificates::new(both.as_bytes(), &[], StaleLists::Refuse).unwrap();
        registry.methods = offer(&registry.tls, both);
        assert_eq!(registry.log_on(&mut device.supplicant()), ["certificate"]);
        registry.methods = offer(
            &registry.tls,
            certificates(&Authority::new("New"), &[], StaleLists::Refuse),
        );
        let (_, ending) = registry.converse(&mut device.supplicant());
        let problem = CertificateProblem::UnknownAuthority;
        let cause = ending.result.unwrap().unwrap_err();
        assert_eq!(cause, FailureCause::ClientCertificate(problem));
    }
}

/// A session of one method is nothing to another, in either direction.
#[test]
fn sessions_do_not_cross_methods() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        let by_password = Profile {
            outer: Outer::Ttls,
            inner: Inner::Avps(pap_avps(USER.as_bytes(), PASSWORD)),
            ..registry.profile()
        };
        let (ttls, tls) = (by_password.clone(), registry.profile());
        let device = Device::new(by_password);
        assert_eq!(
            registry.log_on(&mut device.supplicant_with(ttls.clone())),
            ["password"]
        );
        let mut supplicant = device.supplicant_with(tls.clone());
        assert_eq!(registry.log_on(&mut supplicant), ["certificate"]);
        assert!(!supplicant.is_resumed());
        let device = Device::new(tls.clone());
        assert_eq!(
            registry.log_on(&mut device.supplicant_with(tls)),
            ["certificate"]
        );
        assert_eq!(
            registry.log_on(&mut device.supplicant_with(ttls)),
            ["password"]
        );
    }
}

/// A device that has but a password, and the session that it opened, does not get in by
/// certificate.
#[test]
fn a_session_without_a_certificate_does_not_replace_one() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        let without = Profile {
            outer: Outer::Ttls,
            certificate: None,
            inner: Inner::Avps(pap_avps(USER.as_bytes(), PASSWORD)),
            ..registry.profile()
        };
        let device = Device::new(without.clone());
        assert_eq!(registry.log_on(&mut device.supplicant()), ["password"]);
        let mut attacker = device.supplicant_with(Profile {
            outer: Outer::Tls,
            ..without
        });
        let (asked, ending) = registry.converse(&mut attacker);
        assert!(asked.is_empty());
        let cause = ending.result.unwrap().unwrap_err();
        assert_eq!(
            cause,
            FailureCause::ClientCertificate(CertificateProblem::Missing)
        );
    }
}

#[test]
fn data_where_there_is_no_inner_method_ends_it() {
    let registry = Registry::new(TlsVersions::Tls13Only);
    let mut supplicant = Supplicant::new(Profile {
        eager: true,
        proves_anew: true,
        inner: Inner::Avps(b"let me in".to_vec()),
        ..registry.profile()
    });
    let cause = registry.fail(&mut supplicant);
    assert_eq!(cause, FailureCause::DataInsideTls);
}

#[test]
fn what_cannot_be_checked_is_refused_at_load() {
    let authority = Authority::new("Campus");
    let server = authority.issue_server();
    let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
    let tls = ServerTls::from_pem(chain, key, TlsVersions::Both).unwrap();
    let without = Methods::new(tls, &[MethodType::Tls]).unwrap_err();
    assert_eq!(without, MethodsError::NoClientAuthorities);
    let pem = authority.certificate_pem();
    let load = |authorities: &str, lists: &[&[u8]]| {
        ClientCertificates::new(authorities.as_bytes(), lists, StaleLists::Refuse).err()
    };
    assert_eq!(load("", &[]), Some(TlsConfigError::AuthoritiesEmpty));
    for list in [b"".as_slice(), b"\x30\x03\x02\x01\x01", pem.as_bytes()] {
        let error = load(&pem, &[list]);
        assert!(
            matches!(error, Some(TlsConfigError::RevocationList(_))),
            "{error:?}"
        );
    }
}

/// Bits turned at every step, full and resumed: nothing but an accepting verdict on the device's
/// own certificate leads to success, and a device that believes in it has the same keys.
#[test]
fn an_altered_handshake_opens_nothing() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        let mut successes = 0;
        for seed in 0..150 {
            let mut random = Random::new(seed);
            let device = Device::new(registry.profile());
            if seed % 2 == 0 {
                registry.log_on(&mut device.supplicant());
            }
            let accept = seed % 5 != 0;
            let mut supplicant = device.supplicant();
            successes += u32::from(disturbed(&registry, &mut supplicant, &mut random, accept));
        }
        assert!(
            successes > 20,
            "{versions:?}: {successes} successes prove little"
        );
    }
}

fn disturbed(
    registry: &Registry,
    supplicant: &mut Supplicant,
    random: &mut Random,
    accept: bool,
) -> bool {
    let identity = supplicant.identity_response(1);
    let started = Conversation::start(&registry.methods, &identity);
    let (mut conversation, mut step) = started.unwrap();
    let mut accepted = false;
    for _ in 0..40 {
        step = match step {
            Step::Request(request) => {
                let mut request = request.to_vec();
                if random.below(20) == 0 {
                    random.alter(&mut request);
                }
                let Some(mut response) = supplicant.handle(&request) else {
                    return false;
                };
                if random.below(10) == 0 {
                    random.alter(&mut response);
                }
                match conversation.handle_response(&response, Limits::USUAL) {
                    Ok(step) => step,
                    Err(error) => {
                        assert!(error.is_ignorable());
                        return false;
                    }
                }
            }
            Step::Authenticate(credential) => {
                assert_ne!(question(&credential), "password");
                conversation.remember(authorization());
                accepted = accept;
                let verdict = if accept {
                    Verdict::Accepted
                } else {
                    Verdict::Refused
                };
                conversation.handle_verdict(verdict, Limits::USUAL).unwrap()
            }
            Step::FindSession(id) => panic!("no keeper has {id:?}"),
            Step::Success { packet, keys } => {
                assert!(accepted);
                supplicant.handle(&packet);
                // What we said last may have been lost on a device that acknowledged it: then it
                // has no keys, and believes in nothing.
                let believes = supplicant.outcome() == Some(Outcome::Success);
                assert!(!believes || supplicant.msk() == keys.as_ref().map(|keys| keys.msk));
                return believes;
            }
            Step::Failure { .. } => return false,
        };
    }
    false
}
