//! The plan that the options describe; reads the files they name.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use portvakt_radius::{MessageAuthenticatorPolicy, SharedSecret};
use portvakt_supplicant::ClientIdentity;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Options, Tls, TlsVersion, Who};
use crate::error::LoadError;
use crate::plan::{Arrivals, Class, Phase, Plan, Proof, Retransmission};
use crate::scenario::Parameters;
use crate::tls::DeviceTls;
use crate::users::{self, User};

impl Options {
    pub(super) fn plan(&self) -> Result<Plan, LoadError> {
        let users = self.who.users()?;
        Ok(Plan {
            server: resolve(&self.server)?,
            source: self.network.source,
            ports: usize::from(self.network.ports),
            secret: self.shared_secret()?,
            policy: match self.network.legacy_message_authenticator_optional {
                true => MessageAuthenticatorPolicy::LegacyOptional,
                false => MessageAuthenticatorPolicy::Required,
            },
            phases: self.phases(users.len()),
            users,
            outer_identity: self.who.outer.clone(),
            tls: match self.method.is_eap() {
                true => self.tls.devices()?,
                false => None,
            },
            retransmission: Retransmission {
                first: self.network.patience,
                tries: self.network.tries.max(1),
            },
            threads: self.network.threads,
            server_pid: self.output.server_pid,
        })
    }

    fn shared_secret(&self) -> Result<SharedSecret, LoadError> {
        let octets = match (&self.secret, &self.secret_file) {
            (None, Some(path)) => read(path)?.trim_ascii_end().to_vec(),
            (secret, _) => secret.clone().unwrap_or_default().into_bytes(),
        };
        SharedSecret::new(&octets).map_err(|_| LoadError::EmptySecret)
    }

    fn phases(&self, users: usize) -> Vec<Phase> {
        let parameters = Parameters {
            method: self.method,
            rate: self.rate.unwrap_or(100.0),
            length: self.length,
            users,
            guesses: self.guesses,
        };
        if let Some(scenario) = self.scenario {
            return scenario.phases(&parameters);
        }
        let warm_up = self.resume.then(|| parameters.warm_up(0..users));
        let class = Class {
            label: "users",
            method: self.method,
            arrivals: match self.rate {
                Some(rate) => Arrivals::Rate(rate),
                None => Arrivals::InFlight(self.in_flight.unwrap_or(64)),
            },
            proof: Proof::Right,
            users: 0..users,
            resumes: self.resume,
            wrong_percent: self.wrong,
            count: self.count,
        };
        let measured = Phase {
            label: "load",
            length: self.length,
            classes: vec![class],
        };
        warm_up.into_iter().chain([measured]).collect()
    }
}

impl Who {
    fn users(&self) -> Result<Vec<User>, LoadError> {
        match &self.users {
            Some(file) => users::from_file(file),
            None => users::from_pattern(&self.name, &self.password, self.people),
        }
    }
}

impl Tls {
    fn devices(&self) -> Result<Option<DeviceTls>, LoadError> {
        let (Some(ca), Some(server_name)) = (&self.ca, &self.server_name) else {
            return Ok(None);
        };
        Ok(Some(DeviceTls {
            authority: read_pem(ca, CertificateDer::from_pem_slice)?,
            server_name: server_name.clone(),
            versions: match self.tls {
                TlsVersion::V12 => vec![&rustls::version::TLS12],
                TlsVersion::V13 => vec![&rustls::version::TLS13],
                TlsVersion::Both => vec![&rustls::version::TLS13, &rustls::version::TLS12],
            },
            certificate: self.client()?,
        }))
    }

    fn client(&self) -> Result<Option<ClientIdentity>, LoadError> {
        let (Some(chain), Some(key)) = (&self.client_certificate, &self.client_key) else {
            return Ok(None);
        };
        Ok(Some(ClientIdentity {
            chain: read_pem(chain, |text| CertificateDer::pem_slice_iter(text).collect())?,
            key: read_pem(key, PrivateKeyDer::from_pem_slice)?,
            chain_pem: String::new(),
            key_pem: String::new(),
        }))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|error| LoadError::Unreadable(path.to_owned(), error))
}

fn read_pem<T>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, pem::Error>,
) -> Result<T, LoadError> {
    parse(&read(path)?).map_err(|error| LoadError::Pem(path.to_owned(), error))
}

fn resolve(server: &str) -> Result<SocketAddr, LoadError> {
    let addresses = server.to_socket_addrs().ok();
    let first = addresses.and_then(|mut addresses| addresses.next());
    first.ok_or_else(|| LoadError::NoServer(server.to_owned()))
}
