//! How the accounts of one directory are named, so that the Anna of one directory is never taken for
//! the Anna of another: by locks, remembered passwords, sessions, the store, the audit log.
//!
//! Accounts of the primary realm's directory have the name that the directory gives them. Those of
//! any other have the realm behind it, `anna@physics.example`, and the plain name as an alias, by
//! which they are found within their own directory.

use portvakt_auth::{Account, AccountId, Realm};
use thiserror::Error;

/// How the accounts of one directory are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// `@realm`, which all its names end with and no other directory's; none is the primary one's.
    ending: Option<String>,
    /// Suffixes that no name of the primary directory may have.
    foreign: Vec<String>,
}

/// Why an account can't be named.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NamingError {
    /// With the realm behind it, it is longer than any name may be.
    #[error("with its realm the name {0} is longer than 253 octets")]
    TooLong(AccountId),
    /// Another directory's accounts are called so.
    #[error("{0} is how an account of another directory is called")]
    Foreign(AccountId),
}

impl Naming {
    /// Of the directory of the primary realm, beside others whose accounts have these realms.
    #[must_use]
    pub fn primary(others: &[Realm]) -> Self {
        Self {
            ending: None,
            foreign: others.iter().map(ending).collect(),
        }
    }

    /// Of a directory whose accounts have this realm in their names.
    #[must_use]
    pub fn with(realm: &Realm) -> Self {
        Self {
            ending: Some(ending(realm)),
            foreign: Vec::new(),
        }
    }

    /// Whether an account of this directory may be called so.
    #[must_use]
    pub fn has(&self, id: &AccountId) -> bool {
        let ends_with = |ending: &String| id.as_str().ends_with(ending.as_str());
        match &self.ending {
            Some(ending) => ends_with(ending),
            None => !self.foreign.iter().any(ends_with),
        }
    }

    /// The name by which an account is told apart, from the one that it has in its directory; `None`
    /// if that would be too long.
    #[must_use]
    pub fn full(&self, id: &AccountId) -> Option<AccountId> {
        let ending = self.ending.as_deref().unwrap_or_default();
        AccountId::new(&format!("{id}{ending}")).ok()
    }

    /// Gives an account, named as in its directory, the name by which it is told apart.
    ///
    /// # Errors
    /// [`NamingError`]; the account is as it was.
    pub fn make_full(&self, account: &mut Account) -> Result<(), NamingError> {
        if self.ending.is_none() {
            return match self.has(&account.id) {
                true => Ok(()),
                false => Err(NamingError::Foreign(account.id.clone())),
            };
        }
        let full = self.full(&account.id);
        let full = full.ok_or_else(|| NamingError::TooLong(account.id.clone()))?;
        let plain = std::mem::replace(&mut account.id, full);
        account.aliases.push(String::from(plain));
        account.aliases.sort_unstable();
        account.aliases.dedup();
        Ok(())
    }

    /// The account named as in its directory, if that is another name.
    #[must_use]
    pub fn made_plain(&self, account: &Account) -> Option<Account> {
        let plain = AccountId::new(self.plain(&account.id)).ok()?;
        if plain == account.id {
            return None;
        }
        let mut account = account.clone();
        account.aliases.retain(|alias| alias != plain.as_str());
        account.id = plain;
        Some(account)
    }

    /// The name that the directory itself has for an account.
    #[must_use]
    pub fn plain<'i>(&self, id: &'i AccountId) -> &'i str {
        let ending = self.ending.as_deref().unwrap_or_default();
        id.as_str().strip_suffix(ending).unwrap_or(id.as_str())
    }
}

fn ending(realm: &Realm) -> String {
    format!("@{realm}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use portvakt_auth::Kind;

    fn realm(name: &str) -> Realm {
        Realm::parse(name).unwrap()
    }

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    fn account(name: &str) -> Account {
        let mut account = Account::new(id(name), Kind::Employee);
        account.aliases = vec!["s100001".to_owned()];
        account
    }

    #[test]
    fn account_of_another_directory_has_its_realm_in_its_name_and_goes_by_both() {
        let naming = Naming::with(&realm("Physics.example"));
        let mut anna = account("anna");
        naming.make_full(&mut anna).unwrap();
        assert_eq!(anna.id, id("anna@physics.example"));
        assert_eq!(anna.aliases, ["anna", "s100001"]);
        assert_eq!(naming.plain(&anna.id), "anna");
        assert_eq!(naming.made_plain(&anna), Some(account("anna")));
    }

    #[test]
    fn account_of_the_primary_directory_keeps_its_name() {
        let naming = Naming::primary(&[realm("physics.example")]);
        let mut anna = account("anna");
        naming.make_full(&mut anna).unwrap();
        assert_eq!(anna, account("anna"));
        assert_eq!(naming.made_plain(&anna), None);
    }

    #[test]
    fn name_that_looks_like_one_of_another_directory_is_refused() {
        let naming = Naming::primary(&[realm("physics.example")]);
        let mut mallory = account("anna@physics.example");
        let refused = naming.make_full(&mut mallory);
        let foreign = NamingError::Foreign(id("anna@physics.example"));
        assert_eq!(refused, Err(foreign));
        let mut other = account("anna@campus.example");
        assert_eq!(naming.make_full(&mut other), Ok(()));
    }

    #[test]
    fn no_two_directories_have_a_name_in_common() {
        let (near, far) = (realm("physics.example"), realm("x.physics.example"));
        let namings = [
            Naming::primary(&[near.clone(), far.clone()]),
            Naming::with(&near),
            Naming::with(&far),
        ];
        let names = [
            "anna",
            "anna@physics.example",
            "anna@x.physics.example",
            "anna@physics.example@x.physics.example",
            "annaphysics.example",
        ];
        for name in names {
            let owners = namings.iter().filter(|naming| naming.has(&id(name)));
            assert_eq!(owners.count(), 1, "{name}");
        }
    }

    #[test]
    fn name_with_its_realm_already_in_it_gets_it_once_more_so_that_two_stay_two() {
        let naming = Naming::with(&realm("physics.example"));
        let (mut one, mut other) = (account("anna"), account("anna@physics.example"));
        naming.make_full(&mut one).unwrap();
        naming.make_full(&mut other).unwrap();
        assert_ne!(one.id, other.id);
        assert_eq!(
            naming.made_plain(&other).unwrap().id,
            id("anna@physics.example")
        );
    }

    #[test]
    fn name_that_is_too_long_with_its_realm_is_refused() {
        let naming = Naming::with(&realm("physics.example"));
        let mut long = account(&"a".repeat(250));
        let refused = naming.make_full(&mut long);
        assert_eq!(refused, Err(NamingError::TooLong(id(&"a".repeat(250)))));
    }
}
