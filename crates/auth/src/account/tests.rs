use super::*;

fn password() -> Password {
    Password {
        hash: PasswordHash::dummy(),
        changed_at: Timestamp::UNIX_EPOCH,
        kind: PasswordKind::Permanent,
    }
}

fn hash(text: &str) -> NtHash {
    NtHash::of_password(text)
}

fn account() -> Account {
    let mut account = Account::new(AccountId::new("s123456").unwrap(), Kind::Student);
    account.set_credentials(password(), Some(hash("first")));
    account
}

#[test]
fn new_password_takes_the_nt_hash_of_the_old_one_away() {
    let mut account = account();
    account.set_password(password());
    assert_eq!(account.nt_hash, None);
    assert_eq!(account.previous_nt_hashes, [hash("first")]);
    assert_eq!(account.credential_version, 2);
}

#[test]
fn new_password_and_nt_hash_are_one_change() {
    let mut account = account();
    account.set_credentials(password(), Some(hash("second")));
    assert_eq!(account.nt_hash, Some(hash("second")));
    assert_eq!(account.credential_version, 2);
}

#[test]
fn changed_nt_hash_voids_proofs_and_the_same_one_does_not() {
    let mut account = account();
    account.set_nt_hash(Some(hash("first")));
    assert_eq!(account.credential_version, 1);
    account.set_nt_hash(Some(hash("second")));
    assert_eq!(account.credential_version, 2);
    account.set_nt_hash(None);
    assert_eq!(account.credential_version, 3);
    assert_eq!(account.previous_nt_hashes, [hash("second"), hash("first")]);
}

#[test]
fn two_previous_nt_hashes_are_kept_and_never_the_current_one() {
    let mut account = account();
    for text in ["second", "third", "fourth"] {
        account.set_nt_hash(Some(hash(text)));
    }
    assert_eq!(account.previous_nt_hashes, [hash("third"), hash("second")]);
    account.set_credentials(password(), Some(hash("third")));
    assert_eq!(account.previous_nt_hashes, [hash("fourth"), hash("second")]);
    account.set_credentials(password(), Some(hash("third")));
    assert_eq!(account.previous_nt_hashes, [hash("fourth"), hash("second")]);
}

#[test]
fn account_stored_before_there_were_nt_hashes_is_read() {
    let account = serde_json::from_str::<Account>(r#"{"id":"s123456","kind":"student"}"#).unwrap();
    assert_eq!(
        (account.nt_hash, account.previous_nt_hashes),
        (None, Vec::new())
    );
}

#[test]
fn stored_account_is_read_back_with_its_nt_hashes() {
    let mut account = account();
    account.set_nt_hash(Some(hash("second")));
    let stored = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<Account>(&stored).unwrap(), account);
}

#[test]
fn account_without_secrets_has_no_hash_of_any_kind() {
    let mut account = account();
    account.set_credentials(password(), Some(hash("second")));
    account.set_legacy_chap_secret(Some(ChapSecret::new(b"printer").unwrap()));
    let shown = serde_json::to_value(account.without_secrets()).unwrap();
    for field in ["password", "nt_hash", "legacy_chap_secret"] {
        assert!(shown[field].is_null(), "{field}");
    }
    for field in ["previous", "previous_nt_hashes"] {
        assert_eq!(shown[field], serde_json::json!([]), "{field}");
    }
    assert!(!format!("{account:?}").contains(&**hash("second").reveal()));
}

#[test]
fn changed_chap_secret_voids_proofs_and_a_new_password_leaves_it() {
    let mut account = account();
    let secret = ChapSecret::new(b"printer").unwrap();
    account.set_legacy_chap_secret(Some(secret.clone()));
    assert_eq!(account.credential_version, 2);
    account.set_legacy_chap_secret(Some(secret.clone()));
    assert_eq!(account.credential_version, 2);
    account.set_password(password());
    assert_eq!(account.legacy_chap_secret, Some(secret));
    let stored = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<Account>(&stored).unwrap(), account);
}

#[test]
fn upgraded_hash_is_no_new_password() {
    let before = account();
    let old = PasswordHash::parse("{SSHA}HVnXGMWeluuicOXmrx5ddy17N8O/j7ui").unwrap();
    let mut account = before.clone();
    account.password.as_mut().unwrap().hash = old.clone();
    let mut other = account.clone();
    assert!(account.upgrade_hash(&old, PasswordHash::dummy()));
    assert!(account.has_hash(&PasswordHash::dummy()) && account.has_hash(&old));
    account.upgraded_from = None;
    assert_eq!(account, before);
    // Somebody was faster.
    other.set_password(password());
    assert!(!other.upgrade_hash(&old, PasswordHash::dummy()));
}

#[test]
fn hash_that_an_upgrade_replaced_is_an_earlier_one_after_the_next_change() {
    let mut account = account();
    let old = PasswordHash::parse("{SSHA}HVnXGMWeluuicOXmrx5ddy17N8O/j7ui").unwrap();
    account.password.as_mut().unwrap().hash = old.clone();
    assert!(account.upgrade_hash(&old, PasswordHash::dummy()));
    let new = PasswordHash::parse("{SSHA}8PJeAwHjTeQzlWxYH8nXzBUDEAc5HRCa").unwrap();
    account.set_password(Password {
        hash: new,
        ..password()
    });
    assert!(!account.has_hash(&old));
    assert_eq!(account.previous, [PasswordHash::dummy()]);
}
