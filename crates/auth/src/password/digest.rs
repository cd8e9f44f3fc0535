//! The `{SCHEME}base64` hashes of LDAP directories (RFC 2307 and OpenLDAP): one pass through a
//! digest, salted or not, and PBKDF2.

use super::{HashError, Scheme, at_most, decimal, foreign};
use base64ct::{Base64Unpadded, Encoding};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest salt, in octets; OpenLDAP writes 4, 8 or 16.
const MAX_SALT_OCTETS: usize = 64;
/// The most rounds of PBKDF2, about two seconds; OWASP recommends 1,300,000 at most (SHA-1).
const MAX_ROUNDS: u64 = 2_000_000;

/// `{SSHA}` and its kin: the base64 of digest and salt.
pub(super) struct Digested {
    scheme: Scheme,
    digest: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
}

impl Digested {
    /// `label` is what stood between the braces, in upper case. Without salt, hexadecimal digits
    /// are read too: no base64 of such a digest is as long.
    pub(super) fn parse(label: &str, text: &str) -> Result<Digested, HashError> {
        let (name, is_hex) = match label.rsplit_once('.') {
            Some((name, "HEX")) => (name, true),
            Some((name, "B64")) => (name, false),
            _ => (label, false),
        };
        let (scheme, octets, salted) = match name {
            "SHA" | "SHA1" | "SHA-1" => (Scheme::Sha1, 20, false),
            "SSHA" | "SSHA1" | "SSHA-1" => (Scheme::Sha1, 20, true),
            "SHA256" | "SHA-256" => (Scheme::Sha256, 32, false),
            "SSHA256" | "SSHA-256" => (Scheme::Sha256, 32, true),
            "SHA384" | "SHA-384" => (Scheme::Sha384, 48, false),
            "SSHA384" | "SSHA-384" => (Scheme::Sha384, 48, true),
            "SHA512" | "SHA-512" => (Scheme::Sha512, 64, false),
            "SSHA512" | "SSHA-512" => (Scheme::Sha512, 64, true),
            _ => return Err(foreign::of_label(name)),
        };
        let malformed = |what| HashError::Malformed { scheme, what };
        let mut digest = match is_hex || !salted && text.len() == 2 * octets {
            true => hexadecimal(text).ok_or(malformed("not hexadecimal"))?,
            false => base64(text).ok_or(malformed("not base64"))?,
        };
        if digest.len() < octets {
            return Err(malformed("too short"));
        }
        let salt = digest.split_off(octets);
        if salt.is_empty() == salted || salt.len() > MAX_SALT_OCTETS {
            return Err(malformed("length of the salt"));
        }
        Ok(Digested {
            scheme,
            digest,
            salt,
        })
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn is_salted(&self) -> bool {
        !self.salt.is_empty()
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self.scheme {
            Scheme::Sha1 => self.is_digest::<Sha1>(password),
            Scheme::Sha256 => self.is_digest::<Sha256>(password),
            Scheme::Sha384 => self.is_digest::<Sha384>(password),
            _ => self.is_digest::<Sha512>(password),
        }
    }

    fn is_digest<D: Digest>(&self, password: &[u8]) -> bool {
        let digest = D::new()
            .chain_update(password)
            .chain_update(&self.salt)
            .finalize();
        digest.as_slice().ct_eq(&self.digest).into()
    }
}

/// Base64 with `+` or, as OpenLDAP's PBKDF2 writes it, `.`; padded or not.
fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bare = text.strip_suffix('=').unwrap_or(text);
    let bare = bare.strip_suffix('=').unwrap_or(bare);
    let standard = Zeroizing::new(bare.replace('.', "+"));
    Base64Unpadded::decode_vec(&standard)
        .ok()
        .map(Zeroizing::new)
}

fn hexadecimal(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let octet = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    let octets: Option<Vec<u8>> = pairs.iter().map(octet).collect();
    octets.map(Zeroizing::new)
}

/// `{PBKDF2-SHA256}rounds$salt$key`, by OpenLDAP's module and 389 Directory Server; and the packed
/// form of older ones.
pub(super) struct Pbkdf2 {
    scheme: Scheme,
    rounds: u32,
    salt: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pbkdf2 {
    /// `scheme` is one of the three.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Pbkdf2, HashError> {
        let malformed = |what| HashError::Malformed { scheme, what };
        let mut fields = text.split('$');
        let mut next = || fields.next().unwrap_or_default();
        let rounds = rounds(scheme, decimal(next()))?;
        let salt = base64(next()).ok_or(malformed("salt"))?;
        let key = base64(next()).ok_or(malformed("key"))?;
        if salt.is_empty() || salt.len() > MAX_SALT_OCTETS {
            return Err(malformed("salt"));
        }
        let octets = match scheme {
            Scheme::Pbkdf2Sha1 => 20,
            Scheme::Pbkdf2Sha256 => 32,
            _ => 64,
        };
        if key.len() != octets || fields.next().is_some() {
            return Err(malformed("key"));
        }
        Ok(Pbkdf2 {
            scheme,
            rounds,
            salt: salt.to_vec(),
            key,
        })
    }

    /// `{PBKDF2_SHA256}`: the base64 of 4 octets of rounds (big-endian), 64 of salt and 256 of key.
    ///
    /// Each 32 octets of the key cost all rounds anew and are as hard to match as the others, so the
    /// first of them are the ones that count.
    pub(super) fn parse_packed(text: &str) -> Result<Pbkdf2, HashError> {
        let scheme = Scheme::Pbkdf2Sha256;
        let malformed = |what| HashError::Malformed { scheme, what };
        let packed = base64(text).ok_or(malformed("not base64"))?;
        let wrong_length = || malformed("length");
        let (number, rest) = packed.split_first_chunk::<4>().ok_or_else(wrong_length)?;
        let (salt, key) = rest.split_first_chunk::<64>().ok_or_else(wrong_length)?;
        let (first, rest) = key.split_first_chunk::<32>().ok_or_else(wrong_length)?;
        if rest.len() != 224 {
            return Err(wrong_length());
        }
        Ok(Pbkdf2 {
            scheme,
            rounds: rounds(scheme, Some(u32::from_be_bytes(*number).into()))?,
            salt: salt.to_vec(),
            key: Zeroizing::new(first.to_vec()),
        })
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new(vec![0; self.key.len()]);
        let (salt, rounds) = (&self.salt, self.rounds);
        match self.scheme {
            Scheme::Pbkdf2Sha1 => pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut key),
            Scheme::Pbkdf2Sha256 => pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut key),
            _ => pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut key),
        }
        key.ct_eq(&self.key).into()
    }
}

fn rounds(scheme: Scheme, number: Option<u64>) -> Result<u32, HashError> {
    let what = "rounds";
    let malformed = HashError::Malformed { scheme, what };
    let number = number.filter(|number| *number > 0).ok_or(malformed)?;
    at_most(scheme, what, number, MAX_ROUNDS)?;
    u32::try_from(number).map_err(|_| malformed)
}
