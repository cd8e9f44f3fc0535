//! Pseudo-random choices that a failing test can repeat: SplitMix64 over a printed seed.

/// A deterministic generator; no secret ever comes from it.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same seed, the same choices.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An octet.
    pub fn octet(&mut self) -> u8 {
        self.bits().to_le_bytes()[0]
    }

    /// Below `bound`, which is not 0; the slight bias does not matter here.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.bits() >> 33).unwrap_or(0) % bound.max(1)
    }

    /// Damages bytes in one of the ways that a network or an attacker does.
    pub fn alter(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.push(self.octet()),
            2 => bytes.insert(at, self.octet()),
            3 if !bytes.is_empty() => drop(bytes.remove(at)),
            // The first octets decide the most: header, type, flags.
            4 => self.overwrite(bytes, at.min(9)),
            _ => self.flip(bytes, at),
        }
    }

    fn overwrite(&mut self, bytes: &mut [u8], at: usize) {
        let octet = self.octet();
        if let Some(target) = bytes.get_mut(at) {
            *target = octet;
        }
    }

    fn flip(&mut self, bytes: &mut [u8], at: usize) {
        let mask = 1 << self.below(8);
        if let Some(target) = bytes.get_mut(at) {
            *target ^= mask;
        }
    }
}
