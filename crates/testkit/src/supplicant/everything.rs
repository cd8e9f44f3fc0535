//! Every kind of log-on there is, and a server that offers them all: a new method is added here,
//! and all that is tried on methods is tried on it.

use super::{
    Authority, ClientCertificate, ClientIdentity, Device, Inner, Outer, Profile, TeapDevice, User,
    pap_avps,
};
use portvakt_eap::{
    Authorization, ClientCertificates, Conversation, InnerCredential, InnerMethod, MethodType,
    Methods, ServerTls, Sessions, StaleLists, TlsVersions, Verdict,
};

/// A method with what is inside it.
#[derive(Clone, Debug)]
pub struct LogOn {
    /// Its name in the audit log.
    pub name: &'static str,
    /// The method.
    pub outer: Outer,
    /// Its inner method.
    pub inner: Inner,
}

impl LogOn {
    /// Every kind, by `user`.
    pub fn all(user: &User) -> Vec<LogOn> {
        let log_on = |name, outer, inner: Inner| LogOn { name, outer, inner };
        let user = || user.clone();
        let pap = pap_avps(user().identity.as_bytes(), user().password.as_bytes());
        vec![
            log_on("ttls/pap", Outer::Ttls, Inner::Avps(pap)),
            log_on("ttls/chap", Outer::Ttls, Inner::Chap(user())),
            log_on("ttls/mschap", Outer::Ttls, Inner::MsChap(user())),
            log_on("ttls/mschapv2", Outer::Ttls, Inner::MsChapV2(user())),
            log_on(
                "ttls/eap-mschapv2",
                Outer::Ttls,
                Inner::eap_ms_chap_v2(user()),
            ),
            log_on("ttls/eap-gtc", Outer::Ttls, Inner::eap_gtc(user())),
            log_on("ttls/eap-md5", Outer::Ttls, Inner::eap_md5(user())),
            log_on("ttls/eap-tls", Outer::Ttls, Inner::eap_tls(user())),
            log_on(
                "peap/eap-mschapv2",
                Outer::Peap,
                Inner::eap_ms_chap_v2(user()),
            ),
            log_on("peap/eap-gtc", Outer::Peap, Inner::eap_gtc(user())),
            log_on("peap/eap-tls", Outer::Peap, Inner::eap_tls(user())),
            log_on("tls", Outer::Tls, Inner::Script(Vec::new())),
            log_on("teap/password", Outer::Teap, teap(user(), Vec::new())),
            log_on("teap/eap-mschapv2", Outer::Teap, teap(user(), vec![26])),
            log_on("teap/eap-tls", Outer::Teap, teap(user(), vec![13])),
        ]
    }
}

/// A device of the user's alone; without an EAP type that it accepts, it gives its password.
fn teap(user: User, accepts: Vec<u8>) -> Inner {
    Inner::Teap(TeapDevice {
        gives_password: accepts.is_empty(),
        accepts,
        ..TeapDevice::new(user)
    })
}

/// A server that offers everything, lets devices resume, and knows one user.
pub struct Everything {
    /// Of the server's certificate and of the devices'.
    pub authority: Authority,
    /// The methods offered.
    pub methods: Methods,
    /// The sessions that can be resumed.
    pub sessions: Sessions,
    /// The one user with an account.
    pub user: User,
    right: ClientIdentity,
    wrong: ClientIdentity,
}

impl Everything {
    /// One that speaks these versions.
    ///
    /// # Panics
    /// If the cryptographic library fails.
    #[expect(
        clippy::expect_used,
        reason = "fixed inputs: without a server there is no test"
    )]
    pub fn new(versions: TlsVersions) -> Self {
        let authority = Authority::new("Everything");
        let sessions = Sessions::new(10_000, Sessions::USUAL_TIME_TO_LIVE);
        let server = authority.issue_server();
        let (chain, key) = (server.chain_pem.as_bytes(), server.key_pem.as_bytes());
        let roots = authority.certificate_pem();
        let certificates = ClientCertificates::new(roots.as_bytes(), &[], StaleLists::Refuse);
        let tls = ServerTls::from_pem(chain, key, versions)
            .and_then(|tls| tls.with_client_certificates(certificates?))
            .expect("a server")
            .with_sessions(sessions.clone());
        let user = User {
            identity: "s123456@campus.example".into(),
            password: "correct horse battery staple".into(),
        };
        let issue = |name: &str| authority.issue_client(&ClientCertificate::of(name, 7));
        Everything {
            right: issue(&user.identity),
            wrong: issue("mallory@campus.example"),
            methods: offer(tls).expect("methods"),
            authority,
            sessions,
            user,
        }
    }

    /// A device of the user's, or of a stranger who has neither password nor certificate of theirs.
    pub fn device(&self, name: &str, is_right: bool, eap_octets: usize) -> Option<Device> {
        let mut user = self.user.clone();
        if !is_right {
            user.password = "a guess".into();
        }
        let log_ons = LogOn::all(&user);
        let log_on = log_ons.into_iter().find(|log_on| log_on.name == name)?;
        let certificate = if is_right { &self.right } else { &self.wrong };
        Some(Device::new(Profile {
            eap_octets,
            certificate: Some(certificate.clone()),
            ..Profile::new(&self.authority, log_on.outer, log_on.inner)
        }))
    }

    /// The verdict. A log-on that is accepted is remembered; its session is one of the
    /// user's, who is not locked.
    pub fn judge(&self, conversation: &mut Conversation, credential: &InnerCredential) -> Verdict {
        let context = self.user.identity.clone().into_bytes();
        let verdict = match credential {
            InnerCredential::Resumed { context: known, .. } if *known == context => {
                Verdict::Accepted
            }
            other => self.user.judge(other),
        };
        conversation.remember(Authorization {
            account: "s123456".into(),
            device: Vec::new(),
            identity: context.clone(),
            context,
        });
        verdict
    }
}

/// Everything, inside everything.
fn offer(tls: ServerTls) -> Result<Methods, portvakt_eap::MethodsError> {
    use InnerMethod as I;
    let outer = [
        MethodType::Ttls,
        MethodType::Peap,
        MethodType::Tls,
        MethodType::Teap,
    ];
    Methods::new(tls, &outer)?
        .with_inner(
            MethodType::Ttls,
            &[
                I::Pap,
                I::Chap,
                I::MsChap,
                I::MsChapV2,
                I::EapMsChapV2,
                I::EapGtc,
                I::EapMd5,
                I::EapTls,
            ],
        )?
        .with_inner(MethodType::Peap, &[I::EapMsChapV2, I::EapGtc, I::EapTls])?
        .with_inner(MethodType::Teap, &[I::Password, I::EapMsChapV2, I::EapTls])
}
