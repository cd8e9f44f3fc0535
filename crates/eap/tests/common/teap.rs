//! A campus that offers TEAP, and accounts of one user and one machine.

#![allow(dead_code, reason = "each test file uses its part of it")]

use super::{Campus, user};
use portvakt_eap::{
    Authorization, Conversation, FailureCause, IdentityType, InnerCredential, InnerMethod, Limits,
    MethodType, Methods, Sessions, Step, TeapIdentities, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Ending, Inner, Outcome, Outer, Profile, Supplicant, TeapDevice, User, converse_within,
};

pub(crate) const VERSIONS: [TlsVersions; 2] = [TlsVersions::Tls12Only, TlsVersions::Tls13Only];
pub(crate) const BOTH_METHODS: [InnerMethod; 2] = [InnerMethod::Password, InnerMethod::EapMsChapV2];

pub(crate) fn machine() -> User {
    User {
        identity: "pc17@campus.example".into(),
        password: "the machine's own".into(),
    }
}

/// A device with both names.
pub(crate) fn device() -> TeapDevice {
    TeapDevice {
        machine: Some(machine()),
        ..TeapDevice::new(user())
    }
}

/// A campus that offers TEAP.
pub(crate) struct Hall {
    pub(crate) campus: Campus,
    pub(crate) methods: Methods,
}

/// A question for a verdict: the identity, and the kind of credential.
pub(crate) type Asked = Vec<(IdentityType, &'static str)>;

impl Hall {
    pub(crate) fn new(
        versions: TlsVersions,
        inner: &[InnerMethod],
        identities: TeapIdentities,
    ) -> Self {
        let campus = Campus::new(versions);
        let sessions = Sessions::new(100, Sessions::USUAL_TIME_TO_LIVE);
        let tls = campus.tls.clone().with_sessions(sessions);
        let methods = Methods::new(tls, &[MethodType::Teap])
            .and_then(|methods| methods.with_inner(MethodType::Teap, inner))
            .unwrap()
            .with_teap(identities, b"campus.example");
        Hall { campus, methods }
    }

    pub(crate) fn profile(&self, device: TeapDevice) -> Profile {
        Profile::new(&self.campus.authority, Outer::Teap, Inner::Teap(device))
    }

    pub(crate) fn log_on(&self, device: TeapDevice) -> (Asked, Ending, Supplicant) {
        let mut supplicant = Supplicant::new(self.profile(device));
        let (asked, ending) = self.converse(&mut supplicant, Limits::USUAL, |_| None);
        (asked, ending, supplicant)
    }

    /// `overrule` may answer in place of the caller.
    pub(crate) fn converse(
        &self,
        supplicant: &mut Supplicant,
        limits: Limits,
        overrule: impl Fn(&InnerCredential) -> Option<Verdict>,
    ) -> (Asked, Ending) {
        let mut asked = Vec::new();
        let ending = converse_within(
            &self.methods,
            supplicant,
            limits,
            |conversation, credential| {
                asked.push((conversation.identity_type(), credential.label()));
                conversation.remember(Authorization {
                    account: "a".into(),
                    device: Vec::new(),
                    identity: credential.identity().to_vec(),
                    context: Vec::new(),
                });
                overrule(credential).unwrap_or_else(|| judge(credential))
            },
        );
        (asked, ending.expect("sound packets"))
    }
}

/// The caller knows one user and one machine.
pub(crate) fn judge(credential: &InnerCredential) -> Verdict {
    match credential.identity() == machine().identity.as_bytes() {
        true => machine().judge(credential),
        false => user().judge(credential),
    }
}

pub(crate) fn cause(ending: Ending) -> FailureCause {
    let result = ending.result.expect("an end");
    result.expect_err("nobody proved anything")
}

#[track_caller]
pub(crate) fn assert_open(ending: Ending, supplicant: &Supplicant, name: &str) {
    let keys = ending.result.expect("an end").expect(name);
    assert_eq!(Some(keys.msk), supplicant.msk(), "{name}");
    assert_ne!(keys.msk, keys.emsk);
    assert_eq!(supplicant.outcome(), Some(Outcome::Success), "{name}");
    let method = ending.conversation.method().expect("a method");
    assert_eq!(method.label(), name);
}

impl Hall {
    /// The first message of the device is altered on its way.
    pub(crate) fn converse_altered(
        &self,
        profile: Profile,
        alter: impl Fn(&mut Vec<u8>),
    ) -> FailureCause {
        let mut supplicant = Supplicant::new(profile);
        let (mut conversation, mut step) = {
            let identity = supplicant.identity_response(7);
            Conversation::start(&self.methods, &identity).unwrap()
        };
        let mut first = true;
        loop {
            step = match step {
                Step::Request(request) => {
                    let mut response = supplicant.handle(&request).expect("an answer");
                    if std::mem::take(&mut first) {
                        alter(&mut response);
                    }
                    conversation
                        .handle_response(&response, Limits::USUAL)
                        .unwrap()
                }
                Step::Authenticate(credential) => conversation
                    .handle_verdict(judge(&credential), Limits::USUAL)
                    .unwrap(),
                Step::FindSession(id) => panic!("no keeper has {id:?}"),
                Step::Success { .. } => panic!("altered, and let in"),
                Step::Failure { cause, .. } => return cause,
            }
        }
    }
}
