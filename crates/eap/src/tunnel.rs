//! TLS inside EAP: fragments below, the TLS engine above, for every method over TLS.
//!
//! ```text
//!   type-data ──> Fragment ──> Incoming ──> Engine ──> Event::Data (decrypted, for the method)
//!   type-data <────────────── Outgoing <───── ┘  └───> Event::Open, Event::Failed
//! ```
//! A failed handshake still sends its alert: the alert goes out as a request, and only the answer
//! to it ends the conversation (RFC 5216 §2.1.3).

use crate::eap_error::EapError;
use crate::failure::FailureCause;
use crate::fragments::{Arrived, Fragment, FragmentError, Incoming, Outgoing};
use crate::keys::Keys;
use crate::limits::Limits;
use crate::stage::Stage;
use crate::tls::{
    Authorization, Basis, CertificateIdentity, CertificateProblem, Engine, KeyLabel, MethodTls,
    SessionFacts, SessionId, SuiteHash, TlsAlert, TlsProblem, TlsVersion,
};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Result of a message of the peer.
pub(crate) enum Event {
    /// This type-data is to be sent.
    Send(Vec<u8>),
    /// The peer said something through the tunnel.
    Data(Zeroizing<Vec<u8>>),
    /// The tunnel is open and neither side owes the other anything.
    Open,
    /// The device named a session that is not in memory: whether it is elsewhere decides how the
    /// handshake goes on, by [`Tunnel::handle_search`].
    Find(SessionId),
    /// The handshake resumed a session; what is left to send waits for
    /// [`Tunnel::confirm`].
    Resumed(Arc<SessionFacts>),
    /// It is over; nothing is left to tell the peer but EAP-Failure.
    Failed(FailureCause),
}

/// The server's end of a tunnel.
pub(crate) struct Tunnel {
    tls: Arc<MethodTls>,
    /// Made when the peer's first message is there: an offer that nobody takes up costs nothing.
    engine: Option<Engine>,
    incoming: Incoming,
    outgoing: Outgoing,
    /// The ClientHello that named the session which is looked for.
    searching: Option<Vec<u8>>,
    /// Set once our alert is on its way.
    doomed: Option<TlsAlert>,
    /// Whether our last flight waits for [`Tunnel::confirm`] after a full handshake, too.
    holds: bool,
    /// How the tunnel opened, once it has.
    opening: Option<Opening>,
    /// Chain that the device showed in EAP-TLS inside this tunnel, leaf first.
    inner_certificates: Vec<CertificateDer<'static>>,
}

/// The basis of a log-on through the tunnel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// On what the device proves in it.
    Full,
    /// On the session of an earlier log-on.
    Resumed,
}

impl Tunnel {
    pub(crate) fn new(tls: Arc<MethodTls>) -> Self {
        Tunnel {
            tls,
            engine: None,
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            searching: None,
            doomed: None,
            holds: false,
            opening: None,
            inner_certificates: Vec::new(),
        }
    }

    /// The handshake is all the proof there will be: [`Event::Open`] comes before our last flight
    /// leaves.
    pub(crate) fn holding(self) -> Self {
        Tunnel {
            holds: true,
            ..self
        }
    }

    /// Takes the type-data of one response.
    pub(crate) fn handle(&mut self, type_data: &[u8], limits: Limits) -> Event {
        if let Some(alert) = self.doomed.filter(|_| !self.outgoing.is_pending()) {
            return Event::Failed(alert.into());
        }
        self.handle_fragment(type_data, limits)
            .unwrap_or_else(|error| {
                Event::Failed(FailureCause::Protocol(EapError::Fragment(error)))
            })
    }

    fn handle_fragment(
        &mut self,
        type_data: &[u8],
        limits: Limits,
    ) -> Result<Event, FragmentError> {
        let fragment = Fragment::read(type_data)?;
        if self.outgoing.is_pending() {
            return self.continue_sending(fragment, limits);
        }
        match self.incoming.accept(fragment)? {
            Arrived::Acknowledgement if self.is_open() => Ok(Event::Open),
            Arrived::Acknowledgement => Err(FragmentError::NothingToAcknowledge),
            Arrived::Part => Ok(self.send(limits)),
            Arrived::Message(message) => Ok(self.feed(&message, limits)),
        }
    }

    fn continue_sending(
        &mut self,
        fragment: Fragment<'_>,
        limits: Limits,
    ) -> Result<Event, FragmentError> {
        if !fragment.is_acknowledgement() {
            return Err(FragmentError::DataBeforeAcknowledgement);
        }
        Ok(self.send(limits))
    }

    fn send(&mut self, limits: Limits) -> Event {
        Event::Send(self.outgoing.next_fragment(limits))
    }

    fn feed(&mut self, message: &[u8], limits: Limits) -> Event {
        let is_first = self.engine.is_none();
        let result = self.receive(message);
        let engine = self.engine.as_ref().filter(|_| is_first && result.is_ok());
        if let Some(id) = engine.and_then(Engine::missing_session) {
            self.searching = Some(message.to_vec());
            return Event::Find(id);
        }
        self.go_on(result, limits)
    }

    /// Goes on after [`Event::Find`]: with a handshake that resumes, where the session was found and
    /// is in memory now, else with the full one that has begun.
    pub(crate) fn handle_search(&mut self, is_found: bool, limits: Limits) -> Event {
        let Some(client_hello) = self.searching.take() else {
            return Event::Failed(FailureCause::Internal);
        };
        let result = match is_found {
            true => self.start_again(&client_hello),
            false => Ok(()),
        };
        self.go_on(result, limits)
    }

    fn start_again(&mut self, client_hello: &[u8]) -> Result<(), TlsAlert> {
        let engine = Engine::after_search(&self.tls).map_err(TlsAlert::Sent)?;
        let engine = self.engine.insert(engine);
        engine.receive(client_hello)?;
        match engine.verify_ticket() {
            Err(_) => self.start_over(client_hello),
            verified => verified,
        }
    }

    fn go_on(&mut self, result: Result<(), TlsAlert>, limits: Limits) -> Event {
        self.queue_outgoing();
        match result {
            Ok(()) => self.after_message(limits),
            Err(alert) => self.doom(alert, limits),
        }
    }

    fn receive(&mut self, message: &[u8]) -> Result<(), TlsAlert> {
        let is_first = self.engine.is_none();
        let engine = self.engine().map_err(TlsAlert::Sent)?;
        engine.receive(message)?;
        match engine.verify_ticket() {
            Err(_) if is_first => self.start_over(message),
            result => result,
        }
    }

    /// The certificate in the device's ticket has ended: the same ClientHello begins a full
    /// handshake, in which the device may show a new one, or learns what is wrong.
    fn start_over(&mut self, client_hello: &[u8]) -> Result<(), TlsAlert> {
        let engine = Engine::ignoring_tickets(&self.tls).map_err(TlsAlert::Sent)?;
        self.engine.insert(engine).receive(client_hello)
    }

    fn engine(&mut self) -> Result<&mut Engine, TlsProblem> {
        match &mut self.engine {
            Some(engine) => Ok(engine),
            none => Ok(none.insert(Engine::new(&self.tls)?)),
        }
    }

    fn queue_outgoing(&mut self) {
        if let Some(engine) = &mut self.engine {
            self.outgoing.queue(&engine.take_outgoing());
        }
    }

    /// Data may come together with Finished (TLS 1.3, RFC 9427 §3), so it is looked for first.
    fn after_message(&mut self, limits: Limits) -> Event {
        let plaintext = self
            .engine
            .as_mut()
            .map(Engine::take_plaintext)
            .unwrap_or_default();
        if !plaintext.is_empty() {
            // On a resumed session too: then the device proves itself anew.
            self.opening.get_or_insert(Opening::Full);
            return Event::Data(plaintext);
        }
        if self.opening.is_none() && self.is_open() {
            match self.open() {
                Some(session) => return Event::Resumed(session),
                None if self.holds => return Event::Open,
                None => {}
            }
        }
        if self.outgoing.is_pending() || !self.is_open() {
            return self.send(limits);
        }
        Event::Open
    }

    fn doom(&mut self, alert: TlsAlert, limits: Limits) -> Event {
        self.doomed = Some(alert);
        if self.outgoing.is_pending() {
            return self.send(limits);
        }
        Event::Failed(alert.into())
    }

    /// Takes note of how the handshake ended; returns the session that it resumed, if that is known
    /// here.
    fn open(&mut self) -> Option<Arc<SessionFacts>> {
        let engine = self.engine.as_ref();
        let session = engine.and_then(Engine::resumed);
        // A ticket counts only where the handshake is all the proof there is.
        let by_ticket = self.holds && engine.is_some_and(Engine::is_resumed_by_ticket);
        self.opening = Some(match session.is_some() || by_ticket {
            true => Opening::Resumed,
            false => Opening::Full,
        });
        session
    }

    /// The device proves itself in the tunnel, whatever the handshake resumed.
    pub(crate) fn rest_on_data(&mut self) {
        self.opening = Some(Opening::Full);
    }

    /// Whether the log-on rests on a session of an earlier one.
    pub(crate) fn is_resumed(&self) -> bool {
        self.opening == Some(Opening::Resumed)
    }

    /// The type-data to send now that the caller accepted the handshake's proof: the flight that
    /// was held back of it, and with TLS 1.3 the octet 0x00 (RFC 9190 §2.5, for tunnelled methods
    /// RFC 9427 §2.4). The peer's acknowledgement comes as [`Event::Open`].
    pub(crate) fn confirm(&mut self, limits: Limits) -> Result<Option<Vec<u8>>, TlsProblem> {
        if self.version() == Some(TlsVersion::Tls13) {
            let engine = self.engine.as_mut().ok_or(TlsProblem::Internal)?;
            engine.send(&[0x00])?;
            self.queue_outgoing();
        }
        let pending = self.outgoing.is_pending();
        Ok(pending.then(|| self.outgoing.next_fragment(limits)))
    }

    /// The identity in the client's certificate, once the handshake has succeeded.
    pub(crate) fn peer_certificate(&self) -> Result<CertificateIdentity, CertificateProblem> {
        let engine = self.engine.as_ref().filter(|_| self.is_open());
        engine
            .ok_or(CertificateProblem::Missing)?
            .peer_certificate()
    }

    /// The chain that was verified, leaf first; empty where there is none.
    pub(crate) fn peer_certificates(&self) -> Vec<CertificateDer<'static>> {
        let engine = self.engine.as_ref().filter(|_| self.is_open());
        engine.map(Engine::peer_certificates).unwrap_or_default()
    }

    /// The log-on rests on a chain that was shown inside the tunnel: before its session is resumed
    /// it is checked again, as one that the handshake shows (E8).
    pub(crate) fn rest_on_certificates(&mut self, chain: &[CertificateDer<'static>]) {
        self.inner_certificates = chain.to_vec();
    }

    /// Makes the session resumable, if the peer has all that it needs for it. Only for a log-on
    /// that succeeded as a whole (E7). A resumed session goes on as it was first authorised.
    pub(crate) fn keep_session(&self, authorization: Option<Authorization>, basis: Basis) {
        let delivered = self.is_open() && !self.outgoing.is_pending();
        match (&self.engine, authorization) {
            (Some(engine), _) if delivered && self.is_resumed() => engine.renew_session(),
            (Some(engine), Some(authorization)) if delivered => {
                let inner = &self.inner_certificates;
                engine.commit_session(authorization, basis, inner.clone());
            }
            _ => {}
        }
    }

    /// Ends the session that was resumed.
    pub(crate) fn revoke_session(&self) {
        if let Some(engine) = &self.engine {
            engine.revoke_session();
        }
    }

    /// Whether the handshake is done and well.
    pub(crate) fn is_open(&self) -> bool {
        self.doomed.is_none()
            && self
                .engine
                .as_ref()
                .is_some_and(|engine| !engine.is_handshaking())
    }

    pub(crate) fn version(&self) -> Option<TlsVersion> {
        self.engine.as_ref()?.version()
    }

    /// The hash of the cipher suite, once the tunnel is open.
    pub(crate) fn suite_hash(&self) -> Option<SuiteHash> {
        self.engine.as_ref()?.suite_hash()
    }

    pub(crate) fn export_keys(&self, label: &KeyLabel) -> Result<Keys, TlsProblem> {
        let engine = self.engine.as_ref().filter(|_| self.is_open());
        engine.ok_or(TlsProblem::Internal)?.export_keys(label)
    }

    /// The type-data that sends `plaintext` through the tunnel, or its first fragment.
    ///
    /// # Errors
    /// [`FailureCause::Internal`] where the tunnel is not open.
    pub(crate) fn seal(
        &mut self,
        plaintext: &[u8],
        limits: Limits,
    ) -> Result<Vec<u8>, FailureCause> {
        let sent = match self.engine.as_mut().filter(|_| self.doomed.is_none()) {
            Some(engine) => engine.send(plaintext),
            None => Err(TlsProblem::Internal),
        };
        self.queue_outgoing();
        sent.map(|()| self.outgoing.next_fragment(limits))
            .map_err(|_ours| FailureCause::Internal)
    }

    /// Octets that both ends of the open tunnel can derive, and nobody else.
    pub(crate) fn export<const N: usize>(&self, label: &[u8]) -> Result<[u8; N], FailureCause> {
        let mut octets = [0; N];
        let engine = self.engine.as_ref().filter(|_| self.is_open());
        engine
            .ok_or(TlsProblem::Internal)
            .and_then(|engine| engine.export(label, &mut octets))
            .map(|()| octets)
            .map_err(|_ours| FailureCause::Internal)
    }

    /// Why it will fail, once our alert, or the peer's, is all that is left to say.
    pub(crate) fn failure(&self) -> Option<FailureCause> {
        self.doomed.map(FailureCause::from)
    }

    /// The stage of the handshake, by what the peer owes.
    pub(crate) fn stage(&self) -> Stage {
        if let Some(alert) = self.doomed {
            return Stage::TlsAlert(alert);
        }
        match &self.engine {
            None => Stage::ClientHello,
            Some(engine) if !engine.is_handshaking() => Stage::InnerAuthentication,
            Some(engine) if !engine.has_sent_certificate() => Stage::ClientHello,
            Some(_) if self.outgoing.is_pending() => Stage::ServerFragments,
            Some(_) if self.incoming.is_partial() => Stage::ClientFinished,
            Some(_) => Stage::ServerCertificate,
        }
    }
}
