//! Secrets shared with RADIUS clients: in the file itself, in a file of their own, or in a variable.

use portvakt_radius::SharedSecret;

use super::external::External;
use super::problem::Problem;
use super::report::{Located, Place};
use super::secret::Secret;
use super::secret_lints;
use super::section::Section;

/// The keys of one secret, of which one is given at most.
pub(super) struct SecretKeys {
    /// The secret itself.
    pub(super) literal: &'static str,
    /// The path of a file.
    pub(super) file: &'static str,
    /// The name of an environment variable.
    pub(super) variable: &'static str,
}

impl SecretKeys {
    fn all(&self) -> [&'static str; 3] {
        [self.literal, self.file, self.variable]
    }

    /// Whether any is given.
    pub(super) fn first_given(&self, section: &Section<'_>) -> Option<&'static str> {
        self.all().into_iter().find(|key| section.has(key))
    }

    /// The secret, unless it is missing or can be none.
    pub(super) fn read(
        &self,
        section: &mut Section<'_>,
        external: &External,
    ) -> Option<SharedSecret> {
        let mut present = self.all().into_iter().filter(|key| section.has(key));
        if let (Some(first), Some(second)) = (present.next(), present.next()) {
            let place = section.key_place(second);
            let problem = Problem::Conflict(first.to_owned());
            section
                .report()
                .problem(&place, problem, "keep exactly one of them");
        }
        let literal = section.hidden_text(self.literal).map(|given| Located {
            value: Secret::new(given.value.into_bytes()),
            place: given.place,
        });
        let from_file = external.secret_file(section, self.file);
        let from_variable = external.variable(section, self.variable);
        let given = literal.or(from_file).or(from_variable)?;
        check_length(&given, section);
        secret_lints::check(section, &given);
        SharedSecret::new(given.value.as_bytes()).ok()
    }
}

fn check_length(secret: &Located<Secret>, section: &Section<'_>) {
    const LEAST: usize = 16;
    let place = Place {
        shown: None,
        ..secret.place.clone()
    };
    let advice = "take 16 octets or more at random: openssl rand -base64 24";
    match secret.value.as_bytes().len() {
        0 => section.report().problem(&place, Problem::Empty, advice),
        1..LEAST => {
            let lint = "a secret under 16 octets can be guessed from one recorded packet";
            section.report().warning(&place, lint, advice);
        }
        _ => {}
    }
}
