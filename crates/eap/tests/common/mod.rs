//! A campus with one user, for the tests of whole conversations.

#![allow(dead_code, reason = "each test file uses its part of it")]

use portvakt_eap::{
    Conversation, Limits, MethodType, Methods, ServerTls, Step, TlsVersions, Verdict,
};
use portvakt_testkit::supplicant::{Authority, Ending, Profile, Supplicant, converse};

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

    pub(crate) fn converse(&self, supplicant: &mut Supplicant, limits: Limits) -> Ending {
        converse(&self.methods, supplicant, limits, accounts).expect("sound packets")
    }
}

pub(crate) fn accounts(identity: &[u8], password: &[u8]) -> Verdict {
    if identity == USER.as_bytes() && password == PASSWORD {
        Verdict::Accepted
    } else {
        Verdict::Refused
    }
}
