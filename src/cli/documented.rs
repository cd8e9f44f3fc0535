//! Every command that a page of the documentation names is one that there is, with words that it
//! takes; every bench and test that a page names is there.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;

use super::CommandLine;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let own = ["README.md", "CONTRIBUTING.md"].map(|name| root().join(name));
    let is_page = |path: &PathBuf| path.extension().is_some_and(|end| end == "md");
    docs.chain(own).filter(is_page).collect()
}

/// The code of a page: indented or fenced lines, and text between back-ticks.
fn code(text: &str) -> Vec<String> {
    let mut code = Vec::new();
    let mut is_fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced || line.starts_with("    ") {
            code.push(line.to_owned());
        } else {
            code.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    code
}

/// The words of a line of code that begins with `portvakt` or `portvakt-load`.
fn command(code: &str) -> Option<Vec<String>> {
    let mut code = code.trim_start();
    for lead in ["$ ", "sudo -u portvakt ", "sudo "] {
        code = code.strip_prefix(lead).unwrap_or(code);
    }
    let mut words = code.split_whitespace();
    let program = words.next()?;
    let program = program.rsplit('/').next()?;
    if !["portvakt", "portvakt-load"].contains(&program) {
        return None;
    }
    let ends = |word: &str| ["|", "&&", ";", "#", ">", "<", "\\", "&"].contains(&word);
    let mut all = vec![program.to_owned()];
    let mut quote = None;
    for word in words.take_while(|word| !ends(word)) {
        let bare = word.trim_matches(['"', '\'']);
        match quote {
            Some(_) => {
                let last: &mut String = all.last_mut()?;
                *last = format!("{last} {bare}");
            }
            None => all.push(bare.to_owned()),
        }
        let marks = word.chars().filter(|c| matches!(c, '"' | '\'')).count();
        if marks % 2 == 1 {
            quote = quote.xor(Some(()));
        }
    }
    Some(all)
}

#[test]
fn documented_commands_are_ones_that_there_are() {
    let mut seen = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for words in code(&text).iter().filter_map(|code| command(code)) {
            if words.len() == 1 || words.iter().any(|word| word.contains('…')) {
                continue;
            }
            seen += 1;
            let parsed = match words[0].as_str() {
                "portvakt-load" => portvakt_load::Options::try_parse_from(&words).map(drop),
                _ => CommandLine::try_parse_from(&words).map(drop),
            };
            let Err(error) = parsed else {
                continue;
            };
            let is_wrong = matches!(
                error.kind(),
                ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument | ErrorKind::InvalidValue
            );
            assert!(!is_wrong, "{}: {words:?}: {error}", page.display());
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn documented_benches_and_tests_are_there() {
    let mut seen = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for code in code(&text).iter().filter(|code| code.contains("cargo ")) {
            let words: Vec<_> = code.split_whitespace().collect();
            for pair in words.windows(2) {
                let folder = match pair {
                    ["--bench", _] => "benches",
                    ["--test", _] => "tests",
                    _ => continue,
                };
                let Some(name) = pair.last() else { continue };
                let (file, folder) = (format!("{name}.rs"), root().join(folder));
                let is_there =
                    folder.join(&file).exists() || folder.join(name).join("main.rs").exists();
                assert!(is_there, "{}: {code}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 3, "{seen}");
}
