//! Moments, in every form that directories write them in.
//!
//! Known attributes are read in their own form, so that a number of days is never taken for one of
//! seconds, however large; any other is known by its look.

use jiff::{SignedDuration, Timestamp};

use portvakt_directory::generalized_time::{self, GeneralizedTime};

/// A moment in the form of an LDAP attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LdapTime {
    /// This one.
    At(Timestamp),
    /// None, ever: so said, or beyond what a calendar can hold.
    Never,
    /// Zero: the account's owner has yet to do what would be dated, such as choose a password.
    NotYet,
}

/// How a directory writes a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// 100 nanoseconds since 1601-01-01 (Active Directory).
    Filetime,
    /// Days since 1970 (shadow(5), RFC 2307).
    Days,
    /// Seconds since 1970 (Samba).
    Seconds,
    /// RFC 4517 §3.3.13.
    Generalized,
    /// Whichever it looks like.
    Any,
}

/// Attributes of which the form is known, in lower case.
const FILETIMES: [&str; 5] = [
    "accountexpires",
    "pwdlastset",
    "lockouttime",
    "badpasswordtime",
    "msds-userpasswordexpirytimecomputed",
];
const DAYS: [&str; 2] = ["shadowexpire", "shadowlastchange"];
const SECONDS: [&str; 5] = [
    "sambapwdlastset",
    "sambapwdcanchange",
    "sambapwdmustchange",
    "sambakickofftime",
    "sambalogofftime",
];
const GENERALIZED: [&str; 15] = [
    "pwdchangedtime",
    "pwdupdatetime",
    "pwdaccountlockedtime",
    "pwdstarttime",
    "pwdendtime",
    "schacexpirydate",
    "krblastpwdchange",
    "krbprincipalexpiration",
    "krbpasswordexpiration",
    "passwordexpirationtime",
    "accountunlocktime",
    "loginexpirationtime",
    "ds-pwp-account-expiration-time",
    "createtimestamp",
    "modifytimestamp",
];

/// By their look, numbers are days below this …
const MAX_DAYS: i64 = 1_000_000;
/// … and below this, which is the year 5138, seconds since 1970.
const MAX_SECONDS: i64 = 100_000_000_000;
const FILETIME_NEVER: i64 = i64::MAX;
const FILETIME_PER_SECOND: i64 = 10_000_000;
const FILETIME_OF_1970: i64 = 11_644_473_600;
/// The last of 32 bits, by which Samba says never.
const SECONDS_NEVER: i64 = 0x7FFF_FFFF;
const DAY: i64 = 24 * 60 * 60;

impl Form {
    /// In which form an attribute has its moment.
    pub(crate) fn of(attribute: &str) -> Self {
        let forms = [
            (&FILETIMES[..], Self::Filetime),
            (&DAYS, Self::Days),
            (&SECONDS, Self::Seconds),
            (&GENERALIZED, Self::Generalized),
        ];
        let is_of = |names: &[&str]| {
            names
                .iter()
                .any(|name| attribute.eq_ignore_ascii_case(name))
        };
        let known = forms.into_iter().find(|(names, _)| is_of(names));
        known.map_or(Self::Any, |(_, form)| form)
    }

    /// Reads a moment in this form.
    ///
    /// # Errors
    /// The fault of the text, in the words of the form.
    pub(crate) fn read(self, text: &str) -> Result<LdapTime, &'static str> {
        self.understood(text).ok_or(match self {
            Self::Filetime => "this is no FILETIME: 100 nanoseconds since 1601, in digits",
            Self::Days => "these are no days since 1970, in digits",
            Self::Seconds => "these are no seconds since 1970, in digits",
            Self::Generalized => "this is no generalized time; write it as 20260831120000Z",
            Self::Any => {
                "this is no moment: neither generalized time, as 20260831120000Z, nor a number of \
                 days, of seconds or of FILETIME"
            }
        })
    }

    fn understood(self, text: &str) -> Option<LdapTime> {
        // Digits and a minus alone are no generalized time, which has a zone.
        let is_number = text.strip_prefix('-').unwrap_or(text);
        let is_number = !is_number.is_empty() && is_number.bytes().all(|b| b.is_ascii_digit());
        match (self, is_number) {
            (Self::Generalized, _) | (Self::Any, false) => {
                generalized_time::read(text).map(|time| match time {
                    GeneralizedTime::At(at) => LdapTime::At(at),
                    GeneralizedTime::Beyond => LdapTime::Never,
                })
            }
            (_, false) => None,
            (form, true) => match text.parse() {
                Ok(number) => form.numbered(number),
                // More digits than any form has.
                Err(_) => (!text.starts_with('-')).then_some(LdapTime::Never),
            },
        }
    }

    fn numbered(self, number: i64) -> Option<LdapTime> {
        let seconds = match (self, number) {
            (_, 0) => return Some(LdapTime::NotYet),
            // Of days any negative number is none; of the others only this.
            (Self::Days, ..0) | (_, -1) => return Some(LdapTime::Never),
            (_, ..0) => return None,
            (Self::Filetime | Self::Any, FILETIME_NEVER) => return Some(LdapTime::Never),
            (Self::Seconds, SECONDS_NEVER) => return Some(LdapTime::Never),
            (Self::Filetime, _) => of_filetime(number),
            (Self::Days, _) => number.saturating_mul(DAY),
            (Self::Any, ..MAX_DAYS) => number.saturating_mul(DAY),
            (Self::Any, MAX_SECONDS..) => of_filetime(number),
            (Self::Seconds | Self::Generalized | Self::Any, _) => number,
        };
        let at = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds));
        Some(at.map_or(LdapTime::Never, LdapTime::At))
    }
}

fn of_filetime(number: i64) -> i64 {
    number / FILETIME_PER_SECOND - FILETIME_OF_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<LdapTime, &'static str> {
        Ok(LdapTime::At(text.parse().unwrap()))
    }

    fn read(attribute: &str, text: &str) -> Result<LdapTime, &'static str> {
        Form::of(attribute).read(text)
    }

    #[test]
    fn every_form_is_known_by_its_look() {
        let cases = [
            ("20260815080000Z", "2026-08-15T08:00:00Z"),
            ("20260815100000.0Z", "2026-08-15T10:00:00Z"),
            ("20260815100000+0200", "2026-08-15T08:00:00Z"),
            // Days: shadowLastChange, shadowExpire.
            ("20680", "2026-08-15T00:00:00Z"),
            ("1", "1970-01-02T00:00:00Z"),
            // Seconds: sambaPwdLastSet.
            ("1786780800", "2026-08-15T08:00:00Z"),
            // FILETIME: pwdLastSet, accountExpires.
            ("134312544000000000", "2026-08-15T08:00:00Z"),
            ("116444736000000000", "1970-01-01T00:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(Form::Any.read(text), at(expected), "{text}");
        }
    }

    #[test]
    fn never_and_not_yet_are_no_moments() {
        for (attribute, text) in [
            ("accountExpires", "9223372036854775807"),
            ("accountExpires", "-1"),
            ("shadowExpire", "-1"),
            ("shadowExpire", "-7"),
            ("sambaKickoffTime", "-1"),
            ("sambaKickoffTime", "2147483647"),
            ("anything", "9223372036854775807"),
            ("anything", "-1"),
        ] {
            assert_eq!(
                read(attribute, text),
                Ok(LdapTime::Never),
                "{attribute}: {text}"
            );
        }
        for attribute in [
            "pwdLastSet",
            "shadowLastChange",
            "sambaPwdLastSet",
            "anything",
        ] {
            assert_eq!(read(attribute, "0"), Ok(LdapTime::NotYet), "{attribute}");
        }
    }

    #[test]
    fn moment_beyond_the_calendar_is_never_in_every_form() {
        for (attribute, text) in [
            // 31.12.9999, .NET's last moment; and what no 64 bits hold.
            ("accountExpires", "2650467743999999999"),
            ("accountExpires", "9223372036854775806"),
            ("accountExpires", "99999999999999999999"),
            ("schacExpiryDate", "99991231235959Z"),
            ("krbPrincipalExpiration", "99991231235959Z"),
            ("pwdEndTime", "99991231235959Z"),
            ("shadowExpire", "2932897"),
            ("shadowExpire", "99999999"),
            ("shadowExpire", "9223372036854775807"),
            ("sambaKickoffTime", "253402300800"),
            ("sambaKickoffTime", "9223372036854775807"),
            ("anything", "2650467743999999999"),
            ("anything", "99991231235959Z"),
            ("anything", "99999999999999999999"),
        ] {
            assert_eq!(
                read(attribute, text),
                Ok(LdapTime::Never),
                "{attribute}: {text}"
            );
        }
    }

    #[test]
    fn known_attribute_is_read_in_its_own_form_however_its_number_looks() {
        let cases = [
            ("shadowExpire", "1000000", "4707-11-29T00:00:00Z"),
            ("SHADOWEXPIRE", "20680", "2026-08-15T00:00:00Z"),
            ("sambaKickoffTime", "86400", "1970-01-02T00:00:00Z"),
            ("accountExpires", "10000000", "1601-01-01T00:00:01Z"),
        ];
        for (attribute, text, expected) in cases {
            assert_eq!(read(attribute, text), at(expected), "{attribute}: {text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_in_the_words_of_the_attribute() {
        let cases = [
            ("accountExpires", "99991231235959Z", "FILETIME"),
            ("accountExpires", "-5", "FILETIME"),
            ("shadowExpire", "2026-08-15", "days since 1970"),
            ("sambaKickoffTime", "-5", "seconds since 1970"),
            ("schacExpiryDate", "20680", "generalized time"),
            ("anything", "-5", "neither generalized time"),
        ];
        for (attribute, text, words) in cases {
            let told = read(attribute, text).unwrap_err();
            assert!(told.contains(words), "{attribute}: {told}");
        }
        for text in ["", "-", "soon", "2026-08-15", "0x10", "1e9", "+5", "1 "] {
            for attribute in [
                "accountExpires",
                "shadowExpire",
                "schacExpiryDate",
                "anything",
            ] {
                assert!(read(attribute, text).is_err(), "{attribute}: {text}");
            }
        }
    }
}
