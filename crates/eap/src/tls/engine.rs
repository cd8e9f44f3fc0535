//! One TLS connection without a socket: bytes in, bytes out, keys when it is done.

mod application;

use super::alert::{Alert, TlsAlert, TlsProblem};
use super::certificate_identity::CertificateIdentity;
use super::certificate_problem::CertificateProblem;
use super::config::{LookUp, MethodTls, Parts};
use super::resumption::Staging;
use super::session_tickets::SessionTickets;
use super::sessions::{Authorization, Basis, SessionFacts, SessionId};
use super::tickets::Tickets;
use crate::keys::Keys;
use crate::packet::EapType;
use rustls::crypto::hash::HashAlgorithm;
use rustls::pki_types::CertificateDer;
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection, SupportedCipherSuite};
use std::io::BufRead;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Most decrypted octets of one EAP message. Credentials are far smaller.
const PLAINTEXT_AT_MOST: usize = 16 * 1024;

/// The version a connection agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsVersion {
    /// `"1.2"` or `"1.3"`, for audit and counters.
    pub fn label(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        }
    }
}

/// The hash of a cipher suite: that of its PRF and its MACs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuiteHash {
    Sha256,
    Sha384,
}

/// Labels that a method's keys are exported under (E4).
pub(crate) struct KeyLabel {
    /// TLS 1.2: each method has its own.
    pub(crate) tls12: &'static [u8],
    /// TLS 1.3: one label for all, told apart by the type octet as context (RFC 9427 §2.1).
    pub(crate) eap_type: EapType,
}

/// The server's end of one TLS connection.
pub(crate) struct Engine {
    connection: Box<ServerConnection>,
    plaintext: Zeroizing<Vec<u8>>,
    staging: Option<Arc<Staging>>,
    tickets: Option<Arc<Tickets>>,
    session_tickets: Option<Arc<SessionTickets>>,
    /// Whether the certificate out of a ticket was verified again.
    verified: bool,
}

impl Engine {
    pub(crate) fn new(tls: &MethodTls) -> Result<Self, TlsProblem> {
        Engine::of(tls.connect(LookUp::Everywhere))
    }

    /// Resumes what is in memory by now, and misses nothing.
    pub(crate) fn after_search(tls: &MethodTls) -> Result<Self, TlsProblem> {
        Engine::of(tls.connect(LookUp::Here))
    }

    /// Does a full handshake, whatever ticket the device has.
    pub(crate) fn ignoring_tickets(tls: &MethodTls) -> Result<Self, TlsProblem> {
        Engine::of(tls.connect(LookUp::NotInTickets))
    }

    fn of(parts: Parts) -> Result<Self, TlsProblem> {
        let Parts {
            config,
            staging,
            tickets,
            session_tickets,
        } = parts;
        let connection = ServerConnection::new(config).map_err(|_ours| TlsProblem::Internal)?;
        Ok(Engine {
            connection: Box::new(connection),
            plaintext: Zeroizing::default(),
            staging,
            tickets,
            session_tickets,
            verified: false,
        })
    }

    /// Feeds one message of the peer.
    ///
    /// # Errors
    /// [`TlsAlert`]; the connection must not be fed again. Our own alert, if any, is still to be
    /// fetched by [`Engine::take_outgoing`].
    pub(crate) fn receive(&mut self, mut message: &[u8]) -> Result<(), TlsAlert> {
        while !message.is_empty() {
            match self.connection.read_tls(&mut message) {
                // Nothing is taken after close_notify.
                Ok(0) => return self.closed(),
                Ok(_taken) => {}
                // Its buffer is full: a message that no handshake needs.
                Err(_full) => return Err(TlsAlert::Sent(TlsProblem::BadMessage)),
            }
            let state = self
                .connection
                .process_new_packets()
                .map_err(TlsAlert::from)?;
            self.note_resumption();
            self.drain_plaintext()?;
            if state.peer_has_closed() {
                return self.closed();
            }
        }
        Ok(())
    }

    fn has_resumed(&self) -> bool {
        self.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// From now on tickets are of the session that is resumed. Not before: a ticket that the device
    /// overheard may have been opened, and the handshake be a full one.
    fn note_resumption(&self) {
        if let Some(tickets) = self.session_tickets.as_ref().filter(|_| self.has_resumed()) {
            tickets.note_resumption();
        }
    }

    /// The session that the device named, where memory does not have it and the handshake is a full
    /// one therefore.
    pub(crate) fn missing_session(&self) -> Option<SessionId> {
        let staging = self.staging.as_ref().filter(|_| !self.has_resumed());
        staging?.missing()
    }

    /// Data that the peer sent before it closed still counts.
    fn closed(&self) -> Result<(), TlsAlert> {
        if self.plaintext.is_empty() {
            return Err(TlsAlert::Received(Alert::CLOSE_NOTIFY));
        }
        Ok(())
    }

    /// Nothing more is there, or the peer ended it uncleanly: either ends the reading.
    fn drain_plaintext(&mut self) -> Result<(), TlsAlert> {
        let mut reader = self.connection.reader();
        while let Ok(decrypted @ [_, ..]) = reader.fill_buf() {
            let count = decrypted.len();
            keep(&mut self.plaintext, decrypted)?;
            reader.consume(count);
        }
        Ok(())
    }

    /// Octets for the peer: handshake messages, data, or the alert that ends it.
    pub(crate) fn take_outgoing(&mut self) -> Vec<u8> {
        let mut outgoing = Vec::new();
        while self.connection.wants_write() {
            // Writing into a Vec cannot fail.
            if self.connection.write_tls(&mut outgoing).is_err() {
                break;
            }
        }
        outgoing
    }

    /// Application data decrypted so far; wiped when dropped.
    pub(crate) fn take_plaintext(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.plaintext)
    }

    /// Whether Finished has not come yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether ServerHello and the certificate have been written (a HelloRetryRequest is neither).
    pub(crate) fn has_sent_certificate(&self) -> bool {
        match self.version() {
            Some(TlsVersion::Tls13) => self.connection.negotiated_key_exchange_group().is_some(),
            Some(TlsVersion::Tls12) => self.connection.handshake_kind().is_some(),
            None => false,
        }
    }

    /// The version agreed on, once the ClientHello was read.
    pub(crate) fn version(&self) -> Option<TlsVersion> {
        match self.connection.protocol_version()? {
            ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
            ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
            _ => None,
        }
    }

    /// The hash of the cipher suite agreed on, once the ClientHello was read.
    pub(crate) fn suite_hash(&self) -> Option<SuiteHash> {
        let hash = match self.connection.negotiated_cipher_suite()? {
            SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
            SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
        };
        match hash.algorithm() {
            HashAlgorithm::SHA256 => Some(SuiteHash::Sha256),
            HashAlgorithm::SHA384 => Some(SuiteHash::Sha384),
            _ => None,
        }
    }

    /// The session that the handshake resumed, once it is done.
    pub(crate) fn resumed(&self) -> Option<Arc<SessionFacts>> {
        let staging = self.staging.as_ref().filter(|_| self.has_resumed());
        staging?.found().filter(|_| !self.is_handshaking())
    }

    /// Whether the handshake rests on the device's ticket, and on nothing that is known here.
    pub(crate) fn is_resumed_by_ticket(&self) -> bool {
        self.has_resumed() && self.tickets.as_ref().is_some_and(|own| own.has_opened())
    }

    /// Verifies what a ticket says of the device's certificate, once the ClientHello was read.
    ///
    /// # Errors
    /// [`TlsAlert`]: it no longer holds, and the connection must not be fed again.
    pub(crate) fn verify_ticket(&mut self) -> Result<(), TlsAlert> {
        if self.verified || !self.is_resumed_by_ticket() {
            return Ok(());
        }
        let chain = self.connection.peer_certificates().unwrap_or_default();
        let tickets = self.tickets.as_ref();
        let tickets = tickets.ok_or(TlsAlert::Sent(TlsProblem::Internal))?;
        tickets.verify(chain)?;
        self.verified = true;
        Ok(())
    }

    /// The identity in the client's certificate. Only after the handshake, in which it was
    /// verified, or taken from a session and verified again.
    pub(crate) fn peer_certificate(&self) -> Result<CertificateIdentity, CertificateProblem> {
        let chain = self.connection.peer_certificates().unwrap_or_default();
        let leaf = chain.first().ok_or(CertificateProblem::Missing)?;
        CertificateIdentity::read(leaf).ok_or(CertificateProblem::Malformed)
    }

    /// The client's chain, leaf first; empty where it has shown none.
    pub(crate) fn peer_certificates(&self) -> Vec<CertificateDer<'static>> {
        let chain = self.connection.peer_certificates().unwrap_or_default();
        chain.to_vec()
    }

    /// Makes the session resumable: the credential was proven in this conversation (E7). `inner` is
    /// the chain that the client showed inside the tunnel, if it did. A device that has a ticket
    /// needs no room here.
    pub(crate) fn commit_session(
        &self,
        authorization: Authorization,
        basis: Basis,
        inner: Vec<CertificateDer<'static>>,
    ) {
        let has_ticket = self.tickets.as_ref().is_some_and(|own| own.has_issued());
        if let Some(staging) = self.staging.as_ref().filter(|_| !has_ticket) {
            let chain = match inner.is_empty() {
                true => self.peer_certificates(),
                false => inner,
            };
            staging.commit(authorization, basis, chain);
        }
    }

    /// Makes what follows a resumed session resumable, until the same end.
    pub(crate) fn renew_session(&self) {
        if let Some(staging) = self.staging.as_ref().filter(|_| self.has_resumed()) {
            staging.renew();
        }
    }

    /// Ends the session that was resumed. One that the device named without its secrets stays.
    pub(crate) fn revoke_session(&self) {
        if let Some(staging) = self.staging.as_ref().filter(|_| self.has_resumed()) {
            staging.revoke();
        }
    }

    /// Exports MSK and EMSK. Only after the handshake.
    pub(crate) fn export_keys(&self, label: &KeyLabel) -> Result<Keys, TlsProblem> {
        let mut material = Zeroizing::new([0_u8; 128]);
        let context = [label.eap_type.0];
        // RFC 5705: under TLS 1.2 an empty context is not the same as none.
        let (label, context) = match self.version() {
            Some(TlsVersion::Tls13) => (
                b"EXPORTER_EAP_TLS_Key_Material".as_slice(),
                Some(context.as_slice()),
            ),
            _ => (label.tls12, None),
        };
        self.connection
            .export_keying_material(material.as_mut_slice(), label, context)
            .map_err(|_handshaking| TlsProblem::Internal)?;
        Ok(Keys::split(&material))
    }
}

fn keep(plaintext: &mut Zeroizing<Vec<u8>>, decrypted: &[u8]) -> Result<(), TlsAlert> {
    if plaintext.len() + decrypted.len() > PLAINTEXT_AT_MOST {
        return Err(TlsAlert::Sent(TlsProblem::TooMuchData));
    }
    make_room(plaintext, decrypted.len());
    plaintext.extend_from_slice(decrypted);
    Ok(())
}

/// A Vec that grows by itself leaves its old octets, a password perhaps, in freed memory.
fn make_room(plaintext: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = plaintext.len() + more;
    if needed > plaintext.capacity() {
        let mut roomier = Zeroizing::new(Vec::with_capacity(needed.max(512) * 2));
        roomier.extend_from_slice(plaintext);
        *plaintext = roomier;
    }
}
