//! Lints of secrets: signs that one is not the one that was meant.
//!
//! A secret is any octets, and most of these are only warned of. Nothing of it is shown.

use super::problem::Problem;
use super::report::{Located, Place};
use super::secret::Secret;
use super::section::Section;

/// Something odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecretLint {
    ByteOrderMark,
    Utf16,
    Newline,
    EdgeSpace,
    Quotes,
    Assignment,
}

impl SecretLint {
    /// In the order in which they are found.
    const ALL: [Self; 6] = [
        Self::ByteOrderMark,
        Self::Utf16,
        Self::Newline,
        Self::EdgeSpace,
        Self::Quotes,
        Self::Assignment,
    ];

    fn is_of(self, secret: &[u8]) -> bool {
        let is_space = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_whitespace);
        match self {
            Self::ByteOrderMark => secret.starts_with(b"\xEF\xBB\xBF"),
            Self::Utf16 => secret.starts_with(b"\xFF\xFE") || secret.starts_with(b"\xFE\xFF"),
            Self::Newline => secret.contains(&b'\n') || secret.contains(&b'\r'),
            Self::EdgeSpace => is_space(secret.first()) || is_space(secret.last()),
            Self::Quotes => [b'"', b'\''].iter().any(|quote| is_within(secret, *quote)),
            Self::Assignment => is_assignment(secret),
        }
    }

    /// No device could have the same secret.
    const fn is_fault(self) -> bool {
        matches!(self, Self::ByteOrderMark | Self::Utf16 | Self::Newline)
    }

    const fn text(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "the secret begins with a byte order mark",
            Self::Utf16 => "the secret is UTF-16",
            Self::Newline => "the secret has a newline in it: it is more than one line",
            Self::EdgeSpace => "the secret begins or ends with white space, which counts",
            Self::Quotes => "the secret has quotes at both ends, which count",
            Self::Assignment => "the secret looks like a line of a configuration file",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::ByteOrderMark | Self::Utf16 => "save the file as plain ASCII",
            Self::Newline => {
                "write it as one line: alone in its file, or in quotes without \\n at its end"
            }
            Self::EdgeSpace | Self::Quotes => "remove them, unless the other side has them too",
            Self::Assignment => "write the secret alone: no key, no =",
        }
    }
}

fn is_within(secret: &[u8], quote: u8) -> bool {
    secret.len() > 1 && secret.first() == Some(&quote) && secret.last() == Some(&quote)
}

/// `secret = x`, `password: x`.
fn is_assignment(secret: &[u8]) -> bool {
    const KEYS: [&[u8]; 6] = [
        b"secret",
        b"sharedsecret",
        b"shared-secret",
        b"password",
        b"bind-password",
        b"key",
    ];
    let end = secret.iter().position(|octet| matches!(octet, b'=' | b':'));
    let key = end.and_then(|end| secret.get(..end));
    let key = key.map(<[u8]>::trim_ascii);
    key.is_some_and(|key| KEYS.iter().any(|known| key.eq_ignore_ascii_case(known)))
}

/// Reports what suggests that a secret is not the one that was meant.
pub(super) fn check(section: &Section<'_>, secret: &Located<Secret>) {
    let place = Place {
        shown: None,
        ..secret.place.clone()
    };
    let octets = secret.value.as_bytes();
    let found = SecretLint::ALL.into_iter().find(|lint| lint.is_of(octets));
    match found {
        Some(lint) if lint.is_fault() => {
            let problem = Problem::Unreadable(lint.text().to_owned());
            section.report().problem(&place, problem, lint.advice());
        }
        Some(lint) => section.report().warning(&place, lint.text(), lint.advice()),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lint(secret: &str) -> Option<SecretLint> {
        let mut all = SecretLint::ALL.into_iter();
        all.find(|lint| lint.is_of(secret.as_bytes()))
    }

    #[test]
    fn signs_of_another_secret_than_was_meant_are_seen() {
        let cases = [
            ("\u{feff}sixteen octets or more", SecretLint::ByteOrderMark),
            ("# the vpn\nsixteen octets", SecretLint::Newline),
            ("sixteen octets or more\n", SecretLint::Newline),
            (" sixteen octets or more", SecretLint::EdgeSpace),
            ("sixteen octets or more\t", SecretLint::EdgeSpace),
            ("\"sixteen octets or more\"", SecretLint::Quotes),
            ("'sixteen octets or more'", SecretLint::Quotes),
            ("secret = sixteen octets", SecretLint::Assignment),
            ("Password: sixteen octets", SecretLint::Assignment),
        ];
        for (secret, expected) in cases {
            assert_eq!(lint(secret), Some(expected), "{secret:?}");
        }
        for plain in [
            "",
            "\"",
            "sixteen octets",
            "a=b",
            "it's 'quoted' within",
            "bl\u{e5}b\u{e6}r",
        ] {
            assert_eq!(lint(plain), None, "{plain:?}");
        }
    }
}
