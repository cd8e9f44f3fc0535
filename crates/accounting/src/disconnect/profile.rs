//! The attributes by which each make of NAS knows a session, and what it can do with it.

use std::net::IpAddr;

use super::{Authorization, NotPossible, RequestAttribute, RequestKind, SessionRequest};
use crate::{Facts, Session};

/// Service-Type Login-User.
const LOGIN: u32 = 1;

/// A make of NAS: what it wants to be told of a session that it is to end.
///
/// | Profile | Ends by | Known by | VLAN by CoA |
/// | --- | --- | --- | --- |
/// | `standard` | Disconnect | all that RFC 5176 §3 names and the NAS told | yes |
/// | `cisco-wlc` | Disconnect | Calling-Station-Id, NAS-IP-Address, NAS-Port, Service-Type | no |
/// | `aruba` | Disconnect | Calling-Station-Id, NAS-IP-Address, Acct-Session-Id | no |
/// | `meraki` | CoA that asks for a new log-on | Calling-Station-Id, audit-session-id | no |
/// | `strongswan` | Disconnect | User-Name alone: all tunnels of that name end | no |
///
/// hostapd takes `standard` (tested with version 2.10). strongSwan's eap-radius compares User-Name with the
/// EAP identity and looks at nothing else (`eap_radius_dae.c`); its CoA takes Session-Timeout alone.
/// The others are as PacketFence's modules ask these devices; they were not tried here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// RFC 5176 as it is written: hostapd, and most switches.
    Standard,
    /// Cisco wireless controllers.
    CiscoWlc,
    /// Aruba controllers.
    Aruba,
    /// Meraki access points, which end no session but ask for a new log-on.
    Meraki,
    /// strongSwan's plugin eap-radius.
    StrongSwan,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Standard,
        Self::CiscoWlc,
        Self::Aruba,
        Self::Meraki,
        Self::StrongSwan,
    ];

    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::CiscoWlc => "cisco-wlc",
            Self::Aruba => "aruba",
            Self::Meraki => "meraki",
            Self::StrongSwan => "strongswan",
        }
    }

    /// The request for this change of `session`.
    ///
    /// # Errors
    /// [`NotPossible::MissingAttribute`]: the NAS never told what it needs.
    /// [`NotPossible::NotInProfile`] for the VLAN of all but `standard`: the others take a VLAN with a
    /// log-on alone.
    pub fn request(
        self,
        session: &Session,
        wanted: &Authorization,
    ) -> Result<SessionRequest, NotPossible> {
        match wanted {
            Authorization::End => self.end(session),
            Authorization::Vlan(vlan) => self.change_vlan(session, vlan),
        }
    }

    /// The request for a NAS that refused [`Self::request`] as too wide (NAK 508) or for one of its
    /// attributes (NAK 401): NAS and Acct-Session-Id alone, or that besides. `None` where it is no
    /// narrower.
    #[must_use]
    pub fn narrower_request(
        self,
        session: &Session,
        wanted: &Authorization,
    ) -> Option<SessionRequest> {
        match wanted {
            Authorization::End => self.end_narrower(session),
            Authorization::Vlan(vlan) => self.change_vlan_narrower(session, vlan),
        }
    }

    fn end(self, session: &Session) -> Result<SessionRequest, NotPossible> {
        let facts = &session.facts;
        let (kind, attributes) = match self {
            Self::Standard => (RequestKind::Disconnect, standard(session)),
            Self::CiscoWlc => (RequestKind::Disconnect, cisco_wlc(facts)?),
            Self::Aruba => (RequestKind::Disconnect, aruba(session)?),
            Self::Meraki => (RequestKind::ChangeOfAuthorization, meraki(facts)?),
            Self::StrongSwan => (RequestKind::Disconnect, vec![needed_user_name(facts)?]),
        };
        Ok(SessionRequest { kind, attributes })
    }

    fn end_narrower(self, session: &Session) -> Option<SessionRequest> {
        match self {
            Self::Standard | Self::Aruba => {
                let attributes = narrow(session);
                let kind = RequestKind::Disconnect;
                Some(SessionRequest { kind, attributes })
            }
            Self::CiscoWlc | Self::Meraki => {
                let mut request = self.end(session).ok()?;
                request.attributes.push(own_id(session));
                Some(request)
            }
            Self::StrongSwan => None,
        }
    }

    fn change_vlan(self, session: &Session, vlan: &str) -> Result<SessionRequest, NotPossible> {
        match self {
            Self::Standard => Ok(vlan_change(standard(session), vlan)),
            _ => Err(NotPossible::NotInProfile),
        }
    }

    fn change_vlan_narrower(self, session: &Session, vlan: &str) -> Option<SessionRequest> {
        match self {
            Self::Standard => Some(vlan_change(narrow(session), vlan)),
            _ => None,
        }
    }
}

fn vlan_change(mut attributes: Vec<RequestAttribute>, vlan: &str) -> SessionRequest {
    attributes.push(RequestAttribute::Vlan(vlan.into()));
    let kind = RequestKind::ChangeOfAuthorization;
    SessionRequest { kind, attributes }
}

fn own_id(session: &Session) -> RequestAttribute {
    RequestAttribute::AcctSessionId(session.key.session.clone())
}

/// NAS and Acct-Session-Id.
fn narrow(session: &Session) -> Vec<RequestAttribute> {
    let mut attributes = nas(&session.facts);
    attributes.push(own_id(session));
    attributes
}

/// NAS identification as the NAS sent it: hostapd answers NAK 403 to any other.
fn nas(facts: &Facts) -> Vec<RequestAttribute> {
    let address = facts.nas_address.get().map(|address| address_of(*address));
    let identifier = facts.nas_identifier.text();
    let identifier = identifier.map(|text| RequestAttribute::NasIdentifier(text.into()));
    address.into_iter().chain(identifier).collect()
}

/// NAS-IP-Address or NAS-IPv6-Address as the NAS sent it, else the address that it sent from.
fn nas_address(facts: &Facts) -> Result<RequestAttribute, NotPossible> {
    let source = facts.source.get().map(|source| source.ip().to_canonical());
    let address = facts.nas_address.get().copied().or(source);
    address
        .map(address_of)
        .ok_or(NotPossible::MissingAttribute("NAS-IP-Address"))
}

fn address_of(address: IpAddr) -> RequestAttribute {
    match address {
        IpAddr::V4(address) => RequestAttribute::NasIpAddress(address),
        IpAddr::V6(address) => RequestAttribute::NasIpv6Address(address),
    }
}

fn standard(session: &Session) -> Vec<RequestAttribute> {
    let facts = &session.facts;
    let user = facts.user_name.text();
    let station = facts.calling_station.text();
    let mut attributes = nas(facts);
    attributes.extend(user.map(|name| RequestAttribute::UserName(name.into())));
    attributes.extend(station.map(|it| RequestAttribute::CallingStationId(it.into())));
    attributes.push(own_id(session));
    attributes
}

fn cisco_wlc(facts: &Facts) -> Result<Vec<RequestAttribute>, NotPossible> {
    let station = match facts.device() {
        Some(device) => device.to_string().into(),
        None => needed_station(facts)?,
    };
    let port = facts.nas_port.get().copied();
    let mut attributes = vec![
        RequestAttribute::CallingStationId(station),
        nas_address(facts)?,
    ];
    attributes.extend(port.map(RequestAttribute::NasPort));
    // Against RFC 5176 §3, and wanted by the controller.
    attributes.push(RequestAttribute::ServiceType(LOGIN));
    Ok(attributes)
}

fn aruba(session: &Session) -> Result<Vec<RequestAttribute>, NotPossible> {
    Ok(vec![
        RequestAttribute::CallingStationId(needed_station(&session.facts)?),
        nas_address(&session.facts)?,
        own_id(session),
    ])
}

fn meraki(facts: &Facts) -> Result<Vec<RequestAttribute>, NotPossible> {
    let audit = facts.audit_session.text();
    let audit = audit.map(|id| format!("audit-session-id={id}").into());
    let mut attributes = vec![RequestAttribute::CallingStationId(needed_station(facts)?)];
    attributes.extend(audit.map(RequestAttribute::CiscoAvPair));
    let command = RequestAttribute::CiscoAvPair("subscriber:command=reauthenticate".into());
    attributes.push(command);
    Ok(attributes)
}

fn needed_station(facts: &Facts) -> Result<Box<str>, NotPossible> {
    let station = facts.calling_station.text();
    let station = station.filter(|text| !text.is_empty());
    station
        .map(Box::from)
        .ok_or(NotPossible::MissingAttribute("Calling-Station-Id"))
}

/// An empty one would fit nobody at strongSwan, or anybody elsewhere.
fn needed_user_name(facts: &Facts) -> Result<RequestAttribute, NotPossible> {
    let name = facts.user_name.text().filter(|name| !name.is_empty());
    name.map(|name| RequestAttribute::UserName(name.into()))
        .ok_or(NotPossible::MissingAttribute("User-Name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, record};
    use crate::{Newest, SessionId, Status};

    fn session() -> Session {
        let mut record = record(Status::Start, 0);
        let text = |text: &str| Newest::told(Some(Box::from(text)), at(0));
        record.facts.calling_station = text("0200.0000.00ab");
        record.facts.nas_identifier = text("ap-library-3");
        record.facts.audit_session = text("0A4D00640000001C");
        record.facts.nas_port = Newest::told(Some(13), at(0));
        let source = "192.0.2.17:40112".parse().unwrap();
        record.facts.source = Newest::told(Some(source), at(0));
        Session::begin(SessionId(1), &record)
    }

    fn ends(profile: Profile) -> Vec<RequestAttribute> {
        profile.end(&session()).unwrap().attributes
    }

    /// DA2, DA3, DA6.
    #[test]
    fn each_profile_names_what_its_nas_knows_a_session_by() {
        use RequestAttribute as A;
        let own = A::AcctSessionId("0001".into());
        let as_sent = A::CallingStationId("0200.0000.00ab".into());
        let anna = A::UserName("anna@campus.example".into());
        let source = A::NasIpAddress([192, 0, 2, 17].into());
        assert_eq!(
            ends(Profile::Standard),
            [
                A::NasIdentifier("ap-library-3".into()),
                anna.clone(),
                as_sent.clone(),
                own.clone()
            ]
        );
        assert_eq!(
            ends(Profile::CiscoWlc),
            [
                A::CallingStationId("02-00-00-00-00-AB".into()),
                source.clone(),
                A::NasPort(13),
                A::ServiceType(1)
            ]
        );
        assert_eq!(ends(Profile::Aruba), [as_sent.clone(), source, own]);
        assert_eq!(
            ends(Profile::Meraki),
            [
                as_sent,
                A::CiscoAvPair("audit-session-id=0A4D00640000001C".into()),
                A::CiscoAvPair("subscriber:command=reauthenticate".into())
            ]
        );
        assert_eq!(ends(Profile::StrongSwan), [anna]);
    }

    #[test]
    fn session_without_what_the_profile_needs_is_not_asked_for() {
        let mut session = session();
        session.facts = Facts::default();
        let missing = NotPossible::MissingAttribute;
        for (profile, expected) in [
            (Profile::CiscoWlc, missing("Calling-Station-Id")),
            (Profile::Aruba, missing("Calling-Station-Id")),
            (Profile::Meraki, missing("Calling-Station-Id")),
            (Profile::StrongSwan, missing("User-Name")),
        ] {
            assert_eq!(profile.end(&session), Err(expected), "{profile:?}");
        }
        // Acct-Session-Id is always there.
        assert_eq!(Profile::Standard.end(&session).unwrap().attributes.len(), 1);
    }

    /// DA5.
    #[test]
    fn narrower_request_has_the_session_id() {
        let own = RequestAttribute::AcctSessionId("0001".into());
        for profile in Profile::ALL {
            let narrower = profile.end_narrower(&session());
            let expects = profile != Profile::StrongSwan;
            assert_eq!(narrower.is_some(), expects, "{profile:?}");
            if let Some(narrower) = narrower {
                assert!(narrower.attributes.contains(&own), "{profile:?}");
                assert_ne!(Ok(narrower), profile.end(&session()), "{profile:?}");
            }
        }
    }

    #[test]
    fn vlan_is_changed_by_the_standard_profile_alone() {
        for profile in Profile::ALL {
            let wanted = Authorization::Vlan("quarantine".into());
            let change = profile.request(&session(), &wanted);
            let narrower = profile.narrower_request(&session(), &wanted);
            assert_eq!(change.is_ok(), narrower.is_some(), "{profile:?}");
            match profile {
                Profile::Standard => {
                    let change = change.unwrap();
                    assert_eq!(change.kind, RequestKind::ChangeOfAuthorization);
                    let vlan = RequestAttribute::Vlan("quarantine".into());
                    assert_eq!(change.attributes.last(), Some(&vlan));
                    let narrower = narrower.unwrap();
                    assert!(narrower.attributes.len() < change.attributes.len());
                    assert_eq!(narrower.attributes.last(), Some(&vlan));
                }
                _ => assert_eq!(change, Err(NotPossible::NotInProfile)),
            }
        }
    }

    #[test]
    fn words_are_distinct() {
        let words: std::collections::HashSet<_> = Profile::ALL.map(Profile::word).into();
        assert_eq!(words.len(), Profile::ALL.len());
    }
}
