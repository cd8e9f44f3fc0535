//! The program as it is shipped, whatever build the benchmark itself is of.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it is.
pub(crate) fn program() -> PathBuf {
    let ours = Path::new(env!("CARGO_BIN_EXE_portvakt"));
    let target = ours.parent().and_then(Path::parent).unwrap();
    target.join("release/portvakt")
}

/// Builds it.
pub(crate) fn build() {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--bin", "portvakt"])
        .status();
    assert!(status.unwrap().success(), "the release build fails");
}
