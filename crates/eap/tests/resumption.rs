//! Resumption (E7): what it spares, and everything that it must not open.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says with a panic that it failed"
)]

mod common;

use common::{Campus, PASSWORD, USER, accounts, user, user_with};
use portvakt_eap::{
    Authorization, Conversation, FailureCause, InnerCredential, InnerMethod, Limits, MethodName,
    MethodType, Methods, ServerTls, Sessions, Stage, Step, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Device, Ending, Everything, Inner, LogOn, Outcome, Outer, Profile, Random, Supplicant,
    converse_within,
};
use std::time::Duration;

const BOTH: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
const CONTEXT: &[u8] = b"credential version 7";
const HOUR: Duration = Duration::from_secs(3600);

/// A campus that lets devices resume, and what its accounts were asked.
struct Hall {
    campus: Campus,
    sessions: Sessions,
    methods: Methods,
    /// The verdict on a resumed session.
    verdict: Verdict,
}

impl Hall {
    fn new(versions: TlsVersions) -> Self {
        let campus = Campus::new(versions);
        let sessions = Sessions::new(1000, Sessions::USUAL_TIME_TO_LIVE);
        let tls = campus.tls.clone().with_sessions(sessions.clone());
        let methods = Methods::new(tls, &[MethodType::Ttls]).unwrap();
        Hall {
            campus,
            sessions,
            methods,
            verdict: Verdict::Accepted,
        }
    }

    fn device(&self) -> Device {
        Device::new(self.campus.profile())
    }

    /// The kinds of question that the caller was asked, and how it ended.
    fn converse(&self, supplicant: &mut Supplicant) -> (Vec<&'static str>, Ending) {
        let mut asked = Vec::new();
        let answer = |conversation: &mut Conversation, credential: &InnerCredential| {
            let (question, verdict) = self.answer(conversation, credential);
            asked.push(question);
            verdict
        };
        let ending = converse_within(&self.methods, supplicant, Limits::USUAL, answer).unwrap();
        (asked, ending)
    }

    fn answer(
        &self,
        conversation: &mut Conversation,
        credential: &InnerCredential,
    ) -> (&'static str, Verdict) {
        match credential {
            InnerCredential::Password { identity, password } => {
                conversation.remember(authorization());
                ("password", accounts(identity, password.as_bytes()))
            }
            InnerCredential::Resumed {
                identity, context, ..
            } => {
                assert_eq!(
                    (identity.as_slice(), context.as_slice()),
                    (USER.as_bytes(), CONTEXT)
                );
                ("resumed", self.verdict.clone())
            }
            other => {
                conversation.remember(authorization());
                (other.label(), user().judge(other))
            }
        }
    }

    /// A log-on that must succeed, and what the caller was asked for it.
    fn log_on(&self, supplicant: &mut Supplicant) -> Vec<&'static str> {
        let (asked, ending) = self.converse(supplicant);
        let keys = ending.result.expect("an end").expect("success");
        assert_eq!(Some(keys.msk), supplicant.msk());
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        assert_eq!(ending.conversation.is_resumed(), asked == ["resumed"]);
        asked
    }
}

fn authorization() -> Authorization {
    Authorization {
        account: "s123456".into(),
        device: Vec::new(),
        identity: USER.as_bytes().to_vec(),
        context: CONTEXT.to_vec(),
    }
}

/// E4, E5, E7: fewer round trips, fresh keys that both ends share, the caller asked again.
#[test]
fn a_device_that_comes_back_resumes_and_the_accounts_are_asked_again() {
    for (versions, round_trips) in [(TlsVersions::Tls12Only, 3), (TlsVersions::Tls13Only, 4)] {
        let hall = Hall::new(versions);
        let device = hall.device();
        let mut first = device.supplicant();
        assert_eq!(hall.log_on(&mut first), ["password"]);
        assert_eq!(hall.sessions.len(), 1);
        let mut before = first.msk();
        for _ in 0..3 {
            let mut again = device.supplicant();
            let (asked, ending) = hall.converse(&mut again);
            assert_eq!(
                (asked, ending.round_trips),
                (vec!["resumed"], round_trips),
                "{versions:?}"
            );
            let keys = ending.result.expect("an end").expect("success");
            assert_eq!(Some(keys.msk), again.msk());
            assert_ne!(before, again.msk(), "the keys of another conversation");
            assert_eq!(again.outcome(), Some(Outcome::Success));
            assert!(again.is_resumed() && ending.conversation.is_resumed());
            assert_eq!(ending.conversation.method(), Some(MethodName::TtlsPap));
            before = again.msk();
        }
        assert_eq!(
            hall.sessions.len(),
            1,
            "a used ticket makes room for the next"
        );
    }
}

/// CVE-2017-9148: the session of a refused log-on is worth nothing.
#[test]
fn a_session_whose_password_was_refused_cannot_be_resumed() {
    for versions in BOTH {
        let hall = Hall::new(versions);
        let attacker = Device::new(Profile::pap(&hall.campus.authority, USER, b"guess"));
        let (_, ending) = hall.converse(&mut attacker.supplicant());
        assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
        assert!(hall.sessions.is_empty());
        let mut again = attacker.supplicant();
        let (asked, ending) = hall.converse(&mut again);
        assert_eq!(
            asked,
            ["password"],
            "a full log-on, with the wrong password again"
        );
        assert!(!again.is_resumed());
        assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
    }
}

/// CVE-2017-9148: nor is one that was broken off when the tunnel was open.
#[test]
fn a_session_that_never_proved_anything_cannot_be_resumed() {
    for versions in BOTH {
        let hall = Hall::new(versions);
        let attacker = hall.device();
        let mut supplicant = attacker.supplicant();
        let identity = supplicant.identity_response(1);
        let (mut conversation, mut step) = Conversation::start(&hall.methods, &identity).unwrap();
        while let Step::Request(request) = step {
            let response = supplicant.handle(&request).unwrap();
            step = conversation
                .handle_response(&response, Limits::USUAL)
                .unwrap();
        }
        assert!(matches!(
            step,
            Step::Authenticate(InnerCredential::Password { .. })
        ));
        conversation.remember(authorization());
        let mut meanwhile = attacker.supplicant();
        assert_eq!(
            hall.log_on(&mut meanwhile),
            ["password"],
            "while the accounts are asked"
        );
        drop(conversation);
        assert_eq!(
            hall.sessions.len(),
            1,
            "only that of the log-on that succeeded"
        );
    }
}

#[test]
fn a_log_on_that_nobody_remembers_cannot_be_resumed() {
    for versions in BOTH {
        let hall = Hall::new(versions);
        let device = hall.device();
        for _ in 0..2 {
            let mut supplicant = device.supplicant();
            let password = |_: &mut Conversation, credential: &InnerCredential| {
                assert!(matches!(credential, InnerCredential::Password { .. }));
                Verdict::Accepted
            };
            let ending = converse_within(&hall.methods, &mut supplicant, Limits::USUAL, password);
            assert!(ending.unwrap().result.unwrap().is_ok());
        }
        assert!(hall.sessions.is_empty());
    }
}

/// E7, I2: a locked account is refused on its resumed session too, and the session ends.
#[test]
fn a_refused_session_ends_for_good() {
    for versions in BOTH {
        let mut hall = Hall::new(versions);
        let device = hall.device();
        hall.log_on(&mut device.supplicant());
        hall.verdict = Verdict::Refused;
        let mut supplicant = device.supplicant();
        let (asked, ending) = hall.converse(&mut supplicant);
        assert_eq!(asked, ["resumed"]);
        assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
        assert_eq!(supplicant.outcome(), Some(Outcome::Failure));
        assert!(hall.sessions.is_empty());
        hall.verdict = Verdict::Accepted;
        assert_eq!(hall.log_on(&mut device.supplicant()), ["password"]);
    }
}

#[test]
fn all_sessions_of_an_account_end_at_once() {
    for versions in BOTH {
        let hall = Hall::new(versions);
        let devices: Vec<_> = (0..3).map(|_| hall.device()).collect();
        for device in &devices {
            hall.log_on(&mut device.supplicant());
        }
        assert_eq!(hall.sessions.forget("somebody else"), 0);
        assert_eq!(hall.sessions.forget("s123456"), 3);
        assert!(hall.sessions.is_empty());
        for device in &devices {
            assert_eq!(hall.log_on(&mut device.supplicant()), ["password"]);
        }
    }
}

/// E7: resuming does not postpone the end; only a new proof does.
#[test]
fn a_session_ends_with_its_time_however_often_it_was_resumed() {
    for versions in BOTH {
        let hall = Hall::new(versions);
        let device = hall.device();
        hall.log_on(&mut device.supplicant());
        for hours in [3, 7] {
            hall.sessions.advance(HOUR * hours);
            assert_eq!(hall.log_on(&mut device.supplicant()), ["resumed"]);
        }
        hall.sessions.advance(HOUR * 8);
        assert_eq!(hall.log_on(&mut device.supplicant()), ["password"]);
        assert_eq!(hall.log_on(&mut device.supplicant()), ["resumed"]);
        hall.sessions.advance(HOUR * 16);
        assert!(hall.sessions.sweep() > 0);
        assert!(hall.sessions.is_empty());
    }
}

/// PEAP says it by Result TLV, under both TLS versions ([MS-PEAP] §3.1.5.6), and names no method.
#[test]
fn peap_resumes_with_a_result_and_no_inner_method() {
    for versions in BOTH {
        let mut hall = Hall::new(versions);
        let tls = hall.campus.tls.clone().with_sessions(hall.sessions.clone());
        hall.methods = Methods::new(tls, &[MethodType::Peap]).unwrap();
        let profile = |user| {
            let inner = Inner::eap_ms_chap_v2(user);
            Profile::new(&hall.campus.authority, Outer::Peap, inner)
        };
        let attacker = Device::new(profile(user_with("guess")));
        for _ in 0..2 {
            let (asked, ending) = hall.converse(&mut attacker.supplicant());
            assert_eq!(asked, ["mschapv2"]);
            assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
            assert!(hall.sessions.is_empty());
        }
        let device = Device::new(profile(user()));
        assert_eq!(hall.log_on(&mut device.supplicant()), ["mschapv2"]);
        let mut again = device.supplicant();
        let (asked, ending) = hall.converse(&mut again);
        assert_eq!(asked, ["resumed"]);
        assert_eq!(Some(ending.result.unwrap().unwrap().msk), again.msk());
        assert_eq!(again.outcome(), Some(Outcome::Success));
        let name = ending.conversation.method().map(MethodName::label);
        assert_eq!(name, Some("peap/eap-mschapv2"));
        hall.verdict = Verdict::Refused;
        let (asked, ending) = hall.converse(&mut device.supplicant());
        assert_eq!(asked, ["resumed"]);
        assert_eq!(ending.result.unwrap().unwrap_err(), FailureCause::Refused);
        assert!(hall.sessions.is_empty());
    }
}

/// A reload of certificate and key keeps the sessions; a server that was given none has none.
#[test]
fn sessions_outlive_the_configuration() {
    for versions in BOTH {
        let mut hall = Hall::new(versions);
        let device = hall.device();
        hall.log_on(&mut device.supplicant());
        let renewed = hall.campus.authority.issue_server();
        let (chain, key) = (renewed.chain_pem.as_bytes(), renewed.key_pem.as_bytes());
        let tls = ServerTls::from_pem(chain, key, versions).unwrap();
        let with = tls.clone().with_sessions(hall.sessions.clone());
        hall.methods = Methods::new(with, &[MethodType::Ttls]).unwrap();
        assert_eq!(hall.log_on(&mut device.supplicant()), ["resumed"]);
        hall.methods = Methods::new(tls, &[MethodType::Ttls]).unwrap();
        assert_eq!(hall.log_on(&mut device.supplicant()), ["password"]);
    }
}

/// RFC 9427 §3: data with Finished on a resumed session is a proof of its own, and counts as one.
#[test]
fn a_device_that_proves_itself_anew_is_asked_for_nothing_else() {
    let hall = Hall::new(TlsVersions::Tls13Only);
    let device = hall.device();
    hall.log_on(&mut device.supplicant());
    for (password, accepted) in [(b"guess".as_slice(), false), (PASSWORD, true)] {
        hall.log_on(&mut device.supplicant());
        let mut supplicant = device.supplicant_with(Profile {
            eager: true,
            proves_anew: true,
            ..Profile::pap(&hall.campus.authority, USER, password)
        });
        let (asked, ending) = hall.converse(&mut supplicant);
        assert!(supplicant.is_resumed());
        assert_eq!(asked, ["password"]);
        assert!(
            !ending.conversation.is_resumed(),
            "it rests on the password"
        );
        assert_eq!(ending.result.unwrap().is_ok(), accepted);
    }
}

/// Also where it waits with that until the server has confirmed the session: the password decides,
/// and what is remembered from now on is what was said of it.
#[test]
fn a_device_that_proves_itself_after_the_indication_rests_on_its_password() {
    for (password, accepted) in [(b"guess".as_slice(), false), (PASSWORD, true)] {
        let hall = Hall::new(TlsVersions::Tls13Only);
        let device = hall.device();
        hall.log_on(&mut device.supplicant());
        let mut supplicant = device.supplicant_with(Profile {
            proves_anew: true,
            ..Profile::pap(&hall.campus.authority, USER, password)
        });
        let (asked, ending) = hall.converse(&mut supplicant);
        assert_eq!(asked, ["resumed", "password"]);
        assert!(!ending.conversation.is_resumed());
        assert_eq!(ending.result.unwrap().is_ok(), accepted);
        assert_eq!(hall.sessions.len(), usize::from(accepted));
    }
}

/// An answer to the indication that is no acknowledgement of it, or none at all, opens nothing.
#[test]
fn success_waits_for_the_acknowledgement_of_the_indication() {
    let hall = Hall::new(TlsVersions::Tls13Only);
    let device = hall.device();
    hall.log_on(&mut device.supplicant());
    let mut supplicant = device.supplicant();
    let identity = supplicant.identity_response(1);
    let (mut conversation, mut step) = Conversation::start(&hall.methods, &identity).unwrap();
    let mut verdicts = 0;
    loop {
        step = match step {
            Step::Request(request) if verdicts == 1 => {
                assert_eq!(hall.sessions.len(), 0, "the new ticket is not good yet");
                assert_eq!(conversation.stage(), Stage::SuccessIndication);
                let mut response = supplicant.handle(&request).unwrap();
                assert_eq!(response[4..], [21, 0], "an acknowledgement");
                let last = response.len() - 1;
                response[last] = 0x40;
                conversation
                    .handle_response(&response, Limits::USUAL)
                    .unwrap()
            }
            Step::Request(request) => {
                let response = supplicant.handle(&request).unwrap();
                conversation
                    .handle_response(&response, Limits::USUAL)
                    .unwrap()
            }
            Step::Authenticate(_) => {
                verdicts += 1;
                conversation
                    .handle_verdict(Verdict::Accepted, Limits::USUAL)
                    .unwrap()
            }
            Step::FindSession(id) => panic!("no keeper has {id:?}"),
            Step::Success { .. } => panic!("success out of a broken acknowledgement"),
            Step::Failure { cause, .. } => {
                assert_eq!(cause.label(), "protocol");
                break;
            }
        };
    }
    assert!(hall.sessions.is_empty());
}

/// Bits turned at every step of a resumption: nothing but an accepting verdict on the true record
/// leads to success, and the keys are then the device's own.
#[test]
fn an_altered_resumption_opens_nothing() {
    for versions in BOTH {
        let mut successes = 0;
        let hall = Hall::new(versions);
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let device = hall.device();
            hall.log_on(&mut device.supplicant());
            let accept = seed % 4 != 0;
            successes += u32::from(disturbed(
                &hall,
                &mut device.supplicant(),
                &mut random,
                accept,
            ));
        }
        assert!(
            successes > 30,
            "{versions:?}: {successes} successes prove little"
        );
    }
}

fn disturbed(hall: &Hall, supplicant: &mut Supplicant, random: &mut Random, accept: bool) -> bool {
    let identity = supplicant.identity_response(1);
    let (mut conversation, mut step) = Conversation::start(&hall.methods, &identity).unwrap();
    let mut accepted = false;
    for _ in 0..40 {
        step = match step {
            Step::Request(request) => {
                let mut request = request.to_vec();
                if random.below(12) == 0 {
                    random.alter(&mut request);
                }
                let Some(mut response) = supplicant.handle(&request) else {
                    return false;
                };
                if random.below(6) == 0 {
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
                let (_, verdict) = hall.answer(&mut conversation, &credential);
                let verdict = if accept { verdict } else { Verdict::Refused };
                accepted = verdict == Verdict::Accepted;
                conversation.handle_verdict(verdict, Limits::USUAL).unwrap()
            }
            Step::FindSession(id) => panic!("no keeper has {id:?}"),
            Step::Success { keys, .. } => {
                assert!(accepted && accept);
                assert_eq!(keys.as_ref().map(|keys| keys.msk), supplicant.msk());
                return true;
            }
            Step::Failure { .. } => return false,
        };
    }
    false
}

/// Inner methods of `outer`.
fn carried(outer: MethodType) -> Vec<InnerMethod> {
    use InnerMethod as I;
    let all = [
        I::Pap,
        I::Chap,
        I::MsChap,
        I::MsChapV2,
        I::EapMsChapV2,
        I::EapGtc,
        I::EapMd5,
        I::EapTls,
        I::Password,
    ];
    all.into_iter()
        .filter(|inner| outer.carries(*inner))
        .collect()
}

/// E7: an inner method that is taken away opens nothing any more, not even by its sessions.
#[test]
fn session_ends_with_the_offer_of_the_method_that_it_rests_on() {
    for versions in BOTH {
        let everything = Everything::new(versions);
        for LogOn { name, outer, .. } in LogOn::all(&everything.user) {
            let outer = match outer {
                Outer::Ttls => MethodType::Ttls,
                Outer::Peap => MethodType::Peap,
                Outer::Teap => MethodType::Teap,
                Outer::Tls => continue,
            };
            let own = |inner: &InnerMethod| name.ends_with(&format!("/{}", inner.label()));
            let (own, others): (Vec<_>, Vec<_>) = carried(outer).into_iter().partition(own);
            let offering = |inner: &[InnerMethod]| {
                let methods = everything.methods.clone();
                methods.with_inner(outer, inner).unwrap()
            };
            let log_on = |methods: &Methods, device: &Device| {
                let mut asked = Vec::new();
                let judge = |conversation: &mut Conversation, credential: &InnerCredential| {
                    asked.push(credential.label());
                    everything.judge(conversation, credential)
                };
                let mut supplicant = device.supplicant();
                let ending = converse_within(methods, &mut supplicant, Limits::USUAL, judge);
                let result = ending.unwrap().result;
                (
                    asked,
                    matches!(result, Some(Ok(_))),
                    supplicant.is_resumed(),
                )
            };
            let device = everything.device(name, true, 1400).unwrap();
            assert!(log_on(&everything.methods, &device).1, "{name}");
            let (asked, is_let_in, is_resumed) = log_on(&offering(&own), &device);
            assert_eq!(asked, ["resumed"], "{name}: it is offered still");
            assert!(is_let_in && is_resumed, "{name}");
            let (asked, is_let_in, is_resumed) = log_on(&offering(&others), &device);
            assert!(!is_let_in && !is_resumed, "{name}: {asked:?}");
            assert!(!asked.contains(&"resumed"), "{name}: {asked:?}");
        }
    }
}
