//! People in any number, whose passwords cost next to nothing to check.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use sha1::{Digest as _, Sha1};

/// An {SSHA} hash.
pub fn ssha(password: &str) -> String {
    let salt = b"saltsalt";
    let digest = Sha1::new().chain_update(password).chain_update(salt);
    let both = [digest.finalize().as_slice(), salt].concat();
    format!("{{SSHA}}{}", Base64::encode_string(&both))
}

/// The name of person `index`.
pub fn name(index: usize) -> String {
    format!("p{index:06}")
}

/// The password of person `index`.
pub fn password(index: usize) -> String {
    format!("right-{index}")
}

/// So many employees, as LDIF.
pub fn people(count: usize) -> String {
    people_with(count, |index| ssha(&password(index)))
}

/// As [`people`], whose `userPassword` is what `secret` says.
pub fn people_with(count: usize, secret: impl Fn(usize) -> String) -> String {
    let mut ldif = "version: 1\n".to_owned();
    for index in 0..count {
        let name = name(index);
        let secret = secret(index);
        write!(
            ldif,
            "\ndn: uid={name},ou=people,dc=campus,dc=example\nobjectClass: inetOrgPerson\n\
             uid: {name}\ncn: Person {index}\nsn: {index}\nmail: {name}@campus.example\n\
             eduPersonPrimaryAffiliation: employee\nuserPassword: {secret}\n"
        )
        .unwrap();
    }
    ldif
}
