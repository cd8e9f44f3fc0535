//! `portvakt hash`: a password in, its Argon2id hash out.

use clap::Args;
use portvakt_auth::PasswordHash;
use portvakt_auth::password::{Argon2Cost, HashMemory, composed_text};

use super::admin_client::read_password;
use super::{Ending, fail, say};

/// Hash a password for a directory or an LDIF file: `userPassword: {ARGON2}…`
#[derive(Args)]
pub(super) struct Hash {
    /// Memory that hashing takes, in KiB
    #[arg(long, value_name = "KIB", default_value_t = 19 * 1024)]
    memory: u32,
    /// Passes over that memory
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    iterations: u32,
}

pub(super) fn run(hash: &Hash) -> Ending {
    let cost = match Argon2Cost::new(hash.memory, hash.iterations, 1) {
        Ok(cost) => cost,
        Err(error) => return fail(error),
    };
    let password = match read_password("Password to hash") {
        Ok(password) => password,
        Err(error) => return fail(error),
    };
    match hash_password(composed_text(&password).as_bytes(), cost) {
        Ok(hash) => {
            say(format_args!(
                "{{ARGON2}}{}",
                hash.reveal().trim_start_matches("{ARGON2}")
            ));
            Ending::Done
        }
        Err(error) => fail(error),
    }
}

/// Hashes with a salt of its own.
pub(super) fn hash_password(
    password: &[u8],
    cost: Argon2Cost,
) -> Result<PasswordHash, portvakt_auth::HashError> {
    PasswordHash::hash_new(
        password,
        crate::random::bytes(),
        cost,
        &mut HashMemory::new(),
    )
}
