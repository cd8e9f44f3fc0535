//! Work of log-ons off the receiving threads: password hashes, binds by account, and hash upgrades.

pub mod hash_pool;
pub mod hash_upgrade;
pub mod per_account_queue;
