//! EAP: whatever is said through an open tunnel, in EAP-TTLS and PEAP.

use crate::eap::judge;
use portvakt_eap::{Limits, TlsVersions};
use portvakt_testkit::supplicant::{
    Everything, Inner, Outcome, Outer, Profile, Supplicant, converse_with,
};
use std::sync::OnceLock;

/// The bit of the first octet that chooses the tunnel.
const PEAP: u8 = 0x01;

/// Oracle: no success without an accepting verdict to the last question, one key at both ends, and
/// it ends. Returns whether it succeeded.
///
/// The first octet of `data` chooses the tunnel; what is said through it follows piece by piece,
/// each led by two octets of length.
pub fn inner(data: &[u8]) -> bool {
    let Some((choice, mut script)) = data.split_first() else {
        return false;
    };
    let outer = if choice & PEAP == 0 {
        Outer::Ttls
    } else {
        Outer::Peap
    };
    let said = Inner::Script(std::iter::from_fn(|| next_piece(&mut script)).collect());
    let Everything {
        authority, methods, ..
    } = campus();
    let mut supplicant = Supplicant::new(Profile::new(authority, outer, said));
    let mut accepted = false;
    let ending = converse_with(methods, &mut supplicant, Limits::USUAL, |credential| {
        let verdict = judge(credential);
        accepted = verdict.is_accepting();
        verdict
    });
    let Ok(ending) = ending else {
        return false;
    };
    assert!(ending.round_trips <= 65, "a conversation without an end");
    let Some(Ok(keys)) = ending.result else {
        return false;
    };
    assert!(accepted, "success out of nothing");
    assert_eq!(Some(keys.msk), supplicant.msk());
    assert_eq!(supplicant.outcome(), Some(Outcome::Success));
    true
}

fn next_piece(script: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = script.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (piece, rest) = rest.split_at(length.min(rest.len()));
    *script = rest;
    Some(piece.to_vec())
}

/// One server for all runs, TLS 1.3 alone: what is said inside does not depend on it.
fn campus() -> &'static Everything {
    static CAMPUS: OnceLock<Everything> = OnceLock::new();
    CAMPUS.get_or_init(|| Everything::new(TlsVersions::Tls13Only))
}

#[cfg(test)]
mod tests {
    use super::{PEAP, inner};
    use crate::ttls::replay::{cases, mutations};
    use portvakt_eap::avp::{self, Avp};
    use portvakt_eap::packet::{Code, EapType, write_typed};

    const AVPS: &str = include_str!("../../tests/corpus/eap/avps.txt");
    const INNER: &str = include_str!("../../tests/corpus/eap/inner.txt");

    fn script(choice: u8, pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut script = vec![choice];
        for piece in pieces {
            let [.., high, low] = piece.len().to_be_bytes();
            script.extend([high, low]);
            script.extend(piece);
        }
        script
    }

    /// The same through EAP-TTLS: each packet with its header, in an AVP.
    fn in_avps(bodies: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let wrap = |body: &Vec<u8>| {
            let (kind, data) = body
                .split_first()
                .map_or((0, [].as_slice()), |(kind, data)| (*kind, data));
            let packet = write_typed(Code::Response, 0, EapType(kind), data);
            let mut bytes = Vec::new();
            let avp = Avp {
                code: 79,
                vendor: 0,
                mandatory: true,
                value: &packet,
            };
            avp::write(&mut bytes, avp);
            bytes
        };
        bodies.iter().map(wrap).collect()
    }

    /// EAP-MSCHAPv2 by somebody whom the accounts ask again, or whose password is old.
    fn response(name: &str) -> Vec<u8> {
        let [.., high, low] = (4 + 1 + 49 + name.len()).to_be_bytes();
        let header = [26, 2, 0, high, low, 49];
        [&header, [7; 49].as_slice(), name.as_bytes()].concat()
    }

    fn another_try() -> Vec<Vec<u8>> {
        let said = [b"\x01a".to_vec(), response("again"), response("a")];
        said.into_iter().chain(success()).collect()
    }

    fn change() -> Vec<Vec<u8>> {
        let change = [&[26, 7, 0, 2, 74], [9; 582].as_slice()].concat();
        let said = [b"\x01a".to_vec(), response("old"), change];
        said.into_iter().chain(success()).collect()
    }

    /// Success response and Result TLV.
    fn success() -> [Vec<u8>; 2] {
        [vec![26, 3], vec![33, 0x80, 3, 0, 2, 0, 1]]
    }

    #[test]
    fn the_corpus_and_two_thousand_mutations_of_it_keep_the_promises() {
        let mut seeds: Vec<Vec<u8>> = cases(AVPS).map(|case| script(0, &case)).collect();
        for case in cases(INNER) {
            seeds.push(script(PEAP, &case));
            seeds.push(script(0, &in_avps(&case)));
        }
        seeds.extend([script(PEAP, &another_try()), script(PEAP, &change())]);
        let successes = seeds.iter().filter(|seed| inner(seed)).count();
        // Were it none, the test would prove nothing.
        assert!(successes > 6, "{successes} successes");
        assert!(inner(&script(PEAP, &another_try())) && inner(&script(PEAP, &change())));
        mutations(&seeds, 2_000, |data| {
            inner(data);
        });
    }
}
