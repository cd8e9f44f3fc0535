//! Shared parts of the tests: peers in memory, no sockets, no sleeping.

pub mod supplicant;
