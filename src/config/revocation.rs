//! Revocation lists for client certificates: how long what they say is taken for true.

use jiff::Timestamp;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

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

/// Reads the lists; `None` where there are none, or one can't be read.
pub(super) fn inspect(octets: &[u8]) -> Option<RevocationLists> {
    let mut next_update: Option<Timestamp> = None;
    for list in lists(octets)? {
        let (_, list) = CertificateRevocationList::from_der(&list).ok()?;
        let seconds = list.next_update().map(|time| time.timestamp());
        let end = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        next_update = match (next_update, end) {
            (Some(first), Some(end)) => Some(first.min(end)),
            (first, end) => first.or(end),
        };
    }
    let octets = octets.to_vec();
    Some(RevocationLists {
        octets,
        next_update,
    })
}

/// A DER list begins with the tag of a SEQUENCE, which no PEM does.
fn lists(octets: &[u8]) -> Option<Vec<CertificateRevocationListDer<'_>>> {
    if octets.first() == Some(&0x30) {
        return Some(vec![CertificateRevocationListDer::from(octets)]);
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(octets).collect();
    lists.ok().filter(|lists| !lists.is_empty())
}
