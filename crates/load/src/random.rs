//! Random octets: request authenticators, challenges, guessed passwords.

/// `N` random octets.
///
/// # Panics
/// If the system has no source of randomness.
#[expect(
    clippy::expect_used,
    reason = "without randomness no request can be written"
)]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a source of randomness");
    bytes
}
