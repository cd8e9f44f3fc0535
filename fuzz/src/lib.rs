//! Fuzz targets as functions.

pub mod attributes;
pub mod packet;
