//! `[node]`: the name of this server among those that share a database.

use super::section::Section;

/// Octets that a name may have.
const LONGEST: usize = 63;

/// The name of this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// Whether the configuration gives it; if not, it is the name of the machine.
    pub is_given: bool,
}

pub(super) fn node(root: &mut Section<'_>) -> Node {
    const EXPECTED: &str = "1 to 63 letters, digits, \".\", \"-\" or \"_\"";
    let mut section = root.table("node");
    let given = section.parsed("name", EXPECTED, |text| {
        is_name(text).then(|| text.to_owned())
    });
    section.finish();
    match given {
        Some(given) => Node {
            name: given.value,
            is_given: true,
        },
        None => Node {
            name: of_machine(),
            is_given: false,
        },
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.chars().all(is_allowed)
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// The host name, with `-` for what may not be in a name.
fn of_machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .take(LONGEST)
        .map(|c| if is_allowed(c) { c } else { '-' })
        .collect();
    match name.is_empty() {
        true => "node".to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_letters_digits_and_a_few_marks() {
        assert!(is_name("radius-1.campus.example"));
        for wrong in ["", "a b", "a\\", "\u{e5}", &"a".repeat(64)] {
            assert!(!is_name(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn machine_has_a_name() {
        assert!(is_name(&of_machine()));
    }
}
