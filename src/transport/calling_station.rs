//! Calling-Station-Id, the device.

use std::net::{IpAddr, SocketAddr};

/// Splits Calling-Station-Id as VPN gateways give it: `10.77.0.100[4500]` (strongSwan's eap-radius),
/// `10.77.0.100:4500`, `[2001:db8::7]:4500`. Behind NAT the port is another one each time, so it is no
/// part of what names a device. Other values come back whole.
#[must_use]
pub fn without_port(station: &[u8]) -> (&[u8], Option<u16>) {
    let text = str::from_utf8(station).ok();
    let split = text.and_then(|text| in_brackets(text).or_else(|| after_colon(text)));
    match split {
        Some((address, port)) => (address, Some(port)),
        None => (station, None),
    }
}

/// `10.77.0.100[4500]`.
fn in_brackets(station: &str) -> Option<(&[u8], u16)> {
    let (address, port) = station.strip_suffix(']')?.rsplit_once('[')?;
    address.parse::<IpAddr>().ok()?;
    Some((address.as_bytes(), port.parse().ok()?))
}

/// `10.77.0.100:4500`, `[2001:db8::7]:4500`.
fn after_colon(station: &str) -> Option<(&[u8], u16)> {
    let port = station.parse::<SocketAddr>().ok()?.port();
    let (address, _) = station.rsplit_once(':')?;
    Some((address.trim_matches(['[', ']']).as_bytes(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_cut_from_an_address_and_from_nothing_else() {
        for (station, device, port) in [
            ("10.77.0.100[4500]", "10.77.0.100", Some(4500)),
            ("2001:db8::7[500]", "2001:db8::7", Some(500)),
            ("10.77.0.100:4500", "10.77.0.100", Some(4500)),
            ("[2001:db8::7]:500", "2001:db8::7", Some(500)),
            ("10.77.0.100", "10.77.0.100", None),
            ("2001:db8::7", "2001:db8::7", None),
            ("2001:db8::7:500", "2001:db8::7:500", None),
            ("02:00:00:00:00:01", "02:00:00:00:00:01", None),
            ("02-00-00-00-00-01", "02-00-00-00-00-01", None),
            ("desk[12]", "desk[12]", None),
            ("10.77.0.100[70000]", "10.77.0.100[70000]", None),
            ("10.77.0.100[]", "10.77.0.100[]", None),
        ] {
            assert_eq!(without_port(station.as_bytes()), (device.as_bytes(), port));
        }
    }
}
