//! A stored password as a source gives it: a hash, a lock mark, or clear text.
//!
//! Unix and LDAP close a password by a value that no password can match (`*`, `!$6$…`, `{CRYPT}*`).
//! Such a mark is neither a hash nor a password, and so is the hash of some other system: hashed as
//! if it were clear text, it would let in everybody who knows how accounts are closed.

use super::digest::Digested;
use super::{HashError, PasswordHash, SELF_TOLD, foreign};
use std::fmt;

/// Form of a stored password.
pub enum StoredPassword<'a> {
    /// A hash that can be checked.
    Hash(PasswordHash),
    /// No password matches it: the source has locked the password.
    Locked,
    /// The password itself; never empty.
    Cleartext(&'a [u8]),
}

/// Words that stand for a lock alone: passwd(5), shadow(5), and Solaris' passwd.
const LOCK_WORDS: [&[u8]; 6] = [b"x", b"NP", b"LK", b"NL", b"UP", b"NOLOGIN"];
/// Labels in braces that say nothing but that the password is closed.
const LOCK_LABELS: [&str; 5] = ["LOCKED", "DISABLED", "LOCK", "NOLOGIN", "NONE"];
/// Labels in braces of a password that is no hash (OpenLDAP, Dovecot).
const CLEARTEXT_LABELS: [&str; 3] = ["CLEARTEXT", "CLEAR", "PLAIN"];

impl<'a> StoredPassword<'a> {
    /// Tells apart what a source has. `octets` is the value as it came, without the octets that
    /// OpenLDAP's argon2 [leaves behind](PasswordHash::without_remains).
    ///
    /// A value that looks like some system's hash is never clear text, even where it can't be
    /// checked here. `{CLEARTEXT}` before a value says that it is no digest and no mark, so that
    /// passwords exist that look like one; a known scheme or a bare mark stays what it is.
    ///
    /// # Errors
    /// Those of [`PasswordHash::parse`]; [`HashError::LockOrPassword`]; and
    /// [`HashError::EmptyPassword`] of nothing at all.
    pub fn read(octets: &'a [u8]) -> Result<Self, HashError> {
        let octets = PasswordHash::without_remains(octets);
        let (is_declared, value) = without_cleartext_label(octets);
        if value.is_empty() {
            return Err(HashError::EmptyPassword);
        }
        if let Some(scheme) = foreign::of_bare(value, is_declared) {
            return Err(scheme);
        }
        if is_lock_mark(value) || !is_declared && is_behind_a_mark(value) {
            return Ok(Self::Locked);
        }
        if matches!(value.first(), Some(b'{' | b'$')) {
            let text = std::str::from_utf8(value).map_err(|_| HashError::UnknownScheme)?;
            return PasswordHash::parse(text).map(Self::Hash);
        }
        if !is_declared && value.starts_with(b"!") {
            return Err(HashError::LockOrPassword);
        }
        Ok(Self::Cleartext(value))
    }
}

impl fmt::Debug for StoredPassword<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(hash) => fmt::Debug::fmt(hash, f),
            Self::Locked => f.write_str("Locked"),
            Self::Cleartext(_) => f.write_str("Cleartext([redacted])"),
        }
    }
}

/// Whether the value says that it is clear text, and what follows that.
fn without_cleartext_label(octets: &[u8]) -> (bool, &[u8]) {
    match labelled(octets) {
        Some((label, rest)) if is_one_of(label, &CLEARTEXT_LABELS) => (true, rest),
        _ => (false, octets),
    }
}

/// `{LABEL}rest`.
fn labelled(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = octets.strip_prefix(b"{")?;
    let end = inside.iter().position(|octet| *octet == b'}')?;
    let (label, rest) = inside.split_at_checked(end)?;
    Some((label, rest.get(1..)?))
}

fn is_one_of(label: &[u8], labels: &[&str]) -> bool {
    let mut labels = labels.iter();
    labels.any(|known| label.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether no password can match: a word or run of marks alone, or a scheme with a mark or nothing
/// behind it.
fn is_lock_mark(value: &[u8]) -> bool {
    if value.iter().all(is_mark) || LOCK_WORDS.contains(&value) || is_starred_word(value) {
        return true;
    }
    let Some((label, rest)) = labelled(value) else {
        return false;
    };
    let is_nothing = || {
        rest.first().is_none_or(is_mark) || LOCK_WORDS.contains(&rest) || is_no_crypt(label, rest)
    };
    // What locks an account may put its own label before the hash.
    is_one_of(label, &LOCK_LABELS) || is_scheme(label) && is_nothing()
}

fn is_mark(octet: &u8) -> bool {
    matches!(octet, b'*' | b'!')
}

/// `*LK*`, `*NP*`, `*LOCKED*`.
fn is_starred_word(value: &[u8]) -> bool {
    let inside = value
        .strip_prefix(b"*")
        .and_then(|rest| rest.strip_suffix(b"*"));
    inside.is_some_and(|word| word.len() <= 10 && word.iter().all(u8::is_ascii_uppercase))
}

/// Whether a label is that of a scheme, ours or not.
fn is_scheme(label: &[u8]) -> bool {
    let label = String::from_utf8_lossy(label).to_ascii_uppercase();
    is_one_of(label.as_bytes(), &SELF_TOLD)
        || label.starts_with("PBKDF2")
        || !matches!(Digested::parse(&label, ""), Err(HashError::UnknownScheme))
}

/// Behind `{CRYPT}`: a word with an `x` before it, as in `x-locked`, and not a hash of 13
/// characters.
fn is_no_crypt(label: &[u8], rest: &[u8]) -> bool {
    let is_of_alphabet = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'/');
    let is_traditional = rest.len() == 13 && rest.iter().all(is_of_alphabet);
    label.eq_ignore_ascii_case(b"CRYPT") && rest.starts_with(b"x") && !is_traditional
}

/// Anything behind `*`, and a hash behind `!`: `usermod -L` and LAM put that before what was there.
fn is_behind_a_mark(value: &[u8]) -> bool {
    let rest = value.trim_ascii_start();
    let behind = rest.iter().position(|octet| *octet != b'!').unwrap_or(0);
    let hash = rest.get(behind..).unwrap_or_default();
    rest.starts_with(b"*")
        || behind > 0 && (matches!(hash.first(), Some(b'{' | b'$' | b'*')) || is_lock_mark(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = include_str!("../../../../tests/corpus/accounts/stored-passwords.txt");

    fn told(value: &str) -> String {
        match StoredPassword::read(value.as_bytes()) {
            Ok(StoredPassword::Hash(hash)) => hash.scheme().to_string(),
            Ok(StoredPassword::Locked) => "locked".to_owned(),
            Ok(StoredPassword::Cleartext(_)) => "clear text".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn stored_password_is_told_for_what_it_is() {
        let cases = CASES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("# "));
        for line in cases {
            let (value, expected) = line.split_once('\t').unwrap();
            assert_eq!(told(value), expected, "{value}");
        }
    }

    #[test]
    fn clear_text_is_what_follows_its_label_whatever_its_octets() {
        for (value, expected) in [
            (&b"{PLAIN}a{b"[..], &b"a{b"[..]),
            (b"\xff\xfe", b"\xff\xfe"),
        ] {
            let read = StoredPassword::read(value);
            assert!(matches!(read, Ok(StoredPassword::Cleartext(text)) if text == expected));
        }
    }

    #[test]
    fn nothing_is_no_password() {
        for value in ["", "{CLEARTEXT}"] {
            let read = StoredPassword::read(value.as_bytes());
            assert!(matches!(read, Err(HashError::EmptyPassword)), "{value}");
        }
    }
}
