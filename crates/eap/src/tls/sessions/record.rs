//! A session as octets: for memory, and for the row of a store.
//!
//! ```text
//!   version (1) = 1 | EAP type (1) | authorities: 0 (1), or 1 (1) and SHA-256 (32) | expires, ms (8)
//!   | identity type (1) | texts: method, account, device, identity, context, value
//!   | certificates (1) | texts: one for each, DER
//! ```
//! A text is its length (3 octets) and its octets.

use super::{Authorization, Basis, Scope, Session, SessionFacts};
use crate::identity_type::IdentityType;
use crate::method_name::MethodName;
use crate::packet::EapType;
use crate::reader::{Reader, Short};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// Octets of a record besides its texts, at most.
const FIXED_OCTETS: usize = 1 + 1 + 1 + 32 + 8 + 1 + 1;
/// Octets before each text.
const LENGTH_OCTETS: usize = 3;
/// Texts besides certificates.
const TEXTS: usize = 6;
/// Longest text.
const LONGEST: usize = 0x00ff_ffff;

/// Octets that are no record of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("the record is cut off or has octets too many")]
    Length,
    #[error("the record is of version {0}")]
    Version(u8),
    #[error("a field of the record has no value that is known")]
    Field,
}

impl From<Short> for RecordError {
    fn from(Short: Short) -> Self {
        RecordError::Length
    }
}

/// The session as octets; `None` where a text, or the number of certificates, has no room in its
/// length.
pub(super) fn write(session: &Session) -> Option<Zeroizing<Vec<u8>>> {
    let facts = &session.facts;
    let authorization = &facts.authorization;
    let texts: [&[u8]; TEXTS] = [
        facts.basis.method.label().as_bytes(),
        authorization.account.as_bytes(),
        &authorization.device,
        &authorization.identity,
        &authorization.context,
        &session.value,
    ];
    let chain = || facts.chain.iter().map(|certificate| certificate.as_ref());
    let of_texts = texts.into_iter().chain(chain());
    let of_texts: usize = of_texts.map(|text| text.len() + LENGTH_OCTETS).sum();
    // With all its room from the beginning: nothing of it is left in freed memory.
    let mut record = Zeroizing::new(Vec::with_capacity(FIXED_OCTETS + of_texts));
    record.extend([VERSION, session.scope.method.0]);
    match session.scope.client_authorities {
        None => record.push(0),
        Some(digest) => {
            record.push(1);
            record.extend_from_slice(&digest);
        }
    }
    let expires = u64::try_from(facts.expires.as_millis()).ok()?;
    record.extend_from_slice(&expires.to_be_bytes());
    record.push(u8::try_from(facts.basis.identity.code()).ok()?);
    texts
        .into_iter()
        .try_for_each(|text| write_text(&mut record, text))?;
    record.push(u8::try_from(facts.chain.len()).ok()?);
    chain().try_for_each(|certificate| write_text(&mut record, certificate))?;
    Some(record)
}

fn write_text(record: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    let [_, length @ ..] = u32::try_from(text.len())
        .ok()
        .filter(|_| text.len() <= LONGEST)?
        .to_be_bytes();
    record.extend_from_slice(&length);
    record.extend_from_slice(text);
    Some(())
}

/// The session in a record.
///
/// # Errors
/// [`RecordError`].
pub(super) fn read(record: &[u8]) -> Result<Session, RecordError> {
    let mut reader = Reader::new(record);
    let version = reader.u8()?;
    if version != VERSION {
        return Err(RecordError::Version(version));
    }
    let method = EapType(reader.u8()?);
    let client_authorities = match reader.u8()? {
        0 => None,
        1 => Some(reader.array()?),
        _ => return Err(RecordError::Field),
    };
    let expires = Duration::from_millis(u64::from_be_bytes(reader.array()?));
    let identity_type = read_identity_type(reader.u8()?)?;
    let basis = Basis {
        method: read_method(text(&mut reader)?)?,
        identity: identity_type,
    };
    let account = str::from_utf8(text(&mut reader)?).map_err(|_| RecordError::Field)?;
    let authorization = Authorization {
        account: account.to_owned(),
        device: text(&mut reader)?.to_vec(),
        identity: text(&mut reader)?.to_vec(),
        context: text(&mut reader)?.to_vec(),
    };
    let value = Zeroizing::new(text(&mut reader)?.to_vec());
    let certificates = reader.u8()?;
    let chain = (0..certificates)
        .map(|_| Ok(CertificateDer::from(text(&mut reader)?.to_vec())))
        .collect::<Result<_, RecordError>>()?;
    if !reader.is_empty() {
        return Err(RecordError::Length);
    }
    Ok(Session {
        scope: Scope {
            method,
            client_authorities,
        },
        value,
        facts: Arc::new(SessionFacts {
            authorization,
            basis,
            chain,
            expires,
        }),
    })
}

fn text<'r>(reader: &mut Reader<'r>) -> Result<&'r [u8], Short> {
    let length = reader.u24()?;
    reader.take(usize::try_from(length).map_err(|_| Short)?)
}

fn read_identity_type(code: u8) -> Result<IdentityType, RecordError> {
    let all = [IdentityType::User, IdentityType::Machine];
    let found = all.into_iter().find(|kind| kind.code() == u16::from(code));
    found.ok_or(RecordError::Field)
}

fn read_method(label: &[u8]) -> Result<MethodName, RecordError> {
    let mut all = MethodName::ALL.into_iter();
    let found = all.find(|method| method.label().as_bytes() == label);
    found.ok_or(RecordError::Field)
}

#[cfg(test)]
mod tests {
    use super::{RecordError, read, write};
    use crate::identity_type::IdentityType;
    use crate::method_name::MethodName;
    use crate::packet::EapType;
    use crate::tls::sessions::{Authorization, Basis, Scope, Session, SessionFacts};
    use rustls::pki_types::CertificateDer;
    use std::sync::Arc;
    use std::time::Duration;

    fn session(client_authorities: Option<[u8; 32]>, certificates: u8) -> Session {
        let certificate = |number| CertificateDer::from(vec![number; 1000]);
        Session {
            scope: Scope {
                method: EapType::TEAP,
                client_authorities,
            },
            value: b"master secret".to_vec().into(),
            facts: Arc::new(SessionFacts {
                authorization: Authorization {
                    account: "kari".into(),
                    device: b"02-00-00-00-00-01".to_vec(),
                    identity: b"kari@campus.example".to_vec(),
                    context: vec![0, 255],
                },
                basis: Basis {
                    method: MethodName::TeapEapTls,
                    identity: IdentityType::Machine,
                },
                chain: (0..certificates).map(certificate).collect(),
                expires: Duration::from_millis(1_790_000_000_123),
            }),
        }
    }

    #[test]
    fn session_comes_back_as_it_was() {
        for (authorities, certificates) in [(None, 0), (Some([7; 32]), 3)] {
            let session = session(authorities, certificates);
            let record = write(&session).unwrap();
            let again = read(&record).unwrap();
            assert_eq!(again.scope, session.scope);
            assert_eq!(again.value, session.value);
            assert_eq!(again.facts, session.facts);
        }
    }

    #[test]
    fn record_of_every_method_is_read() {
        for method in MethodName::ALL {
            let mut session = session(None, 0);
            Arc::get_mut(&mut session.facts).unwrap().basis.method = method;
            let again = read(&write(&session).unwrap()).unwrap();
            assert_eq!(again.facts.basis.method, method);
        }
    }

    #[test]
    fn record_that_is_cut_off_or_longer_is_refused() {
        let record = write(&session(Some([7; 32]), 1)).unwrap();
        for length in 0..record.len() {
            let cut = read(&record[..length]).map(drop);
            assert_eq!(cut.unwrap_err(), RecordError::Length, "{length}");
        }
        let longer = [&**record, b"x"].concat();
        assert_eq!(read(&longer).map(drop).unwrap_err(), RecordError::Length);
    }

    #[test]
    fn record_of_another_version_or_of_unknown_values_is_refused() {
        let altered = |index: usize, octet| {
            let mut record = write(&session(None, 0)).unwrap();
            record[index] = octet;
            read(&record).map(drop).unwrap_err()
        };
        assert_eq!(altered(0, 2), RecordError::Version(2));
        assert_eq!(altered(2, 2), RecordError::Field, "authorities");
        assert_eq!(altered(11, 9), RecordError::Field, "identity type");
        assert_eq!(altered(15, b'x'), RecordError::Field, "method");
    }
}
