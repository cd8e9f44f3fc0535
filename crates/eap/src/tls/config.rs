//! The server's certificate, key and TLS policy, read once and shared by all conversations.

use super::client_certificates::ClientCertificates;
use super::config_error::TlsConfigError;
use super::provider::provider;
use super::resumption::{Recheck, Staging};
use super::session_tickets::SessionTickets;
use super::sessions::{Basis, Scope, Sessions};
use super::tickets::{TicketKeys, Tickets};
use crate::packet::EapType;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::sync::Arc;

/// Which TLS versions are offered; TLS 1.1 and older never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsVersions {
    /// TLS 1.2 and 1.3: what a campus wants.
    #[default]
    Both,
    /// For devices whose TLS 1.3 is broken.
    Tls12Only,
    /// Shuts out devices of before about 2022.
    Tls13Only,
}

impl TlsVersions {
    fn supported(self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        static TLS12_ONLY: [&SupportedProtocolVersion; 1] = [&TLS12];
        static TLS13_ONLY: [&SupportedProtocolVersion; 1] = [&TLS13];
        match self {
            TlsVersions::Both => &BOTH,
            TlsVersions::Tls12Only => &TLS12_ONLY,
            TlsVersions::Tls13Only => &TLS13_ONLY,
        }
    }
}

/// A server's TLS side: certificate chain, key, versions. Cheap to clone.
///
/// To load a new certificate, build another and put it to work: it costs less than one handshake.
/// Sessions live on where both were given the same [`Sessions`]. There is no early data.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    versions: TlsVersions,
    certified: Option<Certified>,
    sessions: Option<Sessions>,
    ticket_keys: Option<TicketKeys>,
}

/// The same server for methods in which devices show certificates.
#[derive(Clone)]
struct Certified {
    config: Arc<ServerConfig>,
    certificates: ClientCertificates,
}

impl ServerTls {
    /// Reads the chain (leaf first, PEM) and its key (PKCS #8, SEC 1 or PKCS #1, PEM).
    ///
    /// # Errors
    /// [`TlsConfigError`], each a sentence for the operator.
    pub fn from_pem(
        chain: &[u8],
        key: &[u8],
        versions: TlsVersions,
    ) -> Result<Self, TlsConfigError> {
        Self::from_pem_stapled(chain, key, versions, None)
    }

    /// As [`ServerTls::from_pem`]. Devices that ask for it get `ocsp_response` (DER, RFC 6960) with
    /// the server's own certificate; there is no place for responses about its issuers. Whether it
    /// fits the certificate is not checked.
    ///
    /// # Errors
    /// [`TlsConfigError`], each a sentence for the operator.
    pub fn from_pem_stapled(
        chain: &[u8],
        key: &[u8],
        versions: TlsVersions,
        ocsp_response: Option<&[u8]>,
    ) -> Result<Self, TlsConfigError> {
        let chain = read_chain(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsConfigError::KeyPem(error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(versions.supported())
            .map_err(|error| TlsConfigError::Refused(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert_with_ocsp(chain, key, ocsp_response.unwrap_or_default().to_vec())
            .map_err(|error| TlsConfigError::KeyUnfit(error.to_string()))?;
        set_basics(&mut config);
        Ok(ServerTls {
            config: Arc::new(config),
            versions,
            certified: None,
            sessions: None,
            ticket_keys: None,
        })
    }

    /// Demands client certificates in the methods that are about them (EAP-TLS); the others go on
    /// without.
    ///
    /// # Errors
    /// [`TlsConfigError::Refused`].
    pub fn with_client_certificates(
        self,
        certificates: ClientCertificates,
    ) -> Result<Self, TlsConfigError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(provider()));
        let mut config = builder
            .with_protocol_versions(self.versions.supported())
            .map_err(|error| TlsConfigError::Refused(error.to_string()))?
            .with_client_cert_verifier(Arc::clone(&certificates.verifier))
            .with_cert_resolver(Arc::clone(&self.config.cert_resolver));
        set_basics(&mut config);
        config.time_provider = Arc::clone(&self.config.time_provider);
        let certified = Some(Certified {
            config: Arc::new(config),
            certificates,
        });
        Ok(ServerTls { certified, ..self })
    }

    /// Has certificates and lists checked against this clock, not against the system's.
    #[must_use]
    pub fn with_time_provider(mut self, time: Arc<dyn TimeProvider>) -> Self {
        Arc::make_mut(&mut self.config).time_provider = Arc::clone(&time);
        if let Some(certified) = &mut self.certified {
            Arc::make_mut(&mut certified.config).time_provider = time;
        }
        self
    }

    /// Whether there are authorities for client certificates.
    pub fn takes_client_certificates(&self) -> bool {
        self.certified.is_some()
    }

    /// Lets devices resume what is, or will be, in `sessions`; without this nobody resumes.
    #[must_use]
    pub fn with_sessions(self, sessions: Sessions) -> Self {
        let sessions = Some(sessions);
        ServerTls { sessions, ..self }
    }

    /// Lets devices of EAP-TLS resume on every server that has one of these keys, for as long as
    /// the [`Sessions`] last; without sessions it changes nothing.
    #[must_use]
    pub fn with_ticket_keys(self, keys: TicketKeys) -> Self {
        let ticket_keys = Some(keys);
        ServerTls {
            ticket_keys,
            ..self
        }
    }

    /// Settings of the connections of one method.
    pub(crate) fn for_method(&self, method: EapType) -> MethodTls {
        let certified = self.certified.as_ref();
        let demanding = certified.filter(|_| method == EapType::TLS);
        let config = demanding.map_or(&self.config, |certified| &certified.config);
        MethodTls {
            config: Arc::clone(config),
            certificates: certified.map(|certified| certified.certificates.clone()),
            demands_certificate: demanding.is_some(),
            sessions: self.sessions.clone(),
            ticket_keys: self.ticket_keys.clone().filter(|_| method == EapType::TLS),
            method,
            resumable: Arc::default(),
        }
    }

    /// Settings of EAP-TLS inside a tunnel: it keeps no sessions, the tunnel does. `None`
    /// without authorities for client certificates.
    pub(crate) fn for_inner(&self) -> Option<MethodTls> {
        self.certified.as_ref().map(|_demanding| MethodTls {
            sessions: None,
            ..self.for_method(EapType::TLS)
        })
    }
}

/// A server's TLS side as one method uses it.
#[derive(Clone)]
pub(crate) struct MethodTls {
    config: Arc<ServerConfig>,
    /// The rules for client certificates, shown in this handshake or inside the tunnel.
    certificates: Option<ClientCertificates>,
    demands_certificate: bool,
    sessions: Option<Sessions>,
    ticket_keys: Option<TicketKeys>,
    method: EapType,
    /// Bases of a log-on whose session may be resumed.
    resumable: Arc<[Basis]>,
}

/// Configuration of one connection.
pub(super) struct Parts {
    pub(super) config: Arc<ServerConfig>,
    pub(super) staging: Option<Arc<Staging>>,
    pub(super) tickets: Option<Arc<Tickets>>,
    pub(super) session_tickets: Option<Arc<SessionTickets>>,
}

/// Where a connection looks for the session that the device names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookUp {
    /// In memory and in tickets; what memory does not have is noted as missing.
    Everywhere,
    /// In memory and in tickets.
    Here,
    /// In memory.
    NotInTickets,
}

impl MethodTls {
    /// The same, where nothing may be resumed.
    pub(crate) fn without_sessions(self) -> Self {
        MethodTls {
            sessions: None,
            ..self
        }
    }

    /// Has nothing resumed but what rests on one of `bases`.
    pub(crate) fn resume_only(&mut self, bases: Vec<Basis>) {
        self.resumable = bases.into();
    }

    /// The configuration for one connection, with a session storage of its own.
    pub(super) fn connect(&self, look_up: LookUp) -> Parts {
        let Some(sessions) = &self.sessions else {
            return Parts {
                config: Arc::clone(&self.config),
                staging: None,
                tickets: None,
                session_tickets: None,
            };
        };
        let staging = Arc::new(Staging::new(
            sessions.clone(),
            self.scope(),
            self.recheck(),
            Arc::clone(&self.resumable),
            look_up == LookUp::Everywhere,
        ));
        let mut config = ServerConfig::clone(&self.config);
        config.session_storage = Arc::clone(&staging) as _;
        // A second one would double what is stored, and a device uses one.
        config.send_tls13_tickets = 1;
        let opens = look_up != LookUp::NotInTickets;
        let tickets = self.tickets(sessions, opens).map(Arc::new);
        let session_tickets = self.session_tickets(sessions, &staging).map(Arc::new);
        if let Some(tickets) = &tickets {
            config.ticketer = Arc::clone(tickets) as _;
        } else if let Some(tickets) = &session_tickets {
            config.ticketer = Arc::clone(tickets) as _;
        }
        Parts {
            config: Arc::new(config),
            staging: Some(staging),
            tickets,
            session_tickets,
        }
    }

    /// None where the handshake demands a certificate: the chain would make tickets that take
    /// round trips of their own.
    fn session_tickets(
        &self,
        sessions: &Sessions,
        staging: &Arc<Staging>,
    ) -> Option<SessionTickets> {
        let keys = sessions
            .ticket_keys()
            .filter(|_| !self.demands_certificate)?;
        let lifetime = sessions.time_to_live();
        let staging = Arc::clone(staging);
        Some(SessionTickets::new(keys, self.scope(), lifetime, staging))
    }

    /// None without rules for the certificates that tickets carry.
    fn tickets(&self, sessions: &Sessions, opens: bool) -> Option<Tickets> {
        let (keys, recheck) = self.ticket_keys.clone().zip(self.recheck())?;
        let lifetime = sessions.time_to_live();
        Some(Tickets::new(keys, self.scope(), lifetime, recheck, opens))
    }

    fn scope(&self) -> Scope {
        let certificates = self.certificates.as_ref();
        Scope {
            method: self.method,
            client_authorities: certificates
                .filter(|_| self.demands_certificate)
                .map(|certificates| certificates.authorities),
        }
    }

    fn recheck(&self) -> Option<Recheck> {
        let certificates = self.certificates.as_ref()?;
        Some(Recheck {
            verifier: Arc::clone(&certificates.verifier),
            time: Arc::clone(&self.config.time_provider),
        })
    }
}

/// Our order of cipher suites, and no resumption: rustls' own store would let a session be resumed
/// before the log-on has succeeded.
fn set_basics(config: &mut ServerConfig) {
    config.ignore_client_order = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls(..)")
    }
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsConfigError::ChainPem(error.to_string()))?;
    if chain.is_empty() {
        Err(TlsConfigError::ChainEmpty)
    } else {
        Ok(chain)
    }
}
