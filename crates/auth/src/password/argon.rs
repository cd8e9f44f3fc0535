//! Argon2 (RFC 9106) in PHC strings, as OpenLDAP's `{ARGON2}` writes them too.

use super::{HashError, HashMemory, Scheme, at_most, decimal};
use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The most memory one check may take, in KiB: 256 MiB.
const MAX_MEMORY_KIB: u64 = 256 * 1024;
/// The most passes over the memory.
const MAX_PASSES: u64 = 20;
/// The most lanes; they are worked one after the other.
const MAX_LANES: u64 = 16;
/// Salt, in octets; RFC 9106 §3.1 asks for 8 at least.
const SALT_OCTETS: std::ops::RangeInclusive<usize> = 8..=64;
/// Hash, in octets. RFC 9106 allows 4, which a wrong password matches once in 2^32.
const OUTPUT_OCTETS: std::ops::RangeInclusive<usize> = 16..=64;

/// A hash at the default cost whose output is all zeros: nobody knows a password for it.
pub(super) const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cG9ydHZha3QgZHVtbXkgMQ\
     $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const fn malformed(what: &'static str) -> HashError {
    HashError::Malformed {
        scheme: Scheme::Argon2,
        what,
    }
}

/// Cost of a new hash, and of every check of it; within the bounds for stored hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argon2Cost(Params);

impl Argon2Cost {
    /// Memory in KiB, passes, lanes.
    ///
    /// # Errors
    /// [`HashError::TooCostly`] over 256 MiB, 20 passes or 16 lanes; [`HashError::Malformed`] below
    /// what Argon2 needs: 8 KiB per lane, one pass, one lane.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Argon2Cost, HashError> {
        at_most(Scheme::Argon2, "m", memory_kib.into(), MAX_MEMORY_KIB)?;
        at_most(Scheme::Argon2, "t", passes.into(), MAX_PASSES)?;
        at_most(Scheme::Argon2, "p", lanes.into(), MAX_LANES)?;
        let params = Params::new(memory_kib, passes, lanes, None);
        params
            .map(Argon2Cost)
            .map_err(|_| malformed("parameters below the least Argon2 needs"))
    }

    /// Memory in KiB.
    pub fn memory_kib(&self) -> u32 {
        self.0.m_cost()
    }

    /// Passes over the memory.
    pub fn passes(&self) -> u32 {
        self.0.t_cost()
    }

    /// Lanes.
    pub fn lanes(&self) -> u32 {
        self.0.p_cost()
    }
}

impl Default for Argon2Cost {
    /// 19 MiB, 2 passes, 1 lane: the least that OWASP recommends, about 12 ms. A campus checks
    /// hundreds a second in the morning, and the lock leaves six guesses to an attacker without a
    /// hash.
    fn default() -> Argon2Cost {
        Argon2Cost(Params::DEFAULT)
    }
}

/// A PHC string, taken apart.
pub(super) struct Argon2Hash {
    algorithm: Algorithm,
    version: Version,
    cost: Argon2Cost,
    salt: Vec<u8>,
    output: Zeroizing<Vec<u8>>,
}

impl Argon2Hash {
    /// Reads `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
    pub(super) fn parse(text: &str) -> Result<Argon2Hash, HashError> {
        let mut fields = text.split('$').skip(1);
        let mut next = || fields.next().unwrap_or_default();
        let algorithm = read_algorithm(next())?;
        let mut field = next();
        // A hash without version is of the first one: so the reference implementation reads it.
        let mut version = Version::V0x10;
        if let Some(number) = field.strip_prefix("v=") {
            version = read_version(number)?;
            field = next();
        }
        let cost = read_cost(field)?;
        let salt = read_octets(next(), SALT_OCTETS, "salt")?;
        let output = Zeroizing::new(read_octets(next(), OUTPUT_OCTETS, "hash")?);
        if fields.next().is_some() {
            return Err(malformed("something follows the hash"));
        }
        Ok(Argon2Hash {
            algorithm,
            version,
            cost,
            salt,
            output,
        })
    }

    pub(super) fn verify(
        &self,
        password: &[u8],
        memory: &mut HashMemory,
    ) -> Result<bool, HashError> {
        let argon2 = Argon2::new(self.algorithm, self.version, self.cost.0.clone());
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        run(&argon2, password, &self.salt, &mut output, memory)?;
        Ok(output.ct_eq(&self.output).into())
    }
}

fn read_algorithm(name: &str) -> Result<Algorithm, HashError> {
    match name {
        "argon2i" => Ok(Algorithm::Argon2i),
        "argon2d" => Ok(Algorithm::Argon2d),
        "argon2id" => Ok(Algorithm::Argon2id),
        _ => Err(malformed("variant")),
    }
}

fn read_version(number: &str) -> Result<Version, HashError> {
    match number {
        "16" => Ok(Version::V0x10),
        "19" => Ok(Version::V0x13),
        _ => Err(malformed("version")),
    }
}

/// Reads `m=19456,t=2,p=1`; the three in this order, nothing else.
fn read_cost(field: &str) -> Result<Argon2Cost, HashError> {
    let mut parameters = field.split(',');
    let mut next = |name: &'static str, limit| {
        let value = parameters
            .next()
            .and_then(|parameter| parameter.strip_prefix(name));
        let value = value
            .and_then(|value| value.strip_prefix('='))
            .and_then(decimal);
        let value = value.ok_or(malformed("parameters"))?;
        at_most(Scheme::Argon2, name, value, limit)?;
        u32::try_from(value).map_err(|_| malformed("parameters"))
    };
    let memory = next("m", MAX_MEMORY_KIB)?;
    let passes = next("t", MAX_PASSES)?;
    let lanes = next("p", MAX_LANES)?;
    if parameters.next().is_some() {
        return Err(malformed("parameters"));
    }
    Argon2Cost::new(memory, passes, lanes)
}

fn read_octets(
    field: &str,
    length: std::ops::RangeInclusive<usize>,
    what: &'static str,
) -> Result<Vec<u8>, HashError> {
    let octets = Base64Unpadded::decode_vec(field).map_err(|_| malformed(what))?;
    if length.contains(&octets.len()) {
        Ok(octets)
    } else {
        Err(malformed(what))
    }
}

fn run(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
    memory: &mut HashMemory,
) -> Result<(), HashError> {
    let blocks = argon2.params().block_count();
    memory
        .with(blocks, |memory| {
            argon2.hash_password_into_with_memory(password, salt, output, memory)
        })?
        .map_err(|_| malformed("parameters"))
}

/// Makes a PHC string with a 32-octet hash.
pub(super) fn hash_new(
    password: &[u8],
    salt: [u8; 16],
    cost: Argon2Cost,
    memory: &mut HashMemory,
) -> Result<String, HashError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.0.clone());
    let mut output = Zeroizing::new([0; 32]);
    run(&argon2, password, &salt, &mut *output, memory)?;
    Ok(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        cost.memory_kib(),
        cost.passes(),
        cost.lanes(),
        Base64Unpadded::encode_string(&salt),
        Base64Unpadded::encode_string(&*output),
    ))
}
