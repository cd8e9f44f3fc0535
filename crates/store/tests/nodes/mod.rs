//! Several servers that count the same failures in one database.

mod changes;
mod identity;
mod outages;
mod schema;
mod sessions;
mod sharing;

use std::path::Path;

use super::open;
use crate::battery::taking::Node;

/// A server with this data folder and database.
fn node(dir: &Path, url: &str) -> Node {
    Node::start(Box::new(open(dir, url).unwrap()))
}
