//! Calling-Station-Id, the device.

use std::net::IpAddr;

/// Splits Calling-Station-Id as strongSwan's eap-radius gives it, `10.77.0.100[4500]`: behind NAT the
/// port is another one each time, so it is no part of what names a device. Other values come back
/// whole.
#[must_use]
pub fn without_port(station: &[u8]) -> (&[u8], Option<u16>) {
    let split = |station| {
        let station = str::from_utf8(station).ok()?.strip_suffix(']')?;
        let (address, port) = station.rsplit_once('[')?;
        address.parse::<IpAddr>().ok()?;
        Some((address.as_bytes(), port.parse().ok()?))
    };
    match split(station) {
        Some((address, port)) => (address, Some(port)),
        None => (station, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_cut_from_an_address_and_from_nothing_else() {
        for (station, device, port) in [
            ("10.77.0.100[4500]", "10.77.0.100", Some(4500)),
            ("2001:db8::7[500]", "2001:db8::7", Some(500)),
            ("10.77.0.100", "10.77.0.100", None),
            ("02-00-00-00-00-01", "02-00-00-00-00-01", None),
            ("desk[12]", "desk[12]", None),
            ("10.77.0.100[70000]", "10.77.0.100[70000]", None),
            ("10.77.0.100[]", "10.77.0.100[]", None),
        ] {
            assert_eq!(without_port(station.as_bytes()), (device.as_bytes(), port));
        }
    }
}
