//! Another hash in the place of one of the same password, if that is still there.
//!
//! By the assertion control (RFC 4528) where the directory has it: OpenLDAP's password policy takes
//! a value that is to be deleted for the old password itself. Where not, by deleting the old value.

use std::collections::HashSet;
use std::time::Instant;

use ldap3::controls::{Assertion, MakeCritical as _, RawControl};
use ldap3::result::LdapResult;
use ldap3::{Ldap, Mod, ldap_escape};
use portvakt_auth::PasswordHash;
use zeroize::Zeroizing;

use crate::connection::failure::Failure;
use crate::write::new_password::{WriteRefusal, modify, outcome, policy};
use crate::{LdapInner, unavailable};
use portvakt_directory::FindError;

/// Result codes of RFC 4511 §4.1.9 and RFC 4528 §4.
const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
const NO_SUCH_ATTRIBUTE: u32 = 16;
const ASSERTION_FAILED: u32 = 122;

/// The hash to be replaced.
pub(crate) struct Upgrade {
    pub(crate) dn: String,
    pub(crate) attribute: String,
    pub(crate) old: PasswordHash,
    pub(crate) new: Zeroizing<String>,
}

impl LdapInner {
    /// Whether the old hash was there, and so was replaced. Asking a second server the same does no
    /// harm: it is not there then.
    pub(crate) async fn upgrade(
        &self,
        deadline: Instant,
        upgrade: &Upgrade,
    ) -> Result<Result<bool, WriteRefusal>, FindError> {
        let done = self.pool.ask(deadline, |mut ldap| async move {
            let mut result = upgrade.replace(&mut ldap).await?;
            if result.rc == UNAVAILABLE_CRITICAL_EXTENSION {
                result = upgrade.delete_and_add(&mut ldap).await?;
            }
            match result.rc {
                ASSERTION_FAILED | NO_SUCH_ATTRIBUTE => Ok(Ok(false)),
                _ => Ok(outcome(&result)?.map(|()| true)),
            }
        });
        done.await.or_else(unavailable)
    }
}

impl Upgrade {
    async fn replace(&self, ldap: &mut Ldap) -> Result<LdapResult, Failure> {
        let escaped = ldap_escape(self.old.reveal());
        let filter = format!("({}={escaped})", self.attribute);
        let is_there = Assertion { filter }.critical();
        let controls: Vec<RawControl> = vec![is_there.into(), policy()];
        let replaced = Mod::Replace(self.attribute.as_bytes().to_vec(), value(&self.new));
        Ok(ldap
            .with_controls(controls)
            .modify(&self.dn, vec![replaced])
            .await?)
    }

    async fn delete_and_add(&self, ldap: &mut Ldap) -> Result<LdapResult, Failure> {
        let name = self.attribute.as_bytes();
        let list = [
            Mod::Delete(name.to_vec(), value(self.old.reveal())),
            Mod::Add(name.to_vec(), value(&self.new)),
        ];
        modify(ldap, &self.dn, &list).await
    }
}

fn value(text: &str) -> HashSet<Vec<u8>> {
    HashSet::from([text.as_bytes().to_vec()])
}
