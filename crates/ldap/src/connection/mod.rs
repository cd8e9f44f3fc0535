//! Connections to the servers of a directory.

pub(crate) mod bind_pool;
pub(crate) mod connector;
pub(crate) mod failure;
pub(crate) mod flow;
pub(crate) mod framing;
pub(crate) mod pool;
pub(crate) mod screen;
pub(crate) mod server;
pub(crate) mod tls_words;
