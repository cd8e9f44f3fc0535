//! Mobile numbers that text messages go to.
//!
//! Norway (Nkom's numbering plan): eight digits, the first a 4 or a 9; 58 and 59 are of machines. A
//! number of another country needs its code; whether it is mobile is for its country to know.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The country code of Norway.
pub const NORWAY: &str = "47";

/// Country codes of one and two digits (ITU-T E.164); all others have three.
const SHORT_CODES: [&str; 46] = [
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45",
    "46", "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
    "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// A mobile number in E.164: country code and national number, digits alone.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mobile {
    country: Box<str>,
    national: Box<str>,
}

/// A text that is no mobile number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MobileError {
    /// Other signs than digits, spaces and what stands between groups; too few or too many digits.
    #[error("it is no telephone number")]
    Malformed,
    /// A Norwegian number that is no person's mobile: a landline, a machine, a short number.
    #[error("it is no mobile number of the Norwegian plan")]
    NotMobile,
}

impl Mobile {
    /// Reads a number as a registry has it: `91234567`, `912 34 567`, `+47 91234567`, `0047…`,
    /// `47` and eight digits. Eight digits are Norwegian, also those that begin with 47: length alone
    /// tells.
    ///
    /// # Errors
    /// [`MobileError`].
    pub fn parse(text: &str) -> Result<Mobile, MobileError> {
        let (has_plus, digits) = digits(text)?;
        let international = match (has_plus, digits.strip_prefix("00")) {
            (true, _) => Some(&*digits),
            (false, rest) => rest,
        };
        match international {
            Some(number) => Self::international(number),
            None if digits.len() == 8 => Self::norwegian(&digits),
            None if digits.len() == 10 && digits.starts_with(NORWAY) => {
                Self::international(&digits)
            }
            None => Err(MobileError::Malformed),
        }
    }

    fn international(number: &str) -> Result<Mobile, MobileError> {
        let short = SHORT_CODES.iter().find(|code| number.starts_with(**code));
        let length = short.map_or(3, |code| code.len());
        let (country, national) = number
            .split_at_checked(length)
            .ok_or(MobileError::Malformed)?;
        // E.164: fifteen digits at most, and no country code begins with 0.
        if number.starts_with('0') || number.len() > 15 || national.len() < 4 {
            return Err(MobileError::Malformed);
        }
        if country == NORWAY {
            return Self::norwegian(national);
        }
        Ok(Mobile {
            country: country.into(),
            national: national.into(),
        })
    }

    fn norwegian(national: &str) -> Result<Mobile, MobileError> {
        if national.len() != 8 || !national.starts_with(['4', '9']) {
            return Err(MobileError::NotMobile);
        }
        Ok(Mobile {
            country: NORWAY.into(),
            national: national.into(),
        })
    }

    /// The country code, `47`.
    pub fn country(&self) -> &str {
        &self.country
    }

    /// `+4791234567`.
    pub fn e164(&self) -> String {
        format!("+{}{}", self.country, self.national)
    }

    /// `4791234567`.
    pub fn digits(&self) -> String {
        format!("{}{}", self.country, self.national)
    }

    /// `004791234567`.
    pub fn with_zeros(&self) -> String {
        format!("00{}{}", self.country, self.national)
    }

    /// `91234567`.
    pub fn national(&self) -> &str {
        &self.national
    }

    /// For people who need not know it whole: `+47 9xx xx x67`.
    pub fn masked(&self) -> String {
        let last = self.national.len().saturating_sub(2);
        let masked = self.national.char_indices().map(|(index, digit)| {
            let digit = if index == 0 || index >= last {
                digit
            } else {
                'x'
            };
            let gap = if matches!(index, 3 | 5) { " " } else { "" };
            format!("{gap}{digit}")
        });
        format!("+{} {}", self.country, masked.collect::<String>())
    }
}

/// Digits of a number, and whether `+` stands before them.
fn digits(text: &str) -> Result<(bool, String), MobileError> {
    const MOST: usize = 40;
    let text = text.trim();
    let (has_plus, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let is_between = |c: &char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    let digits: String = rest.chars().filter(|c| !is_between(c)).collect();
    let is_number = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    match is_number && text.len() <= MOST {
        true => Ok((has_plus, digits)),
        false => Err(MobileError::Malformed),
    }
}

impl fmt::Debug for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mobile({})", self.masked())
    }
}

impl TryFrom<String> for Mobile {
    type Error = MobileError;

    fn try_from(text: String) -> Result<Mobile, MobileError> {
        Mobile::parse(&text)
    }
}

impl From<Mobile> for String {
    fn from(mobile: Mobile) -> String {
        mobile.e164()
    }
}

/// Since when an account has had its number, as far as this server saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberSeen {
    /// The number.
    pub number: Mobile,
    /// When it took the place of another one; `None` for the first one that was seen.
    pub since: Option<Timestamp>,
}

impl NumberSeen {
    /// The number as it is seen at `now`, after what was seen before.
    pub fn next(before: Option<&NumberSeen>, number: Mobile, now: Timestamp) -> NumberSeen {
        match before {
            Some(before) if before.number == number => before.clone(),
            Some(_) => NumberSeen {
                number,
                since: Some(now),
            },
            None => NumberSeen {
                number,
                since: None,
            },
        }
    }

    /// Whether it took another one's place less than `least` ago.
    pub fn is_younger_than(&self, least: Duration, now: Timestamp) -> bool {
        let age =
            |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        self.since.is_some_and(|since| age(since) < least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_read_in_every_form_of_registries() {
        for text in [
            "91234567",
            "912 34 567",
            "+47 91234567",
            "+4791234567",
            "0047 912 34 567",
            "4791234567",
            " 91.23.45.67 ",
        ] {
            assert_eq!(Mobile::parse(text).unwrap().e164(), "+4791234567", "{text}");
        }
        // A whole number that begins with the country's code.
        assert_eq!(Mobile::parse("47123456").unwrap().e164(), "+4747123456");
        assert_eq!(
            Mobile::parse("+46 70 123 45 67").unwrap().e164(),
            "+46701234567"
        );
        assert_eq!(Mobile::parse("+354 611 1234").unwrap().country(), "354");
        assert_eq!(Mobile::parse("+1 202 555 0143").unwrap().country(), "1");
    }

    #[test]
    fn landlines_machines_and_nonsense_are_no_mobiles() {
        for text in [
            "22852000",
            "+47 22852000",
            "58001234",
            "59001234",
            "+47 580012345678",
            "0047 1881",
            "80012345",
            "81549300",
        ] {
            assert_eq!(Mobile::parse(text), Err(MobileError::NotMobile), "{text}");
        }
        for text in [
            "",
            "+",
            "912345",
            "912345678",
            "9123456a",
            "+0 1234567",
            "+1234567890123456",
            "1881",
            "++4791234567",
            "91234567; DROP",
            "９１２３４５６７",
            "+47",
        ] {
            assert_eq!(Mobile::parse(text), Err(MobileError::Malformed), "{text}");
        }
        assert_eq!(
            Mobile::parse(&"9".repeat(1 << 20)),
            Err(MobileError::Malformed)
        );
    }

    #[test]
    fn every_gateway_gets_its_form_and_people_a_masked_one() {
        let mobile = Mobile::parse("91234567").unwrap();
        assert_eq!(
            (
                mobile.e164(),
                mobile.digits(),
                mobile.with_zeros(),
                mobile.national()
            ),
            (
                "+4791234567".to_owned(),
                "4791234567".to_owned(),
                "004791234567".to_owned(),
                "91234567"
            )
        );
        assert_eq!(mobile.masked(), "+47 9xx xx x67");
        assert_eq!(format!("{mobile:?}"), "Mobile(+47 9xx xx x67)");
    }

    #[test]
    fn number_is_young_once_it_took_the_place_of_another() {
        let day = Duration::from_secs(24 * 60 * 60);
        let at = |days: i64| Timestamp::from_second(days * 24 * 60 * 60).unwrap();
        let [old, new] = ["91234567", "41234567"].map(|text| Mobile::parse(text).unwrap());
        let first = NumberSeen::next(None, old.clone(), at(10));
        assert!(!first.is_younger_than(7 * day, at(10)));
        assert_eq!(NumberSeen::next(Some(&first), old.clone(), at(20)), first);
        let changed = NumberSeen::next(Some(&first), new, at(20));
        assert!(changed.is_younger_than(7 * day, at(26)));
        assert!(!changed.is_younger_than(7 * day, at(27)));
        // Back again is a change as well; a clock set back is no way around.
        let back = NumberSeen::next(Some(&changed), old, at(30));
        assert!(back.is_younger_than(7 * day, at(30)));
        assert!(back.is_younger_than(7 * day, at(1)));
    }
}
