//! The device's side of what is said through the tunnel, wrapped as EAP-TTLS and PEAPv0 want it.

use super::binding::Compound;
use super::inner_eap::InnerEap;
use super::inner_tls::InnerTls;
use super::teap::{Seed, Teap, TeapDevice};
use super::{Profile, User, device};
use portvakt_eap::avp::{self, Avp, Avps};
use rustls::client::Resumption;
use std::sync::Arc;

const RESPONSE: u8 = 2;
const IDENTITY: u8 = 1;
const EXTENSIONS: u8 = 33;
const MICROSOFT: u32 = 311;
const EAP_MESSAGE: u32 = 79;
/// A device's own challenge: any will do.
pub(super) const PEER_CHALLENGE: [u8; 16] = *b"peer challenge..";

/// The method that makes the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outer {
    /// EAP-TTLSv0.
    Ttls,
    /// PEAPv0.
    Peap,
    /// EAP-TLS: nothing goes through the tunnel.
    Tls,
    /// TEAP version 1.
    Teap,
}

impl Outer {
    pub(super) fn eap_type(self) -> u8 {
        match self {
            Outer::Ttls => 21,
            Outer::Peap => 25,
            Outer::Tls => 13,
            Outer::Teap => 55,
        }
    }

    pub(super) fn key_label(self) -> &'static [u8] {
        match self {
            Outer::Ttls => b"ttls keying material",
            Outer::Peap | Outer::Tls | Outer::Teap => b"client EAP encryption",
        }
    }
}

/// Treatment of a crypto-binding TLV by a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Checks it and answers it, as Windows and wpa_supplicant do.
    Answer,
    /// Does not look at it.
    Ignore,
    /// Answers with a MAC under another key, as an attacker in between would.
    Forge,
}

/// Inner method of a device, with its credentials.
#[derive(Clone, Debug)]
pub enum Inner {
    /// AVPs, ready made.
    Avps(Vec<u8>),
    /// CHAP.
    Chap(User),
    /// MS-CHAP.
    MsChap(User),
    /// MS-CHAPv2.
    MsChapV2(User),
    /// Whatever it is, one after the other; nothing is an empty packet.
    Script(Vec<Vec<u8>>),
    /// TLVs of TEAP.
    Teap(TeapDevice),
    /// EAP.
    Eap {
        /// The user and their claimed name.
        user: User,
        /// EAP types that the device accepts, the best first.
        accepts: Vec<u8>,
        /// In PEAP.
        binding: Binding,
    },
    /// EAP-MSCHAPv2, by a user who does not give up at once.
    Insistent {
        /// The user and their claimed name, with the first password they try.
        user: User,
        /// Passwords they try then, one after the other, if asked again.
        tries: Vec<String>,
        /// New password for an expired one, if asked to change it.
        new_password: Option<String>,
    },
}

impl Inner {
    /// EAP-MSCHAPv2 as usual.
    pub fn eap_ms_chap_v2(user: User) -> Self {
        Inner::eap(user, 26)
    }

    /// EAP-GTC as usual.
    pub fn eap_gtc(user: User) -> Self {
        Inner::eap(user, 6)
    }

    /// EAP-MD5.
    pub fn eap_md5(user: User) -> Self {
        Inner::eap(user, 4)
    }

    /// EAP-TLS, with the certificate of the profile.
    pub fn eap_tls(user: User) -> Self {
        Inner::eap(user, 13)
    }

    fn eap(user: User, kind: u8) -> Self {
        Inner::Eap {
            user,
            accepts: vec![kind],
            binding: Binding::Answer,
        }
    }
}

/// An identifier, and the proof that the server owes under it.
type Owed = (u8, [u8; 42]);

/// State inside the tunnel, seen from the device.
pub(super) struct Phase2 {
    outer: Outer,
    inner: Inner,
    eap: Option<InnerEap>,
    /// In TEAP: framing and all.
    teap: Option<Teap>,
    seed: Option<Seed>,
    begun: bool,
    resumed: bool,
    owed: Option<Owed>,
    proven: bool,
    compound: Option<Compound>,
}

impl Phase2 {
    pub(super) fn new(profile: &Profile) -> Self {
        let (outer, inner) = (profile.outer, profile.inner.clone());
        let eap = match &inner {
            Inner::Eap { user, accepts, .. } => {
                Some(InnerEap::new(user.clone(), accepts.clone(), profile))
            }
            Inner::Insistent {
                user,
                tries,
                new_password,
            } => {
                let eap = InnerEap::new(user.clone(), vec![26], profile);
                Some(eap.insisting(tries.clone(), new_password.clone()))
            }
            _ => None,
        };
        let teap = match (&inner, outer) {
            (Inner::Teap(device), _) => Some(Teap::new(device.clone(), profile)),
            (_, Outer::Teap) => Some(Teap::new(TeapDevice::nobody(), profile)),
            _ => None,
        };
        Phase2 {
            outer,
            inner,
            eap,
            teap,
            seed: None,
            begun: false,
            resumed: false,
            owed: None,
            proven: false,
            compound: None,
        }
    }

    /// Tells whether the handshake resumed a session.
    pub(super) fn set_resumed(&mut self, resumed: bool) {
        self.resumed = resumed;
    }

    /// Tells what TEAP's keys begin with.
    pub(super) fn set_seed(&mut self, seed: Option<Seed>) {
        self.seed = seed;
    }

    /// Takes what is TEAP's own off a request; `None` where it is no version of ours.
    pub(super) fn unwrap(&mut self, type_data: &[u8]) -> Option<Vec<u8>> {
        match &mut self.teap {
            Some(teap) => teap.unwrap(type_data),
            None => Some(type_data.to_vec()),
        }
    }

    /// Puts it on a response.
    pub(super) fn wrap(&mut self, type_data: Vec<u8>) -> Vec<u8> {
        match &mut self.teap {
            Some(teap) => teap.wrap(type_data),
            None => type_data,
        }
    }

    /// Whether EAP-Success may be believed.
    pub(super) fn is_content(&self) -> bool {
        match &self.inner {
            Inner::Avps(_) | Inner::Chap(_) | Inner::MsChap(_) => self.begun,
            Inner::Script(_) => true,
            Inner::Teap(_) => self.teap.as_ref().is_some_and(Teap::is_content),
            Inner::MsChapV2(_) => self.proven,
            Inner::Eap { .. } | Inner::Insistent { .. } => match self.outer {
                Outer::Ttls | Outer::Tls => self.eap.as_ref().is_some_and(InnerEap::is_content),
                Outer::Peap | Outer::Teap => self.proven,
            },
        }
    }

    /// The tunnel's key, bound to the inner method where both ends agreed to.
    pub(super) fn bind(&self, tunnel: [u8; 64]) -> [u8; 64] {
        let teap = self.teap.as_ref().and_then(Teap::msk);
        let bound = self.compound.as_ref().map(Compound::msk);
        teap.or(bound).unwrap_or(tunnel)
    }

    /// In EAP-TTLS the device speaks first, once; `challenge` makes as many octets as asked for.
    pub(super) fn begin(&mut self, challenge: impl Fn(usize) -> Vec<u8>) -> Option<Vec<u8>> {
        let listens = matches!(self.outer, Outer::Peap | Outer::Teap);
        if listens || std::mem::replace(&mut self.begun, true) {
            return None;
        }
        match &self.inner {
            Inner::Avps(bytes) => Some(bytes.clone()),
            Inner::Script(_) => self.next_of_script(),
            Inner::Teap(_) => None,
            Inner::Chap(user) => chap(user, &challenge(17)),
            Inner::MsChap(user) => ms_chap(user, &challenge(9)),
            Inner::MsChapV2(user) => {
                let (said, owed) = ms_chap_v2(user, &challenge(17))?;
                self.owed = Some(owed);
                Some(said)
            }
            Inner::Eap { .. } | Inner::Insistent { .. } => {
                let identity = self.eap.as_mut()?.answer(0, &[IDENTITY])?;
                Some(eap_message(&packet(0, &identity)))
            }
        }
    }

    /// Answers what the server said; nothing is an empty packet.
    pub(super) fn answer(
        &mut self,
        identifier: u8,
        said: &[u8],
        key: Option<[u8; 64]>,
    ) -> Option<Vec<u8>> {
        match self.outer {
            _ if matches!(self.inner, Inner::Script(_)) => self.next_of_script(),
            Outer::Ttls | Outer::Tls => self.answer_avps(said),
            Outer::Peap => self.answer_peap(identifier, said, key?),
            Outer::Teap => self.teap.as_mut()?.answer(said, self.seed?),
        }
    }

    fn next_of_script(&mut self) -> Option<Vec<u8>> {
        match &mut self.inner {
            Inner::Script(said) if !said.is_empty() => Some(said.remove(0)),
            _ => None,
        }
    }

    fn answer_avps(&mut self, said: &[u8]) -> Option<Vec<u8>> {
        let avp = Avps::new(said).next()?.ok()?;
        match (avp.vendor, avp.code, avp.value) {
            (0, EAP_MESSAGE, [1, identifier, _, _, request @ ..]) => {
                let answer = self.eap.as_mut()?.answer(*identifier, request)?;
                Some(eap_message(&packet(*identifier, &answer)))
            }
            (MICROSOFT, 26, [identifier, proof @ ..]) => {
                let (ours, owed) = self.owed?;
                self.proven = *identifier == ours && *proof == owed;
                None
            }
            _ => None,
        }
    }

    /// PEAPv0 leaves the EAP header away, except of extensions.
    fn answer_peap(&mut self, identifier: u8, said: &[u8], key: [u8; 64]) -> Option<Vec<u8>> {
        match said {
            [1, sent, _, _, EXTENSIONS, tlvs @ ..] if *sent == identifier => {
                let answer = self.answer_tlvs(tlvs, &key)?;
                Some(packet(identifier, &answer))
            }
            request => self.eap.as_mut()?.answer(identifier, request),
        }
    }

    fn answer_tlvs(&mut self, tlvs: &[u8], key: &[u8; 64]) -> Option<Vec<u8>> {
        let success = tlvs.starts_with(&[0x80, 3, 0, 2, 0, 1]);
        let eap = self.eap.as_ref()?;
        let binding = match &self.inner {
            Inner::Eap { binding, .. } => binding,
            Inner::Insistent { .. } => &Binding::Answer,
            _ => return None,
        };
        let resumed = self.resumed && !eap.is_begun();
        self.proven = success && (resumed || eap.is_content());
        let result = if self.proven { 1 } else { 2 };
        let mut answer = vec![EXTENSIONS, 0x80, 3, 0, 2, 0, result];
        let request = tlvs.get(6..).filter(|_| *binding != Binding::Ignore);
        if let Some(request) = request.and_then(|tlv| tlv.first_chunk::<60>()) {
            let mut compound = match resumed {
                true => Compound::of_session(key),
                false => Compound::of(key, &eap.key()?),
            };
            // A wrong one from the server: an attacker stands in between.
            self.proven &= compound.is_sound(request);
            if *binding == Binding::Forge {
                compound = Compound::of(&[7; 64], &eap.key()?);
            }
            answer.extend(compound.answer(request));
            self.compound = Some(compound);
        }
        Some(answer)
    }
}

/// A device that has its packets cut for the tunnel, as wpa_supplicant does.
#[expect(
    clippy::expect_used,
    reason = "`Device` has made the same of this profile before"
)]
pub(super) fn inner_tls(profile: &Profile) -> InnerTls {
    let mut config = device::tls_config(profile).expect("a profile");
    config.resumption = Resumption::disabled();
    let octets = profile.eap_octets.saturating_sub(100);
    InnerTls::new(Arc::new(config), &profile.server_name, octets)
}

fn chap(user: &User, challenge: &[u8]) -> Option<Vec<u8>> {
    let (identifier, challenge) = challenge.split_last()?;
    let password = [&[*identifier], user.chap(*identifier, challenge).as_slice()].concat();
    Some(avps(user, &[(0, 60, challenge), (0, 3, &password)]))
}

fn ms_chap(user: &User, challenge: &[u8]) -> Option<Vec<u8>> {
    let (identifier, challenge) = challenge.split_last()?;
    let response = user.ms_chap(challenge.first_chunk()?);
    let value = [&[*identifier, 1], [0; 24].as_slice(), &response].concat();
    Some(avps(
        user,
        &[(MICROSOFT, 11, challenge), (MICROSOFT, 1, &value)],
    ))
}

/// The message to send, and the answer that is owed for it.
fn ms_chap_v2(user: &User, challenge: &[u8]) -> Option<(Vec<u8>, Owed)> {
    let (identifier, challenge) = challenge.split_last()?;
    let (response, owed) = user.ms_chap_v2(&PEER_CHALLENGE, challenge.first_chunk()?);
    let value = [
        &[*identifier, 0],
        PEER_CHALLENGE.as_slice(),
        &[0; 8],
        &response,
    ];
    let said = avps(
        user,
        &[(MICROSOFT, 11, challenge), (MICROSOFT, 25, &value.concat())],
    );
    Some((said, (*identifier, owed)))
}

fn avps(user: &User, values: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let name = (0, 1, user.identity.as_bytes());
    for (vendor, code, value) in std::iter::once(&name).chain(values) {
        let avp = Avp {
            code: *code,
            vendor: *vendor,
            mandatory: true,
            value,
        };
        avp::write(&mut bytes, avp);
    }
    bytes
}

fn eap_message(packet: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let avp = Avp {
        code: EAP_MESSAGE,
        vendor: 0,
        mandatory: true,
        value: packet,
    };
    avp::write(&mut bytes, avp);
    bytes
}

fn packet(identifier: u8, body: &[u8]) -> Vec<u8> {
    let [.., high, low] = (4 + body.len()).to_be_bytes();
    [&[RESPONSE, identifier, high, low], body].concat()
}
