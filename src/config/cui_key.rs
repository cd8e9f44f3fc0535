//! `radius.cui-key-file`: the key that Chargeable-User-Identity is made with.

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::external::{External, warn_of_readers};
use super::problem::Problem;
use super::secret::Secret;
use super::section::Section;

/// As `openssl rand -base64 32` makes.
const LEAST_OCTETS: usize = 32;
const MOST_OCTETS: usize = 64;

pub(super) fn cui_key(section: &mut Section<'_>, external: &External) -> Option<Secret> {
    let file = external.file(section, "cui-key-file")?;
    let content = file.value.1;
    warn_of_readers(section, &file.place, content);
    let key = read(content.octets.as_bytes());
    if key.is_none() {
        let problem = Problem::Malformed("a file with 32 to 64 octets in base64 and no more");
        let advice = "for a new key: openssl rand -base64 32";
        section.report().problem(&file.place, problem, advice);
    }
    key
}

fn read(file: &[u8]) -> Option<Secret> {
    let mut octets = Zeroizing::new([0; MOST_OCTETS]);
    let key = Base64::decode(file.trim_ascii(), octets.as_mut_slice()).ok()?;
    (key.len() >= LEAST_OCTETS).then(|| Secret::new(key.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_32_octets_or_more_in_base64() {
        let of = |octets: &[u8]| read(Base64::encode_string(octets).as_bytes());
        for (length, fits) in [(0, false), (31, false), (32, true), (64, true), (65, false)] {
            assert_eq!(of(&vec![7; length]).is_some(), fits, "{length}");
        }
        let with_newline = format!("{}\r\n", Base64::encode_string(&[7; 32]));
        let key = read(with_newline.as_bytes()).unwrap();
        assert_eq!(key.as_bytes(), [7; 32]);
        assert!(read(b"not a key of any kind").is_none());
    }
}
