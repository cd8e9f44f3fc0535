//! The program takes what the documentation shows: every configuration that is shipped or
//! printed in a page is loaded here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portvakt::config::{Config, FileContent, Problems, Readers, Secret, Warning};

use crate::common::issued::ISSUED;

/// A machine that has the certificate, its key, and any secret that is asked for.
fn load(text: &str) -> Result<(Config, Vec<Warning>), Problems> {
    let config = PathBuf::from("/etc/portvakt/portvakt.toml");
    let read = |path: &Path| -> io::Result<FileContent> {
        let content = match path.extension().and_then(|extension| extension.to_str()) {
            _ if path == config => text,
            Some("pem") => &ISSUED.certificate,
            Some("key") => &ISSUED.key,
            _ => "sixteen octets or more\n",
        };
        Ok(FileContent {
            octets: Secret::new(content.as_bytes().to_vec()),
            readers: Readers::Owner,
        })
    };
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    Config::load(&config, &|_| None, &read, now)
}

/// Loads without a mistake and without a warning.
fn expect_sound(name: &str, text: &str) -> Config {
    match load(text) {
        Ok((config, warnings)) if warnings.is_empty() => config,
        Ok((_, warnings)) => panic!("{name}: {warnings:?}"),
        Err(problems) => panic!("{name}: {problems}"),
    }
}

/// The blocks of TOML in a page that are whole configurations: those that name their realms.
fn configurations(page: &str) -> Vec<String> {
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split_once("\n```"));
    blocks
        .map(|(block, _)| format!("{block}\n"))
        .filter(|block| block.contains("realms = "))
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect()
}

fn shipped() -> Vec<PathBuf> {
    let folders = ["config", "config/ldap", "docker"];
    folders.map(|folder| files(folder, "toml")).concat()
}

#[test]
fn configuration_in_the_readme_is_sound() {
    let page = read(Path::new("README.md"));
    let [block] = &configurations(&page)[..] else {
        panic!("the README shows one configuration");
    };
    let config = expect_sound("README.md", block);
    assert!(config.eap.is_some());
    assert_eq!(config.clients.len(), 3);
}

#[test]
fn every_configuration_in_the_pages_is_sound() {
    for page in files("docs", "md") {
        for block in configurations(&read(&page)) {
            expect_sound(&page.display().to_string(), &block);
        }
    }
}

#[test]
fn every_shipped_configuration_is_sound() {
    let shipped = shipped();
    assert!(shipped.len() >= 6, "{shipped:?}");
    for path in shipped {
        expect_sound(&path.display().to_string(), &read(&path));
    }
}

/// A bogus key in any table of a shipped file is found.
#[test]
fn bogus_key_in_any_table_of_a_shipped_configuration_is_refused() {
    for path in shipped() {
        let text = read(&path);
        let tables = text.lines().filter(|line| line.starts_with('['));
        for table in std::iter::once("").chain(tables) {
            let wounded = match table {
                "" => format!("bogus-key = 1\n{text}"),
                _ => text.replacen(
                    &format!("\n{table}"),
                    &format!("\n{table}\nbogus-key = 1"),
                    1,
                ),
            };
            let problems = load(&wounded).err().map(|problems| problems.to_string());
            let found = problems.is_some_and(|problems| problems.contains("bogus-key"));
            assert!(found, "{} {table}", path.display());
        }
    }
}

/// Links between the pages lead somewhere.
#[test]
fn links_to_files_of_the_project_lead_somewhere() {
    let pages = [files(".", "md"), files("docs", "md"), files("docker", "md")].concat();
    for page in pages {
        let folder = page.parent().unwrap();
        let text = read(&page);
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(folder.join(file).exists(), "{}: {link}", page.display());
        }
    }
}

/// Each code that the server can give has its row in the table that operators look into.
#[test]
fn every_refusal_has_a_row_in_the_troubleshooting_table() {
    let page = read(Path::new("docs/operating.md"));
    for refusal in portvakt_auth::Refusal::ALL {
        let row = format!("| `{}` |", refusal.code());
        assert!(page.contains(&row), "docs/operating.md: no row {row}");
    }
}

/// The tests that `docs/protocol.md` names, in whatever crate.
#[test]
fn every_test_named_in_the_list_of_rules_exists() {
    let mut sources = String::new();
    for folder in ["src", "crates", "tests", "fuzz/tests"] {
        gather(Path::new(folder), &mut sources);
    }
    let page = read(Path::new("docs/protocol.md"));
    let quoted = page.split('`').skip(1).step_by(2);
    let names: Vec<_> = quoted
        .filter(|name| name.contains('_') && !name.contains(['.', '/', ' ']))
        .filter(|name| !name.ends_with('_') && *name != "eapol_test")
        .collect();
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        let declared = sources.contains(&format!("fn {name}("));
        assert!(declared, "docs/protocol.md names {name}, which is no test");
    }
}

/// The text of all Rust files in a folder and below.
fn gather(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&read(&path));
        }
    }
}
