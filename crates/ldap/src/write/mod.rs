//! Changes of accounts, written into the directory.

pub(crate) mod hash_upgrade;
pub(crate) mod modify;
pub(crate) mod new_password;
pub(crate) mod recent_writes;
