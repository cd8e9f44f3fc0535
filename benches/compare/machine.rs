//! The machine that was measured on.

use std::process::Command;

/// Processor, cores and versions, in a sentence.
pub(crate) fn sentence() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{} cores of {}, {}, {}",
        cores,
        processor(),
        version("freeradius", "-v", "FreeRADIUS"),
        version("slapd", "-VV", "OpenLDAP"),
    )
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    model.map_or_else(
        || "an unknown processor".to_owned(),
        |(_, name)| name.to_owned(),
    )
}

/// `name` and the first number that the program says of itself.
fn version(program: &str, flag: &str, name: &str) -> String {
    let output = Command::new(program).arg(flag).output();
    let text = output.map(|output| crate::common::text(&output));
    let text = text.unwrap_or_default();
    let number = text
        .split([' ', ',', '+', '\n'])
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'));
    format!("{name} {}", number.unwrap_or("of unknown version"))
}
