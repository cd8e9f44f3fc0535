//! The device's side of EAP-TLS inside the tunnel: a second handshake, with its own fragments.

use super::framing::{Framing, Incoming};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion};
use std::io::Read;
use std::sync::Arc;

/// Type octet, and how the keys are called under TLS 1.2.
const EAP_TLS: u8 = 13;
const KEY_LABEL: &[u8] = b"client EAP encryption";

pub(super) struct InnerTls {
    connection: ClientConnection,
    framing: Framing,
    /// The octet 0x00 came (RFC 9190 §2.5).
    indicated: bool,
    broken: bool,
}

impl InnerTls {
    #[expect(
        clippy::expect_used,
        reason = "a test's profile is the test's responsibility"
    )]
    pub(super) fn new(config: Arc<ClientConfig>, server_name: &str, octets: usize) -> Self {
        let name = ServerName::try_from(server_name.to_owned()).expect("a name");
        InnerTls {
            connection: ClientConnection::new(config, name).expect("a TLS client"),
            framing: Framing::new(octets, false),
            indicated: false,
            broken: false,
        }
    }

    /// Answers a request: type-data in, and out.
    pub(super) fn answer(&mut self, type_data: &[u8]) -> Option<Vec<u8>> {
        match self.framing.read(type_data)? {
            Incoming::Part => return Some(self.framing.acknowledge()),
            Incoming::Acknowledgement if self.framing.has_more() => {
                return Some(self.framing.next());
            }
            Incoming::Acknowledgement => {}
            Incoming::Message(message) => self.feed(&message),
        }
        let outgoing = self.take_outgoing();
        self.framing.queue(outgoing);
        Some(self.framing.next())
    }

    /// Whether the server is proven, and has said that it is content with us.
    pub(super) fn is_content(&self) -> bool {
        let indicated =
            self.indicated || self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_2);
        indicated && !self.broken && !self.connection.is_handshaking()
    }

    /// The first half of the MSK.
    pub(super) fn key(&self) -> Option<[u8; 32]> {
        let (label, context): (&[u8], Option<&[u8]>) = match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => (b"EXPORTER_EAP_TLS_Key_Material", Some(&[EAP_TLS])),
            _ => (KEY_LABEL, None),
        };
        let material = [0; 128];
        let exported = self
            .connection
            .export_keying_material(material, label, context);
        exported.ok()?.first_chunk().copied()
    }

    fn feed(&mut self, mut message: &[u8]) {
        while !message.is_empty() && !self.broken {
            let taken = self.connection.read_tls(&mut message);
            self.broken = !taken.is_ok_and(|count| count > 0)
                || self.connection.process_new_packets().is_err();
            let mut octet = [0xff];
            while let Ok(1) = self.connection.reader().read(&mut octet) {
                self.indicated = octet == [0];
            }
        }
    }

    fn take_outgoing(&mut self) -> Vec<u8> {
        let mut outgoing = Vec::new();
        while self.connection.wants_write() && self.connection.write_tls(&mut outgoing).is_ok() {}
        outgoing
    }
}
