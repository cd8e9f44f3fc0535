//! Why somebody can't get on: a diagnosis from the facts of an account and its recorded attempts.
//!
//! No IO and no clock: facts and time come in as values.

mod keys;

pub use keys::{device_key, name_key};
