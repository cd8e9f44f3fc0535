//! EAP-TLS inside EAP-TTLS and PEAP: the certificate decides there as it does by itself (E8).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, IN_PEAP, USER, generous_methods, user};
use portvakt_eap::{
    Authorization, CertificateProblem, ClientCertificates, Conversation, FailureCause,
    InnerCredential, InnerMethod, Limits, MethodType, Methods, MethodsError, ServerTls, Sessions,
    Stage, StaleLists, Step, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Authority, ClientCertificate, Device, Ending, Inner, Outcome, Outer, Profile, Supplicant,
    converse_within,
};

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
const TUNNELS: [Outer; 2] = [Outer::Ttls, Outer::Peap];
/// Of the certificates that [`Campus`] issues.
const SERIAL: u8 = 7;

/// A campus whose sessions outlive its configurations.
struct Registry {
    campus: Campus,
    tls: ServerTls,
    methods: Methods,
    sessions: Sessions,
    verdict: Verdict,
}

impl Registry {
    fn new(versions: TlsVersions) -> Self {
        let campus = Campus::new(versions);
        let sessions = Sessions::new(100, Sessions::USUAL_TIME_TO_LIVE);
        let tls = campus.tls.clone().with_sessions(sessions.clone());
        let methods = offer(&tls, &campus.authority, &[]);
        Registry {
            campus,
            tls,
            methods,
            sessions,
            verdict: Verdict::Accepted,
        }
    }

    /// The registry after a reload, with these serials revoked.
    fn revoke(&mut self, revoked: &[u8]) {
        self.methods = offer(&self.tls, &self.campus.authority, revoked);
    }

    fn profile(&self, outer: Outer) -> Profile {
        self.campus.profile_of(outer, Inner::eap_tls(user()))
    }

    fn converse(&self, supplicant: &mut Supplicant, limits: Limits) -> (Vec<String>, Ending) {
        let mut asked = Vec::new();
        let answer = |conversation: &mut Conversation, credential: &InnerCredential| {
            conversation.remember(Authorization {
                account: "s123456".into(),
                device: Vec::new(),
                identity: USER.as_bytes().to_vec(),
                context: Vec::new(),
            });
            asked.push(question(credential));
            self.verdict.clone()
        };
        let ending = converse_within(&self.methods, supplicant, limits, answer).unwrap();
        (asked, ending)
    }

    fn log_on(&self, supplicant: &mut Supplicant) -> Vec<String> {
        let (asked, ending) = self.converse(supplicant, Limits::USUAL);
        let keys = ending.result.expect("an end").expect("success");
        assert_eq!(Some(keys.msk), supplicant.msk());
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        asked
    }

    /// A log-on that fails; nothing of it can be resumed.
    fn fail(&self, supplicant: &mut Supplicant) -> (Vec<String>, FailureCause) {
        let (asked, ending) = self.converse(supplicant, Limits::USUAL);
        assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
        assert!(self.sessions.is_empty());
        (asked, ending.result.expect("an end").unwrap_err())
    }
}

fn offer(tls: &ServerTls, authority: &Authority, revoked: &[u8]) -> Methods {
    let lists = authority.revocation_lists(revoked, 2090);
    let lists: [&[u8]; 1] = [lists.as_bytes()];
    let roots = authority.certificate_pem();
    let certificates =
        ClientCertificates::new(roots.as_bytes(), &lists, StaleLists::Refuse).unwrap();
    generous_methods(tls.clone().with_client_certificates(certificates).unwrap())
}

/// The kind of credential, and the name in the certificate that came with it.
fn question(credential: &InnerCredential) -> String {
    let certificate = match credential {
        InnerCredential::Certificate { certificate } => Some(certificate),
        InnerCredential::Resumed { certificate, .. } => certificate.as_ref(),
        _ => None,
    };
    let names = certificate.map(|certificate| certificate.san_emails.join(" "));
    format!("{} {}", credential.label(), names.unwrap_or_default())
}

/// E2: two handshakes in one another, in fragments of any size; E4: equal keys at both ends.
#[test]
fn fragments_of_any_size_lead_to_the_same_end() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        for outer in TUNNELS {
            for (server, client) in [(300, 300), (400, 1400), (1400, 400), (4000, 4000)] {
                let mut supplicant = Supplicant::new(Profile {
                    eap_octets: client,
                    ..registry.profile(outer)
                });
                let limits = Limits { eap_octets: server };
                let (_, ending) = registry.converse(&mut supplicant, limits);
                let keys = ending.result.unwrap().unwrap();
                assert_eq!(Some(keys.msk), supplicant.msk(), "{outer:?} {server}");
            }
        }
    }
}

/// E2: with the tunnel around it an inner fragment still fits into one packet.
#[test]
fn an_inner_fragment_is_one_packet_outside() {
    for versions in BOTH {
        let registry = Registry::new(versions);
        for outer in TUNNELS {
            let mut supplicant = Supplicant::new(registry.profile(outer));
            let identity = supplicant.identity_response(0);
            let started = Conversation::start(&registry.methods, &identity);
            let (mut conversation, mut step) = started.unwrap();
            let (mut outer_fragments, mut largest) = (0, 0);
            while let Step::Request(request) = step {
                largest = largest.max(request.len());
                let more_follow = request.get(5).is_some_and(|flags| flags & 0x40 != 0);
                outer_fragments += usize::from(more_follow);
                let response = supplicant.handle(&request).unwrap();
                step = conversation
                    .handle_response(&response, Limits::USUAL)
                    .unwrap();
            }
            assert!(matches!(step, Step::Authenticate(_)), "{step:?}");
            assert!(largest <= Limits::USUAL.eap_octets);
            assert_eq!(outer_fragments, 1, "the outer certificate alone is cut");
        }
    }
}

/// E8: each with its own cause, and never asked of the caller.
#[test]
fn an_unsound_certificate_is_refused_with_its_cause() {
    use CertificateProblem as P;
    for versions in BOTH {
        let mut registry = Registry::new(versions);
        registry.revoke(&[9]);
        let issue = |authority: &Authority, serial, ends| {
            authority.issue_client(&ClientCertificate {
                ends,
                ..ClientCertificate::of(USER, serial)
            })
        };
        let ours = &registry.campus.authority;
        let (expired, revoked) = (issue(ours, 1, 2024), issue(ours, 9, 2090));
        let stranger = issue(&Authority::new("Stranger"), 1, 2090);
        let cases = [
            (Some(expired), P::Expired),
            (Some(revoked), P::Revoked),
            (Some(stranger), P::UnknownAuthority),
            (None, P::Missing),
        ];
        for outer in TUNNELS {
            for (certificate, problem) in &cases {
                let mut supplicant = Supplicant::new(Profile {
                    certificate: certificate.clone(),
                    ..registry.profile(outer)
                });
                let (asked, cause) = registry.fail(&mut supplicant);
                assert_eq!(
                    cause,
                    FailureCause::ClientCertificate(*problem),
                    "{outer:?}"
                );
                assert!(asked.is_empty(), "{asked:?}");
            }
        }
    }
}

/// E8: validity and revocation are looked at again whenever the tunnel's session is resumed.
#[test]
fn a_certificate_that_ends_cannot_come_back() {
    for versions in BOTH {
        for outer in TUNNELS {
            let mut registry = Registry::new(versions);
            let device = Device::new(registry.profile(outer));
            let full = format!("certificate {USER}");
            let resumed = format!("resumed {USER}");
            assert_eq!(registry.log_on(&mut device.supplicant()), [full]);
            assert_eq!(
                registry.log_on(&mut device.supplicant()),
                [resumed.as_str()]
            );
            assert_eq!(registry.log_on(&mut device.supplicant()), [resumed]);
            registry.revoke(&[SERIAL]);
            let mut again = device.supplicant();
            let (asked, cause) = registry.fail(&mut again);
            let revoked = FailureCause::ClientCertificate(CertificateProblem::Revoked);
            assert_eq!((asked.len(), cause), (0, revoked), "{versions:?} {outer:?}");
            assert!(!again.is_resumed(), "a full handshake, to say why");
        }
    }
}

/// E8: with no authorities left there is nobody to check it again.
#[test]
fn a_certificate_that_nobody_can_check_cannot_come_back() {
    for versions in BOTH {
        for (outer, method) in TUNNELS
            .into_iter()
            .zip([MethodType::Ttls, MethodType::Peap])
        {
            let mut registry = Registry::new(versions);
            let device = Device::new(registry.profile(outer));
            registry.log_on(&mut device.supplicant());
            registry.methods = Methods::new(registry.tls.clone(), &[method]).unwrap();
            let mut again = device.supplicant();
            let (asked, _) = registry.converse(&mut again, Limits::USUAL);
            assert!(asked.is_empty() && !again.is_resumed());
        }
    }
}

/// E7: a session by password is no session by certificate, and needs none.
#[test]
fn a_session_without_a_certificate_resumes_beside_those_with_one() {
    for versions in BOTH {
        for outer in TUNNELS {
            let registry = Registry::new(versions);
            let inner = Inner::eap_gtc(user());
            let device = Device::new(registry.campus.profile_of(outer, inner));
            assert_eq!(registry.log_on(&mut device.supplicant()), ["password "]);
            assert_eq!(registry.log_on(&mut device.supplicant()), ["resumed "]);
        }
    }
}

/// I2: a sound certificate of a locked account.
#[test]
fn accounts_have_the_last_word() {
    for versions in BOTH {
        for outer in TUNNELS {
            let mut registry = Registry::new(versions);
            registry.verdict = Verdict::Refused;
            let mut supplicant = Supplicant::new(registry.profile(outer));
            let (asked, cause) = registry.fail(&mut supplicant);
            assert_eq!(asked, [format!("certificate {USER}")]);
            assert_eq!(cause, FailureCause::Refused);
        }
    }
}

/// E10: a device that falls silent at our inner certificate does not trust it.
#[test]
fn the_stage_is_that_of_the_handshake_inside() {
    let registry = Registry::new(TlsVersions::Tls12Only);
    let mut supplicant = Supplicant::new(registry.profile(Outer::Peap));
    let identity = supplicant.identity_response(0);
    let started = Conversation::start(&registry.methods, &identity);
    let (mut conversation, mut step) = started.unwrap();
    let mut stages = Vec::new();
    while let Step::Request(request) = step {
        if stages.last() != Some(&conversation.stage()) {
            stages.push(conversation.stage());
        }
        let response = supplicant.handle(&request).unwrap();
        step = conversation
            .handle_response(&response, Limits::USUAL)
            .unwrap();
    }
    let handshake = [Stage::ServerFragments, Stage::ServerCertificate];
    let (negotiation, inner) = ([Stage::MethodNegotiation], [Stage::InnerAuthentication]);
    let expected = [negotiation.as_slice(), &handshake, &inner, &handshake];
    assert_eq!(stages, expected.concat());
}

/// There must be something to check certificates against.
#[test]
fn it_cannot_be_offered_without_authorities() {
    let campus = Campus::new(TlsVersions::Both);
    for (method, inner) in [
        (MethodType::Peap, IN_PEAP.as_slice()),
        (MethodType::Ttls, &[InnerMethod::EapTls]),
    ] {
        let methods = Methods::new(campus.tls.clone(), &[method]).unwrap();
        let error = methods.with_inner(method, inner).unwrap_err();
        assert_eq!(error, MethodsError::NoClientAuthorities);
    }
}
