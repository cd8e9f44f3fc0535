//! State of one log-on, without IO: writes its next request, judges each reply.

use md5::{Digest as _, Md5};
use portvakt_auth::mschap::{self, MsChapV2Exchange, NtHash};
use portvakt_radius::dictionary::microsoft;
use portvakt_radius::{AttributeType, Code, Packet, PushError, RequestWriter, SharedSecret, mppe};
use portvakt_supplicant::Supplicant;

use crate::plan::{Method, Proof};
use crate::stats::Outcome;

/// Framed-MTU of the requests: the largest EAP packet that the server may send.
const FRAMED_MTU: u32 = 1400;
/// Wireless-802.11 (RFC 2865 §5.41).
const WIRELESS: u32 = 19;
/// Framed (RFC 2865 §5.6).
const FRAMED_SERVICE: u32 = 2;
/// A log-on with more requests than this counts as a loop.
const MAX_REQUESTS: u8 = 40;

/// Next step of a log-on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send another request.
    Request,
    /// The log-on has ended.
    Ended(Outcome),
}

/// User name, password and device of a log-on.
pub(crate) struct Credentials<'a> {
    /// User-Name; the outer identity of a tunnelled method.
    pub outer: &'a str,
    /// Number from which Calling-Station-Id is made.
    pub device: usize,
    /// Password in clear text.
    pub password: &'a str,
}

/// One log-on.
pub(crate) struct Login {
    outer: String,
    station: String,
    expects_accept: bool,
    requests: u8,
    kind: Kind,
}

enum Kind {
    Pap(String),
    Chap(String),
    MsChapV2(NtHash, Option<Offered>),
    Eap(Box<Eap>),
    Status,
}

/// Challenge and response, kept to check MS-CHAP2-Success.
struct Offered {
    identifier: u8,
    challenge: [u8; 16],
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
}

struct Eap {
    supplicant: Supplicant,
    /// The EAP packet to send next.
    response: Vec<u8>,
    state: Vec<u8>,
}

impl Login {
    /// A log-on without a tunnel: PAP, CHAP, MS-CHAPv2; Status-Server for any other method.
    pub(crate) fn bare(method: Method, credentials: &Credentials<'_>, proof: Proof) -> Self {
        let password = credentials.password.to_owned();
        let kind = match method {
            Method::Pap => Kind::Pap(password),
            Method::Chap => Kind::Chap(password),
            Method::MsChapV2 => Kind::MsChapV2(NtHash::of_password(&password), None),
            _ => Kind::Status,
        };
        Self::new(credentials, proof, kind)
    }

    /// A log-on by EAP.
    pub(crate) fn eap(credentials: &Credentials<'_>, proof: Proof, supplicant: Supplicant) -> Self {
        let eap = Eap {
            response: supplicant.identity_response(1),
            supplicant,
            state: Vec::new(),
        };
        Self::new(credentials, proof, Kind::Eap(Box::new(eap)))
    }

    fn new(credentials: &Credentials<'_>, proof: Proof, kind: Kind) -> Self {
        // A locally administered address: no device has it.
        let [.., a, b, c, d] = credentials.device.to_be_bytes();
        Self {
            outer: credentials.outer.to_owned(),
            station: format!("02-4C-{a:02X}-{b:02X}-{c:02X}-{d:02X}"),
            expects_accept: proof == Proof::Right,
            requests: 0,
            kind,
        }
    }

    /// Whether the next request is a Status-Server.
    pub(crate) fn is_status(&self) -> bool {
        matches!(self.kind, Kind::Status)
    }

    /// Writes the attributes of the next request; `random` feeds challenges and identifiers.
    ///
    /// # Errors
    /// [`PushError`]: a name or password longer than RADIUS can carry.
    pub(crate) fn write(
        &mut self,
        request: &mut RequestWriter<'_>,
        secret: &SharedSecret,
        random: &[u8; 33],
    ) -> Result<(), PushError> {
        self.requests = self.requests.saturating_add(1);
        if self.is_status() {
            return Ok(());
        }
        request.push(AttributeType::USER_NAME, self.outer.as_bytes())?;
        request.push(AttributeType::NAS_IDENTIFIER, b"portvakt-load")?;
        request.push(AttributeType::CALLING_STATION_ID, self.station.as_bytes())?;
        request.push_integer(AttributeType::SERVICE_TYPE, FRAMED_SERVICE)?;
        match &mut self.kind {
            Kind::Pap(password) => request.push_user_password(password.as_bytes(), secret),
            Kind::Chap(password) => write_chap(request, password, random),
            Kind::MsChapV2(hash, offered) => {
                let made = offer(hash, self.outer.as_bytes(), random);
                write_ms_chap_v2(request, &made)?;
                *offered = Some(made);
                Ok(())
            }
            Kind::Eap(eap) => eap.write(request),
            Kind::Status => Ok(()),
        }
    }

    /// Handles a reply whose authenticator has been verified.
    pub(crate) fn handle(
        &mut self,
        reply: &Packet<'_>,
        authenticator: &[u8; 16],
        secret: &SharedSecret,
    ) -> Step {
        match (reply.code(), &mut self.kind) {
            (Code::AccessChallenge, Kind::Eap(eap)) => match eap.go_on(reply) {
                _ if self.requests >= MAX_REQUESTS => wrong("too many round trips"),
                Ok(()) => Step::Request,
                Err(why) => wrong(why),
            },
            (Code::AccessAccept, kind) if !self.expects_accept => match kind {
                Kind::Status => self.accepted(reply, authenticator, secret),
                _ => wrong("let in with a wrong password"),
            },
            (Code::AccessAccept, _) => self.accepted(reply, authenticator, secret),
            (Code::AccessReject, _) if self.expects_accept => wrong("refused"),
            (Code::AccessReject, _) => Step::Ended(Outcome::Right {
                accepted: false,
                resumed: false,
            }),
            _ => wrong("an answer of another kind"),
        }
    }

    /// Checks what the method requires of an Access-Accept: keys, EAP-Success, MS-CHAP2-Success.
    fn accepted(
        &mut self,
        reply: &Packet<'_>,
        authenticator: &[u8; 16],
        secret: &SharedSecret,
    ) -> Step {
        let proven = match &mut self.kind {
            Kind::Eap(eap) => eap.accept(reply, authenticator, secret),
            Kind::MsChapV2(hash, Some(offered)) => check_proof(hash, &self.outer, offered, reply),
            _ => Ok(false),
        };
        match proven {
            Ok(resumed) => Step::Ended(Outcome::Right {
                accepted: true,
                resumed,
            }),
            Err(why) => wrong(why),
        }
    }
}

fn wrong(why: &'static str) -> Step {
    Step::Ended(Outcome::Wrong(why))
}

impl Eap {
    fn write(&self, request: &mut RequestWriter<'_>) -> Result<(), PushError> {
        request.push_integer(AttributeType::NAS_PORT_TYPE, WIRELESS)?;
        request.push_integer(AttributeType::FRAMED_MTU, FRAMED_MTU)?;
        request.push_eap_message(&self.response)?;
        match self.state.is_empty() {
            true => Ok(()),
            false => request.push(AttributeType::STATE, &self.state),
        }
    }

    fn go_on(&mut self, challenge: &Packet<'_>) -> Result<(), &'static str> {
        let packet = eap_packet(challenge).ok_or("a challenge without EAP")?;
        let state = challenge.first(AttributeType::STATE).unwrap_or_default();
        self.state.clear();
        self.state.extend_from_slice(state);
        let response = self.supplicant.handle(&packet);
        self.response = response.ok_or("the device does not understand the server's EAP")?;
        Ok(())
    }

    /// Checks that the device accepts EAP-Success and that the MPPE keys are its own MSK.
    fn accept(
        &mut self,
        reply: &Packet<'_>,
        authenticator: &[u8; 16],
        secret: &SharedSecret,
    ) -> Result<bool, &'static str> {
        let packet = eap_packet(reply).ok_or("an Accept without EAP-Success")?;
        self.supplicant.handle(&packet);
        if self.supplicant.outcome().is_none() {
            return Err("the device does not believe in its success");
        }
        let keys = mppe::reveal_msk(reply, authenticator, secret).map_err(|_| "no MPPE keys")?;
        match self.supplicant.msk() == Some(*keys) {
            true => Ok(self.supplicant.is_resumed()),
            false => Err("wrong MPPE keys"),
        }
    }
}

fn eap_packet(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let message = packet.eap_message()?;
    let mut whole = Vec::with_capacity(message.len());
    message.copy_into(&mut whole);
    Some(whole)
}

/// CHAP-Password (RFC 2865 §5.3): the identifier, then MD5 over identifier, password, challenge.
fn write_chap(
    request: &mut RequestWriter<'_>,
    password: &str,
    random: &[u8; 33],
) -> Result<(), PushError> {
    let [identifier, challenge @ ..] = random;
    let challenge = challenge.first_chunk::<16>().unwrap_or(&[0; 16]);
    let digest = Md5::new()
        .chain_update([*identifier])
        .chain_update(password)
        .chain_update(challenge)
        .finalize();
    let value: Vec<u8> = std::iter::once(*identifier).chain(digest).collect();
    request.push(AttributeType::CHAP_PASSWORD, &value)?;
    request.push(AttributeType::CHAP_CHALLENGE, challenge)
}

fn offer(hash: &NtHash, name: &[u8], random: &[u8; 33]) -> Offered {
    let [identifier, challenges @ ..] = random;
    let (challenge, peer) = challenges.split_at(16);
    let octets = |part: &[u8]| part.first_chunk::<16>().copied().unwrap_or_default();
    let mut offered = Offered {
        identifier: *identifier,
        challenge: octets(challenge),
        peer_challenge: octets(peer),
        nt_response: [0; 24],
    };
    offered.nt_response = mschap::nt_response(hash, &offered.exchange(name));
    offered
}

impl Offered {
    fn exchange(&self, name: &[u8]) -> MsChapV2Exchange {
        MsChapV2Exchange {
            name: name.to_vec(),
            authenticator_challenge: self.challenge,
            peer_challenge: self.peer_challenge,
            nt_response: self.nt_response,
        }
    }
}

/// MS-CHAP2-Response (RFC 2548 §2.3.2): Ident, Flags, Peer-Challenge, eight reserved octets,
/// Response.
fn write_ms_chap_v2(request: &mut RequestWriter<'_>, offered: &Offered) -> Result<(), PushError> {
    let value = [
        &[offered.identifier, 0],
        offered.peer_challenge.as_slice(),
        &[0; 8],
        &offered.nt_response,
    ]
    .concat();
    request.push_vendor(
        microsoft::VENDOR,
        microsoft::MS_CHAP_CHALLENGE,
        &offered.challenge,
    )?;
    request.push_vendor(microsoft::VENDOR, microsoft::MS_CHAP2_RESPONSE, &value)
}

/// Checks MS-CHAP2-Success, by which the server proves the password (RFC 2759 §8.7), and that MPPE
/// keys are there.
fn check_proof(
    hash: &NtHash,
    name: &str,
    offered: &Offered,
    reply: &Packet<'_>,
) -> Result<bool, &'static str> {
    let owed = mschap::authenticator_response(hash, &offered.exchange(name.as_bytes()));
    let proof = reply.vendor(microsoft::VENDOR, microsoft::MS_CHAP2_SUCCESS);
    let proof = proof.ok_or("no MS-CHAP2-Success")?;
    if proof.split_first() != Some((&offered.identifier, owed.as_slice())) {
        return Err("a wrong MS-CHAP2-Success");
    }
    match reply.vendor(microsoft::VENDOR, microsoft::MS_MPPE_SEND_KEY) {
        Some(_) => Ok(false),
        None => Err("no MPPE keys"),
    }
}
