//! A campus with one user, for the tests of whole conversations.

#![allow(dead_code, reason = "each test file uses its part of it")]

pub(crate) mod teap;

use portvakt_eap::{
    ClientCertificates, Conversation, InnerMethod, Limits, MethodType, Methods, ServerTls,
    StaleLists, Step, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{
    Authority, ClientCertificate, ClientIdentity, Ending, Inner, Outer, Profile, Supplicant, User,
    converse, converse_with, pap_avps,
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

    pub(crate) fn start(&self, supplicant: &Supplicant) -> (Conversation, Step) {
        let identity = supplicant.identity_response(0xfe);
        Conversation::start(&self.methods, &identity).expect("an identity")
    }

    /// A campus that offers all there is inside EAP-TTLS and PEAP.
    pub(crate) fn generous(versions: TlsVersions) -> Self {
        let mut campus = Campus::new(versions);
        campus.tls = campus.certified();
        campus.methods = generous_methods(campus.tls.clone());
        campus
    }

    /// The TLS side, with our own authority for client certificates as well.
    fn certified(&self) -> ServerTls {
        let authority = self.authority.certificate_pem();
        let certificates = ClientCertificates::new(authority.as_bytes(), &[], StaleLists::Refuse);
        let tls = self.tls.clone();
        tls.with_client_certificates(certificates.expect("an authority"))
            .expect("a server")
    }

    /// A certificate of ours for a device of `name`.
    pub(crate) fn certificate(&self, name: &str) -> ClientIdentity {
        let certificate = ClientCertificate::of(name, 7);
        self.authority.issue_client(&certificate)
    }

    /// A device with the right password has the right certificate too.
    pub(crate) fn profile_of(&self, outer: Outer, inner: Inner) -> Profile {
        let name = match &inner {
            Inner::Eap { user, .. } if user.password.as_bytes() != PASSWORD => {
                "mallory@home.example"
            }
            _ => USER,
        };
        Profile {
            certificate: Some(self.certificate(name)),
            ..Profile::new(&self.authority, outer, inner)
        }
    }

    /// Lets a device with that profile log on; the caller knows one user.
    pub(crate) fn log_on(&self, outer: Outer, inner: Inner) -> (Ending, Supplicant) {
        let mut supplicant = Supplicant::new(self.profile_of(outer, inner));
        let judge = |credential: &_| user().judge(credential);
        let ending = converse_with(&self.methods, &mut supplicant, Limits::USUAL, judge);
        (ending.expect("sound packets"), supplicant)
    }

    pub(crate) fn converse(&self, supplicant: &mut Supplicant, limits: Limits) -> Ending {
        converse(&self.methods, supplicant, limits, accounts).expect("sound packets")
    }
}

/// Inner methods that EAP-TTLS can carry.
pub(crate) const EVERYTHING: [InnerMethod; 8] = [
    InnerMethod::Pap,
    InnerMethod::Chap,
    InnerMethod::MsChap,
    InnerMethod::MsChapV2,
    InnerMethod::EapMsChapV2,
    InnerMethod::EapGtc,
    InnerMethod::EapMd5,
    InnerMethod::EapTls,
];

/// Inner methods that PEAP can carry.
pub(crate) const IN_PEAP: [InnerMethod; 3] = [
    InnerMethod::EapMsChapV2,
    InnerMethod::EapGtc,
    InnerMethod::EapTls,
];

/// Every method, with everything inside.
pub(crate) fn generous_methods(tls: ServerTls) -> Methods {
    let outer = [MethodType::Ttls, MethodType::Peap];
    let methods = Methods::new(tls, &outer).expect("methods");
    let methods = methods.with_inner(MethodType::Ttls, &EVERYTHING);
    let methods = methods.and_then(|methods| methods.with_inner(MethodType::Peap, &IN_PEAP));
    methods.expect("inner methods")
}

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
pub(crate) fn ttls_inner(user: &User) -> [(&'static str, Inner); 8] {
    let pap = pap_avps(user.identity.as_bytes(), user.password.as_bytes());
    [
        ("ttls/pap", Inner::Avps(pap)),
        ("ttls/chap", Inner::Chap(user.clone())),
        ("ttls/mschap", Inner::MsChap(user.clone())),
        ("ttls/mschapv2", Inner::MsChapV2(user.clone())),
        ("ttls/eap-mschapv2", Inner::eap_ms_chap_v2(user.clone())),
        ("ttls/eap-gtc", Inner::eap_gtc(user.clone())),
        ("ttls/eap-md5", Inner::eap_md5(user.clone())),
        ("ttls/eap-tls", Inner::eap_tls(user.clone())),
    ]
}

/// Everything that a device may say through PEAP, and how it is called.
pub(crate) fn peap_inner(user: &User) -> [(&'static str, Inner); 3] {
    [
        ("peap/eap-mschapv2", Inner::eap_ms_chap_v2(user.clone())),
        ("peap/eap-gtc", Inner::eap_gtc(user.clone())),
        ("peap/eap-tls", Inner::eap_tls(user.clone())),
    ]
}

pub(crate) fn accounts(identity: &[u8], password: &[u8]) -> Verdict {
    if identity == USER.as_bytes() && password == PASSWORD {
        Verdict::Accepted
    } else {
        Verdict::Refused
    }
}
