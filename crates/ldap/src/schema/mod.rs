//! Meaning of entries: attributes, times, locks, and the answers to a bind.

pub(crate) mod active_directory;
pub(crate) mod bind;
pub(crate) mod entry_facts;
pub(crate) mod ldap_time;
pub(crate) mod lock_attributes;
pub(crate) mod mapping;
pub(crate) mod password_policy;
pub(crate) mod template;
