//! The file of recorded figures: one table for each kind of machine.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::process::Command;

use toml::{Table, Value};

use crate::valgrind;

pub(crate) const FILE: &str = "benches/instructions.toml";

const HEAD: &str = "\
# Instructions of the server for one log-on, by what processors can do as programs under valgrind see
# it. `tests/instructions` holds the program against them, `tests/instructions --record` writes them.
";

/// Conditions, besides the program, that the number of instructions depends on.
pub(crate) struct Machine {
    /// Programs choose their ciphers by this, so each kind has figures of its own.
    processor: String,
    /// A newer one may need fewer instructions, or more. Told, in case it explains something.
    compiler: String,
    valgrind: String,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "processor, under {}: {}", self.valgrind, self.processor)?;
        write!(f, "compiler: {}", self.compiler)
    }
}

impl Machine {
    pub(crate) fn here() -> Self {
        Self {
            processor: valgrind::features_under_it(),
            compiler: version_of("rustc"),
            valgrind: version_of("valgrind"),
        }
    }
}

fn version_of(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The figures of one kind of machine.
type Recorded = Vec<(String, u64)>;

/// All recorded figures.
pub(crate) struct Figures(BTreeMap<String, (Table, Recorded)>);

impl Figures {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(path()).unwrap_or_default();
        let tables: Table = text.parse().unwrap();
        let figures = tables.into_iter().map(|(processor, value)| {
            let Value::Table(table) = value else {
                panic!("{FILE}: {processor:?} is no table");
            };
            let recorded = table.iter().filter_map(|(name, value)| {
                let figure = u64::try_from(value.as_integer()?).unwrap();
                Some((name.clone(), figure))
            });
            let recorded = recorded.collect();
            (processor, (table, recorded))
        });
        Self(figures.collect())
    }

    /// Those of a machine like this one. Tells where another compiler made them.
    pub(crate) fn of(&self, machine: &Machine) -> Option<&[(String, u64)]> {
        let (table, recorded) = self.0.get(&machine.processor)?;
        for (key, here) in [
            ("compiler", &machine.compiler),
            ("valgrind", &machine.valgrind),
        ] {
            let there = table.get(key).and_then(Value::as_str).unwrap_or_default();
            if there != here {
                println!("the recorded figures are by {there}");
            }
        }
        Some(recorded)
    }

    /// Puts new figures in place and writes the file.
    pub(crate) fn record(&mut self, machine: &Machine, measured: Vec<(&'static str, u64)>) {
        let table = Table::from_iter([
            ("compiler".to_owned(), machine.compiler.as_str().into()),
            ("valgrind".to_owned(), machine.valgrind.as_str().into()),
        ]);
        let measured = measured
            .into_iter()
            .map(|(name, figure)| (name.to_owned(), figure));
        let figures = (table, measured.collect());
        self.0.insert(machine.processor.clone(), figures);
        fs::write(path(), self.to_text()).unwrap();
    }

    fn to_text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (processor, (table, recorded)) in &self.0 {
            writeln!(text, "\n[\"{processor}\"]").unwrap();
            for key in ["compiler", "valgrind"] {
                writeln!(text, "{key} = {}", table[key]).unwrap();
            }
            for (name, figure) in recorded {
                writeln!(text, "{name} = {figure}").unwrap();
            }
        }
        text
    }
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)
}
