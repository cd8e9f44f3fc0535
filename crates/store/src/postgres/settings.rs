//! Settings of the connection to the database: hosts, name, user, TLS.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, tls};

/// A URL that names no usable database.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("it can't be read: {0}")]
    Malformed(String),
    /// No host.
    #[error("it names no host")]
    NoHost,
    /// No user.
    #[error("it names no user")]
    NoUser,
    /// A password in it is shown by `check`, by backups and by mistake.
    #[error("it has a password in it")]
    Password,
    /// No certificate of an authority is there to verify the server with.
    #[error("no authority is there to verify the server's certificate with")]
    NoAuthority,
}

/// Which servers have a commit before it counts as durable: `synchronous_commit` of PostgreSQL.
/// Without synchronous standbys, all but `off` (which is not offered) mean the disk of the one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SynchronousCommit {
    /// The disk of the primary alone: a fail-over may forget the last failures.
    Local,
    /// The memory of the synchronous standbys.
    RemoteWrite,
    /// The disk of the synchronous standbys.
    #[default]
    On,
    /// As `on`, and to be seen there.
    RemoteApply,
}

impl SynchronousCommit {
    /// The word in the configuration and the value in PostgreSQL.
    pub const ALL: [(&'static str, Self); 4] = [
        ("on", Self::On),
        ("local", Self::Local),
        ("remote-write", Self::RemoteWrite),
        ("remote-apply", Self::RemoteApply),
    ];

    pub(super) fn value(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::RemoteWrite => "remote_write",
            Self::On => "on",
            Self::RemoteApply => "remote_apply",
        }
    }
}

/// Settings of the database. `Debug` shows no password.
#[derive(Clone, PartialEq)]
pub struct PostgresSettings {
    pub(super) config: Config,
    pub(super) synchronous_commit: SynchronousCommit,
    pub(super) authorities: Option<Vec<CertificateDer<'static>>>,
    /// The name of this server among those of the database; empty for none.
    pub(super) node: String,
    /// The process that writes: one of its own for each opened store.
    pub(super) origin: String,
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("at", &self.at())
            .field("synchronous_commit", &self.synchronous_commit)
            .finish_non_exhaustive()
    }
}

impl PostgresSettings {
    /// Reads `postgres://USER@HOST[:PORT][,HOST…]/DATABASE[?KEY=VALUE&…]`. TLS is required over TCP
    /// unless the URL says `sslmode=disable`; `prefer` counts as `require`. A server that takes no
    /// writes is passed over.
    ///
    /// # Errors
    /// [`SettingsError`], except [`SettingsError::NoAuthority`].
    pub fn parse(url: &str) -> Result<Self, SettingsError> {
        let parsed = url.parse::<Config>();
        let mut config = parsed.map_err(|error| SettingsError::Malformed(error.to_string()))?;
        if config.get_hosts().is_empty() {
            return Err(SettingsError::NoHost);
        }
        if config.get_user().is_none() {
            return Err(SettingsError::NoUser);
        }
        if config.get_password().is_some() {
            return Err(SettingsError::Password);
        }
        let is_tcp = |host: &Host| matches!(host, Host::Tcp(_));
        let mode = match config.get_ssl_mode() {
            SslMode::Disable => SslMode::Disable,
            _ if !config.get_hosts().iter().any(is_tcp) => SslMode::Disable,
            _ => SslMode::Require,
        };
        config
            .ssl_mode(mode)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .application_name("portvakt");
        Ok(Self {
            config,
            synchronous_commit: SynchronousCommit::default(),
            authorities: None,
            node: String::new(),
            origin: String::new(),
        })
    }

    /// Whether passwords and hashes travel unprotected over a network.
    #[must_use]
    pub fn is_unprotected(&self) -> bool {
        let is_remote = |host: &Host| match host {
            Host::Tcp(name) => !matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Host::Unix(_) => false,
        };
        !self.uses_tls() && self.config.get_hosts().iter().any(is_remote)
    }

    /// The password of the user.
    #[must_use]
    pub fn with_password(mut self, password: &[u8]) -> Self {
        self.config.password(password);
        self
    }

    /// Authorities that a server's certificate must come from, instead of the system's.
    #[must_use]
    pub fn with_authorities(mut self, authorities: Vec<CertificateDer<'static>>) -> Self {
        self.authorities = Some(authorities);
        self
    }

    /// Gives this server a name among those that share the database: letters, digits, `.`, `-` and
    /// `_`. No two may have the same at once.
    #[must_use]
    pub fn with_node(mut self, name: &str) -> Self {
        name.clone_into(&mut self.node);
        self
    }

    /// When a commit counts as durable.
    #[must_use]
    pub fn with_synchronous_commit(mut self, when: SynchronousCommit) -> Self {
        self.synchronous_commit = when;
        self
    }

    /// Database and hosts, for people.
    #[must_use]
    pub fn at(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let database = self.config.get_dbname().or(self.config.get_user());
        let hosts = hosts.collect::<Vec<_>>().join(", ");
        format!("{} at {hosts}", database.unwrap_or_default())
    }

    pub(super) fn uses_tls(&self) -> bool {
        self.config.get_ssl_mode() != SslMode::Disable
    }

    /// TLS 1.2 or later with the server's certificate and name verified.
    pub(super) fn tls(&self) -> Result<ClientConfig, SettingsError> {
        let mut roots = RootCertStore::empty();
        let authorities = match &self.authorities {
            Some(authorities) => authorities.clone(),
            None => rustls_native_certs::load_native_certs().certs,
        };
        roots.add_parsable_certificates(authorities);
        if roots.is_empty() {
            return Err(SettingsError::NoAuthority);
        }
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = ClientConfig::builder_with_provider(provider.into());
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| SettingsError::Malformed(error.to_string()))?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// Without TLS.
pub(super) const NO_TLS: tls::NoTls = tls::NoTls;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_read_and_tls_required_over_tcp() {
        let tls = |url| PostgresSettings::parse(url).unwrap().uses_tls();
        assert!(tls("postgres://portvakt@db1,db2:5433/portvakt"));
        assert!(tls("postgres://portvakt@db1/portvakt?sslmode=prefer"));
        assert!(!tls("postgres://portvakt@db1/portvakt?sslmode=disable"));
        assert!(!tls("postgres://portvakt@%2Frun%2Fpostgresql/portvakt"));
        let of = |url| PostgresSettings::parse(url).unwrap();
        assert!(of("postgres://p@db1/p?sslmode=disable").is_unprotected());
        assert!(!of("postgres://p@localhost/p?sslmode=disable").is_unprotected());
        assert!(!of("postgres://p@db1/p").is_unprotected());
        assert_eq!(of("postgres://p@db1,db2/q").at(), "q at db1, db2");
    }

    #[test]
    fn url_that_names_no_usable_database_is_refused() {
        let refused = |url| PostgresSettings::parse(url).unwrap_err();
        assert_eq!(
            refused("postgres:///portvakt?user=a"),
            SettingsError::NoHost
        );
        assert_eq!(refused("postgres://db1/portvakt"), SettingsError::NoUser);
        assert_eq!(refused("postgres://a:b@db1/p"), SettingsError::Password);
        assert!(matches!(
            refused("postgres://a@db1/p?nonsense=1"),
            SettingsError::Malformed(_)
        ));
    }

    #[test]
    fn password_is_not_shown() {
        let settings = PostgresSettings::parse("postgres://a@db1/p").unwrap();
        let shown = format!("{:?}", settings.with_password(b"hemmelig"));
        assert!(!shown.contains("hemmelig"), "{shown}");
    }
}
