//! Argon2's memory, kept from one hash to the next.

use super::HashError;
use argon2::Block;
use std::fmt;
use zeroize::Zeroize;

/// Kept between hashes, in blocks of 1 KiB; what one costly hash took beyond it is given back.
const KEPT_BLOCKS: usize = 64 * 1024;

/// Argon2's memory, reused: taking it anew for each hash costs more than the hash (page faults).
/// One per hashing thread; wiped on drop.
#[derive(Default)]
pub struct HashMemory {
    blocks: Vec<Block>,
}

impl HashMemory {
    /// No memory yet; the first hash takes it.
    pub fn new() -> HashMemory {
        HashMemory::default()
    }

    /// Octets held at this moment.
    pub fn octets(&self) -> usize {
        self.blocks.capacity() * Block::SIZE
    }

    /// Runs `work` with at least this many blocks, which hold whatever was in them before.
    pub(super) fn with<T>(
        &mut self,
        count: usize,
        work: impl FnOnce(&mut [Block]) -> T,
    ) -> Result<T, HashError> {
        if count > self.blocks.len() {
            let more = count - self.blocks.len();
            self.blocks
                .try_reserve_exact(more)
                .map_err(|_| HashError::OutOfMemory)?;
            self.blocks.resize(count, Block::new());
        }
        let result = work(&mut self.blocks);
        if self.blocks.len() > KEPT_BLOCKS {
            self.wipe();
            self.blocks = Vec::new();
        }
        Ok(result)
    }

    fn wipe(&mut self) {
        for block in &mut self.blocks {
            block.as_mut().zeroize();
        }
    }
}

impl Drop for HashMemory {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashMemory({} octets)", self.octets())
    }
}
