use super::*;

fn hmac(key: &[u8], text: &[u8]) -> String {
    let octets = SharedSecret::new(key).unwrap().hmac(&[text]);
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn hmac_agrees_with_rfc_2202() {
    let long_key = b"Test Using Larger Than Block-Size Key - Hash Key First";
    assert_eq!(
        hmac(&[0x0b; 16], b"Hi There"),
        "9294727a3638bb1c13f48ef8158bfc9d"
    );
    assert_eq!(
        hmac(b"Jefe", b"what do ya want for nothing?"),
        "750c783e6ab0b503eaa86e310a5db738"
    );
    assert_eq!(
        hmac(&[0xaa; 16], &[0xdd; 50]),
        "56be34521d144c88dbb8c733f0e8b3f6"
    );
    assert_eq!(
        hmac(&[0xaa; 80], long_key),
        "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"
    );
}

#[test]
fn secret_of_exactly_one_block_is_not_hashed_first() {
    let (block, longer) = ([7; 64], [7; 65]);
    assert_ne!(hmac(&block, b"x"), hmac(&longer, b"x"));
    assert_eq!(hmac(&longer, b"x"), hmac(&Md5::digest(longer), b"x"));
}

#[test]
fn parts_are_hashed_as_if_they_were_one() {
    let secret = SharedSecret::new(b"xyzzy5461").unwrap();
    assert_eq!(secret.hmac(&[b"ab", b"", b"c"]), secret.hmac(&[b"abc"]));
    assert_eq!(
        secret.digest_before_secret(&[b"ab", b"c"]),
        <[u8; 16]>::from(Md5::digest(b"abcxyzzy5461"))
    );
    assert_eq!(
        secret.digest_after_secret(&[b"ab", b"c"]),
        <[u8; 16]>::from(Md5::digest(b"xyzzy5461abc"))
    );
}

#[test]
fn empty_secret_is_refused() {
    assert_eq!(SharedSecret::new(b"").unwrap_err(), EmptySecret);
}

#[test]
fn secret_does_not_show_in_debug() {
    let secret = SharedSecret::new(b"xyzzy5461").unwrap();
    assert_eq!(format!("{secret:?}"), "SharedSecret(hidden)");
}
