//! Sessions of a person, a device or an address, now or at a time.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use portvakt_accounting::{Ended, HeldAddress, MacAddress, Newest, Session};
use portvakt_auth::AccountId;
use portvakt_radius::AttributeType;
use portvakt_radius::dictionary::value_name;
use portvakt_store::{SessionQuery, SessionsOf};
use serde::{Deserialize, Serialize};

use super::{Accounts, ActError, TryDetails};
use crate::shown::Outside;
use crate::times::{iso, iso_if_any};

/// Most sessions that are looked through where more than one condition holds.
const LOOKED_THROUGH: u32 = 10_000;

/// Conditions on sessions, which hold together; without any, all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSearch {
    /// User name or alias, with or without realm, of an account; also of one that is no more.
    pub user: Option<String>,
    /// MAC address of the device, in any spelling.
    pub mac: Option<String>,
    /// An IPv4 or IPv6 address of the device, alone or in a prefix that it had.
    pub address: Option<IpAddr>,
    /// Only those that lived at this time.
    pub at: Option<Timestamp>,
    /// Only those that live.
    pub live: bool,
    /// At most so many.
    pub limit: u32,
}

/// The sessions that fit, newest first; of an address at a time, those first that told it around then.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FoundSessions {
    /// The sessions.
    pub sessions: Vec<SessionDetails>,
    /// Whether there are more beyond the limit.
    pub more: bool,
}

/// One session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionDetails {
    /// Its number here.
    pub number: i64,
    /// The account, where it was joined with a log-on.
    pub account: Option<String>,
    /// The evidence: `class` or `log-on`.
    pub joined_by: Option<String>,
    /// When the account logged on.
    #[serde(with = "iso_if_any")]
    pub logged_on: Option<Timestamp>,
    /// User-Name as the NAS told it last.
    pub user_name: Option<Outside>,
    /// The device (Calling-Station-Id).
    pub device: Option<Outside>,
    /// The access point and its SSID (Called-Station-Id).
    pub called_station: Option<Outside>,
    /// NAS-Identifier, or the address of the NAS.
    pub nas: Outside,
    /// NAS-Port-Id.
    pub port: Option<Outside>,
    /// The RADIUS client.
    pub client: String,
    /// The service.
    pub service: Option<Outside>,
    /// Acct-Session-Id.
    pub session_id: Outside,
    /// When it began.
    #[serde(with = "iso")]
    pub began: Timestamp,
    /// The last news of it.
    #[serde(with = "iso")]
    pub last_news: Timestamp,
    /// When it ended; none while it lives.
    #[serde(with = "iso_if_any")]
    pub ended: Option<Timestamp>,
    /// `stopped` by the NAS, or the evidence from which the end was concluded.
    pub ended_by: Option<String>,
    /// Acct-Terminate-Cause by name.
    pub terminate_cause: Option<String>,
    /// Addresses and prefixes, with the records that told them.
    pub addresses: Vec<AddressDetails>,
    /// Whether the address that was asked for was told before and after that time; otherwise it may
    /// have been another's then. None where no address and time were asked for.
    pub address_is_certain: Option<bool>,
    /// Acct-Session-Time.
    pub session_time_s: u32,
    /// Octets from the user.
    pub input_octets: u64,
    /// Octets to the user.
    pub output_octets: u64,
    /// The last try to end it before its time, by this process; of a session that lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<TryDetails>,
    /// The last try to move it to another VLAN, by this process; of a session that lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan_change: Option<TryDetails>,
}

/// An address of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressDetails {
    /// The address, or the prefix.
    pub net: IpNet,
    /// The first record that told it.
    #[serde(with = "iso")]
    pub first: Timestamp,
    /// The last record that told it.
    #[serde(with = "iso")]
    pub last: Timestamp,
}

impl SessionSearch {
    /// How many sessions the store is asked for: more where others are sorted out afterwards.
    fn looked_through(&self) -> u32 {
        let conditions = [
            self.user.is_some(),
            self.mac.is_some(),
            self.address.is_some(),
            self.address.is_some() && self.at.is_some(),
        ];
        let count = conditions.iter().filter(|holds| **holds).count();
        let limit = self.limit.saturating_add(1);
        match count {
            0 | 1 => limit,
            _ => limit.max(LOOKED_THROUGH),
        }
    }
}

impl Accounts {
    /// Sessions, newest first. Blocks for the disk.
    ///
    /// # Errors
    /// [`ActError::NoMacAddress`], those of a name but [`ActError::UnknownAccount`], or
    /// [`ActError::Store`].
    pub fn sessions(&self, search: &SessionSearch) -> Result<FoundSessions, ActError> {
        let account = search.user.as_deref();
        let account = account.map(|user| self.account_of_sessions(user));
        let account = account.transpose()?;
        let device = search.mac.as_deref().map(mac_address).transpose()?;
        let of = match (search.address, device, &account) {
            (Some(address), ..) => SessionsOf::Address(address),
            (None, Some(device), _) => SessionsOf::Device(device),
            (None, None, Some(account)) => SessionsOf::Account(account.clone()),
            (None, None, None) => SessionsOf::Everybody,
        };
        let query = SessionQuery {
            of,
            at: search.at,
            live: search.live,
            limit: search.looked_through(),
        };
        let mut sessions = self.state.store.find_sessions(&query)?;
        sessions.retain(|session| {
            let is_theirs = account
                .as_ref()
                .is_none_or(|id| account_of(session) == Some(id));
            is_theirs && device.is_none_or(|device| session.device() == Some(device))
        });
        let found = sessions.iter().map(|session| SessionDetails {
            address_is_certain: address_is_certain(session, search),
            ..self.with_tries(session)
        });
        let mut sessions: Vec<_> = found.collect();
        sessions.sort_by_key(|session| session.address_is_certain == Some(false));
        let limit = search.limit as usize;
        let more = sessions.len() > limit;
        sessions.truncate(limit);
        Ok(FoundSessions { sessions, more })
    }

    /// The live sessions of an account in memory, newest first, at most `limit`.
    pub(super) fn live_sessions(&self, account: &AccountId, limit: usize) -> Vec<SessionDetails> {
        let mut live = self.state.store.live().of_account(account);
        live.sort_by_key(|session| std::cmp::Reverse(session.started()));
        let live = live.iter().take(limit);
        live.map(|session| self.with_tries(session)).collect()
    }

    /// The account of this name; of one that is no more, the name itself.
    pub(super) fn account_of_sessions(&self, user: &str) -> Result<AccountId, ActError> {
        match self.find_or_recall(user) {
            Ok(account) => Ok(account.id.clone()),
            Err(ActError::UnknownAccount { name }) => {
                let user = user.to_owned();
                AccountId::new(&name).map_err(|cause| ActError::MalformedName { user, cause })
            }
            Err(error) => Err(error),
        }
    }
}

pub(super) fn mac_address(text: &str) -> Result<MacAddress, ActError> {
    let text = text.to_owned();
    MacAddress::parse(&text).ok_or(ActError::NoMacAddress { text })
}

pub(super) fn account_of(session: &Session) -> Option<&AccountId> {
    session.joined.as_ref().map(|joined| &joined.account)
}

/// A session without the last tries to change it.
pub(super) fn details(session: &Session) -> SessionDetails {
    let (facts, joined) = (&session.facts, session.joined.as_ref());
    let text = |fact: &Newest<Box<str>>| fact.text().map(outside);
    let ended = session.ended();
    let addresses = session.addresses.all().iter();
    SessionDetails {
        number: session.id.0,
        account: joined.map(|joined| joined.account.to_string()),
        joined_by: joined.map(|joined| joined.by.code().to_owned()),
        logged_on: joined.map(|joined| joined.logged_on),
        user_name: text(&facts.user_name),
        device: text(&facts.calling_station),
        called_station: text(&facts.called_station),
        nas: outside(&session.key.nas.nas),
        port: text(&facts.nas_port_id),
        client: session.key.nas.client.to_string(),
        service: text(&facts.service),
        session_id: outside(&session.key.session),
        began: session.started(),
        last_news: session.last_news,
        ended: ended.map(|(at, _)| at),
        ended_by: ended.map(|(_, by)| by.code().to_owned()),
        terminate_cause: ended.and_then(|(_, by)| cause(by)),
        addresses: addresses.map(AddressDetails::from).collect(),
        address_is_certain: None,
        session_time_s: session.usage.session_time_s,
        input_octets: session.usage.input_octets,
        output_octets: session.usage.output_octets,
        ending: None,
        vlan_change: None,
    }
}

fn address_is_certain(session: &Session, search: &SessionSearch) -> Option<bool> {
    let (address, at) = search.address.zip(search.at)?;
    Some(is_certain(session, address, at))
}

/// Whether a record told the address before that time, and one after it, or the session still has it.
fn is_certain(session: &Session, address: IpAddr, at: Timestamp) -> bool {
    let mut held = session.addresses.all().iter();
    held.any(|held| {
        let holds = held.net.contains(&address.to_canonical());
        let lasts = at <= held.last || session.addresses.is_current(held);
        holds && held.first <= at && lasts
    })
}

fn cause(ended: Ended) -> Option<String> {
    let Ended::Stopped(Some(cause)) = ended else {
        return None;
    };
    let name = value_name(AttributeType::ACCT_TERMINATE_CAUSE, cause);
    Some(name.map_or_else(|| cause.to_string(), str::to_owned))
}

fn outside(text: &str) -> Outside {
    Outside::from(text.to_owned())
}

impl From<&HeldAddress> for AddressDetails {
    fn from(held: &HeldAddress) -> Self {
        let HeldAddress { net, first, last } = *held;
        Self { net, first, last }
    }
}
