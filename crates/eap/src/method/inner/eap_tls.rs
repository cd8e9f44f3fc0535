//! EAP-TLS inside a tunnel: a second handshake in the first, which hides even who the device is.
//!
//! It is EAP-TLS (`method/tls.rs`) but for where its messages go, and that no session of its own is
//! kept: what comes back resumes the tunnel around it.

use super::{EapInside, InnerStep};
use crate::failure::FailureCause;
use crate::fragments;
use crate::inner_method::InnerMethod;
use crate::keys::{InnerKey, Keys};
use crate::limits::Limits;
use crate::method::Method;
use crate::method::tls::{Tls, TlsStep};
use crate::packet::EapType;
use crate::stage::Stage;
use crate::tls::MethodTls;
use crate::verdict::Verdict;
use std::sync::Arc;

/// Octets that the tunnel adds to an inner packet, so that both fit into one outer packet: type and
/// Flags of the outer method, a TLS record, an AVP with its padding.
const WRAPPING_OCTETS: usize = 48;

/// One run of EAP-TLS in a tunnel.
pub(super) struct EapTls {
    tls: Tls,
    limits: Limits,
}

impl EapTls {
    /// `limits` are those of the packets outside.
    pub(super) fn new(tls: Arc<MethodTls>, limits: Limits) -> Self {
        EapTls {
            tls: Tls::new(tls),
            limits: Limits {
                eap_octets: limits.octets().saturating_sub(WRAPPING_OCTETS),
            },
        }
    }

    fn follow(&self, step: TlsStep) -> InnerStep {
        match step {
            TlsStep::Request(type_data) => InnerStep::Request(with_type(type_data)),
            TlsStep::Authenticate(credential) => InnerStep::Authenticate(credential),
            TlsStep::Accepted(acceptance, keys) => {
                let certificates = self.tls.certificates();
                InnerStep::Accepted(acceptance.of_certificate(inner_key(&keys), certificates))
            }
            // It keeps no sessions, the tunnel does.
            TlsStep::Find(_) => InnerStep::Failed(FailureCause::Internal),
            TlsStep::Failed(cause) => InnerStep::Failed(cause),
        }
    }
}

impl EapInside for EapTls {
    fn method(&self) -> InnerMethod {
        InnerMethod::EapTls
    }

    fn start(&mut self, _identifier: u8) -> Vec<u8> {
        with_type(fragments::write_start(0))
    }

    /// The device's Identity proves nothing, and its certificate says more.
    fn handle(&mut self, _identity: &[u8], type_data: &[u8]) -> InnerStep {
        let step = self.tls.advance(type_data, self.limits);
        self.follow(step)
    }

    fn handle_verdict(&mut self, verdict: Verdict) -> InnerStep {
        let step = self.tls.conclude(verdict, self.limits);
        self.follow(step)
    }

    fn stage(&self) -> Option<Stage> {
        Some(self.tls.stage())
    }

    fn failure(&self) -> Option<FailureCause> {
        self.tls.failure()
    }
}

fn with_type(type_data: Vec<u8>) -> Vec<u8> {
    [&[EapType::TLS.0], type_data.as_slice()].concat()
}

/// The first half of the MSK ([MS-PEAP] §3.1.5.5.2.1).
fn inner_key(keys: &Keys) -> InnerKey {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(&keys.msk) {
        *to = *from;
    }
    InnerKey::new(key)
}
