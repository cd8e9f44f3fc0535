//! Brings the mirror together with the directory that it is of.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ldap3::Scope as LdapScope;
use portvakt_auth::Account;
use portvakt_sealing::SealingKey;

use super::{
    Connect, EntrySource, OpenConnection, Replica, ReplicaConfig, ReplicaWorker, SyncMethod,
    carry_over,
};
use crate::connection::connector::{self, Connector};
use crate::query::known_credentials::KnownCredentials;
use crate::schema::mapping::Mapping;
use crate::schema::template::id_attribute;
use crate::settings::{ReplicaSettings, Scope, Settings, Template};
use crate::{Failure, OpenError, RealmScope};
use portvakt_directory::EntryFault;
use portvakt_directory::attributes::AttributeRole;
use portvakt_directory::entry::Entry;

/// Interval of full reads where only they show deletions and groups.
const OFTEN: Duration = Duration::from_secs(15 * 60);
const DAILY: Duration = Duration::from_secs(24 * 60 * 60);

/// Begins to mirror a directory, if that is configured.
pub(crate) fn start(
    settings: &Settings,
    people: &RealmScope,
    data: &Path,
    sealing_key: &SealingKey,
    known: Arc<KnownCredentials>,
) -> Result<Option<(Arc<Replica>, ReplicaWorker)>, OpenError> {
    let Some(how) = &settings.mirror else {
        return Ok(None);
    };
    let tls = Arc::new(connector::tls(settings.authorities.as_deref())?);
    let connector = |server| Connector::new(settings, server, Arc::clone(&tls)).of_mirror();
    let source = LdapEntrySource {
        connectors: settings.servers.iter().map(connector).collect(),
        mapping: Mapping::new(settings, people),
        sealing_key: sealing_key.clone(),
        known,
    };
    let replica = Arc::new(Replica::new(how.max_age));
    let config = config(settings, how, people, &source.mapping, data);
    let worker = ReplicaWorker::start(Arc::clone(&replica), Arc::new(source), config)?;
    Ok(Some((replica, worker)))
}

/// By when a mirror has heard of any change; at once without one.
pub(crate) fn hears_within(settings: &Settings) -> Duration {
    let how = settings.mirror.as_ref();
    how.map_or(Duration::ZERO, |how| 2 * how.poll_every)
}

struct LdapEntrySource {
    connectors: Vec<Connector>,
    mapping: Mapping,
    sealing_key: SealingKey,
    known: Arc<KnownCredentials>,
}

impl LdapEntrySource {
    /// The first server that can be had.
    async fn connect(&self) -> Result<OpenConnection, Failure> {
        let mut last = Failure::AllDown("none is configured".to_owned());
        for connector in &self.connectors {
            match connector.connect().await {
                Ok(connection) => {
                    return Ok(OpenConnection {
                        ldap: connection.ldap,
                        driver: connection.driver,
                        faults: connection.faults,
                        flow: connection.flow,
                    });
                }
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }
}

impl EntrySource for LdapEntrySource {
    fn connect(&self) -> Connect<'_> {
        Box::pin(self.connect())
    }

    fn sealing_key(&self) -> Option<SealingKey> {
        Some(self.sealing_key.clone())
    }

    fn understand(
        &self,
        entry: &Entry,
        known: Option<&Account>,
    ) -> Result<Option<Account>, EntryFault> {
        let now = Timestamp::now();
        let mut account = self.mapping.understand(entry, now).account?;
        let is_upgraded = self.known.keep_version(&mut account);
        if let Some(known) = known {
            carry_over(&mut account, known, is_upgraded, now);
        }
        Ok(Some(account))
    }
}

fn config(
    settings: &Settings,
    how: &ReplicaSettings,
    people: &RealmScope,
    mapping: &Mapping,
    data: &Path,
) -> ReplicaConfig {
    let is_active_directory = settings.template == Template::ActiveDirectory;
    let is_told_of_all = settings.groups.is_empty()
        && !is_active_directory
        && matches!(how.method, SyncMethod::Auto | SyncMethod::Sync);
    let usual = if is_told_of_all { DAILY } else { OFTEN };
    ReplicaConfig {
        name: settings.name.clone(),
        method: how.method,
        is_active_directory,
        base: settings.base.clone(),
        scope: match settings.scope {
            Scope::Subtree => LdapScope::Subtree,
            Scope::OneLevel => LdapScope::OneLevel,
        },
        filter: filter(settings, mapping),
        attributes: mapping.wanted(),
        id_attribute: id_attribute(settings.template),
        poll_every: how.poll_every,
        reconcile_every: how.reconcile_every.unwrap_or(usual),
        keep_alive: settings.keep_alive,
        operation_timeout: settings.query_timeout.max(Duration::from_secs(5)),
        journal: Some(data.join(format!("directory-{}.mirror", settings.name))),
        fingerprint: fingerprint(settings, people),
    }
}

/// Every entry that a log-on could be looked up in: it has a name. In Active Directory groups have
/// one, too.
fn filter(settings: &Settings, mapping: &Mapping) -> String {
    let names = mapping.attributes.of(AttributeRole::UserName).iter();
    let named: String = names.map(|name| format!("({name}=*)")).collect();
    let people = match settings.template {
        Template::ActiveDirectory => "(objectClass=user)",
        _ => "",
    };
    let own = settings.filter.as_deref().unwrap_or_default();
    format!("(&(|{named}){people}{own})")
}

/// Everything that decides what a directory's entries mean.
fn fingerprint(settings: &Settings, people: &RealmScope) -> String {
    let what = (
        (&settings.base, settings.scope, &settings.filter),
        (settings.template, settings.verify, &settings.attributes),
        (&settings.kinds, settings.default_kind, settings.membership),
        (&settings.groups, people, &settings.servers),
        settings.old_password_period,
    );
    let mut hasher = DefaultHasher::new();
    format!("{what:?}").hash(&mut hasher);
    format!("{} {:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}
