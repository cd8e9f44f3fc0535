//! Reads `tests/corpus/radius/*.txt`; the README there says what a case is.

use std::path::Path;

/// One case: its name, the file it stands in, and its keywords with what follows them.
pub(crate) struct Case {
    pub(crate) name: String,
    lines: Vec<(String, String)>,
}

impl Case {
    /// The datagram.
    pub(crate) fn octets(&self) -> Vec<u8> {
        self.all("in").flat_map(hex).collect()
    }

    pub(crate) fn first(&self, keyword: &str) -> Option<&str> {
        self.all(keyword).next()
    }

    pub(crate) fn all(&self, keyword: &str) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter(move |(key, _)| key == keyword);
        lines.map(|(_, rest)| rest.as_str())
    }

    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|(keyword, _)| keyword.as_str())
    }
}

/// All cases of all files of the folder, in the order of the files' names.
pub(crate) fn read(folder: &Path) -> Vec<Case> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths.iter().flat_map(|path| read_file(path)).collect()
}

fn read_file(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    let file = path.file_name().unwrap().to_string_lossy();
    let mut cases: Vec<Case> = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        if keyword == "==" {
            cases.push(Case {
                name: format!("{file}: {rest}"),
                lines: Vec::new(),
            });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with `== `");
        case.lines.push((keyword.to_owned(), rest.to_owned()));
    }
    cases
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| {
            c.to_digit(16)
                .unwrap_or_else(|| panic!("{c} is no hex digit"))
        })
        .collect();
    assert!(
        digits.len().is_multiple_of(2),
        "odd number of hex digits: {text}"
    );
    let octet = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks(2).map(octet).collect()
}
