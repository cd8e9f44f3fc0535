//! The statements of each table, one text for both engines, and the reading of their rows.

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod changes;
pub(crate) mod exemptions;
pub(crate) mod locks;
pub(crate) mod registry;
pub(crate) mod resets;
pub(crate) mod session_query;
pub(crate) mod sessions;
pub(crate) mod tls_sessions;
pub(crate) mod unattributed;
