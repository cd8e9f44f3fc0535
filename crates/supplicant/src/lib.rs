//! A supplicant in memory: a rustls client that speaks EAP-TTLS, PEAP, EAP-TLS and TEAP, packets in
//! and packets out. The load harness plays devices with it, and the tests hold it against the
//! server.
//!
//! Its framing and its keys are written apart from the server's, so that the two check each other.
//! It does no IO and reads no clock. A device that is set up wrongly is an error of
//! [`Device::open`].

mod accounts;
mod binding;
mod client_identity;
mod device;
mod framing;
mod inner;
mod inner_eap;
mod inner_tls;
mod seen;
mod teap;
mod untunnelled;

pub use accounts::User;
pub use client_identity::ClientIdentity;
pub use device::{Device, ProfileError};
pub use inner::{Binding, Inner, Outer};
pub use seen::Seen;
pub use teap::{TeapDevice, Twist};
pub use untunnelled::UntunnelledSupplicant;

use framing::Framing;
use inner::Phase2;
use portvakt_eap::avp::{self, Avp};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion};
use std::io::{Read, Write};
use std::sync::Arc;
use teap::Seed;

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;
const IDENTITY: u8 = 1;
const NAK: u8 = 3;

/// How a device is set up.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Outside the tunnel.
    pub outer_identity: String,
    /// The method that makes the tunnel.
    pub outer: Outer,
    /// Inner method and credentials.
    pub inner: Inner,
    /// The one CA that the device trusts, DER.
    pub trusted: CertificateDer<'static>,
    /// The name that the certificate must bear.
    pub server_name: String,
    /// Offered to the server.
    pub versions: Vec<&'static rustls::SupportedProtocolVersion>,
    /// Most octets of an EAP packet of ours.
    pub eap_octets: usize,
    /// Whether the L bit is set on messages that are whole, as some devices do.
    pub always_length: bool,
    /// Whether the credential goes out in the same message as Finished (TLS 1.3).
    pub eager: bool,
    /// Whether the credential goes through the tunnel on a resumed session, too.
    pub proves_anew: bool,
    /// For TLS client authentication, by itself or inside the tunnel.
    pub certificate: Option<ClientIdentity>,
    /// Facts that the server showed it.
    pub seen: Seen,
}

/// Whom a device trusts.
pub trait Trusted {
    /// The one CA, DER.
    fn certificate(&self) -> CertificateDer<'static>;
    /// The name in the server's certificate.
    fn server_name(&self) -> &str;
}

impl Profile {
    /// A usual one: anonymous outside, PAP inside, both TLS versions.
    pub fn pap(trusted: &impl Trusted, identity: &str, password: &[u8]) -> Self {
        Profile {
            outer_identity: "anonymous@campus.example".into(),
            outer: Outer::Ttls,
            inner: Inner::Avps(pap_avps(identity.as_bytes(), password)),
            trusted: trusted.certificate(),
            server_name: trusted.server_name().to_owned(),
            versions: vec![&rustls::version::TLS13, &rustls::version::TLS12],
            eap_octets: 1400,
            always_length: false,
            eager: false,
            proves_anew: false,
            certificate: None,
            seen: Seen::default(),
        }
    }

    /// EAP-TLS: a certificate and nothing else.
    pub fn tls(trusted: &impl Trusted, certificate: ClientIdentity) -> Self {
        Profile {
            certificate: Some(certificate),
            outer: Outer::Tls,
            ..Profile::pap(trusted, "", b"")
        }
    }

    /// The same with another tunnel, and something else in it.
    pub fn new(trusted: &impl Trusted, outer: Outer, inner: Inner) -> Self {
        Profile {
            outer,
            inner,
            ..Profile::pap(trusted, "", b"")
        }
    }
}

/// User-Name and User-Password as wpa_supplicant writes them, the password padded to 16.
pub fn pap_avps(identity: &[u8], password: &[u8]) -> Vec<u8> {
    let mut padded = password.to_vec();
    padded.resize(password.len().next_multiple_of(16).max(16), 0);
    let mut bytes = Vec::new();
    avp::write(
        &mut bytes,
        Avp {
            code: 1,
            vendor: 0,
            mandatory: true,
            value: identity,
        },
    );
    avp::write(
        &mut bytes,
        Avp {
            code: 2,
            vendor: 0,
            mandatory: true,
            value: &padded,
        },
    );
    bytes
}

/// End of a conversation, as the device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// EAP-Success came, after the credential had been sent.
    Success,
    /// EAP-Failure came.
    Failure,
}

/// One device, one conversation.
pub struct Supplicant {
    profile: Profile,
    connection: ClientConnection,
    framing: Framing,
    phase2: Phase2,
    /// The octet 0x00 came through the tunnel (RFC 9190 §2.5).
    success_indicated: bool,
    /// TLS gave up: nothing but its alert is left to be said.
    broken: Option<rustls::Error>,
    outcome: Option<Outcome>,
}

impl Supplicant {
    /// Sets a device up.
    ///
    /// # Panics
    /// If the profile cannot work at all: a test is wrong then.
    pub fn new(profile: Profile) -> Self {
        Device::new(profile).supplicant()
    }

    #[expect(
        clippy::expect_used,
        reason = "`Device` has looked at the name and the rest"
    )]
    fn with_config(profile: Profile, config: Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from(profile.server_name.clone()).expect("a name");
        let connection = ClientConnection::new(config, name).expect("a TLS client");
        Supplicant {
            framing: Framing::new(profile.eap_octets, profile.always_length),
            phase2: Phase2::new(&profile),
            profile,
            connection,
            success_indicated: false,
            broken: None,
            outcome: None,
        }
    }

    /// EAP-Response/Identity to the access point's own request.
    pub fn identity_response(&self, identifier: u8) -> Vec<u8> {
        response(identifier, IDENTITY, self.profile.outer_identity.as_bytes())
    }

    /// Takes a packet of the server; answers a request that it understands.
    pub fn handle(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (header, body) = packet.split_first_chunk::<4>()?;
        let ours = self.profile.outer.eap_type();
        match (header[0], body) {
            (REQUEST, [kind, type_data @ ..]) if *kind == ours => {
                let answer = self.handle_method(header[1], type_data)?;
                Some(response(header[1], ours, &answer))
            }
            (REQUEST, [_other, ..]) => Some(response(header[1], NAK, &[ours])),
            (SUCCESS, []) => self.end(Outcome::Success),
            (FAILURE, []) => self.end(Outcome::Failure),
            _ => None,
        }
    }

    /// The end, once it has come.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Why TLS gave up, if it did.
    pub fn tls_error(&self) -> Option<&rustls::Error> {
        self.broken.as_ref()
    }

    /// The Master Session Key as this end sees it, once the tunnel is open.
    pub fn msk(&self) -> Option<[u8; 64]> {
        let msk = self.tunnel_key()?;
        Some(self.phase2.bind(msk))
    }

    /// The key of the tunnel alone, which is the MSK unless crypto-binding changes it.
    pub fn tunnel_key(&self) -> Option<[u8; 64]> {
        let context = [self.profile.outer.eap_type()];
        let (label, context): (&[u8], Option<&[u8]>) = match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => (b"EXPORTER_EAP_TLS_Key_Material", Some(&context)),
            _ => (self.profile.outer.key_label(), None),
        };
        let material = self
            .connection
            .export_keying_material([0_u8; 128], label, context)
            .ok()?;
        material.first_chunk().copied()
    }

    /// Whether the handshake resumed a session.
    pub fn is_resumed(&self) -> bool {
        !self.connection.is_handshaking()
            && self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// A device that has not sent its credential, or still waits for the server's proof, does not
    /// believe in success.
    fn end(&mut self, outcome: Outcome) -> Option<Vec<u8>> {
        if outcome == Outcome::Failure || self.phase2.is_content() || self.is_content() {
            self.outcome = Some(outcome);
        }
        None
    }

    /// After a handshake that was all the proof: with TLS 1.3 the server says so inside the tunnel.
    fn is_content(&self) -> bool {
        let counts = match self.profile.outer {
            Outer::Tls => true,
            Outer::Ttls => self.is_resumed(),
            Outer::Peap | Outer::Teap => false,
        };
        let indicated = self.success_indicated
            || self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_2);
        counts && indicated && !self.connection.is_handshaking()
    }

    /// Whether the device has a credential to send through the tunnel.
    fn proves_inside(&self) -> bool {
        match self.profile.outer {
            Outer::Tls => self.profile.proves_anew,
            Outer::Ttls => self.profile.proves_anew || !self.is_resumed(),
            // The server speaks first, and on resumed sessions too.
            Outer::Peap | Outer::Teap => true,
        }
    }

    fn handle_method(&mut self, identifier: u8, type_data: &[u8]) -> Option<Vec<u8>> {
        let mut said = Vec::new();
        let type_data = self.phase2.unwrap(type_data)?;
        match self.framing.read(&type_data)? {
            framing::Incoming::Part => {
                let acknowledgement = self.framing.acknowledge();
                return Some(self.phase2.wrap(acknowledgement));
            }
            framing::Incoming::Acknowledgement if self.framing.has_more() => {
                let next = self.framing.next();
                return Some(self.phase2.wrap(next));
            }
            framing::Incoming::Acknowledgement => {}
            framing::Incoming::Message(message) => said = self.feed(&message),
        }
        self.speak(identifier, &said);
        let outgoing = self.take_outgoing();
        self.framing.queue(outgoing);
        let next = self.framing.next();
        Some(self.phase2.wrap(next))
    }

    /// Feeds TLS; what the server said through the tunnel comes back.
    fn feed(&mut self, mut message: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        while !message.is_empty() && self.broken.is_none() {
            if !self
                .connection
                .read_tls(&mut message)
                .is_ok_and(|count| count > 0)
            {
                break;
            }
            self.broken = self.connection.process_new_packets().err();
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = self.connection.reader().read(&mut chunk) {
                said.extend(chunk.iter().take(count));
            }
        }
        said
    }

    /// As wpa_supplicant does, only in a message of its own after Finished; unless eager.
    fn speak(&mut self, identifier: u8, said: &[u8]) {
        let open = self.broken.is_none() && !self.connection.is_handshaking();
        let quiet = self.profile.eager || !self.connection.wants_write();
        if said == [0] {
            self.success_indicated = true;
        }
        if !(open && quiet && self.proves_inside()) {
            return;
        }
        self.phase2.set_resumed(self.is_resumed());
        self.phase2.set_seed(self.teap_seed());
        let (connection, key) = (&self.connection, self.tunnel_key());
        let challenge = |octets: usize| {
            let material = vec![0; octets];
            let exported = connection.export_keying_material(material, b"ttls challenge", None);
            exported.unwrap_or_default()
        };
        let answer = match said {
            [] | [0] => self.phase2.begin(challenge),
            said => self.phase2.answer(identifier, said, key),
        };
        if let Some(answer) = answer {
            let _ = self.connection.writer().write_all(&answer);
        }
    }

    /// The seed of TEAP's keys.
    fn teap_seed(&self) -> Option<Seed> {
        let label = b"EXPORTER: teap session key seed";
        let exported = self.connection.export_keying_material([0; 40], label, None);
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        Some(Seed {
            seed: exported.ok()?,
            is_sha384: format!("{suite:?}").ends_with("SHA384"),
        })
    }

    fn take_outgoing(&mut self) -> Vec<u8> {
        let mut outgoing = Vec::new();
        while self.connection.wants_write() && self.connection.write_tls(&mut outgoing).is_ok() {}
        outgoing
    }
}

fn response(identifier: u8, kind: u8, data: &[u8]) -> Vec<u8> {
    let [.., high, low] = (5 + data.len()).to_be_bytes();
    let mut packet = vec![RESPONSE, identifier, high, low, kind];
    packet.extend_from_slice(data);
    packet
}
