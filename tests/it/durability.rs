//! An answer sent to a NAS stays true: after `kill -9`, and while the disk takes nothing.

mod disk;
mod kill;
