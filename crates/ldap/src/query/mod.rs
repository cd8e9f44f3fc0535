//! Searches for accounts, and what is remembered of their answers.

pub(crate) mod grace_cache;
pub(crate) mod known_credentials;
pub(crate) mod search;
