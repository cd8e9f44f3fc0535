//! What an account keeps of how it was known before, since no directory tells it: its previous
//! passwords, and since when something is so that has no date.

use jiff::Timestamp;
use portvakt_auth::account::{Account, Closure, PREVIOUS_PASSWORDS};

/// Adds to an account, as the directory has it `now`, what is known from before. A device that still
/// sends the previous password is refused without being counted.
pub fn carry_over(account: &mut Account, known: &Account, now: Timestamp) {
    carry_over_passwords(account, known, now);
    carry_over_nt_hashes(account, known);
    carry_over_note(
        account.deactivated.as_mut(),
        known.deactivated.as_ref(),
        now,
    );
    carry_over_note(account.suspended.as_mut(), known.suspended.as_ref(), now);
}

fn carry_over_passwords(account: &mut Account, known: &Account, now: Timestamp) {
    let mut previous = known.previous.clone();
    match (&mut account.password, &known.password) {
        (Some(new), Some(old)) if new.hash == old.hash => {
            // A date that nobody gave stays what it was.
            if new.changed_at == now {
                new.changed_at = old.changed_at;
            }
        }
        (_, Some(old)) => previous.insert(0, old.hash.clone()),
        (_, None) => {}
    }
    let current = account.password.as_ref().map(|password| &password.hash);
    previous.retain(|hash| Some(hash) != current);
    previous.truncate(PREVIOUS_PASSWORDS);
    account.previous = previous;
}

fn carry_over_nt_hashes(account: &mut Account, known: &Account) {
    let mut previous = known.previous_nt_hashes.clone();
    if account.nt_hash != known.nt_hash {
        previous.splice(0..0, known.nt_hash.clone());
    }
    previous.retain(|hash| Some(hash) != account.nt_hash.as_ref());
    previous.truncate(PREVIOUS_PASSWORDS);
    account.previous_nt_hashes = previous;
}

fn carry_over_note(new: Option<&mut Closure>, old: Option<&Closure>, now: Timestamp) {
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
            carry_over(&mut account, &known, moment(3));
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
        carry_over(&mut account, &known, moment(3));
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
        carry_over(&mut account, &known, now);
        assert_eq!(account, known);
        // One that was given counts.
        let mut account = with_password('a', moment(5));
        account.suspended = note(moment(6));
        carry_over(&mut account, &known, now);
        assert_eq!(account.password.unwrap().changed_at, moment(5));
        assert_eq!(account.suspended.unwrap().since, moment(6));
    }
}
