//! An access point of our own, for what real ones can't be told to do: to stop halfway, to wait.

use std::net::UdpSocket;
use std::time::Duration;

use portvakt_radius::{AttributeType, Code, Packet, RequestWriter, SharedSecret, verify_reply};
use portvakt_testkit::supplicant::{Outcome, Supplicant};

use super::{Daemon, PATIENCE, SECRET};

/// A socket of its own, and one request at a time.
pub struct AccessPoint {
    socket: UdpSocket,
    identifier: u8,
    authenticator: [u8; 16],
    outer: String,
    says: Vec<(AttributeType, Vec<u8>)>,
}

/// An answer whose signatures are right.
pub struct Reply {
    /// Accept, Reject, Challenge.
    pub code: Code,
    /// The EAP packet in it; empty without one.
    pub eap: Vec<u8>,
    /// The State attribute.
    pub state: Option<Vec<u8>>,
}

fn secret() -> SharedSecret {
    SharedSecret::new(SECRET.as_bytes()).unwrap()
}

impl AccessPoint {
    /// One that asks `daemon`.
    pub fn of(daemon: &Daemon) -> Self {
        Self::at("127.0.0.1", daemon)
    }

    /// One that asks `daemon` from another address of this machine.
    pub fn at(address: &str, daemon: &Daemon) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.connect(daemon.address()).unwrap();
        Self {
            socket,
            identifier: 0,
            authenticator: [0; 16],
            outer: "anonymous@campus.example".to_owned(),
            says: [
                (AttributeType::CALLING_STATION_ID, "02-00-00-00-00-09"),
                (AttributeType::NAS_IDENTIFIER, "ap-17"),
                (AttributeType::OPERATOR_NAME, "1campus.example"),
            ]
            .map(|(kind, value)| (kind, value.as_bytes().to_vec()))
            .into(),
        }
    }

    /// Sets the outer identity of its devices.
    #[must_use]
    pub fn with_outer_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.outer);
        self
    }

    /// That says something else of itself.
    #[must_use]
    pub fn saying(mut self, kind: AttributeType, value: &[u8]) -> Self {
        self.says.retain(|(said, _)| *said != kind);
        self.says.push((kind, value.to_vec()));
        self
    }

    /// One log-on with a bare password; `true` for Access-Accept, `false` for Access-Reject.
    pub fn log_on(&mut self, user: &str, password: &str) -> bool {
        self.ask_for(user, password);
        self.receive().expect("an answer").code == Code::AccessAccept
    }

    /// Sends a log-on with a bare password.
    pub fn ask_for(&mut self, user: &str, password: &str) {
        self.send(user, |writer| {
            let hidden = writer.push_user_password(password.as_bytes(), &secret());
            hidden.unwrap();
        });
    }

    /// One step of an EAP conversation.
    pub fn step(&mut self, eap: &[u8], state: Option<&[u8]>) -> Reply {
        let outer = self.outer.clone();
        self.send(&outer, |writer| {
            writer.push_eap_message(eap).unwrap();
            if let Some(state) = state {
                writer.push(AttributeType::STATE, state).unwrap();
            }
        });
        self.receive().expect("an answer")
    }

    /// A whole EAP conversation, begun anew.
    pub fn converse(&mut self, device: &mut Supplicant) -> Option<Outcome> {
        let first = self.step(&device.identity_response(1), None);
        self.go_on(device, first, usize::MAX);
        device.outcome()
    }

    /// Goes on after `reply` for so many more steps at most; what came last.
    pub fn go_on(&mut self, device: &mut Supplicant, mut reply: Reply, steps: usize) -> Reply {
        for _ in 0..steps {
            let Some(answer) = device.handle(&reply.eap) else {
                break;
            };
            reply = self.step(&answer, reply.state.as_deref());
        }
        reply
    }

    fn send(&mut self, user: &str, fill: impl FnOnce(&mut RequestWriter<'_>)) {
        let mut buffer = [0; 4096];
        self.identifier = self.identifier.wrapping_add(1);
        getrandom::fill(&mut self.authenticator).unwrap();
        let writer =
            RequestWriter::access_request(self.identifier, self.authenticator, &mut buffer);
        let mut writer = writer.unwrap();
        writer
            .push(AttributeType::USER_NAME, user.as_bytes())
            .unwrap();
        for (kind, value) in &self.says {
            writer.push(*kind, value).unwrap();
        }
        fill(&mut writer);
        self.socket.send(writer.finish(&secret()).unwrap()).unwrap();
    }

    /// The answer to what was sent last, if one comes.
    pub fn receive(&self) -> Option<Reply> {
        self.receive_within(PATIENCE)
    }

    /// As [`receive`](Self::receive), with another patience.
    pub fn receive_within(&self, patience: Duration) -> Option<Reply> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        let packet = Packet::parse(&buffer[..length]).unwrap();
        assert_eq!(packet.identifier(), self.identifier);
        verify_reply(&packet, &self.authenticator, &secret()).unwrap();
        let mut eap = Vec::new();
        if let Some(message) = packet.eap_message() {
            message.copy_into(&mut eap);
        }
        let state = packet.first(AttributeType::STATE).map(<[u8]>::to_vec);
        Some(Reply {
            code: packet.code(),
            eap,
            state,
        })
    }
}
