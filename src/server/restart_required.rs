//! Keys that a reload cannot change, as they are only read at the start.

use portvakt_auth::Realm;
use portvakt_ldap::settings::Settings;

use crate::config::Config;

/// The keys that are only read at the start and differ from what was read then.
pub(super) fn restart_required(started: &Config, new: &Config) -> Vec<&'static str> {
    let keys = Vec::new();
    let mut changed = Changed { started, new, keys };
    changed.compare("data", |c| &c.data);
    changed.compare("store", |c| &c.store);
    changed.compare("node", |c| &c.node);
    changed.compare("listen", |c| &c.listen);
    changed.compare("accounting.listen", |c| &c.accounting.listen);
    changed.compare("accounting.keep-days", |c| c.accounting.keep_days);
    changed.compare("radius.workers", |c| c.radius.workers);
    // None where no client speaks EAP.
    changed.compare("eap.resume-for", |c| Some(c.eap.as_ref()?.resume_for));
    changed.compare("radius.duplicate-lifetime", |c| c.radius.duplicate_lifetime);
    changed.compare("radius.conversation-timeout", |c| {
        c.radius.conversation_timeout
    });
    changed.compare("radius.max-conversations", |c| c.radius.max_conversations);
    changed.compare("radius.receive-buffer", |c| c.radius.receive_buffer);
    changed.compare("passwords.hash-threads", |c| c.passwords.hash_threads);
    changed.compare("passwords.hash-queue", |c| c.passwords.hash_queue);
    changed.compare("passwords.hash-deadline", |c| c.passwords.hash_deadline);
    changed.compare("passwords.remember-proofs", |c| c.passwords.remember_proofs);
    changed.compare("directory", directories);
    changed.compare("accounts.sealing-key-file", |c| {
        Some(&c.accounts.sealing_key.as_ref()?.path)
    });
    changed.compare("metrics.address", |c| c.metrics);
    changed.compare("control.socket", |c| &c.control);
    changed.keys
}

/// The comparison of two configurations, key by key.
struct Changed<'c> {
    started: &'c Config,
    new: &'c Config,
    /// Keys that differ.
    keys: Vec<&'static str>,
}

impl<'c> Changed<'c> {
    fn compare<T: PartialEq>(&mut self, key: &'static str, value: impl Fn(&'c Config) -> T) {
        if value(self.started) != value(self.new) {
            self.keys.push(key);
        }
    }
}

/// Each source's directory, and its first realm where several sources are told apart by it.
fn directories(config: &Config) -> Vec<(Option<&Realm>, Option<&Settings>)> {
    let has_several = config.account_sources.len() > 1;
    let sources = config.account_sources.iter();
    sources
        .map(|source| {
            let named_by = source.realms.first().filter(|_| has_several);
            (named_by, source.directory.as_ref())
        })
        .collect()
}
