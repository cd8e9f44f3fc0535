//! A receiving thread: from a datagram to a verified request, or to a counted drop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portvakt_radius::{Code, Packet, VerifiedRequest};

use super::responder::{Outbox, UdpResponder};
use super::socket::LARGEST_PACKET;
use crate::policy::Client;
use crate::transport::DropReason;
use crate::transport::duplicates::Arrival;
use crate::transport::{Endpoints, Peer, RequestHandler, Via};

/// Before a socket that failed to receive is asked again.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// A thread that serves one socket.
pub(in crate::transport) struct Receiver<H> {
    pub outbox: Arc<Outbox>,
    pub handler: Arc<H>,
}

impl<H: RequestHandler> Receiver<H> {
    /// Serves until `stop`: takes each datagram and finishes its work as far as that needs no wait.
    pub(in crate::transport) fn run(&self, stop: &AtomicBool) {
        let socket = &self.outbox.socket;
        let mut buffer = [0; LARGEST_PACKET];
        while !stop.load(Ordering::Relaxed) {
            match socket.receive(&mut buffer) {
                Ok(Some((datagram, endpoints))) => self.handle(datagram, endpoints),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, address = %socket.address(), "receive failed");
                    let why = DropReason::SocketError;
                    self.handler.dropped(socket.address(), None, why);
                    // An error that stays must not spin.
                    std::thread::sleep(AFTER_ERROR);
                }
            }
        }
    }

    fn handle(&self, datagram: &[u8], endpoints: Endpoints) {
        let arrived = Instant::now();
        // A panic over one datagram must not close the port for everybody else.
        let handled = AssertUnwindSafe(|| self.handle_datagram(datagram, endpoints, arrived));
        if catch_unwind(handled).is_err() {
            tracing::error!(peer = %endpoints.peer, "a request panicked; it gets no answer");
        }
    }

    fn handle_datagram(&self, datagram: &[u8], endpoints: Endpoints, arrived: Instant) {
        let Some(client) = self.handler.client(endpoints.peer) else {
            let why = DropReason::UnknownClient;
            return self.handler.dropped(endpoints.peer, None, why);
        };
        if let Err(why) = self.handle_client_datagram(datagram, endpoints, &client, arrived) {
            self.handler.dropped(endpoints.peer, Some(&client), why);
        }
    }

    fn handle_client_datagram(
        &self,
        datagram: &[u8],
        endpoints: Endpoints,
        client: &Arc<Client>,
        arrived: Instant,
    ) -> Result<(), DropReason> {
        let packet = Packet::parse(datagram).map_err(DropReason::Malformed)?;
        let code = packet.code();
        self.check_code(code)?;
        let request = VerifiedRequest::verify(packet, &client.secret, client.message_authenticator)
            .map_err(DropReason::Unverified)?;
        match code {
            Code::StatusServer => self.answer_status_server(&request, endpoints, client),
            _ => self.handle_request(&request, endpoints, client, arrived),
        }
        Ok(())
    }

    fn check_code(&self, code: Code) -> Result<(), DropReason> {
        match code {
            Code::StatusServer => Ok(()),
            _ if !self.handler.serves(code) => Err(DropReason::UnexpectedCode(code)),
            _ if !self.outbox.purpose.serves(code) => Err(DropReason::WrongPort(code)),
            _ => Ok(()),
        }
    }

    fn handle_request(
        &self,
        request: &VerifiedRequest<'_>,
        endpoints: Endpoints,
        client: &Arc<Client>,
        arrived: Instant,
    ) {
        let identifier = request.identifier();
        let key = self.outbox.key(endpoints, identifier);
        let duplicates = &self.outbox.duplicates;
        let fingerprint = duplicates.fingerprint(request);
        match duplicates.arrive(key, fingerprint, arrived) {
            Arrival::New => {
                let outbox = Arc::clone(&self.outbox);
                let responder =
                    UdpResponder::new(outbox, endpoints, identifier, fingerprint, arrived);
                let peer = Peer {
                    client: Arc::clone(client),
                    via: Via::Udp(endpoints),
                    arrived,
                };
                self.handler.request(request, peer, responder.into());
            }
            Arrival::InProgress => self.handler.duplicate(client),
            Arrival::Answered(bytes) => {
                self.handler.duplicate(client);
                self.outbox.socket.send(&bytes, endpoints);
            }
        }
    }

    /// R5: it asks whether we live, and living needs no memory of the question.
    fn answer_status_server(
        &self,
        request: &VerifiedRequest<'_>,
        endpoints: Endpoints,
        client: &Client,
    ) {
        let context = request.reply_context();
        let mut buffer = [0; LARGEST_PACKET];
        let reply = self.outbox.purpose.status_reply(&context, &mut buffer);
        let reply = reply.and_then(|reply| reply.finish(&client.secret));
        if let Ok(bytes) = reply {
            self.outbox.socket.send(bytes, endpoints);
            self.handler.status_server(client);
        }
    }
}
