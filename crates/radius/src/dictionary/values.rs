//! Names of the integers that stand for something.

use crate::{AttributeType, ErrorCause};

/// Name of `value` in an attribute of that kind, as the RFC or IANA's registry spells it.
pub fn value_name(kind: AttributeType, value: u32) -> Option<&'static str> {
    match kind {
        AttributeType::SERVICE_TYPE => service_type(value),
        AttributeType::FRAMED_PROTOCOL => framed_protocol(value),
        AttributeType::TERMINATION_ACTION => termination_action(value),
        AttributeType::ACCT_STATUS_TYPE => acct_status_type(value),
        AttributeType::ACCT_AUTHENTIC => acct_authentic(value),
        AttributeType::ACCT_TERMINATE_CAUSE => acct_terminate_cause(value),
        AttributeType::NAS_PORT_TYPE => nas_port_type(value),
        AttributeType::TUNNEL_TYPE => tunnel_type(value),
        AttributeType::TUNNEL_MEDIUM_TYPE => tunnel_medium_type(value),
        AttributeType::ERROR_CAUSE => error_cause(value),
        _ => None,
    }
}

/// RFC 2865 §5.6, RFC 2869 and later in the registry.
fn service_type(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "Login",
        2 => "Framed",
        3 => "Callback-Login",
        4 => "Callback-Framed",
        5 => "Outbound",
        6 => "Administrative",
        7 => "NAS-Prompt",
        8 => "Authenticate-Only",
        9 => "Callback-NAS-Prompt",
        10 => "Call-Check",
        11 => "Callback-Administrative",
        12 => "Voice",
        13 => "Fax",
        14 => "Modem-Relay",
        15 => "IAPP-Register",
        16 => "IAPP-AP-Check",
        17 => "Authorize-Only",
        18 => "Framed-Management",
        19 => "Additional-Authorization",
        _ => return None,
    })
}

/// RFC 2865 §5.7.
fn framed_protocol(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "PPP",
        2 => "SLIP",
        3 => "ARAP",
        4 => "Gandalf-SLML",
        5 => "Xylogics-IPX-SLIP",
        6 => "X.75-Synchronous",
        7 => "GPRS-PDP-Context",
        _ => return None,
    })
}

/// RFC 2865 §5.29.
fn termination_action(value: u32) -> Option<&'static str> {
    Some(match value {
        0 => "Default",
        1 => "RADIUS-Request",
        _ => return None,
    })
}

/// RFC 2866 §5.1, RFC 2867 §3.
fn acct_status_type(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "Start",
        2 => "Stop",
        3 => "Interim-Update",
        7 => "Accounting-On",
        8 => "Accounting-Off",
        9 => "Tunnel-Start",
        10 => "Tunnel-Stop",
        11 => "Tunnel-Reject",
        12 => "Tunnel-Link-Start",
        13 => "Tunnel-Link-Stop",
        14 => "Tunnel-Link-Reject",
        15 => "Failed",
        _ => return None,
    })
}

/// RFC 2866 §5.6.
fn acct_authentic(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "RADIUS",
        2 => "Local",
        3 => "Remote",
        4 => "Diameter",
        _ => return None,
    })
}

/// RFC 2866 §5.10, RFC 3580 §2.4.
fn acct_terminate_cause(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "User-Request",
        2 => "Lost-Carrier",
        3 => "Lost-Service",
        4 => "Idle-Timeout",
        5 => "Session-Timeout",
        6 => "Admin-Reset",
        7 => "Admin-Reboot",
        8 => "Port-Error",
        9 => "NAS-Error",
        10 => "NAS-Request",
        11 => "NAS-Reboot",
        12 => "Port-Unneeded",
        13 => "Port-Preempted",
        14 => "Port-Suspended",
        15 => "Service-Unavailable",
        16 => "Callback",
        17 => "User-Error",
        18 => "Host-Request",
        19 => "Supplicant-Restart",
        20 => "Reauthentication-Failure",
        21 => "Port-Reinitialized",
        22 => "Port-Disabled",
        _ => return None,
    })
}

/// RFC 2865 §5.41, RFC 3580 §3.30; the registry has more.
fn nas_port_type(value: u32) -> Option<&'static str> {
    Some(match value {
        0 => "Async",
        1 => "Sync",
        2 => "ISDN-Sync",
        3 => "ISDN-Async-V.120",
        4 => "ISDN-Async-V.110",
        5 => "Virtual",
        6 => "PIAFS",
        7 => "HDLC-Clear-Channel",
        8 => "X.25",
        9 => "X.75",
        10 => "G.3-Fax",
        11 => "SDSL",
        12 => "ADSL-CAP",
        13 => "ADSL-DMT",
        14 => "IDSL",
        15 => "Ethernet",
        16 => "xDSL",
        17 => "Cable",
        18 => "Wireless-Other",
        19 => "Wireless-802.11",
        20 => "Token-Ring",
        21 => "FDDI",
        _ => return None,
    })
}

/// RFC 2868 §3.1, RFC 3580 §3.31.
fn tunnel_type(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "PPTP",
        2 => "L2F",
        3 => "L2TP",
        4 => "ATMP",
        5 => "VTP",
        6 => "AH",
        7 => "IP",
        8 => "MIN-IP",
        9 => "ESP",
        10 => "GRE",
        11 => "DVS",
        12 => "IP-in-IP",
        13 => "VLAN",
        _ => return None,
    })
}

/// RFC 2868 §3.2.
fn tunnel_medium_type(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "IPv4",
        2 => "IPv6",
        3 => "NSAP",
        4 => "HDLC",
        5 => "BBN-1822",
        6 => "IEEE-802",
        7 => "E.163",
        8 => "E.164",
        9 => "F.69",
        10 => "X.121",
        11 => "IPX",
        12 => "AppleTalk",
        13 => "DecNet-IV",
        14 => "Banyan-Vines",
        15 => "E.164-NSAP",
        _ => return None,
    })
}

/// RFC 5176 §3.6, RFC 7930 §4.
fn error_cause(value: u32) -> Option<&'static str> {
    let cause = ErrorCause::from_number(value);
    (!matches!(cause, ErrorCause::Other(_))).then_some(cause.name())
}
