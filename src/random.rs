//! Randomness from the kernel. The cores get theirs from here, as values.

use std::cell::RefCell;

/// Octets that a thread fetches at once for [`scattered`].
const SCATTERED: usize = 256;

/// `N` octets that are spread evenly but are no secret, such as salts: many come of one call to the
/// kernel, and those to come wait in memory.
///
/// # Panics
/// As [`bytes`].
#[must_use]
pub(crate) fn scattered<const N: usize>() -> [u8; N] {
    const { assert!(N <= SCATTERED) };
    thread_local! {
        static WAITING: RefCell<([u8; SCATTERED], usize)> =
            const { RefCell::new(([0; SCATTERED], SCATTERED)) };
    }
    WAITING.with_borrow_mut(|(waiting, used)| {
        if SCATTERED - *used < N {
            (*waiting, *used) = (bytes(), 0);
        }
        let next = waiting.get(*used..).and_then(|left| left.first_chunk());
        *used += N;
        next.copied().unwrap_or_else(bytes)
    })
}

/// `N` random octets.
///
/// # Panics
/// Where the kernel has no randomness to give there is no safe way on: the process ends.
#[must_use]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the kernel gives no randomness");
        std::process::abort();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn scattered_octets_do_not_repeat() {
        let drawn: HashSet<[u8; 12]> = (0..1000).map(|_| scattered()).collect();
        assert_eq!(drawn.len(), 1000);
        assert_ne!(scattered::<SCATTERED>(), scattered::<SCATTERED>());
    }
}
