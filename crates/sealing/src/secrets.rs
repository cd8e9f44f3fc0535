//! The secrets of one account: taken out, sealed as one text, and put back.

use portvakt_auth::account::Account;
use portvakt_auth::chap::ChapSecret;
use portvakt_auth::mschap::NtHash;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{SealingError, SealingKey};

/// Room for the secrets of one account, so that writing them leaves no copies in freed memory.
const SECRETS_OCTETS: usize = 1024;

/// The values of an account that open a log-on without guessing.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Secrets {
    nt_hash: Option<NtHash>,
    previous_nt_hashes: Vec<NtHash>,
    legacy_chap_secret: Option<ChapSecret>,
}

impl Secrets {
    fn take(account: &mut Account) -> Self {
        Self {
            nt_hash: account.nt_hash.take(),
            previous_nt_hashes: std::mem::take(&mut account.previous_nt_hashes),
            legacy_chap_secret: account.legacy_chap_secret.take(),
        }
    }

    fn put_back(self, account: &mut Account) {
        account.nt_hash = self.nt_hash;
        account.previous_nt_hashes = self.previous_nt_hashes;
        account.legacy_chap_secret = self.legacy_chap_secret;
    }

    fn is_empty(&self) -> bool {
        self.nt_hash.is_none()
            && self.previous_nt_hashes.is_empty()
            && self.legacy_chap_secret.is_none()
    }
}

impl SealingKey {
    /// Takes NT hashes and CHAP secret out of `account` and returns them sealed; `None` if it has
    /// none.
    ///
    /// # Errors
    /// [`SealingError::Unopened`], if the secrets cannot be encrypted.
    pub fn seal(&self, account: &mut Account) -> Result<Option<Vec<u8>>, SealingError> {
        let secrets = Secrets::take(account);
        if secrets.is_empty() {
            return Ok(None);
        }
        let id = account.id.as_str();
        let mut text = Zeroizing::new(Vec::with_capacity(SECRETS_OCTETS));
        serde_json::to_writer(&mut *text, &secrets).map_err(|_| unopened(id))?;
        let sealed = self.seal_text(id, text).map_err(|_| unopened(id))?;
        Ok(Some(sealed))
    }

    /// Puts back into `account` the secrets that [`seal`](Self::seal) took out of it.
    ///
    /// # Errors
    /// [`SealingError::Unopened`], if `sealed` was altered or belongs to another account or key.
    pub fn unseal(&self, account: &mut Account, sealed: &[u8]) -> Result<(), SealingError> {
        let id = account.id.as_str();
        let text = self.open_text(id, sealed).map_err(|_| unopened(id))?;
        let secrets: Secrets = serde_json::from_slice(&text).map_err(|_| unopened(id))?;
        secrets.put_back(account);
        Ok(())
    }

    /// Whether `sealed` was sealed with this key for the account called `account`.
    #[must_use]
    pub fn opens(&self, account: &str, sealed: &[u8]) -> bool {
        self.open_text(account, sealed).is_ok()
    }
}

fn unopened(account: &str) -> SealingError {
    SealingError::Unopened {
        account: account.to_owned(),
    }
}
