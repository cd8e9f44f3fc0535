//! Remembered proofs as octets, from one process to the next.
//!
//! ```text
//!   "Portvakt proofs" (15) | version (1) = 1 | saved, ms since 1970 (8) | key (32) | proofs (4)
//!   | for each: length of the account's name (2), the name, credential version (8), keyed hash (32),
//!     milliseconds left (8)
//!   | SHA-256 of all before it (32)
//! ```
//! An image of another version, or a damaged one, is refused as a whole.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use jiff::Timestamp;
use portvakt_auth::{AccountId, HandedProof};
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"Portvakt proofs";
const VERSION: u8 = 1;
/// Octets before the first proof.
const HEADER: usize = MAGIC.len() + 1 + 8 + 32 + 4;
/// Octets of a proof besides its account's name.
const FIXED: usize = 2 + 8 + 32 + 8;

/// Passwords proven lately, as keyed hashes, and the key that they are good under.
pub struct ProofImage {
    /// When it was made.
    pub saved: Timestamp,
    /// The key.
    pub key: Zeroizing<[u8; 32]>,
    /// The proofs, with the time that was left when it was made.
    pub proofs: Vec<HandedProof>,
}

/// Octets that are no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// They do not begin as one.
    #[error("it is no image of proofs")]
    Foreign,
    /// Made by another version of the program.
    #[error("it is of version {0}")]
    Version(u8),
    /// Cut off, too long, or altered.
    #[error("it is damaged")]
    Damaged,
}

impl ProofImage {
    /// The image as octets.
    #[must_use]
    pub fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        let of_proof = |proof: &HandedProof| FIXED + proof.account.as_str().len();
        let of_proofs: usize = self.proofs.iter().map(of_proof).sum();
        // With all its room from the beginning: nothing of it is left in freed memory.
        let room = HEADER + of_proofs + SHA256_OUTPUT_LEN;
        let mut octets = Zeroizing::new(Vec::with_capacity(room));
        octets.extend_from_slice(MAGIC);
        octets.push(VERSION);
        octets.extend_from_slice(&self.saved.as_millisecond().to_be_bytes());
        octets.extend_from_slice(self.key.as_slice());
        // More than these do not fit into memory either.
        let count = u32::try_from(self.proofs.len()).unwrap_or(u32::MAX);
        octets.extend_from_slice(&count.to_be_bytes());
        for proof in self.proofs.iter().take(count as usize) {
            write_proof(&mut octets, proof);
        }
        let sum = digest(&SHA256, &octets);
        octets.extend_from_slice(sum.as_ref());
        octets
    }

    /// Reads an image.
    ///
    /// # Errors
    /// `ImageError`.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ImageError> {
        let rest = octets.strip_prefix(MAGIC).ok_or(ImageError::Foreign)?;
        let (version, _) = rest.split_first().ok_or(ImageError::Damaged)?;
        if *version != VERSION {
            return Err(ImageError::Version(*version));
        }
        read(octets).ok_or(ImageError::Damaged)
    }

    /// The proofs as they are at `now`: what has gone by since is taken off the time left.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Vec<HandedProof> {
        let gone = Duration::try_from(now.duration_since(self.saved)).unwrap_or_default();
        let aged = self.proofs.into_iter().map(|proof| HandedProof {
            left: proof.left.saturating_sub(gone),
            ..proof
        });
        aged.collect()
    }
}

fn write_proof(octets: &mut Vec<u8>, proof: &HandedProof) {
    let name = proof.account.as_str().as_bytes();
    let length = u16::try_from(name.len()).unwrap_or_default();
    let left = u64::try_from(proof.left.as_millis()).unwrap_or(u64::MAX);
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(name.get(..length.into()).unwrap_or_default());
    octets.extend_from_slice(&proof.credential_version.to_be_bytes());
    octets.extend_from_slice(&proof.hash);
    octets.extend_from_slice(&left.to_be_bytes());
}

fn read(octets: &[u8]) -> Option<ProofImage> {
    let (content, sum) = octets.split_last_chunk::<SHA256_OUTPUT_LEN>()?;
    if digest(&SHA256, content).as_ref() != sum {
        return None;
    }
    let mut rest = content.get(MAGIC.len() + 1..)?;
    let saved = i64::from_be_bytes(take(&mut rest)?);
    let key = Zeroizing::new(take(&mut rest)?);
    let count = u32::from_be_bytes(take(&mut rest)?);
    // So many proofs have room in what is there.
    let mut proofs = Vec::with_capacity((count as usize).min(rest.len() / FIXED));
    for _ in 0..count {
        proofs.push(read_proof(&mut rest)?);
    }
    rest.is_empty().then_some(ProofImage {
        saved: Timestamp::from_millisecond(saved).ok()?,
        key,
        proofs,
    })
}

fn read_proof(rest: &mut &[u8]) -> Option<HandedProof> {
    let length = u16::from_be_bytes(take(rest)?);
    let (name, after) = rest.split_at_checked(length.into())?;
    *rest = after;
    Some(HandedProof {
        account: AccountId::new(str::from_utf8(name).ok()?).ok()?,
        credential_version: u64::from_be_bytes(take(rest)?),
        hash: take(rest)?,
        left: Duration::from_millis(u64::from_be_bytes(take(rest)?)),
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

impl fmt::Debug for ProofImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProofImage({} of {})", self.proofs.len(), self.saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> ProofImage {
        let proof = |name: &str, left| HandedProof {
            account: AccountId::new(name).unwrap(),
            credential_version: 7,
            hash: [9; 32],
            left: Duration::from_secs(left),
        };
        ProofImage {
            saved: "2026-11-28T10:00:00.123Z".parse().unwrap(),
            key: Zeroizing::new([1; 32]),
            proofs: vec![proof("anna", 60), proof("bo@other.example", 600)],
        }
    }

    #[test]
    fn image_comes_back_as_it_was() {
        let again = ProofImage::from_octets(&image().to_octets()).unwrap();
        assert_eq!((again.saved, &again.key), (image().saved, &image().key));
        assert_eq!(again.proofs, image().proofs);
    }

    #[test]
    fn time_goes_on_between_two_processes() {
        let later = "2026-11-28T10:02:00.123Z".parse().unwrap();
        let left = |now| {
            image()
                .at(now)
                .iter()
                .map(|proof| proof.left.as_secs())
                .collect()
        };
        let (later, earlier): (Vec<_>, Vec<_>) = (left(later), left(Timestamp::UNIX_EPOCH));
        assert_eq!(later, [0, 480]);
        assert_eq!(earlier, [60, 600], "a clock that went back");
    }

    #[test]
    fn altered_or_cut_image_is_refused() {
        let octets = image().to_octets();
        for index in 0..octets.len() {
            let mut altered = octets.to_vec();
            altered[index] ^= 1;
            let error = ProofImage::from_octets(&altered).unwrap_err();
            let expected = match index {
                0..15 => ImageError::Foreign,
                15 => ImageError::Version(0),
                _ => ImageError::Damaged,
            };
            assert_eq!(error, expected, "{index}");
            assert!(
                ProofImage::from_octets(&octets[..index]).is_err(),
                "{index}"
            );
        }
        let longer = [&octets[..], b"x"].concat();
        let error = ProofImage::from_octets(&longer).unwrap_err();
        assert_eq!(error, ImageError::Damaged);
    }
}
