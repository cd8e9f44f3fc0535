//! Problems and warnings of a configuration, and their wording.
//!
//! A finding never carries the value of a secret, nor text of the file that might be one.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Debug)]
pub struct Problems {
    /// At least one.
    pub problems: Vec<Finding>,
    /// Warnings besides.
    pub warnings: Vec<Warning>,
}

/// Something that works but that an operator should know of.
#[derive(Debug)]
pub struct Warning(pub Finding);

/// One problem: where, about which key, what, and what to do.
#[derive(Debug)]
pub struct Finding {
    /// Its place; without a line if it concerns the whole file.
    pub at: Location,
    /// Path of the key, like `client[2].net`; arrays count from 1.
    pub key: String,
    /// The value as written, cut short; never that of a secret.
    pub value: Option<String>,
    /// The problem.
    pub problem: Problem,
    /// Advice in the operator's words.
    pub advice: String,
}

/// A place in a file; line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file as it was named to us.
    pub file: Arc<PathBuf>,
    /// 0 when the whole file is meant.
    pub line: usize,
    /// 0 when the whole line is meant.
    pub column: usize,
}

/// The fault or the weakness of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The configuration file itself cannot be read.
    #[error("cannot be read: {0}")]
    FileUnreadable(String),
    /// Not TOML; `excerpt` is the line with a caret beneath, values that might be secret masked.
    #[error("not valid TOML: {message}\n{excerpt}")]
    Syntax {
        /// The parser's message.
        message: String,
        /// Two lines, indented.
        excerpt: String,
    },
    /// Nothing reads this key.
    #[error("unknown key")]
    UnknownKey,
    /// The value has another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The expected value, with an example.
        expected: &'static str,
        /// The TOML type that was found.
        found: &'static str,
    },
    /// The right type, but not of the right form.
    #[error("expected {0}")]
    Malformed(&'static str),
    /// The right form, but too small or too large.
    #[error("must be {least} to {most}")]
    OutOfBounds {
        /// Smallest allowed.
        least: String,
        /// Largest allowed.
        most: String,
    },
    /// Not one of the words known here.
    #[error("must be one of {0}")]
    NotOneOf(String),
    /// Required, and not there.
    #[error("missing")]
    Missing,
    /// A list that needs at least one item.
    #[error("must not be empty")]
    Empty,
    /// The same thing said twice.
    #[error("already given in line {0}")]
    Duplicate(usize),
    /// Keys that exclude each other are both there.
    #[error("stands beside {0}")]
    Conflict(String),
    /// A list that takes something away, and leaves nothing.
    #[error("none of the {0} is left")]
    NoneLeft(String),
    /// A file that is referred to cannot be used.
    #[error("{0}")]
    Unreadable(String),
    /// An environment variable that is referred to is not set.
    #[error("this environment variable is not set")]
    NotSet,
    /// A certificate or a private key cannot be used.
    #[error("{0}")]
    Certificate(String),
    /// Allowed, but weak, unusual or soon to break.
    #[error("{0}")]
    Lint(String),
}

impl Problems {
    /// How many problems there are, warnings not counted.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Never true for what [`Config::load`](super::Config::load) returns.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            problem.write(f, "error")?;
        }
        for warning in &self.warnings {
            write!(f, "{warning}")?;
        }
        let plural = if self.len() == 1 { "" } else { "s" };
        writeln!(f, "{} problem{plural}", self.len())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, "warning")
    }
}

impl Finding {
    fn write(&self, f: &mut fmt::Formatter<'_>, severity: &str) -> fmt::Result {
        write!(f, "{}: {severity}: ", self.at)?;
        match (&*self.key, &self.value) {
            ("", _) => {}
            (key, Some(value)) => write!(f, "{key} = {value}: ")?,
            (key, None) => write!(f, "{key}: ")?,
        }
        writeln!(f, "{}", self.problem)?;
        if self.advice.is_empty() {
            return Ok(());
        }
        writeln!(f, "  help: {}", self.advice)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}
