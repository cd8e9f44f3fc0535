//! Revocation lists for client certificates: how long what they say is taken for true.

use std::path::Path;

use jiff::Timestamp;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::external::FileContent;
use super::pem::Wanted;
use super::problem::Problem;
use super::report::Place;
use super::section::Section;

/// One file with revocation lists.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationLists {
    /// PEM with any number of them, or one in DER.
    pub octets: Vec<u8>,
    /// When the first of them has to be replaced; none where no list says so.
    pub next_update: Option<Timestamp>,
}

impl std::fmt::Debug for RevocationLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let octets = self.octets.len();
        write!(
            f,
            "RevocationLists({octets} octets, {:?})",
            self.next_update
        )
    }
}

/// Reads the lists of a file; what is wrong with any of them is reported.
pub(super) fn of_file(
    section: &Section<'_>,
    place: &Place,
    path: &Path,
    content: &FileContent,
) -> Option<RevocationLists> {
    let octets = content.octets.as_bytes();
    let lists = lists(section, place, path, content)?;
    let mut next_update: Option<Timestamp> = None;
    let mut is_whole = true;
    for (line, list) in lists {
        match end_of(&list) {
            Ok(end) => next_update = next_update.into_iter().chain(end).min(),
            Err(fault) => {
                is_whole = false;
                let place_in_file = match line {
                    0 => path.display().to_string(),
                    line => format!("{}:{line}", path.display()),
                };
                let problem = Problem::Certificate(format!("{place_in_file}: {fault}"));
                section.report().problem(place, problem, fault.advice());
            }
        }
    }
    is_whole.then(|| RevocationLists {
        octets: octets.to_vec(),
        next_update,
    })
}

/// Why a list can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum ListFault {
    #[error("this is no revocation list")]
    Unreadable,
    #[error("this revocation list is of version 1, and must be of version 2 (RFC 5280 §5.1.2.1)")]
    Version1,
}

impl ListFault {
    const fn advice(self) -> &'static str {
        match self {
            Self::Unreadable => "look at it with: openssl crl -text -in FILE",
            Self::Version1 => {
                "openssl makes one with extensions: set crl_extensions in openssl.cnf (as \
                 `crl_extensions = crl_ext`), then openssl ca -gencrl again"
            }
        }
    }
}

/// When a list has to be replaced, if it says so.
fn end_of(list: &[u8]) -> Result<Option<Timestamp>, ListFault> {
    let (_, list) = CertificateRevocationList::from_der(list).map_err(|_| ListFault::Unreadable)?;
    if list.version().is_none() {
        return Err(ListFault::Version1);
    }
    let seconds = list.next_update().map(|time| time.timestamp());
    Ok(seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()))
}

/// The lists of a file, each with its line; a DER list, which begins with the tag of a SEQUENCE as no
/// PEM does, has none.
fn lists(
    section: &Section<'_>,
    place: &Place,
    path: &Path,
    content: &FileContent,
) -> Option<Vec<(usize, CertificateRevocationListDer<'static>)>> {
    let octets = content.octets.as_bytes();
    if octets.first() == Some(&0x30) {
        let list = CertificateRevocationListDer::from(octets.to_vec());
        return Some(vec![(0, list)]);
    }
    let blocks = Wanted::RevocationLists.of_file(section, place, path, content)?;
    let lists = CertificateRevocationListDer::pem_slice_iter(octets).filter_map(Result::ok);
    let lines = blocks.into_iter().map(|block| block.line);
    Some(lines.zip(lists).collect())
}
