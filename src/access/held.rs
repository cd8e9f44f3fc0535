//! A password on its way through the house: one copy, wiped when it has done its duty, in memory
//! that the same thread then uses for the next.

use std::cell::RefCell;
use std::ops::Deref;

use zeroize::Zeroize as _;

/// Memories that a thread keeps; one log-on at a time needs one.
const SPARE: usize = 16;
/// The longest that is kept; a password over RADIUS has at most 128 octets.
const LARGEST_SPARE: usize = 256;

thread_local! {
    static MEMORIES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A password. Wiped on drop; never moved in memory, so that no other copy is left behind.
pub(super) struct HeldPassword(Vec<u8>);

impl HeldPassword {
    /// A copy of `password`.
    pub(super) fn new(password: &[u8]) -> Self {
        let memory = MEMORIES.with_borrow_mut(Vec::pop);
        // Made large enough at once: growing would leave a copy.
        let needed = password.len().max(LARGEST_SPARE);
        let memory = memory.filter(|memory| memory.capacity() >= password.len());
        let mut memory = memory.unwrap_or_else(|| Vec::with_capacity(needed));
        memory.extend_from_slice(password);
        Self(memory)
    }
}

impl Deref for HeldPassword {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for HeldPassword {
    fn drop(&mut self) {
        // Wipes all of the memory and leaves it empty.
        self.0.zeroize();
        let memory = std::mem::take(&mut self.0);
        // At a thread's end there is nobody left to keep it for.
        let _ = MEMORIES.try_with(|memories| {
            let mut memories = memories.borrow_mut();
            if memories.len() < SPARE && memory.capacity() <= LARGEST_SPARE {
                memories.push(memory);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_held_whole_whatever_was_held_before() {
        for password in [
            &b"a rather long one"[..],
            b"short",
            &[7; 600],
            b"",
            b"again",
        ] {
            assert_eq!(&*HeldPassword::new(password), password);
        }
    }

    #[test]
    fn the_memory_of_one_serves_the_next_and_is_empty_between() {
        let first = HeldPassword::new(b"correct horse");
        let place = first.0.as_ptr();
        drop(first);
        MEMORIES.with_borrow(|memories| assert!(memories.iter().all(Vec::is_empty)));
        assert_eq!(HeldPassword::new(b"battery").0.as_ptr(), place);
    }
}
