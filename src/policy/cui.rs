//! Chargeable-User-Identity (RFC 4372): a name by which a visited site knows a person again, to bill
//! or to shut out, without learning who it is.
//!
//! ```text
//! hex of the first 20 octets of HMAC-SHA-256(key, length (2) | Operator-Name in lower case | account)
//! ```
//!
//! The account's own id goes in and no name that was sent, so spellings, aliases and the anonymous
//! outer name make no difference. Each site (Operator-Name, RFC 5580) sees another value, so that
//! two of them cannot put a person together (I4).

use aws_lc_rs::hmac;
use portvakt_auth::AccountId;
use portvakt_radius::{AttributeType, VerifiedRequest};
use smallstr::SmallString;

/// Said where a request has another value than the one that is made for it: it is not refused, since
/// a new key would shut out everybody who roams.
pub(crate) const ANOTHER: &str = "the request has another Chargeable-User-Identity than this \
                                  account has there: of another account, or of an earlier key";

/// As text: an octet of the value is two characters.
const VALUE_OCTETS: usize = 20;

/// A value as it is sent.
pub(crate) type Value = SmallString<[u8; 2 * VALUE_OCTETS]>;

/// The key of all values. Servers that share it give the same person the same value.
pub struct CuiKey(hmac::Key);

/// A request's wish for a value (RFC 4372 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Operator-Name: the namespace's character and the name.
    operator: Vec<u8>,
    /// The value of an earlier log-on, where the request has one and no NUL.
    known: Option<Vec<u8>>,
}

impl CuiKey {
    /// A key of the octets of a file.
    #[must_use]
    pub fn new(octets: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, octets))
    }

    /// The value of `account` at the site that asked.
    pub(crate) fn value(&self, account: &AccountId, asked: &Asked) -> Value {
        let operator = asked.operator.to_ascii_lowercase();
        let length = u16::try_from(operator.len()).unwrap_or(u16::MAX);
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(&length.to_be_bytes());
        mac.update(&operator);
        mac.update(account.as_str().as_bytes());
        hex(mac.sign().as_ref().get(..VALUE_OCTETS).unwrap_or_default())
    }
}

impl Asked {
    /// Reads the wish; `None` without Chargeable-User-Identity, and without one Operator-Name: a value
    /// for nobody in particular would be the same at every site.
    pub(crate) fn read(request: &VerifiedRequest<'_>) -> Option<Self> {
        let known = request.first(AttributeType::CHARGEABLE_USER_IDENTITY)?;
        let mut operators = request.all(AttributeType::OPERATOR_NAME);
        let operator = operators.next().filter(|operator| operator.len() > 1)?;
        if operators.next().is_some() {
            return None;
        }
        Some(Self {
            operator: operator.to_vec(),
            known: (!matches!(known, [] | [0])).then(|| known.to_vec()),
        })
    }

    /// Whether the request has another value than `value`: of another key, or of another person.
    pub(crate) fn knows_another(&self, value: &Value) -> bool {
        let known = self.known.as_deref();
        known.is_some_and(|known| known != value.as_bytes())
    }
}

fn hex(octets: &[u8]) -> Value {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    digits.map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(key: &[u8], operator: &str, account: &str) -> String {
        let asked = Asked {
            operator: operator.as_bytes().to_vec(),
            known: None,
        };
        let account = AccountId::new(account).unwrap();
        CuiKey::new(key).value(&account, &asked).to_string()
    }

    /// By `printf '\0\0171campus.exampleanna' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…`.
    #[test]
    fn value_is_what_openssl_makes_of_the_same() {
        assert_eq!(
            value(&[7; 32], "1campus.example", "anna"),
            "08bff2a2f85687a18c1eed5f4ccb4abaf501cbb0"
        );
    }

    /// I4, CU3, CU4.
    #[test]
    fn value_differs_by_person_and_site_and_by_nothing_else() {
        let of = |operator, account| value(&[7; 32], operator, account);
        let anna = of("1site-a.example", "anna");
        assert_eq!(anna.len(), 40);
        assert_eq!(of("1Site-A.Example", "Anna"), anna);
        assert_ne!(of("1site-b.example", "anna"), anna);
        assert_ne!(of("1site-a.example", "ola"), anna);
        assert_ne!(value(&[8; 32], "1site-a.example", "anna"), anna);
        assert_ne!(of("1ab", "c"), of("1a", "bc"));
    }

    /// CU5.
    #[test]
    fn value_of_an_earlier_log_on_is_known_again() {
        let asked = |known: Option<&[u8]>| Asked {
            operator: b"1site.example".to_vec(),
            known: known.map(<[u8]>::to_vec),
        };
        let anna = AccountId::new("anna").unwrap();
        let value = CuiKey::new(&[7; 32]).value(&anna, &asked(None));
        assert!(!asked(None).knows_another(&value));
        assert!(!asked(Some(value.as_bytes())).knows_another(&value));
        assert!(asked(Some(b"another")).knows_another(&value));
    }
}
