//! Checking a CHAP response against an account.

use super::{Checked, MissingSecret, shown};
use crate::account::Account;
use crate::chap::{self, ChapExchange, ChapSecret};
use crate::lock::Admission;
use crate::proof::Proof;

/// Checks a CHAP response against the account's CHAP secret; the password plays no part. The same
/// work whatever the account has, and for an unknown name too ([`check_chap_of_nobody`]).
///
/// No earlier secret is remembered, so this never says [`Checked::Previous`].
///
/// # Errors
/// [`MissingSecret::ClearText`]: nothing was checked, nothing is to be counted.
pub fn check_chap(
    account: &Account,
    exchange: &ChapExchange,
    attempt: &mut Admission,
) -> Result<Checked, MissingSecret> {
    let Some(secret) = &account.legacy_chap_secret else {
        check_chap_of_nobody(exchange);
        return Err(MissingSecret::ClearText);
    };
    let compare = || match chap::check(secret, exchange) {
        true => Ok(Checked::Proven(Proof::of(account))),
        false => Ok(Checked::Wrong),
    };
    attempt.compare(compare, shown)
}

/// Does the work of [`check_chap`] for an unknown name (P5).
pub fn check_chap_of_nobody(exchange: &ChapExchange) {
    let _ = chap::check(&ChapSecret::dummy(), exchange);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Kind;
    use crate::lock::tests::admitted;
    use crate::name::AccountId;

    fn account(secret: Option<&str>) -> Account {
        let mut account = Account::new(AccountId::new("printer-7").unwrap(), Kind::Service);
        let secret = secret.map(|text| ChapSecret::new(text.as_bytes()).unwrap());
        account.set_legacy_chap_secret(secret);
        account
    }

    fn answer(account: &Account, secret: &ChapSecret) -> Result<Checked, MissingSecret> {
        let exchange = ChapExchange {
            identifier: 3,
            challenge: vec![9; 16],
            response: chap::response(secret, 3, &[9; 16]),
        };
        check_chap(account, &exchange, &mut admitted(account))
    }

    #[test]
    fn right_secret_is_proven_and_another_is_wrong() {
        let account = account(Some("paper-tray"));
        let right = ChapSecret::new(b"paper-tray").unwrap();
        let proven = Ok(Checked::Proven(Proof::of(&account)));
        assert_eq!(answer(&account, &right), proven);
        let other = ChapSecret::new(b"paper-jam").unwrap();
        assert_eq!(answer(&account, &other), Ok(Checked::Wrong));
    }

    /// Every reader of the source knows the dummy secret.
    #[test]
    fn account_without_a_secret_is_told_apart_and_never_let_in() {
        let missing = answer(&account(None), &ChapSecret::dummy());
        assert_eq!(missing, Err(MissingSecret::ClearText));
        let wrong = answer(&account(Some("paper-tray")), &ChapSecret::dummy());
        assert_eq!(wrong, Ok(Checked::Wrong));
    }
}
