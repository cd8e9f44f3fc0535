//! EAP-GTC (RFC 3748 §5.6) as devices use it in tunnels: a prompt out, the password back.

use super::{EapInside, InnerStep, PASSWORD_AT_MOST};
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::keys::InnerPassword;
use crate::packet::EapType;

/// Prompt that a device may show while it asks its user.
const PROMPT: &[u8] = b"Password: ";

/// One run of EAP-GTC. It says nothing after the verdict: the tunnel's method does.
pub(super) struct Gtc;

impl EapInside for Gtc {
    fn method(&self) -> InnerMethod {
        InnerMethod::EapGtc
    }

    fn start(&mut self, _identifier: u8) -> Vec<u8> {
        [&[EapType::GTC.0], PROMPT].concat()
    }

    fn handle(&mut self, identity: &[u8], type_data: &[u8]) -> InnerStep {
        if type_data.len() > PASSWORD_AT_MOST {
            return InnerStep::Failed(FailureCause::Inner(InnerError::CredentialTooLong));
        }
        InnerStep::Authenticate(InnerCredential::Password {
            identity: identity.to_vec(),
            password: InnerPassword::new(type_data.to_vec()),
        })
    }
}
