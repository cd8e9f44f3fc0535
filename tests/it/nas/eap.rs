//! An access point with a device behind it: EAP in, RADIUS out, and back.

use portvakt_testkit::supplicant::Supplicant;

use super::{Nas, Reply, Request, kind};

/// One device on its way through one conversation.
pub struct EapSession<'n> {
    nas: &'n Nas,
    /// The device.
    pub supplicant: Supplicant,
    /// Attributes of every request.
    attributes: Vec<(u8, Vec<u8>)>,
    /// The device's next message.
    pub response: Vec<u8>,
    /// The State of the last challenge.
    pub state: Option<Vec<u8>>,
    /// Requests that were answered.
    pub round_trips: usize,
    user_name: String,
}

impl<'n> EapSession<'n> {
    /// A device that has just told the access point who it is: `user_name`, outside the tunnel.
    pub fn new(nas: &'n Nas, supplicant: Supplicant, user_name: &str) -> Self {
        Self {
            nas,
            response: supplicant.identity_response(1),
            supplicant,
            attributes: vec![(kind::CALLING_STATION_ID, b"02-00-00-00-00-01".to_vec())],
            state: None,
            round_trips: 0,
            user_name: user_name.to_owned(),
        }
    }

    /// Has it come from another device.
    #[must_use]
    pub fn of_station(mut self, station: &str) -> Self {
        self.attributes = vec![(kind::CALLING_STATION_ID, station.as_bytes().to_vec())];
        self
    }

    /// Adds an attribute to every request.
    #[must_use]
    pub fn with(mut self, kind: u8, value: &[u8]) -> Self {
        self.attributes.push((kind, value.to_vec()));
        self
    }

    /// The request that is due.
    pub fn request(&self) -> Request {
        let request = self.nas.access_request().user(&self.user_name);
        let attributes = self.attributes.iter();
        let request = attributes.fold(request, |request, (kind, value)| request.with(*kind, value));
        let request = request.eap(&self.response);
        match &self.state {
            Some(state) => request.with(kind::STATE, state),
            None => request,
        }
    }

    /// One round trip.
    pub fn step(&mut self) -> Reply {
        let reply = self.nas.ask(&self.request());
        self.take(&reply);
        reply
    }

    /// One round trip of each, all on their way at once.
    pub fn step_together(sessions: &mut [Self]) -> Vec<Reply> {
        let requests: Vec<_> = sessions.iter().map(Self::request).collect();
        let asked = sessions.iter().map(|session| session.nas).zip(&requests);
        let replies = Nas::ask_together(asked);
        for (session, reply) in sessions.iter_mut().zip(&replies) {
            session.take(reply);
        }
        replies
    }

    /// Hands an answer to the device.
    pub fn take(&mut self, reply: &Reply) {
        self.round_trips += 1;
        self.state = reply.value(kind::STATE);
        let packet = reply.eap().expect("an EAP packet");
        if let Some(response) = self.supplicant.handle(&packet) {
            self.response = response;
        }
    }

    /// Goes on until Accept or Reject.
    pub fn finish(&mut self) -> Reply {
        for _ in 0..30 {
            let reply = self.step();
            if reply.is_accept() || reply.is_reject() {
                return reply;
            }
        }
        panic!("30 round trips and no end");
    }
}
