//! Norwegian national identity numbers, to refuse them: fødselsnummer, D-number, and the synthetic
//! ones of the national registry's tests.
//!
//! Eleven digits DDMMYYIIIKK with two check digits modulo 11 (Skatteetaten, "Fødselsnummer"). Day
//! plus 40 is a D-number; month plus 40, 65 or 80 is a synthetic number.

const DIGITS: usize = 11;
const FIRST_WEIGHTS: [u32; 9] = [3, 7, 6, 1, 8, 9, 4, 5, 2];
const SECOND_WEIGHTS: [u32; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];

/// Whether a text holds a national identity number, also one written with spaces, dots or hyphens
/// between its digits.
#[must_use]
pub fn holds_identity_number(text: &str) -> bool {
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '\u{a0}');
    let parts = text.split(|c: char| !is_of_number(c));
    parts.into_iter().any(|part| {
        let runs = part.split(|c: char| !c.is_ascii_digit());
        runs.into_iter().any(is_identity_number) || is_identity_number(&digits_of(part))
    })
}

fn digits_of(part: &str) -> String {
    // Longer than a number in any case: not worth more.
    let digits = part.chars().filter(char::is_ascii_digit);
    digits.take(DIGITS + 1).collect()
}

fn is_identity_number(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    let digits: Option<[u32; DIGITS]> = digits.and_then(|digits| digits.try_into().ok());
    digits.is_some_and(|digits| has_birthday(&digits) && has_check_digits(&digits))
}

fn has_birthday(digits: &[u32; DIGITS]) -> bool {
    let [d1, d2, m1, m2, ..] = *digits;
    let (day, month) = (10 * d1 + d2, 10 * m1 + m2);
    let day = if day > 40 { day - 40 } else { day };
    let month = match month {
        81..=92 => month - 80,
        66..=77 => month - 65,
        41..=52 => month - 40,
        month => month,
    };
    (1..=31).contains(&day) && (1..=12).contains(&month)
}

fn has_check_digits(digits: &[u32; DIGITS]) -> bool {
    let check = |weights: &[u32]| {
        let sum: u32 = weights.iter().zip(digits).map(|(w, d)| w * d).sum();
        (11 - sum % 11) % 11
    };
    let [.., first, second] = *digits;
    check(&FIRST_WEIGHTS) == first && check(&SECOND_WEIGHTS) == second
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An identity number of this birthday, with its check digits.
    fn number(birthday: &str, individual: u32) -> Option<String> {
        (0..100).find_map(|check| {
            let text = format!("{birthday}{individual:03}{check:02}");
            is_identity_number(&text).then_some(text)
        })
    }

    #[test]
    fn identity_numbers_of_every_kind_are_found_however_they_are_written() {
        for birthday in ["010190", "410190", "014190", "018190", "016690", "291200"] {
            let number = (100..110).find_map(|each| number(birthday, each)).unwrap();
            let (head, tail) = number.split_at(6);
            for text in [
                number.clone(),
                format!("{head} {tail}"),
                format!("{head}-{tail}"),
                format!("born {number}, Oslo"),
                format!("x:{head}.{tail}"),
            ] {
                assert!(holds_identity_number(&text), "{text}");
            }
        }
    }

    #[test]
    fn number_with_another_check_digit_is_none() {
        assert!(holds_identity_number("01817010055"));
        let (head, last) = "01817010055".split_at(10);
        for digit in ('0'..='9').filter(|digit| *last != digit.to_string()) {
            assert!(!holds_identity_number(&format!("{head}{digit}")));
        }
    }

    #[test]
    fn phone_numbers_student_numbers_and_times_are_none() {
        for text in [
            "+47 912 34 567",
            "004791234567",
            "654321",
            "2026-11-27T02:10:00+01:00",
            "20261127021000",
            "anna@campus.example",
            "",
        ] {
            assert!(!holds_identity_number(text), "{text}");
        }
    }
}
