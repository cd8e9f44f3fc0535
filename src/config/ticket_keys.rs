//! `eap.ticket-keys`: a file of keys that the servers of a site share, one to a line.

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::external::{External, warn_of_readers};
use super::problem::Problem;
use super::secret::Secret;
use super::section::Section;

/// Of one key.
const KEY_OCTETS: usize = 32;

/// Faults of a file of session ticket keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum KeysError {
    #[error("line {0} of the file is no key of 32 octets in Base64")]
    NoKey(usize),
    #[error("line {0} of the file is a key that stands in it already")]
    Repeated(usize),
    #[error("there is no key in the file")]
    Empty,
}

/// Reads the file; empty where none is named, or where there is a mistake.
pub(super) fn ticket_keys(section: &mut Section<'_>, external: &External) -> Vec<Secret> {
    let Some(file) = external.file(section, "ticket-keys") else {
        return Vec::new();
    };
    let content = file.value.1;
    warn_of_readers(section, &file.place, content);
    read(content.octets.as_bytes()).unwrap_or_else(|error| {
        let problem = Problem::Unreadable(error.to_string());
        let advice = "make a key with: openssl rand -base64 32";
        section.report().problem(&file.place, problem, advice);
        Vec::new()
    })
}

/// One key to a line; empty lines and those that begin with `#` are not read.
fn read(file: &[u8]) -> Result<Vec<Secret>, KeysError> {
    let mut keys: Vec<Secret> = Vec::new();
    for (line, number) in file.split(|octet| *octet == b'\n').zip(1..) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let key = read_key(line).ok_or(KeysError::NoKey(number))?;
        if keys.iter().any(|known| known.as_bytes() == key.as_bytes()) {
            return Err(KeysError::Repeated(number));
        }
        keys.push(key);
    }
    match keys.is_empty() {
        true => Err(KeysError::Empty),
        false => Ok(keys),
    }
}

fn read_key(line: &[u8]) -> Option<Secret> {
    let mut octets = Zeroizing::new([0; KEY_OCTETS]);
    let key = Base64::decode(line, octets.as_mut_slice()).ok()?;
    (key.len() == KEY_OCTETS).then(|| Secret::new(key.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::{KeysError, read};

    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    fn first_octets(file: &str) -> Result<Vec<u8>, KeysError> {
        let keys = read(file.as_bytes())?;
        Ok(keys.iter().map(|key| key.as_bytes()[0]).collect())
    }

    #[test]
    fn keys_are_read_in_the_order_of_the_file() {
        let file = format!("# since August\n{TWO}\n\n  {ONE}\r\n");
        assert_eq!(first_octets(&file), Ok(vec![2, 1]));
        assert_eq!(first_octets(ONE), Ok(vec![1]));
    }

    #[test]
    fn what_is_no_key_is_told_with_its_line() {
        let long = format!("AAAA{ONE}");
        for no_key in ["secret", &ONE[4..], &long, "{}"] {
            let file = format!("{TWO}\n{no_key}\n");
            assert_eq!(first_octets(&file), Err(KeysError::NoKey(2)), "{no_key}");
        }
        let twice = format!("{ONE}\n{TWO}\n{ONE}\n");
        assert_eq!(first_octets(&twice), Err(KeysError::Repeated(3)));
        for empty in ["", "\n# none\n"] {
            assert_eq!(first_octets(empty), Err(KeysError::Empty));
        }
    }
}
