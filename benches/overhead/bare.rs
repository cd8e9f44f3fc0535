//! The bare handshake: rustls at both ends, no EAP, no fragments, no accounts.

use std::hint::black_box;
use std::sync::Arc;

use portvakt_eap::TlsVersions;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};

use super::Case;
use super::stopwatch::{Stopwatch, cost_of_looking};

/// A server and a device.
pub(crate) struct Pair {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    resumed: bool,
    looking: f64,
}

impl Pair {
    pub(crate) fn new(case: &Case<'_>) -> Self {
        let version = match case.versions {
            TlsVersions::Tls12Only => &TLS12,
            _ => &TLS13,
        };
        let mut pair = Self {
            server: server(case, version),
            client: client(case, version),
            resumed: case.resumed,
            looking: cost_of_looking(),
        };
        if case.resumed {
            pair.resumed = false;
            pair.handshake();
            pair.resumed = true;
        }
        pair
    }

    /// One handshake, the key export and the end of the connection: microseconds at the server.
    pub(crate) fn handshake(&mut self) -> f64 {
        let mut stopwatch = Stopwatch::default();
        let name = ServerName::try_from("radius.campus.example").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        let hello = written(|into| client.write_tls(into).map(|_| client.wants_write()));
        let (mut server, flight) = stopwatch.time(|| {
            let mut server = ServerConnection::new(Arc::clone(&self.server)).unwrap();
            let flight = server_step(&mut server, &hello);
            (server, flight)
        });
        let mut answer = client_step(&mut client, &flight);
        while !answer.is_empty() {
            let more = stopwatch.time(|| server_step(&mut server, &answer));
            answer = client_step(&mut client, &more);
        }
        let kind = match self.resumed {
            true => HandshakeKind::Resumed,
            false => HandshakeKind::Full,
        };
        assert_eq!(server.handshake_kind(), Some(kind));
        stopwatch.time(|| {
            let keys = server.export_keying_material([0_u8; 128], b"ttls keying material", None);
            black_box(keys.unwrap());
            drop(server);
        });
        stopwatch.micros(self.looking)
    }
}

fn server_step(server: &mut ServerConnection, mut message: &[u8]) -> Vec<u8> {
    while !message.is_empty() {
        server.read_tls(&mut message).unwrap();
        server.process_new_packets().unwrap();
    }
    written(|into| server.write_tls(into).map(|_| server.wants_write()))
}

fn client_step(client: &mut ClientConnection, mut message: &[u8]) -> Vec<u8> {
    while !message.is_empty() {
        client.read_tls(&mut message).unwrap();
        client.process_new_packets().unwrap();
    }
    written(|into| client.write_tls(into).map(|_| client.wants_write()))
}

fn written(mut write: impl FnMut(&mut Vec<u8>) -> std::io::Result<bool>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while write(&mut bytes).unwrap() {}
    bytes
}

/// As the product's: without ML-KEM, and of the cipher suites those first that hash with SHA-256.
fn provider() -> Arc<CryptoProvider> {
    let mut cipher_suites = aws_lc_rs::DEFAULT_CIPHER_SUITES.to_vec();
    cipher_suites.sort_by_key(|suite| format!("{:?}", suite.suite()).ends_with("SHA384"));
    Arc::new(CryptoProvider {
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
        cipher_suites,
        ..aws_lc_rs::default_provider()
    })
}

fn server(case: &Case<'_>, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(case.identity.chain_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(case.identity.key_pem.as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    config.ignore_client_order = true;
    if case.resumed {
        config.session_storage = ServerSessionMemoryCache::new(100);
        config.send_tls13_tickets = 1;
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Arc::new(config)
}

/// The devices of both sides choose X25519 first.
fn client(case: &Case<'_>, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(case.authority.certificate()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_sni = false;
    config.resumption = match case.resumed {
        true => Resumption::in_memory_sessions(8),
        false => Resumption::disabled(),
    };
    Arc::new(config)
}
