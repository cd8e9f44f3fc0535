//! The same people for both servers, and for the devices that log on as them.

use std::fmt::Write as _;

use portvakt_auth::mschap::NtHash;
use portvakt_auth::password::{Argon2Cost, HashMemory, PasswordHash};

use super::cases::{Case, Hash, Whose};
use crate::nas::people::ssha;

/// How many log-ons of a run of `ldap-argon2-first` there are at most, each somebody else's.
pub(crate) const FIRST_LOG_ONS: usize = 400;

/// The people of one case.
pub(crate) struct People {
    pub(crate) count: usize,
    nt: bool,
    signed: bool,
    hash: Hash,
    /// Everybody's hash, where it takes too long to make one for each.
    shared: Option<String>,
}

impl People {
    /// `count` is how many there are where their hashes are cheap.
    pub(crate) fn of(case: &Case, count: usize, pairs: usize) -> Self {
        let slow = case.is_slow();
        Self {
            count: match (slow, case.whose() == Whose::Strangers) {
                (true, true) => FIRST_LOG_ONS * (pairs + 1),
                (true, false) => count.min(300),
                (false, _) => count,
            },
            nt: case.is_ms_chap(),
            signed: case.signed,
            hash: case.ldap.map_or(Hash::Ssha, |ldap| ldap.hash),
            shared: slow.then(|| argon2(&password(0))),
        }
    }

    fn password(&self, number: usize) -> String {
        password(if self.shared.is_some() { 0 } else { number })
    }

    fn hash(&self, number: usize) -> String {
        let shared = self.shared.clone();
        shared.unwrap_or_else(|| ssha(&self.password(number)))
    }

    /// `NAME:PASSWORD` lines, for the devices.
    pub(crate) fn devices(&self, whose: std::ops::Range<usize>) -> String {
        let line = |number| format!("{}:{}\n", name(number), self.password(number));
        whose.map(line).collect()
    }

    /// For FreeRADIUS: what costs it least, passwords in clear text, or NT hashes for MS-CHAP.
    /// For signed answers this is also the cheapest way.
    pub(crate) fn users_file(&self) -> String {
        let signature = match self.signed {
            true => "\tMessage-Authenticator = 0x00\n",
            false => "",
        };
        let entry = |number| {
            let password = self.password(number);
            let known = match self.nt {
                true => format!("NT-Password := 0x{}", nt_hash(&password)),
                false => format!("Cleartext-Password := \"{password}\""),
            };
            let name = name(number);
            format!("{name} {known}\n{signature}")
        };
        (0..self.count).map(entry).collect()
    }

    /// For Portvakt's own database and for slapd.
    pub(crate) fn ldif(&self) -> String {
        let mut ldif = String::new();
        for number in 0..self.count {
            let (name, hash) = (name(number), self.hash(number));
            let _ = write!(
                ldif,
                "dn: uid={name},ou=people,dc=campus,dc=example\nobjectClass: inetOrgPerson\n\
                 objectClass: eduPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\
                 eduPersonPrimaryAffiliation: employee\nuserPassword: {hash}\n"
            );
            if self.nt {
                let hash = nt_hash(&self.password(number));
                let _ = writeln!(ldif, "sambaNTPassword: {hash}");
            }
            ldif.push('\n');
        }
        ldif
    }

    /// How Portvakt keeps their passwords, for who reads the table.
    pub(crate) fn kept(&self) -> &'static str {
        match (self.hash, self.nt) {
            (Hash::Argon2, _) => "{ARGON2}",
            (_, true) => "{SSHA} and NT hash",
            (_, false) => "{SSHA}",
        }
    }
}

/// As `portvakt-load` numbers them.
fn name(number: usize) -> String {
    format!("user{number:06}")
}

fn password(number: usize) -> String {
    format!("password{number:06}")
}

fn nt_hash(password: &str) -> String {
    NtHash::of_password(password).reveal().to_string()
}

fn argon2(password: &str) -> String {
    let cost = Argon2Cost::new(19 * 1024, 2, 1).unwrap();
    let hash = PasswordHash::hash_new(password.as_bytes(), [7; 16], cost, &mut HashMemory::new());
    format!("{{ARGON2}}{}", hash.unwrap().reveal())
}
