use super::*;

const AUTHENTICATOR: [u8; 16] = [0x21; 16];

fn secret() -> SharedSecret {
    SharedSecret::new(b"xyzzy5461").unwrap()
}

fn there_and_back(password: &[u8]) -> Vec<u8> {
    let mut out = [0xff; MAX_PASSWORD];
    let hidden = hide_password(password, &AUTHENTICATOR, &secret(), &mut out).unwrap();
    let revealed = reveal_password(hidden, &AUTHENTICATOR, &secret()).unwrap();
    revealed.as_bytes().to_vec()
}

#[test]
fn passwords_of_every_length_come_back() {
    for length in 0..=MAX_PASSWORD {
        let password = vec![b'p'; length];
        assert_eq!(there_and_back(&password), password);
    }
}

#[test]
fn hidden_length_is_a_multiple_of_sixteen_and_never_zero() {
    let mut out = [0; MAX_PASSWORD];
    for (length, hidden) in [(0, 16), (1, 16), (16, 16), (17, 32), (128, 128)] {
        let value = hide_password(&vec![1; length], &AUTHENTICATOR, &secret(), &mut out).unwrap();
        assert_eq!(value.len(), hidden);
    }
}

#[test]
fn password_above_128_octets_is_refused() {
    let mut out = [0; MAX_PASSWORD];
    let hidden = hide_password(&[1; 129], &AUTHENTICATOR, &secret(), &mut out);
    assert_eq!(hidden.unwrap_err(), PasswordError::TooLong);
}

#[test]
fn only_trailing_nuls_are_removed() {
    assert_eq!(there_and_back(b"\0a\0b\0\0"), b"\0a\0b");
    assert_eq!(there_and_back(b"\0\0"), b"");
}

#[test]
fn impossible_lengths_are_refused() {
    for length in [0, 1, 15, 17, 31, 127, 129, 144, 253] {
        let revealed = reveal_password(&vec![1; length], &AUTHENTICATOR, &secret());
        assert_eq!(
            revealed.unwrap_err(),
            PasswordError::Length,
            "{length} octets"
        );
    }
}

#[test]
fn password_does_not_show_in_debug() {
    let password = reveal_password(&[0; 16], &AUTHENTICATOR, &secret()).unwrap();
    assert_eq!(format!("{password:?}"), "Password(hidden)");
}
