//! EAP-TTLS: what a client sends through the tunnel.

use portvakt_eap::avp::{self, Avp, Avps};
use portvakt_eap::{InnerError, InnerRequest};

/// Oracle: AVPs lie inside the data and write back to what they read as; a password is only ever
/// found where its AVPs are, without padding, and beside nothing that had to be understood.
pub fn ttls_avps(data: &[u8]) {
    let read: Result<Vec<Avp<'_>>, _> = Avps::new(data).collect();
    let request = InnerRequest::read(data);
    match read {
        Ok(avps) => {
            survive_writing(data, &avps);
            match request {
                Ok(InnerRequest::Pap { identity, password }) => {
                    stand_on_avps(&avps, identity, password);
                }
                Ok(request) => prove_without_password(&avps, &request),
                Err(_) => {}
            }
        }
        Err(_) => assert!(request.is_err(), "a credential out of broken AVPs"),
    }
}

fn survive_writing(data: &[u8], avps: &[Avp<'_>]) {
    let octets: usize = avps.iter().map(|avp| 8 + avp.value.len()).sum();
    assert!(octets <= data.len(), "more was read than there is");
    let mut written = Vec::new();
    avps.iter().for_each(|avp| avp::write(&mut written, *avp));
    assert!(written.len().is_multiple_of(4));
    let again: Result<Vec<_>, _> = Avps::new(&written).collect();
    assert_eq!(again.as_deref(), Ok(avps));
}

/// Another credential stands beside no password; EAP is all that EAP-Message held.
fn prove_without_password(avps: &[Avp<'_>], request: &InnerRequest<'_>) {
    let of = |vendor, code| {
        avps.iter()
            .filter(move |avp| (avp.vendor, avp.code) == (vendor, code))
    };
    assert_eq!(of(0, 2).count(), 0);
    match request {
        InnerRequest::Eap(packet) => {
            let pieces: Vec<u8> = of(0, 79).flat_map(|avp| avp.value.to_vec()).collect();
            assert_eq!(**packet, *pieces);
        }
        InnerRequest::Chap {
            identity,
            challenge,
            ..
        } => {
            assert!(of(0, 1).all(|avp| avp.value == *identity) && identity.len() <= 253);
            assert!(of(0, 60).all(|avp| avp.value == *challenge));
        }
        InnerRequest::MsChap {
            identity,
            challenge,
            ..
        }
        | InnerRequest::MsChapV2 {
            identity,
            challenge,
            ..
        } => {
            assert!(of(0, 1).all(|avp| avp.value == *identity) && identity.len() <= 253);
            assert!(of(311, 11).all(|avp| avp.value == *challenge));
        }
        InnerRequest::Pap { .. } => {}
    }
}

fn stand_on_avps(avps: &[Avp<'_>], identity: &[u8], password: &[u8]) {
    let of = |code| {
        avps.iter()
            .filter(move |avp| (avp.vendor, avp.code) == (0, code))
    };
    assert_eq!((of(1).count(), of(2).count()), (1, 1));
    assert!(of(1).all(|avp| avp.value == identity));
    assert!(of(2).all(|avp| avp.value.starts_with(password)));
    assert!(of(2).all(|avp| {
        avp.value
            .iter()
            .skip(password.len())
            .all(|octet| *octet == 0)
    }));
    assert!(password.last() != Some(&0), "padding left in");
    let mut beside = Vec::new();
    avps.iter().for_each(|avp| avp::write(&mut beside, *avp));
    avp::write(
        &mut beside,
        Avp {
            code: 0xffff,
            vendor: 0,
            mandatory: true,
            value: &[],
        },
    );
    let unknown = InnerError::MandatoryUnknown {
        vendor: 0,
        code: 0xffff,
    };
    assert_eq!(InnerRequest::read(&beside).err(), Some(unknown));
}

/// Corpus lines and their mutations, for the replays of this crate's EAP targets.
#[cfg(test)]
pub(crate) mod replay {
    use portvakt_testkit::supplicant::Random;

    /// The bytes of each line, parted where the line has a `|`.
    pub(crate) fn cases(corpus: &str) -> impl Iterator<Item = Vec<Vec<u8>>> {
        corpus.lines().filter_map(|line| {
            let (hex, _) = line.split('#').next()?.split_once("=>")?;
            Some(hex.split('|').map(unhex).collect())
        })
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        let pairs = digits.chunks_exact(2);
        pairs
            .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("two digits"))
            .collect()
    }

    /// Damages seeds one to four times over, the same way in every run.
    pub(crate) fn mutations(seeds: &[Vec<u8>], count: usize, mut target: impl FnMut(&[u8])) {
        let mut random = Random::new(0x0509_1972);
        for _ in 0..count {
            let mut data = seeds[random.below(seeds.len())].clone();
            for _ in 0..=random.below(4) {
                random.alter(&mut data);
            }
            target(&data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::replay::{cases, mutations};
    use super::ttls_avps;

    const AVPS: &str = include_str!("../../tests/corpus/eap/avps.txt");

    #[test]
    fn the_corpus_and_twenty_thousand_mutations_of_it_keep_the_promises() {
        let seeds: Vec<Vec<u8>> = cases(AVPS).map(|case| case.concat()).collect();
        assert!(seeds.len() > 30);
        seeds.iter().for_each(|seed| ttls_avps(seed));
        mutations(&seeds, 20_000, ttls_avps);
    }
}
