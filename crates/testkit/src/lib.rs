//! What the tests share: peers in memory, no sockets, no sleeping.

pub mod supplicant;
