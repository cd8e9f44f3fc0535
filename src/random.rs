//! Randomness from the kernel. The cores get theirs from here, as values.

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
