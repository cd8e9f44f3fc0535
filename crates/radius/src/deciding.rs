//! Attributes that decide who asks, by which credential, and which conversation goes on.
//!
//! They may be in an Access-Request once at most (RFC 2865 §5.44, RFC 2548 §2, RFC 4372 §2.2):
//! of two, one server believes the first and another the last. Attributes that vendors repeat
//! (NAS-Port-Type, Calling-Station-Id) decide nothing, and are none of them. A second
//! Message-Authenticator is [`crate::verify`]'s, pieces of EAP-Message belong together.

use std::hash::Hasher;

use crate::attribute::{Attribute, vendor_attributes};
use crate::dictionary::{self, microsoft};
use crate::{AttributeType, Packet};

/// Those of the standard.
const DECIDING: [AttributeType; 7] = [
    AttributeType::USER_NAME,
    AttributeType::USER_PASSWORD,
    AttributeType::CHAP_PASSWORD,
    AttributeType::CHAP_CHALLENGE,
    AttributeType::STATE,
    AttributeType::ARAP_PASSWORD,
    AttributeType::CHARGEABLE_USER_IDENTITY,
];

/// Those of Microsoft; of MS-CHAP-LM-Enc-PW and MS-CHAP-NT-Enc-PW there are several by design.
const DECIDING_OF_MICROSOFT: [u8; 6] = [
    microsoft::MS_CHAP_RESPONSE,
    microsoft::MS_CHAP_CPW_1,
    microsoft::MS_CHAP_CPW_2,
    microsoft::MS_CHAP_CHALLENGE,
    microsoft::MS_CHAP2_RESPONSE,
    microsoft::MS_CHAP2_CPW,
];

/// A bit for each number in [`DECIDING`].
const DECIDING_BITS: u128 = {
    let (mut bits, mut rest) = (0, DECIDING.as_slice());
    while let [kind, others @ ..] = rest {
        bits |= 1 << kind.0;
        rest = others;
    }
    bits
};

const fn decides(kind: AttributeType) -> bool {
    kind.0 < 128 && DECIDING_BITS >> kind.0 & 1 == 1
}

/// The name of an attribute that `request` has twice and may have once only.
pub fn repeated(request: &Packet<'_>) -> Option<&'static str> {
    let mut seen: u128 = 0;
    let mut has_vendors = false;
    for Attribute { kind, .. } in request.attributes() {
        has_vendors |= kind == AttributeType::VENDOR_SPECIFIC;
        if !decides(kind) {
            continue;
        }
        let bit = 1 << kind.0;
        if seen & bit != 0 {
            return dictionary::definition(kind).map(|definition| definition.name);
        }
        seen |= bit;
    }
    has_vendors.then(|| repeated_of_microsoft(request))?
}

fn repeated_of_microsoft(request: &Packet<'_>) -> Option<&'static str> {
    let mut seen = [false; DECIDING_OF_MICROSOFT.len()];
    let deciding = request
        .all(AttributeType::VENDOR_SPECIFIC)
        .filter(|value| is_of_microsoft(value))
        .filter_map(vendor_attributes)
        .flatten();
    for attribute in deciding {
        let mut known = DECIDING_OF_MICROSOFT.iter().zip(&mut seen);
        if let Some((kind, seen)) = known.find(|(kind, _)| **kind == attribute.kind)
            && std::mem::replace(seen, true)
        {
            let definition = dictionary::vendor_definition(microsoft::VENDOR, *kind);
            return definition.map(|definition| definition.name);
        }
    }
    None
}

/// Feeds `hasher` with all that decides: the credential, and what it is offered for.
///
/// Two requests that differ in nothing else are copies of one another: a NAS may send another
/// Event-Timestamp or Acct-Delay-Time with a retransmission.
pub fn hash(request: &Packet<'_>, hasher: &mut impl Hasher) {
    for attribute in request.attributes() {
        let decides = match attribute.kind {
            AttributeType::EAP_MESSAGE => true,
            AttributeType::VENDOR_SPECIFIC => is_of_microsoft(attribute.value),
            kind => decides(kind),
        };
        if decides {
            hasher.write_u8(attribute.kind.0);
            hasher.write_usize(attribute.value.len());
            hasher.write(attribute.value);
        }
    }
}

fn is_of_microsoft(value: &[u8]) -> bool {
    value.starts_with(&microsoft::VENDOR.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;
    use crate::RequestWriter;

    type Write = fn(&mut RequestWriter<'_>);

    fn request(write: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<u8> {
        let mut buffer = [0; 4096];
        let mut request = RequestWriter::legacy_access_request(7, [9; 16], &mut buffer).unwrap();
        request.push(AttributeType::USER_NAME, b"anna").unwrap();
        write(&mut request);
        let secret = crate::SharedSecret::new(b"testing123").unwrap();
        request.finish(&secret).unwrap().to_vec()
    }

    /// X1.
    #[test]
    fn deciding_attribute_that_is_there_twice_is_named() {
        for kind in DECIDING {
            let push = |writer: &mut RequestWriter<'_>, kind| {
                writer.push(kind, b"0123456789abcdef").unwrap();
            };
            let once = request(|writer| {
                if kind != AttributeType::USER_NAME {
                    push(writer, kind);
                }
            });
            assert_eq!(repeated(&Packet::parse(&once).unwrap()), None, "{kind}");
            let twice = request(|writer| {
                push(writer, kind);
                push(writer, kind);
            });
            let named = repeated(&Packet::parse(&twice).unwrap());
            assert_eq!(named, Some(&*kind.to_string()));
        }
        for kind in DECIDING_OF_MICROSOFT {
            let twice = request(|writer| {
                writer.push_vendor(microsoft::VENDOR, kind, b"x").unwrap();
                writer.push_vendor(microsoft::VENDOR, kind, b"y").unwrap();
            });
            let named = repeated(&Packet::parse(&twice).unwrap());
            assert!(
                named.is_some_and(|name| name.starts_with("MS-CHAP")),
                "{kind}"
            );
        }
    }

    /// X1: what a vendor repeats costs nobody the log-on.
    #[test]
    fn other_attributes_may_be_there_twice() {
        let octets = request(|writer| {
            for _ in 0..2 {
                for kind in [4, 6, 12, 30, 31, 32, 33, 61, 79, 126] {
                    writer.push(AttributeType(kind), b"same").unwrap();
                }
                writer.push_vendor(9, 1, b"cisco-avpair").unwrap();
                let pieces = microsoft::MS_CHAP_NT_ENC_PW;
                writer
                    .push_vendor(microsoft::VENDOR, pieces, b"piece")
                    .unwrap();
            }
        });
        assert_eq!(repeated(&Packet::parse(&octets).unwrap()), None);
    }

    fn hashed(write: impl FnOnce(&mut RequestWriter<'_>)) -> u64 {
        let mut hasher = DefaultHasher::new();
        hash(&Packet::parse(&request(write)).unwrap(), &mut hasher);
        hasher.finish()
    }

    /// R4.
    #[test]
    fn hash_is_of_what_decides_and_of_nothing_else() {
        const EVENT_TIMESTAMP: AttributeType = AttributeType(55);
        const ACCT_DELAY_TIME: AttributeType = AttributeType(41);
        let plain = hashed(|_| {});
        let same: [Write; 2] = [
            |writer| writer.push_integer(EVENT_TIMESTAMP, 1).unwrap(),
            |writer| writer.push_integer(ACCT_DELAY_TIME, 2).unwrap(),
        ];
        for write in same {
            assert_eq!(hashed(write), plain);
        }
        let other: [Write; 6] = [
            |writer| writer.push(AttributeType::USER_NAME, b"ola").unwrap(),
            |writer| writer.push(AttributeType::USER_PASSWORD, &[1; 16]).unwrap(),
            |writer| writer.push(AttributeType::CHAP_PASSWORD, &[1; 17]).unwrap(),
            |writer| writer.push(AttributeType::STATE, &[1; 16]).unwrap(),
            |writer| writer.push_eap_message(&[2, 1, 0, 5, 1]).unwrap(),
            |writer| {
                let kind = microsoft::MS_CHAP2_RESPONSE;
                writer
                    .push_vendor(microsoft::VENDOR, kind, &[1; 50])
                    .unwrap();
            },
        ];
        let hashes: std::collections::HashSet<_> = other.into_iter().map(hashed).collect();
        assert_eq!(hashes.len(), other.len());
        assert!(!hashes.contains(&plain));
    }
}
