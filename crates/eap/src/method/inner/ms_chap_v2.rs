//! EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2) and the messages of RFC 2759 that it shares with
//! MS-CHAPv2 in EAP-TTLS. The arithmetic is the accounts'; here are only messages.
//!
//! ```text
//!   Challenge ──> Response ──> verdict ──> Success request ──> Success response ──> accepted
//!                                     └──> Failure request ──> (anything) ──────> failed
//! ```
//!
//! ```text
//!   Type 26 | OpCode | MS-CHAPv2-ID | MS-Length (2) | data
//! ```

use super::{EapInside, IDENTITY_AT_MOST, InnerError, InnerMethod, InnerStep};
use crate::conversation::{Acceptance, FailureCause, InnerCredential, Stage, Verdict};
use crate::packet::EapType;
use crate::reader::{Reader, Short};

const CHALLENGE: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;

const CHALLENGE_OCTETS: u8 = 16;
/// Peer-Challenge, eight reserved octets, NT-Response, Flags.
const RESPONSE_OCTETS: u8 = 49;
/// OpCode, MS-CHAPv2-ID and MS-Length.
const HEADER_OCTETS: usize = 4;
/// How we call ourselves in the challenge. Devices do not show it.
const SERVER_NAME: &[u8] = b"portvakt";

/// One run of EAP-MSCHAPv2.
pub(super) struct EapMsChapV2 {
    challenge: [u8; 16],
    next_challenge: [u8; 16],
    identifier: u8,
    state: State,
}

enum State {
    ExpectResponse,
    ExpectVerdict,
    ExpectSuccessResponse(Acceptance),
    ExpectFailureResponse,
    Finished,
}

impl EapMsChapV2 {
    /// Cuts the challenge, and the one that a failure message names, from `seed`.
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let (mut challenge, mut next_challenge) = ([0; 16], [0; 16]);
        let (front, back) = seed.split_at(16);
        challenge.copy_from_slice(front);
        next_challenge.copy_from_slice(back);
        EapMsChapV2 {
            challenge,
            next_challenge,
            identifier: 0,
            state: State::ExpectResponse,
        }
    }

    fn request(&self, code: u8, data: &[u8]) -> Vec<u8> {
        let [.., high, low] = (HEADER_OCTETS + data.len()).to_be_bytes();
        let header = [EapType::MS_CHAP_V2.0, code, self.identifier, high, low];
        [&header, data].concat()
    }

    fn handle_response(&mut self, identity: &[u8], type_data: &[u8]) -> InnerStep {
        match Response::read(type_data) {
            Ok(response) if response.name.len() <= IDENTITY_AT_MOST => {
                self.state = State::ExpectVerdict;
                InnerStep::Prove(InnerCredential::MsChapV2 {
                    identity: identity.to_vec(),
                    name: without_domain(response.name).to_vec(),
                    authenticator_challenge: self.challenge,
                    peer_challenge: response.peer_challenge,
                    nt_response: response.nt_response,
                })
            }
            Ok(_) => InnerStep::Failed(FailureCause::Inner(InnerError::CredentialTooLong)),
            Err(Short) => InnerStep::Failed(FailureCause::Inner(InnerError::MsChapV2)),
        }
    }

    fn succeed(&mut self, authenticator_response: &[u8; 42], acceptance: Acceptance) -> InnerStep {
        self.state = State::ExpectSuccessResponse(acceptance);
        let message = [authenticator_response, b" M=OK".as_slice()].concat();
        InnerStep::Request(self.request(SUCCESS, &message))
    }

    fn refuse(&mut self) -> InnerStep {
        self.state = State::ExpectFailureResponse;
        let message = failure_message(&self.next_challenge);
        InnerStep::Request(self.request(FAILURE, &message))
    }
}

impl EapInside for EapMsChapV2 {
    fn method(&self) -> InnerMethod {
        InnerMethod::EapMsChapV2
    }

    fn start(&mut self, identifier: u8) -> Vec<u8> {
        self.identifier = identifier;
        let value = [&[CHALLENGE_OCTETS], self.challenge.as_slice(), SERVER_NAME].concat();
        self.request(CHALLENGE, &value)
    }

    fn handle(&mut self, identity: &[u8], type_data: &[u8]) -> InnerStep {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::ExpectResponse => self.handle_response(identity, type_data),
            State::ExpectSuccessResponse(acceptance) => match type_data.first() {
                Some(&SUCCESS) => InnerStep::Accepted(acceptance),
                Some(&FAILURE) => InnerStep::Failed(FailureCause::ServerDoubted),
                _ => InnerStep::Failed(FailureCause::Inner(InnerError::MsChapV2)),
            },
            State::ExpectFailureResponse => InnerStep::Failed(FailureCause::Refused),
            State::ExpectVerdict | State::Finished => InnerStep::Failed(FailureCause::Internal),
        }
    }

    fn stage(&self) -> Option<Stage> {
        match self.state {
            State::ExpectSuccessResponse(_) => Some(Stage::SuccessIndication),
            State::ExpectFailureResponse => Some(Stage::FailureIndication),
            _ => None,
        }
    }

    fn failure(&self) -> Option<FailureCause> {
        matches!(self.state, State::ExpectFailureResponse).then_some(FailureCause::Refused)
    }

    fn handle_verdict(&mut self, verdict: Verdict) -> InnerStep {
        match verdict.into_ms_chap_v2() {
            Ok((response, acceptance)) => self.succeed(&response, acceptance),
            Err(FailureCause::Refused) => self.refuse(),
            Err(cause) => InnerStep::Failed(cause),
        }
    }
}

/// What the peer answers to the challenge.
struct Response<'a> {
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
    name: &'a [u8],
}

impl<'a> Response<'a> {
    /// MS-CHAPv2-ID and MS-Length repeat what is known, and clients get them wrong.
    fn read(type_data: &'a [u8]) -> Result<Self, Short> {
        let mut reader = Reader::new(type_data);
        let (code, _identifier, _length) = (reader.u8()?, reader.u8()?, reader.u16()?);
        if code != RESPONSE || reader.u8()? != RESPONSE_OCTETS {
            return Err(Short);
        }
        let peer_challenge = reader.array()?;
        let _reserved = reader.take(8)?;
        let nt_response = reader.array()?;
        let _flags = reader.u8()?;
        Ok(Response {
            peer_challenge,
            nt_response,
            name: reader.rest(),
        })
    }
}

/// RFC 2759 §4: the user name without the Windows domain goes into the challenge hash.
pub(crate) fn without_domain(name: &[u8]) -> &[u8] {
    let mut parts = name.splitn(2, |octet| *octet == b'\\');
    let whole = parts.next().unwrap_or_default();
    parts.next().unwrap_or(whole)
}

/// RFC 2759 §6: authentication failed, no retry. It is the same whatever the reason was (I6).
pub(crate) fn failure_message(challenge: &[u8; 16]) -> Vec<u8> {
    let digits: String = challenge
        .iter()
        .map(|octet| format!("{octet:02X}"))
        .collect();
    format!("E=691 R=0 C={digits} V=3 M=Authentication failed").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{failure_message, without_domain};

    #[test]
    fn a_windows_domain_stays_out_of_the_challenge_hash() {
        for (name, expected) in [
            ("user", "user"),
            ("DOMAIN\\user", "user"),
            ("DOMAIN\\a\\b", "a\\b"),
            ("\\", ""),
            ("user@campus.example", "user@campus.example"),
        ] {
            assert_eq!(without_domain(name.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn the_failure_message_is_that_of_rfc_2759() {
        let expected = "E=691 R=0 C=ABABABABABABABABABABABABABABABAB V=3 M=Authentication failed";
        assert_eq!(failure_message(&[0xab; 16]), expected.as_bytes());
    }
}
