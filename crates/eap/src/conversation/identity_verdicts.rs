//! Verdicts of one conversation by identity: it may be about a machine and its user.

use crate::identity_type::IdentityType;

/// The verdicts so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdentityVerdicts {
    user: Verdicts,
    machine: Verdicts,
    asking: Option<IdentityType>,
}

/// Of several verdicts on one identity the last counts: it may have been asked for its password
/// again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdicts {
    #[default]
    None,
    Accepted,
    /// Or not answered yet.
    Refused,
}

impl IdentityVerdicts {
    /// Notes that the caller is asked about `identity`, which counts as refused until they
    /// answer. False where they refused another one before: that is final.
    #[must_use]
    pub(super) fn ask(&mut self, identity: IdentityType) -> bool {
        let another = self.asking.is_some_and(|before| before != identity);
        if another && self.is_anyone_refused() {
            return false;
        }
        self.asking = Some(identity);
        *self.of(identity) = Verdicts::Refused;
        true
    }

    /// Takes note of the answer.
    pub(super) fn answer(&mut self, is_accepting: bool) {
        if let Some(identity) = self.asking {
            *self.of(identity) = match is_accepting {
                true => Verdicts::Accepted,
                false => Verdicts::Refused,
            };
        }
    }

    /// Whether all of `identities` were let in, and nobody was refused.
    pub(super) fn covers(mut self, identities: &[IdentityType]) -> bool {
        let mut each = identities.iter();
        !self.is_anyone_refused() && each.all(|identity| *self.of(*identity) == Verdicts::Accepted)
    }

    fn is_anyone_refused(&self) -> bool {
        [self.user, self.machine].contains(&Verdicts::Refused)
    }

    fn of(&mut self, identity: IdentityType) -> &mut Verdicts {
        match identity {
            IdentityType::User => &mut self.user,
            IdentityType::Machine => &mut self.machine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IdentityVerdicts;
    use crate::identity_type::IdentityType;
    use crate::identity_type::IdentityType::{Machine, User};

    /// Whether `identities` are covered after these answers, as far as they may be asked for.
    fn after(answers: &[(IdentityType, bool)], identities: &[IdentityType]) -> bool {
        let mut verdicts = IdentityVerdicts::default();
        for (identity, is_accepting) in answers {
            if !verdicts.ask(*identity) {
                return false;
            }
            assert!(!verdicts.covers(identities), "nobody has answered yet");
            verdicts.answer(*is_accepting);
        }
        verdicts.covers(identities)
    }

    #[test]
    fn everyone_who_is_asked_for_must_be_let_in() {
        let both = [Machine, User];
        assert!(after(&[(User, true)], &[User]));
        assert!(after(&[(User, false), (User, true)], &[User]));
        assert!(after(&[(Machine, true), (User, true)], &both));
        for answers in [
            &[][..],
            &[(User, true)],
            &[(Machine, true)],
            &[(Machine, true), (User, false)],
            &[(Machine, false), (User, true)],
            &[(User, false), (Machine, true)],
        ] {
            assert!(!after(answers, &both), "{answers:?}");
        }
        assert!(!after(&[(Machine, true)], &[User]));
        assert!(!after(&[(User, true), (User, false)], &[User]));
    }
}
