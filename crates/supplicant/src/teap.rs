//! TEAP as the device speaks it (RFC 9930), apart from the server; the PRF is another's, too.

use super::inner_eap::InnerEap;
use super::{Profile, User};
use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384};
use aws_lc_rs::tls_prf::{P_SHA256, P_SHA384, Secret};

const OUTER_INCLUDED: u8 = 0x10;
const LENGTH_INCLUDED: u8 = 0x80;
const VERSION: u8 = 1;
const RESPONSE: u8 = 2;

const IDENTITY_TYPE: u16 = 2;
const RESULT: u16 = 3;
const NAK: u16 = 4;
const EAP_PAYLOAD: u16 = 9;
const INTERMEDIATE_RESULT: u16 = 10;
const CRYPTO_BINDING: u16 = 12;
const PASSWORD_REQUEST: u16 = 13;
const PASSWORD_RESPONSE: u16 = 14;
const SUCCESS: [u8; 2] = [0, 1];
const FAILURE: [u8; 2] = [0, 2];
const MACHINE: [u8; 2] = [0, 2];
const USER: [u8; 2] = [0, 1];

/// Alteration of a message, by its number from 0 on, before it goes through the tunnel.
pub type Twist = fn(usize, Vec<u8>) -> Vec<u8>;

/// A device that speaks TEAP.
#[derive(Clone, Debug)]
pub struct TeapDevice {
    /// The user at the device.
    pub user: User,
    /// The machine's own account, if it has one.
    pub machine: Option<User>,
    /// EAP types that it accepts, the best first.
    pub accepts: Vec<u8>,
    /// Whether it gives its password away when asked for it.
    pub gives_password: bool,
    /// TLVs outside of TLS, in its first message.
    pub outer: Vec<u8>,
    /// For one that means harm.
    pub twist: Option<Twist>,
}

impl TeapDevice {
    /// One that takes whatever is asked for.
    pub fn new(user: User) -> Self {
        TeapDevice {
            user,
            machine: None,
            accepts: vec![26],
            gives_password: true,
            outer: Vec::new(),
            twist: None,
        }
    }
}

impl TeapDevice {
    /// One whose words are another's.
    pub(super) fn nobody() -> Self {
        TeapDevice::new(User {
            identity: String::new(),
            password: String::new(),
        })
    }
}

/// Export of the tunnel: S-IMCK\[0\], and whether its hash is SHA-384.
#[derive(Clone, Copy)]
pub(super) struct Seed {
    pub(super) seed: [u8; 40],
    pub(super) is_sha384: bool,
}

/// One conversation of the device.
pub(super) struct Teap {
    profile: Profile,
    device: TeapDevice,
    server_outer: Vec<u8>,
    has_spoken: bool,
    turn: usize,
    chain: Option<Chain>,
    /// The identity asked for at present.
    current: User,
    eap: Option<InnerEap>,
    gave_password: bool,
    content: bool,
}

impl Teap {
    pub(super) fn new(device: TeapDevice, profile: &Profile) -> Self {
        Teap {
            profile: profile.clone(),
            current: device.user.clone(),
            device,
            server_outer: Vec::new(),
            has_spoken: false,
            turn: 0,
            chain: None,
            eap: None,
            gave_password: false,
            content: false,
        }
    }

    pub(super) fn is_content(&self) -> bool {
        self.content
    }

    pub(super) fn msk(&self) -> Option<[u8; 64]> {
        self.chain.as_ref().map(Chain::msk)
    }

    /// Takes what is TEAP's own off a request; `None` where it is not version 1.
    pub(super) fn unwrap(&mut self, type_data: &[u8]) -> Option<Vec<u8>> {
        let (flags, rest) = type_data.split_first()?;
        if flags & 7 != VERSION {
            return None;
        }
        if flags & OUTER_INCLUDED == 0 {
            return Some([&[flags & 0xe0], rest].concat());
        }
        let (length, outer) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        self.server_outer = outer.get(..length)?.to_vec();
        Some(vec![flags & 0xe0])
    }

    /// Puts it on a response.
    pub(super) fn wrap(&mut self, mut type_data: Vec<u8>) -> Vec<u8> {
        let first = !std::mem::replace(&mut self.has_spoken, true);
        let Some(flags) = type_data.first_mut() else {
            return type_data;
        };
        *flags |= VERSION;
        if first && !self.device.outer.is_empty() {
            *flags |= OUTER_INCLUDED;
            let header = if *flags & LENGTH_INCLUDED == 0 { 1 } else { 5 };
            let length = u32::try_from(self.device.outer.len()).unwrap_or(u32::MAX);
            type_data.splice(header..header, length.to_be_bytes());
            type_data.extend_from_slice(&self.device.outer);
        }
        type_data
    }

    /// Answers what came through the tunnel.
    pub(super) fn answer(&mut self, said: &[u8], seed: Seed) -> Option<Vec<u8>> {
        self.chain.get_or_insert_with(|| Chain::new(seed));
        let tlvs = read(said)?;
        let value = |wanted| find(&tlvs, wanted).map(|tlv| tlv.value);
        let answer = match value(RESULT) == Some(&FAILURE) {
            true => tlv(RESULT, &FAILURE),
            false => self.answer_tlvs(&tlvs)?,
        };
        let turn = self.turn;
        self.turn += 1;
        Some(match self.device.twist {
            Some(twist) => twist(turn, answer),
            None => answer,
        })
    }

    fn answer_tlvs(&mut self, tlvs: &[Tlv<'_>]) -> Option<Vec<u8>> {
        let value = |wanted| find(tlvs, wanted).map(|tlv| tlv.value);
        let mut answer = Vec::new();
        if let Some(wanted) = value(IDENTITY_TYPE) {
            answer.extend(tlv(IDENTITY_TYPE, &self.choose(wanted)));
        }
        if value(PASSWORD_REQUEST).is_some() {
            answer = self.answer_password(answer);
        }
        if let Some(packet) = value(EAP_PAYLOAD) {
            answer.extend(self.answer_eap(packet)?);
        }
        let mut bound = true;
        if let Some(binding) = find(tlvs, CRYPTO_BINDING) {
            let response = self.answer_binding(binding.whole);
            bound = response.is_some();
            answer.extend(response.unwrap_or_default());
        }
        if value(INTERMEDIATE_RESULT) == Some(&SUCCESS) {
            let proven = bound && self.is_inner_content();
            let status = if proven { SUCCESS } else { FAILURE };
            answer.extend(tlv(INTERMEDIATE_RESULT, &status));
        }
        if value(RESULT) == Some(&SUCCESS) {
            self.content = bound && find(tlvs, CRYPTO_BINDING).is_some();
            let status = if self.content { SUCCESS } else { FAILURE };
            answer.extend(tlv(RESULT, &status));
        }
        Some(answer)
    }

    /// The identity that is asked for, or the one that there is.
    fn choose(&mut self, wanted: &[u8]) -> [u8; 2] {
        (self.eap, self.gave_password) = (None, false);
        match &self.device.machine {
            Some(machine) if wanted == MACHINE => {
                self.current = machine.clone();
                MACHINE
            }
            _ => {
                self.current = self.device.user.clone();
                USER
            }
        }
    }

    /// A NAK goes alone.
    fn answer_password(&mut self, answer: Vec<u8>) -> Vec<u8> {
        if !self.device.gives_password {
            return tlv(NAK, &[0, 0, 0, 0, 0, 13]);
        }
        self.gave_password = true;
        let counted = |octets: &[u8]| {
            let count = u8::try_from(octets.len()).unwrap_or(u8::MAX);
            [&[count], octets].concat()
        };
        let name = counted(self.current.identity.as_bytes());
        let password = counted(self.current.password.as_bytes());
        let response = tlv(PASSWORD_RESPONSE, &[name, password].concat());
        [answer, response].concat()
    }

    fn answer_eap(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (header, request) = packet.split_first_chunk::<4>()?;
        let (current, accepts) = (&self.current, &self.device.accepts);
        let eap = self
            .eap
            .get_or_insert_with(|| InnerEap::new(current.clone(), accepts.clone(), &self.profile));
        let [_, identifier, ..] = *header;
        let answer = eap.answer(identifier, request)?;
        let [.., high, low] = (4 + answer.len()).to_be_bytes();
        let response = [&[RESPONSE, identifier, high, low], answer.as_slice()].concat();
        Some(tlv(EAP_PAYLOAD, &response))
    }

    fn is_inner_content(&self) -> bool {
        self.gave_password || self.eap.as_ref().is_some_and(InnerEap::is_content)
    }

    /// `None` where the server's is not under the same key: an attacker stands in between.
    fn answer_binding(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let inner = self.eap.as_ref().filter(|eap| eap.is_content());
        let key = inner.and_then(InnerEap::key_in_teap);
        let outer = [self.server_outer.as_slice(), &self.device.outer].concat();
        let chain = self.chain.as_mut()?;
        let mac_key = chain.extend(key);
        let (head, macs) = request.split_at_checked(40)?;
        let covered = |head: &[u8]| [head, &[0; 40], &[55], &outer].concat();
        let sound = head.starts_with(&[0x80, 12, 0, 76, 0, 1, 1, 0x20])
            && head.last()? & 1 == 0
            && macs.get(20..)? == chain.mac(&mac_key, &covered(head));
        let mut answer = head.to_vec();
        *answer.get_mut(7)? = 0x21;
        *answer.last_mut()? |= 1;
        let mac = chain.mac(&mac_key, &covered(&answer));
        answer.extend([0; 20]);
        answer.extend(mac);
        sound.then_some(answer)
    }
}

/// S-IMCK as it stands.
struct Chain {
    seed: Seed,
    latest: [u8; 40],
}

impl Chain {
    fn new(seed: Seed) -> Self {
        Chain {
            seed,
            latest: seed.seed,
        }
    }

    /// CMK.
    fn extend(&mut self, key: Option<[u8; 32]>) -> Vec<u8> {
        let inner = key.unwrap_or_default();
        let material: [u8; 60] = self.expand(&self.latest, b"Inner Methods Compound Keys", &inner);
        let (latest, mac_key) = material.split_at(40);
        if key.is_some() {
            self.latest.copy_from_slice(latest);
        }
        mac_key.to_vec()
    }

    fn msk(&self) -> [u8; 64] {
        self.expand(&self.latest, b"Session Key Generating Function", b"")
    }

    #[expect(clippy::expect_used, reason = "the lengths are right")]
    fn expand<const N: usize>(&self, secret: &[u8], label: &[u8], seed: &[u8]) -> [u8; N] {
        let algorithm = if self.seed.is_sha384 {
            &P_SHA384
        } else {
            &P_SHA256
        };
        let secret = Secret::new(algorithm, secret).expect("a secret");
        let derived = secret.derive(label, seed, N).expect("octets");
        *derived.as_ref().first_chunk().expect("as many")
    }

    fn mac(&self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let algorithm = if self.seed.is_sha384 {
            HMAC_SHA384
        } else {
            HMAC_SHA256
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), message);
        tag.as_ref().iter().take(20).copied().collect()
    }
}

struct Tlv<'a> {
    kind: u16,
    value: &'a [u8],
    whole: &'a [u8],
}

fn read(mut said: &[u8]) -> Option<Vec<Tlv<'_>>> {
    let mut tlvs = Vec::new();
    while let Some(([first, second, high, low], rest)) = said.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        tlvs.push(Tlv {
            kind: u16::from_be_bytes([first & 0x3f, *second]),
            value: rest.get(..length)?,
            whole: said.get(..4 + length)?,
        });
        said = rest.get(length..)?;
    }
    Some(tlvs)
}

fn find<'t, 'a>(tlvs: &'t [Tlv<'a>], wanted: u16) -> Option<&'t Tlv<'a>> {
    tlvs.iter().find(|tlv| tlv.kind == wanted)
}

fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
    let [.., high, low] = value.len().to_be_bytes();
    let [first, second] = (0x8000 | kind).to_be_bytes();
    [&[first, second, high, low], value].concat()
}
