//! The password policy: which new passwords an owner may choose.
//!
//! NIST SP 800-63B-4 §3.1.1.2 and OWASP ASVS 5.0 §6.2: length counts, in code points of the composed
//! text (NFC); no rule asks for digits or signs; common passwords, names and small edits of the old
//! password are refused with the reason. The password itself is neither cut nor folded: only the
//! comparisons with lists ignore case.

mod characters;
mod common;
mod likeness;
#[cfg(test)]
mod tests;
mod unfit;

use crate::account::Account;
use crate::password::{HashError, HashMemory, composed_text};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

pub use unfit::UnfitPassword;

/// Most code points of a new password. User-Password carries 128 octets (RFC 2865 §5.2), MS-CHAP 256
/// UTF-16 units (RFC 2759 §4).
pub const MOST_CHARACTERS: usize = 128;

/// Least length of a name or site word that is looked for; shorter ones are parts of other words.
const LEAST_WORD: usize = 4;

/// Code points that a password must have besides the names and site words in it.
const LEAST_BESIDES_WORDS: usize = 8;

/// Rules for new passwords of one realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Least number of code points: 15 where the password is the only factor (NIST SP 800-63B-4).
    pub least_characters: u8,
    /// Words of the site that a password must not be made of, such as its name and town.
    pub site_words: Vec<String>,
}

impl Default for PasswordPolicy {
    fn default() -> PasswordPolicy {
        PasswordPolicy {
            least_characters: 15,
            site_words: Vec::new(),
        }
    }
}

/// Facts that a new password is compared with.
#[derive(Clone, Copy, Default)]
pub struct ComparedWith<'a> {
    /// The account of its owner, for the names.
    pub account: Option<&'a Account>,
    /// The old password, where the owner has just typed it.
    pub old: Option<&'a str>,
}

impl PasswordPolicy {
    /// Checks a new password, except against the account's hashes: see [`is_new`]. Returns the
    /// composed text to hash. Takes less than a millisecond.
    ///
    /// # Errors
    /// The first of [`UnfitPassword`] that is true, but for `NoText` and `Previous`.
    pub fn check(
        &self,
        text: &str,
        with: ComparedWith<'_>,
    ) -> Result<Zeroizing<String>, UnfitPassword> {
        // Ten times what fits, before any work is done that grows with the length.
        if text.len() > 10 * 4 * MOST_CHARACTERS {
            return Err(UnfitPassword::TooLong);
        }
        if !text.chars().all(characters::is_visible) {
            return Err(UnfitPassword::Invisible);
        }
        let composed = composed_text(text);
        self.check_length(&composed)?;
        if let Some(old) = with.old {
            likeness::check(&composed, old)?;
        }
        let folded = folded(&composed);
        let names = with.account.map(names).unwrap_or_default();
        let site_words = self.site_words.iter().map(|word| folded_word(word));
        let site_words: Vec<_> = site_words.filter(is_long_enough).collect();
        for (words, unfit) in [
            (&names, UnfitPassword::OwnName),
            (&site_words, UnfitPassword::SiteWord),
        ] {
            if is_little_besides(&folded, words) {
                return Err(unfit);
            }
        }
        let words: Vec<_> = names
            .iter()
            .chain(&site_words)
            .map(|w| w.as_str())
            .collect();
        match common::is_common(&folded, &words) {
            true => Err(UnfitPassword::Common),
            false => Ok(composed),
        }
    }

    fn check_length(&self, composed: &str) -> Result<(), UnfitPassword> {
        let characters = composed.chars().count();
        let least = self.least_characters;
        if characters < usize::from(least) {
            return Err(UnfitPassword::TooShort { least });
        }
        if characters > MOST_CHARACTERS {
            return Err(UnfitPassword::TooLong);
        }
        Ok(())
    }
}

/// Checks that a new password is neither the present one nor one of the previous ones that the
/// account remembers. `composed` comes from [`PasswordPolicy::check`]. Only for an owner who has
/// proven who they are, and for IT support: it compares, and nothing is counted. Takes a hash each.
///
/// # Errors
/// [`UnfitPassword::Same`] and [`UnfitPassword::Previous`] inside; [`HashError::OutOfMemory`] outside.
pub fn is_new(
    account: &Account,
    composed: &str,
    memory: &mut HashMemory,
) -> Result<Result<(), UnfitPassword>, HashError> {
    let octets = composed.as_bytes();
    let current = account.password.iter().map(|password| &password.hash);
    for hash in current.chain(&account.besides) {
        if hash.verify(octets, memory)? {
            return Ok(Err(UnfitPassword::Same));
        }
    }
    for hash in &account.previous {
        if hash.verify(octets, memory)? {
            return Ok(Err(UnfitPassword::Previous));
        }
    }
    Ok(Ok(()))
}

/// Compatibility forms and case folded away.
fn folded(text: &str) -> Zeroizing<String> {
    // Lower case can be longer by half, compatibility forms by much more: no copy may be left behind.
    let characters = || text.nfkc().flat_map(char::to_lowercase);
    let mut folded = Zeroizing::new(String::with_capacity(
        characters().map(char::len_utf8).sum(),
    ));
    folded.extend(characters());
    folded
}

fn folded_word(word: &str) -> Zeroizing<String> {
    folded(word.trim())
}

fn is_long_enough(word: &Zeroizing<String>) -> bool {
    word.chars().count() >= LEAST_WORD
}

/// The words by which an owner is known: user names, names, the name before the `@` of the mail
/// address.
fn names(account: &Account) -> Vec<Zeroizing<String>> {
    let local_part = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let mut texts = vec![local_part(account.id.as_str())];
    texts.extend(account.aliases.iter().map(|alias| local_part(alias)));
    texts.extend(account.mail.iter().map(|mail| local_part(mail)));
    texts.extend(account.display_name.clone());
    let whole = texts.iter().map(String::as_str);
    let parts = whole
        .clone()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let mut words: Vec<_> = whole
        .chain(parts)
        .map(folded_word)
        .filter(is_long_enough)
        .collect();
    // The longest first, so that a part does not break the whole.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

/// Whether `folded` has one of the words in it, and little else.
fn is_little_besides(folded: &str, words: &[Zeroizing<String>]) -> bool {
    let mut rest = Zeroizing::new(folded.to_owned());
    for word in words {
        rest = Zeroizing::new(rest.replace(word.as_str(), ""));
    }
    rest.len() < folded.len() && rest.chars().count() < LEAST_BESIDES_WORDS
}
