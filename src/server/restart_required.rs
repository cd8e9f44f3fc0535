//! Keys that a reload cannot change, as they are only read at the start.

use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::config::{self, Config};

/// How long devices may come back on a session; none where nobody speaks EAP.
fn resume_for(config: &Config) -> Option<Duration> {
    config.eap.as_ref().map(|eap| eap.resume_for)
}

/// The keys that differ and are only read at the start.
pub(super) fn restart_required(old: &Config, new: &Config) -> Vec<&'static str> {
    let pairs = [
        ("data", old.data == new.data),
        ("listen", old.listen == new.listen),
        ("radius.workers", old.radius.workers == new.radius.workers),
        ("eap.resume-for", resume_for(old) == resume_for(new)),
        (
            "radius.duplicate-lifetime",
            old.radius.duplicate_lifetime == new.radius.duplicate_lifetime,
        ),
        (
            "radius.conversation-timeout",
            old.radius.conversation_timeout == new.radius.conversation_timeout,
        ),
        (
            "radius.max-conversations",
            old.radius.max_conversations == new.radius.max_conversations,
        ),
        (
            "radius.receive-buffer",
            old.radius.receive_buffer == new.radius.receive_buffer,
        ),
        (
            "passwords.hash-threads",
            old.passwords.hash_threads == new.passwords.hash_threads,
        ),
        (
            "passwords.hash-queue",
            old.passwords.hash_queue == new.passwords.hash_queue,
        ),
        (
            "passwords.hash-deadline",
            old.passwords.hash_deadline == new.passwords.hash_deadline,
        ),
        (
            "passwords.remember-proofs",
            old.passwords.remember_proofs == new.passwords.remember_proofs,
        ),
        ("directory", directories(old) == directories(new)),
        (
            "accounts.sealing-key-file",
            sealing_key_path(old) == sealing_key_path(new),
        ),
        ("metrics.address", old.metrics == new.metrics),
        ("control.socket", old.control == new.control),
    ];
    pairs
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(key, _)| key)
        .collect()
}

fn sealing_key_path(config: &Config) -> Option<&Path> {
    let file = config.accounts.sealing_key.as_ref();
    file.map(|file| file.path.as_path())
}

/// Settings that count when directories are opened: each with its first realm and its password.
fn directories(config: &Config) -> Vec<(String, Option<Zeroizing<Vec<u8>>>)> {
    // Of several directories the order and the first realms say how accounts are named.
    let naming = |home: &config::AccountSource| match &*config.account_sources {
        [_] => None,
        _ => home.realms.first().cloned(),
    };
    let of = |home: &config::AccountSource| {
        let bind = home.directory.as_ref().and_then(|ldap| ldap.bind.as_ref());
        let password = bind.map(|bind| bind.password.clone());
        // What is written out has every key, and the password's place only.
        (format!("{:?} {:?}", naming(home), home.directory), password)
    };
    config.account_sources.iter().map(of).collect()
}
