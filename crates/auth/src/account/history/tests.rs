use super::*;
use crate::account::{Kind, Password, PasswordKind};
use crate::name::AccountId;
use jiff::Timestamp;

fn hash(name: char) -> PasswordHash {
    PasswordHash::parse(&format!("{{SSHA}}8PJeAwHjTeQzlWxYH8nXzBUDEAc5HRC{name}")).unwrap()
}

fn nt_hash(name: char) -> NtHash {
    NtHash::of_password(&name.to_string())
}

fn password(name: char) -> Password {
    Password {
        hash: hash(name),
        changed_at: Timestamp::UNIX_EPOCH,
        kind: PasswordKind::Permanent,
    }
}

fn account() -> Account {
    Account::new(AccountId::new("anna").unwrap(), Kind::Employee)
}

/// An account as a directory sends it, without its history.
fn read(current: Option<char>, nt: Option<char>) -> Account {
    Account {
        password: current.map(password),
        nt_hash: nt.map(nt_hash),
        ..account()
    }
}

/// Each row: the current password and NT hash as read, then the previous ones, newest first.
type Row = (Option<char>, Option<char>, &'static str, &'static str);

const SUCCESSIONS: &[(&str, &[Row])] = &[
    (
        "the last two are kept, and one that is current again is no previous one",
        &[
            (Some('a'), Some('a'), "", ""),
            (Some('b'), Some('b'), "a", "a"),
            (Some('b'), Some('b'), "a", "a"),
            (Some('c'), Some('c'), "ba", "ba"),
            (Some('d'), Some('d'), "cb", "cb"),
            (Some('c'), Some('c'), "db", "db"),
        ],
    ),
    (
        "one that was taken away is a previous one, until it comes back",
        &[
            (Some('a'), Some('a'), "", ""),
            (None, None, "a", "a"),
            (None, None, "a", "a"),
            (Some('b'), None, "a", "a"),
            (Some('a'), Some('a'), "b", ""),
        ],
    ),
    (
        "passwords and NT hashes change apart",
        &[
            (Some('a'), Some('a'), "", ""),
            (Some('a'), Some('b'), "", "a"),
            (Some('b'), Some('b'), "a", "a"),
            (Some('b'), None, "a", "ba"),
        ],
    ),
];

fn previous(names: &str) -> (Vec<PasswordHash>, Vec<NtHash>) {
    (
        names.chars().map(hash).collect(),
        names.chars().map(nt_hash).collect(),
    )
}

#[test]
fn replaced_credentials_become_the_previous_ones() {
    for (rule, rows) in SUCCESSIONS {
        let mut history = CredentialHistory::default();
        for (current, nt, passwords, nt_hashes) in *rows {
            let mut account = read(*current, *nt);
            history.pass_to(&mut account);
            assert_eq!(account.previous, previous(passwords).0, "{rule}");
            assert_eq!(account.previous_nt_hashes, previous(nt_hashes).1, "{rule}");
            history = CredentialHistory::of(&account);
        }
    }
}

/// The same rows by the calls of the embedded directory: both doors keep one rule.
#[test]
fn credentials_that_are_set_here_follow_the_same_rule() {
    for (rule, rows) in SUCCESSIONS {
        let mut account = account();
        for (current, nt, passwords, nt_hashes) in *rows {
            match current.map(password) {
                None => account.lock_password(),
                Some(new) if account.has_hash(&new.hash) => account.set_nt_hash(nt.map(nt_hash)),
                Some(new) => account.set_credentials(new, nt.map(nt_hash)),
            }
            assert_eq!(account.previous, previous(passwords).0, "{rule}");
            assert_eq!(account.previous_nt_hashes, previous(nt_hashes).1, "{rule}");
        }
    }
}

#[test]
fn hash_that_was_upgraded_is_no_previous_one() {
    let mut history = CredentialHistory::of(&read(Some('a'), Some('a')));
    history.upgrade_hash(&hash('b'));
    let mut account = read(Some('b'), Some('a'));
    history.pass_to(&mut account);
    assert_eq!(
        (account.previous, account.previous_nt_hashes),
        (vec![], vec![])
    );

    let mut history = CredentialHistory::default();
    history.upgrade_hash(&hash('b'));
    assert_eq!(history, CredentialHistory::default());
}

#[test]
fn nt_hash_of_an_earlier_password_is_not_kept_beside_a_new_one() {
    let mut account = account();
    account.set_credentials(password('a'), Some(nt_hash('a')));
    account.set_credentials(password('b'), Some(nt_hash('b')));
    for (sent, is_kept) in [('a', false), ('b', false), ('c', true)] {
        let sent = nt_hash(sent);
        let kept = account.nt_hash_with_new_password(&hash('c'), Some(&sent));
        assert_eq!(kept.is_some(), is_kept);
    }
    assert_eq!(account.nt_hash_with_new_password(&hash('c'), None), None);
    account.lock_password();
    let kept = |hash, sent: &NtHash| {
        account
            .nt_hash_with_new_password(&hash, Some(sent))
            .is_some()
    };
    assert!(
        kept(hash('b'), &nt_hash('b')),
        "the source has lifted its lock"
    );
    assert!(!kept(hash('c'), &nt_hash('b')));
}
