//! The text of the file: places in it, and what the TOML parser says about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Finding, Location, Problem};

/// The configuration as text, with its name.
pub(super) struct SourceText<'t> {
    pub(super) file: Arc<PathBuf>,
    pub(super) text: &'t str,
}

impl<'t> SourceText<'t> {
    pub(super) fn new(file: &Path, text: &'t str) -> Self {
        Self {
            file: Arc::new(file.to_owned()),
            text,
        }
    }

    /// Line and column of an octet offset; without one, the file as a whole.
    pub(super) fn locate(&self, offset: Option<usize>) -> Location {
        let file = Arc::clone(&self.file);
        let Some(offset) = offset else {
            return Location {
                file,
                line: 0,
                column: 0,
            };
        };
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        Location { file, line, column }
    }

    /// The parser's errors; one finding per line, as one slip often breaks the rest.
    pub(super) fn syntax_problems(&self, errors: &[toml::de::Error]) -> Vec<Finding> {
        let mut problems: Vec<Finding> = errors.iter().map(|e| self.syntax_problem(e)).collect();
        problems.sort_by_key(|problem| (problem.at.line, problem.at.column));
        problems.dedup_by_key(|problem| problem.at.line);
        problems
    }

    fn syntax_problem(&self, error: &toml::de::Error) -> Finding {
        let offset = error.span().map_or(self.text.len(), |span| span.start);
        let at = self.locate(Some(offset));
        let line = self
            .text
            .lines()
            .nth(at.line.saturating_sub(1))
            .unwrap_or_default();
        let caret = format!("{:>width$}", "^", width = at.column);
        let problem = Problem::Syntax {
            message: error.message().to_owned(),
            excerpt: format!("    {}\n    {caret}", masked(line)),
        };
        let advice = advice_for(error.message()).to_owned();
        Finding {
            at,
            key: String::new(),
            value: None,
            problem,
            advice,
        }
    }
}

fn advice_for(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "keep one of the two"
    } else if message.contains("string values must be quoted") {
        "put the value in double quotes"
    } else {
        "keys and values are looked at once the file is TOML"
    }
}

/// The line with letters and digits of its value hidden, unless it can hold no secret: a table
/// header, or one key whose name is known to be harmless.
fn masked(line: &str) -> String {
    let value_at = match line.split_once('=') {
        None if line.trim_start().starts_with('[') && !line.contains(['"', '\'']) => line.len(),
        None => 0,
        Some((key, value)) if is_harmless(key) && !value.contains(['=', '#']) => line.len(),
        Some((key, _)) => key.len(),
    };
    let (shown, hidden) = line.split_at_checked(value_at).unwrap_or(("", line));
    let hidden = hidden
        .chars()
        .map(|c| if c.is_alphanumeric() { '*' } else { c });
    shown.chars().chain(hidden).collect()
}

/// Keys that are often mistyped and never hold a secret.
fn is_harmless(key: &str) -> bool {
    const HARMLESS: &[&str] = &[
        "data",
        "realms",
        "bare-names",
        "address",
        "name",
        "net",
        "nets",
        "service",
        "methods",
        "certificate",
        "key",
        "attempts",
        "duration",
        "forget-after",
        "zone",
        "deadline",
        "folder",
        "keep-days",
        "workers",
        "reject-delay",
        "kinds",
        "vlan",
        "socket",
        "tls-versions",
    ];
    HARMLESS.contains(&key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let source = SourceText::new(Path::new("f"), "a = 1\nnåme = 2\n");
        let at = source.locate(source.text.find('2'));
        assert_eq!((at.line, at.column), (2, 8));
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_masked() {
        assert_eq!(masked("secret = hunter2"), "secret = *******");
        assert_eq!(masked("hunter2"), "*******");
        assert_eq!(masked("[\"hunter2\""), "[\"*******\"");
        assert_eq!(
            masked("name = \"a\", secret = \"x\""),
            "name = \"*\", ****** = \"*\""
        );
        assert_eq!(masked("name = ap"), "name = ap");
        assert_eq!(masked("name = ap # hunter2"), "name = ** # *******");
        assert_eq!(masked("[[client]"), "[[client]");
    }
}
