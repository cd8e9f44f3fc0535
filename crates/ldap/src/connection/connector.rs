//! Makes connections to one server: TCP, TLS, and our own name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::connection::failure::{Failure, rustls_error};
use crate::connection::flow::Flow;
use crate::connection::screen::{Answers, Faults, Screen, start_tls};
use crate::connection::tls_words::Expected;
use crate::settings::{LdapServer, Security, ServiceAccount, Settings};

/// Data that is not acknowledged for so long ends a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Makes connections to one server.
pub(crate) struct Connector {
    server: LdapServer,
    expected: Expected,
    account: Option<ServiceAccount>,
    tls: Arc<ClientConfig>,
    patience: Duration,
    keep_alive: Duration,
    is_of_mirror: bool,
}

/// A connection, and the task that reads and writes it: when that ends, so has the connection.
pub(crate) struct Connection {
    pub(crate) ldap: Ldap,
    pub(crate) driver: JoinHandle<()>,
    /// Why it ended, where that is for what the directory sent.
    pub(crate) faults: Faults,
    /// Bound of the octets that a directory may send at once.
    pub(crate) flow: Flow,
}

impl Connector {
    pub(crate) fn new(settings: &Settings, server: &LdapServer, tls: Arc<ClientConfig>) -> Self {
        Self {
            expected: Expected {
                ca_file: settings.ca_file.clone(),
                server_name: settings.server_name.clone().unwrap_or(server.host.clone()),
            },
            server: server.clone(),
            account: settings.bind.clone(),
            tls,
            patience: settings.connect_timeout,
            keep_alive: settings.keep_alive,
            is_of_mirror: false,
        }
    }

    /// The same for a mirror, which asks for everybody.
    pub(crate) fn of_mirror(self) -> Self {
        Self {
            is_of_mirror: true,
            ..self
        }
    }

    /// How long a server may be silent when it is asked whether it lives.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// A connection under our own name, for questions.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let mut connection = self.connect_as_nobody().await?;
        let Some(account) = &self.account else {
            return Ok(connection);
        };
        let password = std::str::from_utf8(&account.password)
            .map_err(|_| Failure::ServiceAccount("the password is not UTF-8".to_owned()))?;
        // An empty one would succeed as nobody (P1); the configuration takes none.
        let bind = connection.ldap.simple_bind(&account.dn, password);
        let answer = timeout(self.patience, bind).await;
        let answer = answer
            .map_err(|_| Failure::Timeout)
            .and_then(|answer| Ok(answer?));
        let result = answer.map_err(|failure| connection.faults.explain(failure))?;
        match (result.rc, Failure::of_server(&result)) {
            (0, _) => Ok(connection),
            (_, Some(failure)) => Err(failure),
            _ => Err(Failure::ServiceAccount(result.to_string())),
        }
    }

    /// A connection that has not said who it is, for checking somebody's password.
    pub(crate) async fn connect_as_nobody(&self) -> Result<Connection, Failure> {
        let made = timeout(self.patience, self.make());
        made.await.map_err(|_| Failure::Timeout)?
    }

    async fn make(&self) -> Result<Connection, Failure> {
        let mut stream = self.dial().await?;
        match self.server.security {
            Security::DangerPlainText => self.speak_over(stream).await,
            Security::Tls => self.speak_over(self.secure(stream).await?).await,
            Security::StartTls => {
                start_tls(&mut stream).await?;
                self.speak_over(self.secure(stream).await?).await
            }
        }
    }

    async fn secure(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let name = ServerName::try_from(self.expected.server_name.clone())
            .map_err(|_| Failure::Tls("this is no name for a certificate".to_owned()))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let secured = connector.connect(name, stream).await;
        secured.map_err(|error| match rustls_error(&error) {
            Some(error) => Failure::Tls(self.expected.in_words(error)),
            None => Failure::from(error),
        })
    }

    async fn speak_over<S>(&self, stream: S) -> Result<Connection, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let faults = Faults::default();
        let flow = Flow::default();
        let answers = match self.is_of_mirror {
            true => Answers::OfEverybody(flow.clone()),
            false => Answers::OfPeople,
        };
        let (screen, end) = Screen::before(stream, answers, faults.clone())?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(end));
        // The address only says that it is such a socket: nothing is said yet, by either.
        let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await?;
        // In a task of its own, for the library panics at what it can't read.
        let driver = tokio::spawn(async move {
            let drive = async {
                if let Err(error) = connection.drive().await {
                    tracing::debug!(%error, "a connection to the directory ended");
                }
            };
            tokio::pin!(drive);
            tokio::select! {
                () = &mut drive => {}
                // What has passed is still to be read.
                () = screen.pass() => drive.await,
            }
        });
        Ok(Connection {
            ldap,
            driver,
            faults,
            flow,
        })
    }

    async fn dial(&self) -> Result<TcpStream, Failure> {
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
        Ok(stream)
    }
}

/// Whom we trust to say which server is the directory's: the authorities of the configuration, or
/// the system's.
///
/// # Errors
/// There is none, or none that can be read.
pub(crate) fn tls(authorities: Option<&[u8]>) -> Result<ClientConfig, rustls::Error> {
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
