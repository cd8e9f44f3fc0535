//! Devices of a run: their TLS settings and the sessions that each keeps for resumption.

use portvakt_supplicant::{
    Binding, ClientIdentity, Device, Inner, Outer, Profile, ProfileError, Seen, Supplicant, User,
    pap_avps,
};
use rustls::SupportedProtocolVersion;
use rustls::pki_types::CertificateDer;

use crate::plan::Method;

/// TLS settings that all devices share.
#[derive(Clone, Debug)]
pub(crate) struct DeviceTls {
    /// The trusted certificate authority.
    pub authority: CertificateDer<'static>,
    /// Name required in the server's certificate.
    pub server_name: String,
    /// TLS versions offered.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// Client certificate for EAP-TLS, shared by all devices.
    pub certificate: Option<ClientIdentity>,
}

/// Devices of one worker.
pub(crate) struct Devices<'a> {
    tls: &'a DeviceTls,
    /// A device without sessions, for log-ons that never resume.
    stranger: Option<Device>,
    /// Devices that resume, by index of the user.
    known: Vec<Option<Device>>,
}

impl<'a> Devices<'a> {
    /// Devices of up to `users` users, without sessions yet.
    pub(crate) fn new(tls: &'a DeviceTls, users: usize) -> Self {
        Self {
            tls,
            stranger: None,
            known: (0..users).map(|_| None).collect(),
        }
    }

    /// A supplicant on the device of `user`, or for `None` on one without sessions.
    pub(crate) fn supplicant(
        &mut self,
        method: Method,
        user: Option<usize>,
        names: (&str, &str),
        password: &str,
    ) -> Result<Supplicant, ProfileError> {
        let profile = self.profile(method, names, password);
        let known = user.and_then(|user| self.known.get_mut(user));
        let device = match known {
            Some(known) => get_or_open(known, || Device::open(profile.clone())),
            None => get_or_open(&mut self.stranger, || {
                Device::open_forgetful(profile.clone())
            }),
        };
        Ok(device?.supplicant_with(profile))
    }

    fn profile(&self, method: Method, (outer_name, name): (&str, &str), password: &str) -> Profile {
        let user = || User {
            identity: name.to_owned(),
            password: password.to_owned(),
        };
        let (outer, inner) = match method {
            Method::TtlsMsChapV2 => (Outer::Ttls, Inner::MsChapV2(user())),
            Method::PeapMsChapV2 => (Outer::Peap, eap_ms_chap_v2(user())),
            Method::Tls => (Outer::Tls, Inner::Avps(Vec::new())),
            _ => {
                let avps = pap_avps(name.as_bytes(), password.as_bytes());
                (Outer::Ttls, Inner::Avps(avps))
            }
        };
        Profile {
            outer_identity: outer_name.to_owned(),
            outer,
            inner,
            trusted: self.tls.authority.clone(),
            server_name: self.tls.server_name.clone(),
            versions: self.tls.versions.clone(),
            eap_octets: 1400,
            always_length: false,
            eager: false,
            proves_anew: false,
            certificate: self.tls.certificate.clone(),
            seen: Seen::default(),
        }
    }
}

fn get_or_open(
    slot: &mut Option<Device>,
    open: impl FnOnce() -> Result<Device, ProfileError>,
) -> Result<&Device, ProfileError> {
    match slot {
        Some(device) => Ok(device),
        None => Ok(slot.insert(open()?)),
    }
}

fn eap_ms_chap_v2(user: User) -> Inner {
    Inner::Eap {
        user,
        accepts: vec![26],
        binding: Binding::Answer,
    }
}
