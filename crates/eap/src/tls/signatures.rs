//! Signatures under certificates and revocation lists, each verified once and then remembered.
//!
//! Devices come back with the same chain, and everybody's chain is checked against the same lists:
//! rustls verifies all their signatures each time, which is most of what a client certificate costs.
//! That a signature is good never changes. All that does (validity, revocation, trust) is looked at
//! each time all the same (E8). What a handshake signs is new each time, and is not kept.

use super::provider::provider;
use dashmap::DashMap;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most that each algorithm remembers, about 4 MB: one for each device, and a few.
const REMEMBERED_AT_MOST: usize = 50_000;

/// rustls wants algorithms that live as long as the process.
static ALGORITHMS: LazyLock<Vec<Remembering>> = LazyLock::new(|| {
    let plain = provider().signature_verification_algorithms.all;
    plain.iter().copied().map(Remembering::new).collect()
});
static LISTED: LazyLock<Vec<&'static dyn SignatureVerificationAlgorithm>> =
    LazyLock::new(|| ALGORITHMS.iter().map(|each| each as _).collect());

/// The provider's algorithms; those for chains and revocation lists remember.
pub(super) fn remembering() -> WebPkiSupportedAlgorithms {
    WebPkiSupportedAlgorithms {
        all: LISTED.as_slice(),
        ..provider().signature_verification_algorithms
    }
}

/// An algorithm that remembers the good signatures.
struct Remembering {
    plain: &'static dyn SignatureVerificationAlgorithm,
    good: DashMap<[u8; 32], (), ahash::RandomState>,
    /// How many there are: the map would lock each shard to tell.
    count: AtomicUsize,
}

impl Remembering {
    fn new(plain: &'static dyn SignatureVerificationAlgorithm) -> Self {
        Remembering {
            plain,
            good: DashMap::default(),
            count: AtomicUsize::new(0),
        }
    }

    /// Only authorities' signatures come here, so nobody fills it who has not a certificate for
    /// each; where it is full it begins anew.
    fn remember(&self, name: [u8; 32]) {
        if self.count.load(Ordering::Relaxed) >= REMEMBERED_AT_MOST {
            self.good.clear();
            self.count.store(0, Ordering::Relaxed);
        }
        if self.good.insert(name, ()).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl SignatureVerificationAlgorithm for Remembering {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let name = name(public_key, message, signature);
        if self.good.contains_key(&name) {
            return Ok(());
        }
        self.plain
            .verify_signature(public_key, message, signature)?;
        self.remember(name);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.plain.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.plain.signature_alg_id()
    }

    fn fips(&self) -> bool {
        self.plain.fips()
    }
}

impl fmt::Debug for Remembering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remembering({:?})", self.plain)
    }
}

/// SHA-256 over all three, with the lengths of what comes first, so that no two of them share one.
fn name(public_key: &[u8], message: &[u8], signature: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(public_key.len().to_be_bytes())
        .chain_update(public_key)
        .chain_update(signature.len().to_be_bytes())
        .chain_update(signature)
        .chain_update(message)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::Remembering;
    use rustls::pki_types::{
        AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm,
    };
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Takes the signature that is the message, and counts how often it is asked.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl SignatureVerificationAlgorithm for Counting {
        fn verify_signature(
            &self,
            _public_key: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Result<(), InvalidSignature> {
            self.0.fetch_add(1, Ordering::Relaxed);
            (message == signature).then_some(()).ok_or(InvalidSignature)
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            AlgorithmIdentifier::from_slice(&[1])
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            AlgorithmIdentifier::from_slice(&[2])
        }
    }

    fn asked(plain: &'static Counting) -> usize {
        plain.0.load(Ordering::Relaxed)
    }

    #[test]
    fn a_good_signature_is_verified_once() {
        let plain: &'static Counting = Box::leak(Box::default());
        let algorithm = Remembering::new(plain);
        for _ in 0..3 {
            assert!(algorithm.verify_signature(b"key", b"text", b"text").is_ok());
        }
        assert_eq!(asked(plain), 1);
    }

    #[test]
    fn a_bad_signature_is_verified_each_time() {
        let plain: &'static Counting = Box::leak(Box::default());
        let algorithm = Remembering::new(plain);
        assert!(algorithm.verify_signature(b"key", b"text", b"text").is_ok());
        for _ in 0..3 {
            assert!(algorithm.verify_signature(b"key", b"text", b"tex").is_err());
        }
        assert_eq!(asked(plain), 4);
    }

    /// Nor is one that the same octets make when they are cut elsewhere.
    #[test]
    fn another_key_message_or_signature_is_not_known() {
        let plain: &'static Counting = Box::leak(Box::default());
        let algorithm = Remembering::new(plain);
        assert!(algorithm.verify_signature(b"key", b"aa", b"aa").is_ok());
        assert!(algorithm.verify_signature(b"ke", b"aa", b"aa").is_ok());
        assert!(algorithm.verify_signature(b"key", b"a", b"aaa").is_err());
        assert!(algorithm.verify_signature(b"key", b"aaa", b"a").is_err());
        assert_eq!(asked(plain), 4);
    }
}
