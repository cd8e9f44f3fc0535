//! The hashes of `crypt(3)`: SHA-crypt, bcrypt, yescrypt. Every field is checked before a crate
//! sees it: a hash that is cut short must never match.

use super::{HashError, Scheme, at_most, decimal, foreign};
use base64ct::{Base64ShaCrypt, Encoding};
use sha_crypt::{PasswordVerifier, ShaCrypt};
use yescrypt::Yescrypt;

/// The most rounds of SHA-crypt: two hundred times the default.
const MAX_SHA_ROUNDS: u64 = 1_000_000;
/// The fewest, by the specification.
const MIN_SHA_ROUNDS: u64 = 1_000;
/// The highest cost of bcrypt: about two seconds.
const MAX_BCRYPT_COST: u64 = 15;
/// The most memory for yescrypt, in octets; the default takes 16 MiB.
const MAX_YESCRYPT_OCTETS: u64 = 64 * 1024 * 1024;

/// A `crypt(3)` hash whose form and cost are in order.
pub(super) struct Crypt<'a> {
    scheme: Scheme,
    text: &'a str,
}

impl<'a> Crypt<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Crypt<'a>, HashError> {
        let (id, rest) = text
            .strip_prefix('$')
            .and_then(|text| text.split_once('$'))
            .ok_or_else(|| foreign::of_crypt(text))?;
        let scheme = match id {
            "5" => check_sha(Scheme::Sha256Crypt, rest, 43)?,
            "6" => check_sha(Scheme::Sha512Crypt, rest, 86)?,
            "2a" | "2b" | "2y" => check_bcrypt(text, rest)?,
            "y" => check_yescrypt(rest)?,
            _ => return Err(foreign::of_crypt(text)),
        };
        Ok(Crypt { scheme, text })
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A password with a zero octet is wrong: to the C library it would end there, and bcrypt
    /// repeats what comes before it.
    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, HashError> {
        if password.contains(&0) {
            return Ok(false);
        }
        let scheme = self.scheme;
        let malformed = || HashError::Malformed {
            scheme,
            what: "hash",
        };
        if scheme == Scheme::Bcrypt {
            return bcrypt::verify(password, self.text).map_err(|_| malformed());
        }
        let verdict = match scheme {
            Scheme::Yescrypt => Yescrypt::default().verify_password(password, self.text),
            _ => ShaCrypt::default().verify_password(password, self.text),
        };
        match verdict {
            Ok(()) => Ok(true),
            Err(sha_crypt::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(_) => Err(malformed()),
        }
    }
}

/// `[rounds=N$]salt$hash`, the hash being `length` characters.
fn check_sha(scheme: Scheme, rest: &str, length: usize) -> Result<Scheme, HashError> {
    let malformed = |what| HashError::Malformed { scheme, what };
    let mut fields = rest.split('$');
    let mut salt = fields.next().unwrap_or_default();
    if let Some(rounds) = salt.strip_prefix("rounds=") {
        let rounds = decimal(rounds).ok_or(malformed("rounds"))?;
        at_most(scheme, "rounds", rounds, MAX_SHA_ROUNDS)?;
        if rounds < MIN_SHA_ROUNDS {
            return Err(malformed("rounds"));
        }
        salt = fields.next().unwrap_or_default();
    }
    let hash = fields.next().unwrap_or_default();
    if !is_crypt_text(salt) || salt.len() > 16 {
        return Err(malformed("salt"));
    }
    if !is_crypt_base64(hash, length) || fields.next().is_some() {
        return Err(malformed("hash"));
    }
    Ok(scheme)
}

/// `NN$` and 53 characters of salt and hash; `text` is all of it.
fn check_bcrypt(text: &str, rest: &str) -> Result<Scheme, HashError> {
    let scheme = Scheme::Bcrypt;
    let malformed = |what| HashError::Malformed { scheme, what };
    let (cost, hash) = rest.split_once('$').ok_or(malformed("cost"))?;
    let number = decimal(cost)
        .filter(|_| cost.len() == 2)
        .ok_or(malformed("cost"))?;
    at_most(scheme, "cost", number, MAX_BCRYPT_COST)?;
    if number < 4 {
        return Err(malformed("cost"));
    }
    if hash.len() != 53 || text.parse::<bcrypt::HashParts>().is_err() {
        return Err(malformed("salt and hash"));
    }
    Ok(scheme)
}

/// `params$salt$hash`, the parameters as `crypt_gensalt` writes them: `j`, N, r.
///
/// The crate reads further parameters that nobody writes, among them ones that multiply the time.
fn check_yescrypt(rest: &str) -> Result<Scheme, HashError> {
    let scheme = Scheme::Yescrypt;
    let malformed = |what| HashError::Malformed { scheme, what };
    let mut fields = rest.split('$');
    let mut next = || fields.next().unwrap_or_default();
    let (parameters, salt, hash) = (next(), next(), next());
    if parameters.len() != 3 || !parameters.starts_with('j') {
        return Err(malformed("parameters"));
    }
    let cost: yescrypt::Params = parameters.parse().map_err(|_| malformed("parameters"))?;
    let octets = cost
        .n()
        .saturating_mul(u64::from(cost.r()))
        .saturating_mul(128);
    at_most(scheme, "memory", octets, MAX_YESCRYPT_OCTETS)?;
    if salt.len() > 86 || !is_crypt_base64(salt, salt.len()) || salt.is_empty() {
        return Err(malformed("salt"));
    }
    if !is_crypt_base64(hash, 43) || fields.next().is_some() {
        return Err(malformed("hash"));
    }
    Ok(scheme)
}

/// Not empty, and of letters, digits, `.` and `/` only.
fn is_crypt_text(text: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'.' || octet == b'/';
    !text.is_empty() && text.bytes().all(allowed)
}

/// So many characters, and the base64 of something.
fn is_crypt_base64(text: &str, length: usize) -> bool {
    text.len() == length && Base64ShaCrypt::decode_vec(text).is_ok()
}
