//! PEM files as they are put together by hand, before a library reads them.
//!
//! The library takes what it finds between lines that are exactly `-----BEGIN …-----` and its end, and
//! passes over the rest without a word: of two blocks that were glued together, with no newline between
//! them, the second is lost. Here every `-----BEGIN ` in the file must be the start of a block that is
//! whole (RFC 7468 §3), whatever is in it.

use std::path::Path;

use base64ct::{Base64, Encoding as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::external::FileContent;
use super::problem::Problem;
use super::report::Place;
use super::section::Section;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Such as `CERTIFICATE`.
    pub(super) label: String,
    /// The line that it begins in, from 1.
    pub(super) line: usize,
}

/// The content that a file should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Certificates,
    Key,
    RevocationLists,
}

/// Why a file can't be taken for what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PemFault {
    #[error("this is DER, and must be PEM")]
    Der,
    #[error("this is UTF-16")]
    Utf16,
    #[error("the file begins with a byte order mark")]
    ByteOrderMark,
    #[error("two blocks are glued together: {BEGIN}stands behind something in the same line")]
    Glued,
    #[error("the line of {BEGIN}begins with spaces")]
    Indented,
    #[error("the line of {BEGIN}does not end with {DASHES}")]
    Unfinished,
    #[error("the block has no end line of its own")]
    NotClosed,
    #[error("the end line is that of another kind of block")]
    OtherEnd,
    #[error("the block is not base64")]
    NotBase64,
    #[error("the key is encrypted")]
    Encrypted,
    #[error("a block {0:?} is not read")]
    NotRead(String),
}

impl PemFault {
    fn advice(&self) -> &'static str {
        match self {
            Self::Der => {
                "openssl x509 -inform der -in FILE -out FILE.pem (crl or pkey in place of x509)"
            }
            Self::Utf16 | Self::ByteOrderMark => "save it as plain ASCII",
            Self::Glued => "put a newline between the two: what follows would be lost",
            Self::Indented | Self::Unfinished => "the whole line is -----BEGIN …-----",
            Self::NotClosed | Self::OtherEnd | Self::NotBase64 => {
                "copy the whole block again, from -----BEGIN to -----END"
            }
            Self::Encrypted => "write it without a password: openssl pkey -in FILE -out NEW",
            Self::NotRead(_) => {
                "openssl x509 -in FILE -out NEW writes TRUSTED CERTIFICATE as CERTIFICATE, openssl \
                 pkcs7 -print_certs what is in PKCS7"
            }
        }
    }
}

/// A fault and its line, from 1.
type Placed = (usize, PemFault);

/// The blocks of a file, in order.
///
/// # Errors
/// The first fault and its line.
pub(super) fn blocks(octets: &[u8]) -> Result<Vec<Block>, Placed> {
    match octets {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Err((1, PemFault::Utf16)),
        [0xEF, 0xBB, 0xBF, ..] => return Err((1, PemFault::ByteOrderMark)),
        _ => {}
    }
    // What stands between blocks may be in any encoding.
    let text = String::from_utf8_lossy(octets);
    let mut lines = Lines(text.lines().enumerate());
    let mut blocks = Vec::new();
    while let Some((line, text)) = lines.next() {
        if let Some(label) = begins(line, text)? {
            lines.close(line, label)?;
            let label = label.to_owned();
            blocks.push(Block { label, line });
        }
    }
    Ok(blocks)
}

/// Numbered lines, without what ends them.
struct Lines<'t>(std::iter::Enumerate<std::str::Lines<'t>>);

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<(usize, &'t str)> {
        let (index, text) = self.0.next()?;
        Some((index + 1, text.trim_end()))
    }

    /// Reads on to the end of the block that begins in `line`.
    fn close(&mut self, line: usize, label: &str) -> Result<(), Placed> {
        let mut body = String::new();
        while let Some((at, text)) = self.next() {
            if let Some(rest) = text.strip_prefix(END) {
                return closed(line, at, label, rest, &body);
            }
            if text.contains(BEGIN) {
                return Err((line, PemFault::NotClosed));
            }
            if text.contains(END) {
                return Err((at, PemFault::NotClosed));
            }
            if text.starts_with("Proc-Type: 4,ENCRYPTED") {
                return Err((line, PemFault::Encrypted));
            }
            body.extend(text.split_ascii_whitespace());
        }
        Err((line, PemFault::NotClosed))
    }
}

/// The end line of a block: its own, with nothing behind it, and base64 before it.
fn closed(line: usize, at: usize, label: &str, rest: &str, body: &str) -> Result<(), Placed> {
    match rest.split_once(DASHES) {
        Some((_, behind)) if behind.contains(BEGIN) => Err((at, PemFault::Glued)),
        Some((own, "")) if own == label => match Base64::decode_vec(body) {
            Ok(_) => Ok(()),
            Err(_) => Err((line, PemFault::NotBase64)),
        },
        Some((other, "")) if other != label => Err((at, PemFault::OtherEnd)),
        _ => Err((at, PemFault::NotClosed)),
    }
}

/// The label of a block that begins in this line.
fn begins(line: usize, text: &str) -> Result<Option<&str>, Placed> {
    let Some((before, label)) = text.split_once(BEGIN) else {
        return Ok(None);
    };
    match (before.is_empty(), before.trim().is_empty()) {
        (true, _) => {}
        (false, true) => return Err((line, PemFault::Indented)),
        (false, false) if before.starts_with('#') => return Ok(None),
        (false, false) => return Err((line, PemFault::Glued)),
    }
    let label = label
        .strip_suffix(DASHES)
        .ok_or((line, PemFault::Unfinished))?;
    match label.contains(BEGIN) || label.contains(DASHES) {
        true => Err((line, PemFault::Glued)),
        false => Ok(Some(label)),
    }
}

impl Wanted {
    fn is(self, label: &str) -> bool {
        match self {
            Self::Certificates => label == "CERTIFICATE",
            Self::Key => label.ends_with("PRIVATE KEY") && label != "ENCRYPTED PRIVATE KEY",
            Self::RevocationLists => label == "X509 CRL",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Certificates => "certificate",
            Self::Key => "private key",
            Self::RevocationLists => "revocation list",
        }
    }

    /// Whether a block is of the wanted kind, and yet in a form that nothing reads.
    fn is_unread(self, label: &str) -> bool {
        let unread: &[&str] = match self {
            Self::Certificates => &["TRUSTED CERTIFICATE", "X509 CERTIFICATE", "PKCS7", "CMS"],
            Self::Key => &[],
            Self::RevocationLists => &["CRL", "PKCS7"],
        };
        unread.contains(&label)
    }

    /// The wanted blocks.
    ///
    /// # Errors
    /// The fault of the file and its line.
    pub(super) fn blocks(self, octets: &[u8]) -> Result<Vec<Block>, Placed> {
        // The tag of a SEQUENCE with a length of two octets or more, as every certificate has.
        if matches!(octets, [0x30, 0x81..=0x84, ..]) {
            return Err((1, PemFault::Der));
        }
        let all = blocks(octets)?;
        if let Some(block) = all.iter().find(|block| self.is_unread(&block.label)) {
            return Err((block.line, PemFault::NotRead(block.label.clone())));
        }
        let is_encrypted = |block: &&Block| block.label == "ENCRYPTED PRIVATE KEY";
        if self == Self::Key
            && let Some(block) = all.iter().find(is_encrypted)
        {
            return Err((block.line, PemFault::Encrypted));
        }
        Ok(all
            .into_iter()
            .filter(|block| self.is(&block.label))
            .collect())
    }

    /// The wanted blocks of a file that the configuration names; what is wrong with it is reported.
    pub(super) fn of_file(
        self,
        section: &Section<'_>,
        place: &Place,
        path: &Path,
        content: &FileContent,
    ) -> Option<Vec<Block>> {
        let octets = content.octets.as_bytes();
        match self.blocks(octets) {
            Ok(blocks) if blocks.is_empty() => {
                let others = blocks_in_words(octets);
                let text = format!("no PEM {} in this file{others}", self.noun());
                let advice = format!("it should have {BEGIN}{}{DASHES} in it", self.label());
                let problem = Problem::Certificate(text);
                section.report().problem(place, problem, advice);
                None
            }
            Ok(blocks) => Some(blocks),
            Err((line, fault)) => {
                let text = format!("{}:{line}: {fault}", path.display());
                let advice = fault.advice();
                let problem = Problem::Certificate(text);
                section.report().problem(place, problem, advice);
                None
            }
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Certificates => "CERTIFICATE",
            Self::Key => "PRIVATE KEY",
            Self::RevocationLists => "X509 CRL",
        }
    }
}

/// The other blocks of a file: `, but a PRIVATE KEY in line 1`.
fn blocks_in_words(octets: &[u8]) -> String {
    let all = blocks(octets).unwrap_or_default();
    all.first().map_or_else(String::new, |block| {
        format!(", but a block {:?} in line {}", block.label, block.line)
    })
}

/// A file of authorities, each of which can be an anchor of trust.
pub(super) fn authorities(
    section: &Section<'_>,
    place: &Place,
    path: &Path,
    content: &FileContent,
) -> Option<Vec<u8>> {
    let blocks = Wanted::Certificates.of_file(section, place, path, content)?;
    let octets = content.octets.as_bytes();
    let certificates = CertificateDer::pem_slice_iter(octets).filter_map(Result::ok);
    let mut is_whole = true;
    for (block, certificate) in blocks.iter().zip(certificates) {
        let mut anchors = rustls::RootCertStore::empty();
        if let Err(error) = anchors.add(certificate) {
            is_whole = false;
            let text = format!(
                "{}:{}: this certificate can't be that of an authority: {error}",
                path.display(),
                block.line
            );
            let advice = "look at it with: openssl x509 -text -in FILE";
            let problem = Problem::Certificate(text);
            section.report().problem(place, problem, advice);
        }
    }
    is_whole.then(|| octets.to_vec())
}

/// How many blocks of a kind are in a file that was read already.
pub(super) fn count(octets: &[u8], wanted: Wanted) -> usize {
    wanted.blocks(octets).map_or(1, |blocks| blocks.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nTUlJ\n-----END PRIVATE KEY-----";

    fn found(text: &str) -> Result<Vec<(String, usize)>, Placed> {
        let found = blocks(text.as_bytes())?.into_iter();
        Ok(found.map(|block| (block.label, block.line)).collect())
    }

    #[test]
    fn blocks_are_found_with_their_lines_among_anything_else() {
        let text =
            format!("subject=CN = x\r\n{CERTIFICATE}\r\n\n# blåbær\n{KEY}\n  \n{CERTIFICATE}");
        let expected = [("CERTIFICATE", 2), ("PRIVATE KEY", 7), ("CERTIFICATE", 11)];
        let expected = expected.map(|(label, line)| (label.to_owned(), line));
        assert_eq!(found(&text), Ok(expected.to_vec()));
        assert_eq!(found("# -----BEGIN CERTIFICATE-----\n"), Ok(Vec::new()));
        assert_eq!(found(""), Ok(Vec::new()));
    }

    #[test]
    fn each_fault_is_told_with_its_line() {
        let cases = [
            (format!("{CERTIFICATE}{CERTIFICATE}\n"), 3, PemFault::Glued),
            (
                format!("{CERTIFICATE}\n{KEY}{CERTIFICATE}\n"),
                6,
                PemFault::Glued,
            ),
            (format!("certificate:{CERTIFICATE}\n"), 1, PemFault::Glued),
            (format!("x\n {CERTIFICATE}\n"), 2, PemFault::Indented),
            (
                format!("\u{feff}{CERTIFICATE}\n"),
                1,
                PemFault::ByteOrderMark,
            ),
            (
                "-----BEGIN CERTIFICATE\nTUlJ\n".to_owned(),
                1,
                PemFault::Unfinished,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nTUlJ\n".to_owned(),
                1,
                PemFault::NotClosed,
            ),
            (
                format!("-----BEGIN CERTIFICATE-----\nTUlJ\n{CERTIFICATE}\n"),
                1,
                PemFault::NotClosed,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE----\n".to_owned(),
                3,
                PemFault::NotClosed,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nTUlJ-----END CERTIFICATE-----\n".to_owned(),
                2,
                PemFault::NotClosed,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END PRIVATE KEY-----\n".to_owned(),
                3,
                PemFault::OtherEnd,
            ),
            (
                "\n-----BEGIN CERTIFICATE-----\nTUlJ=x\n-----END CERTIFICATE-----\n".to_owned(),
                2,
                PemFault::NotBase64,
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".to_owned(),
                1,
                PemFault::Encrypted,
            ),
        ];
        for (text, line, fault) in cases {
            assert_eq!(found(&text), Err((line, fault)), "{text}");
        }
    }

    #[test]
    fn what_is_wanted_and_not_read_is_told() {
        let trusted = CERTIFICATE.replace(" CERTIFICATE", " TRUSTED CERTIFICATE");
        let fault = PemFault::NotRead("TRUSTED CERTIFICATE".to_owned());
        let text = format!("{CERTIFICATE}\n{trusted}\n");
        assert_eq!(
            Wanted::Certificates.blocks(text.as_bytes()),
            Err((4, fault))
        );
        let key = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
        assert_eq!(
            Wanted::Key.blocks(key.as_bytes()),
            Err((1, PemFault::Encrypted))
        );
        let der = [0x30, 0x82, 1, 0];
        assert_eq!(Wanted::Certificates.blocks(&der), Err((1, PemFault::Der)));
        let utf16: Vec<_> = format!("\u{feff}{CERTIFICATE}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            Wanted::Certificates.blocks(&utf16),
            Err((1, PemFault::Utf16))
        );
        let counted = count(
            format!("{CERTIFICATE}\n{KEY}\n{CERTIFICATE}\n").as_bytes(),
            Wanted::Certificates,
        );
        assert_eq!(counted, 2);
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_read_or_refused(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = blocks(&octets);
            let _ = Wanted::Certificates.blocks(&octets);
        }
    }
}
