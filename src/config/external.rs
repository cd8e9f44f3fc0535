//! Files and environment variables that the configuration names, all read in one step
//! before anything is checked, so that the checks do no IO.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::input_files::InputFiles;
use super::problem::Problem;
use super::report::{Located, Place, Report};
use super::secret::Secret;
use super::section::Section;

/// A file as the shell read it.
#[derive(Debug, Clone)]
pub struct FileContent {
    /// The content; wiped when dropped, as it may be a key.
    pub octets: Secret,
    /// Users that may read it.
    pub readers: Readers,
}

/// Users that may read a file, by its mode; the administrator may read any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner, or a group that is the server's own.
    Owner,
    /// A group that others are in.
    Group,
    /// Every user of the machine.
    Everybody,
}

/// How files are read; [`read_file`] outside of tests.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<FileContent>;

/// How environment variables are looked up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a file of at most 16 MiB (a large authority's revocation list has some) and notes who else may.
///
/// # Errors
/// Whatever the operating system says, or that the file is too large to be meant.
pub fn read_file(path: &Path) -> io::Result<FileContent> {
    use std::io::Read;
    const MOST: u64 = 16 << 20;

    let file = std::fs::File::open(path)?;
    let readers = readers(&file.metadata()?);
    let mut octets = Vec::new();
    let length = file.take(MOST + 1).read_to_end(&mut octets)?;
    let octets = Secret::new(octets);
    if length as u64 > MOST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "larger than 16 MiB",
        ));
    }
    Ok(FileContent { octets, readers })
}

/// A group that the server is in by itself is nobody else's, as `root:portvakt` with mode 0640 is. Who
/// reads as root, to check, is in no such group: then one counts that has members.
fn readers(metadata: &std::fs::Metadata) -> Readers {
    use nix::unistd::{Gid, Group, getegid, geteuid};
    use std::os::unix::fs::MetadataExt as _;
    const GROUP: u32 = 0o040;
    const OTHERS: u32 = 0o004;

    let (mode, group) = (metadata.mode(), Gid::from_raw(metadata.gid()));
    let has_members = || {
        let named = Group::from_gid(group).ok().flatten();
        named.is_some_and(|group| !group.mem.is_empty())
    };
    let is_shared = || match geteuid().is_root() {
        true => has_members(),
        false => group != getegid() || has_members(),
    };
    match mode {
        _ if mode & OTHERS != 0 => Readers::Everybody,
        _ if mode & GROUP != 0 && is_shared() => Readers::Group,
        _ => Readers::Owner,
    }
}

/// Files that take effect as soon as they change. Those of other keys, `…-file`, are read with the
/// configuration alone.
const RENEWABLE_KEYS: &[&str] = &[
    "certificate",
    "key",
    "ocsp-response",
    "client-ca",
    "client-crl",
    "ticket-keys",
];
/// The content of all files and variables that are named anywhere.
pub(super) struct External {
    folder: PathBuf,
    files: BTreeMap<PathBuf, io::Result<FileContent>>,
    renewable: BTreeSet<PathBuf>,
    variables: BTreeMap<String, Option<Secret>>,
}

impl External {
    /// Reads them all. Paths are relative to `folder`, that of the configuration file.
    pub(super) fn gather(
        table: &DeTable<'_>,
        folder: &Path,
        env: Environment<'_>,
        read: ReadFile<'_>,
    ) -> Self {
        let folder = folder.to_owned();
        let mut gathered = Self {
            folder,
            files: BTreeMap::new(),
            renewable: BTreeSet::new(),
            variables: BTreeMap::new(),
        };
        gathered.gather_table(table, env, read);
        gathered
    }

    fn gather_table(&mut self, table: &DeTable<'_>, env: Environment<'_>, read: ReadFile<'_>) {
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::String(text)
                    if key.ends_with("-file") || RENEWABLE_KEYS.contains(&key) =>
                {
                    let path = self.absolute(text);
                    if RENEWABLE_KEYS.contains(&key) {
                        self.renewable.insert(path.clone());
                    }
                    self.files.entry(path).or_insert_with_key(|path| read(path));
                }
                DeValue::String(name) if key.ends_with("-env") => {
                    let value = env(name).map(|value| Secret::new(value.into_bytes()));
                    self.variables.insert(name.to_string(), value);
                }
                DeValue::Table(table) => self.gather_table(table, env, read),
                DeValue::Array(items) => {
                    for table in items.iter().filter_map(|item| item.get_ref().as_table()) {
                        self.gather_table(table, env, read);
                    }
                }
                _ => {}
            }
        }
    }

    /// All that was read, and the text of the configuration itself.
    pub(super) fn input_files(&self, path: &Path, text: &str) -> InputFiles {
        let own = FileContent {
            octets: Secret::new(text.as_bytes().to_vec()),
            readers: Readers::Owner,
        };
        let read = self.files.iter();
        let mut files: BTreeMap<_, _> = read
            .filter_map(|(path, content)| Some((path.clone(), content.as_ref().ok()?.clone())))
            .collect();
        files.insert(path.to_owned(), own);
        InputFiles {
            path: path.to_owned(),
            files,
            renewable: self.renewable.clone(),
        }
    }

    /// A path as the configuration means it.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// The path under `key`, made absolute.
    pub(super) fn path(
        &self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Located<PathBuf>> {
        let is_path = |text: &str| !text.is_empty() && !text.contains(['\n', '\0']);
        let parse = |text: &str| is_path(text).then(|| self.absolute(text));
        section.parsed(key, "the path of a file or folder", parse)
    }

    /// The file named under `key` and its path; one that cannot be read is reported.
    pub(super) fn file(
        &self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Located<(PathBuf, &FileContent)>> {
        section.refuse_pasted_key(key);
        let Located { value: path, place } = self.path(section, key)?;
        match self.files.get(&path)? {
            Ok(content) => Some(Located {
                value: (path, content),
                place,
            }),
            Err(error) => {
                report_unreadable(section.report(), &place, &path, error);
                None
            }
        }
    }

    /// The secret in the file named under `key`, without the newline that editors put at its end.
    pub(super) fn secret_file(
        &self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Located<Secret>> {
        let given = self.file(section, key)?;
        let (_, content) = &given.value;
        warn_of_readers(section, &given.place, content);
        let octets = content.octets.as_bytes();
        let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
        let octets = octets.strip_suffix(b"\r").unwrap_or(octets);
        Some(Located {
            value: Secret::new(octets.to_vec()),
            place: given.place,
        })
    }

    /// The variable named under `key`; one that is not set is reported.
    pub(super) fn variable(
        &self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Located<Secret>> {
        let is_name = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        };
        let mut given = section.hidden_text(key)?;
        if !is_name(&given.value) || given.value.is_empty() {
            let problem = Problem::Malformed("a variable's name, like \"AP_SECRET\"");
            section.report().problem(
                &given.place,
                problem,
                "to write the secret itself, use secret",
            );
            return None;
        }
        given.place.shown = Some(format!("{:?}", given.value));
        match self.variables.get(&given.value).cloned().flatten() {
            Some(value) => Some(Located {
                value,
                place: given.place,
            }),
            None => {
                let advice = "set it where the server is started";
                section
                    .report()
                    .problem(&given.place, Problem::NotSet, advice);
                None
            }
        }
    }
}

/// Warns of a file with a secret in it that others may read too.
pub(super) fn warn_of_readers(section: &Section<'_>, place: &Place, content: &FileContent) {
    let lint = match content.readers {
        Readers::Owner => return,
        Readers::Group => "others of the file's group can read it",
        Readers::Everybody => "every user of this machine can read this file",
    };
    let advice = "chmod 600 it, owned by the user of the server";
    section.report().warning(place, lint, advice);
}

fn report_unreadable(report: &Report<'_>, place: &Place, path: &Path, error: &io::Error) {
    let problem = Problem::Unreadable(format!("cannot read {}: {error}", path.display()));
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "relative paths begin at the folder of this file",
        io::ErrorKind::PermissionDenied => {
            "the user that the server runs as must be able to read it"
        }
        _ => "",
    };
    report.problem(place, problem, advice);
}
