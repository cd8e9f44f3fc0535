//! Users of a run, from a pattern or a file.

use std::path::Path;

use zeroize::Zeroizing;

use crate::error::LoadError;

/// A user name and its password.
pub(crate) struct User {
    /// User-Name, realm included.
    pub name: String,
    /// In clear text.
    pub password: Zeroizing<String>,
}

/// `count` users; `{n}` in the patterns becomes 000000, 000001 and so on.
///
/// # Errors
/// [`LoadError::NoUsers`].
pub(crate) fn from_pattern(
    name: &str,
    password: &str,
    count: usize,
) -> Result<Vec<User>, LoadError> {
    let user = |n: usize| {
        let number = format!("{n:06}");
        User {
            name: name.replace("{n}", &number),
            password: Zeroizing::new(password.replace("{n}", &number)),
        }
    };
    not_empty((0..count).map(user).collect())
}

/// The users of a file: a line `NAME:PASSWORD` each; empty lines and those that begin with `#`
/// do not count.
///
/// # Errors
/// [`LoadError`].
pub(crate) fn from_file(path: &Path) -> Result<Vec<User>, LoadError> {
    let unreadable = |error| LoadError::Unreadable(path.to_owned(), error);
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    let user = |(index, line): (usize, &str)| {
        let (name, password) = line
            .split_once(':')
            .ok_or_else(|| LoadError::NoPassword(path.to_owned(), index + 1))?;
        Ok(User {
            name: name.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        })
    };
    let counts = |(_, line): &(usize, &str)| !line.is_empty() && !line.starts_with('#');
    let lines = text.lines().enumerate().filter(counts);
    not_empty(lines.map(user).collect::<Result<_, LoadError>>()?)
}

fn not_empty(users: Vec<User>) -> Result<Vec<User>, LoadError> {
    match users.is_empty() {
        true => Err(LoadError::NoUsers),
        false => Ok(users),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_pattern_numbers_its_users() {
        let users = from_pattern("user{n}@campus.example", "secret-{n}", 12).unwrap();
        assert_eq!(users[11].name, "user000011@campus.example");
        assert_eq!(users[11].password.as_str(), "secret-000011");
        assert!(matches!(from_pattern("u", "p", 0), Err(LoadError::NoUsers)));
    }

    #[test]
    fn a_file_has_a_user_a_line_and_passwords_may_have_colons() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "# users\nanna:a:b\n\nola@campus.example: c\n").unwrap();
        let users = from_file(file.path()).unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!(users[0].password.as_str(), "a:b");
        assert_eq!(users[1].password.as_str(), " c");
    }

    #[test]
    fn a_line_without_a_password_is_named() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "anna:x\nola\n").unwrap();
        let error = from_file(file.path()).err().unwrap().to_string();
        assert!(error.ends_with(":2: expected NAME:PASSWORD"), "{error}");
    }
}
