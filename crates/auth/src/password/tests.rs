//! The vectors were made by other programs, all from [`RIGHT`]: OpenLDAP's slappasswd 2.5 with its
//! modules pw-sha2, pw-pbkdf2 and argon2, 389 Directory Server's pwdhash 2.3, `openssl passwd`,
//! Debian's libxcrypt, and the argon2 command of the reference implementation. Other spellings of
//! the same are made from these, or by Python's hashlib.

use super::*;
use crate::account::{Kind, Password, PasswordKind};
use crate::lock::tests::admitted;
use crate::name::AccountId;
use proptest::prelude::*;

const RIGHT: &str = "Sommer på fjellet 2026";

/// The form of 389 Directory Server before 1.4: rounds, salt and a long key in one piece of base64.
const PACKED: &str = "{PBKDF2_SHA256}AAAgAFfL3Khl4hOgGm6Nqyia5LudRy5jEhy81aj262mekjWJ8kyqrFnEi7HBQ+G38zrZDQKMHGIekhroLMHbyVgGWlZRze2eG3YibYIVYz4gtSBCZd5vBet0Zw4qfV8by3GZLx+o5v3oGMePNylzp2vmi9AVnxFcyEpY1KTKTHRUFxfSgE7pReMD+HuUn9xH+k3TxueXLmg0XFMX3b10yR7nbTJskmedMXtkI/AnkcQ++PaXtYJofS25lQKLATDEgIU/uSV+GCxtnoz7PB2afiF+74qKVG9p2zwn3c/6UPgq3sBTk86qXKrEpC/DcbKhR/+UuotchX8wPTco0saCql31IAx4C8E0UlJLRWdLkYaSQqxvmNABOOjoyZmIRCw8+IuXVLdb0YwKUZuU1KpS7aITNxIH9zDINHcnNWwsA3rwbevD";

const VECTORS: &[(Scheme, &str)] = &[
    (Scheme::Sha1, "{SSHA}HVnXGMWeluuicOXmrx5ddy17N8O/j7ui"),
    (Scheme::Sha1, "{SHA}48zma0HC6MTG9j2aQGRBNSflu3w="),
    (
        Scheme::Sha256,
        "{SSHA256}QAywsjakx8i48PalG9V8psG19HXWLuawbB476SHW8tmK2kWqSOQ85g==",
    ),
    (
        Scheme::Sha384,
        "{SSHA384}VYJ1FbOjKH+h6cutvzoNyjB+bjLfexQDZhQrNeprST28fXeliXsIYmEndoHuTX9Pq+4h51CDf58=",
    ),
    (
        Scheme::Sha512,
        "{SSHA512}V524YMvEDVJLx+svUqU4ybDwf2MMnootmFfMhyAsscbSAnhybrGlRJU8ZNKk6TgSjZX0rci6h8Pc9hUOZkcKUDE2DfPin6Bj",
    ),
    (
        Scheme::Sha256,
        "{SHA256}zMyXpqVQ21PzDoLeFOpFuX9P8Vp4Uc6gGKMrBA1eAGM=",
    ),
    (
        Scheme::Sha384,
        "{sha384}mzP5igiNecrzu7lncJrXm3h5740S6XpnS+PYw8PURcqNk/CP6HgyIztIoCQKHvpI",
    ),
    (
        Scheme::Sha512,
        "{SHA512}c0zq1fun+qfbbfC7jape7Pw0I3o5vg2TEUL2XJVuM/BWLiGHMwO734Rkiz5ajLelfloviUbbD/ZENj0aikhxOw==",
    ),
    (
        Scheme::Pbkdf2Sha256,
        "{PBKDF2-SHA256}10000$CGVqhFeV7nXYeGYJBLai.w$nEhEP8BAAYO7SOE4fnfhnnIQOrGduE1XaQIuU/JoJHI",
    ),
    (
        Scheme::Pbkdf2Sha512,
        "{PBKDF2-SHA512}10000$/4XXbCeN2l3F3qrhWYeb3A$8a5efWtZV3JPAZa.dgw1GOiWmWfVI5BAKZ62TRFUjUbBrgcnibyZGLcx5rGjCkdvS/41vvhE1UcYYgk0q3ZXDw",
    ),
    (
        Scheme::Pbkdf2Sha1,
        "{PBKDF2-SHA1}10000$MPxpmhmJxFc5uEHFmitG60aUpozWddzu$nptYd6c8Uy1lkOiuH/9eW3Zl9EM=",
    ),
    (
        Scheme::Pbkdf2Sha1,
        "{PBKDF2}10000$yMnKy8zNzs/Q0dLT1NXW1w$68G2iPvAukr.jN792sXWgi672wI",
    ),
    (
        Scheme::Pbkdf2Sha256,
        "{PBKDF2-SHA256}10000$aQN1GAnDRRlpDKZOFfENiHbzdmEda6iF$vlGACjnXZxUGxllOVAVLVac2G0QSPDqoh8R+nd3Gi78=",
    ),
    (
        Scheme::Pbkdf2Sha512,
        "{PBKDF2-SHA512}10000$ll/0zHRT0anGSUiYQuxf7FjMMj/Y2MQ4$keIV2a33mXb0YnN0xFYrINxYuPpQ+1QVnt4odQBOyrGL3zGZ48k04KRbN0j7O7N3Gf20H1pCsRsISRL4YV9YJA==",
    ),
    (Scheme::Pbkdf2Sha256, PACKED),
    (
        Scheme::Sha1,
        "{SHA.HEX}e3cce66b41c2e8c4c6f63d9a4064413527e5bb7c",
    ),
    (
        Scheme::Sha256,
        "{SHA-256}cccc97a6a550db53f30e82de14ea45b97f4ff15a7851cea018a32b040d5e0063",
    ),
    (
        Scheme::Sha256,
        "{SSHA256.HEX}cdd855fe33ca2ab09610f0c9040804dfde82ab3c4297681de39efe521d11dfc001020304",
    ),
    (
        Scheme::Sha256,
        "{SSHA-256.B64}QAywsjakx8i48PalG9V8psG19HXWLuawbB476SHW8tmK2kWqSOQ85g",
    ),
    (
        Scheme::Bcrypt,
        "{BLF-CRYPT}$2y$04$abcdefghijklmnopqrstuudiGCTg1GvqDwNEvUFOPhgd/Yf7oTMQS",
    ),
    (
        Scheme::Argon2,
        "{ARGON2ID}$argon2id$v=19$m=1024,t=3,p=2$c2FsdHNhbHQwMQ$YKCZwmcwFalg5Cv78wi+q/U3wC2OrAnvZf5BEdrJL8o",
    ),
    (
        Scheme::Sha512Crypt,
        "{SHA512-CRYPT}$6$rounds=1500$x$VXON7BlqVNmO4/bO5Jy4prNF7Kde5RKdPs1vuPv6eewejX/dbXKndoZ7aJp.csNW27ncDo5tRMNO7h42oPLF0.",
    ),
    (
        Scheme::Sha256Crypt,
        "{CRYPT}$5$abcdefgh$68VEaPoCqStGDyjnhS1A6NLZMhOKtp6Rh9s4cC6yh23",
    ),
    (
        Scheme::Sha256Crypt,
        "$5$rounds=2000$saltstring$G7mWk5lsrzk4sKxWBC35FDcn1vMqrlHvkLBR9Tj.GV8",
    ),
    (
        Scheme::Sha512Crypt,
        "{crypt}$6$0123456789abcdef$cL7PQxHPkrsMEK4h9bPY7G52SFLMxea5FzSZvCeaF/.mDor1WTnkqJFG10pDNrJTsaSycxEB0K0kL4BnSHXgz0",
    ),
    (
        Scheme::Sha512Crypt,
        "$6$rounds=1500$x$VXON7BlqVNmO4/bO5Jy4prNF7Kde5RKdPs1vuPv6eewejX/dbXKndoZ7aJp.csNW27ncDo5tRMNO7h42oPLF0.",
    ),
    (
        Scheme::Bcrypt,
        "$2b$05$abcdefghijklmnopqrstuu3lXkRZcA0RiP7T8GE3qaEIr3Es0QKvC",
    ),
    (
        Scheme::Bcrypt,
        "{CRYPT}$2a$05$abcdefghijklmnopqrstuu3lXkRZcA0RiP7T8GE3qaEIr3Es0QKvC",
    ),
    (
        Scheme::Bcrypt,
        "$2y$04$abcdefghijklmnopqrstuudiGCTg1GvqDwNEvUFOPhgd/Yf7oTMQS",
    ),
    (
        Scheme::Yescrypt,
        "{CRYPT}$y$j75$F2mZ1ZrE9q0sFtvkaHPnY.$ZzsdzoC6nNv06A/UmSUZH6tY8nifpzW7/wKMJ.fmO6.",
    ),
    (
        Scheme::Yescrypt,
        "$y$j9T$F2mZ1ZrE9q0sFtvkaHPnY.$ekJTzpAe0fkzkyQqiOECDx91pBBisGyezuNgkGoJ4mC",
    ),
    (
        Scheme::Argon2,
        "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$4cYh1z8uNS3ZgigMcQFV7g$vFKsrFXYc+ZYPyh/1L6lQS5xtItjJrsIm23Jupcav58",
    ),
    (
        Scheme::Argon2,
        "$argon2i$v=19$m=1024,t=3,p=2$c2FsdHNhbHQwMQ$c2mPGIXunJFz9hAR1LO8C7z9jZ2BSE/Cd18icagd0ws",
    ),
    (
        Scheme::Argon2,
        "$argon2d$v=19$m=1024,t=3,p=2$c2FsdHNhbHQwMQ$O+nzBbmOLhZs4YpeDukj8vXoFyKhlmpBn+EJHqddiRI",
    ),
    (
        Scheme::Argon2,
        "$argon2id$v=19$m=1024,t=3,p=2$c2FsdHNhbHQwMQ$YKCZwmcwFalg5Cv78wi+q/U3wC2OrAnvZf5BEdrJL8o",
    ),
    (
        Scheme::Argon2,
        "$argon2i$v=16$m=1024,t=2,p=1$c2FsdHNhbHQwMQ$qA/zM6HfdTzg/juxJKfHetSHjEVciWF8ah7e1Y5Bi80",
    ),
    (
        Scheme::Argon2,
        "$argon2i$m=1024,t=2,p=1$c2FsdHNhbHQwMQ$qA/zM6HfdTzg/juxJKfHetSHjEVciWF8ah7e1Y5Bi80",
    ),
    (
        Scheme::Argon2,
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0MTIzNA$NxY1QQ21XrbWu0VyIwUe/Y0KwUNvmuJ/KYvksL5sY3U",
    ),
];

fn verify(hash: &str, password: &[u8]) -> bool {
    let hash = PasswordHash::parse(hash).unwrap();
    hash.verify(password, &mut HashMemory::new()).unwrap()
}

#[test]
fn right_password_matches_hashes_made_by_other_programs() {
    for (scheme, text) in VECTORS {
        assert_eq!(
            PasswordHash::parse(text).map(|hash| hash.scheme()),
            Ok(*scheme),
            "{text}"
        );
        assert!(verify(text, RIGHT.as_bytes()), "{text}");
    }
}

#[test]
fn wrong_password_matches_none_of_them() {
    for (_, text) in VECTORS {
        for wrong in [
            "sommer på fjellet 2026",
            "Sommer på fjellet 2026 ",
            "Sommer på fjellet 202",
            "x",
        ] {
            assert!(!verify(text, wrong.as_bytes()), "{text}: {wrong}");
        }
    }
}

/// P1
#[test]
fn empty_password_matches_nothing_and_cannot_be_set() {
    // The SHA-1 of nothing, stored by somebody.
    assert!(!verify("{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", b""));
    let set = PasswordHash::hash_new(b"", [0; 16], Argon2Cost::default(), &mut HashMemory::new());
    assert_eq!(set, Err(HashError::EmptyPassword));
}

#[test]
fn overlong_password_is_wrong_at_once_and_cannot_be_set() {
    let long = [b'a'; MAX_PASSWORD_OCTETS + 1];
    let is_sha_crypt = |(scheme, _): &&(Scheme, &str)| *scheme == Scheme::Sha512Crypt;
    let (_, sha_crypt) = VECTORS.iter().find(is_sha_crypt).unwrap();
    assert!(!verify(sha_crypt, &long));
    let set = PasswordHash::hash_new(
        &long,
        [0; 16],
        Argon2Cost::default(),
        &mut HashMemory::new(),
    );
    assert_eq!(set, Err(HashError::PasswordTooLong));
}

/// bcrypt repeats its key, so that "x", 0, "x" would match the hash of "x".
#[test]
fn zero_octet_never_matches_a_crypt_hash() {
    let repeated = format!("{RIGHT}\0{RIGHT}");
    assert!(!verify(
        "$2b$05$abcdefghijklmnopqrstuu3lXkRZcA0RiP7T8GE3qaEIr3Es0QKvC",
        repeated.as_bytes()
    ));
}

/// The yescrypt crate takes a hash cut to 4 characters, and 1 in 2^24 passwords would match it.
#[test]
fn hash_that_was_cut_short_never_matches() {
    for (_, text) in VECTORS {
        // Padding says nothing.
        let mut cut = text.trim_end_matches('=');
        for _ in 0..4 {
            cut = &cut[..cut.len() - 1];
            // What still parses has a shorter salt or a shorter Argon2 hash.
            let refused = PasswordHash::parse(cut).is_err();
            assert!(refused || !verify(cut, RIGHT.as_bytes()), "{cut}");
        }
    }
    for (text, scheme) in [
        ("$y$j75$F2mZ1ZrE9q0sFtvkaHPnY.$", Scheme::Yescrypt),
        ("$6$salt$", Scheme::Sha512Crypt),
    ] {
        let what = "hash";
        let error = HashError::Malformed { scheme, what };
        assert_eq!(PasswordHash::parse(text), Err(error));
    }
}

#[test]
fn costs_beyond_the_bounds_are_refused_before_any_work() {
    let costly = [
        (
            "$argon2id$v=19$m=262145,t=2,p=1$c2FsdHNhbHQwMQ$YKCZwmcwFalg5Cv78wi+q/U3wC2OrAnvZf5BEdrJL8o",
            "m",
        ),
        (
            "$argon2id$v=19$m=99999999999999999999999,t=2,p=1$c2FsdHNhbHQwMQ$YKCZwmcwFalg5Cv78wi+q/U3wC2OrAnvZf5BEdrJL8o",
            "m",
        ),
        (
            "$argon2id$v=19$m=1024,t=21,p=1$c2FsdHNhbHQwMQ$YKCZwmcwFalg5Cv78wi+q/U3wC2OrAnvZf5BEdrJL8o",
            "t",
        ),
        (
            "$argon2id$v=19$m=1024,t=2,p=17$c2FsdHNhbHQwMQ$YKCZwmcwFalg5Cv78wi+q/U3wC2OrAnvZf5BEdrJL8o",
            "p",
        ),
        (
            "{PBKDF2-SHA256}2000001$CGVqhFeV7nXYeGYJBLai.w$nEhEP8BAAYO7SOE4fnfhnnIQOrGduE1XaQIuU/JoJHI",
            "rounds",
        ),
        // 0x00200000 rounds.
        (&PACKED.replace("}AAAgAF", "}ACAAAF"), "rounds"),
        (
            "$5$rounds=1000001$saltstring$G7mWk5lsrzk4sKxWBC35FDcn1vMqrlHvkLBR9Tj.GV8",
            "rounds",
        ),
        (
            "$2b$16$abcdefghijklmnopqrstuu3lXkRZcA0RiP7T8GE3qaEIr3Es0QKvC",
            "cost",
        ),
        (
            "$y$jCT$F2mZ1ZrE9q0sFtvkaHPnY.$ekJTzpAe0fkzkyQqiOECDx91pBBisGyezuNgkGoJ4mC",
            "memory",
        ),
        (
            "$y$jiT$F2mZ1ZrE9q0sFtvkaHPnY.$ekJTzpAe0fkzkyQqiOECDx91pBBisGyezuNgkGoJ4mC",
            "memory",
        ),
    ];
    for (text, expected) in costly {
        match PasswordHash::parse(text) {
            Err(HashError::TooCostly {
                parameter,
                value,
                limit,
                ..
            }) => {
                assert_eq!(parameter, expected, "{text}");
                assert!(value > limit);
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn malformed_hashes_are_told_apart_by_scheme() {
    let malformed = |scheme, what| Err(HashError::Malformed { scheme, what });
    let cases = [
        ("", Err(HashError::UnknownScheme)),
        ("secret in clear text", Err(HashError::UnknownScheme)),
        ("{CLEARTEXT}x", Err(HashError::UnknownScheme)),
        ("{SSHA}æ", malformed(Scheme::Sha1, "not base64")),
        ("{SSHA}AAAA", malformed(Scheme::Sha1, "too short")),
        (
            "{SSHA}48zma0HC6MTG9j2aQGRBNSflu3w=",
            malformed(Scheme::Sha1, "length of the salt"),
        ),
        (
            "{SHA}HVnXGMWeluuicOXmrx5ddy17N8O/j7ui",
            malformed(Scheme::Sha1, "length of the salt"),
        ),
        (
            "{PBKDF2-SHA256}0$AA$AA",
            malformed(Scheme::Pbkdf2Sha256, "rounds"),
        ),
        (
            "{PBKDF2-SHA256}-1$AA$AA",
            malformed(Scheme::Pbkdf2Sha256, "rounds"),
        ),
        (
            "{PBKDF2-SHA256}1000$$",
            malformed(Scheme::Pbkdf2Sha256, "salt"),
        ),
        (
            "{PBKDF2-SHA512}1000$AAAA$AAAA",
            malformed(Scheme::Pbkdf2Sha512, "key"),
        ),
        (
            "$5$rounds=999$salt$x",
            malformed(Scheme::Sha256Crypt, "rounds"),
        ),
        (
            "$5$12345678901234567$x",
            malformed(Scheme::Sha256Crypt, "salt"),
        ),
        ("$6$salt$x", malformed(Scheme::Sha512Crypt, "hash")),
        ("$2b$5$abc", malformed(Scheme::Bcrypt, "cost")),
        ("$2b$03$abc", malformed(Scheme::Bcrypt, "cost")),
        ("$2b$05$abc", malformed(Scheme::Bcrypt, "salt and hash")),
        ("$y$j95.0$abcd$x", malformed(Scheme::Yescrypt, "parameters")),
        ("$y$j75$$x", malformed(Scheme::Yescrypt, "salt")),
        ("$y$j75$abcd$x", malformed(Scheme::Yescrypt, "hash")),
        (
            "$argon2x$v=19$m=1024,t=2,p=1$AA$AA",
            malformed(Scheme::Argon2, "variant"),
        ),
        (
            "$argon2id$v=20$m=1024,t=2,p=1$AA$AA",
            malformed(Scheme::Argon2, "version"),
        ),
        (
            "$argon2id$v=19$t=2,m=1024,p=1$AA$AA",
            malformed(Scheme::Argon2, "parameters"),
        ),
        (
            "$argon2id$v=19$m=1024,t=2,p=1,x=1$AA$AA",
            malformed(Scheme::Argon2, "parameters"),
        ),
        (
            "$argon2id$v=19$m=1024,t=2,p=1$AA$AA",
            malformed(Scheme::Argon2, "salt"),
        ),
        (
            "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$AA",
            malformed(Scheme::Argon2, "hash"),
        ),
        (
            "$argon2id$v=19$m=7,t=2,p=1$c2FsdHNhbHQ$AA",
            malformed(Scheme::Argon2, "parameters below the least Argon2 needs"),
        ),
        (
            "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA$AA",
            malformed(Scheme::Argon2, "something follows the hash"),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(PasswordHash::parse(text), expected, "{text}");
    }
    assert_eq!(
        PasswordHash::parse(&"x".repeat(513)),
        Err(HashError::TooLong)
    );
}

#[test]
fn new_hash_is_argon2id_and_matches_its_password_only() {
    let mut memory = HashMemory::new();
    let hash = PasswordHash::hash_new(
        RIGHT.as_bytes(),
        *b"saltsaltsalt1234",
        Argon2Cost::default(),
        &mut memory,
    );
    let hash = hash.unwrap();
    assert_eq!(
        hash.reveal(),
        VECTORS.last().unwrap().1,
        "as the reference implementation has it"
    );
    assert_eq!(hash.verify(RIGHT.as_bytes(), &mut memory), Ok(true));
    assert_eq!(hash.verify(b"wrong", &mut memory), Ok(false));
}

#[test]
fn hash_memory_is_reused_whatever_was_in_it() {
    let mut memory = HashMemory::new();
    for (_, text) in VECTORS.iter().chain(VECTORS.iter().rev()) {
        let hash = PasswordHash::parse(text).unwrap();
        assert_eq!(
            hash.verify(RIGHT.as_bytes(), &mut memory),
            Ok(true),
            "{text}"
        );
    }
    assert_eq!(memory.octets(), 19 * 1024 * 1024);
}

#[test]
fn hash_memory_gives_back_what_one_costly_hash_took() {
    let mut memory = HashMemory::new();
    assert_eq!(
        memory.with(64 * 1024 + 1, |blocks| blocks.len()),
        Ok(64 * 1024 + 1)
    );
    assert_eq!(memory.octets(), 0);
    assert_eq!(memory.with(usize::MAX, |_| ()), Err(HashError::OutOfMemory));
}

/// P5
#[test]
fn dummy_costs_what_a_new_hash_costs_and_matches_nothing() {
    let dummy = PasswordHash::dummy();
    assert_eq!(PasswordHash::parse(dummy.reveal()), Ok(dummy.clone()));
    let cost = Argon2Cost::default();
    let (memory, passes, lanes) = (cost.memory_kib(), cost.passes(), cost.lanes());
    assert!(
        dummy
            .reveal()
            .contains(&format!("$m={memory},t={passes},p={lanes}$"))
    );
    assert_eq!(
        dummy.verify(RIGHT.as_bytes(), &mut HashMemory::new()),
        Ok(false)
    );
}

#[test]
fn debug_and_errors_tell_nothing_of_a_hash() {
    let (_, text) = VECTORS[0];
    let hash = PasswordHash::parse(text).unwrap();
    assert_eq!(format!("{hash:?}"), "PasswordHash(SHA-1, [redacted])");
    let error = PasswordHash::parse("{SSHA}secretsecret").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn stored_form_is_the_text_itself() {
    let hash = PasswordHash::parse(VECTORS[0].1).unwrap();
    let json = serde_json::to_string(&hash).unwrap();
    assert_eq!(json, format!("\"{}\"", VECTORS[0].1));
    assert_eq!(serde_json::from_str::<PasswordHash>(&json).unwrap(), hash);
    assert!(serde_json::from_str::<PasswordHash>("\"clear text\"").is_err());
}

fn cheap(password: &str) -> PasswordHash {
    let cost = Argon2Cost::new(8, 1, 1).unwrap();
    PasswordHash::hash_new(password.as_bytes(), [7; 16], cost, &mut HashMemory::new()).unwrap()
}

fn account(passwords: &[&str]) -> Account {
    let mut account = Account::new(AccountId::new("s123456").unwrap(), Kind::Student);
    for password in passwords {
        account.set_password(Password {
            hash: cheap(password),
            changed_at: "2026-08-15T10:00:00Z".parse().unwrap(),
            kind: PasswordKind::Permanent,
        });
    }
    account
}

fn outcome(account: &Account, password: &str) -> Checked {
    check(
        account,
        password.as_bytes(),
        &mut HashMemory::new(),
        &mut admitted(account),
    )
    .unwrap()
}

#[test]
fn current_password_is_proven_for_its_version() {
    let account = account(&["first", "second"]);
    let Checked::Proven(proof) = outcome(&account, "second") else {
        panic!("not proven")
    };
    assert_eq!(
        (proof.account(), proof.credential_version()),
        (&account.id, 2)
    );
}

#[test]
fn last_two_previous_passwords_are_known_and_no_others() {
    let account = account(&["first", "second", "third", "fourth"]);
    assert_eq!(outcome(&account, "third"), Checked::Previous);
    assert_eq!(outcome(&account, "second"), Checked::Previous);
    assert_eq!(outcome(&account, "first"), Checked::Wrong);
    assert_eq!(outcome(&account, "fifth"), Checked::Wrong);
}

#[test]
fn password_set_again_is_current_though_it_was_previous() {
    let account = account(&["first", "second", "first"]);
    assert!(matches!(outcome(&account, "first"), Checked::Proven(_)));
}

#[test]
fn account_without_password_is_wrong_for_any() {
    assert_eq!(outcome(&account(&[]), "first"), Checked::Wrong);
    assert_eq!(outcome(&account(&[]), ""), Checked::Wrong);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,200}") {
        let _ = PasswordHash::parse(&text);
    }

    /// One character changed: an error or a mismatch, but neither panic nor match.
    #[test]
    fn altered_hash_never_matches(
        vector in 0..VECTORS.len() - 1,
        position in any::<prop::sample::Index>(),
        replacement in prop::sample::select(b"./$=,0aZ{}+ \0".as_slice()),
    ) {
        let (_, text) = VECTORS[vector];
        let mut altered = text.as_bytes().to_vec();
        let position = position.index(altered.len());
        altered[position] = replacement;
        let altered = String::from_utf8(altered).unwrap();
        // A scheme's name may be written in either case (RFC 2307 §5.3).
        let scheme = text.find('}').unwrap_or(0);
        prop_assume!(!(position < scheme && altered.eq_ignore_ascii_case(text)));
        // `.` and `+` are the same digit, and of the packed key the first 32 octets count.
        prop_assume!(altered.replace('.', "+") != text.replace('.', "+"));
        let counts = "{PBKDF2_SHA256}".len() + (4 + 64 + 32) * 4 / 3;
        prop_assume!(text != PACKED || position < counts);
        if let Ok(hash) = PasswordHash::parse(&altered) {
            // The others may now be as costly as the bounds allow.
            let cheap = !matches!(hash.scheme(), Scheme::Argon2 | Scheme::Bcrypt | Scheme::Yescrypt);
            let matches = cheap && hash.verify(RIGHT.as_bytes(), &mut HashMemory::new()).unwrap();
            prop_assert!(!matches, "{}", altered);
        }
    }
}

/// As slapd 2.5 stored it on Password Modify (RFC 3062), with `password-hash {ARGON2}`.
#[test]
fn what_openldap_leaves_behind_a_hash_is_not_of_it() {
    let text = "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$G7jr2wq5qS47PZhsVK3AMg\
                $pZ3T8+eZnMyLXh0GDHEDfSeeb52YzEY56HFTG0dbBV4";
    let password = b"another-horse-and-battery";
    for remains in ["\0", "\0\0", "\0h\0"] {
        let hash = PasswordHash::parse(&format!("{text}{remains}")).unwrap();
        assert_eq!(hash.reveal(), text);
        assert_eq!(hash.verify(password, &mut HashMemory::new()), Ok(true));
    }
    // Memory is no text.
    let stored = [text.as_bytes(), &[0, 0xc3]].concat();
    assert_eq!(PasswordHash::without_remains(&stored), text.as_bytes());
    assert!(PasswordHash::parse(&format!("{text}\0what-nobody-leaves")).is_err());
}
