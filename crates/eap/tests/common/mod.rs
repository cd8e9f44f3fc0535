//! A campus with one user, for the tests of whole conversations.

#![allow(dead_code, reason = "each test file uses its part of it")]

pub(crate) mod teap;

use portvakt_eap::{
    Conversation, InnerMethod, Limits, MethodType, Methods, ServerTls, Step, TeapIdentities,
    TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Authority, Ending, Inner, Outer, Profile, Supplicant, TeapDevice, User, converse,
    converse_with, pap_avps,
};

pub(crate) const USER: &str = "s123456@campus.example";
pub(crate) const PASSWORD: &[u8] = b"correct horse battery staple";

pub(crate) struct Campus {
    pub(crate) authority: Authority,
    pub(crate) methods: Methods,
    pub(crate) tls: ServerTls,
}

impl Campus {
    pub(crate) fn new(versions: TlsVersions) -> Self {
        let authority = Authority::new("Campus");
        let server = authority.issue_server();
        let tls = ServerTls::from_pem(
            server.chain_pem.as_bytes(),
            server.key_pem.as_bytes(),
            versions,
        )
        .expect("a server");
        let methods = Methods::new(tls.clone(), &[MethodType::Ttls]).expect("methods");
        Campus {
            authority,
            methods,
            tls,
        }
    }

    pub(crate) fn profile(&self) -> Profile {
        Profile::pap(&self.authority, USER, PASSWORD)
    }

    pub(crate) fn supplicant(&self) -> Supplicant {
        Supplicant::new(self.profile())
    }

    pub(crate) fn start(&self, supplicant: &Supplicant, limits: Limits) -> (Conversation, Step) {
        let identity = supplicant.identity_response(0xfe);
        Conversation::start(&self.methods, &identity, limits).expect("an identity")
    }

    /// A campus that offers everything there is; TEAP asks for machine and user.
    pub(crate) fn generous(versions: TlsVersions) -> Self {
        let mut campus = Campus::new(versions);
        let outer = [MethodType::Ttls, MethodType::Peap, MethodType::Teap];
        let methods = Methods::new(campus.tls.clone(), &outer).expect("methods");
        campus.methods = methods
            .with_inner(MethodType::Ttls, &EVERYTHING)
            .and_then(|methods| {
                let inner = [InnerMethod::Password, InnerMethod::EapMsChapV2];
                methods.with_inner(MethodType::Teap, &inner)
            })
            .expect("inner methods")
            .with_teap(TeapIdentities::MachineThenUser, b"campus.example");
        campus
    }

    /// Lets a device with that profile log on; the accounts know one user.
    pub(crate) fn log_on(&self, outer: Outer, inner: Inner) -> (Ending, Supplicant) {
        let mut supplicant = Supplicant::new(Profile::new(&self.authority, outer, inner));
        let judge = |credential: &_| user().judge(credential);
        let ending = converse_with(&self.methods, &mut supplicant, Limits::USUAL, judge);
        (ending.expect("sound packets"), supplicant)
    }

    pub(crate) fn converse(&self, supplicant: &mut Supplicant, limits: Limits) -> Ending {
        converse(&self.methods, supplicant, limits, accounts).expect("sound packets")
    }
}

/// What EAP-TTLS can carry.
pub(crate) const EVERYTHING: [InnerMethod; 6] = [
    InnerMethod::Pap,
    InnerMethod::Chap,
    InnerMethod::MsChap,
    InnerMethod::MsChapV2,
    InnerMethod::EapMsChapV2,
    InnerMethod::EapGtc,
];

pub(crate) fn user() -> User {
    user_with(std::str::from_utf8(PASSWORD).expect("ASCII"))
}

pub(crate) fn user_with(password: &str) -> User {
    User {
        identity: USER.into(),
        password: password.into(),
    }
}

/// Everything that a device may say through EAP-TTLS, and how it is called.
pub(crate) fn ttls_inner(user: &User) -> [(&'static str, Inner); 6] {
    let pap = pap_avps(user.identity.as_bytes(), user.password.as_bytes());
    [
        ("ttls/pap", Inner::Avps(pap)),
        ("ttls/chap", Inner::Chap(user.clone())),
        ("ttls/mschap", Inner::MsChap(user.clone())),
        ("ttls/mschapv2", Inner::MsChapV2(user.clone())),
        ("ttls/eap-mschapv2", Inner::eap_ms_chap_v2(user.clone())),
        ("ttls/eap-gtc", Inner::eap_gtc(user.clone())),
    ]
}

/// Everything that a device may say through PEAP, and how it is called.
pub(crate) fn peap_inner(user: &User) -> [(&'static str, Inner); 2] {
    [
        ("peap/eap-mschapv2", Inner::eap_ms_chap_v2(user.clone())),
        ("peap/eap-gtc", Inner::eap_gtc(user.clone())),
    ]
}

/// Everything that a device may say through TEAP, where machine and user have the same name.
pub(crate) fn teap_inner(user: &User) -> [(&'static str, Inner); 2] {
    let device = |gives_password| TeapDevice {
        machine: Some(user.clone()),
        gives_password,
        ..TeapDevice::new(user.clone())
    };
    [
        ("teap/password", Inner::Teap(device(true))),
        ("teap/eap-mschapv2", Inner::Teap(device(false))),
    ]
}

pub(crate) fn accounts(identity: &[u8], password: &[u8]) -> Verdict {
    if identity == USER.as_bytes() && password == PASSWORD {
        Verdict::Accepted
    } else {
        Verdict::Refused
    }
}
