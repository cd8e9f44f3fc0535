//! The devices of a run: what they trust, and the TLS sessions that each keeps for coming back.

use portvakt_supplicant::{
    Binding, ClientIdentity, Device, Inner, Outer, Profile, ProfileError, Seen, Supplicant, User,
    pap_avps,
};
use rustls::SupportedProtocolVersion;
use rustls::pki_types::CertificateDer;

use crate::plan::Method;

/// What all devices have in common.
#[derive(Clone, Debug)]
pub(crate) struct DeviceTls {
    /// The one authority that they trust.
    pub authority: CertificateDer<'static>,
    /// The name that the server's certificate must bear.
    pub server_name: String,
    /// Offered to the server.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// For EAP-TLS: the certificate of all of them.
    pub certificate: Option<ClientIdentity>,
}

/// The devices that one worker plays.
pub(crate) struct Devices<'a> {
    tls: &'a DeviceTls,
    /// For those that never come back.
    stranger: Option<Device>,
    /// For those that do, by person.
    known: Vec<Option<Device>>,
}

impl<'a> Devices<'a> {
    /// Devices of at most `people` persons, none of which has been there yet.
    pub(crate) fn new(tls: &'a DeviceTls, people: usize) -> Self {
        Self {
            tls,
            stranger: None,
            known: (0..people).map(|_| None).collect(),
        }
    }

    /// A device about to log on: that of a person who comes back, or one that nobody has seen.
    pub(crate) fn supplicant(
        &mut self,
        method: Method,
        person: Option<usize>,
        names: (&str, &str),
        password: &str,
    ) -> Result<Supplicant, ProfileError> {
        let profile = self.profile(method, names, password);
        let known = person.and_then(|person| self.known.get_mut(person));
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
