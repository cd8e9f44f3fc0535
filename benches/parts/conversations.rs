//! EAP: the first step of a conversation, and all the steps of a log-on but the device's own.

use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion};
use portvakt_eap::{
    Conversation, Limits, MethodType, Methods, ServerTls, Sessions, Step, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{Authority, Profile, Supplicant};

const IDENTITY: &str = "p000001@campus.example";

/// A server without accounts, and the device of somebody who is always right.
struct Pair {
    methods: Methods,
    profile: Profile,
}

impl Pair {
    fn new(authority: &Authority, versions: TlsVersions) -> Self {
        let identity = authority.issue_server();
        let (chain, key) = (&identity.chain_pem, &identity.key_pem);
        let tls = ServerTls::from_pem(chain.as_bytes(), key.as_bytes(), versions)
            .unwrap()
            .with_sessions(Sessions::new(100_000, Sessions::USUAL_TIME_TO_LIVE));
        Self {
            methods: Methods::new(tls, &[MethodType::Ttls]).unwrap(),
            profile: Profile::pap(authority, IDENTITY, b"correct horse battery staple"),
        }
    }

    /// The server's time for a full log-on, step by step.
    fn log_on(&self) -> Vec<Duration> {
        let mut device = Supplicant::new(self.profile.clone());
        let identity = device.identity_response(7);
        let mut spent = Vec::new();
        let (mut conversation, mut step) = timed(&mut spent, || {
            Conversation::start(&self.methods, &identity).unwrap()
        });
        loop {
            step = match step {
                Step::Request(request) => {
                    let response = device.handle(&request).unwrap();
                    let handle = || conversation.handle_response(&response, Limits::USUAL);
                    timed(&mut spent, handle).unwrap()
                }
                Step::Authenticate(_) => {
                    let handle = || conversation.handle_verdict(Verdict::Accepted, Limits::USUAL);
                    timed(&mut spent, handle).unwrap()
                }
                Step::FindSession(id) => panic!("no keeper has {id:?}"),
                Step::Success { .. } => return spent,
                Step::Failure { cause, .. } => panic!("{cause}"),
            };
        }
    }
}

/// Summary of the times of all steps.
type Of = fn(&[Duration]) -> Duration;

fn timed<T>(spent: &mut Vec<Duration>, call: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = call();
    spent.push(began.elapsed());
    result
}

pub(crate) fn measure(c: &mut Criterion) {
    let authority = Authority::new("Benchmark");
    let pair = Pair::new(&authority, TlsVersions::Tls12Only);
    let identity = Supplicant::new(pair.profile.clone()).identity_response(7);
    c.bench_function("conversation: Identity in, Start out", |b| {
        let start = || Conversation::start(&pair.methods, &identity).unwrap();
        b.iter_batched(|| (), |()| start(), BatchSize::SmallInput);
    });
    for (version, versions) in [
        ("1.2", TlsVersions::Tls12Only),
        ("1.3", TlsVersions::Tls13Only),
    ] {
        let pair = Pair::new(&authority, versions);
        for (step, of) in [
            ("ClientHello in, certificate out", (|spent| spent[1]) as Of),
            ("all steps of a TTLS/PAP log-on", |spent| spent.iter().sum()),
        ] {
            c.bench_function(&format!("conversation: {step}, TLS {version}"), |b| {
                b.iter_custom(|count| (0..count).map(|_| of(&pair.log_on())).sum());
            });
        }
    }
}
