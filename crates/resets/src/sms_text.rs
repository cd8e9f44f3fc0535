//! Texts of messages, and how many parts a gateway makes of them.
//!
//! GSM 03.38 (3GPP TS 23.038): a message of the default alphabet has 160 characters, or 153 in each
//! part of a longer one; one character outside of it makes the whole message UCS-2, 70 or 67 units.
//! `æøå` are inside, `«»` and `–` are not.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The default alphabet (3GPP TS 23.038 §6.2.1), without the escape.
const DEFAULT_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Characters of its extension, which take two places (§6.2.1.1).
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How a message is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The default alphabet of seven bits.
    Gsm7,
    /// UTF-16.
    Ucs2,
}

/// Size of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Its encoding.
    pub encoding: Encoding,
    /// Places it takes: characters, or UTF-16 units.
    pub units: usize,
    /// Parts that are sent and paid for.
    pub parts: usize,
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoding = match self.encoding {
            Encoding::Gsm7 => "GSM-7",
            Encoding::Ucs2 => "UCS-2",
        };
        let plural = if self.parts == 1 { "" } else { "s" };
        write!(
            f,
            "{} part{plural} ({} units of {encoding})",
            self.parts, self.units
        )
    }
}

/// How many parts a text takes.
pub fn parts(text: &str) -> Parts {
    let places: Option<usize> = text.chars().map(gsm_places).sum();
    let (encoding, units, single, multiple) = match places {
        Some(places) => (Encoding::Gsm7, places, 160, 153),
        None => (Encoding::Ucs2, text.encode_utf16().count(), 70, 67),
    };
    let parts = match units {
        units if units <= single => 1,
        units => units.div_ceil(multiple),
    };
    Parts {
        encoding,
        units,
        parts,
    }
}

fn gsm_places(character: char) -> Option<usize> {
    if DEFAULT_ALPHABET.contains(character) {
        return Some(1);
    }
    EXTENSION.contains(character).then_some(2)
}

/// The first character that makes a text UCS-2.
pub fn outside_gsm(text: &str) -> Option<char> {
    text.chars()
        .find(|character| gsm_places(*character).is_none())
}

/// Language of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Bokmål.
    Nb,
    /// Nynorsk.
    Nn,
    /// English.
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 3] = [Language::Nb, Language::Nn, Language::En];

    /// Its code (BCP 47).
    pub const fn as_str(self) -> &'static str {
        match self {
            Language::Nb => "nb",
            Language::Nn => "nn",
            Language::En => "en",
        }
    }
}

/// Text of a message with its gaps: `{code}`, `{until}` and `{host}`. It never has a user name, since
/// lock screens show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText(String);

/// A text that can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageTextError {
    /// Without the code it is of no use.
    #[error("it has no {{code}}")]
    NoCode,
    /// A gap that is none of the three.
    #[error("it has a brace that is none of {{code}}, {{until}} and {{host}}")]
    UnknownGap,
    /// More than 1,000 characters.
    #[error("it is longer than 1000 characters")]
    TooLong,
}

impl MessageText {
    /// The text for a temporary password.
    pub fn temporary_password(language: Language) -> MessageText {
        MessageText(
            match language {
                Language::Nb => {
                    "Midlertidig passord: {code}. Gjelder til {until}. Brukes bare på {host}. \
                     Ikke bedt om dette? Se bort fra meldingen."
                }
                Language::Nn => {
                    "Mellombels passord: {code}. Gjeld til {until}. Skal berre brukast på {host}. \
                     Ikkje bede om dette? Sjå bort frå meldinga."
                }
                Language::En => {
                    "Temporary password: {code}. Valid until {until}. Use it only at {host}. \
                     Not asked for? Ignore this message."
                }
            }
            .to_owned(),
        )
    }

    /// The text for a code that shows the account's state.
    pub fn proof(language: Language) -> MessageText {
        MessageText(
            match language {
                Language::Nb => {
                    "Kode: {code}. Viser hvorfor kontoen er stengt. Gjelder til {until}, bare på \
                     {host}. Ikke bedt om dette? Se bort fra meldingen."
                }
                Language::Nn => {
                    "Kode: {code}. Viser kvifor kontoen er stengd. Gjeld til {until}, berre på \
                     {host}. Ikkje bede om dette? Sjå bort frå meldinga."
                }
                Language::En => {
                    "Code: {code}. Shows why the account is closed. Valid until {until}, only at \
                     {host}. Not asked for? Ignore this message."
                }
            }
            .to_owned(),
        )
    }

    /// A text of the operator's own.
    ///
    /// # Errors
    /// [`MessageTextError`].
    pub fn parse(text: &str) -> Result<MessageText, MessageTextError> {
        if text.chars().count() > 1_000 {
            return Err(MessageTextError::TooLong);
        }
        if !text.contains("{code}") {
            return Err(MessageTextError::NoCode);
        }
        let rest = ["{code}", "{until}", "{host}"]
            .iter()
            .fold(text.to_owned(), |rest, gap| rest.replace(gap, ""));
        match rest.contains(['{', '}']) {
            true => Err(MessageTextError::UnknownGap),
            false => Ok(MessageText(text.to_owned())),
        }
    }

    /// The text with its gaps filled; a brace in a value fills nothing.
    pub fn fill(&self, code: &str, until: &str, host: &str) -> Zeroizing<String> {
        let room = self.0.len() + code.len() + until.len() + host.len();
        let mut filled = Zeroizing::new(String::with_capacity(2 * room));
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (gap, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(match gap {
                "code" => code,
                "until" => until,
                _ => host,
            });
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "konto.campus.example";
    const UNTIL: &str = "30.11. kl. 23:59";

    #[test]
    fn texts_of_all_languages_fit_into_one_part() {
        for language in Language::ALL {
            for text in [
                MessageText::temporary_password(language),
                MessageText::proof(language),
            ] {
                let filled = text.fill("0z0z-abcd-efghj", UNTIL, HOST);
                let parts = parts(&filled);
                assert_eq!(
                    (parts.parts, parts.encoding),
                    (1, Encoding::Gsm7),
                    "{}",
                    *filled
                );
                assert_eq!(MessageText::parse(&text.0), Ok(text));
            }
        }
    }

    #[test]
    fn parts_are_counted_by_alphabet() {
        let cases = [
            (String::new(), Encoding::Gsm7, 0, 1),
            ("æøåÆØÅ".to_owned(), Encoding::Gsm7, 6, 1),
            ("a".repeat(160), Encoding::Gsm7, 160, 1),
            ("a".repeat(161), Encoding::Gsm7, 161, 2),
            ("a".repeat(307), Encoding::Gsm7, 307, 3),
            ("€".repeat(80), Encoding::Gsm7, 160, 1),
            ("€".repeat(81), Encoding::Gsm7, 162, 2),
            ("–".to_owned() + &"a".repeat(69), Encoding::Ucs2, 70, 1),
            ("«".to_owned() + &"a".repeat(70), Encoding::Ucs2, 71, 2),
            ("😀".repeat(35), Encoding::Ucs2, 70, 1),
        ];
        for (text, encoding, units, expected) in cases {
            let found = parts(&text);
            assert_eq!(
                (found.encoding, found.units, found.parts),
                (encoding, units, expected),
                "{text}"
            );
        }
        assert_eq!(outside_gsm("gå – nå"), Some('–'));
        assert_eq!(parts("hei").to_string(), "1 part (3 units of GSM-7)");
    }

    #[test]
    fn default_alphabet_has_127_characters() {
        assert_eq!(DEFAULT_ALPHABET.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }

    #[test]
    fn text_of_the_operator_has_the_code_and_no_other_gap() {
        for (text, expected) in [
            ("{code}", None),
            ("{code} til {until}, {host}", None),
            ("ingen kode", Some(MessageTextError::NoCode)),
            ("{code} {name}", Some(MessageTextError::UnknownGap)),
            ("{code} }", Some(MessageTextError::UnknownGap)),
            ("{ code } {code}", Some(MessageTextError::UnknownGap)),
        ] {
            assert_eq!(MessageText::parse(text).err(), expected, "{text}");
        }
        let long = "{code}".to_owned() + &"x".repeat(1_000);
        assert_eq!(
            MessageText::parse(&long).err(),
            Some(MessageTextError::TooLong)
        );
    }

    #[test]
    fn value_with_a_brace_fills_nothing() {
        let text = MessageText::parse("{code} {host}").unwrap();
        assert_eq!(*text.fill("{host}", "", "{code}"), "{host} {code}");
    }
}
