//! EAP without a tunnel, for the gateways of a VPN.

use super::*;
use portvakt_testkit::supplicant::{UntunnelledSupplicant, User};

const GATEWAY: &str = "service = \"vpn\"\nikev2-methods = [\"eap-mschapv2\", \"eap-gtc\"]\n";
const GTC: u8 = 6;
const WIRELESS_802_11: u32 = 19;
const ETHERNET: u32 = 15;
const VIRTUAL: u32 = 5;

/// Leads a device that speaks EAP-GTC alone to its end, with this User-Name and EAP identity.
fn log_on(
    world: &World,
    (user_name, identity, password): (&str, &str, &[u8]),
    port_type: Option<u32>,
) -> Told {
    let user = User {
        identity: identity.to_owned(),
        password: String::from_utf8(password.to_vec()).unwrap(),
    };
    let mut device = UntunnelledSupplicant::new(identity, user, &[GTC]);
    let ask = |eap: &[u8], state: Option<&[u8]>| {
        world.ask(&Question {
            eap: Some(eap),
            state,
            port_type,
            ..question(user_name)
        })
    };
    let mut told = ask(&device.identity_response(1), None);
    while told.code == Code::AccessChallenge {
        let response = device.handle(&told.eap).unwrap();
        told = ask(&response, told.state.as_deref());
    }
    told
}

fn by_password(world: &World, password: &[u8]) -> Told {
    log_on(world, (USER, USER, password), Some(VIRTUAL))
}

#[test]
fn password_of_a_gateway_is_accepted_at_once_refused_late_and_counted() {
    let world = World::of_client(GATEWAY);
    let accepted = by_password(&world, RIGHT);
    assert_eq!(accepted.code, Code::AccessAccept);
    assert_eq!(accepted.delay, Duration::ZERO);
    for number in 0..6 {
        let wrong = by_password(&world, format!("wrong-{number}").as_bytes());
        assert_eq!(wrong.code, Code::AccessReject);
        assert!(wrong.delay >= REJECT_DELAY);
    }
    let locked = by_password(&world, RIGHT);
    assert_eq!(locked.code, Code::AccessReject);
    assert!(locked.delay >= REJECT_DELAY);
}

#[test]
fn unknown_name_is_refused_as_late_as_a_wrong_password() {
    let world = World::of_client(GATEWAY);
    let nobody = "nobody@campus.example";
    let unknown = log_on(&world, (nobody, nobody, RIGHT), None);
    assert_eq!(unknown.code, Code::AccessReject);
    assert!(unknown.delay >= REJECT_DELAY);
}

/// The account is that of the EAP identity, which must belong to the realm of User-Name.
#[test]
fn eap_identity_names_the_account() {
    let world = World::of_client(GATEWAY);
    for (user_name, identity, code) in [
        ("somebody@campus.example", USER, Code::AccessAccept),
        ("somebody@campus.example", "anna", Code::AccessAccept),
        (USER, "nobody@campus.example", Code::AccessReject),
        (USER, "anna@other.example", Code::AccessReject),
    ] {
        let told = log_on(&world, (user_name, identity, RIGHT), None);
        assert_eq!(told.code, code, "{user_name} {identity}");
    }
}

#[test]
fn no_radio_no_port_and_no_other_client_gets_methods_without_a_tunnel() {
    let gateway = World::of_client(GATEWAY);
    for (port_type, code) in [
        (None, Code::AccessAccept),
        (Some(VIRTUAL), Code::AccessAccept),
        (Some(WIRELESS_802_11), Code::AccessReject),
        (Some(ETHERNET), Code::AccessReject),
        (Some(0), Code::AccessReject),
    ] {
        let told = log_on(&gateway, (USER, USER, RIGHT), port_type);
        assert_eq!(told.code, code, "{port_type:?}");
    }
    let other = World::of_client("service = \"vpn\"\n");
    assert_eq!(by_password(&other, RIGHT).code, Code::AccessReject);
}

/// A reload takes them away from conversations under way, too.
#[test]
fn method_without_a_tunnel_is_withdrawn_at_once() {
    let world = World::of_client(GATEWAY);
    let user = User {
        identity: USER.to_owned(),
        password: String::from_utf8(RIGHT.to_vec()).unwrap(),
    };
    let mut device = UntunnelledSupplicant::new(USER, user, &[GTC]);
    let mut told = world.eap(&device.identity_response(1), None);
    world.reload("");
    while told.code == Code::AccessChallenge {
        let response = device.handle(&told.eap).unwrap();
        told = world.eap(&response, told.state.as_deref());
    }
    assert_eq!(told.code, Code::AccessReject);
    assert!(told.delay >= REJECT_DELAY);
}
