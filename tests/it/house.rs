//! `tests/house` finds an import across a border of the crates or of the rooms in `src`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::text;

/// Runs `tests/house` on a folder whose only room, `shown`, has this line of code.
fn check(line: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("crates")).unwrap();
    let room = folder.path().join("src/shown");
    fs::create_dir_all(&room).unwrap();
    fs::write(room.join("mod.rs"), format!("//! A room.\n\n{line}\n")).unwrap();
    run(folder.path())
}

fn run(folder: &Path) -> Output {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/house");
    let mut command = Command::new(house);
    command.arg("--borders").arg(folder);
    command.output().unwrap()
}

#[test]
fn room_that_imports_only_what_it_may_is_passed() {
    for line in [
        "use crate::shown::Shown;",
        "/// As [`crate::server`] does.",
        "use other_crate::server::Server;",
    ] {
        let output = check(line);
        assert!(output.status.success(), "{line}\n{}", text(&output));
    }
}

#[test]
fn import_across_a_border_is_found() {
    for (line, import) in [
        ("use crate::server::Server;", "server"),
        ("fn start() { crate::server::start(); }", "server"),
        ("pub(crate) use crate::config;", "config"),
        ("use crate::{server, config};", "{"),
    ] {
        let output = check(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        let complaint = format!("src/shown/mod.rs:3: shown must not import {import}");
        assert!(text(&output).contains(&complaint), "{}", text(&output));
    }
}

#[test]
fn crate_that_depends_on_another_core_is_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    let radius = folder.path().join("crates/radius");
    fs::create_dir_all(&radius).unwrap();
    let manifest = "[dependencies]\nportvakt-auth.workspace = true\n\n[dev-dependencies]\n\
                    portvakt-eap.workspace = true\n";
    fs::write(radius.join("Cargo.toml"), manifest).unwrap();
    let output = run(folder.path());
    assert_eq!(output.status.code(), Some(1));
    let complaint = "crates/radius/Cargo.toml:2: crates/radius must not depend on crates/auth\n";
    assert_eq!(text(&output), complaint);
}

#[test]
fn room_or_crate_without_a_line_in_the_list_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for (place, file) in [("src/attic", "mod.rs"), ("crates/cellar", "Cargo.toml")] {
        let place = folder.path().join(place);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(file), "//! Empty.\n").unwrap();
    }
    let output = run(folder.path());
    assert_eq!(output.status.code(), Some(1));
    for complaint in [
        "has no line for the room attic",
        "has no line for crates/cellar",
    ] {
        assert!(text(&output).contains(complaint), "{}", text(&output));
    }
}
