//! From an Accounting-Request to a record of its session.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use portvakt_accounting::{
    Addresses, Closed, Closing, Facts, Joined, JoinedBy, LogOn, NasKey, Newest, Record, SessionKey,
    Status, Usage, event_time,
};
use portvakt_radius::accounting::{cisco_av_pair, counter, framed_addresses, nas_address};
use portvakt_radius::{AccountingStatus, AttributeType, VerifiedRequest};

use crate::audit::as_given;
use crate::state::State;
use crate::transport::{Peer, without_port};

/// Class attributes of a request that are tried: ours, and those that the operator configured.
const MOST_CLASSES: usize = 8;

/// The content of an Accounting-Request.
pub(super) enum Message {
    /// A session begins, goes on or is over.
    Record(Box<Record>),
    /// A NAS has started or shuts down.
    Nas(NasKey, Closed),
    /// Nothing of a session: Acct-Status-Types of tunnels, and those of vendors.
    NoSession,
    /// Acct-Session-Id is missing.
    Incomplete,
}

/// An Accounting-Request that is being read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) state: &'a State,
    pub(super) request: &'a VerifiedRequest<'a>,
    pub(super) peer: &'a Peer,
    /// When it arrived.
    pub(super) now: Timestamp,
}

impl Reading<'_> {
    pub(super) fn message(self, status: AccountingStatus) -> Message {
        let status = match status {
            AccountingStatus::Start => Status::Start,
            AccountingStatus::InterimUpdate => Status::Interim,
            AccountingStatus::Stop => {
                Status::Stop(self.request.integer(AttributeType::ACCT_TERMINATE_CAUSE))
            }
            AccountingStatus::On => return self.nas(Closing::NasStarted),
            AccountingStatus::Off => return self.nas(Closing::NasShutDown),
            AccountingStatus::Other(_) => return Message::NoSession,
        };
        match self.text(AttributeType::ACCT_SESSION_ID) {
            Some(session) if !session.is_empty() => {
                Message::Record(Box::new(self.record(status, session)))
            }
            _ => Message::Incomplete,
        }
    }

    fn nas(self, by: Closing) -> Message {
        let at = self.event();
        Message::Nas(self.nas_key(), Closed { at, by })
    }

    fn record(self, status: Status, session: Box<str>) -> Record {
        let (request, event) = (self.request, self.event());
        let nets = framed_addresses(request)
            .filter_map(|(address, length)| IpNet::new(address, length).ok());
        let facts = self.facts(event);
        Record {
            key: SessionKey {
                nas: self.nas_key(),
                session,
            },
            status,
            event,
            stamp: request.integer(AttributeType::EVENT_TIMESTAMP),
            // 0 is what equipment sends that does not count it.
            has_session_time: request
                .integer(AttributeType::ACCT_SESSION_TIME)
                .is_some_and(|seconds| seconds > 0),
            addresses: Addresses::told(nets, event),
            usage: self.usage(),
            joined: self.by_class().or_else(|| self.by_log_on(&facts, event)),
            facts,
        }
    }

    fn event(self) -> Timestamp {
        let delay = self.request.integer(AttributeType::ACCT_DELAY_TIME);
        let stamp = self.request.integer(AttributeType::EVENT_TIMESTAMP);
        event_time(self.now, delay, stamp)
    }

    fn nas_key(self) -> NasKey {
        let identifier = self.text(AttributeType::NAS_IDENTIFIER);
        let nas = identifier.unwrap_or_else(|| {
            let address = nas_address(self.request);
            let address: IpAddr = address.unwrap_or_else(|| self.peer.address().ip());
            address.to_string().into()
        });
        NasKey {
            client: self.peer.client.name.as_str().into(),
            nas,
        }
    }

    fn facts(self, event: Timestamp) -> Facts {
        let text = |kind| Newest::told(self.text(kind), event);
        let audit_session = cisco_av_pair(self.request, "audit-session-id");
        let service = self.peer.client.service.as_str();
        Facts {
            source: Newest::told(Some(self.peer.address()), event),
            nas_address: Newest::told(nas_address(self.request), event),
            nas_identifier: text(AttributeType::NAS_IDENTIFIER),
            nas_port: Newest::told(self.request.integer(AttributeType::NAS_PORT), event),
            nas_port_id: text(AttributeType::NAS_PORT_ID),
            user_name: text(AttributeType::USER_NAME),
            calling_station: text(AttributeType::CALLING_STATION_ID),
            called_station: text(AttributeType::CALLED_STATION_ID),
            multi_session: text(AttributeType::ACCT_MULTI_SESSION_ID),
            audit_session: Newest::told(audit_session.map(owned), event),
            chargeable_user: text(AttributeType::CHARGEABLE_USER_IDENTITY),
            service: Newest::told(Some(service.into()), event),
        }
    }

    fn usage(self) -> Usage {
        let request = self.request;
        let number = |kind| request.integer(kind).unwrap_or(0);
        Usage {
            session_time_s: number(AttributeType::ACCT_SESSION_TIME),
            input_octets: counter(
                request,
                AttributeType::ACCT_INPUT_OCTETS,
                AttributeType::ACCT_INPUT_GIGAWORDS,
            ),
            output_octets: counter(
                request,
                AttributeType::ACCT_OUTPUT_OCTETS,
                AttributeType::ACCT_OUTPUT_GIGAWORDS,
            ),
            input_packets: number(AttributeType::ACCT_INPUT_PACKETS).into(),
            output_packets: number(AttributeType::ACCT_OUTPUT_PACKETS).into(),
        }
    }

    /// AC8: the log-on that a Class of ours refers to. A Class of others opens nothing.
    fn by_class(self) -> Option<Joined> {
        let mut classes = self.request.all(AttributeType::CLASS).take(MOST_CLASSES);
        let reference = classes.find_map(|class| self.state.class_key.open(class))?;
        Some(Joined {
            by: JoinedBy::Class,
            logged_on: reference.logged_on,
            account: reference.account,
        })
    }

    /// The newest log-on of the device at this client, under the same name.
    fn by_log_on(self, facts: &Facts, event: Timestamp) -> Option<Joined> {
        let station = self.request.first(AttributeType::CALLING_STATION_ID)?;
        let (device, _) = without_port(station);
        let log_on = LogOn {
            client: &self.peer.client.name,
            device: &as_given(device),
            user_name: facts.user_name.text()?,
        };
        self.state.log_ons.find(log_on, event)
    }

    fn text(self, kind: AttributeType) -> Option<Box<str>> {
        self.request.first(kind).map(owned)
    }
}

fn owned(octets: &[u8]) -> Box<str> {
    as_given(octets).into()
}
