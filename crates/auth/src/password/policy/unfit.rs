//! Reasons why a new password is not taken.

use super::MOST_CHARACTERS;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a new password is not taken. Never holds any of it. The word in JSON is a stable code; the
/// message is a sentence for its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "unfit", rename_all = "kebab-case")]
pub enum UnfitPassword {
    /// Fewer code points than the policy asks for.
    #[error("The new password has fewer than {least} characters.")]
    TooShort {
        /// The least number.
        least: u8,
    },
    /// More than [`MOST_CHARACTERS`] code points.
    #[error("The new password has more than {MOST_CHARACTERS} characters.")]
    TooLong,
    /// Controls, format marks, spaces other than the plain one, unassigned code points: they look
    /// like another password, and other devices cannot type them.
    #[error("The new password has control characters or characters that can't be seen.")]
    Invisible,
    /// The present one: nothing would have changed.
    #[error("The new password is the old one.")]
    Same,
    /// One of the previous ones.
    #[error("The new password was used before.")]
    Previous,
    /// The present one with a small change, or with something added or left out.
    #[error("The new password is too much like the old one.")]
    TooClose,
    /// Made of common passwords, repetitions and runs of keys.
    #[error("The new password is made of common passwords, repetitions or rows of keys.")]
    Common,
    /// The owner's name and little else.
    #[error("The new password is your own name with little else.")]
    OwnName,
    /// A word of the site and little else.
    #[error("The new password is the name of your institution or town with little else.")]
    SiteWord,
    /// No text at all: octets that are neither UTF-8 nor UTF-16.
    #[error("The new password is no text.")]
    NoText,
}
