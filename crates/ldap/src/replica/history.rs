//! Facts that a replica keeps of an account whose entry it reads anew, since no directory has them: earlier
//! credentials, and the dates of what has none.

use jiff::Timestamp;
use portvakt_auth::account::{Account, Closure, CredentialHistory};

/// Passes to an account, as the directory has it `now`, what is `known` of it from before: its
/// [`CredentialHistory`], and the dates of a password and of closures that the directory does not
/// date. `is_upgraded` says that the account's hash is a stronger one of the known password.
pub fn carry_over(account: &mut Account, known: &Account, is_upgraded: bool, now: Timestamp) {
    let mut history = CredentialHistory::of(known);
    if let (Some(new), Some(old)) = (&mut account.password, &known.password)
        && (is_upgraded || new.hash == old.hash)
    {
        history.upgrade_hash(&new.hash);
        if new.changed_at == now {
            new.changed_at = old.changed_at;
        }
    }
    history.pass_to(account);
    keep_date(&mut account.deactivated, known.deactivated.as_ref(), now);
    keep_date(&mut account.suspended, known.suspended.as_ref(), now);
}

fn keep_date(new: &mut Option<Closure>, old: Option<&Closure>, now: Timestamp) {
    if let (Some(new), Some(old)) = (new, old)
        && new.reason == old.reason
        && new.since == now
    {
        new.since = old.since;
    }
}

#[cfg(test)]
mod tests {
    use portvakt_auth::account::{Kind, Password, PasswordKind};
    use portvakt_auth::mschap::NtHash;
    use portvakt_auth::name::AccountId;
    use portvakt_auth::password::PasswordHash;

    use super::*;

    fn moment(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn with_password(salt: char, changed_at: Timestamp) -> Account {
        let mut account = Account::new(AccountId::new("anna").unwrap(), Kind::Student);
        let hash = format!("{{SSHA}}8PJeAwHjTeQzlWxYH8nXzBUDEAc5HRC{salt}");
        account.password = Some(Password {
            hash: PasswordHash::parse(&hash).unwrap(),
            changed_at,
            kind: PasswordKind::Permanent,
        });
        account.nt_hash = Some(NtHash::of_password(&salt.to_string()));
        account
    }

    fn texts(account: &Account) -> Vec<&str> {
        account
            .previous
            .iter()
            .map(|hash| &hash.reveal()[37..])
            .collect()
    }

    #[test]
    fn replaced_passwords_are_previous_ones_the_last_two_of_them() {
        let mut known = with_password('a', moment(1));
        for (salt, expected) in [
            ('b', vec!["a"]),
            ('b', vec!["a"]),
            ('c', vec!["b", "a"]),
            ('d', vec!["c", "b"]),
            ('c', vec!["d", "b"]),
        ] {
            let mut account = with_password(salt, moment(2));
            carry_over(&mut account, &known, false, moment(3));
            assert_eq!(texts(&account), expected);
            let nt: Vec<_> = expected
                .iter()
                .map(|text| NtHash::of_password(text))
                .collect();
            assert_eq!(account.previous_nt_hashes, nt);
            known = account;
        }
    }

    #[test]
    fn password_that_was_taken_away_is_a_previous_one() {
        let known = with_password('a', moment(1));
        let mut account = Account::new(known.id.clone(), known.kind);
        carry_over(&mut account, &known, false, moment(3));
        assert_eq!(texts(&account), ["a"]);
        assert_eq!(account.password, None);
    }

    #[test]
    fn date_that_nobody_gave_stays_what_it_was() {
        let now = moment(9);
        let mut known = with_password('a', moment(1));
        let note = |since| {
            Some(Closure {
                reason: "abuse".to_owned(),
                until: None,
                since,
                by: "directory".to_owned(),
            })
        };
        known.suspended = note(moment(2));
        let mut account = with_password('a', now);
        account.suspended = note(now);
        carry_over(&mut account, &known, false, now);
        assert_eq!(account, known);
        // One that was given counts.
        let mut account = with_password('a', moment(5));
        account.suspended = note(moment(6));
        carry_over(&mut account, &known, false, now);
        assert_eq!(account.password.unwrap().changed_at, moment(5));
        assert_eq!(account.suspended.unwrap().since, moment(6));
    }
}
