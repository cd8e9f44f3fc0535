//! Accounts in a directory: the whole program with OpenLDAP's slapd behind it.

mod active_directory;
mod battery;
mod by_domain;
mod connect;
mod controller;
mod domain;
mod ds389;
mod faults;
mod grace;
mod hostile;
mod malice;
mod mirror;
mod page;
mod password_modify;
mod people;
mod policy;
mod real_domain;
mod samba;
mod steady;
mod undated;
mod unicode_pwd;
mod upgrade;
mod wire;
mod write;
mod writing;
