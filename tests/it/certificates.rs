//! Certificates and methods by realm, service and outer name; files that are exchanged while the
//! server runs; how the round trips foretold compare with those taken.

mod clients;
mod offers;
mod renewal;
