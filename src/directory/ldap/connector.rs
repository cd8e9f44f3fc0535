//! Makes connections to one server: TCP, TLS, and our own name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::failure::Failure;
use crate::config::{Ldap as Settings, LdapServer, Security, ServiceAccount};

/// Data that is not acknowledged for so long ends a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Makes connections to one server.
pub(super) struct Connector {
    server: LdapServer,
    server_name: String,
    account: Option<ServiceAccount>,
    tls: Arc<ClientConfig>,
    patience: Duration,
    keep_alive: Duration,
}

/// A connection, and the task that reads and writes it: when that ends, so has the connection.
pub(super) struct Connection {
    pub(super) ldap: Ldap,
    pub(super) driver: JoinHandle<()>,
}

impl Connector {
    pub(super) fn new(settings: &Settings, server: &LdapServer, tls: Arc<ClientConfig>) -> Self {
        Self {
            server_name: settings.server_name.clone().unwrap_or(server.host.clone()),
            server: server.clone(),
            account: settings.bind.clone(),
            tls,
            patience: settings.connect_timeout,
            keep_alive: settings.keep_alive,
        }
    }

    /// How long a server may be silent when it is asked whether it lives.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// A connection under our own name, for questions.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let mut connection = self.connect_as_nobody().await?;
        let Some(account) = &self.account else {
            return Ok(connection);
        };
        let password = std::str::from_utf8(account.password.as_bytes())
            .map_err(|_| Failure::ServiceAccount("the password is not UTF-8".to_owned()))?;
        // An empty one would succeed as nobody (P1); the configuration takes none.
        let bind = connection.ldap.simple_bind(&account.dn, password);
        let result = timeout(self.patience, bind)
            .await
            .map_err(|_| Failure::Timeout)??;
        match (result.rc, Failure::of_server(&result)) {
            (0, _) => Ok(connection),
            (_, Some(failure)) => Err(failure),
            _ => Err(Failure::ServiceAccount(result.to_string())),
        }
    }

    /// A connection that has not said who it is, for checking somebody's password.
    pub(super) async fn connect_as_nobody(&self) -> Result<Connection, Failure> {
        let made = timeout(self.patience, self.make());
        made.await.map_err(|_| Failure::Timeout)?
    }

    async fn make(&self) -> Result<Connection, Failure> {
        let stream = self.dial().await?;
        let settings = LdapConnSettings::new()
            .set_config(Arc::clone(&self.tls))
            .set_starttls(self.server.security == Security::StartTls)
            .set_std_stream(StdStream::Tcp(stream));
        let scheme = match self.server.security {
            Security::Tls => "ldaps",
            Security::StartTls | Security::DangerPlainText => "ldap",
        };
        let address = format!("{scheme}://{}:{}", self.server_name, self.server.port);
        // In a task of its own, for the library panics at what it can't read.
        let secured =
            tokio::spawn(async move { LdapConnAsync::with_settings(settings, &address).await });
        let (connection, ldap) = secured.await.map_err(|_| Failure::Garbled)??;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the directory ended");
            }
        });
        Ok(Connection { ldap, driver })
    }

    async fn dial(&self) -> Result<std::net::TcpStream, Failure> {
        let unreachable = |error: std::io::Error| Failure::Connect(error.to_string());
        let host = (self.server.host.as_str(), self.server.port);
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(host)
            .await
            .map_err(unreachable)?
            .collect();
        let stream = TcpStream::connect(&*addresses).await.map_err(unreachable)?;
        let options = SockRef::from(&stream);
        let keep_alive = TcpKeepalive::new().with_time(self.keep_alive);
        options
            .set_tcp_nodelay(true)
            .and_then(|()| options.set_tcp_keepalive(&keep_alive))
            .and_then(|()| options.set_tcp_user_timeout(Some(UNACKNOWLEDGED)))
            .map_err(unreachable)?;
        stream.into_std().map_err(unreachable)
    }
}

/// Whom we trust to say which server is the directory's: the authorities of the configuration, or
/// the system's.
///
/// # Errors
/// There is none, or none that can be read.
pub(super) fn tls(authorities: Option<&[u8]>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'static>> = match authorities {
        Some(pem) => CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| rustls::Error::General(error.to_string()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        let none = "no certificate authority is known: name one with ca-file".to_owned();
        return Err(rustls::Error::General(none));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
