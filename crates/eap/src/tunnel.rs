//! TLS inside EAP: fragments below, the TLS engine above, for every method over TLS.
//!
//! ```text
//!   type-data ──> Fragment ──> Incoming ──> Engine ──> Event::Data (decrypted, for the method)
//!   type-data <────────────── Outgoing <───── ┘  └───> Event::Open, Event::Failed
//! ```
//! A failed handshake still sends its alert: the alert goes out as a request, and only the answer
//! to it ends the conversation (RFC 5216 §2.1.3).

use crate::conversation::{FailureCause, Stage};
use crate::fragments::{Arrived, Fragment, FragmentError, Incoming, Outgoing};
use crate::keys::Keys;
use crate::tls::{Engine, KeyLabel, ServerTls, TlsAlert, TlsProblem, TlsVersion};
use crate::{EapError, Limits};
use zeroize::Zeroizing;

/// What a message of the peer led to.
pub(crate) enum Event {
    /// This type-data is to be sent.
    Send(Vec<u8>),
    /// The peer said something through the tunnel.
    Data(Zeroizing<Vec<u8>>),
    /// The tunnel is open and neither side owes the other anything.
    Open,
    /// It is over; nothing is left to tell the peer but EAP-Failure.
    Failed(FailureCause),
}

/// The server's end of a tunnel.
pub(crate) struct Tunnel {
    tls: ServerTls,
    /// Made when the peer's first message is there: an offer that nobody takes up costs nothing.
    engine: Option<Engine>,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Set once our alert is on its way.
    doomed: Option<TlsAlert>,
}

impl Tunnel {
    pub(crate) fn new(tls: ServerTls) -> Self {
        Tunnel {
            tls,
            engine: None,
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            doomed: None,
        }
    }

    /// Takes the type-data of one response.
    pub(crate) fn handle(&mut self, type_data: &[u8], limits: Limits) -> Event {
        if let Some(alert) = self.doomed.filter(|_| !self.outgoing.is_pending()) {
            return Event::Failed(FailureCause::TlsAlert(alert));
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
        let result = self
            .engine()
            .map_err(TlsAlert::Sent)
            .and_then(|engine| engine.receive(message));
        self.queue_outgoing();
        match result {
            Ok(()) => self.after_message(limits),
            Err(alert) => self.doom(alert, limits),
        }
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
            return Event::Data(plaintext);
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
        Event::Failed(FailureCause::TlsAlert(alert))
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

    pub(crate) fn export_keys(&self, label: &KeyLabel) -> Result<Keys, TlsProblem> {
        let engine = self.engine.as_ref().filter(|_| self.is_open());
        engine.ok_or(TlsProblem::Internal)?.export_keys(label)
    }

    /// Where the handshake stands, seen from what the peer owes us.
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
