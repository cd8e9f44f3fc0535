//! The promises that the protocol makes, by name.

/// At most the limit of outcomes is told of one count, over all nodes in contact with the database.
pub const SIX: &str = "at most the limit is told over all nodes";
/// A node tells no more failures than the limit between two clearings, alone or not.
pub const SIX_A_NODE: &str = "at most the limit is told by a node";
/// After the last failure was taken no node in contact with the database says "right".
pub const LOCKED: &str = "nobody is told right under a lock";
/// A failure that was told is in the database or in a journal, unless a right log-on, a lock's end
/// or its expiry came after it.
pub const KEPT: &str = "no told failure is lost";
/// A merge leaves no less than the database and the journal had.
pub const STRICT: &str = "a merge is never weaker than a side";
/// An entry of a journal is counted once, however often it is merged.
pub const ONCE: &str = "a journal's entry is counted once";
/// A node that has heard of a lock compares nothing until it ends.
pub const HEARD: &str = "a lock that was heard of holds";
