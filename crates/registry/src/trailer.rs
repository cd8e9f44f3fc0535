//! The trailer of a file: `# rows=48211 sha256=… produced=2026-11-27T02:10:00+01:00 full`.
//!
//! The number of rows and the SHA-256 of everything before the trailer show that nothing was cut
//! off or changed. `produced` is the time of the facts. The word `full` says that persons who are
//! not in the file are not in the registry; without it the file has changes.

use jiff::Timestamp;

/// The trailer of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// Number of rows.
    pub rows: u64,
    /// SHA-256 of everything before it.
    pub sha256: Option<[u8; 32]>,
    /// Time of the facts.
    pub produced: Option<Timestamp>,
    /// Whether everybody of the registry is in the file.
    pub is_full: bool,
}

impl Trailer {
    /// Whether a record is meant as a trailer.
    pub(crate) fn begins(record: &[u8]) -> bool {
        record.starts_with(b"#")
    }

    /// Reads a trailer; `None` if it is none, or a full one without digest or time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Trailer> {
        let mut trailer = Trailer::default();
        let mut rows = None;
        for word in text.strip_prefix('#')?.split_whitespace() {
            match word.split_once('=') {
                Some(("rows", number)) => rows = Some(number.parse().ok()?),
                Some(("sha256", digest)) => trailer.sha256 = Some(digest_of(digest)?),
                Some(("produced", at)) => trailer.produced = Some(at.parse().ok()?),
                None if word == "full" => trailer.is_full = true,
                _ => return None,
            }
        }
        trailer.rows = rows?;
        let is_whole = trailer.sha256.is_some() && trailer.produced.is_some();
        (is_whole || !trailer.is_full).then_some(trailer)
    }
}

/// 64 hexadecimal digits.
fn digest_of(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let octets: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit))
        .collect();
    octets.try_into().ok()
}

/// A digest in 64 hexadecimal digits.
#[must_use]
pub fn hexadecimal(digest: &[u8; 32]) -> String {
    digest.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailer_has_rows_and_a_full_one_digest_and_time() {
        let digest = hexadecimal(&[0xab; 32]);
        let text = format!("# rows=2 sha256={digest} produced=2026-11-27T02:10:00+01:00 full");
        let trailer = Trailer::parse(&text).unwrap();
        assert!(trailer.is_full && trailer.rows == 2);
        assert_eq!(trailer.sha256, Some([0xab; 32]));
        assert_eq!(
            trailer.produced,
            Some("2026-11-27T01:10:00Z".parse().unwrap())
        );
        let changes = Trailer::parse("# rows=0").unwrap();
        assert!(!changes.is_full && changes.sha256.is_none());
        for wrong in [
            "rows=2",
            "# full",
            "# rows=2 full",
            "# rows=x",
            "# rows=2 sha256=ab",
            "# rows=2 produced=yesterday",
            "# rows=2 fulll",
            "# rows=2 colour=red",
        ] {
            assert_eq!(Trailer::parse(wrong), None, "{wrong}");
        }
    }
}
