//! Keys by which attempts under a mistaken name, or of one device, are found again.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

/// Longest name that is looked at, in characters; an attribute holds 253 octets.
const LONGEST: usize = 253;

/// The key of a user name as it was sent: the same for names that look alike. `None` where there
/// is no user part, or an anonymous one.
///
/// Of `DOMAIN\name` and of `name@realm` the name counts. Spaces, invisible characters and letter case
/// don't matter, and characters that look alike are one (UTS #39, skeleton).
#[must_use]
pub fn name_key(name: &str) -> Option<String> {
    let name: String = name.chars().take(LONGEST).collect();
    let (user, _) = name.rsplit_once('@').unwrap_or((&name, ""));
    let (_, user) = user.rsplit_once('\\').unwrap_or(("", user));
    let visible = user.nfkc().filter(|c| !is_blank(*c));
    let folded = visible.take(LONGEST).collect::<String>().to_lowercase();
    let is_anonymous = folded.is_empty() || folded == "anonymous";
    // A capital may come out of the tables again: 0 looks like O.
    let alike = || {
        skeleton(&folded)
            .take(LONGEST)
            .collect::<String>()
            .to_lowercase()
    };
    (!is_anonymous).then(alike)
}

/// Whether a character can't be seen: a space of any kind, a control, a mark without a shape.
fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// The key of a device by its Calling-Station-Id: of a MAC address the twelve digits, however it is
/// written; anything else in lower case. `None` of nothing.
#[must_use]
pub fn device_key(calling_station: &str) -> Option<String> {
    let lower = calling_station.to_ascii_lowercase();
    let digits: String = lower.replace(['-', ':', '.'], "");
    let is_address = digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let key = if is_address { digits } else { lower };
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_have_one_key() {
        for name in [
            "kari@campus.example",
            "Kari@gmail.com",
            " kari @campus.example",
            "kari\u{a0}@campus.example",
            "ka\u{200b}ri@campus.example",
            // Cyrillic а.
            "k\u{430}ri@campus.example",
            "CAMPUS\\kari",
            "ｋari",
            "kari",
        ] {
            assert_eq!(name_key(name), name_key("kari"), "{name:?}");
        }
        assert_eq!(name_key("s0101"), name_key("sO1o1"));
        for name in ["krai", "kar", "ola"] {
            assert_ne!(name_key(name), name_key("kari"), "{name:?}");
        }
    }

    #[test]
    fn anonymous_names_have_none() {
        for name in [
            "",
            "@campus.example",
            "anonymous@campus.example",
            "Anonymous",
            " ",
        ] {
            assert_eq!(name_key(name), None, "{name:?}");
        }
    }

    #[test]
    fn key_of_a_long_name_is_bounded() {
        let name = "\u{fdfa}".repeat(10_000);
        assert!(name_key(&name).unwrap().chars().count() <= LONGEST);
    }

    #[test]
    fn address_has_one_key_however_it_is_written() {
        for device in ["02-00-00-AA-BB-CC", "02:00:00:aa:bb:cc", "0200.00aa.bbcc"] {
            assert_eq!(device_key(device).as_deref(), Some("020000aabbcc"));
        }
        assert_eq!(device_key("10.77.0.100").as_deref(), Some("10.77.0.100"));
        assert_eq!(device_key(""), None);
    }
}
