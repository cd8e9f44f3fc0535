//! Values written as strings: durations, sizes, days of the year, networks, realms, names.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use jiff::SignedDuration;
use portvakt_auth::Term;

/// `"09-01"` as month and day; 29 February is no day of every year.
pub(super) fn month_day(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    let is_number = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(month) || !is_number(day) {
        return None;
    }
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    jiff::civil::Date::new(2025, month, day).ok()?;
    Some((month, day))
}

/// `"30m"`, `"1s"`, `"250ms"`, `"1h 30m"`; `"0"` needs no unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let signed: SignedDuration = text.parse().ok()?;
    Duration::try_from(signed).ok()
}

/// The shortest way to write a duration.
pub(super) fn shown_duration(duration: &Duration) -> String {
    let millis = duration.as_millis();
    let (number, unit) = match millis {
        0 => (0, "s"),
        _ if millis.is_multiple_of(3_600_000) => (millis / 3_600_000, "h"),
        _ if millis.is_multiple_of(60_000) => (millis / 60_000, "m"),
        _ if millis.is_multiple_of(1_000) => (millis / 1_000, "s"),
        _ => (millis, "ms"),
    };
    format!("\"{number}{unit}\"")
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// `"19MiB"`, `"64 KiB"`, `"1GiB"`; in octets.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim_start() {
        "KiB" => KIB,
        "MiB" => MIB,
        "GiB" => GIB,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// The shortest way to write a size.
pub(super) fn shown_size(octets: &u64) -> String {
    match octets {
        n if n % GIB == 0 => format!("\"{}GiB\"", n / GIB),
        n if n % MIB == 0 => format!("\"{}MiB\"", n / MIB),
        n => format!("\"{}KiB\"", n / KIB),
    }
}

/// `"10.1.0.0/16"`, `"2001:db8::/32"`, or one address.
pub(super) fn net(text: &str) -> Option<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => text.parse().ok().map(canonical),
    }
}

/// The network in IPv4 that a network of addresses mapped into IPv6 stands for (RFC 4291
/// §2.5.5.2); any other as it is.
fn canonical(net: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    let bits = net.prefix_len().checked_sub(MAPPED_BITS);
    let address = net.addr().to_canonical();
    match bits.filter(|_| address.is_ipv4() && net.addr().is_ipv6()) {
        Some(bits) => IpNet::new(address, bits).unwrap_or(net),
        None => net,
    }
}

/// An address with or without a port.
pub(super) fn socket_address(text: &str, default_port: u16) -> Option<SocketAddr> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(SocketAddr::new(address, default_port)),
        Err(_) => text.parse().ok(),
    }
}

/// A Windows domain, by its short (NetBIOS) or its DNS name; in lower case.
pub(super) fn windows_domain(text: &str) -> Option<String> {
    let is_fit = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '\\' | '@' | '/');
    let fits = !text.is_empty() && text.len() <= 253 && text.chars().all(is_fit);
    fits.then(|| text.to_lowercase())
}

/// A short name that may become a metrics label: letters, digits, `.`, `_` and `-`, up to 64.
pub(super) fn label(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let well_formed = (1..=64).contains(&text.len()) && text.chars().all(is_plain);
    well_formed.then(|| text.to_owned())
}

/// The name of a term, as the registry has it behind the year; normalised.
pub(super) fn term_name(text: &str) -> Option<String> {
    let well_formed = text.len() <= 64 && Term::is_name(text);
    well_formed.then(|| Term::new(0, text).name)
}

/// A VLAN as its number, 1 to 4094, or its name, as the switch will get it; `None` for other text.
pub fn vlan(text: &str) -> Option<String> {
    match text.parse::<u32>() {
        Ok(number) => (1..=4094).contains(&number).then(|| number.to_string()),
        Err(_) => label(text),
    }
}

/// An attribute name of LDIF or LDAP (RFC 4512 §1.4): a letter, then letters, digits, hyphens; and
/// underscores, which some directories allow.
pub(super) fn attribute_name(text: &str) -> Option<String> {
    let well_formed = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 128
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    well_formed.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_cannot_be_negative() {
        assert_eq!(duration("30m"), Some(Duration::from_secs(1800)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("1h 30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        for wrong in ["", "30", "-5s", "5s ago", "1 fortnight", "m"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn network_of_mapped_addresses_is_that_of_ipv4() {
        for (mapped, expected) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("::ffff:10.0.0.1/104", "10.0.0.1/8"),
            ("fd00::/104", "fd00::/104"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(net(mapped), Some(expected.parse().unwrap()), "{mapped}");
        }
        assert_eq!(net("::ffff:0:0/95"), Some("::ffff:0:0/95".parse().unwrap()));
    }

    #[test]
    fn shown_durations_and_sizes_read_back() {
        for text in ["0s", "250ms", "10s", "30m", "8h"] {
            let shown = shown_duration(&duration(text).unwrap());
            assert_eq!(shown, format!("\"{text}\""));
        }
        for text in ["64KiB", "19MiB", "1GiB"] {
            assert_eq!(shown_size(&size(text).unwrap()), format!("\"{text}\""));
        }
    }

    #[test]
    fn sizes_have_a_binary_unit() {
        assert_eq!(size("19MiB"), Some(19_922_944));
        assert_eq!(size("64 KiB"), Some(65_536));
        for wrong in [
            "19",
            "19MB",
            "MiB",
            "-1MiB",
            "99999999999999999999GiB",
            "999999999999GiB",
        ] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_deadline_is_a_day_that_every_year_has() {
        assert_eq!(month_day("09-01"), Some((9, 1)));
        for wrong in ["02-29", "13-01", "9-1", "01.09", "09-31", "+9-01"] {
            assert_eq!(month_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_single_address_is_a_net_of_its_own() {
        assert_eq!(net("10.0.0.1"), Some("10.0.0.1/32".parse().unwrap()));
        assert_eq!(net("2001:db8::1"), Some("2001:db8::1/128".parse().unwrap()));
        assert_eq!(net("10.0.0.0/40"), None);
    }
}
