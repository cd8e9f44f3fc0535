//! EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2) and the messages of RFC 2759 that it shares with
//! MS-CHAPv2 in EAP-TTLS. The arithmetic is the caller's; here are only messages.
//!
//! ```text
//!   Challenge ──> Response ──> verdict ──> Success request ──> Success response ──> accepted
//!                    ^  Change-Password ┘ │
//!                    └─────────┴─── Failure request (R=1, or E=648) ──> Failure response ──> failed
//! ```
//!
//! ```text
//!   Type 26 | OpCode | MS-CHAPv2-ID | MS-Length (2) | data
//! ```

mod failure_message;

pub(crate) use failure_message::{Failure, message as failure_message};

use super::{EapInside, IDENTITY_AT_MOST, InnerStep};
use crate::acceptance::{Acceptance, MsChapV2Verdict};
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::inner_error::InnerError;
use crate::inner_method::InnerMethod;
use crate::ms_chap_v2_error::MsChapV2Error;
use crate::packet::EapType;
use crate::reader::{Reader, Short};
use crate::stage::Stage;
use crate::verdict::Verdict;

const CHALLENGE: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;
const CHANGE_PASSWORD: u8 = 7;

const CHALLENGE_OCTETS: u8 = 16;
/// Peer-Challenge, eight reserved octets, NT-Response, Flags.
const RESPONSE_OCTETS: u8 = 49;
/// OpCode, MS-CHAPv2-ID and MS-Length.
const HEADER_OCTETS: usize = 4;
/// How we call ourselves in the challenge. Devices do not show it.
const SERVER_NAME: &[u8] = b"portvakt";

/// One run of EAP-MSCHAPv2.
pub(crate) struct EapMsChapV2 {
    /// Challenge of the next response.
    challenge: [u8; 16],
    /// Named in a last failure message, where RFC 2759 §6 wants one that nobody will answer.
    spare_challenge: [u8; 16],
    identifier: u8,
    /// As in the last response.
    name: Vec<u8>,
    state: State,
}

enum State {
    ExpectResponse,
    /// A Response or a Failure response: whether there is another try is up to the peer.
    ExpectAnotherResponse,
    /// A Change-Password or a Failure response: whether it changes is up to the peer.
    ExpectChange,
    ExpectVerdict,
    ExpectSuccessResponse(Acceptance),
    ExpectFailureResponse,
    Finished,
}

impl EapMsChapV2 {
    /// Cuts the challenge, and the one that a last failure message names, from `seed`.
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let (mut challenge, mut spare_challenge) = ([0; 16], [0; 16]);
        let (front, back) = seed.split_at(16);
        challenge.copy_from_slice(front);
        spare_challenge.copy_from_slice(back);
        EapMsChapV2 {
            challenge,
            spare_challenge,
            identifier: 0,
            name: Vec::new(),
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
                self.identifier = response.identifier;
                self.name = without_domain(response.name).to_vec();
                InnerStep::Authenticate(InnerCredential::MsChapV2 {
                    identity: identity.to_vec(),
                    name: self.name.clone(),
                    authenticator_challenge: self.challenge,
                    peer_challenge: response.peer_challenge,
                    nt_response: response.nt_response,
                })
            }
            Ok(_) => InnerStep::Failed(FailureCause::Inner(InnerError::CredentialTooLong)),
            Err(Short) => InnerStep::Failed(FailureCause::Inner(InnerError::MsChapV2)),
        }
    }

    fn handle_change(&mut self, identity: &[u8], type_data: &[u8]) -> InnerStep {
        match Change::read(type_data) {
            Ok(change) => {
                self.state = State::ExpectVerdict;
                self.identifier = change.identifier;
                InnerStep::Authenticate(InnerCredential::MsChapV2Change {
                    identity: identity.to_vec(),
                    name: self.name.clone(),
                    authenticator_challenge: self.challenge,
                    peer_challenge: change.peer_challenge,
                    nt_response: change.nt_response,
                    encrypted_password: change.encrypted_password,
                    encrypted_hash: change.encrypted_hash,
                })
            }
            Err(Short) => InnerStep::Failed(FailureCause::Inner(InnerError::MsChapV2)),
        }
    }

    fn succeed(&mut self, authenticator_response: &[u8; 42], acceptance: Acceptance) -> InnerStep {
        self.state = State::ExpectSuccessResponse(acceptance);
        let message = [authenticator_response, b" M=OK".as_slice()].concat();
        InnerStep::Request(self.request(SUCCESS, &message))
    }

    fn refuse(&mut self, error: MsChapV2Error) -> InnerStep {
        self.state = State::ExpectFailureResponse;
        self.say_failure(Failure::last(error, &self.spare_challenge))
    }

    fn ask_again(&mut self, challenge: [u8; 16]) -> InnerStep {
        self.challenge = challenge;
        self.state = State::ExpectAnotherResponse;
        self.say_failure(Failure::retry(&challenge))
    }

    fn offer_change(&mut self, challenge: [u8; 16]) -> InnerStep {
        self.challenge = challenge;
        self.state = State::ExpectChange;
        self.say_failure(Failure::last(MsChapV2Error::PasswordExpired, &challenge))
    }

    fn say_failure(&self, failure: Failure<'_>) -> InnerStep {
        InnerStep::Request(self.request(FAILURE, &failure_message(failure)))
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
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, type_data.first()) {
            (State::ExpectFailureResponse, _)
            | (State::ExpectAnotherResponse | State::ExpectChange, Some(&FAILURE)) => {
                InnerStep::Failed(FailureCause::Refused)
            }
            (State::ExpectResponse | State::ExpectAnotherResponse, _) => {
                self.handle_response(identity, type_data)
            }
            (State::ExpectChange, _) => self.handle_change(identity, type_data),
            (State::ExpectSuccessResponse(acceptance), Some(&SUCCESS))
                if is_bare_or_whole(type_data) =>
            {
                InnerStep::Accepted(acceptance)
            }
            (State::ExpectSuccessResponse(_), Some(&FAILURE)) => {
                InnerStep::Failed(FailureCause::ServerDoubted)
            }
            (State::ExpectSuccessResponse(_), _) => {
                InnerStep::Failed(FailureCause::Inner(InnerError::MsChapV2))
            }
            (State::ExpectVerdict | State::Finished, _) => {
                InnerStep::Failed(FailureCause::Internal)
            }
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
            MsChapV2Verdict::Accepted(response, acceptance) => self.succeed(&response, acceptance),
            MsChapV2Verdict::Refused(error) => self.refuse(error),
            MsChapV2Verdict::Retry(challenge) => self.ask_again(challenge),
            MsChapV2Verdict::ChangePassword(challenge) => self.offer_change(challenge),
            MsChapV2Verdict::Misfit => InnerStep::Failed(FailureCause::Internal),
        }
    }
}

/// OpCode and MS-CHAPv2-ID. MS-Length is that of the whole message, or there is none to be read.
fn read_header(reader: &mut Reader<'_>) -> Result<(u8, u8), Short> {
    let whole = reader.rest().len();
    let (code, identifier, length) = (reader.u8()?, reader.u8()?, reader.u16()?);
    match usize::from(length) == whole {
        true => Ok((code, identifier)),
        false => Err(Short),
    }
}

/// A Success response is its OpCode; some clients send the rest of a header behind it.
fn is_bare_or_whole(type_data: &[u8]) -> bool {
    let mut reader = Reader::new(type_data);
    type_data.len() == 1 || read_header(&mut reader).is_ok() && reader.is_empty()
}

/// Response of the peer to the challenge.
struct Response<'a> {
    identifier: u8,
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
    name: &'a [u8],
}

impl<'a> Response<'a> {
    /// MS-CHAPv2-ID repeats what is known, and clients get it wrong.
    fn read(type_data: &'a [u8]) -> Result<Self, Short> {
        let mut reader = Reader::new(type_data);
        let (code, identifier) = read_header(&mut reader)?;
        if code != RESPONSE || reader.u8()? != RESPONSE_OCTETS {
            return Err(Short);
        }
        let peer_challenge = reader.array()?;
        let _reserved = reader.take(8)?;
        let nt_response = reader.array()?;
        let _flags = reader.u8()?;
        Ok(Response {
            identifier,
            peer_challenge,
            nt_response,
            name: reader.rest(),
        })
    }
}

/// Change-Password packet (RFC 2759 §7): 586 octets with the header.
struct Change {
    identifier: u8,
    encrypted_password: Box<[u8; 516]>,
    encrypted_hash: [u8; 16],
    peer_challenge: [u8; 16],
    nt_response: [u8; 24],
}

impl Change {
    fn read(type_data: &[u8]) -> Result<Self, Short> {
        let mut reader = Reader::new(type_data);
        let (code, identifier) = read_header(&mut reader)?;
        let encrypted_password = Box::new(reader.array()?);
        let (encrypted_hash, peer_challenge) = (reader.array()?, reader.array()?);
        let _reserved = reader.take(8)?;
        let nt_response = reader.array()?;
        let _flags = reader.u16()?;
        if code != CHANGE_PASSWORD || !reader.is_empty() {
            return Err(Short);
        }
        Ok(Change {
            identifier,
            encrypted_password,
            encrypted_hash,
            peer_challenge,
            nt_response,
        })
    }
}

/// RFC 2759 §4: the user name without the Windows domain goes into the challenge hash.
pub(crate) fn without_domain(name: &[u8]) -> &[u8] {
    let mut parts = name.splitn(2, |octet| *octet == b'\\');
    let whole = parts.next().unwrap_or_default();
    parts.next().unwrap_or(whole)
}

#[cfg(test)]
mod tests;
