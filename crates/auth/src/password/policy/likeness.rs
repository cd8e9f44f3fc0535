//! Whether a new password is a small edit of the old one.

use super::{UnfitPassword, folded};

/// Edits below which two passwords are too close: `Summer2026` and `Summer2027`.
const LEAST_EDITS: usize = 3;
/// Characters that the contained one of two passwords has at least; a shorter one says little.
const LEAST_CONTAINED: usize = 8;
/// Longest old password that is compared, in octets; a longer one could not be set here.
const MOST_OLD_OCTETS: usize = 4 * super::MOST_CHARACTERS;

/// Compares a composed new password with the old one, in at most 128 × 512 steps.
///
/// # Errors
/// [`UnfitPassword::Same`] and [`UnfitPassword::TooClose`].
pub(super) fn check(new: &str, old: &str) -> Result<(), UnfitPassword> {
    if old.len() > MOST_OLD_OCTETS {
        return Ok(());
    }
    if new == crate::password::composed_text(old).as_str() {
        return Err(UnfitPassword::Same);
    }
    let (new, old) = (folded(new), folded(old));
    let contains =
        |whole: &str, part: &str| part.chars().count() >= LEAST_CONTAINED && whole.contains(part);
    let is_close = contains(&new, &old)
        || contains(&old, &new)
        || strsim::levenshtein(&new, &old) < LEAST_EDITS;
    match is_close {
        true => Err(UnfitPassword::TooClose),
        false => Ok(()),
    }
}
