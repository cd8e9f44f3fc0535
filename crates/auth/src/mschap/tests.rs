use super::*;
use proptest::array::{uniform8, uniform16, uniform24};
use proptest::prelude::*;

/// RFC 2759 §9.2 and RFC 3079 §3.5.3: one exchange, told in both.
const AUTHENTICATOR_CHALLENGE: [u8; 16] = *b"[]|}{?/><,`!2&&(";
const PEER_CHALLENGE: [u8; 16] = *b"!@#$%^&*()_+:3|~";
const CHALLENGE: [u8; 8] = [0xd0, 0x2e, 0x43, 0x86, 0xbc, 0xe9, 0x12, 0x26];
const NT_RESPONSE: [u8; 24] = [
    0x82, 0x30, 0x9e, 0xcd, 0x8d, 0x70, 0x8b, 0x5e, 0xa0, 0x8f, 0xaa, 0x39, 0x81, 0xcd, 0x83, 0x54,
    0x42, 0x33, 0x11, 0x4a, 0x3d, 0x85, 0xd6, 0xdf,
];
const AUTHENTICATOR_RESPONSE: &[u8; 42] = b"S=407A5589115FD0D6209F510FE9C04566932CDA56";
const NT_HASH: &str = "44EBBA8D5312B8D611474411F56989AE";

fn exchange(name: &[u8]) -> MsChapV2Exchange {
    MsChapV2Exchange {
        name: name.to_vec(),
        authenticator_challenge: AUTHENTICATOR_CHALLENGE,
        peer_challenge: PEER_CHALLENGE,
        nt_response: NT_RESPONSE,
    }
}

fn hash() -> NtHash {
    NtHash::of_password("clientPass")
}

#[test]
fn hash_of_the_rfc_is_reproduced() {
    assert_eq!(*hash().reveal(), NT_HASH);
    let hash_of_hash = [
        0x41, 0xc0, 0x0c, 0x58, 0x4b, 0xd2, 0xd9, 0x1c, 0x40, 0x17, 0xa2, 0xa1, 0x2f, 0xa5, 0x9f,
        0x3f,
    ];
    assert_eq!(*hash().hashed(), hash_of_hash);
}

#[test]
fn challenge_hash_and_response_of_the_rfc_are_reproduced() {
    assert_eq!(response::challenge_hash(&exchange(b"User")), CHALLENGE);
    assert_eq!(nt_response(&hash(), &exchange(b"User")), NT_RESPONSE);
}

#[test]
fn right_response_earns_the_authenticator_response_and_keys_of_the_rfcs() {
    let success = check_v2(&hash(), &exchange(b"User")).unwrap();
    assert_eq!(&success.authenticator_response, AUTHENTICATOR_RESPONSE);
    assert_eq!(
        &authenticator_response(&hash(), &exchange(b"User")),
        AUTHENTICATOR_RESPONSE
    );
    let send = [
        0x8b, 0x7c, 0xdc, 0x14, 0x9b, 0x99, 0x3a, 0x1b, 0xa1, 0x18, 0xcb, 0x15, 0x3f, 0x56, 0xdc,
        0xcb,
    ];
    assert_eq!(success.keys.send, send);
    // The RFC has no example of the other direction; this is from Python's hashlib.
    let receive = [
        0xd5, 0xf0, 0xe9, 0x52, 0x1e, 0x3e, 0xa9, 0x58, 0x96, 0x45, 0xe8, 0x60, 0x51, 0xc8, 0x22,
        0x26,
    ];
    assert_eq!(success.keys.receive, receive);
}

/// MS-CHAP §3.1.5.1 of Microsoft's open specifications.
#[test]
fn inner_msk_is_receive_key_send_key_and_zeros() {
    let keys = MppeKeys {
        send: [2; 16],
        receive: [1; 16],
    };
    let mut expected = [0; 64];
    expected[..16].fill(1);
    expected[16..32].fill(2);
    assert_eq!(*keys.msk(), expected);
}

/// RFC 2433 §B.
#[test]
fn response_of_the_first_version_is_reproduced() {
    let hash = NtHash::of_password("MyPw");
    let challenge = [0x10, 0x2d, 0xb5, 0xdf, 0x08, 0x5d, 0x30, 0x41];
    let expected = [
        0x4e, 0x9d, 0x3c, 0x8f, 0x9c, 0xfd, 0x38, 0x5d, 0x5b, 0xf4, 0xd3, 0x24, 0x67, 0x91, 0x95,
        0x6c, 0xa4, 0xc3, 0x51, 0xab, 0x40, 0x9a, 0x3d, 0x61,
    ];
    assert_eq!(*hash.reveal(), "FC156AF7EDCD6C0EDDE3337D427F4EAC");
    assert_eq!(nt_response_v1(&hash, &challenge), expected);
    let exchange = MsChapExchange {
        challenge,
        nt_response: expected,
    };
    assert_eq!(check_v1(&hash, &exchange).unwrap().nt_key, hash.hashed());
    assert!(check_v1(&NtHash::of_password("MyPW"), &exchange).is_none());
}

#[test]
fn domain_does_not_enter_the_challenge_hash_but_realm_and_case_do() {
    assert!(check_v2(&hash(), &exchange(br"CAMPUS\User")).is_some());
    for name in [
        &b"user"[..],
        b"User@campus.example",
        b"",
        br"User\",
        br"A\B\User",
    ] {
        assert!(check_v2(&hash(), &exchange(name)).is_none(), "{name:?}");
    }
}

#[test]
fn wrong_password_and_any_changed_bit_are_refused() {
    assert!(check_v2(&NtHash::of_password("clientpass"), &exchange(b"User")).is_none());
    for bit in 0..192 {
        let mut altered = NT_RESPONSE;
        altered[bit / 8] ^= 1 << (bit % 8);
        let mut exchange = exchange(b"User");
        exchange.nt_response = altered;
        assert!(check_v2(&hash(), &exchange).is_none(), "bit {bit}");
    }
}

/// P1.
#[test]
fn empty_password_opens_nothing() {
    let empty = NtHash::of_password("");
    assert_eq!(*empty.reveal(), "31D6CFE0D16AE931B73C59D7E0C089C0");
    assert!(empty.is_of_empty_password());
    let right = nt_response(&empty, &exchange(b"User"));
    let mut exchange = exchange(b"User");
    exchange.nt_response = right;
    assert!(check_v2(&empty, &exchange).is_none());
    let challenge = [7; 8];
    let exchange = MsChapExchange {
        challenge,
        nt_response: nt_response_v1(&empty, &challenge),
    };
    assert!(check_v1(&empty, &exchange).is_none());
}

#[test]
fn letters_beyond_ascii_are_hashed_as_utf_16() {
    // iconv -t UTF-16LE | openssl md4, one letter beyond the first plane among them.
    let hash = NtHash::of_password("blåbærsyltetøy 🫐");
    assert_eq!(*hash.reveal(), "99D4798A818275FD4E0C08AFEF013A07");
}

#[test]
fn text_of_a_hash_is_read_in_either_case_and_nothing_else_is() {
    assert_eq!(NtHash::parse(NT_HASH), Ok(hash()));
    assert_eq!(NtHash::parse(&NT_HASH.to_lowercase()), Ok(hash()));
    let empty = "31d6cfe0d16ae931b73c59d7e0c089c0";
    assert_eq!(NtHash::parse(empty), Err(NtHashError::EmptyPassword));
    let malformed = [
        "",
        "44EBBA8D5312B8D611474411F56989A",
        "44EBBA8D5312B8D611474411F56989AE0",
        "44EBBA8D5312B8D611474411F56989AE00",
        "44EBBA8D5312B8D611474411F56989AG",
        "+4EBBA8D5312B8D611474411F56989AE",
        "NO PASSWORDXXXXXXXXXXXXXXXXXXXXX",
        "44EBBA8D5312B8D611474411F56989Å",
    ];
    for text in malformed {
        assert_eq!(NtHash::parse(text), Err(NtHashError::Malformed), "{text}");
    }
}

#[test]
fn secrets_do_not_show_in_debug() {
    let success = check_v2(&hash(), &exchange(b"User")).unwrap();
    assert_eq!(format!("{:?}", hash()), "NtHash([redacted])");
    assert_eq!(format!("{:?}", success.keys), "MppeKeys([redacted])");
    // A response is what a password is guessed against.
    let exchange = format!("{:?}", exchange(b"User"));
    assert_eq!(exchange, "MsChapV2Exchange([redacted])");
}

#[test]
fn hash_is_serialised_as_digits_and_read_back() {
    let text = serde_json::to_string(&hash()).unwrap();
    assert_eq!(text, format!("\"{NT_HASH}\""));
    assert_eq!(serde_json::from_str::<NtHash>(&text).unwrap(), hash());
    let error = serde_json::from_str::<NtHash>("\"secret\"").unwrap_err();
    assert!(!error.to_string().contains("secret"));
}

proptest! {
    #[test]
    fn any_text_is_a_hash_or_an_error(text in ".{0,40}") {
        let _ = NtHash::parse(&text);
    }

    #[test]
    fn text_of_any_hash_reads_back(octets in "[0-9A-F]{32}") {
        prop_assert_eq!(&*NtHash::parse(&octets).unwrap().reveal(), &octets);
    }

    #[test]
    fn what_the_peer_computes_is_right_and_what_it_makes_up_is_not(
        password in ".{1,40}",
        name in proptest::collection::vec(any::<u8>(), 0..64),
        ours in uniform16(any::<u8>()),
        theirs in uniform16(any::<u8>()),
        made_up in uniform24(any::<u8>()),
    ) {
        let hash = NtHash::of_password(&password);
        let mut exchange = MsChapV2Exchange {
            name,
            authenticator_challenge: ours,
            peer_challenge: theirs,
            nt_response: made_up,
        };
        prop_assert!(check_v2(&hash, &exchange).is_none());
        let right = nt_response(&hash, &exchange);
        exchange.nt_response = right;
        prop_assert!(check_v2(&hash, &exchange).is_some());
    }

    #[test]
    fn first_version_takes_what_the_peer_computes(
        password in ".{1,40}",
        challenge in uniform8(any::<u8>()),
        made_up in uniform24(any::<u8>()),
    ) {
        let hash = NtHash::of_password(&password);
        let right = nt_response_v1(&hash, &challenge);
        let check = |nt_response| check_v1(&hash, &MsChapExchange { challenge, nt_response });
        prop_assert!(check(right).is_some());
        prop_assert!(check(made_up).is_none());
    }
}

/// The message of an owner of the old password who changes it.
struct Change {
    encrypted_password: [u8; ENCRYPTED_PASSWORD_OCTETS],
    encrypted_hash: [u8; 16],
    nt_response: [u8; 24],
}

const NEW_PASSWORD: &str = "MyPw-2026-\u{f8}";

impl Change {
    fn from(old: &NtHash, new: &str) -> Change {
        let new_hash = NtHash::of_password(new);
        Change {
            encrypted_password: encrypted_password(new, old, &[0xa5; 512]).unwrap(),
            encrypted_hash: encrypted_hash(old, &new_hash),
            nt_response: nt_response(&new_hash, &exchange(b"User")),
        }
    }

    fn open(&self, old: &NtHash) -> Option<NewPassword> {
        let exchange = MsChapV2Exchange {
            nt_response: self.nt_response,
            ..exchange(b"User")
        };
        let change = PasswordChange {
            encrypted_password: Box::new(self.encrypted_password),
            encrypted_hash: self.encrypted_hash,
            exchange,
        };
        open_change(old, &change)
    }
}

/// The RFC has no example of a password change; these octets are OpenSSL's, which has MD4, RC4 and
/// DES of its own.
#[test]
fn password_change_is_what_openssl_makes() {
    let change = Change::from(&hash(), NEW_PASSWORD);
    let first = [
        0x37, 0x47, 0x6e, 0x4a, 0x16, 0x5c, 0x55, 0xb1, 0x8d, 0xa9, 0x5e, 0x2d, 0xc5, 0x94, 0x92,
        0x45,
    ];
    let last = [
        0x68, 0xec, 0x04, 0x7f, 0x3b, 0x18, 0xf9, 0x7f, 0xac, 0x45, 0x03, 0x58, 0xa4, 0x34, 0x3a,
        0x7c,
    ];
    assert_eq!(change.encrypted_password[..16], first);
    assert_eq!(change.encrypted_password[500..], last);
    let encrypted_hash = [
        0x3f, 0xe0, 0xb1, 0x1a, 0x01, 0x23, 0x1a, 0x72, 0x9f, 0xd7, 0xdd, 0x25, 0x33, 0xcf, 0xb4,
        0xdd,
    ];
    assert_eq!(change.encrypted_hash, encrypted_hash);
    let nt_response = [
        0x69, 0x25, 0xf2, 0x25, 0xd7, 0x97, 0x7e, 0x23, 0x22, 0x44, 0x41, 0x18, 0x59, 0xdf, 0xbe,
        0x5c, 0x65, 0x0a, 0x41, 0x08, 0x47, 0x6d, 0xba, 0xd3,
    ];
    assert_eq!(change.nt_response, nt_response);
}

#[test]
fn password_change_opens_with_the_old_hash_alone() {
    let change = Change::from(&hash(), NEW_PASSWORD);
    let opened = change.open(&hash()).unwrap();
    assert_eq!(opened.text().unwrap().as_str(), NEW_PASSWORD);
    assert_eq!(*opened.nt_hash(), NtHash::of_password(NEW_PASSWORD));
    assert_eq!(format!("{opened:?}"), "NewPassword([redacted])");
    for other in ["", "clientpass", NEW_PASSWORD] {
        assert!(change.open(&NtHash::of_password(other)).is_none());
    }
}

#[test]
fn new_password_has_up_to_256_units_and_may_be_ill_formed() {
    let longest = "\u{1f511}".repeat(128);
    let opened = Change::from(&hash(), &longest).open(&hash()).unwrap();
    assert_eq!(opened.text().unwrap().as_str(), longest);
    assert!(encrypted_password(&"a".repeat(257), &hash(), &[0; 512]).is_none());
    let empty = Change::from(&hash(), "").open(&hash()).unwrap();
    assert_eq!(empty.text().unwrap().as_str(), "");

    // A lone half of a surrogate pair, sealed as such a peer would seal it.
    let lone = [0xd83d];
    let new_hash = NtHash::of_units(&lone);
    let mut change = Change::from(&hash(), "x");
    let sealed = &mut change.encrypted_password[510..512];
    for (octet, difference) in sealed.iter_mut().zip([b'x' ^ 0x3d, 0xd8]) {
        *octet ^= difference;
    }
    change.encrypted_hash = encrypted_hash(&hash(), &new_hash);
    change.nt_response = nt_response(&new_hash, &exchange(b"User"));
    assert!(change.open(&hash()).unwrap().text().is_none());
}

/// RC4 lets anybody flip bits of the length: no length may lead out of the block.
#[test]
fn any_length_of_the_new_password_is_opened_or_refused() {
    let right = Change::from(&hash(), NEW_PASSWORD);
    for bit in 0..32 {
        let mut change = Change::from(&hash(), NEW_PASSWORD);
        change.encrypted_password[512 + bit / 8] ^= 1 << (bit % 8);
        assert!(change.open(&hash()).is_none(), "bit {bit}");
    }
    assert!(right.open(&hash()).is_some());
}

proptest! {
    #[test]
    fn any_octets_are_no_password_change(
        octets in proptest::collection::vec(any::<u8>(), ENCRYPTED_PASSWORD_OCTETS),
        encrypted_hash: [u8; 16],
        nt_response in uniform24(any::<u8>()),
    ) {
        let encrypted_password = octets.try_into().unwrap();
        let change = Change { encrypted_password, encrypted_hash, nt_response };
        prop_assert!(change.open(&hash()).is_none());
    }

    #[test]
    fn changed_bit_of_a_password_change_is_refused_unless_it_is_fill(index in 0..556_usize, bit in 0..8_u8) {
        let mut change = Change::from(&hash(), NEW_PASSWORD);
        let Change { encrypted_password, encrypted_hash, nt_response } = &mut change;
        let mut octets = encrypted_password.iter_mut().chain(encrypted_hash).chain(nt_response);
        *octets.nth(index).unwrap() ^= 1 << bit;
        let fill = 512 - 2 * NEW_PASSWORD.encode_utf16().count();
        prop_assert_eq!(change.open(&hash()).is_some(), index < fill);
    }
}
