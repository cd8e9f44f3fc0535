//! Replays the corpus and 20,000 mutations of it through the RADIUS targets, on stable Rust.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers are tests too"
)]
#![allow(dead_code, reason = "only the octets of the cases are used here")]

#[path = "../../crates/radius/tests/common/corpus.rs"]
mod corpus;

use std::path::Path;

use portvakt_fuzz::{attributes::attributes, packet::packet};

const MUTATIONS: u64 = 20_000;

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/radius");
    corpus::read(&folder)
        .iter()
        .map(corpus::Case::octets)
        .collect()
}

/// SplitMix64: the same numbers in every run, so that a failure comes again.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// A seed with one to four wounds; half of the time Length is put right again.
fn mutated(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut octets = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(octets.len());
        match numbers.below(5) {
            0 if !octets.is_empty() => octets[at] = numbers.octet(),
            1 if !octets.is_empty() => octets[at] ^= 1 << numbers.below(8),
            2 => octets.truncate(at),
            3 => octets.insert(at, numbers.octet()),
            _ => octets.extend_from_within(at..),
        }
        octets.truncate(5000);
    }
    if octets.len() >= 20 && numbers.below(2) == 0 {
        let length = u16::try_from(octets.len()).unwrap();
        octets[2..4].copy_from_slice(&length.to_be_bytes());
    }
    octets
}

#[test]
fn corpus_passes_the_oracles() {
    for seed in seeds() {
        packet(&seed);
        attributes(&seed);
    }
}

#[test]
fn mutations_of_the_corpus_pass_the_oracles() {
    let (seeds, mut numbers) = (seeds(), Numbers(1812));
    for _ in 0..MUTATIONS {
        let octets = mutated(&seeds[numbers.below(seeds.len())], &mut numbers);
        packet(&octets);
        attributes(&octets);
    }
}

/// Mutated packets are poor scripts: these have calls that mostly fit.
#[test]
fn random_scripts_pass_the_oracle_of_the_writers() {
    let mut numbers = Numbers(1813);
    for _ in 0..MUTATIONS {
        let room = u16::try_from(numbers.below(4200)).unwrap().to_be_bytes();
        let mut script = vec![numbers.octet(), room[0], room[1]];
        for _ in 0..numbers.below(8) {
            let longest = [40, 40, 40, 600][numbers.below(4)];
            let length = numbers.below(longest);
            script.extend_from_slice(&[numbers.octet(), numbers.octet()]);
            script.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            script.extend((0..length).map(|_| numbers.octet()));
        }
        attributes(&script);
    }
}
