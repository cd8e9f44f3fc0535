use super::*;

const AUTHENTICATOR: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Made with a few lines of Python over hashlib, from the text of RFC 2548 §2.4.2.
const RECEIVE: &str = "923440adcfebb78b1d8824389e03a020b4865b4263f0465659e78650fa1b12a1\
                       5732907548a58294c187e0ea2e9878b07112";
const SEND: &str = "80011284256f293e001ee80f9941999638dd6282a8d84c9f77c0ea5227ef36ed\
                    840cf1df2a6c451199e118495daa69f34419";
/// The same for a key of 16 octets.
const SHORT: [u8; 34] = [
    0xff, 0xff, 0x52, 0x26, 0xc8, 0x33, 0x2e, 0x2d, 0x32, 0x86, 0x6b, 0xc7, 0x64, 0x0b, 0x2e, 0x45,
    0x56, 0x00, 0xf4, 0xcf, 0x31, 0x45, 0x1a, 0x22, 0x84, 0xe9, 0x5d, 0x06, 0x7b, 0x87, 0x9a, 0x1c,
    0xbd, 0x3b,
];

fn secret() -> SharedSecret {
    SharedSecret::new(b"testing123").unwrap()
}

fn msk() -> [u8; 64] {
    std::array::from_fn(|at| u8::try_from(at).unwrap())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn wrapped_keys_agree_with_an_independent_reading_of_the_rfc() {
    let (receive, send) = hide_msk(&msk(), &AUTHENTICATOR, &secret(), [0x1234, 0x0001]);
    assert_eq!((hex(&receive), hex(&send)), (RECEIVE.into(), SEND.into()));
}

#[test]
fn wrapped_keys_come_back() {
    let (receive, send) = hide_msk(&msk(), &AUTHENTICATOR, &secret(), [7, 8]);
    let reveal = |wrapped: &[u8]| reveal(wrapped, &AUTHENTICATOR, &secret()).unwrap().to_vec();
    assert_eq!([reveal(&receive), reveal(&send)].concat(), msk());
}

#[test]
fn key_of_sixteen_octets_is_revealed_too() {
    let key = reveal(&SHORT, &AUTHENTICATOR, &secret()).unwrap();
    assert_eq!(key.as_slice(), &AUTHENTICATOR);
}

#[test]
fn wrapped_keys_of_sixteen_octets_come_back_and_agree_with_the_rfc() {
    let salts = [u16::from_be_bytes([SHORT[0], SHORT[1]]), 3];
    let send = [7; 16];
    let hidden = hide_session_keys(&AUTHENTICATOR, &send, &AUTHENTICATOR, &secret(), salts);
    assert_eq!(hidden.0, SHORT);
    let sent = reveal(&hidden.1, &AUTHENTICATOR, &secret()).unwrap();
    assert_eq!(sent.as_slice(), send);
}

/// R14.
#[test]
fn salts_have_their_high_bit_set_and_differ() {
    for salts in [
        [0, 0],
        [0x7fff, 0xffff],
        [0x8000, 0x8001],
        [5, 0x8005],
        [0xfffe, 0x7fff],
    ] {
        let [first, second] = fit_salts(salts);
        assert!(
            first >= 0x8000 && second >= 0x8000 && first != second,
            "{salts:?}"
        );
    }
}

#[test]
fn impossible_values_are_refused() {
    let reveal = |wrapped: &[u8]| reveal(wrapped, &AUTHENTICATOR, &secret()).unwrap_err();
    for length in [0, 1, 2, 3, 17, 19, 33, 35, 253] {
        assert_eq!(
            reveal(&vec![0x80; length]),
            RevealError::Length,
            "{length} octets"
        );
    }
    assert_eq!(reveal(&[0x7f; 34]), RevealError::Salt);
    let mut longer_than_it_can_be = SHORT;
    longer_than_it_can_be[2] ^= 0x20;
    assert_eq!(reveal(&longer_than_it_can_be), RevealError::KeyLength);
}
