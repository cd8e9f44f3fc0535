//! Accounts in an LDAP directory.

pub mod mirror;
