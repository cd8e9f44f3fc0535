//! Hashes of other systems, by their name: what can't be checked here, and is no clear text either.

use super::HashError;

/// A label in braces, or the start of a hash, with its name and the way out.
type Known = (&'static str, &'static str, &'static str);

const RESET: &str = "its owner must choose a new password";
const ASK: &str = "set verify = \"bind\", or import accounts without passwords";

/// Labels in braces.
const LABELS: [Known; 24] = [
    ("MD5", "{MD5}", RESET),
    ("SMD5", "{SMD5}", RESET),
    ("MD4", "{MD4}", RESET),
    (
        "NT",
        "{NT}",
        "map the attribute with the NT hash to nt-hash",
    ),
    ("LANMAN", "{LANMAN}", RESET),
    ("NS-MTA-MD5", "{NS-MTA-MD5}", RESET),
    ("MD5-CRYPT", "{MD5-CRYPT}", RESET),
    ("DES-CRYPT", "{DES-CRYPT}", RESET),
    ("CRAM-MD5", "{CRAM-MD5}", RESET),
    ("HMAC-MD5", "{HMAC-MD5}", RESET),
    ("DIGEST-MD5", "{DIGEST-MD5}", RESET),
    ("LDAP-MD5", "{LDAP-MD5}", RESET),
    ("PLAIN-MD5", "{PLAIN-MD5}", RESET),
    ("RPA", "{RPA}", RESET),
    ("SCRAM-SHA-1", "{SCRAM-SHA-1}", ASK),
    ("SCRAM-SHA-256", "{SCRAM-SHA-256}", ASK),
    ("SCRAM-SHA-512", "{SCRAM-SHA-512}", ASK),
    ("SCRYPT", "{SCRYPT}", ASK),
    ("PKCS5S2", "{PKCS5S2} (Atlassian)", ASK),
    ("GOST_YESCRYPT", "{GOST_YESCRYPT}", ASK),
    ("SM3-CRYPT", "{SM3-CRYPT}", ASK),
    ("SHA224", "{SHA224}", ASK),
    ("SSHA224", "{SSHA224}", ASK),
    ("AES", "{AES} (reversible)", ASK),
];

/// Labels of passwords that the directory itself has elsewhere.
const ELSEWHERE: [(&str, &str); 6] = [
    ("SASL", "{SASL}"),
    ("KERBEROS", "{KERBEROS}"),
    ("UNIX", "{UNIX}"),
    ("PAM", "{PAM}"),
    ("RADIUS", "{RADIUS}"),
    ("OTP", "{OTP}"),
];

/// How `$` hashes begin, that crypt(3) or others know.
const DOLLARS: [Known; 17] = [
    ("$1$", "MD5-crypt ($1$)", RESET),
    ("$md5", "Sun MD5 ($md5)", RESET),
    ("$apr1$", "Apache MD5 ($apr1$)", RESET),
    ("$sha1$", "NetBSD SHA-1 ($sha1$)", ASK),
    ("$3$", "NT ($3$)", RESET),
    ("$7$", "scrypt ($7$)", ASK),
    ("$scrypt$", "scrypt ($scrypt$)", ASK),
    ("$gy$", "gost-yescrypt ($gy$)", ASK),
    ("$sm3$", "SM3-crypt ($sm3$)", ASK),
    ("$sm3y$", "SM3-yescrypt ($sm3y$)", ASK),
    ("$2$", "the first bcrypt ($2$)", RESET),
    ("$2x$", "the broken bcrypt ($2x$)", RESET),
    ("$P$", "phpass ($P$)", ASK),
    ("$H$", "phpass ($H$)", ASK),
    ("$S$", "Drupal ($S$)", ASK),
    ("$pbkdf2", "Passlib's PBKDF2 ($pbkdf2)", ASK),
    ("$PHPS$", "vBulletin ($PHPS$)", RESET),
];

/// How hashes without brace or dollar begin.
const BARE: [Known; 30] = [
    ("pbkdf2_", "Django's PBKDF2", ASK),
    (
        "argon2$argon2",
        "Django's Argon2",
        "leave `argon2` away before its `$argon2`",
    ),
    (
        "bcrypt$$2",
        "Django's bcrypt",
        "leave `bcrypt$` away before its `$2b$`",
    ),
    ("bcrypt_sha256$", "Django's bcrypt_sha256", ASK),
    ("bcrypt$", "Django's bcrypt", ASK),
    ("unsalted_md5$", "Django's unsalted MD5", RESET),
    ("unsalted_sha1$", "Django's unsalted SHA-1", RESET),
    ("md5$", "Django's MD5", RESET),
    ("sha1$", "Django's SHA-1", ASK),
    ("sha224$", "Werkzeug's SHA-224", ASK),
    ("sha256$", "Werkzeug's SHA-256", ASK),
    ("sha512$", "Werkzeug's SHA-512", ASK),
    ("crypt$", "Django's crypt", ASK),
    ("scrypt$", "Django's scrypt", ASK),
    ("pbkdf2:", "Werkzeug's PBKDF2", ASK),
    ("pbkdf2-sha", "PBKDF2 of another system", ASK),
    ("pbkdf2$", "PBKDF2 of another system", ASK),
    ("scrypt:", "Werkzeug's scrypt", ASK),
    ("sha1:", "PBKDF2 of another system", ASK),
    ("sha256:", "PBKDF2 of another system", ASK),
    ("sha512:", "PBKDF2 of another system", ASK),
    ("bcrypt:", "bcrypt of another system", ASK),
    ("argon2:", "Argon2 of another system", ASK),
    ("SCRAM-SHA-", "SCRAM", ASK),
    ("U$P$", "Drupal (U$P$)", ASK),
    ("U$S$", "Drupal (U$S$)", ASK),
    ("U$H$", "Drupal (U$H$)", ASK),
    ("grub.pbkdf2.", "GRUB's PBKDF2", ASK),
    ("0x0100", "Microsoft SQL Server", ASK),
    ("0x0200", "Microsoft SQL Server", ASK),
];

/// As many digits or letters as the digests of MD4 to SHA-512 have.
const HEX_DIGITS: [usize; 7] = [32, 40, 48, 56, 64, 96, 128];
/// Octets of the same digests.
const DIGEST_OCTETS: [usize; 6] = [16, 20, 28, 32, 48, 64];
/// Fewer characters than any hash has; below it a word that begins like one may be a password.
const LEAST: usize = 20;

const fn unknown((_, name, advice): Known) -> HashError {
    HashError::Foreign { name, advice }
}

/// The scheme of a label in braces, in upper case, that is none of ours.
pub(super) fn of_label(label: &str) -> HashError {
    if let Some((_, name)) = ELSEWHERE.iter().find(|(known, _)| *known == label) {
        return HashError::CheckedElsewhere { name };
    }
    let known = LABELS.iter().find(|(known, ..)| *known == label);
    known.copied().map_or(HashError::UnknownScheme, unknown)
}

/// The scheme of a hash that begins with `$`, or of the traditional crypt(3), that is none of ours.
pub(super) fn of_crypt(text: &str) -> HashError {
    let known = DOLLARS.iter().find(|(start, ..)| text.starts_with(start));
    match known {
        Some(known) => unknown(*known),
        None if is_traditional(text) => unknown(("", "the traditional crypt (DES)", RESET)),
        None => HashError::UnknownScheme,
    }
}

/// 13 characters, or 20 with `_` before them (BSDi).
fn is_traditional(text: &str) -> bool {
    let is_of_alphabet = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'/');
    let (bare, length) = match text.strip_prefix('_') {
        Some(bare) => (bare, 19),
        None => (text, 13),
    };
    bare.len() == length && bare.bytes().all(is_of_alphabet)
}

/// Scheme of a value without a scheme before it, if it looks like a hash. With `is_declared` its
/// source says that it is clear text, which a password may need that happens to look like a digest.
pub(super) fn of_bare(value: &[u8], is_declared: bool) -> Option<HashError> {
    let text = std::str::from_utf8(value).ok()?;
    if text.starts_with(['{', '$']) {
        return None;
    }
    let begins = |(start, ..): &&Known| text.starts_with(start);
    if text.len() >= LEAST
        && let Some(known) = BARE.iter().find(begins)
    {
        return Some(unknown(*known));
    }
    if is_labelled_digest(text) {
        return Some(unknown(("", "a digest in hexadecimal", RESET)));
    }
    if is_declared {
        return None;
    }
    let name = looks_like(text)?;
    let advice = "write {CLEARTEXT} before it if it is the password itself";
    Some(HashError::Foreign { name, advice })
}

/// Hashes that are known by their shape alone.
fn looks_like(text: &str) -> Option<&'static str> {
    if let Some(digits) = text.strip_prefix('*')
        && digits.len() == 40
        && is_hex(digits)
    {
        return Some("MySQL");
    }
    if text
        .strip_prefix("md5")
        .is_some_and(|rest| rest.len() == 32 && is_hex(rest))
    {
        return Some("PostgreSQL (md5)");
    }
    let head = text.split([':', '$']).next().unwrap_or_default();
    if HEX_DIGITS.contains(&head.len()) && is_hex(head) {
        return Some("a digest in hexadecimal");
    }
    if is_base64_digest(text) {
        return Some("a digest in base64");
    }
    if text.starts_with("AQAAAA") && text.len() >= 60 {
        return Some("ASP.NET Identity");
    }
    has_fields(text).then_some("some other system, by its fields")
}

/// `md5:` or `SHA-256:` and a digest in hexadecimal.
fn is_labelled_digest(text: &str) -> bool {
    const LABELS: [&str; 9] = [
        "md4", "md5", "nt", "ntlm", "lm", "sha", "sha1", "sha256", "sha512",
    ];
    text.split_once(':').is_some_and(|(label, digest)| {
        let label = label.replace('-', "").to_ascii_lowercase();
        let digest = digest.trim();
        LABELS.contains(&label.as_str()) && HEX_DIGITS.contains(&digest.len()) && is_hex(digest)
    })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// Padded, for without padding every long word of letters would be one.
fn is_base64_digest(text: &str) -> bool {
    use base64ct::{Base64, Encoding as _};
    let octets = || Base64::decode_vec(text).map(|octets| octets.len());
    text.ends_with('=') && octets().is_ok_and(|octets| DIGEST_OCTETS.contains(&octets))
}

/// `scheme$parameters$…$digest`.
fn has_fields(text: &str) -> bool {
    let is_name = |octet: u8| octet.is_ascii_alphanumeric() || b"_-.:".contains(&octet);
    let is_digest = |octet: u8| octet.is_ascii_alphanumeric() || b"+/=._-".contains(&octet);
    let mut fields = text.split('$');
    let (first, last) = (fields.next(), fields.next_back());
    first.is_some_and(|name| name.len() > 1 && name.bytes().all(is_name))
        && fields.next().is_some()
        && last.is_some_and(|last| last.len() >= LEAST && last.bytes().all(is_digest))
}
