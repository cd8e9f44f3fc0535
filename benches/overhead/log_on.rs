//! The same handshake inside EAP-TTLS, with a password behind it: calls into `portvakt-eap` alone.

use portvakt_eap::{
    Authorization, Conversation, InnerCredential, Limits, MethodType, Methods, ServerTls, Sessions,
    Step, Verdict,
};
use portvakt_testkit::supplicant::{Device, Outcome, Profile, Supplicant};

use super::Case;
use super::stopwatch::{Stopwatch, cost_of_looking};

const IDENTITY: &str = "p000001@campus.example";
const PASSWORD: &[u8] = b"correct horse battery staple";

/// A server and a device.
pub(crate) struct Pair {
    methods: Methods,
    profile: Profile,
    device: Device,
    resumed: bool,
    looking: f64,
}

impl Pair {
    pub(crate) fn new(case: &Case<'_>) -> Self {
        let (chain, key) = (&case.identity.chain_pem, &case.identity.key_pem);
        let tls = ServerTls::from_pem(chain.as_bytes(), key.as_bytes(), case.versions)
            .unwrap()
            .with_sessions(Sessions::new(100_000, Sessions::USUAL_TIME_TO_LIVE));
        let profile = Profile::pap(case.authority, IDENTITY, PASSWORD);
        let pair = Self {
            methods: Methods::new(tls, &[MethodType::Ttls]).unwrap(),
            device: Device::new(profile.clone()),
            profile,
            resumed: case.resumed,
            looking: cost_of_looking(),
        };
        if case.resumed {
            pair.run(&mut pair.device.supplicant());
        }
        pair
    }

    /// One log-on: microseconds at the server.
    pub(crate) fn log_on(&mut self) -> f64 {
        let mut supplicant = match self.resumed {
            true => self.device.supplicant(),
            false => Supplicant::new(self.profile.clone()),
        };
        let time = self.run(&mut supplicant);
        assert_eq!(supplicant.is_resumed(), self.resumed);
        time
    }

    fn run(&self, supplicant: &mut Supplicant) -> f64 {
        let mut stopwatch = Stopwatch::default();
        let limits = Limits::USUAL;
        let identity = supplicant.identity_response(7);
        let started = stopwatch.time(|| Conversation::start(&self.methods, &identity));
        let (mut conversation, mut step) = started.unwrap();
        loop {
            step = match step {
                Step::Request(request) => {
                    let response = supplicant.handle(&request).unwrap();
                    let handle = || conversation.handle_response(&response, limits);
                    stopwatch.time(handle).unwrap()
                }
                Step::Authenticate(credential) => stopwatch.time(|| {
                    conversation.remember(authorization(&credential));
                    let verdict = conversation.handle_verdict(Verdict::Accepted, limits);
                    verdict.unwrap()
                }),
                Step::FindSession(id) => panic!("no keeper has {id:?}"),
                Step::Success { packet, keys } => {
                    supplicant.handle(&packet);
                    stopwatch.time(|| drop((keys, conversation)));
                    break;
                }
                Step::Failure { cause, .. } => panic!("{cause}"),
            };
        }
        assert_eq!(supplicant.outcome(), Some(Outcome::Success));
        stopwatch.micros(self.looking)
    }
}

fn authorization(credential: &InnerCredential) -> Authorization {
    Authorization {
        account: "p000001".to_owned(),
        device: Vec::new(),
        identity: credential.identity().to_vec(),
        context: vec![7; 16],
    }
}
