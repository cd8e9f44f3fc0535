//! Fuzz targets as functions.

pub mod eap;
pub mod ttls;
