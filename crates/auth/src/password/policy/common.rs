//! Common passwords, and passwords that are made of them.
//!
//! `common.txt` has some 5,200 entries in lower case, sorted: the first 5,000 of Django's list of
//! common passwords (BSD licence, compiled by Royce Williams from published breaches) in ASCII with
//! four characters or more, all of it with twelve or more, and Norwegian and campus words of our own.
//!
//! With 15 characters as the least, few whole passwords are on any list. So a password is cut into
//! pieces as a guessing program would put it together:
//!
//! ```text
//!  passwordSommer2026!  =  password | sommer | 2026 | !     two entries: common
//!  qwertyuiop12345      =  row of keys | row of keys        two entries: common
//!  dragonfly at 5 a.m.  =  no such pieces                   not common
//! ```

use std::sync::LazyLock;

/// Entries that make a password common, or fewer.
const MOST_ENTRIES: u8 = 3;
/// Least length of an entry and of a row of keys.
const LEAST_ENTRY: usize = 4;
/// Longest piece that is looked for in the list.
const MOST_ENTRY: usize = 24;
/// Punctuation and spaces between entries that cost nothing.
const MOST_MARKS: usize = 3;

/// Rows of keys and characters that fingers and eyes run along, in both directions.
const ROWS: [&str; 5] = [
    "12345678901",
    "abcdefghijklmnopqrstuvwxyzæøå",
    "qwertyuiopå",
    "asdfghjkløæ",
    "zxcvbnm",
];

static LIST: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

fn is_listed(text: &str) -> bool {
    LIST.binary_search(&text).is_ok()
}

/// Whether a folded password of at most a few hundred characters is one short text repeated, or
/// nothing but at most [`MOST_ENTRIES`] entries of the list, rows of keys or `words`, with years and
/// a few marks between them.
pub(super) fn is_common(folded: &str, words: &[&str]) -> bool {
    let characters: Vec<char> = folded.chars().collect();
    is_repetition(&characters) || fewest_entries(&characters, words) <= MOST_ENTRIES
}

/// Whether the text repeats its beginning, of at most half its length, to the end.
fn is_repetition(characters: &[char]) -> bool {
    (1..=characters.len() / 2).any(|period| {
        let later = characters.iter().skip(period);
        characters
            .iter()
            .zip(later)
            .all(|(one, other)| one == other)
    })
}

/// The fewest entries that the text can be cut into; `u8::MAX` where it can't.
fn fewest_entries(characters: &[char], words: &[&str]) -> u8 {
    // By position: the fewest entries before it.
    let mut fewest = vec![u8::MAX; characters.len() + 1];
    if let Some(start) = fewest.first_mut() {
        *start = 0;
    }
    for start in 0..characters.len() {
        let before = fewest.get(start).copied().unwrap_or(u8::MAX);
        if before > MOST_ENTRIES {
            continue;
        }
        let rest = characters.get(start..).unwrap_or_default();
        for (length, cost) in pieces(rest, words) {
            if let Some(known) = fewest.get_mut(start + length) {
                *known = before.saturating_add(cost).min(*known);
            }
        }
    }
    fewest.last().copied().unwrap_or(u8::MAX)
}

/// Pieces that the text begins with: their lengths, and what they cost in entries.
fn pieces<'c>(rest: &'c [char], words: &'c [&str]) -> impl Iterator<Item = (usize, u8)> + 'c {
    let marks = rest.iter().take_while(|c| !c.is_alphanumeric()).count();
    let marks = (1..=marks.min(MOST_MARKS)).map(|length| (length, 0));
    let year = is_year(rest).then_some((4, 0));
    let row = (LEAST_ENTRY..=row_length(rest)).map(|length| (length, 1));
    let listed = (LEAST_ENTRY..=MOST_ENTRY.min(rest.len())).filter(|length| {
        let piece: zeroize::Zeroizing<String> =
            zeroize::Zeroizing::new(rest.iter().take(*length).collect());
        is_listed(&piece)
    });
    let named = words.iter().filter_map(|word| {
        let length = word.chars().count();
        word.chars()
            .eq(rest.iter().take(length).copied())
            .then_some(length)
    });
    let entries = listed.chain(named).map(|length| (length, 1));
    marks.chain(year).chain(row).chain(entries)
}

/// 1900 to 2099.
fn is_year(rest: &[char]) -> bool {
    matches!(rest, ['1', '9', ten, one, ..] | ['2', '0', ten, one, ..]
        if ten.is_ascii_digit() && one.is_ascii_digit())
}

/// Length of the longest run of neighbours, or of one character, that the text begins with.
fn row_length(rest: &[char]) -> usize {
    let runs = [
        run(rest, |one, other| one == other),
        run(rest, are_neighbours),
        run(rest, |one, other| are_neighbours(other, one)),
    ];
    runs.into_iter().max().unwrap_or(0)
}

fn run(rest: &[char], follows: impl Fn(char, char) -> bool) -> usize {
    let pairs = rest.iter().zip(rest.iter().skip(1));
    1 + pairs
        .take_while(|(one, other)| follows(**one, **other))
        .count()
}

/// Whether `other` is next to the right of `one` in a row.
fn are_neighbours(one: char, other: char) -> bool {
    ROWS.iter().any(|row| {
        let next = row.chars().skip(1);
        row.chars().zip(next).any(|pair| pair == (one, other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_sorted_folded_and_without_doubles() {
        assert!(LIST.len() > 5_000);
        assert!(LIST.is_sorted_by(|one, other| one < other));
        for entry in LIST.iter() {
            assert_eq!(**entry, entry.to_lowercase());
            assert!(entry.chars().count() >= LEAST_ENTRY, "{entry}");
        }
    }

    #[test]
    fn text_is_cut_into_the_fewest_entries() {
        let cases = [
            ("password", 1),
            ("passwordsommer2026!", 2),
            ("qwertyuiop12345", 2),
            ("0987654321", 1),
            ("aaaaaaaaaaaaaaaaa", 1),
            ("monkey-dragon-1999", 2),
            ("tromsø-sommer", 2),
            ("dragonfly at 5 a.m.", u8::MAX),
            ("", 0),
        ];
        for (text, expected) in cases {
            let characters: Vec<_> = text.chars().collect();
            assert_eq!(fewest_entries(&characters, &[]), expected, "{text}");
        }
        let characters: Vec<_> = "nordmannpassword".chars().collect();
        assert_eq!(fewest_entries(&characters, &["nordmann"]), 2);
    }

    #[test]
    fn repetition_is_found_whatever_its_period() {
        for (text, expected) in [
            ("blåbærblåbærbl", true),
            ("abab", true),
            ("abcab", false),
            ("", false),
            ("a", false),
        ] {
            let characters: Vec<_> = text.chars().collect();
            assert_eq!(is_repetition(&characters), expected, "{text}");
        }
    }
}
