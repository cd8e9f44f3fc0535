//! A supplicant and a conversation, passed from hand to hand until one of them ends.

use super::{Pace, Supplicant};
use portvakt_eap::{
    Conversation, EapError, FailureCause, InnerCredential, Keys, Limits, Methods, SessionId, Step,
    Verdict,
};

/// How a whole conversation went, seen from the server.
#[derive(Debug)]
pub struct Ending {
    /// Access-Requests that the server saw.
    pub round_trips: usize,
    /// Keys, or the cause of the failure; `None` where the supplicant fell silent.
    pub result: Option<Result<Keys, FailureCause>>,
    /// The conversation, for its stage and method.
    pub conversation: Conversation,
    /// When each message left.
    pub pace: Pace,
}

/// Lets both talk; `accounts` answers what the server asks about a password.
///
/// # Errors
/// The server's complaint about a packet of this supplicant.
pub fn converse(
    methods: &Methods,
    supplicant: &mut Supplicant,
    limits: Limits,
    mut accounts: impl FnMut(&[u8], &[u8]) -> Verdict,
) -> Result<Ending, EapError> {
    converse_with(methods, supplicant, limits, |credential| match credential {
        InnerCredential::Password { identity, password } => accounts(identity, password.as_bytes()),
        _ => Verdict::Refused,
    })
}

/// The same, whatever is offered as proof.
///
/// # Errors
/// The server's complaint about a packet of this supplicant.
pub fn converse_with(
    methods: &Methods,
    supplicant: &mut Supplicant,
    limits: Limits,
    mut accounts: impl FnMut(&InnerCredential) -> Verdict,
) -> Result<Ending, EapError> {
    converse_within(methods, supplicant, limits, |_, credential| {
        accounts(credential)
    })
}

/// The same; `accounts` may have the conversation remembered.
///
/// # Errors
/// The server's complaint about a packet of this supplicant.
pub fn converse_within(
    methods: &Methods,
    supplicant: &mut Supplicant,
    limits: Limits,
    accounts: impl FnMut(&mut Conversation, &InnerCredential) -> Verdict,
) -> Result<Ending, EapError> {
    converse_searching(methods, supplicant, limits, accounts, |_| false)
}

/// The same; `search` has a session adopted that is not in memory, and says whether it was.
///
/// # Errors
/// The server's complaint about a packet of this supplicant.
pub fn converse_searching(
    methods: &Methods,
    supplicant: &mut Supplicant,
    limits: Limits,
    mut accounts: impl FnMut(&mut Conversation, &InnerCredential) -> Verdict,
    mut search: impl FnMut(SessionId) -> bool,
) -> Result<Ending, EapError> {
    let identity = supplicant.identity_response(7);
    let (mut conversation, mut step) = Conversation::start(methods, &identity)?;
    let mut round_trips = 1;
    let mut pace = Pace::default();
    let result = loop {
        match step {
            Step::Request(request) => {
                pace.request(&request);
                let Some(response) = supplicant.handle(&request) else {
                    break None;
                };
                round_trips += 1;
                step = conversation.handle_response(&response, limits)?;
            }
            Step::Authenticate(credential) => {
                let verdict = accounts(&mut conversation, &credential);
                pace.judged(&verdict);
                step = conversation.handle_verdict(verdict, limits)?;
            }
            Step::FindSession(id) => {
                step = conversation.handle_search(search(id), limits)?;
            }
            Step::Success { packet, keys } => {
                supplicant.handle(&packet);
                // What this device speaks has keys.
                break keys.map(Ok);
            }
            Step::Failure { packet, cause } => {
                pace.failure(&packet);
                supplicant.handle(&packet);
                break Some(Err(cause));
            }
        }
    };
    Ok(Ending {
        round_trips,
        result,
        conversation,
        pace,
    })
}
