//! A device that speaks EAP-MSCHAPv2 or EAP-GTC without a tunnel, as within IKEv2.

use super::inner_eap::InnerEap;
use super::{FAILURE, IDENTITY, Outcome, REQUEST, SUCCESS, User, response};

/// One device, one conversation.
pub struct UntunnelledSupplicant {
    /// As in EAP-Response/Identity.
    identity: String,
    eap: InnerEap,
    outcome: Option<Outcome>,
}

impl UntunnelledSupplicant {
    /// A device that takes these method types alone, the first one first: 6 is EAP-GTC, 26
    /// EAP-MSCHAPv2. `identity` goes into EAP-Response/Identity, that of `user` into MS-CHAPv2.
    pub fn new(identity: &str, user: User, types: &[u8]) -> Self {
        UntunnelledSupplicant {
            identity: identity.to_owned(),
            eap: InnerEap::without_tls(user, types.to_vec()),
            outcome: None,
        }
    }

    /// Tries these passwords too if asked again.
    #[must_use]
    pub fn insisting(self, tries: Vec<String>) -> Self {
        UntunnelledSupplicant {
            eap: self.eap.insisting(tries, None),
            ..self
        }
    }

    /// EAP-Response/Identity.
    pub fn identity_response(&self, identifier: u8) -> Vec<u8> {
        response(identifier, IDENTITY, self.identity.as_bytes())
    }

    /// Takes a packet of the server; answers a request that it understands.
    pub fn handle(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (header, body) = packet.split_first_chunk::<4>()?;
        match (header[0], body) {
            (REQUEST, request) => {
                let answer = self.eap.answer(header[1], request)?;
                let (kind, data) = answer.split_first()?;
                Some(response(header[1], *kind, data))
            }
            (SUCCESS, []) if self.eap.is_content() => self.end(Outcome::Success),
            (FAILURE, []) => self.end(Outcome::Failure),
            _ => None,
        }
    }

    fn end(&mut self, outcome: Outcome) -> Option<Vec<u8>> {
        self.outcome = Some(outcome);
        None
    }

    /// The end, once it has come.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The Master Session Key as this end sees it: that of MS-CHAPv2 and zeros, or none.
    pub fn msk(&self) -> Option<[u8; 64]> {
        let key = self.eap.ms_chap_key()?;
        let mut msk = [0; 64];
        for (to, from) in msk.iter_mut().zip(key) {
            *to = from;
        }
        Some(msk)
    }
}
