//! The `{SCHEME}base64` hashes of LDAP directories (RFC 2307 and OpenLDAP): one pass through a
//! digest, salted or not, and PBKDF2.

use super::{HashError, Scheme, at_most, decimal};
use base64ct::{Base64, Base64Pbkdf2, Encoding};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest salt, in octets; OpenLDAP writes 4, 8 or 16.
const MAX_SALT_OCTETS: usize = 64;
/// The most rounds of PBKDF2; more than ten times what OWASP recommends.
const MAX_ROUNDS: u64 = 10_000_000;

/// `{SSHA}` and its kin: the base64 of digest and salt.
pub(super) struct Digested {
    scheme: Scheme,
    digest: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
}

impl Digested {
    /// `label` is what stood between the braces, in upper case.
    pub(super) fn parse(label: &str, text: &str) -> Result<Digested, HashError> {
        let (scheme, octets, salted) = match label {
            "SHA" => (Scheme::Sha1, 20, false),
            "SSHA" => (Scheme::Sha1, 20, true),
            "SHA256" => (Scheme::Sha256, 32, false),
            "SSHA256" => (Scheme::Sha256, 32, true),
            "SHA384" => (Scheme::Sha384, 48, false),
            "SSHA384" => (Scheme::Sha384, 48, true),
            "SHA512" => (Scheme::Sha512, 64, false),
            "SSHA512" => (Scheme::Sha512, 64, true),
            _ => return Err(HashError::UnknownScheme),
        };
        let malformed = |what| HashError::Malformed { scheme, what };
        let mut digest = Base64::decode_vec(text)
            .map(Zeroizing::new)
            .map_err(|_| malformed("not base64"))?;
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

/// `{PBKDF2-SHA256}rounds$salt$key` of OpenLDAP, in base64 with `.` for `+` and no padding.
pub(super) struct Pbkdf2 {
    scheme: Scheme,
    rounds: u32,
    salt: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pbkdf2 {
    /// `scheme` is one of the two.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Pbkdf2, HashError> {
        let malformed = |what| HashError::Malformed { scheme, what };
        let mut fields = text.split('$');
        let mut next = || fields.next().unwrap_or_default();
        let rounds = decimal(next())
            .filter(|rounds| *rounds > 0)
            .ok_or(malformed("rounds"))?;
        at_most(scheme, "rounds", rounds, MAX_ROUNDS)?;
        let salt = Base64Pbkdf2::decode_vec(next()).map_err(|_| malformed("salt"))?;
        let key = Base64Pbkdf2::decode_vec(next()).map_err(|_| malformed("key"))?;
        if salt.is_empty() || salt.len() > MAX_SALT_OCTETS {
            return Err(malformed("salt"));
        }
        let octets = if scheme == Scheme::Pbkdf2Sha256 {
            32
        } else {
            64
        };
        if key.len() != octets || fields.next().is_some() {
            return Err(malformed("key"));
        }
        let rounds = u32::try_from(rounds).map_err(|_| malformed("rounds"))?;
        Ok(Pbkdf2 {
            scheme,
            rounds,
            salt,
            key: Zeroizing::new(key),
        })
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new(vec![0; self.key.len()]);
        match self.scheme {
            Scheme::Pbkdf2Sha256 => {
                pbkdf2_hmac::<Sha256>(password, &self.salt, self.rounds, &mut key);
            }
            _ => pbkdf2_hmac::<Sha512>(password, &self.salt, self.rounds, &mut key),
        }
        key.ct_eq(&self.key).into()
    }
}
