//! The programs as they are shipped, whatever build the benchmark itself is of.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The server's path; the load generator `portvakt-load` is beside it.
pub(crate) fn program() -> PathBuf {
    let ours = Path::new(env!("CARGO_BIN_EXE_portvakt"));
    let target = ours.parent().and_then(Path::parent).unwrap();
    target.join("release/portvakt")
}

/// Builds both.
pub(crate) fn build() {
    let packages = ["--package", "portvakt", "--package", "portvakt-load"];
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--bins"])
        .args(packages)
        .status();
    assert!(status.unwrap().success(), "the release build fails");
}
